import type { Adjustment, Line } from '#adjustment'
import { intOf, type Projection, put, type Row, type RowsReader, textOf } from '#eventstore/rows'
import { understood } from '#ledger/vocabulary'
import { formatAmount, minorUnits } from '#money'

/** What was put right by hand, what waits for a second person, and what was not to be. */

const putAdjustment = put('adjustment', 'adjustment')

export const adjustments: Projection = {
  name: 'adjustments',
  version: 1,
  tables: [
    {
      name: 'adjustment',
      key: ['adjustment'],
      columns: {
        adjustment: 'text',
        state: 'text',
        /** As JSON: they are shown together and searched by nobody. */
        lines: 'text',
        reason: 'text',
        proposed_by: 'text',
        proposed: 'text',
        decided_by: 'text',
        decided: 'text',
        why: 'text',
        index: 'int',
      },
      indexes: [['index'], ['state', 'index']],
    },
  ],
  wants: type => type.startsWith('Adjustment'),
  apply: (logged, look) => {
    const event = understood(logged)
    switch (event?.type) {
      case 'AdjustmentProposed': {
        const { adjustment, lines, operator, reason } = event.data
        const open = { state: 'proposed', decided_by: null, decided: null, why: null }
        const said = { adjustment, lines: JSON.stringify(lines), reason, proposed_by: operator, proposed: event.at }
        return [putAdjustment({ ...said, ...open, index: BigInt(event.index) })]
      }
      case 'AdjustmentApproved': {
        const row = look('adjustment', [event.data.adjustment])
        const decided = { state: 'approved', decided_by: event.data.operators[1], decided: event.at }
        return row ? [putAdjustment({ ...row, ...decided })] : []
      }
      case 'AdjustmentRejected': {
        const row = look('adjustment', [event.data.adjustment])
        const { operator, why } = event.data
        return row ? [putAdjustment({ ...row, state: 'rejected', decided_by: operator, decided: event.at, why })] : []
      }
      default:
        return []
    }
  },
}

/* -------------------------------------------------------------- questions */

export type AdjustmentAnswer = {
  readonly adjustment: string
  readonly state: Adjustment['state']
  readonly lines: readonly Line[]
  readonly reason: string
  readonly proposedBy: string
  readonly proposed: string
  readonly decidedBy?: string
  readonly decided?: string
  readonly why?: string
  readonly index: number
}

const answerOf = (row: Row): AdjustmentAnswer => ({
  adjustment: textOf(row, 'adjustment'),
  state: textOf(row, 'state') as Adjustment['state'],
  lines: (JSON.parse(textOf(row, 'lines')) as Line[]).map(({ amount, ...line }) => ({
    ...line,
    amount: formatAmount(minorUnits(amount), line.currency),
  })),
  reason: textOf(row, 'reason'),
  proposedBy: textOf(row, 'proposed_by'),
  proposed: textOf(row, 'proposed'),
  ...(row['decided_by'] === null ? {} : { decidedBy: textOf(row, 'decided_by'), decided: textOf(row, 'decided') }),
  ...(row['why'] === null ? {} : { why: textOf(row, 'why') }),
  index: Number(intOf(row, 'index')),
})

/** The newest first. `before` is a log index: the answer's last one asks for the next page. */
export const adjustmentList = async (
  rows: RowsReader,
  asked: { readonly state?: string; readonly before?: number; readonly limit?: number } = {},
): Promise<{ readonly adjustments: AdjustmentAnswer[]; readonly index: number }> => {
  const { state, before } = asked
  const where = {
    ...(state === undefined ? {} : { state }),
    ...(before === undefined ? {} : { index: { below: BigInt(before) } }),
  }
  const order = [['index', 'down']] as const
  const found = await rows.select(adjustments, 'adjustment', { where, order, limit: asked.limit ?? 100 })
  return { adjustments: found.map(answerOf), index: (await rows.checkpoint(adjustments)) - 1 }
}

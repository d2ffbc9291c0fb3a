import { intOf, type Projection, put, type RowsReader, textOf } from '#eventstore/rows'
import { understood } from '#ledger/vocabulary'
import { formatAmount, minorUnits } from '#money'

/** What someone must look at. */

const putException = put('exception', 'key')

export const exceptions: Projection = {
  name: 'exceptions',
  version: 2,
  tables: [
    {
      name: 'exception',
      key: ['key'],
      columns: {
        key: 'text',
        kind: 'text',
        amount: 'int',
        currency: 'text',
        concerns: 'text',
        message: 'text',
        raised: 'text',
        index: 'int',
        /** `open` until what was missing has come. */
        state: 'text',
        resolved: 'text',
        why: 'text',
      },
      indexes: [['index'], ['state', 'index']],
    },
  ],
  wants: type => type === 'ExceptionRaised' || type === 'ExceptionResolved',
  apply: (logged, look) => {
    const event = understood(logged)
    if (event?.type === 'ExceptionResolved') {
      const raised = look('exception', [event.data.key])
      return raised ? [putException({ ...raised, state: 'resolved', resolved: event.at, why: event.data.why })] : []
    }
    if (event?.type !== 'ExceptionRaised') return []
    const { key, kind, amount, currency, concerns, message } = event.data
    const about = { key, kind, amount: minorUnits(amount), currency, concerns: concerns.join('\n'), message }
    const open = { state: 'open', resolved: null, why: null }
    return [putException({ ...about, raised: event.at, index: BigInt(event.index), ...open })]
  },
}

/* -------------------------------------------------------------- questions */

export type ExceptionAnswer = {
  readonly key: string
  readonly kind: string
  readonly amount: string
  readonly currency: string
  readonly concerns: string[]
  readonly message: string
  readonly raised: string
  readonly index: number
  readonly state: 'open' | 'resolved'
  /** When and why nobody need look at it any more. */
  readonly resolved: string | null
  readonly why: string | null
}

/** The newest first. */
export const exceptionList = async (
  rows: RowsReader,
  asked: {
    readonly before?: number | undefined
    readonly limit?: number
    readonly state?: 'open' | 'resolved' | undefined
  } = {},
): Promise<{ readonly exceptions: ExceptionAnswer[]; readonly index: number }> => {
  const where = {
    ...(asked.before === undefined ? {} : { index: { below: BigInt(asked.before) } }),
    ...(asked.state === undefined ? {} : { state: asked.state }),
  }
  const order = [['index', 'down']] as const
  const found = await rows.select(exceptions, 'exception', { where, order, limit: asked.limit ?? 100 })
  return {
    exceptions: found.map(row => {
      const currency = textOf(row, 'currency')
      return {
        key: textOf(row, 'key'),
        kind: textOf(row, 'kind'),
        amount: formatAmount(intOf(row, 'amount'), currency),
        currency,
        concerns: textOf(row, 'concerns').split('\n'),
        message: textOf(row, 'message'),
        raised: textOf(row, 'raised'),
        index: Number(intOf(row, 'index')),
        state: textOf(row, 'state') === 'open' ? ('open' as const) : ('resolved' as const),
        resolved: row['resolved'] === null ? null : textOf(row, 'resolved'),
        why: row['why'] === null ? null : textOf(row, 'why'),
      }
    }),
    index: (await rows.checkpoint(exceptions)) - 1,
  }
}

/** Those that somebody must look at still. */
export const exceptionCount = async (rows: RowsReader): Promise<number> => {
  const [open] = await rows.sums(exceptions, 'exception', { column: 'index', by: [], where: { state: 'open' } })
  return Number(open?.['count'] ?? 0n)
}

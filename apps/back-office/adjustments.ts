import {
  type Adjustment,
  type AdjustmentCommand,
  adjustment as adjustmentDecider,
  adjustmentWords,
  type Line,
} from '#adjustment'
import type { Refusal } from '#canonical/decider'
import { run } from '#cqrs/run'
import { readStream } from '#eventstore'
import { readKnown } from '#evidence/held'
import type { Office, Settled } from './office.ts'
import { personOf, type SecondPerson } from './second-person.ts'

/** The book put right by hand: proposed by one person, approved by another. */
export const adjustments = ({ store, runner, mint, actOf }: Office, settled: Settled, { hindered }: SecondPerson) => {
  const order = async (command: AdjustmentCommand, by: string, state: Adjustment['state']) => {
    const { adjustment } = command
    const stream = `adjustment-${adjustment}`
    const ran = await run(runner, adjustmentDecider, adjustmentWords, stream, command, actOf(by))
    return settled(ran, { adjustment, state })
  }

  /** What a posting names must be there: a slip of the pen would else open an account of nobody. */
  const nobody = async (lines: readonly Line[]): Promise<Refusal | undefined> => {
    for (const { account } of lines) {
      const [, kind, id] = /^(payer|merchant):(.+)$/s.exec(account) ?? []
      if (kind === undefined || id === undefined) continue
      const stream = kind === 'payer' ? `account-${id}` : `merchant-${id}`
      if ((await readStream(store, stream)).length > 0) continue
      return kind === 'payer'
        ? { reason: 'AccountUnknown', message: `No account ${id} was opened: look at its id.`, account: id }
        : { reason: 'MerchantUnknown', message: `No merchant ${id} was opened: look at its id.`, merchant: id }
    }
    return undefined
  }

  return {
    proposeAdjustment: async (asked: {
      readonly adjustment?: string | undefined
      readonly lines: readonly Line[]
      readonly reason: string
      readonly by: string
    }) => {
      const { adjustment = mint(), lines, reason, by } = asked
      const wrong = await nobody(lines)
      if (wrong) return wrong
      const command = { type: 'ProposeAdjustment' as const, adjustment, lines, operator: personOf(by), reason }
      return order(command, by, 'proposed')
    },
    approveAdjustment: async ({ adjustment, by }: { readonly adjustment: string; readonly by: string }) => {
      const { events } = await readKnown(store, `adjustment-${adjustment}`, adjustmentWords)
      const proposed = events.find(event => event.type === 'AdjustmentProposed')?.data
      const tooNew = await hindered(by, proposed?.operator)
      return tooNew ?? order({ type: 'ApproveAdjustment', adjustment, operator: personOf(by) }, by, 'approved')
    },
    rejectAdjustment: ({
      adjustment,
      why,
      by,
    }: {
      readonly adjustment: string
      readonly why: string
      readonly by: string
    }) => order({ type: 'RejectAdjustment', adjustment, operator: personOf(by), why }, by, 'rejected'),
  }
}

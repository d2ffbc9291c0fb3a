import { isRefusal, type Refusal } from '#canonical/decider'
import { run } from '#cqrs/run'
import { formatAmount, minorUnits } from '#money'
import { quarantineWords } from '#sync/events'
import { quarantine, quarantineMax, waitingIn } from '#sync/quarantine'
import type { Intake } from './intake.ts'
import type { Office, Settled } from './office.ts'
import { quarantines } from './quarantine.ts'

/** What an operator does with a batch in quarantine: looks at it, has it taken in anew, or rejects it for good. */

type Decided = { readonly terminal: string; readonly batch: string; readonly reason: string; readonly by: string }

export const releases = (
  { store, crypto, runner, reactorSalt, now, actOf }: Office,
  takeIn: Intake,
  settled: Settled,
  taken: () => void,
) => {
  const kept = quarantines({ store, crypto, salt: reactorSalt }, now)
  const turns = new Map<string, Promise<unknown>>()
  /** One decision on a terminal's batches at a time: what is being taken in cannot be rejected meanwhile. */
  const inTurn = <Answer>(terminal: string, decision: () => Promise<Answer>): Promise<Answer> => {
    const mine = (turns.get(terminal) ?? Promise.resolve()).catch(() => {}).then(decision)
    turns.set(terminal, mine)
    return mine
  }

  const quarantineOf = async (terminal: string) => {
    const { state, events } = await kept.read(terminal)
    const decisions = new Map(
      events.flatMap(({ type, data, by, at }) =>
        type === 'BatchQuarantined' ? [] : [[data.batch, { by, at, reason: data.reason }] as const],
      ),
    )
    const waiting = waitingIn(state)
    return {
      terminal,
      batches: [...state.batches.values()]
        // One that came again with more behind it is decided, and shown, as the longer one.
        .filter(({ standing }) => standing !== 'continued')
        .map(({ statement: _, sales, ...each }) => ({
          ...each,
          sales: sales.map(sold => ({ ...sold, sum: formatAmount(minorUnits(sold.sum), sold.currency) })),
          decided: decisions.get(each.batch) ?? null,
        }))
        .sort((a, b) => Number(b.standing === 'kept') - Number(a.standing === 'kept') || a.from - b.from),
      waiting: { batches: waiting.kept.length, octets: waiting.octets },
      max: quarantineMax,
    }
  }

  const quarantinedBatch = async (terminal: string, batch: string) => {
    const { state } = await kept.read(terminal)
    const held = state.batches.get(batch)
    const body = await kept.bodyOf(batch, state)
    return held && body ? { terminal, ...held, events: body.events } : unknown(terminal, batch)
  }

  const decide = async (command: 'Release' | 'Reject', { terminal, batch, reason, by }: Decided) => {
    const order = { type: command, terminal, batch, reason }
    const ran = await run(runner, quarantine, quarantineWords, `quarantine-${terminal}`, order, actOf(by))
    return settled(ran, { terminal, batch, standing: command === 'Release' ? 'released' : 'rejected' })
  }

  const releaseBatch = (asked: Decided) =>
    inTurn(asked.terminal, async () => {
      const { terminal, batch, reason } = asked
      const { state } = await kept.read(terminal)
      const allowed = quarantine.decide({ type: 'Release', terminal, batch, reason }, state)
      if (isRefusal(allowed)) return allowed
      const body = await kept.bodyOf(batch, state)
      if (!body) return unknown(terminal, batch)
      // Taken in first, and then said: a crash between the two leaves it waiting, and to be released again.
      const answer = await takeIn(terminal, body, 'released')
      if (isRefusal(answer))
        return { ...answer, message: `${answer.message} The batch stays in quarantine.`, quarantined: batch }
      taken()
      return decide('Release', asked)
    })

  const rejectBatch = (asked: Decided) => inTurn(asked.terminal, () => decide('Reject', asked))

  return { quarantineOf, quarantinedBatch, releaseBatch, rejectBatch }
}

const unknown = (terminal: string, batch: string): Refusal => ({
  reason: 'BatchUnknown',
  message: `No batch ${batch.slice(0, 12)}… of ${terminal} is in quarantine: the terminal's page lists those that are.`,
  terminal,
  batch,
})

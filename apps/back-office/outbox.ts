import type { Clock } from '#canonical/clock'
import { isRefusal } from '#canonical/decider'
import { run } from '#cqrs/run'
import type { Rows } from '#eventstore/rows'
import { dueEntries, type OutboxEntry, outboxCounts } from '#projections/outbox'
import { type DeliveryCommand, delivery, deliveryWords } from '#upkeep/delivery'
import { iso, type Office } from './office.ts'

/**
 * The worker that carries out what leaves the house. It leases an entry in the log before it sends it, so that of two
 * nodes one does; it sends each at least once, and always under the entry's own id.
 */

/** Longer than any sending may take. */
const lease_ms = 30_000
/** After a week it is no news; the exceptions' list has it still. A webhook that is set later begins there. */
const tellFor_ms = 7 * 86_400_000
const atOnce = 4
const look_ms = 1_000

/** Throws where it is not certain that the entry has arrived. */
export type Send = (entry: OutboxEntry) => Promise<void>

export const outboxWorker = (
  { runner, mint, actOf }: Office,
  rows: Rows,
  clock: Clock,
  sleep: (wait_ms: number, signal: AbortSignal) => Promise<void>,
  send: Send,
  onFault: (message: string) => void,
) => {
  /** One process is one worker: another start is another one. */
  const worker = mint()
  const since = (): string => iso(clock.now() - tellFor_ms)

  const note = (command: DeliveryCommand) =>
    run(runner, delivery, deliveryWords, `delivery-${command.entry}`, command, actOf(`outbox:${worker}`))

  /** True where it was ours to send. */
  const carry = async (due: OutboxEntry): Promise<boolean> => {
    const { entry } = due
    const of = { entry, worker }
    const now = clock.now()
    const leased = await note({ type: 'LeaseDelivery', ...of, at: iso(now), until: iso(now + lease_ms) })
    // The rows may be behind the log: another worker has it, or had.
    if (isRefusal(leased)) return false
    try {
      await send(due)
    } catch (error) {
      await note({ type: 'NoteFailed', ...of, at: iso(clock.now()), why: (error as Error).message })
      return true
    }
    await note({ type: 'NoteDelivered', ...of })
    return true
  }

  /** Sends what is due now; says how many entries it tried. */
  const deliver = async (): Promise<number> => {
    const due = await dueEntries(rows, { now: iso(clock.now()), since: since(), limit: atOnce })
    const tried = await Promise.all(due.map(carry))
    return tried.filter(Boolean).length
  }

  return {
    deliver,
    counts: () => outboxCounts(rows, since()),
    run: async (signal: AbortSignal): Promise<void> => {
      while (!signal.aborted) {
        const tried = await deliver().catch((error: unknown) => {
          onFault(`What leaves the house was not looked at: ${(error as Error).message}`)
          return 0
        })
        if (tried < atOnce && !signal.aborted) await sleep(look_ms, signal)
      }
    },
  }
}

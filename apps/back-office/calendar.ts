import { decreeWords } from '#account/decrees'
import type { Clock } from '#canonical/clock'
import { chain, type Event, trustEvent, upcast, type WrittenEvent } from '#canonical/event'
import { nameId } from '#canonical/ids'
import { readLast, WrongExpectedRevision } from '#eventstore'
import { NewerThanKnown } from '#evidence/held'
import { iso, type Office } from './office.ts'

/**
 * Time is an event: `calendar` strikes each full hour once, whoever of the nodes is first, and all that falls due is
 * decided on it. After a stop the hours that were missed are struck in their order, each with its own time.
 */

const stream = 'calendar'
const hour_ms = 3_600_000
/** An append of so many is well under the store's limit. A year's stop is 8,760 hours: eighteen appends. */
const hoursAtOnce = 500
/** Beyond ten years it is more likely that a clock is wrong than that a centre stood so long. */
const hoursMax = 10 * 8766
/** A machine may sleep, or its clock be set: it is looked at more often than it strikes. */
const look_ms = 60_000

export const calendar = (
  { store, crypto, reactorSalt }: Pick<Office, 'store' | 'crypto' | 'reactorSalt'>,
  clock: Clock,
  sleep: (wait_ms: number, signal: AbortSignal) => Promise<void>,
  onFault: (message: string) => void,
) => {
  /** The last hour that is known to be in the log. */
  let struck_ms = -1

  const next = (last: Event | undefined, instant_ms: number): WrittenEvent => {
    const at = iso(instant_ms)
    // Of the hour alone: two nodes write the same octets.
    const id = nameId(crypto, 'hour struck', at)
    const act = { id, at, by: 'centre:calendar', correlation: id, causation: id }
    const fact = { type: 'HourStruck', data: { instant: at } }
    return chain(crypto, decreeWords, stream, last, [fact], act, reactorSalt)[0] as WrittenEvent
  }

  /** The last hour in the log, and the event that it is in. */
  const lastStruck = async (): Promise<{ readonly last: Event | undefined; readonly at_ms: number | undefined }> => {
    const stored = await readLast(store, stream)
    if (!stored) return { last: undefined, at_ms: undefined }
    const last = trustEvent(stored.text)
    const known = upcast(last, decreeWords)
    if (known?.type !== 'HourStruck') throw new NewerThanKnown(last)
    return { last, at_ms: Date.parse(known.data.instant) }
  }

  /** Strikes all full hours up to now that are not struck; says how many. A clock that went back strikes nothing. */
  const strike = async (): Promise<number> => {
    const now_ms = Math.floor(clock.now() / hour_ms) * hour_ms
    for (let count = 0; ; ) {
      if (struck_ms >= now_ms) return count
      const { last, at_ms } = await lastStruck()
      // The first hour of all is the one that began when the centre did.
      const from_ms = at_ms === undefined ? now_ms : at_ms + hour_ms
      struck_ms = from_ms - hour_ms
      const due = (now_ms - from_ms) / hour_ms + 1
      if (due > hoursMax) {
        struck_ms = now_ms
        onFault(
          `The clock of this machine says ${iso(now_ms)}, and the last hour struck was ${iso(at_ms ?? 0)}: no hour is struck over more than ten years. Set the clock.`,
        )
        return count
      }
      if (due < 1) return count
      const written: WrittenEvent[] = []
      for (let place = 0; place < Math.min(due, hoursAtOnce); place++)
        written.push(next(written.at(-1)?.event ?? last, from_ms + place * hour_ms))
      try {
        const events = written.map(({ event: { id, type }, text }) => ({ id, type, text }))
        const { repeated } = await store.append(stream, last?.revision ?? 'NoStream', events)
        if (!repeated) count += written.length
        struck_ms = from_ms + (written.length - 1) * hour_ms
      } catch (error) {
        // Another node struck some of them.
        if (!(error instanceof WrongExpectedRevision)) throw error
      }
    }
  }

  const run = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await strike().catch((error: unknown) => onFault(`The hour was not struck: ${(error as Error).message}`))
      const until_ms = hour_ms - (clock.now() % hour_ms)
      if (!signal.aborted) await sleep(Math.min(look_ms, until_ms), signal)
    }
  }

  return { strike, run }
}

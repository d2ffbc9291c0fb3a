import type { Crypto } from '#canonical/crypto'
import { statedHash } from '#canonical/event'
import { appendBytesMax, type EventStore, type StoredEvent, WrongExpectedRevision } from '#eventstore'
import { chains, logSum, placeOf } from './chains.ts'
import type { Progress } from './progress.ts'

/** A log that is only read: a store, or a file that was exported. */
export type LogReader = Pick<EventStore, 'readAll'>

/** The copy cannot be made, or is not one. The target is as the message says; nothing in the source changed. */
export class CopyFailed extends Error {
  readonly code = 'CopyFailed'
}

/**
 * The clock of a store that is copied into: it shows when the source took the event that is written now. The time of
 * receipt is a fact about the event, which rows are folded from; the port has no argument for it, for nobody but a copy
 * may choose it.
 */
export const receiptClock = () => {
  let time = '1970-01-01T00:00:00.000Z'
  return {
    now: () => time,
    set: (storedAt: string): void => {
      time = storedAt
    },
  }
}
export type ReceiptClock = ReturnType<typeof receiptClock>

export type Copied = {
  readonly events: number
  /** How many of them were in the target before. */
  readonly held: number
  readonly root: string
}

/** As many events as one append takes: one more would be refused by the port, or would keep the loop too long. */
const runMax = 1000

async function* eventsOf(log: LogReader, from = 0): AsyncGenerator<StoredEvent, undefined> {
  for await (const page of log.readAll({ from })) yield* page
}

const partAt = (a: StoredEvent, b: StoredEvent): string | undefined =>
  (['stream', 'revision', 'id', 'type', 'text'] as const).find(name => a[name] !== b[name])

/**
 * Copies a log into another store, in its order: log indices, roots and times of receipt are the same afterwards. The
 * target is empty or holds the beginning of the same log, to the octet, and is gone on with after it; so a copy that
 * was cut short is started again. One append is on its way at a time: what a crash leaves is again a beginning.
 *
 * Every event of the source is verified before it is written, and what was written is read again. `receipts` is the
 * clock that the target was opened with.
 */
export const copyLog = async (
  crypto: Crypto,
  source: LogReader,
  target: EventStore,
  { receipts, onProgress }: { readonly receipts: ReceiptClock; readonly onProgress?: Progress },
): Promise<Copied> => {
  const checked = chains(crypto)
  const [mine, theirs] = [logSum(crypto), logSum(crypto)]
  const there = eventsOf(target)
  let before = await there.next()
  let held = 0

  let run: StoredEvent[] = []
  let octets = 0
  const flush = async (): Promise<void> => {
    const [first, last] = [run[0], run.at(-1)]
    if (!first || !last) return
    receipts.set(first.storedAt)
    const expected = first.revision === 0 ? 'NoStream' : first.revision - 1
    const events = run.map(({ id, type, text }) => ({ id, type, text }))
    run = []
    octets = 0
    try {
      const { index } = await target.append(first.stream, expected, events)
      if (index !== last.index) throw another(first)
    } catch (error) {
      throw error instanceof WrongExpectedRevision ? another(first) : error
    }
    onProgress?.(last.index + 1)
  }

  for await (const event of eventsOf(source)) {
    const { found, event: own } = checked.check(event)
    if (found[0] !== undefined || !own)
      throw new CopyFailed(
        `The source does not hold: ${found[0]}. Look at it with fsck; nothing of this event was copied.`,
      )
    mine.add(event, own.hash)
    if (!before.done) {
      const part = partAt(event, before.value)
      if (part !== undefined)
        throw new CopyFailed(
          `The logs part at log index ${event.index}: ${part} of ${placeOf(event)} is another in the target. ` +
            'The target holds another log, and nothing was written: name an empty one.',
        )
      theirs.add(before.value, own.hash)
      held += 1
      onProgress?.(held)
      before = await there.next()
      continue
    }
    const last = run.at(-1)
    const size = Buffer.byteLength(event.text)
    const goesOn = last?.stream === event.stream && last.storedAt === event.storedAt
    if (!goesOn || run.length === runMax || octets + size > appendBytesMax) await flush()
    run.push(event)
    octets += size
  }
  await flush()
  if (!before.done)
    throw new CopyFailed(
      `The target goes on where the source ends, at log index ${mine.events}: it is no copy of it. Nothing was written.`,
    )

  for await (const event of eventsOf(target, held)) theirs.add(event, statedHash(event.text))
  if (theirs.events !== mine.events || theirs.root() !== mine.root() || theirs.octets() !== mine.octets())
    throw new CopyFailed(
      `The copy is not the log: the source has ${mine.events} events under root ${mine.root()}, ` +
        `the target ${theirs.events} under ${theirs.root()}. Do not use the target.`,
    )
  return { events: mine.events, held, root: mine.root() }
}

const another = (event: StoredEvent): CopyFailed =>
  new CopyFailed(
    `Somebody else writes to the target: at ${placeOf(event)} it was not where the copy had left it. ` +
      'Stop whoever does, empty the target, and copy again.',
  )

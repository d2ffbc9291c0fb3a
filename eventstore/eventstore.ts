/**
 * The log's port. Engines store an event's canonical text and give it back; they parse nothing and hash nothing.
 *
 * - `revision`: place in a stream, from 0, contiguous. The expected revision is always given.
 * - `index` (log index): ordinal in the store's total order, from 0, contiguous, equal in every engine and after a
 *   copy. No index is shown while a lower one may still appear.
 */
export interface EventStore {
  /**
   * All events or none, durable when the promise settles. A repeat (the same ids at the places after `expected`) gives
   * the first answer again. Otherwise throws `WrongExpectedRevision`: read the stream again and decide anew.
   */
  append(stream: string, expected: Expected, events: readonly EventToAppend[]): Promise<Appended>
  /** The stream's events in pages, from a revision inclusive. A stream that does not exist has no pages. */
  read(stream: string, options: ReadStream): AsyncIterable<readonly StoredEvent[]>
  /** All events in pages, from a log index inclusive, up to what is committed now. */
  readAll(options: ReadAll): AsyncIterable<readonly StoredEvent[]>
  /**
   * All events from a log index inclusive, then those to come, until the signal. An empty page says "caught up, and
   * nothing new": it comes once each time the follower has seen all that is committed.
   */
  follow(options: ReadAll & { readonly signal: AbortSignal }): AsyncIterable<readonly StoredEvent[]>
}

export type Expected = 'NoStream' | number

export type EventToAppend = { readonly id: string; readonly type: string; readonly text: string }

export type StoredEvent = EventToAppend & {
  readonly stream: string
  readonly revision: number
  readonly index: number
  /** When this store took it, ISO 8601. It is outside the hash. */
  readonly storedAt: string
}

/** Revision and index of the last event of the append. */
export type Appended = { readonly revision: number; readonly index: number; readonly repeated: boolean }

export type ReadStream = {
  readonly from: number | 'end'
  readonly direction: 'forward' | 'backward'
  readonly pageSize?: number
}
export type ReadAll = { readonly from: number; readonly pageSize?: number }

/** The stream is not where the appender believed. Read it again and decide anew. */
export class WrongExpectedRevision extends Error {
  readonly code = 'WrongExpectedRevision'
  constructor(
    readonly stream: string,
    readonly expected: Expected,
    readonly actual: Expected,
  ) {
    super(`Stream ${stream} is at ${actual}, not at ${expected}: read it again and decide anew.`)
  }
}

/** The append breaks a limit of the port, alike for every engine. Split it, or make the event smaller. */
export class AppendRefused extends Error {
  readonly code = 'AppendRefused'
  constructor(
    readonly stream: string,
    readonly why: string,
  ) {
    super(`Append to ${stream} refused: ${why}.`)
  }
}

/** The engine could not write (disk full, read-only, gone). Nothing of this append is acknowledged. */
export class StoreFailed extends Error {
  readonly code = 'StoreFailed'
}

export const appendBytesMax = 1024 * 1024

/** Limits that every engine keeps, so that they agree: 1 MiB an event and an append, no system names. */
export const checkAppend = (stream: string, events: readonly EventToAppend[]): void => {
  if (stream === '' || stream.startsWith('$') || stream.length > 200)
    throw new AppendRefused(stream, 'a stream name has 1 to 200 characters and does not begin with $')
  if (events.length === 0) throw new AppendRefused(stream, 'it holds no event')
  let octets = 0
  for (const event of events) {
    if (event.type.startsWith('$')) throw new AppendRefused(stream, `type ${event.type} begins with $`)
    octets += Buffer.byteLength(event.text)
  }
  if (octets > appendBytesMax) throw new AppendRefused(stream, `${octets} octets are more than ${appendBytesMax}`)
}

/** The whole stream, forward, as one list: for deciders, whose streams are short. */
export const readStream = async (store: EventStore, stream: string, from = 0): Promise<StoredEvent[]> => {
  const all: StoredEvent[] = []
  for await (const page of store.read(stream, { from, direction: 'forward' })) all.push(...page)
  return all
}

/** The stream's last event, or undefined for one that does not exist. */
export const readLast = async (store: EventStore, stream: string): Promise<StoredEvent | undefined> => {
  for await (const page of store.read(stream, { from: 'end', direction: 'backward', pageSize: 1 })) return page[0]
  return undefined
}

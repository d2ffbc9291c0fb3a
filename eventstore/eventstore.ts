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
  /**
   * The stream's events in pages, from a revision inclusive; `end` is the last one. A stream that does not exist has no
   * pages, and beyond its end there is nothing.
   */
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

/**
 * The engine could not do it (disk full, read-only, gone); the message says what happened. Of an append nothing is
 * acknowledged, yet it may have been written: the same ids at the same expected revision say which.
 */
export class StoreFailed extends Error {
  readonly code = 'StoreFailed'
}

export const appendBytesMax = 1024 * 1024

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What every engine can keep and give back: well-formed text without U+0000, of 1 to 200 characters, no system name. */
const isName = (name: string): boolean =>
  name !== '' && name.length <= 200 && !name.startsWith('$') && !name.includes('\0') && name.isWellFormed()

/** Limits that every engine keeps, so that they agree: 1 MiB an event and an append, no system names, UUIDs as ids. */
export const checkAppend = (stream: string, events: readonly EventToAppend[]): void => {
  const refuse = (why: string): never => {
    throw new AppendRefused(stream, why)
  }
  if (!isName(stream)) refuse('a stream name has 1 to 200 characters, no U+0000, and does not begin with $')
  if (events.length === 0) refuse('it holds no event')
  let octets = 0
  for (const { id, type, text } of events) {
    if (!uuid.test(id)) refuse(`the id ${id} is no UUID in lower case`)
    if (!isName(type)) refuse(`type ${type}: it has 1 to 200 characters, no U+0000, and does not begin with $`)
    if (text.includes('\0') || !text.isWellFormed()) refuse(`the text of ${id} holds U+0000 or half a surrogate pair`)
    octets += Buffer.byteLength(text)
  }
  if (octets > appendBytesMax) refuse(`${octets} octets are more than ${appendBytesMax}`)
}

/** The whole stream, forward, as one list: for deciders, whose streams are short. */
export const readStream = async (store: Pick<EventStore, 'read'>, stream: string, from = 0): Promise<StoredEvent[]> => {
  const all: StoredEvent[] = []
  for await (const page of store.read(stream, { from, direction: 'forward' })) all.push(...page)
  return all
}

/** The stream's last event, or undefined for one that does not exist. */
export const readLast = async (store: EventStore, stream: string): Promise<StoredEvent | undefined> => {
  for await (const page of store.read(stream, { from: 'end', direction: 'backward', pageSize: 1 })) return page[0]
  return undefined
}

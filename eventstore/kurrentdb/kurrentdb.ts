import type {
  AppendResult,
  AppendToStreamOptions,
  KurrentDBClient,
  ReadAllOptions,
  ResolvedEvent,
} from '@kurrent/kurrentdb-client'
import {
  type Appended,
  AppendRefused,
  checkAppend,
  type EventStore,
  type EventToAppend,
  type Expected,
  type ReadStream,
  type StoredEvent,
  StoreFailed,
  WrongExpectedRevision,
} from '#eventstore'
import { counting } from './counting.ts'
import { type Found, foundIn, toWire } from './events.ts'
import { following } from './following.ts'
import { gate, gather, lines, patiently, pause, within } from './patience.ts'
import type { PositionPage } from './positions.ts'

export type KurrentStore = EventStore & { close(): Promise<void> }

export type KurrentOptions = {
  /** How long the first try may go without an answer; each further one may twice as long as the one before. */
  readonly answer_ms?: number
  /** How long an append or a read tries again before it is `StoreFailed`. */
  readonly patience_ms?: number
  /** How often a follower looks for itself, should the subscription be silent. */
  readonly look_ms?: number
  /** After how many events a page of positions is kept in the log. */
  readonly positionsPerPage?: number
}

/** Where pages of positions are kept. Their type begins with $, so that every reader of user events passes them over. */
const pagesStream = 'tallystick-positions'
const pageType = '$positions'

/** A deadline goes to the server as an instant of our clock: a short one would be over where its clock is ahead. */
const deadline_ms = 24 * 60 * 60 * 1000
/**
 * A stream of Node that has 16 messages waiting asks its writer to wait. The client then loses writers that wait on a
 * connection that breaks: their rejection is handled by nobody, and ends the process. Fewer at once never wait.
 */
const appendsAtOnce = 12

const finalTypes = new Set([
  'wrong-expected-version',
  'stream-not-found',
  'stream-deleted',
  'access-denied',
  'maximum-append-size-exceeded',
  'invalid-argument',
])
const typeOf = (error: unknown): string | undefined => (error as { type?: string } | null)?.type
const failed = (what: string, cause: unknown): StoreFailed =>
  cause instanceof StoreFailed ? cause : new StoreFailed(`${what} failed: ${(cause as Error).message}.`, { cause })

/** It waits for the end of all that it began, which may not come. */
const dispose = (client: KurrentDBClient): Promise<void> => within(1000, client.dispose()).catch(() => {})

const positionOf = (position: number) => ({ commit: BigInt(position), prepare: BigInt(position) })

/**
 * The log in a KurrentDB cluster. The client (Apache-2.0; its native bridge is under the Kurrent License v1) is loaded
 * by this call and by nothing else.
 *
 * **The log index.** KurrentDB has positions, which are offsets of octets, and no count. So each store counts: it reads
 * all user events once, in the order of the log, and remembers where each lies. That costs 8 octets of memory an event
 * (100 million: 0.8 GB), and that every event of the cluster comes to every node, which a node with followers asks for
 * anyway. An append is answered when its own event came back through the subscription. Every 4096 events the positions
 * counted since are appended to a stream of this log, as a page of some 16 kB; opening reads the pages and counts only
 * what came after them. A page says nothing that the log does not: who writes it, and whether it is lost, is all one.
 *
 * **What is not known is asked again.** A reply that is late, a lost connection, a server that is busy or no longer
 * leads: none says whether the append was written. It is sent again with the same ids and the same expected revision,
 * which the server answers as it did the first time. Only when patience is at its end is it `StoreFailed`.
 */
export const kurrentStore = async (
  connectionString: string,
  now: () => string,
  options: KurrentOptions = {},
): Promise<KurrentStore> => {
  const { answer_ms = 5_000, patience_ms = 30_000, look_ms = 5_000, positionsPerPage = 4096 } = options
  // Told not to throw, the client invents the revision of an append that was refused.
  if (/[?&]throwOnAppendFailure=false/i.test(connectionString))
    throw new StoreFailed('The connection string says throwOnAppendFailure=false: leave it out.')
  const { BACKWARDS, END, excludeSystemEvents, FORWARDS, KurrentDBClient, NO_STREAM, START } = await import(
    '@kurrent/kurrentdb-client'
  )
  const closing = new AbortController()
  const { signal: closed } = closing

  let client = KurrentDBClient.connectionString(connectionString)
  /** A client may be stuck for good: it keeps a failed discovery, and asks for the server's features without a deadline. */
  const renew = (stuck: KurrentDBClient) => {
    if (stuck !== client || closed.aborted) return
    client = KurrentDBClient.connectionString(connectionString)
    void dispose(stuck)
  }
  const ask = <T>(what: string, call: (used: KurrentDBClient, answer_ms: number) => Promise<T>): Promise<T> => {
    let used = client
    return patiently(
      what,
      failures => {
        used = client
        return call(used, answer_ms * 2 ** failures)
      },
      {
        for_ms: patience_ms,
        signal: closed,
        // What is not known to be final is not known at all, and harmless to ask again.
        isFinal: error => finalTypes.has(typeOf(error) ?? '') || error instanceof StoreFailed,
        vain: failures => {
          if (failures >= 2) renew(used)
        },
      },
    )
  }

  const readEvents = async (
    stream: string,
    direction: 'forwards' | 'backwards',
    fromRevision: bigint | 'end',
    maxCount: number,
  ): Promise<ResolvedEvent[]> => {
    const what = `Reading ${stream}`
    try {
      return await ask(what, (used, quiet_ms) =>
        gather(quiet_ms, used.readStream(stream, { direction, fromRevision, maxCount, requiresLeader: true })),
      )
    } catch (error) {
      if (typeOf(error) === 'stream-not-found') return []
      throw failed(what, error)
    }
  }

  const readLog = async (from: number | undefined, maxCount: number): Promise<Found[]> => {
    const what = `Reading the log from position ${from ?? 'start'}`
    const asked: ReadAllOptions = {
      fromPosition: from === undefined ? START : positionOf(from),
      maxCount,
      filter: excludeSystemEvents(),
      requiresLeader: true,
    }
    try {
      const page = await ask(what, (used, quiet_ms) => gather(quiet_ms, used.readAll(asked)))
      const found = page.map(foundIn)
      if (from !== undefined && found[0]?.position !== from)
        throw new StoreFailed(
          `${what} found another event there than before: this is another log, or an older copy of it. Open it anew.`,
        )
      return found
    } catch (error) {
      throw failed(what, error)
    }
  }

  const keepPage = async (number: number, data: PositionPage): Promise<void> => {
    const page = { id: crypto.randomUUID(), type: pageType, contentType: 'application/json' as const, data }
    const streamState = number === 0 ? NO_STREAM : BigInt(number - 1)
    try {
      const written = { ...page, metadata: undefined }
      const how: AppendToStreamOptions = { streamState, requiresLeader: true, deadline: deadline_ms }
      await within(answer_ms, client.appendToStream(pagesStream, written, how))
    } catch (error) {
      if (typeOf(error) !== 'wrong-expected-version') throw error
    }
  }
  const readPages = async (from: number, maxCount: number): Promise<PositionPage[]> =>
    (await readEvents(pagesStream, FORWARDS, BigInt(from), maxCount)).map(
      ({ event }) => event?.data as unknown as PositionPage,
    )
  let unsubscribe = () => {}
  const log = counting({ read: readLog, readPages, keepPage, silent: () => unsubscribe() }, positionsPerPage, closed)

  /** The subscription does not come back by itself, so it is begun again, after the last event that came through it. */
  const listen = async (): Promise<void> => {
    for (let failures = 0; !closed.aborted; failures++) {
      const used = client
      const subscription = used.subscribeToAll({
        fromPosition: log.seen === undefined ? START : positionOf(log.seen),
        filter: excludeSystemEvents(),
        requiresLeader: true,
      })
      unsubscribe = () => {
        subscription.destroy()
        void subscription.unsubscribe().catch(() => {})
      }
      try {
        for await (const resolved of subscription) {
          log.take(foundIn(resolved))
          failures = 0
        }
      } catch {
        // Why it broke matters to nobody: what it did not bring is read, and reading says what is wrong.
      }
      unsubscribe()
      if (failures >= 2) renew(used)
      await pause(Math.min(1000, 25 * 2 ** failures), closed)
    }
  }

  const append = async (stream: string, expected: Expected, events: readonly EventToAppend[]): Promise<Appended> => {
    const what = `Append to ${stream}`
    const beside = { append: crypto.randomUUID(), at: now() }
    const wire = events.map(event => toWire(event, beside))
    const streamState = expected === 'NoStream' ? NO_STREAM : BigInt(expected)
    const how: AppendToStreamOptions = { streamState, requiresLeader: true, deadline: deadline_ms }
    let result: AppendResult
    try {
      result = await ask(what, (used, wait_ms) => within(wait_ms, used.appendToStream(stream, wire, how)))
    } catch (error) {
      const { actualState } = error as { actualState?: bigint | string }
      if (typeOf(error) === 'wrong-expected-version')
        throw new WrongExpectedRevision(
          stream,
          expected,
          typeof actualState === 'bigint' ? Number(actualState) : 'NoStream',
        )
      if (typeOf(error) === 'maximum-append-size-exceeded')
        throw new AppendRefused(stream, `the server takes no more: ${(error as Error).message}`)
      throw failed(what, error)
    }
    const revision = Number(result.nextExpectedRevision)
    const written = async () => foundIn((await readEvents(stream, FORWARDS, BigInt(revision), 1))[0] ?? {})
    const index = await log.indexOf(result.position ? Number(result.position.commit) : (await written()).position)
    const by = log.appendOf(index) ?? (await written()).append
    return { revision, index, repeated: by !== beside.append }
  }
  /** Two appends to a stream are sent one after the other, so that a second try of the first is not too late. */
  const inLine = lines()
  const through = gate(appendsAtOnce)

  async function* streamPages(stream: string, { from, direction, pageSize = 1000 }: ReadStream) {
    const backward = direction === 'backward'
    let next: bigint | 'end' = from === 'end' ? END : BigInt(from)
    if (next === END && !backward) {
      const [last] = await readEvents(stream, BACKWARDS, END, 1)
      if (last?.event === undefined) return
      next = last.event.revision
    }
    for (;;) {
      const found = (await readEvents(stream, backward ? BACKWARDS : FORWARDS, next, pageSize)).map(foundIn)
      if (found.length === 0) return
      const page: StoredEvent[] = []
      for (const { position, append: _, ...event } of found) page.push({ ...event, index: await log.indexOf(position) })
      yield page
      const last = BigInt((found.at(-1) as Found).revision)
      if (found.length < pageSize || (backward && last === 0n)) return
      next = backward ? last - 1n : last + 1n
    }
  }

  const close = async (): Promise<void> => {
    closing.abort()
    unsubscribe()
    await dispose(client)
  }
  try {
    await log.load()
    await log.all()
  } catch (error) {
    await close()
    throw error
  }
  const listening = listen()

  return {
    append: async (stream, expected, events) => {
      checkAppend(stream, events)
      if (stream === pagesStream) throw new AppendRefused(stream, 'the store itself keeps positions there')
      return inLine(stream, () => through(() => append(stream, expected, events)))
    },
    read: streamPages,
    ...following(log, look_ms, closed),
    close: async () => {
      await close()
      await listening
    },
  }
}

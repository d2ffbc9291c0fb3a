import type { AppendResult, JSONType, KurrentDBClient, ResolvedEvent } from '@kurrent/kurrentdb-client'
import {
  type Appended,
  AppendRefused,
  checkAppend,
  type EventStore,
  type EventToAppend,
  type Expected,
  type ReadAll,
  type ReadStream,
  type StoredEvent,
  StoreFailed,
  WrongExpectedRevision,
} from '#eventstore'
import { counted, type Found } from './counted.ts'
import { gate, gather, lines, patiently, pause, within } from './patience.ts'
import { addPage, type PositionPage, pageOf } from './positions.ts'

export type KurrentStore = EventStore & { close(): Promise<void> }

export type KurrentOptions = {
  /** How long one try may go without an answer. */
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
/** How long an append waits for the subscription to bring it before it reads for itself. */
const subscription_ms = 250
const pullSize = 1000
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

const parsed = (text: string): { value: JSONType } | undefined => {
  try {
    const value = JSON.parse(text) as JSONType
    return JSON.stringify(value) === text ? { value } : undefined
  } catch {
    return undefined
  }
}

/**
 * The client writes JSON by stringifying a value, and parses what it reads. A text that this leaves as it is, to the
 * octet, is stored as JSON and can be looked at in the database; any other is stored as octets.
 */
const toWire = ({ id, type, text }: EventToAppend, metadata: Beside) => {
  const json = parsed(text)
  return json
    ? { id, type, contentType: 'application/json' as const, data: json.value, metadata }
    : { id, type, contentType: 'application/octet-stream' as const, data: Buffer.from(text), metadata }
}

/** What is written beside an event: which append it came with, and when. The bridge gives the server's time in seconds. */
type Beside = { readonly append: string; readonly at: string }

const textOf = (event: { isJson: boolean; data: unknown }): string =>
  event.isJson ? JSON.stringify(event.data) : Buffer.from(event.data as Uint8Array).toString('utf8')

const foundIn = ({ event }: ResolvedEvent): Found => {
  if (event === undefined) throw new StoreFailed('KurrentDB gave a link without its event: links are not used here.')
  const { commit, prepare } = event.position ?? {}
  const beside = event.metadata as Partial<Beside> | undefined
  if (commit === undefined || commit !== prepare || commit > BigInt(Number.MAX_SAFE_INTEGER))
    throw new StoreFailed(
      `KurrentDB gave no one position for event ${event.id} of ${event.streamId} (commit ${commit}, prepare ${prepare}): ` +
        'it is too old a server, or a transaction of the old TCP interface wrote it.',
    )
  return {
    id: event.id,
    type: event.type,
    text: textOf(event),
    stream: event.streamId,
    revision: Number(event.revision),
    storedAt: beside?.at ?? event.created.toISOString(),
    position: Number(commit),
    append: beside?.append,
  }
}

const positionOf = (position: number) => ({ commit: BigInt(position), prepare: BigInt(position) })

/**
 * The log in a KurrentDB cluster. The client (Apache-2.0; its native bridge is under the Kurrent License v1) is loaded
 * by this call and by nothing else.
 *
 * **The log index.** KurrentDB has positions, which are offsets of octets, and no count. So each store counts: it reads
 * all user events once, in the order of the log, and remembers where each lies. That costs 8 octets of memory an event
 * (100 million: 0.8 GB), and that every event of the cluster comes to every node, which a node with followers asks for
 * anyway. An append is answered when its own event came back through the subscription. Every 4096 events the positions
 * counted since are appended to a stream of this log, as a page of some 20 kB; opening reads the pages and counts only
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

  const log = counted()
  const closing = new AbortController()
  const { signal: closed } = closing
  /** How far the log was read, events of others' system streams included; a subscription goes on from here. */
  let seen: number | undefined
  const take = (resolved: ResolvedEvent) => {
    const found = foundIn(resolved)
    // The server's filter knows types; some of its own streams hold types without a $.
    if (!found.stream.startsWith('$')) log.count(found)
    if (seen === undefined || found.position > seen) seen = found.position
  }

  let client = KurrentDBClient.connectionString(connectionString)
  /** A client may be stuck for good: it keeps a failed discovery, and asks for the server's features without a deadline. */
  const renew = (stuck: KurrentDBClient) => {
    if (stuck !== client || closed.aborted) return
    client = KurrentDBClient.connectionString(connectionString)
    void stuck.dispose().catch(() => {})
  }
  const ask = <T>(what: string, call: (used: KurrentDBClient) => Promise<T>): Promise<T> => {
    let used = client
    return patiently(
      what,
      () => {
        used = client
        return call(used)
      },
      {
        for_ms: patience_ms,
        signal: closed,
        // What is not known to be final is not known at all, and harmless to ask again.
        isFinal: error => finalTypes.has(typeOf(error) ?? '') || error instanceof StoreFailed,
        again: failures => {
          if (failures >= 2) renew(used)
        },
      },
    )
  }
  const failed = (what: string, cause: unknown): Error =>
    cause instanceof StoreFailed ? cause : new StoreFailed(`${what} failed: ${(cause as Error).message}.`, { cause })

  const readEvents = async (
    stream: string,
    direction: 'forwards' | 'backwards',
    fromRevision: bigint | 'start' | 'end',
    maxCount: number,
  ): Promise<ResolvedEvent[]> => {
    const what = `Reading ${stream}`
    try {
      return await ask(what, used =>
        gather(answer_ms, used.readStream(stream, { direction, fromRevision, maxCount, requiresLeader: true })),
      )
    } catch (error) {
      if (typeOf(error) === 'stream-not-found') return []
      throw failed(what, error)
    }
  }

  /** A page of user events as the log has them, from a position inclusive. */
  const readLog = async (from: number | undefined, maxCount: number): Promise<ResolvedEvent[]> => {
    const what = `Reading the log from position ${from ?? 'start'}`
    const fromPosition = from === undefined ? START : positionOf(from)
    try {
      const page = await ask(what, used =>
        gather(
          answer_ms,
          used.readAll({ fromPosition, maxCount, filter: excludeSystemEvents(), requiresLeader: true }),
        ),
      )
      if (from !== undefined && page[0]?.event?.position?.commit !== BigInt(from))
        throw new StoreFailed(
          `${what} found another event there than before: this is another log, or an older copy of it. Open it anew.`,
        )
      return page
    } catch (error) {
      throw failed(what, error)
    }
  }

  const pull = async (): Promise<void> => {
    for (let from = seen; ; from = seen) {
      const page = await readLog(from, pullSize)
      for (const each of page) take(each)
      if (page.length < pullSize) return
    }
  }
  let pulling: Promise<void> | undefined
  let nextPull: Promise<void> | undefined
  /** Counts all that is committed now. Who asks while a read is under way waits for the next: that one may be past it. */
  const countAll = (): Promise<void> => {
    if (pulling === undefined) {
      pulling = pull().finally(() => {
        pulling = undefined
        keepPages()
      })
      return pulling
    }
    nextPull ??= pulling
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        nextPull = undefined
        return countAll()
      })
    return nextPull
  }
  const indexOf = async (position: number): Promise<number> => {
    while ((log.positions.last ?? -1) < position) {
      const { length } = log.positions
      await log.more(length, subscription_ms, closed)
      if (log.positions.length === length) await countAll()
    }
    const index = log.positions.indexOf(position)
    if (index === undefined) throw new StoreFailed(`No event was counted at position ${position}: open the store anew.`)
    return index
  }

  /** Pages kept, and how many events they count. */
  let pages = 0
  let paged = 0
  const loadPages = async (): Promise<void> => {
    for (;;) {
      const found = await readEvents(pagesStream, FORWARDS, BigInt(pages), 100)
      for (const { event } of found) {
        const page = event?.data as unknown as PositionPage
        if (!addPage(log.positions, page))
          throw new StoreFailed(`Page ${pages} of ${pagesStream} does not agree with the log: delete that stream.`)
        pages += 1
        paged = page.first + page.steps.length + 1
      }
      if (found.length < 100) break
    }
    seen = Math.max(seen ?? -1, log.positions.last ?? -1)
    if (seen < 0) seen = undefined
  }
  let keeping = false
  const keepPages = () => {
    if (keeping || log.positions.length < paged + positionsPerPage || closed.aborted) return
    keeping = true
    const keep = async () => {
      while (log.positions.length >= paged + positionsPerPage && !closed.aborted) {
        const data = pageOf(log.positions, paged, positionsPerPage)
        const page = { id: crypto.randomUUID(), type: pageType, contentType: 'application/json' as const, data }
        const streamState = pages === 0 ? NO_STREAM : BigInt(pages - 1)
        try {
          await within(
            answer_ms,
            client.appendToStream(
              pagesStream,
              { ...page, metadata: undefined },
              { streamState, requiresLeader: true, deadline: deadline_ms },
            ),
          )
        } catch (error) {
          // Another node kept this page. Anything else: a later one will keep it.
          if (typeOf(error) !== 'wrong-expected-version') return
        }
        await loadPages()
      }
    }
    void keep()
      .catch(() => {})
      .finally(() => {
        keeping = false
      })
  }

  let unsubscribe = () => {}
  /** The subscription does not come back by itself, so it is begun again, after the last event that came through it. */
  const listen = async (): Promise<void> => {
    for (let failures = 0; !closed.aborted; failures++) {
      const used = client
      const subscription = used.subscribeToAll({
        fromPosition: seen === undefined ? START : positionOf(seen),
        filter: excludeSystemEvents(),
        requiresLeader: true,
      })
      // It may say more than one error, the later ones when nobody reads it any more.
      subscription.on('error', () => {})
      unsubscribe = () => void subscription.unsubscribe().catch(() => {})
      try {
        for await (const resolved of subscription) {
          take(resolved)
          failures = 0
          keepPages()
        }
      } catch {
        // A broken connection says nothing that the next one would not.
      }
      unsubscribe()
      if (failures >= 2) renew(used)
      await pause(Math.min(1000, 25 * 2 ** failures), closed)
    }
  }

  const inLine = lines()
  const through = gate(appendsAtOnce)
  const append = async (stream: string, expected: Expected, events: readonly EventToAppend[]): Promise<Appended> => {
    const what = `Append to ${stream}`
    const mine = crypto.randomUUID()
    const beside = { append: mine, at: now() }
    const wire = events.map(event => toWire(event, beside))
    const streamState = expected === 'NoStream' ? NO_STREAM : BigInt(expected)
    let result: AppendResult
    try {
      result = await ask(what, used =>
        within(
          answer_ms,
          used.appendToStream(stream, wire, { streamState, requiresLeader: true, deadline: deadline_ms }),
        ),
      )
    } catch (error) {
      if (typeOf(error) === 'wrong-expected-version') {
        const { actualState } = error as { actualState?: unknown }
        throw new WrongExpectedRevision(
          stream,
          expected,
          typeof actualState === 'bigint' ? Number(actualState) : 'NoStream',
        )
      }
      if (typeOf(error) === 'maximum-append-size-exceeded')
        throw new AppendRefused(stream, `the server takes no more: ${(error as Error).message}`)
      throw failed(what, error)
    }
    const revision = Number(result.nextExpectedRevision)
    const written = async () => foundIn((await readEvents(stream, FORWARDS, BigInt(revision), 1))[0] as ResolvedEvent)
    const position = result.position ? Number(result.position.commit) : (await written()).position
    const index = await indexOf(position)
    const by = log.appendOf(index) ?? (await written()).append
    return { revision, index, repeated: by !== mine }
  }

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
      await indexOf(Math.max(...found.map(({ position }) => position)))
      const page = []
      for (const { position, append: _, ...event } of found) page.push({ ...event, index: await indexOf(position) })
      yield page
      const last = BigInt((found.at(-1) as Found).revision)
      if (found.length < pageSize || (backward && last === 0n)) return
      next = backward ? last - 1n : last + 1n
    }
  }

  /** A page of what is counted: from memory where it is there, and otherwise from the log. */
  const pageFrom = async (index: number, size: number) => {
    const recent = log.recent(index, size)
    if (recent) return recent
    const wanted = Math.min(size, log.positions.length - index)
    const events: StoredEvent[] = []
    for (let from = log.positions.at(index) as number; events.length < wanted; ) {
      // Two at least: the first is where the read before ended.
      const found = await readLog(from, Math.max(2, wanted - events.length))
      const begun = from
      for (const each of found) {
        const { position, append: _, ...event } = foundIn(each)
        from = position
        const place = index + events.length
        if (log.positions.indexOf(position) === place && events.length < wanted) events.push({ ...event, index: place })
      }
      if (from === begun && events.length < wanted)
        throw new StoreFailed(`The log ends at position ${from}, yet more was counted: open the store anew.`)
    }
    return events
  }

  async function* allPages({ from, pageSize = 1000 }: ReadAll) {
    await countAll()
    const { length: end } = log.positions
    for (let next = from; next < end; ) {
      const page = await pageFrom(next, Math.min(pageSize, end - next))
      yield page
      next += page.length
    }
  }

  async function* follow({ from, pageSize = 1000, signal }: ReadAll & { readonly signal: AbortSignal }) {
    const stop = AbortSignal.any([signal, closed])
    const stopped = new Promise<undefined>(resolve => stop.addEventListener('abort', () => resolve(undefined)))
    /** A follower outlives a cluster that is away: it tries until it is told to stop. */
    const enduring = async <T>(act: () => Promise<T>): Promise<T | undefined> => {
      while (!stop.aborted) {
        try {
          return await Promise.race([act(), stopped])
        } catch (error) {
          if (!(error instanceof StoreFailed) || typeOf(error.cause) === 'access-denied') throw error
          await pause(1000, stop)
        }
      }
      return undefined
    }
    let next = from
    await enduring(countAll)
    while (!stop.aborted) {
      while (next < log.positions.length && !stop.aborted) {
        const page = await enduring(() => pageFrom(next, pageSize))
        if (page === undefined || stop.aborted) return
        yield page
        next += page.length
      }
      if (stop.aborted) return
      yield []
      while (log.positions.length <= next && !stop.aborted) {
        const { length } = log.positions
        await log.more(next, look_ms, stop)
        if (log.positions.length === length) await enduring(countAll)
      }
    }
  }

  try {
    await loadPages()
    await countAll()
  } catch (error) {
    closing.abort()
    await client.dispose().catch(() => {})
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
    readAll: allPages,
    follow,
    close: async () => {
      closing.abort()
      unsubscribe()
      await client.dispose().catch(() => {})
      await listening
    },
  }
}

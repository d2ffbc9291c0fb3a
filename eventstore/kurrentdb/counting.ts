import { type StoredEvent, StoreFailed } from '#eventstore'
import type { Found } from './events.ts'
import { addPage, agrees, type PositionPage, pageOf, positions } from './positions.ts'
import { recent } from './recent.ts'

/** How long it waits for the subscription before it reads for itself. */
const subscription_ms = 250
const pullSize = 1000
const pagesAtOnce = 100

export type Log = {
  /** Events of users, and of system streams that the server's filter lets through, from a position inclusive. */
  read(from: number | undefined, maxCount: number): Promise<readonly Found[]>
  readPages(from: number, maxCount: number): Promise<readonly PositionPage[]>
  /** Keeps a page as the one of this number; does nothing where another was faster. */
  keepPage(number: number, page: PositionPage): Promise<void>
  /** The subscription did not bring what was there to be read. */
  silent(): void
}

/**
 * Counts the log. Events come in the log's order from more than one reader of it, each of which begins where the
 * counting was and leaves nothing out: so the next that is new is always the next in the log, and one that was counted
 * is passed over.
 */
export type Counting = {
  readonly length: number
  /** How far the log was read, events that do not count included. */
  readonly seen: number | undefined
  take(found: Found): void
  /** Counts all that is committed now. */
  all(): Promise<void>
  /** The same, after the subscription was waited for in vain. */
  look(): Promise<void>
  /** The log index of what lies there, once it is counted. */
  indexOf(position: number): Promise<number>
  /** Settles when more than this many are counted, when the time is over, or with the signal. */
  more(than: number, for_ms: number, signal: AbortSignal): Promise<void>
  /** Counted events from an index on, one at least: from memory where they are there, and otherwise from the log. */
  page(from: number, size: number): Promise<readonly StoredEvent[]>
  appendOf(index: number): string | undefined
  /** Begins with the pages that are kept in the log. */
  load(): Promise<void>
}

export const counting = (log: Log, perPage: number, closed: AbortSignal): Counting => {
  const places = positions()
  const end = recent()
  const waiting = new Set<{ than: number; wake: () => void }>()
  let seen: number | undefined
  /** Pages kept, and how many events they count. */
  let pages = 0
  let paged = 0
  let opened = false

  const take = ({ position, append, ...event }: Found) => {
    // The server's filter knows types; some of its own streams hold types without a $.
    if (!event.stream.startsWith('$') && places.add(position)) {
      end.add({ ...event, index: places.length - 1 }, append)
      for (const one of waiting) if (places.length > one.than) one.wake()
    }
    if (seen === undefined || position > seen) seen = position
    keepPages()
  }

  const load = async (): Promise<void> => {
    for (let full = true; full; ) {
      const found = await log.readPages(pages, pagesAtOnce)
      for (const page of found) {
        // Later, a page of a faster node may be ahead of what was counted here; the events themselves are still to come.
        if (!(opened ? agrees(places, page) : addPage(places, page)))
          throw new StoreFailed(`Page ${pages} of the positions does not agree with the log: delete their stream.`)
        pages += 1
        paged = page.first + page.steps.length + 1
      }
      full = found.length === pagesAtOnce
    }
    seen ??= places.last
    opened = true
  }
  let keeping = false
  const keepPages = () => {
    const isDue = () => places.length >= paged + perPage && !closed.aborted
    if (keeping || !isDue()) return
    keeping = true
    const keep = async () => {
      while (isDue()) {
        await log.keepPage(pages, pageOf(places, paged, perPage))
        await load()
      }
    }
    // Not kept now, it is kept when the next page is due.
    void keep()
      .catch(() => {})
      .finally(() => {
        keeping = false
      })
  }

  const pull = async (): Promise<void> => {
    for (let full = true; full; ) {
      const from = seen
      const page = await log.read(from, pullSize)
      for (const each of page) take(each)
      full = page.length === pullSize
    }
  }
  let pulling: Promise<void> | undefined
  let nextPull: Promise<void> | undefined
  /** Who asks while a read is under way waits for the next: that one may be past what was committed since. */
  const all = (): Promise<void> => {
    if (pulling === undefined) {
      pulling = pull().finally(() => {
        pulling = undefined
      })
      return pulling
    }
    nextPull ??= pulling
      .catch(() => {})
      .then(() => {
        nextPull = undefined
        return all()
      })
    return nextPull
  }

  const look = async (): Promise<void> => {
    const { length } = places
    await all()
    if (places.length > length) log.silent()
  }

  const more: Counting['more'] = (than, for_ms, signal) =>
    new Promise(resolve => {
      if (places.length > than || signal.aborted) return resolve()
      const wake = () => {
        clearTimeout(timer)
        waiting.delete(one)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const one = { than, wake }
      const timer = setTimeout(wake, for_ms)
      waiting.add(one)
      signal.addEventListener('abort', wake)
    })

  return {
    get length() {
      return places.length
    },
    get seen() {
      return seen
    },
    take,
    all,
    look,
    more,
    load,
    appendOf: end.appendOf,
    indexOf: async position => {
      while ((places.last ?? -1) < position) {
        const { length } = places
        await more(length, subscription_ms, closed)
        if (places.length === length) await look()
      }
      const index = places.indexOf(position)
      if (index === undefined)
        throw new StoreFailed(`No event was counted at position ${position}: open the store anew.`)
      return index
    },
    page: async (index, size) => {
      const kept = end.page(index, size)
      if (kept) return kept
      const wanted = Math.min(size, places.length - index)
      const events: StoredEvent[] = []
      for (let from = places.at(index) as number; events.length < wanted; ) {
        // Two at least: the first is where the read before ended.
        const found = await log.read(from, Math.max(2, wanted - events.length))
        const begun = from
        for (const { position, append: _, ...event } of found) {
          from = position
          const place = index + events.length
          if (events.length < wanted && places.indexOf(position) === place) events.push({ ...event, index: place })
        }
        if (from === begun && events.length < wanted)
          throw new StoreFailed(`The log ends at position ${from}, yet more was counted: open the store anew.`)
      }
      return events
    },
  }
}

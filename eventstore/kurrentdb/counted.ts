import type { StoredEvent } from '#eventstore'
import { type Positions, positions } from './positions.ts'

/** An event as the log gives it, before its log index is known. */
export type Found = Omit<StoredEvent, 'index'> & {
  readonly position: number
  /** Which append wrote it, so that a repeat is told from a first time. */
  readonly append: string | undefined
}

/** What is kept in memory for followers, so that several of them, near the end, read the log once. */
const recentMax = 4096
const recentOctetsMax = 16 * 1024 * 1024

/**
 * Counts the log. Events come in the log's order from more than one reader of it, each of which begins where the
 * counting was and leaves nothing out: so the next that is new is always the next in the log, and one that was counted
 * is passed over.
 */
export type Counted = {
  readonly positions: Positions
  count(found: Found): void
  /** A page from memory; undefined where it begins before what is kept there. */
  recent(from: number, size: number): readonly StoredEvent[] | undefined
  appendOf(index: number): string | undefined
  /** Settles when more than this many are counted, when the time is over, or with the signal. */
  more(than: number, for_ms: number, signal: AbortSignal): Promise<void>
}

export const counted = (): Counted => {
  const places = positions()
  const waiting = new Set<{ than: number; wake: () => void }>()
  let recent: StoredEvent[] = []
  let appends: (string | undefined)[] = []
  let octets = 0

  return {
    positions: places,
    count: ({ position, append, ...event }) => {
      if (!places.add(position)) return
      const index = places.length - 1
      recent.push({ ...event, index })
      appends.push(append)
      octets += event.text.length
      if (recent.length > recentMax || octets > recentOctetsMax) {
        const half = Math.ceil(recent.length / 2)
        recent = recent.slice(half)
        appends = appends.slice(half)
        octets = recent.reduce((sum, { text }) => sum + text.length, 0)
      }
      for (const one of waiting) if (places.length > one.than) one.wake()
    },
    recent: (from, size) => {
      const first = places.length - recent.length
      return from < first ? undefined : recent.slice(from - first, from - first + size)
    },
    appendOf: index => appends[index - (places.length - recent.length)],
    more: (than, for_ms, signal) =>
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
      }),
  }
}

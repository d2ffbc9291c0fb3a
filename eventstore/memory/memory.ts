import {
  type Appended,
  checkAppend,
  type EventStore,
  type EventToAppend,
  type Expected,
  type ReadAll,
  type ReadStream,
  type StoredEvent,
  WrongExpectedRevision,
} from '#eventstore'

/** A store for tests and the simulation: the same promise, without a disk. `events` may be looked at. */
export const memoryStore = (now: () => string): EventStore & { readonly events: readonly StoredEvent[] } => {
  const events: StoredEvent[] = []
  const streams = new Map<string, StoredEvent[]>()
  const waiting = new Set<() => void>()

  const append = (stream: string, expected: Expected, added: readonly EventToAppend[]): Appended => {
    checkAppend(stream, added)
    const held = streams.get(stream) ?? []
    const current: Expected = held.length === 0 ? 'NoStream' : held.length - 1
    const first = expected === 'NoStream' ? 0 : expected + 1
    if (current !== expected) {
      const repeat = added.every((event, place) => held[first + place]?.id === event.id)
      const last = held[first + added.length - 1]
      if (repeat && last) return { revision: last.revision, index: last.index, repeated: true }
      throw new WrongExpectedRevision(stream, expected, current)
    }
    for (const { id, type, text } of added) {
      const stored = { id, type, text, stream, revision: held.length, index: events.length, storedAt: now() }
      held.push(stored)
      events.push(stored)
    }
    streams.set(stream, held)
    for (const wake of waiting) wake()
    return { revision: held.length - 1, index: events.length - 1, repeated: false }
  }

  async function* pages(list: readonly StoredEvent[], size = 1000) {
    for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size)
  }

  return {
    events,
    append: async (stream, expected, added) => append(stream, expected, added),
    read: (stream: string, { from, direction, pageSize }: ReadStream) => {
      const held = streams.get(stream) ?? []
      const start = from === 'end' ? held.length - 1 : from
      return pages(direction === 'forward' ? held.slice(start) : held.slice(0, start + 1).reverse(), pageSize)
    },
    readAll: ({ from, pageSize }: ReadAll) => pages(events.slice(from), pageSize),
    follow: async function* ({ from, signal, pageSize = 1000 }) {
      let next = from
      while (!signal.aborted) {
        while (next < events.length && !signal.aborted) {
          const page = events.slice(next, next + pageSize)
          next += page.length
          yield page
        }
        if (signal.aborted) return
        yield []
        await new Promise<void>(resolve => {
          const look = () => {
            if (!signal.aborted && events.length <= next) return
            waiting.delete(look)
            signal.removeEventListener('abort', look)
            resolve()
          }
          waiting.add(look)
          signal.addEventListener('abort', look)
          look()
        })
      }
    },
  }
}

import { type Event, trustEvent } from '#canonical/event'
import { type EventStore, readStream, type StoredEvent, WrongExpectedRevision } from '#eventstore'
import { skipsIn } from '#evidence/skips'
import { placeOf } from './chains.ts'
import type { Progress } from './progress.ts'

/** What a reactor needs of a store, and what it is: it decides from the log up to the event that it is told. */
export type ReactorStore = Pick<EventStore, 'read' | 'append'>
export type Reactor = {
  /** Who it is in the events that it writes. */
  readonly by: string
  make(store: ReactorStore): { wants(type: string): boolean; handle(event: Event): Promise<void> }
}

/** A bit for each event of the log. */
const bits = () => {
  let held = new Uint8Array(1024)
  return {
    has: (index: number): boolean => ((held[index >> 3] ?? 0) & (1 << (index & 7))) !== 0,
    add: (index: number): void => {
      const octet = index >> 3
      if (octet >= held.length) {
        const larger = new Uint8Array(octet * 2)
        larger.set(held)
        held = larger
      }
      held[octet] = (held[octet] ?? 0) | (1 << (index & 7))
    },
  }
}

/**
 * Has a reactor make all its decisions again, over a store that writes nothing and compares: each line is an event that
 * it must have written and did not, that it wrote otherwise, or that nothing in the log causes.
 *
 * A stream is shown to the reactor as it was when it decided: up to the first of its own events that it has not written
 * again. What it writes then is compared with what lies there.
 */
export const recomputeReactions = async (
  log: EventStore,
  reactor: Reactor,
  onProgress?: Progress,
): Promise<readonly string[]> => {
  const found: string[] = []
  const confirmed = bits()
  let cause: StoredEvent | undefined

  const byIt = `"by":${JSON.stringify(reactor.by)}`
  const isOwn = ({ text }: StoredEvent): boolean => text.includes(byIt) && trustEvent(text).by === reactor.by
  /** A reactor reads a stream and then appends to it; a server is asked once for both. */
  const latest = new Map<string, readonly StoredEvent[]>()
  const heldIn = async (stream: string): Promise<readonly StoredEvent[]> => {
    const known = latest.get(stream)
    if (known) return known
    const events = await readStream(log, stream)
    if (latest.size >= 1000) latest.clear()
    latest.set(stream, events)
    return events
  }
  const shown = async (stream: string): Promise<readonly StoredEvent[]> => {
    const all = await heldIn(stream)
    const next = all.findIndex(event => !confirmed.has(event.index) && isOwn(event))
    return next < 0 ? all : all.slice(0, next)
  }
  const because = () => (cause ? `caused by ${placeOf(cause)}` : 'caused by nothing')

  const recording: ReactorStore = {
    read: (stream, options) => {
      const { from, direction } = options
      // A terminal's stream is only read; no reactor writes there.
      if (stream.startsWith('terminal-')) return log.read(stream, options)
      if (from === 'end' || direction === 'backward') throw new TypeError('Reactors read forward')
      return (async function* () {
        const events = (await shown(stream)).slice(from)
        if (events.length > 0) yield events
      })()
    },
    append: async (stream, expected, events) => {
      const before = (await shown(stream)).at(-1)?.revision ?? 'NoStream'
      if (before !== expected) throw new WrongExpectedRevision(stream, expected, before)
      const all = await heldIn(stream)
      const first = expected === 'NoStream' ? 0 : expected + 1
      for (const [place, { id, type, text }] of events.entries()) {
        const held = all.find(event => event.id === id)
        const what = `${type} ${id} in ${stream}, ${because()}`
        if (!held) {
          found.push(`reaction missing: ${what}; a centre that runs on this log writes what is not written yet`)
          continue
        }
        confirmed.add(held.index)
        if (held.text !== text) found.push(`reaction differs: ${what}: ${differenceOf(held.text, text)}`)
        else if (held.revision !== first + place)
          found.push(`reaction differs: ${what}: it is at revision ${held.revision}, not at ${first + place}`)
      }
      return { revision: first + events.length - 1, index: -1, repeated: false }
    },
  }

  const { wants, handle } = reactor.make(recording)
  const orders = await skipsIn(log).of(reactor.by.replace(/^reactor:/, ''))
  const passedOver = new Set(orders.map(({ index }) => index))
  for await (const page of log.readAll({ from: 0 })) {
    for (const stored of page) {
      if (!wants(stored.type) || passedOver.has(stored.index)) continue
      cause = stored
      try {
        await handle(trustEvent(stored.text))
      } catch (error) {
        // Whatever it cannot go on from, the centre's own reactor would not either.
        found.push(`reactions of ${reactor.by} stop at ${placeOf(stored)}: ${(error as Error).message}`)
        return found
      }
    }
    onProgress?.((page.at(-1) as StoredEvent).index + 1)
  }
  for await (const page of log.readAll({ from: 0 }))
    for (const stored of page)
      if (!confirmed.has(stored.index) && !stored.stream.startsWith('terminal-') && isOwn(stored))
        found.push(`reaction surplus: ${placeOf(stored)}: nothing in the log causes it`)
  return found
}

/** The words that two events do not share, and what each says. */
const differenceOf = (held: string, made: string): string => {
  const [a, b] = [trustEvent(held), trustEvent(made)] as Event<Record<string, unknown>>[]
  const parts = (one: Event<Record<string, unknown>> | undefined): Record<string, unknown> => ({ ...one, ...one?.data })
  const [there, due] = [parts(a), parts(b)]
  const names = [...new Set([...Object.keys(there), ...Object.keys(due)])].filter(
    name => !['data', 'hash', 'prev'].includes(name) && JSON.stringify(there[name]) !== JSON.stringify(due[name]),
  )
  return names.length === 0
    ? 'its place in the chain'
    : names.map(name => `${name} is ${short(there[name])}, and must be ${short(due[name])}`).join('; ')
}

const short = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 80)

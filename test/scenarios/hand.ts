import { createHash } from 'node:crypto'
import { base64url } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import { type Act, chain, type Event, trustEvent } from '#canonical/event'
import { uuid7 } from '#canonical/ids'
import { canonicalText } from '#canonical/json'
import { type EventStore, readLast, type StoredEvent } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
import type { Bears } from '#payment/events'
import { type TillEvent, tillWords } from '#till/events'
import type { World } from '../simulation/world.ts'

/** What tests do to a world by hand: read its logs as trade, and write what no honest node would. */

export const fold = <Data = Record<string, unknown>>(
  events: readonly Pick<StoredEvent, 'type' | 'text'>[],
  type: string,
): Event<Data>[] => events.filter(stored => stored.type === type).map(stored => trustEvent(stored.text) as Event<Data>)

/** The centre's events of a type, oldest first. */
export const atCentre = <Data = Record<string, unknown>>(world: World, type: string) =>
  fold<Data>(world.log.events, type)

/** A terminal's own events of a type, oldest first. */
export const atTerminal = <Type extends TillEvent['type']>(world: World, type: Type, id = 'T-1') =>
  fold<Extract<TillEvent, { type: Type }>['data']>(world.shops.get(id)?.store.events ?? [], type)

/**
 * A terminal that was broken into writes these facts into its own log, with its own chain and keys, and is started
 * anew. It will sync them as it would any other.
 */
export const writeAs = async (world: World, facts: readonly TillEvent[], id = 'T-1'): Promise<readonly Event[]> => {
  const { crypto, clock } = world
  const shop = world.shops.get(id)
  if (!shop) throw new Error(`no terminal ${id}`)
  const stream = `terminal-${id}`
  const last = await readLast(shop.store, stream)
  if (!last) throw new Error(`${stream} is empty`)
  const act: Act = {
    id: uuid7(clock.at, crypto.random(16)),
    at: new Date(clock.at).toISOString(),
    by: `terminal:${id}`,
    correlation: 'by hand',
    causation: 'by hand',
  }
  const salt = () => base64url(crypto.random(16))
  const written = chain(crypto, tillWords, stream, trustEvent(last.text), facts, act, salt)
  await shop.store.append(
    stream,
    last.revision,
    written.map(({ event: { id, type }, text }) => ({ id, type, text })),
  )
  await world.restartTerminal(id)
  return written.map(({ event }) => event)
}

/** A terminal's newest event of a type as a bare fact, to be told again with a change. */
export const lastFact = <Type extends TillEvent['type']>(world: World, type: Type, id = 'T-1') => {
  const { salt: _, ...data } = (atTerminal(world, type, id).at(-1)?.data ?? {}) as { salt?: string }
  return { type, data } as unknown as Extract<TillEvent, { type: Type }>
}

/** Two people decide a held payment: the first proposes, the second approves. */
export const decideHeld = async (
  world: World,
  payment: string,
  bears: Bears,
  [first, second]: readonly [string, string] = ['olga', 'paul'],
) => {
  const proposed = await world
    .centre()
    .proposeDecision({ payment, bears, reason: 'the holder was asked', by: `operator:${first}` })
  if (isRefusal(proposed)) return proposed
  return world.centre().approveProposal({ payment, proposal: proposed.proposal, by: `operator:${second}` })
}

/* ---- a copy of a log, altered by who has it in hands */

/** A copy in a store of its own. `texts` says another text for an event; every other is as it was. */
export const copyOf = async (
  events: readonly StoredEvent[],
  texts: ReadonlyMap<string, string> = new Map(),
): Promise<EventStore> => {
  const copy = memoryStore(() => '2026-11-23T09:00:00.000Z')
  for (const { stream, revision, id, type, text } of events)
    await copy.append(stream, revision === 0 ? 'NoStream' : revision - 1, [{ id, type, text: texts.get(id) ?? text }])
  return copy
}

/**
 * A stream's texts with one event altered and every hash after it computed anew, so that the chain holds: by its
 * definition (libs/canonical/event.ts), and by none of the code that writes it.
 */
export const rechained = (
  events: readonly StoredEvent[],
  altered: string,
  alter: (event: Event) => Event,
): Map<string, string> => {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
  const texts = new Map<string, string>()
  let prev: string | undefined
  for (const { id, text } of events) {
    const { hash: _, ...event } = JSON.parse(text) as Event
    const linked = { ...(id === altered ? alter(event as Event) : event), prev: prev ?? event.prev }
    const { hash: __, data, ...envelope } = linked as Event
    const hash = sha256(`tallystick-event-1\n${canonicalText({ ...envelope, data: sha256(canonicalText(data)) })}`)
    texts.set(id, canonicalText({ ...envelope, data, hash }))
    prev = hash
  }
  return texts
}

import { base64url, utf8 } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { type Act, chain, type Event, type Fact, type FactOf, type Vocabulary } from '#canonical/event'
import { idOf } from '#canonical/ids'
import { type EventStore, WrongExpectedRevision } from '#eventstore'
import { NewerThanKnown, readHeld } from './held.ts'

/** What a reactor does with what it decided: written once, whoever of two was quicker, and however often it is told. */

const attemptsMax = 8

export type Writing = {
  readonly store: Pick<EventStore, 'read' | 'append'>
  readonly crypto: Crypto
  readonly salt: (eventId: string) => string
}

/** What a reactor salts its events with: it follows from the event's id, so that two of them write the same octets. */
export const reactorSalt =
  (crypto: Crypto, saltKey: Uint8Array) =>
  (eventId: string): string =>
    base64url(crypto.hmac(saltKey, utf8(eventId)).slice(0, 16))

/** A stored verdict and the one that follows from the log are not the same: the log was edited, or a rule changed. */
export class ReactionDiverged extends Error {
  readonly code = 'ReactionDiverged'
}

/**
 * Reads the target, decides on what is there, appends; on a lost race it reads and decides anew. What this act wrote
 * before is the answer, and nothing is decided then. Throws `NewerThanKnown` rather than decide on half of the facts.
 */
export const react = async <Words extends Vocabulary>(
  { store, crypto, salt }: Writing,
  { stream, words, act }: { readonly stream: string; readonly words: Words; readonly act: Act },
  decide: (held: readonly (Event & FactOf<Words>)[]) => readonly Fact[],
): Promise<readonly (Event & FactOf<Words>)[]> => {
  const isOf = (event: Event, place: number): boolean => event.id === idOf(crypto, act.id, stream, place)
  for (let attempt = 1; ; attempt++) {
    const { events: held, last, newer } = await readHeld(store, stream, words)
    const before = held.find(event => isOf(event, 0))
    // What was written stands beside whatever came after it, if this version can read all of it.
    if (newer && (!before || newer.causation === act.causation)) throw new NewerThanKnown(newer)
    // The events of one reaction were one append: those that follow with the same cause belong to it.
    if (before)
      return held.filter(event => event.revision >= before.revision && isOf(event, event.revision - before.revision))
    const facts = decide(held)
    if (facts.length === 0) return []
    const written = chain(crypto, words, stream, last, facts, act, salt)
    try {
      const toAppend = written.map(({ event: { id, type }, text }) => ({ id, type, text }))
      await store.append(stream, last?.revision ?? 'NoStream', toAppend)
      return written.map(({ event }) => event as Event & FactOf<Words>)
    } catch (error) {
      if (!(error instanceof WrongExpectedRevision) || attempt === attemptsMax) throw error
    }
  }
}

/** Begins a stream with one fact; where it has begun, for whatever cause, nothing is added. */
export const begin = async (
  { store, crypto, salt }: Omit<Writing, 'store'> & { readonly store: Pick<EventStore, 'append'> },
  { stream, words, act }: { readonly stream: string; readonly words: Vocabulary; readonly act: Act },
  fact: Fact,
): Promise<void> => {
  const written = chain(crypto, words, stream, undefined, [fact], act, salt)
  try {
    const toAppend = written.map(({ event: { id, type }, text }) => ({ id, type, text }))
    await store.append(stream, 'NoStream', toAppend)
  } catch (error) {
    if (!(error instanceof WrongExpectedRevision)) throw error
  }
}

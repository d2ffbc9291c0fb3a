import type { Crypto } from '#canonical/crypto'
import { type Decider, isRefusal, type Refusal } from '#canonical/decider'
import { type Act, chain, type Event, type Fact, type Vocabulary } from '#canonical/event'
import { type EventStore, WrongExpectedRevision } from '#eventstore'
import { readKnown } from '#evidence/held'

/**
 * Read, decide, chain, append, retry: the only way a command becomes events. Engines store what comes out of here and
 * never hash; deciders never see a revision.
 */

export type Runner = {
  readonly store: EventStore
  readonly crypto: Crypto
  /** 16 octets for an event's data, as base64url. */
  readonly salt: (eventId: string) => string
}

export type Ran = { readonly events: readonly Event[]; readonly index: number | undefined }

const attemptsMax = 8

/**
 * Runs one command against one stream. A refusal comes back as a value. On a lost race the stream is read again and
 * the command decided anew; the ids are those of the command, so that a retry is a repeat and not a second act. Throws
 * `NewerThanKnown` where the stream holds what these words do not know.
 */
export const run = async <State, Command, Said extends Fact, Refused extends Refusal>(
  { store, crypto, salt }: Runner,
  decider: Decider<State, Command, Said, Refused>,
  words: Vocabulary,
  stream: string,
  command: Command,
  act: Act,
): Promise<Ran | Refused> => {
  for (let attempt = 1; ; attempt++) {
    const { events: held, last } = await readKnown(store, stream, words)
    // The answer to a command that was carried out before is the answer it got then.
    const before = held.filter(event => event.causation === act.causation && event.correlation === act.correlation)
    const state = held.reduce(
      (state, { type, data }) => decider.evolve(state, { type, data } as Said),
      decider.initialState,
    )
    const facts = decider.decide(command, state)
    if (isRefusal(facts)) return facts
    if (facts.length === 0) return { events: before, index: undefined }
    const written = chain(crypto, words, stream, last, facts, act, salt)
    try {
      const { index } = await store.append(
        stream,
        last?.revision ?? 'NoStream',
        written.map(({ event: { id, type }, text }) => ({ id, type, text })),
      )
      return { events: written.map(({ event }) => event), index }
    } catch (error) {
      if (!(error instanceof WrongExpectedRevision) || attempt === attemptsMax) throw error
    }
  }
}

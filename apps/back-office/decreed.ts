import { decreeWords } from '#account/decrees'
import type { Decider } from '#canonical/decider'
import { type Fact, trustEvent, upcast } from '#canonical/event'
import { readStream } from '#eventstore'
import { NewerThanKnown } from '#evidence/held'
import type { Office } from './office.ts'

/**
 * What was decreed in a stream, on whatever node of this log: read on from where it was read last, each time it is
 * asked for, so that no node tells of rules or signs with keys that another has changed.
 */
export const decreed = <State, Command, Said extends Fact>(
  { store }: Pick<Office, 'store'>,
  stream: string,
  decider: Decider<State, Command, Said>,
  isOf: (type: string) => boolean,
  /** Keeps what was decreed last, for whoever holds it and asks what changed. */
  signed?: SignedDocuments,
) => {
  let state = decider.initialState
  let next = 0
  return async (): Promise<State> => {
    for (const { text, revision } of await readStream(store, stream, next)) {
      // Two may be reading at once.
      if (revision < next) continue
      const event = trustEvent(text)
      const known = upcast(event, decreeWords)
      if (!known || !isOf(known.type)) throw new NewerThanKnown(event)
      const { type, data } = known
      state = decider.evolve(state, { type, data } as unknown as Said)
      next = revision + 1
      if ('document' in data) signed?.keep(data.hash, data.document)
    }
    return state
  }
}

/** Signed documents by their hashes: the newest of each stream, as far as their size allows. */
export type SignedDocuments = ReturnType<typeof signedDocuments>
const charactersMax = 16 * 1024 * 1024
export const signedDocuments = () => {
  const byHash = new Map<string, string>()
  let characters = 0
  return {
    keep: (hash: string, document: string): void => {
      byHash.set(hash, document)
      characters += document.length
      for (const [oldest, { length }] of byHash) {
        if (characters <= charactersMax || oldest === hash) break
        byHash.delete(oldest)
        characters -= length
      }
    },
    get: (hash: string): string | undefined => byHash.get(hash),
  }
}

import { z } from 'zod'
import { type Act, chain, type Event, type Fact, type Vocabulary, word } from '#canonical/event'
import { type EventStore, readLast } from '#eventstore'
import type { LoggedEvent } from '#eventstore/rows'
import { nodeCrypto } from '#machine/crypto'

export const crypto = nodeCrypto()

/** Facts written into a store as the runner would, with times and ids that a test can foretell. */
export const writer = (store: EventStore, words: Vocabulary) => {
  let acts = 0
  return async (stream: string, at: string, ...facts: readonly Fact[]): Promise<Event[]> => {
    const last = await readLast(store, stream)
    const link = last && (JSON.parse(last.text) as Event)
    acts += 1
    const id = `00000000-0000-7000-8000-${acts.toString(16).padStart(12, '0')}`
    const act: Act = { id, at, by: 'test', correlation: id, causation: id }
    const written = chain(crypto, words, stream, link, facts, act, () => 'c2FsdHNhbHRzYWx0c2FsdA')
    await store.append(
      stream,
      link?.revision ?? 'NoStream',
      written.map(({ event: { id, type }, text }) => ({ id, type, text })),
    )
    return written.map(({ event }) => event)
  }
}

/** A small trade for tests of the engine: money is put into boxes and taken out. */
export const boxWords = {
  Put: word(z.object({ box: z.string(), amount: z.string() })),
  Taken: word(z.object({ box: z.string(), amount: z.string() })),
  Emptied: word(z.object({ box: z.string() })),
  Painted: word(z.object({ box: z.string() })),
} satisfies Vocabulary

export const boxEvent = (index: number, type: keyof typeof boxWords, box: string, amount = '0'): LoggedEvent => ({
  stream: `box-${box}`,
  revision: index,
  id: `00000000-0000-7000-8000-${index.toString(16).padStart(12, '0')}`,
  type,
  schema: 1,
  money: false,
  at: '2026-11-23T10:00:00.000Z',
  by: 'test',
  correlation: 'test',
  causation: 'test',
  data: { box, amount, salt: '' },
  prev: '',
  hash: '',
  index,
  storedAt: '2026-11-23T10:00:00.000Z',
})

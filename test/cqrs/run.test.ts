import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Decider } from '#canonical/decider'
import { type Event, type FactOf, type Vocabulary, word } from '#canonical/event'
import { run } from '#cqrs/run'
import { memoryStore } from '#eventstore/memory'
import { readHeld } from '#evidence/held'
import { crypto, writer } from '../trade.ts'

/** A jar that is filled, by the spoon at first and by the gram now; it holds 100 grams. */
const oldWords = { Filled: word(z.object({ spoons: z.int() })) }
const words = {
  Filled: word(z.object({ grams: z.int() }), ({ spoons, ...rest }) => ({ ...rest, grams: (spoons as number) * 15 })),
}
const newerWords = {
  Filled: word(z.object({ milligrams: z.int() }), ...words.Filled.upcasters, data => data),
  Broken: word(z.object({})),
}

const jar: Decider<number, { readonly grams: number }, FactOf<typeof words>> = {
  initialState: 0,
  decide: ({ grams }, held) =>
    held + grams > 100
      ? { reason: 'JarFull', message: `The jar holds ${held} g.`, held }
      : [{ type: 'Filled', data: { grams } }],
  evolve: (held, { type, data }) => {
    switch (type) {
      case 'Filled':
        return held + data.grams
    }
  },
}

const scene = () => {
  const store = memoryStore(() => '2026-11-23T09:00:00.000Z')
  const runner = { store, crypto, salt: () => 'c2FsdHNhbHRzYWx0c2FsdA' }
  const fill = (grams: number, act = '00000000-0000-7000-8000-00000000ff01') =>
    run(
      runner,
      jar,
      words,
      'jar-1',
      { grams },
      { id: act, at: '2026-11-23T09:00:00.000Z', by: 't', correlation: act, causation: act },
    )
  const wrote = (vocabulary: Vocabulary, type: string, data: object) =>
    writer(store, vocabulary)('jar-1', '2026-11-23T08:00:00.000Z', { type, data })
  return { store, fill, wrote }
}

describe('a decision on what an older version wrote', () => {
  it('is made in the newest shape, and written in it', async () => {
    const { store, fill, wrote } = scene()
    await wrote(oldWords, 'Filled', { spoons: 5 })
    expect(await fill(30)).toMatchObject({ reason: 'JarFull', held: 75 })
    expect(await fill(25)).toMatchObject({ events: [{ revision: 1, schema: 2, data: { grams: 25 } }] })
    expect(store.events.map(({ text }) => (JSON.parse(text) as Event).schema)).toEqual([1, 2])
    // The link is to the hash of the text, which no reading changes.
    const [first, second] = store.events.map(({ text }) => JSON.parse(text) as Event)
    expect(second?.prev).toBe(first?.hash)
  })
})

describe('a decision on what a newer version wrote', () => {
  it.each([
    ['a newer shape', 'Filled', { milligrams: 99_000 }, 3],
    ['a type to come', 'Broken', {}, 1],
  ])('is not made: %s', async (_, type, data, schema) => {
    const { store, fill, wrote } = scene()
    await wrote(words, 'Filled', { grams: 10 })
    await wrote(newerWords, type, data)
    await expect(fill(5)).rejects.toMatchObject({
      code: 'NewerThanKnown',
      message: `Stream jar-1 holds ${type} in shape ${schema} at revision 1, which a newer version wrote: start that version here. Nothing was decided.`,
    })
    expect(store.events).toHaveLength(2)
    const held = await readHeld(store, 'jar-1', words)
    expect(held.events.map(({ data }) => data)).toMatchObject([{ grams: 10 }])
    expect(held).toMatchObject({ last: { revision: 1 }, newer: { revision: 1, type } })
  })
})

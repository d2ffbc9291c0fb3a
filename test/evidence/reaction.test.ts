import { expect, it } from 'vitest'
import { z } from 'zod'
import { type Act, word } from '#canonical/event'
import { memoryStore } from '#eventstore/memory'
import { type NewerThanKnown } from '#evidence/held'
import { begin, react } from '#evidence/reaction'
import { crypto, writer } from '../trade.ts'

const words = { Counted: word(z.object({ to: z.number() })) }
const act: Act = {
  id: '00000000-0000-7000-8000-0000000000aa',
  at: '2026-11-23T09:00:00.000Z',
  by: 'reactor:counting',
  correlation: 'c',
  causation: 'the cause',
}
const scene = () => {
  const store = memoryStore(() => act.at)
  const write = writer(store, { ...words, Guessed: word(z.object({})) })
  const counted = () => store.events.map(({ text }) => JSON.parse(text).data.to)
  const salt = () => 'c2FsdHNhbHRzYWx0c2FsdA'
  /** Between reading and appending, somebody else comes. */
  const count = (meanwhile: () => Promise<unknown> = async () => {}) => {
    let first = true
    const raced: typeof store = {
      ...store,
      append: async (...asked) => {
        if (first) await meanwhile()
        first = false
        return store.append(...asked)
      },
    }
    return react({ store: raced, crypto, salt }, { stream: 'count', words, act }, held => [
      { type: 'Counted', data: { to: held.length + 1 } },
    ])
  }
  return { store, write, counted, count, salt }
}

it('decides anew on what is there, where somebody was quicker', async () => {
  const { write, counted, count } = scene()
  await count(() => write('count', act.at, { type: 'Counted', data: { to: 1 } }))
  expect(counted()).toEqual([1, 2])
})

it('told again, or raced by its own like, answers what was written and adds nothing', async () => {
  const { write, counted, count } = scene()
  const [once] = await count()
  await write('count', act.at, { type: 'Counted', data: { to: 7 } })
  expect(await count()).toMatchObject([{ id: once?.id, data: { to: 1 } }])
  expect(counted()).toEqual([1, 7])
  const twice = scene()
  await twice.count(() => twice.count())
  expect(twice.counted()).toEqual([1])
})

it('decides nothing on half of the facts, and stands by what it had decided before them', async () => {
  const { write, count, counted } = scene()
  await write('count', act.at, { type: 'Guessed', data: {} })
  await expect(count()).rejects.toMatchObject({ code: 'NewerThanKnown' } satisfies Partial<NewerThanKnown>)
  const later = scene()
  await later.count()
  await later.write('count', act.at, { type: 'Guessed', data: {} })
  expect(await later.count()).toHaveLength(1)
  expect([counted(), later.counted()]).toEqual([[undefined], [1, undefined]])
})

it('begins a stream once', async () => {
  const { store, salt, counted } = scene()
  for (const to of [1, 2])
    await begin(
      { store, crypto, salt },
      { stream: 'count', words, act: { ...act, causation: `${to}` } },
      {
        type: 'Counted',
        data: { to },
      },
    )
  expect(counted()).toEqual([1])
})

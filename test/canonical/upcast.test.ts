import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Act, chain, type Event, moneyWord, upcast, type Vocabulary, verifyEvent, word } from '#canonical/event'
import { crypto } from '../trade.ts'

/**
 * A fare in three shapes: at first a price in whole units, then in minor units with the currency that was meant all
 * along, then with the zone that the line lies in.
 */
const name = z.string()
const first = { FarePaid: moneyWord(z.object({ price: z.int() })), StopNamed: word(z.object({ stop: name })) }
const second = {
  ...first,
  FarePaid: moneyWord(z.object({ amount: name, currency: name }), ({ price, ...rest }) => ({
    ...rest,
    amount: `${(price as number) * 100}`,
    currency: 'EUR',
  })),
}
const third = {
  ...second,
  FarePaid: moneyWord(z.object({ amount: name, currency: name, zone: name }), ...second.FarePaid.upcasters, data => ({
    ...data,
    zone: 'A',
  })),
}

const act: Act = {
  id: '00000000-0000-7000-8000-000000000001',
  at: '2026-11-23T09:00:00.000Z',
  by: 'test',
  correlation: 'c',
  causation: 'c',
}
const written = (words: Vocabulary, type: string, data: object): { readonly event: Event; readonly text: string } => {
  const [one] = chain(crypto, words, 'line-7', undefined, [{ type, data }], act, () => 'c2FsdHNhbHRzYWx0c2FsdA')
  if (!one) throw new Error('nothing was written')
  return one
}
const old = written(first, 'FarePaid', { price: 3 })

describe('an event in an older shape', () => {
  it('is read in the newest, through each shape between', () => {
    expect(upcast(old.event, second)).toMatchObject({ schema: 2, data: { amount: '300', currency: 'EUR' } })
    expect(upcast(old.event, third)).toMatchObject({ schema: 3, data: { amount: '300', currency: 'EUR', zone: 'A' } })
    const middle = written(second, 'FarePaid', { amount: '250', currency: 'CHF' })
    expect(middle.event.schema).toBe(2)
    expect(upcast(middle.event, third)?.data).toMatchObject({ amount: '250', currency: 'CHF', zone: 'A' })
  })

  it('fits the newest schema, and keeps its place, its hash and its salt', () => {
    const { schema, data, ...envelope } = upcast(old.event, third) as Event<{ salt: string }>
    expect(schema).toBe(3)
    expect(third.FarePaid.data.safeParse(data).success).toBe(true)
    expect(data.salt).toBe('c2FsdHNhbHRzYWx0c2FsdA')
    const { schema: _, data: __, ...before } = old.event
    expect(envelope).toEqual(before)
  })

  it('is never edited: its text is verified as it was written, before it is read so', () => {
    const text = old.text
    upcast(old.event, third)
    expect(old.event).toMatchObject({ schema: 1, data: { price: 3 } })
    expect(verifyEvent(crypto, text)).toEqual(old.event)
    expect(upcast(verifyEvent(crypto, text), third)).toEqual(upcast(old.event, third))
  })
})

describe('an event in the newest shape', () => {
  it('is the event itself', () => {
    const now = written(third, 'FarePaid', { amount: '250', currency: 'EUR', zone: 'B' })
    expect(upcast(now.event, third)).toBe(now.event)
    const stop = written(third, 'StopNamed', { stop: 'Market' })
    expect(upcast(stop.event, third)).toBe(stop.event)
  })
})

describe('an event of a newer writer', () => {
  it.each([
    ['a newer shape', first, written(third, 'FarePaid', { amount: '250', currency: 'EUR', zone: 'B' })],
    ['a newer shape by one', second, written(third, 'FarePaid', { amount: '250', currency: 'EUR', zone: 'B' })],
    ['a type to come', third, written({ HologramShown: word(z.looseObject({})) }, 'HologramShown', {})],
  ])('%s is not read', (_, words, { event }) => {
    expect(upcast(event, words)).toBeUndefined()
  })

  it('no word is taken from what every object has', () => {
    for (const type of ['toString', 'constructor', '__proto__'])
      expect(upcast({ ...old.event, type }, third)).toBeUndefined()
  })
})

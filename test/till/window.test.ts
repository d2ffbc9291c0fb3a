import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import { nodeCrypto } from '#machine/crypto'
import { amount } from '#money'
import { decide, evolve, type TillFact } from '#till'
import type { TillCommand } from '#till/commands'
import type { TillEvent } from '#till/events'
import { readSnapshot, snapshotOf } from '#till/snapshot'
import { acknowledge, emptyTill, recordedOf, type Till } from '#till/state'
import { findable, forget, recall, takeBack } from '#till/window'

/** A till that lets go of the past must decide as one that remembers everything. */

const crypto = nodeCrypto()
const eur = { currency: 'EUR' as const }
const id = (place: number): string => place.toString(16).padStart(32, '0')
const sha = '0'.repeat(64)
const occurred = '2026-11-23T09:00:00.000Z'

/* A life: what happens on a counter, day after day, in small numbers. */
const acts = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ act: fc.constant('sell' as const), cents: fc.integer({ min: 1, max: 900 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ act: fc.constant('decline' as const), cents: fc.integer({ min: 1, max: 900 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        act: fc.constantFrom('void' as const, 'refund' as const),
        of: fc.nat(9),
        cents: fc.integer({ min: 1, max: 900 }),
        reversal: fc.nat(3),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ act: 'turn the day' as const }) },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('acknowledge' as const), of: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('take back' as const), of: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.constant({ act: 'start anew' as const }) },
  ),
  { minLength: 20, maxLength: 100 },
)

const tapOf = (place: number, cents: number, end: 'TransactionRecorded' | 'TransactionDeclined', till: Till) => {
  const money = { amount: `${cents}`, ...eur }
  const sale = `sale ${place}`
  const transaction = id(place)
  const record = { receiptNumber: till.receiptNumber + 1, businessDate: till.day?.businessDate ?? '2026-11-22' }
  const frames = {
    radio: 'loopback' as const,
    sealing: { publicKey: '', privateKey: '' },
    getRequest: '',
    getResponse: '',
  }
  const started: TillEvent = {
    type: 'TapStarted',
    data: { tap: place + 1, transaction, sale, idempotencyKey: `key ${place}`, ...money, ...frames },
  }
  const recorded = { card: 'c', license: 'l', counter: 1, payment: sha, allowanceLeft: '0', occurred }
  const ended: TillEvent =
    end === 'TransactionRecorded'
      ? { type: end, data: { transaction, sale, ...record, ...money, ...recorded } }
      : { type: end, data: { transaction, sale, ...record, ...money, reason: 'No', message: 'No.' } }
  return [started, ended]
}

/** One log, and two tills that are fed by it: one remembers everything, the other calls back what is named. */
const counter = () => {
  const log: TillFact[] = []
  const whole = emptyTill()
  let window = emptyTill()
  const write = (events: readonly TillEvent[]): void => {
    for (const event of events) {
      const fact = { ...event, revision: log.length }
      log.push(fact)
      evolve(whole, fact)
      evolve(window, fact)
    }
  }
  const find = (name: (typeof findable)[number]['name'], value: string): TillFact[] => {
    const types: readonly string[] = findable.find(each => each.name === name)?.types ?? []
    return log.filter(({ type, data }) => types.includes(type) && (data as Record<string, unknown>)[name] === value)
  }
  return {
    log,
    whole,
    window: () => window,
    write,
    find,
    /** As the node does before it decides. */
    order: (command: Extract<TillCommand, { type: 'VoidTransaction' | 'RefundTransaction' }>) => {
      const { transaction, reversal } = command
      if (!recordedOf(window, transaction)) recall(window, find('transaction', transaction))
      if (!window.reversals.has(reversal)) recall(window, find('reversal', reversal))
      const answer = decide(command, window)
      expect(answer).toEqual(decide(command, whole))
      if (!isRefusal(answer)) write(answer)
    },
    startAnew: () => {
      forget(window, 2)
      const text = snapshotOf(crypto, window, { revision: log.length - 1, hash: sha })
      window = readSnapshot(crypto, text)?.till as Till
    },
  }
}

describe('a till that lets go of what is old', () => {
  it('decides every void and refund as one that remembers all, whatever was acknowledged, taken back or started anew', () =>
    fc.assert(
      fc.property(acts, life => {
        const here = counter()
        const { whole } = here
        let sold = 0
        let days = 0
        const openDay = () =>
          here.write([{ type: 'DayOpened', data: { businessDate: `2026-11-${`${++days}`.padStart(2, '0')}` } }])
        openDay()
        for (const each of life) {
          if (each.act === 'sell') here.write(tapOf(sold++, each.cents, 'TransactionRecorded', whole))
          else if (each.act === 'decline') here.write(tapOf(sold++, each.cents, 'TransactionDeclined', whole))
          else if (each.act === 'void' || each.act === 'refund') {
            const said = { reversal: `r${each.reversal}`, transaction: id(each.of), occurred }
            here.order(
              each.act === 'void'
                ? { type: 'VoidTransaction', ...said }
                : { type: 'RefundTransaction', ...said, amount: amount(BigInt(each.cents)) },
            )
          } else if (each.act === 'turn the day') {
            const answer = decide({ type: 'CloseDay', ...eur, revision: here.log.length - 1, head: sha }, whole)
            if (!isRefusal(answer)) here.write(answer)
            if (days < 28) openDay()
          } else if (each.act === 'acknowledge') {
            const to = Math.min(each.of, here.log.length - 1)
            acknowledge(whole, to)
            acknowledge(here.window(), to)
          } else if (each.act === 'take back') {
            if (each.of >= whole.acknowledgedTo) continue
            const since = here.log.filter(({ revision }) => revision > each.of)
            takeBack(whole, each.of, since)
            const types: readonly string[] = findable[0].types
            takeBack(
              here.window(),
              each.of,
              since.filter(({ type }) => types.includes(type)),
            )
          } else here.startAnew()
          forget(here.window(), 2)

          const [known, kept] = [whole, here.window()]
          expect(kept.waiting.map(({ transaction }) => transaction)).toEqual(
            known.waiting.map(each => each.transaction),
          )
          expect([kept.day, kept.receiptNumber, kept.tap]).toEqual([known.day, known.receiptNumber, known.tap])
        }
        // Whatever anybody names is found again as it is.
        for (const [transaction, recorded] of whole.recorded) {
          const window = here.window()
          if (!recordedOf(window, transaction)) recall(window, here.find('transaction', transaction))
          expect(recordedOf(window, transaction)).toEqual(recorded)
        }
        for (const [sale, { state, idempotencyKey }] of whole.sales) {
          const window = here.window()
          recall(window, here.find('sale', sale))
          expect(window.sales.get(sale)).toMatchObject({ state })
          recall(window, here.find('idempotencyKey', idempotencyKey as string))
          expect(window.saleByKey.get(idempotencyKey as string)).toBe(sale)
        }
      }),
      { numRuns: 300 },
    ))

  it('keeps no more in mind after many days than after few', () => {
    const here = counter()
    const sizes: number[] = []
    for (let day = 1; day <= 20; day++) {
      here.write([{ type: 'DayOpened', data: { businessDate: `2026-11-${`${day}`.padStart(2, '0')}` } }])
      for (let place = 0; place < 30; place++)
        here.write(tapOf(day * 100 + place, 100, place % 5 ? 'TransactionRecorded' : 'TransactionDeclined', here.whole))
      const answer = decide({ type: 'CloseDay', ...eur, revision: here.log.length - 1, head: sha }, here.whole)
      here.write(answer as TillEvent[])
      acknowledge(here.window(), here.log.length - 1)
      forget(here.window(), 10)
      sizes.push(snapshotOf(crypto, here.window(), { revision: 0, hash: sha }).length)
    }
    expect(here.window().recorded.size).toBe(10)
    expect(sizes.at(-1)).toBeLessThan((sizes[1] as number) * 1.1)
  })
})

describe('a snapshot', () => {
  const here = counter()
  here.write([{ type: 'DayOpened', data: { businessDate: '2026-11-23' } }])
  here.write(tapOf(0, 1250, 'TransactionRecorded', here.whole))
  const text = snapshotOf(crypto, here.whole, { revision: 2, hash: sha })

  it('says the state as it was, and after which event', () => {
    expect(readSnapshot(crypto, text)).toEqual({ till: here.whole, revision: 2, hash: sha })
  })

  it('of which any character changed is thrown away', () => {
    for (let place = 0; place < text.length; place++) {
      const other = text[place] === '1' ? '2' : '1'
      expect(readSnapshot(crypto, text.slice(0, place) + other + text.slice(place + 1)), `at ${place}`).toBeUndefined()
    }
    for (const octets of ['', '{}', 'null', '[]', '{"by":1}', text.slice(0, -1)])
      expect(readSnapshot(crypto, octets)).toBeUndefined()
  })
})

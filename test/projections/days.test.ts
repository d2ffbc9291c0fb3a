import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { moneyWord, word } from '#canonical/event'
import type { StoredEvent } from '#eventstore'
import { memoryRows } from '#eventstore/memory/rows'
import type { LoggedEvent } from '#eventstore/rows'
import { days, reconciledDays } from '#projections/days'
import { shopDay } from '../shopday.ts'
import { folded, log, writer } from '../trade.ts'

const line = (count: number, sum: string) => ({ count, sum })

/** Two sales, one of them after a torn tap, a decline, a void and a refund. */
const busyDay = async () => {
  const { store, write } = log()
  const shop = shopDay(write)
  await shop.commissioned()
  await shop.opened()
  await shop.sold('a', '1250')
  await shop.torn('b', '700')
  await shop.paidAfterAll('b', '700')
  await shop.torn('c', '300')
  await shop.abandoned('c')
  // Settled taps cannot tear: the till counts neither of these.
  await shop.tornAgain('c')
  await shop.tornAgain('b')
  await shop.declined('d', '99999')
  await shop.voided('b', '700')
  await shop.refunded('a', '250')
  return { store, shop }
}
const counted = {
  sales: line(2, '19.50'),
  voids: line(1, '7.00'),
  refunds: line(1, '2.50'),
  declined: line(1, '999.99'),
  torn: line(2, '10.00'),
}

/** Rows folded from a copy of the log, in which somebody had his hands. */
const fromCopy = async (copy: readonly StoredEvent[]) => {
  const rows = memoryRows()
  const events = copy.map(({ text, storedAt }, index): LoggedEvent => ({ ...JSON.parse(text), index, storedAt }))
  await rows.apply(
    days,
    events.filter(({ type }) => days.wants(type)),
    { from: 0, next: copy.length },
  )
  return (await reconciledDays(rows)).days
}

describe('a business day', () => {
  it('that the till closed agrees with what the centre holds', async () => {
    const { store, shop } = await busyDay()
    await shop.closed()
    expect((await reconciledDays(await folded(store, [days]))).days).toEqual([
      {
        terminal: 'T-1',
        shop: 's-1',
        businessDate: '2026-11-23',
        currency: 'EUR',
        closed: true,
        till: counted,
        centre: counted,
        differences: [],
        complete: true,
      },
    ])
  })

  it('that is open has no totals of the till yet', async () => {
    const { store } = await busyDay()
    expect((await reconciledDays(await folded(store, [days]))).days).toEqual([
      expect.objectContaining({ closed: false, complete: false, till: null, centre: counted, differences: [] }),
    ])
  })

  it('opened again under the same date is counted by itself', async () => {
    const { store, shop } = await busyDay()
    await shop.closed()
    await shop.opened()
    await shop.sold('e', '100')
    await shop.closed()
    const found = (await reconciledDays(await folded(store, [days]))).days
    expect(found.map(({ centre, differences, complete }) => [centre.sales, differences, complete])).toEqual([
      [line(2, '19.50'), [], true],
      [line(1, '1.00'), [], true],
    ])
  })

  it('without a tap is a day too', async () => {
    const { store, write } = log()
    const shop = shopDay(write)
    await shop.opened()
    await shop.closed()
    const [day] = (await reconciledDays(await folded(store, [days]))).days
    expect(day).toMatchObject({ closed: true, complete: true, till: { sales: line(0, '0.00') } })
  })

  it('of two terminals are two, and the newest date is first', async () => {
    const { store, write } = log()
    for (const [terminal, date] of [
      ['T-1', '2026-11-22'],
      ['T-2', '2026-11-23'],
    ] as const) {
      const shop = shopDay(write, terminal)
      await shop.opened(date)
    }
    const found = (await reconciledDays(await folded(store, [days]))).days
    expect(found.map(({ terminal, businessDate }) => [terminal, businessDate])).toEqual([
      ['T-2', '2026-11-23'],
      ['T-1', '2026-11-22'],
    ])
  })

  it('in which the till counted otherwise is named line by line', async () => {
    const { store, shop } = await busyDay()
    const totals = shop.till().day?.totals
    if (!totals) throw new Error('no day is open')
    await shop.closed({ ...totals, sales: { count: 3, sum: '2450' }, torn: { count: 1, sum: '1000' } })
    const [day] = (await reconciledDays(await folded(store, [days]))).days
    expect(day?.differences.map(({ kind, amount }) => [kind, amount])).toEqual([
      ['TotalsMismatch', '5.00'],
      ['TotalsMismatch', '0.00'],
    ])
    expect(day?.differences[0]?.message).toBe(
      'T-1 on 2026-11-23: the till counted sales 3 of 24.50 EUR, the centre holds 2 of 19.50 EUR; they differ by 5.00 EUR.',
    )
  })

  it('of a copy that lost a sale names the gap and the sum', async () => {
    const { store, shop } = await busyDay()
    await shop.closed()
    const lost = store.events.findIndex(({ type }) => type === 'TransactionRecorded')
    const [day] = await fromCopy(store.events.filter((_, place) => place !== lost))
    expect(day?.complete).toBe(false)
    expect(day?.differences.map(({ kind, amount }) => [kind, amount])).toEqual([
      ['Missing', '12.50'],
      ['TotalsMismatch', '12.50'],
    ])
  })

  it('of a copy that has a sale twice counts it once and names it', async () => {
    const { store, shop } = await busyDay()
    await shop.closed()
    const doubled = store.events.find(({ type }) => type === 'TransactionRecorded') as StoredEvent
    const place = store.events.indexOf(doubled)
    const [day] = await fromCopy(store.events.toSpliced(place, 0, doubled))
    expect(day?.differences.map(({ kind, amount }) => [kind, amount])).toEqual([['Duplicate', '12.50']])
    expect(day?.centre.sales).toEqual(line(2, '19.50'))
  })

  it('of a copy in which a sale was made larger differs by what was added', async () => {
    const { store, shop } = await busyDay()
    await shop.closed()
    const altered = store.events.map(event =>
      event.type === 'TransactionRecorded'
        ? { ...event, text: event.text.replace('"amount":"700"', '"amount":"900"') }
        : event,
    )
    const [day] = await fromCopy(altered)
    expect(day?.differences.map(({ kind, amount }) => [kind, amount])).toEqual([['TotalsMismatch', '2.00']])
  })
})

describe('a business day in which a newer till wrote', () => {
  const newerTill = {
    HologramShown: word(z.looseObject({})),
    TipGiven: moneyWord(z.looseObject({})),
    RefundRecorded: word(z.looseObject({}), data => data),
  }
  const withNewer = async (...types: (keyof typeof newerTill)[]) => {
    const { store, write } = log()
    const shop = shopDay(write)
    const newer = writer(store, newerTill)
    await shop.commissioned()
    await shop.opened()
    await shop.sold('a', '1250')
    for (const type of types) await newer('terminal-T-1', '2026-11-23T10:00:00.000Z', { type, data: { amount: '5' } })
    await shop.sold('b', '700')
    await shop.closed()
    return (await reconciledDays(await folded(store, [days]))).days
  }

  it('is complete past a type that moves no money: it has its place, and nothing is missing there', async () => {
    expect(await withNewer('HologramShown', 'HologramShown')).toMatchObject([
      { closed: true, complete: true, differences: [], centre: { sales: line(2, '19.50') } },
    ])
  })

  it.each([
    ['TipGiven', 1],
    // Of a type that this till counts itself.
    ['RefundRecorded', 2],
  ] as const)('cannot be complete past %s in shape %i', async (type, schema) => {
    expect(await withNewer(type)).toMatchObject([
      {
        closed: true,
        complete: false,
        differences: [
          {
            kind: 'NotUnderstood',
            amount: '0.00',
            message: `Revision 7 of T-1, ${type}, in shape ${schema}, is not understood by this version.`,
          },
        ],
      },
    ])
  })

  it('nor where it wrote before the day was opened', async () => {
    const { store, write } = log()
    const shop = shopDay(write)
    await shop.commissioned()
    await writer(store, newerTill)('terminal-T-1', '2026-11-23T08:00:00.000Z', { type: 'TipGiven', data: {} })
    await shop.opened()
    await shop.closed()
    await shop.opened('2026-11-24')
    await shop.closed()
    expect((await reconciledDays(await folded(store, [days]))).days).toMatchObject([
      { businessDate: '2026-11-24', complete: true, differences: [] },
      { businessDate: '2026-11-23', complete: false, differences: [{ kind: 'NotUnderstood' }] },
    ])
  })

  it('a day whose close cannot be read stays open', async () => {
    const { store, write } = log()
    const shop = shopDay(write)
    await shop.commissioned()
    await shop.opened()
    const closing = { DayClosed: word(z.looseObject({}), data => data) }
    await writer(store, closing)('terminal-T-1', '2026-11-23T20:00:00.000Z', { type: 'DayClosed', data: {} })
    expect((await reconciledDays(await folded(store, [days]))).days).toMatchObject([
      { closed: false, complete: false, differences: [{ kind: 'NotUnderstood' }] },
    ])
  })
})

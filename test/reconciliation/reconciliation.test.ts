import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { chain, type Event, moneyWord, verifyEvent, word } from '#canonical/event'
import type { StoredEvent } from '#eventstore'
import { type Held, reconcile, type Witness } from '#reconciliation'
import { tillWords } from '#till/events'
import { shopDay } from '../shopday.ts'
import { crypto, log, transaction, writer } from '../trade.ts'

/**
 * Revisions: 0 commissioned, 1 day opened, 2 to 6 sale a of 12.50, 7 to 11 sale b of 7.00, 12 void of b, 13 refund of
 * 2.50 of a, 14 torn tap of 3.00 with its three events before it (14 to 17), 18 abandoned, 19 day closed.
 */
const shopAndStream = async (close = true) => {
  const { store, write } = log()
  const shop = shopDay(write)
  await shop.commissioned()
  await shop.opened()
  await shop.sold('a', '1250')
  await shop.sold('b', '700')
  await shop.voided('b', '700')
  await shop.refunded('a', '250')
  await shop.torn('c', '300')
  await shop.abandoned('c')
  if (close) await shop.closed()
  return store.events
}

const at = (stream: readonly StoredEvent[], revision: number): StoredEvent => {
  const event = stream[revision]
  if (!event) throw new Error(`no revision ${revision}`)
  return event
}
const found = (stream: readonly Held[], beside?: Parameters<typeof reconcile>[3]) =>
  reconcile(crypto, 'T-1', stream, beside).differences.map(({ kind, amount }) => [kind, amount])

const without = (stream: readonly StoredEvent[], ...revisions: number[]) =>
  stream.filter(({ revision }) => !revisions.includes(revision))
const changed = (stream: readonly StoredEvent[], revision: number, from: string, to: string) =>
  stream.map(event => {
    if (event.revision !== revision) return event
    expect(event.text).toContain(from)
    return { ...event, text: event.text.replace(from, to) }
  })

const witness = (event: StoredEvent, name: string, line: Witness['line'], amount: bigint): Witness => ({
  event: event.id,
  transaction: transaction(name),
  line,
  amount,
  currency: 'EUR',
})

describe('a stream that nobody touched', () => {
  it('agrees with itself and with the till', async () => {
    const stream = await shopAndStream()
    const report = reconcile(crypto, 'T-1', stream, {
      heads: [{ revision: 19, hash: verifyEvent(crypto, at(stream, 19).text).hash }],
    })
    expect(report).toMatchObject({ terminal: 'T-1', shop: 's-1', differences: [] })
    expect(report.days).toEqual([
      expect.objectContaining({
        businessDate: '2026-11-23',
        firstRevision: 1,
        currency: 'EUR',
        closed: true,
        complete: true,
        differences: [],
        centre: {
          sales: { count: 2, sum: 1950n },
          voids: { count: 1, sum: 700n },
          refunds: { count: 1, sum: 250n },
          declined: { count: 0, sum: 0n },
          torn: { count: 1, sum: 300n },
        },
      }),
    ])
  })

  it('of a day that is still open is not complete', async () => {
    const stream = await shopAndStream(false)
    expect(reconcile(crypto, 'T-1', stream).days).toEqual([
      expect.objectContaining({ closed: false, complete: false, till: null, differences: [] }),
    ])
  })

  it('settled taps cannot tear: neither side counts them', async () => {
    const { store, write } = log()
    const shop = shopDay(write)
    await shop.opened()
    await shop.torn('c', '300')
    await shop.abandoned('c')
    await shop.tornAgain('c')
    await shop.sold('a', '1250')
    await shop.tornAgain('a')
    await shop.closed()
    expect(found(store.events)).toEqual([])
  })

  it('nothing at all has no differences', () => expect(found([])).toEqual([]))
})

describe('an event removed is named with its amount', () => {
  it.each([
    ['the start of a tap', 2, 1250n, []],
    ['the license it showed', 3, 1250n, []],
    ['what was asked of the phone', 4, 1250n, []],
    ['the opened payment', 5, 1250n, []],
    ['the sale', 6, 1250n, [['TotalsMismatch', 1250n]]],
    ['another sale', 11, 700n, [['TotalsMismatch', 700n]]],
  ] as const)('%s', async (_, revision, amount, totals) => {
    const stream = await shopAndStream()
    expect(found(without(stream, revision))).toEqual([...totals, ['Missing', amount]])
  })

  it('a void, told by the sum of the day', async () =>
    expect(found(without(await shopAndStream(), 12))).toEqual([
      ['TotalsMismatch', 700n],
      ['Missing', 0n],
    ]))

  it('a void of a day that is still open, told by the verdict on it', async () => {
    const stream = await shopAndStream(false)
    const witnesses = [
      witness(at(stream, 6), 'a', 'sales', 1250n),
      witness(at(stream, 11), 'b', 'sales', 700n),
      witness(at(stream, 12), 'b', 'voids', 700n),
    ]
    const report = reconcile(crypto, 'T-1', without(stream, 12), { witnesses })
    expect(report.differences).toEqual([
      {
        kind: 'Missing',
        amount: 700n,
        currency: 'EUR',
        message: `Revision 12 of T-1 is missing, of transaction ${transaction('b')}: 7.00 EUR.`,
        events: [at(stream, 12).id],
      },
    ])
    expect(report.days[0]?.differences).toEqual(report.differences)
  })

  it('two of them, each by its own verdict', async () => {
    const stream = await shopAndStream(false)
    const witnesses = [
      witness(at(stream, 6), 'a', 'sales', 1250n),
      witness(at(stream, 11), 'b', 'sales', 700n),
      witness(at(stream, 13), 'a', 'refunds', 250n),
    ]
    expect(found(without(stream, 6, 13), { witnesses })).toEqual([
      ['Missing', 1250n],
      ['Missing', 250n],
    ])
  })

  it('the end of the stream, told by the head that the terminal signed', async () => {
    const stream = await shopAndStream(false)
    const { hash } = verifyEvent(crypto, at(stream, 11).text)
    expect(found(stream.slice(0, 11), { heads: [{ revision: 11, hash }] })).toEqual([['Missing', 700n]])
  })

  it('the end of the stream, told by a verdict', async () => {
    const stream = await shopAndStream(false)
    const witnesses = [witness(at(stream, 13), 'a', 'refunds', 250n)]
    expect(found(stream.slice(0, 13), { witnesses })).toEqual([['Missing', 250n]])
  })

  it('the opening of the day: its close still tells which day it was', async () => {
    const report = reconcile(crypto, 'T-1', without(await shopAndStream(), 1))
    expect(report.days).toEqual([
      expect.objectContaining({ businessDate: '2026-11-23', firstRevision: 1, closed: true, complete: false }),
    ])
    expect(report.differences.filter(({ kind }) => kind === 'Missing')).toHaveLength(1)
  })
})

describe('an event doubled is named with its amount', () => {
  it.each([
    ['beside itself', (stream: readonly StoredEvent[]) => stream.toSpliced(6, 0, at(stream, 6))],
    [
      'at the end, as the next revision',
      (stream: readonly StoredEvent[]) => [...stream, { ...at(stream, 6), revision: 20 }],
    ],
    [
      'under another index',
      (stream: readonly StoredEvent[]) => stream.toSpliced(9, 0, { ...at(stream, 6), index: 99 }),
    ],
  ])('%s', async (_, double) => {
    const report = reconcile(crypto, 'T-1', double(await shopAndStream()))
    expect(report.differences.map(({ kind, amount }) => [kind, amount])).toEqual([['Duplicate', 1250n]])
    expect(report.days[0]?.centre.sales).toEqual({ count: 2, sum: 1950n })
  })

  it('the same transaction recorded again under another id', async () => {
    const stream = await shopAndStream(false)
    const last = verifyEvent(crypto, (stream.at(-1) as StoredEvent).text)
    const sale = verifyEvent(crypto, at(stream, 6).text)
    const act = {
      id: '00000000-0000-7000-8000-0000000000ff',
      at: sale.at,
      by: 'test',
      correlation: 'x',
      causation: 'x',
    }
    const again = chain(crypto, tillWords, 'terminal-T-1', last, [sale], act, () => 'AAAA')
    const held = again.map(({ event, text }) => ({ ...event, text }))
    const report = reconcile(crypto, 'T-1', [...stream, ...held])
    expect(report.differences.map(({ kind, amount }) => [kind, amount])).toEqual([['Duplicate', 1250n]])
    expect(report.days[0]?.centre.sales).toEqual({ count: 2, sum: 1950n })
  })

  it('two histories under one revision', async () => {
    const stream = await shopAndStream(false)
    const before = verifyEvent(crypto, at(stream, 12).text)
    const refund = verifyEvent(crypto, at(stream, 13).text)
    const act = {
      id: '00000000-0000-7000-8000-0000000000fe',
      at: refund.at,
      by: 'test',
      correlation: 'x',
      causation: 'x',
    }
    const other = { type: 'RefundRecorded', data: { ...(refund.data as object), reversal: 'r-2', amount: '999' } }
    const [foreign] = chain(crypto, tillWords, 'terminal-T-1', before, [other], act, () => 'AAAA')
    if (!foreign) throw new Error('nothing was written')
    expect(found(stream.toSpliced(14, 0, { ...at(stream, 13), ...foreign.event, text: foreign.text }))).toEqual([
      ['Fork', 999n],
    ])
  })
})

describe('an event altered is named with its amount', () => {
  it('by one digit: what was asked of the phone tells what it was', async () => {
    const stream = changed(await shopAndStream(), 6, '"amount":"1250"', '"amount":"9250"')
    const [altered, totals, ...others] = reconcile(crypto, 'T-1', stream).differences
    expect(others).toEqual([])
    expect(altered).toMatchObject({ kind: 'AmountMismatch', amount: 8000n, events: [at(stream, 6).id] })
    expect(altered?.message).toMatch(
      /^Revision 6 of T-1, TransactionRecorded, was altered: its hash is .* It says 92\.50, and was 12\.50: 80\.00 EUR between them\.$/,
    )
    expect(totals).toMatchObject({ kind: 'TotalsMismatch', amount: 8000n })
  })

  it('a refund, by the verdict on it', async () => {
    const stream = await shopAndStream(false)
    const witnesses = [witness(at(stream, 13), 'a', 'refunds', 250n)]
    expect(found(changed(stream, 13, '"amount":"250"', '"amount":"150"'), { witnesses })).toEqual([
      ['AmountMismatch', 100n],
    ])
  })

  it('in what is no money, it is named with the amount that it is about', async () =>
    expect(found(changed(await shopAndStream(), 6, '"counter":1', '"counter":7'))).toEqual([['AmountMismatch', 1250n]]))

  it('so that it is no longer JSON, its amount is missing from the day', async () => {
    const stream = changed(await shopAndStream(), 6, '{"at"', '{at')
    expect(found(stream)).toEqual([
      ['AmountMismatch', 0n],
      ['TotalsMismatch', 1250n],
    ])
  })

  it('so that it has no longer the shape of its type', async () => {
    const stream = changed(await shopAndStream(), 19, '"totals":{', '"totalz":{')
    expect(found(stream)).toEqual([['AmountMismatch', 0n]])
  })

  it('in the columns beside its text', async () => {
    const stream = await shopAndStream()
    const moved = stream.map(event => (event.revision === 12 ? { ...event, type: 'RefundRecorded' } : event))
    expect(found(moved)).toEqual([['AmountMismatch', 700n]])
  })

  it('with its own hash made anew: it no longer carries the one after it', async () => {
    const stream = await shopAndStream()
    const rewritten = rehashed(at(stream, 6), data => ({ ...data, amount: '9250' }), stream)
    const copy = stream.map(event => (event.revision === 6 ? rewritten : event))
    expect(found(copy)).toEqual([
      ['AmountMismatch', 8000n],
      ['TotalsMismatch', 8000n],
    ])
  })

  it('with every hash after it made anew: it is not the head that the terminal signed', async () => {
    const stream = await shopAndStream(false)
    const { hash } = verifyEvent(crypto, at(stream, 18).text)
    const copy = stream.slice(0, 13)
    for (const event of stream.slice(13)) {
      const change = (data: Record<string, unknown>) => (event.revision === 13 ? { ...data, amount: '150' } : data)
      copy.push(rehashed(event, change, copy))
    }
    expect(found(copy)).toEqual([])
    expect(found(copy, { heads: [{ revision: 18, hash }] })).toEqual([['AmountMismatch', 0n]])
  })
})

/** The event with other data and hashes that fit what is before it in the stream: by hand, id and all. */
const rehashed = (
  stored: StoredEvent,
  change: (data: Record<string, unknown>) => Record<string, unknown>,
  stream: readonly StoredEvent[],
): StoredEvent => {
  const event = JSON.parse(stored.text) as Event<Record<string, unknown> & { salt: string }>
  const { hash: prev } = JSON.parse(at(stream, stored.revision - 1).text) as Event
  const { salt, ...data } = change(event.data) as Record<string, unknown> & { salt: string }
  const { id, at: time, by, correlation, causation } = event
  const before = { revision: stored.revision - 1, hash: prev }
  const act = { id, at: time, by, correlation, causation }
  const [written] = chain(crypto, tillWords, event.stream, before, [{ type: event.type, data }], act, () => salt)
  if (!written) throw new Error('nothing was written')
  return { ...stored, id: written.event.id, text: written.text }
}

describe('a stream in which a newer till wrote', () => {
  it('is sound, and its day is not complete where figures may be wanting', async () => {
    const { store } = log()
    const write = writer(store, {
      ...tillWords,
      HologramShown: word(z.looseObject({})),
      TipGiven: moneyWord(z.looseObject({})),
      TransactionRecorded: word(z.looseObject({}), data => data),
    })
    const shop = shopDay(write)
    const wrote = (type: string) => write('terminal-T-1', '2026-11-23T10:00:00.000Z', { type, data: {} })
    await shop.commissioned()
    await shop.opened()
    await wrote('HologramShown')
    await shop.closed()
    await shop.opened('2026-11-24')
    await wrote('TipGiven')
    await wrote('TransactionRecorded')
    await wrote('TransactionRecorded')
    await shop.closed()
    const { days, differences } = reconcile(crypto, 'T-1', store.events)
    expect(days.map(({ businessDate, complete }) => [businessDate, complete])).toEqual([
      ['2026-11-23', true],
      ['2026-11-24', false],
    ])
    expect(differences.map(({ kind, message }) => [kind, message])).toEqual([
      ['NotUnderstood', 'Revision 5 of T-1, TipGiven in shape 1, is not understood by this version.'],
      ['NotUnderstood', 'Revision 6 of T-1, TransactionRecorded in shape 2, is not understood by this version.'],
      ['NotUnderstood', 'Revision 7 of T-1, TransactionRecorded in shape 2, is not understood by this version.'],
    ])
  })
})

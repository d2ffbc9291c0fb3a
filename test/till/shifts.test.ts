import { describe, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import { nodeCrypto } from '#machine/crypto'
import { decide, evolve, type TillFact } from '#till'
import type { TillCommand } from '#till/commands'
import type { TillEvent } from '#till/events'
import { dayLines } from '#till/print'
import { readSnapshot, snapshotOf } from '#till/snapshot'
import { emptyTill } from '#till/state'
import { eur, id, occurred, start, today } from './sales.ts'

/** Two cashiers on one till: what each took and gave back, and the paper that says so. */

const crypto = nodeCrypto()
const sha = '0'.repeat(64)

const counter = () => {
  let till = emptyTill()
  const log: TillFact[] = []
  const write = (...events: readonly TillEvent[]): void => {
    for (const event of events) {
      const fact = { ...event, revision: log.length }
      log.push(fact)
      till = evolve(till, fact)
    }
  }
  const order = (command: TillCommand): readonly TillEvent[] => {
    const answer = decide(command, till)
    if (isRefusal(answer)) throw new Error(answer.message)
    write(...answer)
    return answer
  }
  const sell = (word: string, gross: bigint): void => {
    const { receiptNumber, cashier, day } = till
    const { transaction, sale, ...tap } = start(word, gross)
    const money = { amount: `${gross}`, currency: 'EUR' as const }
    write(
      { type: 'TapStarted', data: { ...tap, transaction, sale: sale.sale, ...money } },
      {
        type: 'TransactionRecorded',
        data: {
          transaction,
          sale: sale.sale,
          receiptNumber: receiptNumber + 1,
          businessDate: day?.businessDate ?? today,
          ...(cashier === undefined ? {} : { cashier }),
          ...money,
          card: '9250000000000017',
          license: 'l-1',
          counter: 1,
          payment: sha,
          allowanceLeft: '0',
          occurred,
        },
      },
    )
  }
  return { order, sell, write, log, till: () => till }
}
type Counter = ReturnType<typeof counter>

const end = ({ log }: Counter) => ({ currency: 'EUR' as const, revision: log.length - 1, head: sha })
const open = ({ order }: Counter) => order({ type: 'OpenDay', businessDate: today, today })
const refund = (word: string, cents: bigint) =>
  ({ type: 'RefundTransaction', reversal: `r ${word}`, transaction: id(word), amount: eur(cents), occurred }) as const
const shift = (here: Counter): void => {
  open(here)
  here.sell('early', 100n)
  here.order({ type: 'AppointStaff', staff: '7', role: 'supervisor' })
  here.order({ type: 'SignOn', cashier: '7' })
  here.sell('bread', 250n)
  here.order({ type: 'AppointStaff', staff: '8', role: 'cashier', by: '7' })
  here.order({ type: 'SignOff' })
  here.order({ type: 'SignOn', cashier: '8' })
  here.sell('milk', 300n)
  here.order(refund('bread', 50n))
  here.order({ type: 'VoidTransaction', reversal: 'v milk', transaction: id('milk'), occurred })
}
const line = (count: number, sum: bigint) => ({ count, sum: `${sum}` })
const none = line(0, 0n)
const shifts = [
  { totals: { sales: line(1, 100n), voids: none, refunds: none, declined: none, torn: none } },
  { cashier: '7', totals: { sales: line(1, 250n), voids: none, refunds: none, declined: none, torn: none } },
  {
    cashier: '8',
    totals: { sales: line(1, 300n), voids: line(1, 300n), refunds: line(1, 50n), declined: none, torn: none },
  },
]

describe('a day of two cashiers', () => {
  it('closes with what each of them took and gave back, which adds up to the day', () => {
    const here = counter()
    shift(here)
    const [closed] = here.order({ type: 'CloseDay', ...end(here) })
    expect(closed).toMatchObject({ type: 'DayClosed', data: { shifts } })
    const { totals } = (closed as Extract<TillEvent, { type: 'DayClosed' }>).data
    for (const type of ['sales', 'voids', 'refunds'] as const) {
      const sum = shifts.reduce((so, each) => so + BigInt(each.totals[type].sum), 0n)
      expect(totals[type].sum).toBe(`${sum}`)
    }
  })

  it('says so on paper, in the till’s language', () => {
    const here = counter()
    shift(here)
    const [closed] = here.order({ type: 'CloseDay', ...end(here) })
    const { data } = closed as Extract<TillEvent, { type: 'DayClosed' }>
    const shop = { merchantName: 'Corner', shop: 's-1', terminal: 'T-1', zone: 'Europe/Berlin', mode: 'live' as const }
    const lines = dayLines(shop, data, 32, 'de')
    expect(lines.slice(lines.indexOf('Kassierer 8'), -3)).toEqual([
      'Kassierer 8',
      '  1 Verkäufe            3,00 EUR',
      '  1 Stornos             3,00 EUR',
      '  1 Erstattungen        0,50 EUR',
      '  Netto                -0,50 EUR',
      '-'.repeat(32),
    ])
    expect(lines).toContain('Niemand angemeldet')
  })

  it('survives a start from a snapshot', () => {
    const here = counter()
    shift(here)
    const text = snapshotOf(crypto, here.till(), { revision: here.log.length - 1, hash: sha })
    expect(readSnapshot(crypto, text)?.till).toEqual(here.till())
  })

  it('of a till without staff says nothing of cashiers', () => {
    const here = counter()
    open(here)
    here.sell('bread', 250n)
    const [closed] = here.order({ type: 'CloseDay', ...end(here) })
    expect(closed?.data).not.toHaveProperty('shifts')
  })
})

describe('the receipt of a reversal', () => {
  it('is printed again as a copy that is counted, by its own number', () => {
    const here = counter()
    shift(here)
    const { receiptNumber } = here.till()
    expect(here.order({ type: 'ReprintReceipt', transaction: id('bread'), reversal: 'r bread' })).toMatchObject([
      { type: 'ReceiptReprinted', data: { reversal: 'r bread', receiptNumber: receiptNumber + 1, cashier: '8' } },
    ])
    expect(here.till().reversals.get('r bread')).toMatchObject({ copies: 1, kind: 'refund', receiptNumber: 4 })
    expect(here.till().recorded.get(id('bread'))).toMatchObject({ copies: 0 })
  })

  it.each([
    ['that nobody knows', 'none', id('bread')],
    ['of another payment', 'v milk', id('bread')],
  ])('%s is not printed', (_, reversal, transaction) => {
    const here = counter()
    shift(here)
    expect(decide({ type: 'ReprintReceipt', transaction, reversal }, here.till())).toMatchObject({
      reason: 'ReversalUnknown',
    })
  })
})

/**
 * A state of another shape that bears the old number would be read as one of this till's. So the whole of it is pinned:
 * who changes what stands here raises `snapshotShape`, and writes the new digest beside the new number.
 */
it('the state after this log is, to the octet, the one of its shape', () => {
  const here = counter()
  shift(here)
  here.order({ type: 'CloseDay', ...end(here) })
  here.order({ type: 'OpenDay', businessDate: '2026-11-24', today: '2026-11-24' })
  here.sell('cheese', 700n)
  const { by, state } = JSON.parse(snapshotOf(crypto, here.till(), { revision: here.log.length - 1, hash: sha }))
  const digest = Buffer.from(crypto.sha256(new TextEncoder().encode(state))).toString('hex')
  expect([by.split(' ')[0], digest.slice(0, 16)]).toEqual(['3', '9a40fb21055117d2'])
})

import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { word } from '#canonical/event'
import { memoryRows } from '#eventstore/memory/rows'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { tradeWords } from '#ledger/vocabulary'
import { projections } from '#projections'
import { balanceAsOf } from '#projections/as-of'
import { accountList, balanceOf, balances, balanceTotals, figuresOfAccount } from '#projections/balances'
import { newerEvents, notUnderstood } from '#projections/newer'
import { postings, postingsOfAccount } from '#projections/postings'
import {
  accepted,
  accountOpened,
  crypto,
  decided,
  folded,
  givenBack,
  granted,
  held,
  log,
  repaid,
  when,
  writer,
} from '../trade.ts'

const both = [balances, postings]
const day = (date: number, hour = 10) => `2026-11-${date}T${hour.toString().padStart(2, '0')}:00:00.000Z`

describe('a balance', () => {
  it('is what is left of the limit after what is owed and what is promised', async () => {
    const { store, write } = log()
    await write('account-acc-1', day(20), accountOpened('acc-1', '50000'), granted('acc-1', 'l-1', '20000'))
    await write('payment-a', day(21), accepted('a', '1250', when(day(21))))
    await write('payment-b', day(21), accepted('b', '300', when(day(21)), { within: '200', excess: '100' }))
    await write('payment-b', day(22), givenBack('b', '50', when(day(22))))
    await write('account-acc-1', day(23), repaid('acc-1', '400'))
    const rows = await folded(store, both)
    // Owed 12.50 + 3.00 - 0.50 - 4.00 = 11.00; held 200.00 - 12.50 - 2.00 = 185.50; 500 - 11.00 - 185.50 = 303.50.
    expect(await balanceOf(rows, { account: 'acc-1' })).toEqual({
      account: 'acc-1',
      currency: 'EUR',
      limit: '500.00',
      owed: '11.00',
      inDispute: '0.00',
      held: '185.50',
      available: '303.50',
      index: 5,
    })
    expect(await balanceAsOf(rows, { account: 'acc-1' })).toMatchObject({
      owed: '11.00',
      held: '185.50',
      available: '303.50',
    })
    // What the payer repaid the account's own stream tells, and is not told twice.
    expect(await figuresOfAccount(rows, 'acc-1')).toEqual([
      { currency: 'EUR', charged: 1500n, inDispute: 0n, drawn: 1450n, knownAt: 5 },
    ])
  })

  it('gets back what was left of a hold that ended', async () => {
    const { store, write } = log()
    await write('account-acc-1', day(20), accountOpened('acc-1', '50000'), granted('acc-1', 'l-1', '20000'))
    await write('payment-a', day(21), accepted('a', '1250', when(day(21))))
    await write('account-acc-1', day(22), {
      type: 'AllowanceReleased',
      data: { account: 'acc-1', license: 'l-1', amount: '18750', currency: 'EUR' },
    })
    const rows = await folded(store, both)
    expect(await balanceOf(rows, { account: 'acc-1' })).toMatchObject({
      owed: '12.50',
      held: '0.00',
      available: '487.50',
    })
    expect(await figuresOfAccount(rows, 'acc-1')).toMatchObject([{ drawn: 1250n }])
  })

  it('below zero is shown as it is', async () => {
    const { store, write } = log()
    await write('account-acc-1', day(20), accountOpened('acc-1', '1000'))
    await write('payment-a', day(21), accepted('a', '1500', when(day(21)), { within: '0', excess: '1500' }))
    const rows = await folded(store, both)
    expect(await balanceOf(rows, { account: 'acc-1' })).toMatchObject({ owed: '15.00', available: '-5.00' })
    expect(await balanceTotals(rows)).toMatchObject({ accounts: 1, available: [{ currency: 'EUR', amount: '-5.00' }] })
  })

  it('of one payer is not netted with another’s debt in the sums', async () => {
    const { store, write } = log()
    await write('account-acc-1', day(20), accountOpened('acc-1', '5000'))
    await write('account-acc-2', day(20), accountOpened('acc-2', '5000'))
    await write('payment-a', day(21), accepted('a', '2750', when(day(21))))
    await write('account-acc-2', day(22), {
      type: 'RepaymentReceived',
      data: { account: 'acc-2', repayment: 'r', amount: '2750', currency: 'EUR', source: 'bank' },
    })
    const rows = await folded(store, both)
    expect(await balanceTotals(rows)).toMatchObject({
      owed: [{ currency: 'EUR', amount: '27.50' }],
      credit: [{ currency: 'EUR', amount: '27.50' }],
    })
  })

  it('of a held payment is untouched until it is decided', async () => {
    const { store, write } = log()
    await write('account-acc-1', day(20), accountOpened('acc-1', '1000'))
    await write('payment-a', day(21), held('a', '700', when(day(21))))
    expect(await balanceOf(await folded(store, both), { account: 'acc-1' })).toMatchObject({ owed: '0.00' })
    await write('payment-a', day(22), decided('a', 'payer', '700', when(day(21), day(22))))
    expect(await balanceOf(await folded(store, both), { account: 'acc-1' })).toMatchObject({ owed: '7.00' })
  })

  it('exists per currency, and nothing is netted across', async () => {
    const { store, write } = log()
    await write('account-acc-1', day(20), accountOpened('acc-1', '1000'), {
      type: 'CreditLimitSet',
      data: { account: 'acc-1', currency: 'JPY', limit: '9000' },
    })
    await write('payment-a', day(21), accepted('a', '500', when(day(21)), { currency: 'JPY', within: '0' }))
    const rows = await folded(store, both)
    expect(await balanceOf(rows, { account: 'acc-1' })).toMatchObject({ currency: 'EUR', available: '10.00' })
    expect(await balanceOf(rows, { account: 'acc-1', currency: 'JPY' })).toMatchObject({
      owed: '500',
      available: '8500',
    })
    expect(await balanceAsOf(rows, { account: 'acc-1', currency: 'JPY' })).toMatchObject({ owed: '500', limit: '9000' })
    expect(await balanceTotals(rows)).toEqual({
      accounts: 1,
      owed: [
        { currency: 'EUR', amount: '0.00' },
        { currency: 'JPY', amount: '500' },
      ],
      credit: [
        { currency: 'EUR', amount: '0.00' },
        { currency: 'JPY', amount: '0' },
      ],
      held: [
        { currency: 'EUR', amount: '0.00' },
        { currency: 'JPY', amount: '0' },
      ],
      available: [
        { currency: 'EUR', amount: '10.00' },
        { currency: 'JPY', amount: '8500' },
      ],
    })
  })

  it('of nobody is no answer, and not an empty one', async () => {
    const rows = await folded(log().store, both)
    expect(await balanceOf(rows, { account: 'acc-1' })).toBeUndefined()
    expect(await balanceAsOf(rows, { account: 'acc-1' })).toBeUndefined()
    expect(await figuresOfAccount(rows, 'acc-1')).toEqual([])
  })

  it('accounts are listed page by page', async () => {
    const { store, write } = log()
    for (const name of ['acc-3', 'acc-1', 'acc-2']) await write(`account-${name}`, day(20), accountOpened(name, '100'))
    const rows = await folded(store, both)
    const names = async (asked: Parameters<typeof accountList>[1]) =>
      (await accountList(rows, asked)).accounts.map(each => each.account)
    expect(await names({})).toEqual(['acc-1', 'acc-2', 'acc-3'])
    expect(await names({ after: 'acc-1', limit: 1 })).toEqual(['acc-2'])
  })
})

describe('what a newer writer says', () => {
  it('is counted if it moves money, and skipped if it does not', async () => {
    const { store, write } = log()
    await write('account-acc-1', day(20), accountOpened('acc-1', '1000'))
    const newer = writer(store, {
      CreditTeleported: { ...word(z.object({ amount: z.string() })), money: true },
      RepaymentReceived: { ...tradeWords.RepaymentReceived, schema: 2, data: z.object({ repaid: z.string() }) },
      DayNamed: word(z.object({ name: z.string() })),
    })
    await newer(
      'elsewhere-1',
      day(21),
      { type: 'CreditTeleported', data: { amount: '5' } },
      { type: 'DayNamed', data: { name: 'x' } },
    )
    await newer('elsewhere-2', day(21), { type: 'RepaymentReceived', data: { repaid: '5' } })
    const rows = await folded(store, projections)
    expect(await notUnderstood(rows)).toBe(2)
    expect(await newerEvents(rows)).toEqual([
      { terminal: null, type: 'CreditTeleported', schema: 1, money: true, count: 1, firstIndex: 1 },
      { terminal: null, type: 'DayNamed', schema: 1, money: false, count: 1, firstIndex: 2 },
      { terminal: null, type: 'RepaymentReceived', schema: 2, money: true, count: 1, firstIndex: 3 },
    ])
    expect(await balanceOf(rows, { account: 'acc-1' })).toMatchObject({ owed: '0.00', index: 3 })
  })
})

/**
 * Two sales without network on the 21st and the 22nd; the terminal is heard of on the 24th. Between, 10.00 were repaid.
 * The payer owes, in euros:
 *
 *   what was known at index 2 (before the terminal came):  -10.00
 *   as of the 21st in the evening, known today:             12.50
 *   both:                                                    0.00
 *   today:                                     12.50 + 3.00 - 10.00 = 5.50
 */
describe('a balance on three dates', () => {
  const scene = async () => {
    const { store, write } = log()
    await write('account-acc-1', day(20), accountOpened('acc-1', '10000'), granted('acc-1', 'l-1', '5000'))
    await write('account-acc-1', day(23), repaid('acc-1', '1000'))
    await write('payment-a', day(24), accepted('a', '1250', when(day(21, 12), day(24), day(20))))
    await write('payment-b', day(24), accepted('b', '300', when(day(22, 12), day(24), day(20))))
    await write('account-acc-1', day(25), {
      type: 'CreditLimitSet',
      data: { account: 'acc-1', currency: 'EUR', limit: '20000' },
    })
    return folded(store, both)
  }
  const evening = day(21, 20)

  it('now', async () =>
    expect(await balanceAsOf(await scene(), { account: 'acc-1' })).toMatchObject({
      limit: '200.00',
      owed: '5.50',
      held: '34.50',
      available: '160.00',
      index: 5,
      straddling: [],
    }))

  it('as it was known at a log index', async () =>
    expect(await balanceAsOf(await scene(), { account: 'acc-1', knownAt: 2 })).toMatchObject({
      limit: '100.00',
      owed: '-10.00',
      held: '50.00',
      // What the payer has with us is not more credit.
      available: '50.00',
      index: 2,
    }))

  it('as of an instant, with what lies across it told apart', async () => {
    const answer = await balanceAsOf(await scene(), { account: 'acc-1', at: evening })
    expect(answer).toMatchObject({ limit: '100.00', owed: '12.50', held: '37.50', available: '50.00', index: 5 })
    expect(
      answer?.straddling.map(({ posting, side, amount, after, before }) => [posting, side, amount, after, before]),
    ).toEqual([
      ['payer:acc-1', 'debit', '12.50', day(20), day(24)],
      ['payer:acc-1', 'debit', '3.00', day(20), day(24)],
      ['commitment:acc-1', 'debit', '12.50', day(20), day(24)],
      ['commitment:acc-1', 'debit', '3.00', day(20), day(24)],
    ])
  })

  it('as of the very instant of a payment, it is in the figure', async () =>
    expect(await balanceAsOf(await scene(), { account: 'acc-1', at: day(21, 12) })).toMatchObject({ owed: '12.50' }))

  it('both', async () =>
    expect(await balanceAsOf(await scene(), { account: 'acc-1', at: evening, knownAt: 2 })).toMatchObject({
      owed: '0.00',
      held: '50.00',
      available: '50.00',
      straddling: [],
    }))

  it('before the account was opened there was no limit', async () =>
    expect(await balanceAsOf(await scene(), { account: 'acc-1', at: day(19) })).toMatchObject({
      limit: '0.00',
      owed: '0.00',
    }))

  it('an index that is not reached yet is answered as far as the rows are', async () =>
    expect(await balanceAsOf(await scene(), { account: 'acc-1', knownAt: 900 })).toMatchObject({
      owed: '5.50',
      index: 5,
    }))

  it('each posting shows its dates, the newest first', async () => {
    const { postings: lines, index } = await postingsOfAccount(await scene(), { account: 'acc-1' })
    expect(index).toBe(5)
    expect(lines.map(({ index, posting, side, amount }) => `${index} ${posting} ${side} ${amount}`)).toEqual([
      '4 commitment:acc-1 debit 3.00',
      '4 payer:acc-1 debit 3.00',
      '3 commitment:acc-1 debit 12.50',
      '3 payer:acc-1 debit 12.50',
      '2 payer:acc-1 credit 10.00',
      '1 commitment:acc-1 credit 50.00',
    ])
    expect(lines[0]).toMatchObject({
      type: 'PaymentAccepted',
      book: 'commitments',
      occurred: day(22, 12),
      businessDate: '2026-11-22',
      bookingDate: '2026-11-24',
    })
    expect((await postingsOfAccount(await scene(), { account: 'acc-1', before: 3, limit: 1 })).postings).toHaveLength(1)
  })
})

describe('rows are a fold of the log', () => {
  it('equal on disk and in memory, and again after they were thrown away', async () => {
    const { store, write } = log()
    await write('account-acc-1', day(20), accountOpened('acc-1', '50000'), granted('acc-1', 'l-1', '20000'))
    await write('merchant-m-1', day(20), {
      type: 'MerchantOpened',
      data: { merchant: 'm-1', name: 'Bakery', currency: 'EUR' },
    })
    await write('payment-a', day(21), accepted('a', '1250', when(day(21)), { fee: '19', tax: '4' }))
    await write('payment-a', day(21), givenBack('a', '1250', when(day(22)), { feeBack: '19', taxBack: '4' }))
    await write('payment-b', day(22), held('b', '900', when(day(22))))
    const disk = sqliteRows(':memory:')
    try {
      const memory = await folded(store, projections, memoryRows())
      await folded(store, projections, disk)
      const prints = (rows: typeof memory) =>
        Promise.all(projections.map(projection => rows.fingerprint(projection, crypto)))
      const first = await prints(disk)
      expect(first).toEqual(await prints(memory))
      for (const projection of projections) await disk.reset(projection)
      await folded(store, projections, disk)
      expect(await prints(disk)).toEqual(first)
    } finally {
      disk.close()
    }
  })
})

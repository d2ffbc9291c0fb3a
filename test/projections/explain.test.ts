import { describe, expect, it } from 'vitest'
import { memoryRows } from '#eventstore/memory/rows'
import type { Rows } from '#eventstore/rows'
import type { TradeEvent } from '#ledger/vocabulary'
import { balances } from '#projections/balances'
import { explainAccount, explainLedger } from '#projections/explain'
import { merchants } from '#projections/merchants'
import { postings, postingsOfAccount } from '#projections/postings'
import { accepted, accountOpened, folded, givenBack, granted, hash, log, repaid, when } from '../trade.ts'

/**
 * Figures by hand. Limit 500.00, raised to 600.00; a hold of 200.00; payments of 12.50 and 33.33 with fees of 0.19 and
 * 0.50 (tax 0.04 and 0.10); 10.00 given back with 0.15 and 0.03 of fee and tax; 20.00 repaid:
 * owed 12.50 + 33.33 − 10.00 − 20.00 = 15.83; held 200.00 − 45.83 = 154.17; available 600.00 − 15.83 − 154.17 = 430.00.
 */
const town = async () => {
  const { store, write } = log()
  await write('account-acc-1', '2026-11-23T08:00:00.000Z', accountOpened('acc-1', '50000'))
  await write('account-acc-1', '2026-11-23T08:01:00.000Z', granted('acc-1', 'l-1', '20000'))
  const a = when('2026-11-23T09:00:00.000Z', '2026-11-23T12:00:00.000Z')
  const b = when('2026-11-23T10:00:00.000Z', '2026-11-23T12:00:00.000Z')
  await write(`payment-${hash('a')}`, a.occurred.before, accepted('a', '1250', a, { fee: '19', tax: '4' }))
  await write(`payment-${hash('b')}`, b.occurred.before, accepted('b', '3333', b, { fee: '50', tax: '10' }))
  const back = when('2026-11-24T10:00:00.000Z')
  const fee = { feeBack: '15', taxBack: '3' }
  await write(`payment-${hash('b')}`, '2026-11-24T10:00:00.000Z', givenBack('b', '1000', back, fee))
  await write('account-acc-1', '2026-11-25T08:00:00.000Z', repaid('acc-1', '2000'))
  const raised = { account: 'acc-1', currency: 'EUR', limit: '60000' }
  await write('account-acc-1', '2026-11-26T08:00:00.000Z', { type: 'CreditLimitSet', data: raised })
  await write('account-acc-2', '2026-11-26T09:00:00.000Z', accountOpened('acc-2', '10000', 'CHF'))
  return folded(store, [balances, postings, merchants])
}
const account = async (rows: Rows, asked: Parameters<typeof explainAccount>[2] = {}) => {
  const found = await explainAccount(rows, 'acc-1', asked)
  if (!found) throw new Error('acc-1 is not there')
  return found
}
const lineOf = ({ index, type, posting, side, amount, after }: Awaited<ReturnType<typeof account>>['lines'][number]) =>
  `${index} ${type} ${side ?? ''} ${posting} ${amount}: ${after.limit} ${after.owed} ${after.held} ${after.available}`

describe('an account’s figures', () => {
  it('have every posting behind them, the newest first, with what stood after each', async () => {
    const { figures, lines, proof, next } = await account(await town())
    expect(figures).toEqual({
      limit: '600.00',
      owed: '15.83',
      inDispute: '0.00',
      held: '154.17',
      available: '430.00',
    })
    expect(lines.map(lineOf)).toEqual([
      '6 limit set  limit 600.00: 600.00 15.83 154.17 430.00',
      '5 RepaymentReceived credit payer:acc-1 20.00: 500.00 15.83 154.17 330.00',
      '4 ReversalAccepted credit payer:acc-1 10.00: 500.00 35.83 154.17 310.00',
      '3 PaymentAccepted debit payer:acc-1 33.33: 500.00 45.83 154.17 300.00',
      '3 PaymentAccepted debit commitment:acc-1 33.33: 500.00 12.50 154.17 333.33',
      '2 PaymentAccepted debit payer:acc-1 12.50: 500.00 12.50 187.50 300.00',
      '2 PaymentAccepted debit commitment:acc-1 12.50: 500.00 0.00 187.50 312.50',
      '1 AllowanceGranted credit commitment:acc-1 200.00: 500.00 0.00 200.00 300.00',
      '0 limit set  limit 500.00: 500.00 0.00 0.00 500.00',
    ])
    expect(proof).toEqual({
      sums: {
        owed: { debits: '45.83', credits: '30.00', postings: 4, sum: '15.83' },
        held: { debits: '45.83', credits: '200.00', postings: 3, sum: '154.17' },
      },
      compared: true,
      holds: true,
      says: '600.00 − 15.83 − 0.00 − 154.17 = 430.00',
    })
    expect(next).toBeNull()
    expect(lines[3]).toMatchObject({
      payment: hash('b'),
      occurred: '2026-11-23T10:00:00.000Z',
      businessDate: '2026-11-23',
      bookingDate: '2026-11-23',
    })
  })

  it('page by page are the same lines, and no event is cut in two', async () => {
    const rows = await town()
    const whole = (await account(rows)).lines.map(lineOf)
    for (const limit of [1, 2, 3, 4, 5, 8]) {
      const listed: string[] = []
      for (let before: number | undefined, pages = 0; ; pages++) {
        const page = await account(rows, { limit, ...(before === undefined ? {} : { before }) })
        // Every page tells the figure and its proof, and not of the page alone.
        expect(page.proof).toMatchObject({ holds: true, sums: { owed: { postings: 4 } } })
        listed.push(...page.lines.map(lineOf))
        if (page.next === null) break
        expect(pages).toBeLessThan(10)
        before = page.next
      }
      expect(listed).toEqual(whole)
    }
  })

  it('as of a moment, and as known at an index', async () => {
    const rows = await town()
    const then = await account(rows, { at: '2026-11-23T09:30:00.000Z' })
    expect(then.figures).toMatchObject({ owed: '12.50', held: '187.50', available: '300.00' })
    expect(then.lines.map(({ index }) => index)).toEqual([2, 2, 1, 0])
    expect(then.proof).toMatchObject({ holds: true, compared: false })
    const known = await account(rows, { knownAt: 3 })
    expect(known).toMatchObject({ index: 3, figures: { limit: '500.00', owed: '45.83', available: '300.00' } })
    expect(known.lines[0]).toMatchObject({ index: 3, after: known.figures })
  })

  it('are not netted across currencies, and an account that is not there has none', async () => {
    const rows = await town()
    expect(await explainAccount(rows, 'acc-2', {})).toMatchObject({ currency: 'CHF', figures: { limit: '100.00' } })
    expect(await explainAccount(rows, 'acc-1', { currency: 'CHF' })).toBeUndefined()
    expect(await explainAccount(rows, 'acc-9', {})).toBeUndefined()
  })

  it('that their postings do not come to do not hold, and it says by what', async () => {
    const rows = await town()
    const row = await rows.get(balances, 'balance', ['acc-1', 'EUR'])
    const at = await rows.checkpoint(balances)
    await rows.mend(balances, [{ table: 'balance', key: ['acc-1', 'EUR'], row: { ...row, owed: 1584n } }], at)
    expect((await account(rows)).proof).toMatchObject({
      holds: false,
      says: 'owed is told as 15.84, and its postings come to 15.83; available is told as 429.99, and its postings come to 430.00',
    })
  })
})

it('a credit balance counts from where the account’s terms say so', async () => {
  const { store, write } = log()
  await write('account-acc-1', '2026-11-23T08:00:00.000Z', accountOpened('acc-1', '50000'))
  await write('account-acc-1', '2026-11-23T09:00:00.000Z', repaid('acc-1', '2000'))
  const terms = { account: 'acc-1', currency: 'EUR', creditCounts: true, oversubscription: '0' }
  await write('account-acc-1', '2026-11-23T10:00:00.000Z', { type: 'AccountTermsSet', data: terms })
  const rows = await folded(store, [balances, postings, merchants])
  const { figures, lines, proof } = await account(rows)
  expect(figures).toMatchObject({ owed: '-20.00', available: '520.00' })
  expect(lines.map(({ after }) => after.available)).toEqual(['520.00', '500.00', '500.00'])
  expect(proof).toMatchObject({ holds: true, compared: true, says: '500.00 − -20.00 − 0.00 − 0.00 = 520.00' })
  expect(await account(rows, { knownAt: 1 })).toMatchObject({
    figures: { available: '500.00' },
    proof: { holds: true },
  })
})

describe('an account of the ledger', () => {
  it('a merchant: what it was paid, less fees and what went back', async () => {
    const rows = await town()
    // 12.50 − 0.23 + 33.33 − 0.60 − 10.00 + 0.18 = 35.18
    const found = await explainLedger(rows, 'merchant:m-1', { limit: 5 })
    expect(found).toMatchObject({
      figures: { side: 'credit', balance: '35.18' },
      proof: { compared: true, holds: true, says: '46.01 − 10.83 = 35.18' },
      next: 4,
    })
    expect(
      found?.lines.map(({ index, side, amount, after }) => `${index} ${side} ${amount}: ${after.balance}`),
    ).toEqual(['4 credit 0.03: 35.18', '4 credit 0.15: 35.15', '4 debit 10.00: 35.00'])
    const at = await rows.checkpoint(merchants)
    const wrong = { merchant: 'm-1', currency: 'EUR', amount: 3519n }
    await rows.mend(merchants, [{ table: 'payable', key: ['m-1', 'EUR'], row: wrong }], at)
    expect((await explainLedger(rows, 'merchant:m-1', {}))?.proof).toMatchObject({ holds: false })
  })
  it('fees, and one that is not there', async () => {
    const rows = await town()
    expect(await explainLedger(rows, 'fees', {})).toMatchObject({ figures: { side: 'credit', balance: '0.54' } })
    expect(await explainLedger(rows, 'clearing:bank', {})).toMatchObject({
      figures: { side: 'debit', balance: '20.00' },
    })
    expect(await explainLedger(rows, 'merchant:m-2', {})).toBeUndefined()
    expect(await explainLedger(memoryRows(), 'fees', {})).toBeUndefined()
  })
})

describe('an event that fills more than a page', () => {
  const adjusted = async () => {
    const { store, write } = log()
    await write('account-acc-1', '2026-11-23T08:00:00.000Z', accountOpened('acc-1', '50000'))
    await write('account-acc-1', '2026-11-23T09:00:00.000Z', repaid('acc-1', '700'))
    const line = { amount: '1', currency: 'EUR' }
    const lines = [
      ...Array.from({ length: 49 }, () => ({ account: 'payer:acc-1', side: 'debit', ...line })),
      { account: 'losses', side: 'credit', ...line, amount: '49' },
    ]
    const data = { adjustment: 'a-1', lines, operators: ['ada', 'ben'], reason: 'put right' }
    await write('adjustment-a-1', '2026-11-24T08:00:00.000Z', { type: 'AdjustmentApproved', data } as TradeEvent)
    return folded(store, [balances, postings, merchants])
  }
  it.each([1, 7, 10, 49, 50, 51])('is explained whole, and so is what lies below it: pages of %i', async limit => {
    const rows = await adjusted()
    const lines = []
    for (let before: number | null | undefined; before !== null; ) {
      const page = await account(rows, { limit, ...(before === undefined ? {} : { before }) })
      lines.push(...page.lines)
      before = page.next
    }
    expect(lines).toHaveLength(51)
    expect(lines.at(-1)).toMatchObject({ type: 'limit set' })
  })
  it('is not cut by the list of postings where it does not fill the page', async () => {
    const rows = await adjusted()
    await expect(postingsOfAccount(rows, { account: 'acc-1', limit: 49 })).resolves.toMatchObject({
      postings: Array.from({ length: 49 }, () => ({ type: 'AdjustmentApproved' })),
    })
    const { store, write } = log()
    await write('account-acc-1', '2026-11-23T08:00:00.000Z', accountOpened('acc-1', '50000'))
    const losses = { losses: '10', merchants: [{ merchant: 'm-1', amount: '5' }] }
    const asked = { account: 'acc-1', writeOff: 'w-1', amount: '15', currency: 'EUR', rule: 1, why: 'gone' }
    const data = { ...asked, ...losses, operators: ['ada', 'ben'] }
    await write('account-acc-1', '2026-11-24T08:00:00.000Z', { type: 'DebtWrittenOff', data } as TradeEvent)
    await write('account-acc-1', '2026-11-25T08:00:00.000Z', repaid('acc-1', '700'))
    const two = await folded(store, [balances, postings, merchants])
    // Two of three would end amid the write-off, and the next page begins below it.
    const page = await postingsOfAccount(two, { account: 'acc-1', limit: 2 })
    expect(page.postings.map(({ type }) => type)).toEqual(['RepaymentReceived'])
  })
})

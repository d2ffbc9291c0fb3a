import { afterEach, describe, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import { amount } from '#money'
import { reactAgain } from '../simulation/rows-audit.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre } from './hand.ts'

/** An account with two phones, one of them lost at night; its debts, its end, and what it leaves behind. */

const [clerk, approver] = ['operator:clara', 'operator:paul']
let world: World
afterEach(() => world.end())

/** Anna has a limit of 500.00 and two phones of 200.00 each. */
const start = async (seed: string, terminals = 2) => {
  const phone = { account: 'anna', limit: 50_000n, allowance: '200.00' }
  world = await makeWorld({ seed, terminals, phones: [phone, phone] })
}
const pay = async (minor: bigint, phone: number, terminal = 'T-1') => {
  orThrow(await world.key(minor, terminal))
  return world.phones.tap(world.phones.phones()[phone]?.id ?? '', terminal, true)
}
const licenseOf = (phone: number) => atCentre<{ license: string }>(world, 'LicenseIssued')[phone]?.data.license ?? ''
const balance = async () => orThrow(await world.centre().ask.balance({ account: 'anna' }))
const holds = async () => orThrow(await world.centre().ask.holds('anna')).holds
const exposure = async () => orThrow(await world.centre().ask.exposure())
const why = { account: 'anna', reason: 'the holder called', by: clerk }
const eur = (minor: bigint) => ({ account: 'anna', amount: amount(minor), currency: 'EUR', by: clerk })

describe('an account with two phones', () => {
  it('owes what both spent: a debt follows the account, not the key', async () => {
    await start('two phones')
    expect(await pay(1_000n, 0)).toMatchObject({ outcome: 'paid' })
    expect(await pay(2_000n, 1, 'T-2')).toMatchObject({ outcome: 'paid' })
    for (const id of ['T-1', 'T-2']) orThrow(await world.sync(id))
    expect(await balance()).toMatchObject({ owed: '30.00', held: '370.00', available: '100.00' })
    expect(orThrow(await exposure())).toMatchObject({
      total: [{ currency: 'EUR', amount: '370.00', licenses: 2 }],
      byMonth: [{ of: '2026-11', amount: '370.00' }],
      byShop: [{ of: 's-1', amount: '370.00', licenses: 2 }],
    })
    // One phone ends; what it spent is owed still, and its repayment pays what either spent.
    orThrow(await world.centre().loseLicense({ ...why, license: licenseOf(0), suspend: false }))
    orThrow(await world.centre().receiveRepayment({ ...eur(3_000n), source: 'bank' }))
    expect(await balance()).toMatchObject({ owed: '0.00', held: '370.00' })
  })

  it('has a limit in each of two currencies, and nothing is netted between them', async () => {
    await start('two currencies')
    const chf = { account: 'anna', currency: 'CHF', by: clerk }
    orThrow(await world.centre().setCreditLimit({ ...chf, limit: amount(10_000n) }))
    orThrow(await world.centre().receiveRepayment({ ...chf, amount: amount(700n), source: 'bank' }))
    const out = { payout: 'p-1', source: 'bank', reason: 'asked for' }
    expect(await world.centre().proposePayout({ ...eur(700n), ...out })).toMatchObject({
      reason: 'PayoutExceedsCredit',
      credit: 0n,
    })
    orThrow(await world.centre().proposePayout({ ...chf, amount: amount(700n), ...out }))
    orThrow(await world.centre().approveAccountOrder({ account: 'anna', proposal: 'p-1', by: approver }))
    expect(await world.centre().accountPage('anna')).toMatchObject({
      currencies: [
        { currency: 'EUR', limit: '500.00' },
        { currency: 'CHF', limit: '100.00' },
      ],
    })
  })
})

describe('what one person could rob the house by', () => {
  const of = { account: 'anna', by: clerk }
  const page = async () => orThrow(await world.centre().accountPage('anna'))
  const approve = (proposal: string, by: string) =>
    world.centre().approveAccountOrder({ account: 'anna', proposal, by })

  it('is a repayment that nobody made, paid out again: it takes two, and the balance of then', async () => {
    await start('robbery', 1)
    orThrow(await world.centre().receiveRepayment({ ...eur(9_000n), repayment: 'r-1', source: 'bank' }))
    const out = { ...eur(9_000n), payout: 'p-1', source: 'till', reason: 'moves away' }
    expect(orThrow(await world.centre().proposePayout(out))).toMatchObject({ state: 'proposed' })
    // Asked again because the answer was lost.
    expect(orThrow(await world.centre().proposePayout(out))).toMatchObject({ state: 'proposed' })
    expect(await balance()).toMatchObject({ owed: '-90.00' })
    expect(await page()).toMatchObject({
      proposals: [{ proposal: 'p-1', kind: 'payout', asks: 'a payout of 90.00 EUR', operator: 'clara' }],
    })
    expect(await approve('p-1', clerk)).toMatchObject({ reason: 'SecondPersonRequired' })
    // The bank takes it back while the payout waits: then there is nothing to pay out.
    orThrow(await world.centre().proposeReturn({ ...of, repayment: 'r-1', proposal: 'back-1', reason: 'no funds' }))
    expect(await approve('back-1', clerk)).toMatchObject({ reason: 'SecondPersonRequired' })
    orThrow(await approve('back-1', approver))
    expect(await balance()).toMatchObject({ owed: '0.00' })
    expect(await approve('p-1', approver)).toMatchObject({ reason: 'PayoutExceedsCredit', credit: 0n })
    orThrow(await world.centre().rejectAccountOrder({ ...of, proposal: 'p-1', reason: 'it was no money' }))
    expect(await page()).toMatchObject({ proposals: [] })
    const told = atCentre<{ approval?: object }>(world, 'RepaymentReturned')[0]?.data.approval
    expect(told).toEqual({ proposal: 'back-1', operators: ['clara', 'paul'] })
  })

  it('is a limit beyond the bound, which one may lower alone and only two may raise', async () => {
    await start('limit', 1)
    const limit = (minor: bigint, why?: string) =>
      world
        .centre()
        .setCreditLimit({ ...of, currency: 'EUR', limit: amount(minor), proposal: `to-${minor}`, reason: why })
    expect(orThrow(await limit(500_000n))).toEqual({ account: 'anna', state: 'set' })
    expect(await limit(500_001n)).toMatchObject({ reason: 'CreditBeyondBound', bound: 500_000n, asked: 500_001n })
    expect(orThrow(await limit(500_001n, 'a hotel'))).toEqual({
      account: 'anna',
      proposal: 'to-500001',
      state: 'proposed',
    })
    expect(await balance()).toMatchObject({ limit: '5000.00' })
    orThrow(await approve('to-500001', approver))
    expect(await balance()).toMatchObject({ limit: '5000.01' })
    // Down again it takes one, though it stays beyond a bound that was lowered meanwhile.
    const lower = { currency: 'EUR', bound: amount(100_000n), reason: 'too many of them', by: approver }
    expect(orThrow(await world.centre().setBound({ ...lower, proposal: 'b-1' }))).toMatchObject({ state: 'done' })
    expect(orThrow(await limit(400_000n))).toMatchObject({ state: 'set' })
    expect(await limit(400_001n)).toMatchObject({ reason: 'CreditBeyondBound', bound: 100_000n })
    // Holds beyond what is available are credit, too.
    const terms = { ...of, currency: 'EUR', creditCounts: false, oversubscription: amount(1n) }
    expect(await world.centre().setAccountTerms(terms)).toMatchObject({ reason: 'CreditBeyondBound', asked: 400_001n })
    const open = { account: 'rich', currency: 'EUR', limit: amount(100_001n), by: clerk }
    expect(await world.centre().openAccount(open)).toMatchObject({ reason: 'CreditBeyondBound' })
    orThrow(await world.centre().setBound({ ...lower, bound: amount(100_001n), proposal: 'b-2' }))
    expect(await world.centre().openAccount(open)).toMatchObject({ reason: 'CreditBeyondBound' })
    expect(await world.centre().approveBound({ proposal: 'b-2', by: approver })).toMatchObject({
      reason: 'SecondPersonRequired',
    })
    expect(await world.centre().boundList()).toMatchObject({
      bounds: [{ currency: 'EUR', bound: '1000.00' }],
      proposals: [{ proposal: 'b-2', bound: '1000.01', operator: 'paul' }],
    })
    orThrow(await world.centre().approveBound({ proposal: 'b-2', by: clerk }))
    orThrow(await world.centre().openAccount(open))
  })

  it('a debt in a currency without a limit is repaid when its account ends', async () => {
    await start('foreign debt', 1)
    const lines = [
      { account: 'payer:anna', side: 'debit' as const, amount: '700', currency: 'CHF' },
      { account: 'fees', side: 'credit' as const, amount: '700', currency: 'CHF' },
    ]
    orThrow(await world.centre().proposeAdjustment({ adjustment: 'a-1', lines, reason: 'abroad', by: clerk }))
    orThrow(await world.centre().approveAdjustment({ adjustment: 'a-1', by: approver }))
    orThrow(await world.centre().beginClosing(why))
    const chf = { account: 'anna', currency: 'CHF', source: 'bank', by: clerk }
    const usd = await world.centre().receiveRepayment({ ...chf, currency: 'USD', amount: amount(1n) })
    expect(isRefusal(usd) && usd.message).toMatch(/is closing, and nothing is to be settled in USD\.$/)
    orThrow(await world.centre().receiveRepayment({ ...chf, repayment: 'r-1', amount: amount(700n) }))
    const refused = await world.centre().closeAccount({ account: 'anna', by: clerk })
    // The hold of its phone is all that is left.
    expect(isRefusal(refused) && refused.message).not.toContain('CHF')
    // Told of another till, it is another repayment.
    const again = { ...chf, repayment: 'r-1', amount: amount(700n), source: 'till' }
    expect(await world.centre().receiveRepayment(again)).toMatchObject({ reason: 'RepaymentDiffers', source: 'bank' })
  })
})

describe('a phone that was lost at night', () => {
  it('is refused where the list is known, and what is exposed elsewhere is told until it is', async () => {
    await start('lost phone')
    expect(await pay(1_000n, 0)).toMatchObject({ outcome: 'paid' })
    orThrow(await world.sync('T-1'))
    world.network(false, 'T-2')
    const lost = orThrow(await world.centre().loseLicense({ ...why, license: licenseOf(0), suspend: false }))
    expect(lost).toMatchObject({
      missing: 2,
      adopted: 0,
      exposed: [{ currency: 'EUR', amount: '190.00' }],
      lost: [{ license: licenseOf(0), state: 'revoked', left: '190.00' }],
    })
    orThrow(await world.sync('T-1'))
    orThrow(await world.sync('T-1'))
    expect(await world.centre().whereabouts('anna')).toMatchObject({
      missing: 1,
      terminals: [
        { terminal: 'T-2', hasAdopted: false },
        { terminal: 'T-1', hasAdopted: true },
      ],
      exposed: [{ amount: '190.00' }],
    })
    expect(await pay(500n, 0, 'T-1')).toMatchObject({ outcome: 'declined' })
    // The other phone of the account goes on.
    expect(await pay(500n, 1, 'T-1')).toMatchObject({ outcome: 'paid' })
    world.network(true, 'T-2')
    orThrow(await world.sync('T-2'))
    orThrow(await world.sync('T-2'))
    expect(await world.centre().whereabouts('anna')).toMatchObject({ missing: 0, adopted: 2, exposed: [] })
  })

  it('told twice is lost once', async () => {
    await start('lost twice')
    const first = orThrow(await world.centre().loseLicense({ ...why, license: licenseOf(0), suspend: true }))
    const events = world.log.events.length
    expect(orThrow(await world.centre().loseLicense({ ...why, license: licenseOf(0), suspend: true }))).toMatchObject({
      denyList: first.denyList,
    })
    expect(world.log.events.length).toBe(events)
  })

  it('with its account suspended, no other phone of it pays or is licensed, until it is reinstated', async () => {
    await start('suspended')
    const invited = orThrow(
      await world.centre().invitePhone({ account: 'anna', currency: 'EUR', allowance: '10.00', by: clerk }),
    )
    orThrow(await world.centre().loseLicense({ ...why, suspend: true, license: licenseOf(0) }))
    expect(await world.phones.addPhone(invited.code)).toMatchObject({ reason: 'AccountNotOpen' })
    orThrow(await world.sync('T-1'))
    orThrow(await world.sync('T-1'))
    expect(await pay(500n, 1)).toMatchObject({ outcome: 'declined' })
    orThrow(await world.centre().reinstateAccount(why))
    for (let time = 0; time < 2; time++) orThrow(await world.sync('T-1'))
    expect(await pay(500n, 1)).toMatchObject({ outcome: 'paid' })
    expect(await pay(500n, 0)).toMatchObject({ outcome: 'declined' })
  })

  it('of nobody here is said so', async () => {
    await start('no phone')
    expect(await world.centre().loseLicense({ ...why, license: 'l-9', suspend: false })).toMatchObject({
      reason: 'LicenseUnknown',
    })
    expect(await world.centre().whereabouts('zoe')).toMatchObject({ reason: 'PhoneUnknown' })
  })
})

describe('a debt that nobody pays', () => {
  it('is written off by two people, and its account can end', async () => {
    await start('write-off', 1)
    expect(await pay(3_000n, 0)).toMatchObject({ outcome: 'paid' })
    orThrow(await world.sync())
    const of = { account: 'anna', writeOff: 'w-1' }
    expect(await world.centre().proposeWriteOff({ ...eur(3_001n), ...of, reason: 'gone' })).toMatchObject({
      reason: 'WriteOffExceedsOwed',
      owed: 3_000n,
    })
    orThrow(await world.centre().proposeWriteOff({ ...eur(3_000n), ...of, reason: 'gone' }))
    expect(await world.centre().approveWriteOff({ ...of, by: clerk })).toMatchObject({ reason: 'SecondPersonRequired' })
    orThrow(await world.centre().approveWriteOff({ ...of, by: approver }))
    expect(await balance()).toMatchObject({ owed: '0.00' })
    orThrow(await world.centre().beginClosing(why))
    const refused = await world.centre().closeAccount({ account: 'anna', by: clerk })
    expect(isRefusal(refused) && refused.message).toBe(
      'Account anna cannot be closed: held 370.00 EUR. Have it repaid, paid out or written off; holds end with their terms.',
    )
    expect(await holds()).toMatchObject([{ state: 'revoked' }, { state: 'revoked' }])
    // A year of the licenses, and their late term.
    world.clock.at += (365 + 91) * 86_400_000
    await world.settle()
    expect(await balance()).toMatchObject({ held: '0.00' })
    orThrow(await world.centre().closeAccount({ account: 'anna', by: clerk }))
    expect(orThrow(await world.centre().ask.accounts()).accounts).toMatchObject([{ account: 'anna', state: 'closed' }])
    orThrow(await world.centre().recoverDebt({ ...eur(3_000n), recovery: 'c-1', source: 'bank' }))
    const broken: string[] = []
    await reactAgain((_, holds, says) => void (holds || broken.push(says())), world)
    expect(broken).toEqual([])
  })
})

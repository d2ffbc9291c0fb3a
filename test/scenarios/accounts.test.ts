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
    expect(await world.centre().payOut({ ...eur(700n), payout: 'p-1', source: 'bank' })).toMatchObject({
      reason: 'PayoutExceedsCredit',
      credit: 0n,
    })
    orThrow(await world.centre().payOut({ ...chf, amount: amount(700n), payout: 'p-1', source: 'bank' }))
    expect(await world.centre().accountPage('anna')).toMatchObject({
      currencies: [
        { currency: 'EUR', limit: '500.00' },
        { currency: 'CHF', limit: '100.00' },
      ],
    })
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

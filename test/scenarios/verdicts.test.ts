import { afterEach, describe, expect, it } from 'vitest'
import { base64url } from '#canonical/bytes'
import type { Fact } from '#canonical/event'
import { issueLicense } from '#license'
import { licenseOf, type PhoneMemory } from '#tap/phone'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { writer } from '../trade.ts'
import { atCentre, lastFact, writeAs } from './hand.ts'

/** What the centre makes of payments that an account no longer stands behind, or that somebody let pass. */
let world: World | undefined
afterEach(() => world?.end())

const town = async (seed: string, terminals = 1): Promise<World> => {
  world = await makeWorld({ seed, terminals, phones: [{ account: 'anna', limit: 50_000n, allowance: '200.00' }] })
  return world
}
const pay = async (here: World, minor = 1250n): Promise<void> => {
  orThrow(await here.key(minor))
  expect(await here.tap('anna')).toMatchObject({ outcome: 'paid' })
}
/** What the account's own people say of it. */
const say = async (here: World, ...facts: readonly Fact[]): Promise<void> => {
  await writer(here.log)('account-anna', new Date(here.clock.at).toISOString(), ...facts)
  await here.settle()
}
const torn = (tapped: object): boolean => 'outcome' in tapped && tapped.outcome === 'torn'
type Verdict = { exceptions: string[]; within: string; excess: string; excessOwner: string | null; rule: number }
const verdicts = (here: World) =>
  atCentre<Verdict>(here, 'PaymentAccepted').map(({ data: { exceptions, within, excess, excessOwner, rule } }) => ({
    exceptions,
    within,
    excess,
    excessOwner,
    rule,
  }))
const raised = (here: World) =>
  atCentre<{ kind: string; amount: string }>(here, 'ExceptionRaised').map(({ data }) => [data.kind, data.amount])
const within = (minor: string) => ({ within: minor, excess: '0', excessOwner: null, rule: 4 })
const why = 'the phone was lost'

describe('a payment of an account that does not stand', () => {
  it('made before it was suspended is like any other', async () => {
    const here = await town('before suspension')
    await pay(here)
    here.clock.at += 60_000
    await say(here, { type: 'AccountSuspended', data: { account: 'anna', why } })
    orThrow(await here.sync())
    expect(verdicts(here)).toEqual([{ exceptions: [], ...within('1250') }])
    expect(raised(here)).toEqual([])
  })

  it('made after, at a till that did not know it yet, is accepted, and someone must look at it', async () => {
    const here = await town('after suspension')
    await say(here, { type: 'AccountSuspended', data: { account: 'anna', why } })
    here.clock.at += 60_000
    await pay(here)
    orThrow(await here.sync())
    expect(verdicts(here)).toEqual([{ exceptions: ['DenyListedAtTap'], ...within('1250') }])
    expect(raised(here)).toEqual([['DenyListedAtTap', '1250']])
    expect(await here.centre().ask.balance({ account: 'anna' })).toMatchObject({ owed: '12.50' })
  })

  it('after it was reinstated is like any other', async () => {
    const here = await town('reinstated')
    await say(here, { type: 'AccountSuspended', data: { account: 'anna', why } })
    await say(here, { type: 'AccountReinstated', data: { account: 'anna', why: 'it was found' } })
    here.clock.at += 60_000
    await pay(here)
    orThrow(await here.sync())
    expect(verdicts(here)).toEqual([{ exceptions: [], ...within('1250') }])
  })

  it('that comes after the account was closed is a debt of a closed account', async () => {
    const here = await town('closed')
    await pay(here)
    const { license } = atCentre<{ license: string }>(here, 'AllowanceGranted')[0]?.data ?? { license: '' }
    await say(
      here,
      { type: 'AccountClosing', data: { account: 'anna', why: 'the holder asked' } },
      { type: 'AllowanceReleased', data: { account: 'anna', license, amount: '20000', currency: 'EUR' } },
      { type: 'AccountClosed', data: { account: 'anna' } },
    )
    orThrow(await here.sync())
    expect(verdicts(here)).toEqual([
      { exceptions: ['LateArrival'], within: '0', excess: '1250', excessOwner: 'operator', rule: 4 },
    ])
    expect(raised(here)).toEqual([['LateArrival', '1250']])
    expect(await here.centre().ask.balance({ account: 'anna' })).toMatchObject({ owed: '12.50', held: '0.00' })
  })
})

it('a part of a hold that is let go before its term does not make the rest late', async () => {
  const here = await town('keeps')
  const { license } = atCentre<{ license: string }>(here, 'AllowanceGranted')[0]?.data ?? { license: '' }
  const part = { account: 'anna', license, amount: '19500', currency: 'EUR', keeps: true }
  await pay(here)
  await say(here, { type: 'AllowanceReleased', data: part })
  orThrow(await here.sync())
  expect(verdicts(here)).toEqual([
    { exceptions: ['OverAllowance'], within: '500', excess: '750', excessOwner: 'operator', rule: 4 },
  ])
})

it('what a supervisor let pass and the hold does not cover, the merchant owns', async () => {
  let exchanges = 0
  let cutAt = Number.POSITIVE_INFINITY
  const here = await makeWorld({
    seed: 'override',
    phones: [{ account: 'anna', limit: 50_000n, allowance: '200.00' }],
    faults: { field: () => (++exchanges === cutAt ? 'lost after' : 'kept') },
  })
  world = here
  const { license } = atCentre<{ license: string }>(here, 'AllowanceGranted')[0]?.data ?? { license: '' }
  await say(here, { type: 'AllowanceReleased', data: { account: 'anna', license, amount: '20000', currency: 'EUR' } })
  // The field drops once the till has asked for the money: the sale has its transaction, and no payment yet.
  orThrow(await here.key(1250n))
  exchanges = 0
  for (cutAt = 2; !torn(await here.tap('anna')); cutAt++) {
    expect(cutAt).toBeLessThan(8)
    exchanges = 0
  }
  const { transaction } = lastFact(here, 'DeductionRequested').data
  await writeAs(here, [
    { type: 'SupervisorOverrode', data: { transaction, rule: 'StoredSumExceeded', supervisor: 'eva' } },
  ])
  cutAt = Number.POSITIVE_INFINITY
  expect(await here.tap('anna')).toMatchObject({ outcome: 'paid' })
  expect(lastFact(here, 'TransactionRecorded').data).toMatchObject({ transaction })
  orThrow(await here.sync())
  expect(verdicts(here)).toEqual([
    { exceptions: ['LateArrival'], within: '0', excess: '1250', excessOwner: 'merchant', rule: 4 },
  ])
})

it('a license that this centre did not issue uses up no counter of the one whose id it bears', async () => {
  const here = await town('forged counter', 2)
  const phone = here.phoneOf('anna')
  const honest = here.disk.get(phone) as PhoneMemory
  // Who has the authority's key names another phone's key under an id that was issued, and pays with the next counter.
  const thief = here.crypto.keyPair('P-256')
  const license = { ...licenseOf(honest), publicKey: thief.publicKey }
  here.disk.set(phone, {
    ...honest,
    publicKey: base64url(thief.publicKey),
    privateKey: base64url(thief.privateKey),
    license: base64url(issueLicense(here.crypto, license, here.keys.license)),
  })
  here.restartPhones()
  await pay(here)
  orThrow(await here.sync())
  expect(atCentre<{ reason: string }>(here, 'PaymentHeld').map(({ data }) => data.reason)).toEqual([
    'LicenseNotAsIssued',
  ])
  here.disk.set(phone, honest)
  here.restartPhones()
  // At another terminal, for the first has seen this counter itself.
  orThrow(await here.key(1250n, 'T-2'))
  expect(await here.tap('anna', 'T-2')).toMatchObject({ outcome: 'paid' })
  orThrow(await here.sync('T-2'))
  expect(verdicts(here)).toEqual([{ exceptions: [], ...within('1250') }])
})

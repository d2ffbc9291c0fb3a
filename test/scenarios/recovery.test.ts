import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decreeWords } from '#account/decrees'
import { rulemaking } from '#account/rulemaking'
import { base64url, hex } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import { uuid7 } from '#canonical/ids'
import { run } from '#cqrs/run'
import { type Policy, readPolicy, signPolicy } from '#license/rules'
import { minorUnits } from '#money'
import { decodeRequest, decodeResponse } from '#nfc/snep'
import { licenseOf, type PhoneMemory } from '#tap/phone'
import { orThrow, type World } from '../simulation/world.ts'
import { type Counter, counter, type Heard } from '../tap/counter.ts'
import { atCentre } from './hand.ts'

/** Phones of both suites at one till: the same taps, the same verdicts, the same books. */

let here: Counter
let world: World
const by = 'operator:clerk'

/** The rules key publishes a policy that differs in this. */
const publish = async (change: Partial<Policy>): Promise<void> => {
  const { crypto, keys, clock, log } = world
  const held = atCentre<{ version: number; document: string }>(world, 'PolicyPublished').at(-1)?.data
  if (!held) throw new Error('no policy was published')
  const version = held.version + 1
  const before = readPolicy(Buffer.from(held.document, 'base64url'))
  const document = signPolicy(crypto, { ...before, ...change, version, issued: clock.at / 1000 }, keys.rules)
  const signed = { hash: hex(crypto.sha256(document)), document: base64url(document) }
  const order = { type: 'PublishPolicy', version, currency: 'EUR', ...signed, reason: 'by hand' } as const
  const at = new Date(clock.at).toISOString()
  const act = { id: uuid7(clock.at, crypto.random(16)), at, by, correlation: 'by hand', causation: 'by hand' }
  const runner = { store: log, crypto, salt: () => '0'.repeat(22) }
  orThrow(await run(runner, rulemaking, decreeWords, 'rules', order, act))
  await world.settle()
}
const letIn = async (account: string, suite: 'P256-AUTH' | 'RSA-RECOVERY', allowance = '100.00') => {
  const invited = await world.centre().invitePhone({ account, currency: 'EUR', allowance, by })
  await world.settle()
  const added = await world.phones.addPhone(orThrow(invited).code, suite)
  await world.settle()
  return added
}
const memoryOf = (phone: string) => world.disk.get(phone) as PhoneMemory
const idOf = (added: object): string => (added as { id: string }).id
const tap = async (phone: string, minor: bigint, air?: Parameters<Counter['touch']>[1]) => {
  const sale = await here.key(minor)
  const holder = { memory: memoryOf(phone), consent: () => 'given' as const }
  const heard = await here.touch(holder, air)
  world.disk.set(phone, holder.memory)
  world.restartPhones()
  return { heard, sale, outcome: here.saleOf(sale) }
}

let rsa: string
beforeAll(async () => {
  here = await counter('recovery', {
    phones: [
      { account: 'anna', limit: 50_000n, allowance: '100.00' },
      { account: 'bert', limit: 50_000n, allowance: '100.00' },
    ],
  })
  ;({ world } = here)
})
afterAll(() => here.end())

describe('a phone whose secure element has RSA', () => {
  it('is not let in while the policy does not name its suite, and its code stays good', async () => {
    const invited = await world.centre().invitePhone({ account: 'anna', currency: 'EUR', allowance: '100.00', by })
    await world.settle()
    const { code } = orThrow(invited)
    const refused = await world.phones.addPhone(code, 'RSA-RECOVERY')
    expect(refused).toMatchObject({ reason: 'SuiteNotAllowed', suite: 'RSA-RECOVERY' })
    await publish({ suites: ['P256-AUTH', 'RSA-RECOVERY'] })
    const added = await world.phones.addPhone(code, 'RSA-RECOVERY')
    expect(isRefusal(added)).toBe(false)
    rsa = idOf(added)
    expect(licenseOf(memoryOf(rsa)).credit.suite).toBe('RSA-RECOVERY')
    expect(world.phones.look(rsa)).toMatchObject({ suite: 'RSA-RECOVERY', account: 'anna' })
  })

  it('is refused by a till that has not heard of it yet', async () => {
    const { outcome } = await tap(rsa, 1250n)
    expect(outcome).toEqual({ state: 'declined', reason: 'SuiteNotAllowed' })
    orThrow(await world.sync())
  })

  let heard: Heard[]
  it('pays as every other', async () => {
    const paid = await tap(rsa, 1250n)
    expect(paid.outcome).toEqual({ state: 'approved' })
    heard = paid.heard
    expect(memoryOf(rsa)).toMatchObject({ counter: 1, allowanceLeft: '8750' })
    expect(memoryOf(rsa).payments[0]?.receipt).toBeDefined()
  })

  it('and no message of it has more than 2,200 octets', () => {
    const sizes = heard.map(({ message, request, response }) => [
      message,
      decodeRequest(request).information.length,
      decodeResponse(response).information.length,
    ])
    expect(sizes.map(([message]) => message)).toEqual(['GET #1', 'PUT', 'GET #2', 'PUT receipt'])
    for (const [, asked, answered] of sizes) expect(Math.max(asked as number, answered as number)).toBeLessThan(2200)
  })

  it('that leaves before it is heard pays once', async () => {
    const { sale, outcome } = await tap(rsa, 300n, { lost: { at: 'GET #2', when: 'after' } })
    expect(outcome).toMatchObject({ state: 'torn' })
    const phone = { memory: memoryOf(rsa), consent: () => 'given' as const }
    await here.touch(phone)
    world.disk.set(rsa, phone.memory)
    world.restartPhones()
    expect(here.saleOf(sale)).toEqual({ state: 'approved' })
    expect(memoryOf(rsa).payments).toHaveLength(2)
  })

  it('is judged by its block, and replayed from it', async () => {
    orThrow(await world.sync())
    const accepted = atCentre<{ payment: string; gross: string; transaction: string; exceptions: string[] }>(
      world,
      'PaymentAccepted',
    ).map(({ data }) => data)
    expect(accepted.map(({ gross, exceptions }) => [gross, exceptions])).toEqual([
      ['1250', []],
      ['300', []],
    ])
    expect(accepted.map(({ payment }) => payment)).toEqual(memoryOf(rsa).payments.map(({ payment }) => payment))
    const { owed, held } = orThrow(await world.centre().ask.balance({ account: 'anna' }))
    expect({ owed, held }).toEqual({ owed: '15.50', held: '184.50' })
  })

  it('testifies with its blocks, and renews its license with another key of its kind', async () => {
    expect(await world.phones.testify(rsa)).toEqual({ told: 2 })
    const before = licenseOf(memoryOf(rsa))
    expect(await world.phones.renew(rsa)).toMatchObject({ allowance: '100.00' })
    const after = licenseOf(memoryOf(rsa))
    expect(after.credit).toMatchObject({ suite: 'RSA-RECOVERY', counter: 2 })
    expect(after.publicKey).not.toEqual(before.publicKey)
    expect((await tap(rsa, 700n)).outcome).toEqual({ state: 'approved' })
  })

  it('has no room for more than 2^32 minor units', async () => {
    const limit = minorUnits('99000000000')
    const bound = { currency: 'EUR', bound: limit, proposal: 'b-1', reason: 'a rich customer', by }
    orThrow(await world.centre().setBound(bound))
    orThrow(await world.centre().approveBound({ proposal: 'b-1', by: 'operator:paul' }))
    orThrow(await world.centre().openAccount({ account: 'rich', currency: 'EUR', limit, by }))
    await world.settle()
    expect(await letIn('rich', 'RSA-RECOVERY', '42949672.96')).toMatchObject({ reason: 'AllowanceTooLarge' })
    expect(isRefusal(await letIn('rich', 'RSA-RECOVERY', '42949672.95'))).toBe(false)
  })
})

it('a phone that seals another way than its license says pays nothing', async () => {
  const other = world.phoneOf('bert')
  const [block, sealed] = [memoryOf(rsa), memoryOf(other)]
  for (const [phone, keys] of [
    [rsa, sealed],
    [other, block],
  ] as const) {
    const honest = memoryOf(phone)
    world.disk.set(phone, { ...honest, publicKey: keys.publicKey, privateKey: keys.privateKey })
    const { outcome, heard } = await tap(phone, 100n)
    expect(heard.some(({ message }) => message === 'GET #2')).toBe(true)
    expect(outcome).toMatchObject({ state: 'torn', reason: 'PhoneMisunderstood' })
    world.disk.set(phone, honest)
  }
})

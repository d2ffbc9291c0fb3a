import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { account } from '#account'
import { accountWords } from '#account/events'
import { fromBase64url } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { nameId, uuid7 } from '#canonical/ids'
import { run } from '#cqrs/run'
import { readLicense } from '#license'
import { minorUnits } from '#money'
import { type KeyText, licenseOf, type PhoneMemory } from '#tap/phone'
import type { Authority } from '../../apps/wallet/authority.ts'
import { wallet } from '../../apps/wallet/wallet.ts'
import { orThrow } from '../simulation/world.ts'
import { type Counter, counter } from '../tap/counter.ts'
import { writer } from '../trade.ts'
import { atCentre } from './hand.ts'

/** A phone's life with its authority: let in by a code, renewed, heard, and ended. */

let here: Counter
/** What becomes of the next answers of the authority on their way to the phone. */
let lost: ('request' | 'answer')[]
let disk: Map<string, PhoneMemory>
let asked: Map<string, KeyText>
beforeEach(async () => {
  here = await counter('phones')
  ;[lost, disk, asked] = [[], new Map(), new Map()]
})
afterEach(() => here.end())

const unreachable: Refusal = { reason: 'AuthorityUnreachable', message: 'Nobody answers: try again later.' }
const overAir =
  <Request, Answer>(ask: (request: Request) => Promise<Answer | Refusal>) =>
  async (request: Request): Promise<Answer | Refusal> => {
    const fault = lost.shift()
    if (fault === 'request') return unreachable
    const answer = await ask(request)
    await here.world.settle()
    return fault === 'answer' ? unreachable : answer
  }
const authority = (): Authority => {
  const centre = here.world.centre()
  return {
    activate: overAir(request => centre.activatePhone(request)),
    renew: overAir(request => centre.renewLicense(request)),
    testify: overAir(request => centre.testify(request)),
  }
}
/** A wallet as it is after a start: what it knows is on its disk. */
const started = (over: Authority = authority()) =>
  wallet({
    clock: here.world.clock,
    crypto: here.world.crypto,
    disk: {
      phones: () => [...disk.values()],
      keep: memory => void disk.set(memory.phone, memory),
      asked: activation => asked.get(activation),
      keepAsked: (activation, keys) => void (keys ? asked.set(activation, keys) : asked.delete(activation)),
    },
    authority: over,
    antenna: async () => {},
    terminals: [],
  })

const by = 'operator:clerk'
const invite = async (account = 'anna', allowance = '100.00') => {
  const invited = await here.world.centre().invitePhone({ account, currency: 'EUR', allowance, by })
  await here.world.settle()
  return invited
}
const codeFor = async (account?: string, allowance?: string) => orThrow(await invite(account, allowance)).code
const reasonOf = (answer: object): string | undefined => (isRefusal(answer) ? answer.reason : undefined)
const onlyPhone = () => [...disk.values()][0] as PhoneMemory
const balance = async (account = 'anna') => {
  const { owed, held, available } = orThrow(await here.world.centre().ask.balance({ account }))
  return { owed, held, available }
}
const facts = <Data = Record<string, unknown>>(type: string) => atCentre<Data>(here.world, type).map(({ data }) => data)
/** Pays at the till with the phone as it is on the disk. */
const pay = async (minor: bigint, air?: Parameters<Counter['touch']>[1]) => {
  const sale = await here.key(minor)
  const phone = { memory: onlyPhone(), consent: () => 'given' as const }
  await here.touch(phone, air)
  disk.set(phone.memory.phone, phone.memory)
  return here.saleOf(sale)
}
const day_ms = 86_400_000

describe('a code', () => {
  it('brings a phone to its account, with what it was given for', async () => {
    const code = await codeFor('anna', '150.00')
    expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{2}$/)
    const phone = orThrow(await started().addPhone(code))
    expect(phone).toMatchObject({ account: 'anna', currency: 'EUR', allowance: '150.00', allowanceLeft: '150.00' })
    expect(await balance()).toEqual({ owed: '0.00', held: '350.00', available: '150.00' })
    expect(await pay(1250n)).toEqual({ state: 'approved' })
  })
  it('may be written as people write', async () => {
    const code = await codeFor()
    const written = ` ${code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `
    expect(orThrow(await started().addPhone(written))).toMatchObject({ account: 'anna' })
  })
  it('stands in no log', async () => {
    const code = await codeFor()
    orThrow(await started().addPhone(code))
    const texts = here.world.log.events.map(({ text }) => text).join('\n')
    expect(texts).not.toContain(code)
    expect(texts).not.toContain(code.replaceAll('-', ''))
  })
  it('is good once', async () => {
    const code = await codeFor()
    orThrow(await started().addPhone(code))
    expect(reasonOf(await started().addPhone(code))).toBe('ActivationUsed')
    expect(facts('LicenseIssued')).toHaveLength(2)
  })
  it('is good for a day', async () => {
    const code = await codeFor()
    here.world.clock.at += day_ms
    expect(reasonOf(await started().addPhone(code))).toBe('ActivationExpired')
  })
  it('that nobody gave is none', async () => {
    expect(reasonOf(await started().addPhone('0000-0000-0000-0000-0000-0000-00'))).toBe('ActivationUnknown')
  })
  it('is for an account that there is, in a currency that it has', async () => {
    expect(reasonOf(await invite('nobody'))).toBe('AccountUnknown')
    expect(reasonOf(await invite('anna', '0.00'))).toBe('AllowanceEmpty')
    const asked = { account: 'anna', currency: 'USD', allowance: '1.00', by }
    expect(reasonOf(await here.world.centre().invitePhone(asked))).toBe('CurrencyMismatch')
  })
  it('whose answer was lost is answered again, with the same license', async () => {
    const code = await codeFor()
    lost = ['answer', 'request', 'answer']
    for (let tries = 0; tries < 3; tries++)
      expect(reasonOf(await started().addPhone(code))).toBe('AuthorityUnreachable')
    expect(disk.size).toBe(0)
    const phone = orThrow(await started().addPhone(code)) as { id: string }
    expect(facts('LicenseIssued')).toHaveLength(2)
    expect(facts('AllowanceGranted')).toHaveLength(2)
    expect(licenseOf(disk.get(phone.id) as PhoneMemory).id).toBe(
      facts<{ license: string }>('LicenseIssued')[1]?.license,
    )
    expect(asked.size).toBe(0)
  })
  it('that asks for more than is available holds nothing, and goes on when there is more', async () => {
    const code = await codeFor('anna', '400.00')
    expect(reasonOf(await started().addPhone(code))).toBe('AllowanceExceedsAvailable')
    expect(await balance()).toMatchObject({ held: '200.00' })
    const { log, crypto } = here.world
    const raise = { type: 'SetCreditLimit', account: 'anna', currency: 'EUR', limit: minorUnits('60000') } as const
    const runner = { store: log, crypto, salt: () => '0'.repeat(22) }
    const at = new Date(here.world.clock.at).toISOString()
    const act = {
      id: uuid7(here.world.clock.at, crypto.random(16)),
      at,
      by,
      correlation: 'by hand',
      causation: 'by hand',
    }
    orThrow(await run(runner, account, accountWords, 'account-anna', raise, act))
    await here.world.settle()
    expect(orThrow(await started().addPhone(code))).toMatchObject({ allowance: '400.00' })
  })
  it('two phones that say it at once have one license between them', async () => {
    const code = await codeFor()
    const [one, other] = [new Map(disk), new Map(disk)]
    const walletOn = (memories: Map<string, PhoneMemory>) =>
      wallet({
        clock: here.world.clock,
        crypto: here.world.crypto,
        disk: {
          phones: () => [],
          keep: memory => void memories.set(memory.phone, memory),
          asked: () => undefined,
          keepAsked: () => {},
        },
        authority: authority(),
        antenna: async () => {},
        terminals: [],
      })
    const answers = await Promise.all([walletOn(one).addPhone(code), walletOn(other).addPhone(code)])
    expect(new Set(answers.map(reasonOf))).toEqual(new Set(['ActivationUsed', undefined]))
    expect(one.size + other.size).toBe(1)
    expect(await balance()).toMatchObject({ held: '300.00' })
  })
  it('needs the key that it is for: a request that was seen is of no use with another key', async () => {
    const code = await codeFor()
    const seen: Parameters<Authority['activate']>[0][] = []
    const centre = here.world.centre()
    const listening = wallet({
      clock: here.world.clock,
      crypto: here.world.crypto,
      disk: { phones: () => [], keep: () => {}, asked: () => undefined, keepAsked: () => {} },
      authority: { ...authority(), activate: async request => (seen.push(request), unreachable) },
      antenna: async () => {},
      terminals: [],
    })
    await listening.addPhone(code)
    const [request] = seen
    if (!request) throw new Error('nothing was asked')
    const publicKey = Buffer.from(here.world.crypto.keyPair('P-256').publicKey).toString('base64url')
    expect(reasonOf(await centre.activatePhone({ ...request, publicKey }))).toBe('ProofInvalid')
    expect(reasonOf(await centre.activatePhone({ ...request, code: await codeFor() }))).toBe('ProofInvalid')
    expect(reasonOf(await centre.activatePhone({ ...request, transport: publicKey }))).toBe('ProofInvalid')
    for (const proof of ['', 'AAAA', request.proof.slice(4), publicKey])
      expect(reasonOf(await centre.activatePhone({ ...request, proof }))).toBe('ProofInvalid')
    for (const wrong of ['', 'AAAA', publicKey.slice(4)])
      expect(reasonOf(await centre.activatePhone({ ...request, publicKey: wrong }))).toBe('ProofInvalid')
    expect(reasonOf(await centre.activatePhone(request))).toBeUndefined()
  })
})

describe('a renewal', () => {
  const renew = async (allowance?: string) => started().renew(onlyPhone().phone, allowance)
  beforeEach(async () => {
    orThrow(await started().addPhone(await codeFor()))
  })

  it('is a new license with a new hold, for a new key; the old one keeps what is on its way', async () => {
    expect(await pay(1250n)).toEqual({ state: 'approved' })
    const before = onlyPhone()
    // The centre has not heard of the 12.50: 100.00 are held for this phone, 200.00 for the other.
    expect(await balance()).toEqual({ owed: '0.00', held: '300.00', available: '200.00' })
    expect(orThrow(await renew())).toMatchObject({ account: 'anna', allowance: '100.00', allowanceLeft: '100.00' })
    // With the renewal the phone handed its payment over, receipt and all: it is judged, and drawn from the old hold.
    expect(await balance()).toEqual({ owed: '12.50', held: '300.00', available: '187.50' })
    const after = onlyPhone()
    const [old, license] = [licenseOf(before), licenseOf(after)]
    expect(license.id).not.toBe(old.id)
    expect(license.publicKey).not.toEqual(old.publicKey)
    expect(license.credit.counter).toBe(1)
    expect(after.renewal).toBeUndefined()
    expect(facts<{ license: string; renews?: string }>('LicenseIssued').at(-1)).toMatchObject({ renews: old.id })

    expect(await pay(300n)).toEqual({ state: 'approved' })
    expect(onlyPhone().payments.map(({ counter, license }) => [counter, license])).toEqual([
      [1, old.id],
      [2, license.id],
    ])
    orThrow(await here.world.sync())
    expect(await balance()).toEqual({ owed: '15.50', held: '297.00', available: '187.50' })
    expect(facts<{ excess: string }>('PaymentAccepted').map(({ excess }) => excess)).toEqual(['0', '0'])
  })

  it.each(['answer', 'request'] as const)('whose %s was lost stops the phone until it is answered', async fault => {
    const old = licenseOf(onlyPhone()).id
    lost = [fault]
    expect(reasonOf(await renew())).toBe('AuthorityUnreachable')
    expect(await pay(1250n)).toEqual({ state: 'declined', reason: 'PhoneRenewing' })
    lost = [fault, fault]
    await renew()
    await renew()
    orThrow(await renew())
    expect(licenseOf(onlyPhone()).id).not.toBe(old)
    expect(facts('LicenseIssued')).toHaveLength(3)
    expect(await balance()).toMatchObject({ held: '300.00' })
    expect(await pay(1250n)).toEqual({ state: 'approved' })
  })

  it('that is refused leaves the phone as it was', async () => {
    const before = onlyPhone()
    const limit = async (minor: string) =>
      orThrow(
        await here.world.centre().setCreditLimit({ account: 'anna', currency: 'EUR', limit: minorUnits(minor), by }),
      )
    await limit('25000')
    const refusal = (await renew('50.01')) as Refusal
    expect(refusal).toMatchObject({ reason: 'AllowanceExceedsAvailable', available: 5000n })
    expect(onlyPhone()).toEqual(before)
    expect(await balance()).toMatchObject({ held: '300.00' })
    expect(await pay(1250n)).toEqual({ state: 'approved' })
    // What is freed counts: of its own, less what it spent, is left to it what nobody else holds.
    expect(orThrow(await renew('37.50'))).toMatchObject({ allowance: '37.50' })
    expect(reasonOf(await renew('much'))).toBe('AmountMalformed')
  })

  it('asks for what the clerk gave at most, however much the account has, and after asking for less as well', async () => {
    expect(await renew('100.01')).toMatchObject({ reason: 'AllowanceBeyondGiven', given: 10000n, asked: 10001n })
    orThrow(await renew('40.00'))
    expect(await renew('100.01')).toMatchObject({ reason: 'AllowanceBeyondGiven', given: 10000n })
    expect(orThrow(await renew('100.00'))).toMatchObject({ allowance: '100.00' })
    const issued = facts<{ given?: string; allowance: string }>('LicenseIssued')
    expect(issued.slice(2).map(({ given, allowance }) => [given, allowance])).toEqual([
      ['10000', '4000'],
      ['10000', '10000'],
    ])
  })

  it('does not carry a lost phone out of reach: told by its old license, the one that followed ends', async () => {
    const first = licenseOf(onlyPhone()).id
    orThrow(await renew())
    const second = licenseOf(onlyPhone()).id
    orThrow(await renew())
    const third = licenseOf(onlyPhone()).id
    const told = { account: 'anna', suspend: false, reason: 'left on a tram', by }
    const lost = orThrow(await here.world.centre().loseLicense({ ...told, license: first }))
    expect(lost.lost.map(({ license }) => license).sort()).toEqual([first, second, third].sort())
    expect(reasonOf(await renew())).toBe('LicenseRevoked')
    expect(await here.world.centre().loseLicense({ ...told, account: 'bert', license: first })).toMatchObject({
      reason: 'LicenseUnknown',
    })
    // The account's other phone goes on.
    const other = licenseOf(here.world.disk.get(here.world.phoneOf('anna')) as PhoneMemory).id
    expect(facts<{ license: string }>('LicenseRevoked').map(({ license }) => license)).not.toContain(other)
  })

  it('that comes between a loss and its revocation ends with it', async () => {
    const first = licenseOf(onlyPhone()).id
    const centre = here.world.centre()
    const told = { account: 'anna', license: first, suspend: false, reason: 'lost', by }
    const [renewed] = await Promise.all([renew(), centre.loseLicense(told)])
    const issued = facts<{ license: string; renews?: string }>('LicenseIssued').find(({ renews }) => renews === first)
    const revoked = facts<{ license: string }>('LicenseRevoked').map(({ license }) => license)
    expect(revoked).toContain(first)
    if (issued) expect(revoked).toContain(issued.license)
    else expect(reasonOf(renewed)).toBe('LicenseRevoked')
  })

  it('whose hold was let go again is not asked for twice: the refusal says what helps', async () => {
    const old = licenseOf(onlyPhone()).id
    const renewing = nameId(here.world.crypto, 'license', 'renews', old)
    const stream = 'account-anna'
    const write = writer(here.world.log)
    await write(stream, new Date(here.world.clock.at).toISOString(), {
      type: 'AllowanceGranted',
      data: {
        account: 'anna',
        license: renewing,
        amount: '10000',
        currency: 'EUR',
        owed: '0',
        inDispute: '0',
        drawn: '0',
        knownAt: 0,
      },
    })
    await write(stream, new Date(here.world.clock.at).toISOString(), {
      type: 'AllowanceReleased',
      data: { account: 'anna', license: renewing, amount: '10000', currency: 'EUR', why: 'overtaken' },
    })
    const refusal = (await renew()) as Refusal
    expect(refusal).toMatchObject({ reason: 'RenewalReleased', license: old })
    expect(refusal.message).toContain('ask the back office for a new code')
    expect(licenseOf(onlyPhone()).id).toBe(old)
    expect(await pay(1250n)).toEqual({ state: 'approved' })
  })

  it('is one: a copy of the phone is left behind', async () => {
    const copy = onlyPhone()
    orThrow(await renew())
    disk = new Map([[copy.phone, copy]])
    expect(reasonOf(await renew())).toBe('LicenseRenewed')
    expect(facts('LicenseIssued')).toHaveLength(3)
  })

  it('is not for a phone that was set back', async () => {
    const before = onlyPhone()
    await pay(1250n)
    orThrow(await started().testify(before.phone))
    disk = new Map([[before.phone, before]])
    expect(await renew()).toMatchObject({ reason: 'CounterBehind', counter: 0, seen: 1 })
    expect(onlyPhone().renewal).toBeUndefined()
  })

  it('of what was granted and not more', async () => {
    disk.set(onlyPhone().phone, { ...onlyPhone(), allowanceLeft: '10001' })
    expect(reasonOf(await renew())).toBe('AllowanceNotLeft')
  })

  it('needs both keys', async () => {
    const requests: Parameters<Authority['renew']>[0][] = []
    const centre = here.world.centre()
    const listening = {
      ...authority(),
      renew: async (request: (typeof requests)[number]) => (requests.push(request), unreachable),
    }
    await started(listening).renew(onlyPhone().phone)
    const { renewLicense } = centre
    const [request] = requests
    if (!request) throw new Error('nothing was asked')
    const other = Buffer.from(here.world.crypto.keyPair('P-256').publicKey).toString('base64url')
    const license = licenseOf(here.world.disk.get(here.world.phoneOf('anna')) as PhoneMemory).id
    for (const change of [
      { publicKey: other },
      { transport: other },
      { present: request.next },
      { next: request.present },
      { present: 'AAAA' },
      { next: '' },
      { license },
    ])
      expect(reasonOf(await renewLicense({ ...request, ...change })), Object.keys(change)[0]).toBe('ProofInvalid')
    const unknown = '00000000-0000-8000-8000-000000000000'
    expect(reasonOf(await renewLicense({ ...request, license: unknown }))).toBe('LicenseUnknown')
    expect(reasonOf(await renewLicense(request))).toBeUndefined()
  })

  it('comes by itself past half of the term', async () => {
    const old = licenseOf(onlyPhone())
    here.world.clock.at = ((old.notBefore + old.expires) / 2) * 1000 - 1000
    await started().upkeep()
    expect(licenseOf(onlyPhone()).id).toBe(old.id)
    here.world.clock.at += 2000
    await started().upkeep()
    expect(licenseOf(onlyPhone()).id).not.toBe(old.id)
    expect(licenseOf(onlyPhone()).expires).toBeGreaterThan(old.expires)
  })

  it('asked for and not answered is asked again by itself', async () => {
    lost = ['answer']
    expect(reasonOf(await renew())).toBe('AuthorityUnreachable')
    await started().upkeep()
    expect(onlyPhone().renewal).toBeUndefined()
    expect(facts('LicenseIssued')).toHaveLength(3)
  })
})

describe('a license that is revoked', () => {
  it('ends at once at the centre, and is on the deny list', async () => {
    orThrow(await started().addPhone(await codeFor()))
    const license = licenseOf(onlyPhone()).id
    const answer = orThrow(await here.world.centre().revokeLicense({ license, why: 'phone lost', by }))
    expect(answer).toMatchObject({ license, state: 'revoked' })
    expect(facts('LicenseRevoked')).toEqual([expect.objectContaining({ license, account: 'anna', why: 'phone lost' })])
    expect(facts<{ added: { licenses: string[] } }>('DenyListChanged').at(-1)?.added.licenses).toEqual([license])
    expect(reasonOf(await started().renew(onlyPhone().phone))).toBe('LicenseRevoked')
    // Its hold stays: taps may be on their way.
    expect(await balance()).toMatchObject({ held: '300.00' })
    const again = orThrow(await here.world.centre().revokeLicense({ license, why: 'phone lost', by }))
    expect(again).toEqual(answer)
    expect(facts('LicenseRevoked')).toHaveLength(1)
  })
  it('must have been issued', async () => {
    const license = '00000000-0000-8000-8000-000000000000'
    expect(reasonOf(await here.world.centre().revokeLicense({ license, why: 'phone lost', by }))).toBe('LicenseUnknown')
  })
})

describe('what a phone paid', () => {
  type Testified = { license: string; payments: { payment: string; receipt?: string }[] }
  const testify = async () => started().testify(onlyPhone().phone)
  const told = () =>
    facts<Testified>('PhoneTestified').map(({ payments }) => payments.map(({ receipt }) => receipt !== undefined))
  beforeEach(async () => {
    orThrow(await started().addPhone(await codeFor('anna', '200.00')))
  })

  it('is handed over once', async () => {
    await pay(100n)
    await pay(200n)
    expect(await testify()).toEqual({ told: 2 })
    expect(await testify()).toEqual({ told: 0 })
    expect(told()).toEqual([[true, true]])
    expect(facts<Testified>('PhoneTestified')[0]?.payments.map(({ payment }) => payment)).toEqual(
      onlyPhone().payments.map(({ payment }) => payment),
    )
    // The messages of the taps are the centre's to keep now; the answer stays, for a terminal that asks again.
    expect(onlyPhone().payments.every(({ getRequest, signed, answer }) => !getRequest && !signed && answer)).toBe(true)
  })
  it('is handed over once, whatever was lost', async () => {
    await pay(100n)
    lost = ['answer', 'request', 'answer']
    for (let tries = 0; tries < 3; tries++) expect(reasonOf(await testify())).toBe('AuthorityUnreachable')
    expect(await testify()).toEqual({ told: 1 })
    expect(told()).toEqual([[true]])
  })
  it('and had no receipt for is told at once, and again when the receipt came', async () => {
    await pay(100n, { lost: { at: 'PUT receipt', when: 'before' } })
    expect(await testify()).toEqual({ told: 1 })
    // The till hands it over when the phone, which nobody asks, comes back.
    const phone = { memory: onlyPhone(), consent: () => 'none' as const }
    await here.key(200n)
    await here.touch(phone)
    disk.set(phone.memory.phone, phone.memory)
    expect(await testify()).toEqual({ told: 2 })
    expect(told()).toEqual([[false], [true, true]])
  })
  it('under the license before is told of that license', async () => {
    await pay(100n)
    const [old] = [licenseOf(onlyPhone()).id]
    lost = []
    orThrow(await started().renew(onlyPhone().phone))
    await pay(200n)
    await testify()
    expect(facts<Testified>('PhoneTestified').map(({ license }) => license)).toEqual([old, licenseOf(onlyPhone()).id])
  })
  it('comes in pieces of sixteen', async () => {
    for (let payment = 0; payment < 20; payment++) await pay(100n)
    expect(await testify()).toEqual({ told: 20 })
    expect(told().map(piece => piece.length)).toEqual([16, 4])
  })
  it('is refused by name where it does not hold, and the rest is taken', async () => {
    await pay(100n)
    await pay(200n)
    const [first, second] = onlyPhone().payments
    if (!first || !second) throw new Error('two payments were made')
    const payments = [{ ...first, getRequest: second.getRequest ?? '' }, second]
    disk.set(onlyPhone().phone, { ...onlyPhone(), payments })
    expect(await testify()).toEqual({ told: 1 })
    expect(onlyPhone().payments.map(({ told }) => told)).toEqual(['refused', 'with receipt'])
    // What was refused is not told again and again.
    expect(await testify()).toEqual({ told: 0 })
  })
  it('is taken of a license that nobody issued by nobody', async () => {
    const license = '00000000-0000-8000-8000-000000000000'
    expect(reasonOf(await here.world.centre().testify({ license, payments: [] }))).toBe('LicenseUnknown')
  })
  it('is of its own license', async () => {
    await pay(100n)
    const { signed = '', getRequest = '', getResponse = '', put } = onlyPhone().payments[0] ?? { put: '' }
    const other = licenseOf(here.world.disk.get(here.world.phoneOf('anna')) as PhoneMemory).id
    const payments = [{ signed, getRequest, getResponse, put }]
    const answer = orThrow(await here.world.centre().testify({ license: other, payments }))
    expect(answer).toMatchObject({ taken: [], refused: [{ place: 0, reason: 'PaymentSignatureInvalid' }] })
    expect(facts('PhoneTestified')).toEqual([])
  })
})

it('the license says what the phone shows', async () => {
  const code = await codeFor()
  const phone = orThrow(await started().addPhone(code)) as { id: string }
  const license = readLicense(fromBase64url(onlyPhone().license))
  expect(started().look(phone.id)).toMatchObject({
    suite: 'P256-AUTH',
    renewing: false,
    untold: 0,
    license: { id: license.id, isPastHalf: false },
  })
})

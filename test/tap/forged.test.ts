import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bytes, base64url, concat, fromBase64url, fromHex, hex, utf8 } from '#canonical/bytes'
import type { Check } from '#canonical/check'
import type { KeyPair } from '#canonical/crypto'
import { isRefusal } from '#canonical/decider'
import { issueLicense, type License } from '#license'
import { issueCertificate, readCertificate, type TerminalCertificate } from '#license/certificate'
import { checkCertificate } from '#license/checks'
import { parse1 } from '#license/cose'
import { openAuth, sealAuth } from '#license/hpke'
import { kidOf, readKeySet, signKeySet } from '#license/keyset'
import { makePayment, type Payment } from '#license/payment'
import { makeHello, readDeduction, readHello } from '#license/records'
import { signDenyList } from '#license/rules'
import { amount } from '#money'
import { decodeMessage, encodeMessage, externalRecord } from '#nfc/ndef'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '#nfc/snep'
import { plainDecline, recordOf, single, tapHashOf } from '#tap/messages'
import { licenseOf } from '#tap/phone'
import type { RuleDocuments } from '#tap/rules'
import type { Message } from '#tap/terminal'
import { twin } from '../license/fixture.ts'
import { atCentre, atTerminal, lastFact, writeAs } from '../scenarios/hand.ts'
import { seededCrypto } from '../simulation/seeded-crypto.ts'
import { dice } from '../simulation/world.ts'
import { type Counter, counter, type Heard, type Phone } from './counter.ts'

/** What a dishonest phone, terminal or authority can say, and the reason with which it is refused. */

const asking = ['TapStarted', 'LicenseVerified', 'DeductionRequested']
const stranger = seededCrypto(dice('another authority').octets)
let here: Counter
let anna: Phone
/** What the centre answers when the terminal looks for newer rules; a test signs its own with the authority's keys. */
let rulesNow: Partial<RuleDocuments> = {}
let versions = { policy: 0, denyList: 0, keySet: 0 }

beforeAll(async () => {
  here = await counter('forged', {
    terminals: 2,
    phones: ['anna', 'bert', 'carl'].map(account => ({ account, limit: 50_000n, allowance: '200.00' })),
    breakTerminal: parts => ({
      ...parts,
      link: {
        ...parts.link,
        send: async batch => {
          const answer = await parts.link.send(batch)
          return isRefusal(answer) ? answer : { ...answer, rules: { ...answer.rules, ...versions } }
        },
        rules: async request => {
          const answer = await parts.link.rules(request)
          return isRefusal(answer) ? answer : { ...answer, ...rulesNow }
        },
      },
    }),
  })
  anna = here.phoneOf('anna')
})
afterAll(() => here.end())

const now_s = () => Math.floor(here.world.clock.at / 1000)
const balance = async (account = 'anna') => {
  const { owed, held } = (await here.world.centre().ask.balance({ account })) as { owed: string; held: string }
  return { owed, held }
}

describe('a license', () => {
  const day_s = 86_400
  const said = (): License => licenseOf(anna.memory)
  const signedBy = (key: KeyPair, change: Partial<License> = {}) => {
    const license = { ...said(), kid: kidOf(here.world.crypto, key.publicKey), ...change }
    return base64url(issueLicense(here.world.crypto, license, key))
  }
  type Row = readonly [what: string, document: () => string, reason: string, check: string]
  const rows: readonly Row[] = [
    ['by another authority', () => signedBy(stranger.keyPair('P-256')), 'LicenseKeyUnknown', 'license key'],
    [
      'by another authority that says it was ours',
      () => signedBy(stranger.keyPair('P-256'), { kid: said().kid }),
      'LicenseSignatureInvalid',
      'license signature',
    ],
    [
      'by our key for certificates',
      () => signedBy(here.world.keys.certificate),
      'LicenseKeyNotForLicenses',
      'license key purpose',
    ],
    ['by our key for rules', () => signedBy(here.world.keys.rules), 'LicenseKeyNotForLicenses', 'license key purpose'],
    [
      'that ran out, and five minutes of tolerance with it',
      () => signedBy(here.world.keys.license, { expires: now_s() - 300 }),
      'LicenseExpired',
      'license end',
    ],
    [
      'that begins tomorrow',
      () => signedBy(here.world.keys.license, { notBefore: now_s() + day_s }),
      'LicenseNotYetValid',
      'license start',
    ],
    [
      'in another currency',
      () => signedBy(here.world.keys.license, { credit: { ...said().credit, currency: 'CHF' } }),
      'CurrencyMismatch',
      'license currency',
    ],
  ]

  const refusedWith = async (document: string, reason: string, check: string) => {
    const honest = anna.memory
    anna.memory = { ...honest, license: document }
    const [sale, from, till] = [await here.key(1250n), here.log().length, structuredClone(here.till().till)]
    const heard = await here.touch(anna)
    expect(heard.map(({ message }) => message)).toEqual(['GET #1'])
    expect(here.saleOf(sale)).toEqual({ state: 'declined', reason })
    expect(here.told(from)).toEqual(['TapStarted', 'LicenseRejected', 'TransactionDeclined'])
    const rejected = here.event<{ reason: string; checks: readonly Check[] }>('LicenseRejected').at(-1)
    expect(rejected).toMatchObject({ reason })
    expect(rejected?.checks.at(-1)).toMatchObject({ check, pass: false, reason })
    expect(rejected?.checks.slice(0, -1).every(({ pass }) => pass)).toBe(true)
    // Nothing is asked of the phone, and nothing of it is counted.
    expect(anna.memory).toEqual({ ...honest, license: document })
    expect(here.till().till.spentByLicense).toEqual(till.spentByLicense)
    expect(here.till().till.waiting).toEqual(till.waiting)
    anna.memory = honest
  }
  it.each(rows)('%s', (_, document, reason, check) => refusedWith(document(), reason, check))

  it('that ran out within the tolerance is taken', async () => {
    const honest = anna.memory
    anna.memory = { ...honest, license: signedBy(here.world.keys.license, { expires: now_s() - 290 }) }
    const sale = await here.key(100n)
    // Not asked to pay: the field is lost before PUT.
    await here.touch(anna, { lost: { at: 'PUT', when: 'before' } })
    expect(here.saleOf(sale).state).toBe('torn')
    await here.till().cancelSale(sale)
    anna.memory = honest
  })

  const adopt = async (documents: Partial<RuleDocuments>, newer: Partial<typeof versions>) => {
    rulesNow = documents
    versions = { ...versions, ...newer }
    expect(await here.world.sync()).toMatchObject({ acceptedTo: expect.any(Number) })
    rulesNow = {}
  }
  const denyList = (version: number, denied: { licenses?: string[]; cards?: string[] }) => ({
    denyList: base64url(
      signDenyList(
        here.world.crypto,
        { version, issued: now_s(), licenses: [], cards: [], ...denied },
        here.world.keys.rules,
      ),
    ),
  })

  it('on the deny list, by its id or by its card', async () => {
    await adopt(denyList(10, { licenses: [said().id] }), { denyList: 10 })
    await refusedWith(anna.memory.license, 'LicenseDenied', 'license not denied')
    await adopt(denyList(11, { cards: [said().card] }), { denyList: 11 })
    await refusedWith(anna.memory.license, 'LicenseDenied', 'license not denied')
    await adopt(denyList(12, {}), { denyList: 12 })
    const sale = await here.key(100n)
    await here.touch(anna, { lost: { at: 'PUT', when: 'before' } })
    expect(here.saleOf(sale).state).toBe('torn')
    await here.till().cancelSale(sale)
  })

  it('a deny list that goes back, or that another signed, is not adopted', async () => {
    await adopt(denyList(3, { licenses: [said().id] }), { denyList: 13 })
    expect(here.till().status().lastSyncError).toMatchObject({ reason: 'RulesWentBack', kind: 'denyList' })
    const forged = signDenyList(
      here.world.crypto,
      { version: 14, issued: now_s(), licenses: [said().id], cards: [] },
      stranger.keyPair('P-256'),
    )
    // Something must wait, or there is nothing to sync.
    await here.key(100n)
    await here.touch(anna, { response: () => encodeResponse({ code: 'NOT FOUND', information: new Uint8Array(0) }) })
    await adopt({ denyList: base64url(forged) }, { denyList: 14 })
    expect(here.till().status().lastSyncError).toMatchObject({ reason: 'RulesInvalid' })
    expect(here.till().status().rules.denyList).toMatchObject({ version: 12 })
  })

  it('by a key of ours that was compromised', async () => {
    const { crypto, keys } = here.world
    const held = readKeySet(fromBase64url(here.till().till.rules?.keySet.document ?? ''))
    const kid = kidOf(crypto, keys.license.publicKey)
    const compromised = {
      ...held,
      version: 2,
      keys: held.keys.map(key => (hex(key.kid) === hex(kid) ? { ...key, status: 'compromised' as const } : key)),
    }
    const { document } = here.till().till.rules?.keySet ?? { document: '' }
    await here.key(100n)
    await here.touch(anna, { response: () => encodeResponse({ code: 'NOT FOUND', information: new Uint8Array(0) }) })
    await adopt(
      { ...denyList(15, {}), keySet: base64url(signKeySet(crypto, compromised, keys.root)) },
      { keySet: 2, denyList: 15 },
    )
    await refusedWith(anna.memory.license, 'LicenseKeyCompromised', 'license key status')
    // Good again, or nothing more would be tested here.
    const well = readKeySet(fromBase64url(document))
    await adopt(
      { ...denyList(16, {}), keySet: base64url(signKeySet(crypto, { ...well, version: 3 }, keys.root)) },
      { keySet: 3, denyList: 16 },
    )
    expect(here.till().status().rules.keySet?.version).toBe(3)
  })
})

/** What the phone was asked and the frames it was asked with: enough to make any payment it could make. */
const asked = (heard: readonly Heard[]) => {
  const of = (message: Message) => heard.find(one => one.message === message) as Heard
  const getRequest = decodeRequest(of('GET #1').request).information
  const getResponse = decodeResponse(of('GET #1').response).information
  const put = decodeRequest(of('PUT').request).information
  const { sealing } = readHello(recordOf(getRequest, 'hello'))
  return {
    deduction: readDeduction(recordOf(put, 'deduction')),
    sealing,
    tapHash: tapHashOf(stranger, getRequest, getResponse, put),
  }
}
const infoOf = (tapHash: Bytes) => concat(utf8('tallystick.dev:payment/1'), tapHash)
const none = new Uint8Array(0)

/** A phone that answers GET #2 with what `forge` makes of the tap. */
const touchForging = async (
  phone: Phone,
  forge: (tap: ReturnType<typeof asked> & { honest: Omit<Payment, 'tac'>; key: KeyPair }) => Bytes,
) => {
  const heard: Heard[] = []
  const { memory } = phone
  await here.touch(phone, {
    request: (message, request) => {
      heard.push({ message, request, response: none })
      return request
    },
    response: (message, response) => {
      const last = heard.at(-1) as Heard
      heard[heard.length - 1] = { ...last, response }
      if (message !== 'GET #2') return response
      const tap = asked(heard)
      const license = licenseOf(memory)
      const honest = {
        amount: tap.deduction.amount,
        currency: tap.deduction.currency,
        time: now_s(),
        transaction: tap.deduction.transaction,
        card: license.card,
        license: license.id,
        counter: tap.deduction.counter,
        allowanceAfter: amount(BigInt(memory.allowanceLeft) - tap.deduction.amount),
        previous: fromHex(memory.previous),
        tapHash: tap.tapHash,
      }
      const key = {
        curve: 'P-256',
        publicKey: license.publicKey,
        privateKey: fromBase64url(memory.privateKey),
      } as const
      const sealed = forge({ ...tap, honest, key })
      return encodeResponse({ code: 'SUCCESS', information: single('payment', sealed) })
    },
  })
  // It said what it liked, and has paid nothing.
  phone.memory = memory
}

describe('a payment', () => {
  type Lie = Partial<Omit<Payment, 'tac'>>
  const lies: readonly [string, Lie, reason: string, check: string][] = [
    ['for a smaller amount', { amount: amount(1249n) }, 'AmountMismatch', 'payment amount'],
    ['for a larger amount', { amount: amount(1251n) }, 'AmountMismatch', 'payment amount'],
    ['for another transaction', { transaction: new Uint8Array(16) }, 'TransactionMismatch', 'payment transaction'],
    ['in another currency', { currency: 'HUF' }, 'CurrencyMismatch', 'payment currency'],
    ['of another card', { card: '9000000000000000001' }, 'CardMismatch', 'payment card'],
    [
      'under another license',
      { license: '0190d0a0-0000-7000-8000-000000000001' },
      'LicenseMismatch',
      'payment license',
    ],
    ['with a counter used before', { counter: 0 }, 'CounterMismatch', 'payment counter'],
    ['with a counter to come', { counter: 9 }, 'CounterMismatch', 'payment counter'],
    ['over another tap’s messages', { tapHash: new Uint8Array(32) }, 'TapHashMismatch', 'payment tap hash'],
    [
      'after which more is left than can be',
      { allowanceAfter: amount(20_000n) },
      'AllowanceMismatch',
      'payment allowance',
    ],
  ]

  const rejected = async (reason: string, check: string, forge: Parameters<typeof touchForging>[1], phone = anna) => {
    const [sale, from, waiting] = [await here.key(1250n), here.log().length, here.till().till.waiting]
    let sent: Bytes | undefined
    await touchForging(phone, tap => (sent = forge(tap)))
    expect(here.saleOf(sale)).toEqual({ state: 'declined', reason })
    expect(here.told(from)).toEqual([...asking, 'PayloadRejected', 'TapResolved', 'TransactionDeclined'])
    const held = here.event<{ reason: string; response: string; checks: readonly Check[] }>('PayloadRejected').at(-1)
    expect(held?.checks.at(-1)).toMatchObject({ check, pass: false, reason })
    // The octets are kept, for whoever must look at them.
    expect(held?.response).toBe(base64url(single('payment', sent as Bytes)))
    expect(here.till().till.waiting).toEqual(waiting)
  }

  /** Nothing in it is proved to be the phone's: octets spoiled on their way look the same, and the phone is asked again. */
  const torn = async (forge: Parameters<typeof touchForging>[1], phone = anna) => {
    const [sale, from, waiting] = [await here.key(1250n), here.log().length, here.till().till.waiting]
    await touchForging(phone, forge)
    expect(here.saleOf(sale)).toEqual({ state: 'torn', reason: 'PhoneMisunderstood' })
    expect(here.told(from)).toEqual([...asking, 'TapTorn'])
    expect(here.till().till.waiting).toEqual(waiting)
    await here.till().cancelSale(sale)
    expect(here.told(from).at(-1)).toBe('TapResolved')
  }

  it.each(lies)('%s', (_, change, reason, check) =>
    rejected(reason, check, ({ honest, key, sealing, tapHash }) => {
      const { crypto } = here.world
      const tacKey = fromBase64url(anna.memory.tacKey)
      const { signed } = makePayment(crypto, { payment: { ...honest, ...change }, key, tacKey, sealing })
      return sealAuth(crypto, { sender: key, recipient: sealing, info: infoOf(tapHash), aad: none, plaintext: signed })
    }),
  )

  it('signed by another key, sealed by the right one', () =>
    rejected('PaymentSignatureInvalid', 'payment signature', ({ honest, key, sealing, tapHash }) => {
      const { crypto } = here.world
      const thief = stranger.keyPair('P-256')
      const { signed } = makePayment(crypto, { payment: honest, key: thief, tacKey: new Uint8Array(32), sealing })
      return sealAuth(crypto, { sender: key, recipient: sealing, info: infoOf(tapHash), aad: none, plaintext: signed })
    }))

  it('sealed by another key', () =>
    torn(({ honest, sealing }) => {
      const thief = stranger.keyPair('P-256')
      return makePayment(stranger, { payment: honest, key: thief, tacKey: new Uint8Array(32), sealing }).sealed
    }))

  it('made for another terminal', async () => {
    const { world } = here
    await world.key(1250n, 'T-2')
    expect(await world.tap('carl', 'T-2')).toMatchObject({ outcome: 'paid' })
    const carl = here.phoneOf('carl')
    const paid = recordOf(fromBase64url(carl.memory.payments[0]?.answer ?? ''), 'payment')
    await torn(() => paid, carl)
  })

  it('repeated, from an earlier tap', async () => {
    const bert = here.phoneOf('bert')
    await here.key(1250n)
    await here.touch(bert)
    const repeated = recordOf(fromBase64url(bert.memory.payments[0]?.answer ?? ''), 'payment')
    await torn(() => repeated)
  })

  it('nothing of all that is owed', async () => {
    await here.world.sync()
    expect(await balance()).toEqual({ owed: '0.00', held: '200.00' })
    expect(atCentre(here.world, 'PaymentAccepted').map(({ data }) => data['account'])).toEqual(['bert'])
    expect(atCentre(here.world, 'PaymentHeld')).toEqual([])
  })
})

describe('the twin (r, n − s) of the payer’s signature', () => {
  let twice: { honest: Bytes; other: Bytes; info: Bytes }
  it('is a valid signature: the payment is recorded, under the one payment hash', async () => {
    const sale = await here.key(1250n)
    let paymentHash = ''
    const { memory } = anna
    await touchForging(anna, ({ honest, key, sealing, tapHash }) => {
      const { crypto } = here.world
      const tacKey = fromBase64url(memory.tacKey)
      const made = makePayment(crypto, { payment: honest, key, tacKey, sealing })
      paymentHash = hex(made.paymentHash)
      const seal = (plaintext: Bytes) =>
        sealAuth(crypto, { sender: key, recipient: sealing, info: infoOf(tapHash), aad: none, plaintext })
      expect(twin(made.signed)).not.toEqual(made.signed)
      twice = { honest: seal(made.signed), other: seal(twin(made.signed)), info: infoOf(tapHash) }
      return twice.other
    })
    expect(here.saleOf(sale)).toEqual({ state: 'approved' })
    expect(atTerminal(here.world, 'TransactionRecorded').at(-1)?.data.payment).toBe(paymentHash)
  })

  it('recorded again by a terminal that was broken into, it posts once and is named a duplicate', async () => {
    const opened = lastFact(here.world, 'PayloadDecrypted')
    const recorded = lastFact(here.world, 'TransactionRecorded')
    const other = base64url(single('payment', twice.honest))
    expect(opened.data.response).not.toBe(other)
    await writeAs(here.world, [
      lastFact(here.world, 'TapStarted'),
      lastFact(here.world, 'LicenseVerified'),
      lastFact(here.world, 'DeductionRequested'),
      { ...opened, data: { ...opened.data, response: other } },
      { ...recorded, data: { ...recorded.data, receiptNumber: recorded.data.receiptNumber + 1 } },
    ])
    await here.world.sync()
    expect(await balance()).toEqual({ owed: '12.50', held: '187.50' })
    const duplicates = atCentre<{ kind: string; amount: string; concerns: string[] }>(here.world, 'ExceptionRaised')
    expect(duplicates.map(({ data }) => [data.kind, data.amount])).toEqual([['Duplicate', '1250']])
    expect(duplicates[0]?.data.concerns).toContain(recorded.data.payment)
    expect(atCentre(here.world, 'PaymentAccepted').filter(({ data }) => data['account'] === 'anna')).toHaveLength(1)
  })

  it('hides, under another seal, the same payload', () => {
    const { publicKey, privateKey } = lastFact(here.world, 'TapStarted').data.sealing
    const recipient = {
      curve: 'P-256',
      publicKey: fromBase64url(publicKey),
      privateKey: fromBase64url(privateKey),
    } as const
    const sender = licenseOf(anna.memory).publicKey
    const [first, second] = [twice.honest, twice.other].map(sealed => {
      const signed = openAuth(stranger, { sender, recipient, info: twice.info, aad: none, sealed })
      return parse1(signed as Bytes)
    })
    expect(first?.payload).toEqual(second?.payload)
    expect(first?.signature).not.toEqual(second?.signature)
  })
})

describe('a terminal that a phone does not know', () => {
  const own = (): TerminalCertificate =>
    readCertificate(fromBase64url(here.world.shops.get('T-1')?.identity.certificate ?? ''))
  const certified = (key: KeyPair, change: Partial<TerminalCertificate> = {}): Bytes => {
    const { crypto } = here.world
    return issueCertificate(crypto, { ...own(), kid: kidOf(crypto, key.publicKey), ...change }, key)
  }
  type Row = readonly [what: string, certificate: () => Bytes, reason: string]
  const rows: readonly Row[] = [
    ['certified by another authority', () => certified(stranger.keyPair('P-256')), 'CertificateKeyUnknown'],
    [
      'certified by another authority in our name',
      () => certified(stranger.keyPair('P-256'), { kid: own().kid }),
      'CertificateSignatureInvalid',
    ],
    ['certified by our key for licenses', () => certified(here.world.keys.license), 'CertificateKeyNotForCertificates'],
    [
      'whose certificate ran out',
      () => certified(here.world.keys.certificate, { expires: now_s() - 300 }),
      'CertificateExpired',
    ],
    [
      'whose certificate begins tomorrow',
      () => certified(here.world.keys.certificate, { notBefore: now_s() + 86_400 }),
      'CertificateNotYetValid',
    ],
    [
      'that is live, where the phone is a test',
      () => certified(here.world.keys.certificate, { mode: 'live' }),
      'ModeMismatch',
    ],
  ]

  const shown = async (hello: (octets: Bytes) => Bytes, certificate: () => Bytes) => {
    const [sale, before] = [await here.key(100n), anna.memory]
    const heard = await here.touch(anna, {
      request: (message, request) => {
        if (message !== 'GET #1') return request
        const { information } = decodeRequest(request)
        const [greeting] = decodeMessage(information)
        const records = [
          externalRecord('hello', hello(greeting?.payload as Bytes)),
          externalRecord('terminal-certificate', certificate()),
        ]
        return encodeRequest({ code: 'GET', acceptableLength: 4096, information: encodeMessage(records) })
      },
    })
    expect(heard).toHaveLength(1)
    // Alike from every phone, and to everybody: nothing tells whose phone it is, or what it has against the terminal.
    const said = decodeResponse(heard[0]?.response as Bytes)
    expect(said).toEqual({ code: 'SUCCESS', information: plainDecline({ reason: 'unknown terminal' }) })
    expect(anna.memory).toEqual(before)
    expect(here.saleOf(sale)).toEqual({ state: 'declined', reason: 'TerminalUnknown' })
  }

  it.each(rows)('%s', async (_, certificate, reason) => {
    await shown(octets => octets, certificate)
    const keySet = readKeySet(fromBase64url(anna.memory.keySet))
    const checks = checkCertificate(here.world.crypto, {
      certificate: certificate(),
      keySet,
      mode: 'test',
      now_s: now_s(),
    })
    expect(checks.at(-1)).toMatchObject({ pass: false, reason })
  })

  const trueOne = () => fromBase64url(here.world.shops.get('T-1')?.identity.certificate ?? '')
  it('whose hello another key signed', () =>
    shown(octets => makeHello(stranger, readHello(octets), stranger.keyPair('P-256')), trueOne))
  it('whose hello says another name than the certificate', () =>
    shown(octets => {
      const { p256 } = (here.world.shops.get('T-1') as NonNullable<ReturnType<typeof here.world.shops.get>>).identity
        .keys
      return makeHello(here.world.crypto, { ...readHello(octets), terminal: 'T-9' }, p256)
    }, trueOne))
  it('that repeats a hello it heard gets an answer that only the true terminal’s tap can open', async () => {
    await here.key(100n)
    const [first] = await here.touch(anna, { lost: { at: 'GET #1', when: 'after' } })
    const sale = await here.key(100n)
    const heard = await here.touch(anna, {
      request: (message, request) => (message === 'GET #1' ? (first as Heard).request : request),
    })
    expect(heard).toHaveLength(1)
    expect(here.saleOf(sale)).toEqual({ state: 'declined', reason: 'StatusSealInvalid' })
  })
})

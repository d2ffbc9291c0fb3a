import { type Bytes, concat, fromHex, u32be } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { issueLicense, type License } from '#license'
import { makeAppKey, type Suite } from '#license/appkey'
import { issueCertificate, type TerminalCertificate } from '#license/certificate'
import { type KeySet, kidOf, type Purpose, signKeySet } from '#license/keyset'
import { makePayment, type Payment } from '#license/payment'
import { type Deduction, makeDeduction } from '#license/records'
import { type DenyList, type Policy, signDenyList, signPolicy } from '#license/rules'
import { tacKeyOf } from '#license/tac'
import { nobleCrypto } from '#machine/noble'
import { amount } from '#money'

/**
 * One small world of statements: an authority with its keys and rules, a terminal and a phone. Seeded, so that the same
 * seed makes the same octets; two seeds are two authorities that know nothing of each other.
 */

export const now_s = Date.UTC(2026, 10, 23, 9) / 1000
const day_s = 86_400

/** SHA-256 over seed and a counter. For tests only: whoever knows the seed knows every key. */
export const seededCrypto = (seed: string): Crypto => {
  const plain = nobleCrypto(() => new Uint8Array(0))
  let block = 0
  return nobleCrypto(size => {
    let octets: Bytes = new Uint8Array(0)
    while (octets.length < size) octets = concat(octets, plain.sha256(seed, u32be(block++)))
    return octets.slice(0, size)
  })
}

export const world = (seed = 'tally', suite: Suite = 'P256-AUTH') => {
  const crypto = seededCrypto(seed)
  const root = crypto.keyPair('P-256')
  const [licenseKey, certificateKey, rulesKey] = [
    crypto.keyPair('P-256'),
    crypto.keyPair('P-256'),
    crypto.keyPair('P-256'),
  ]
  const kid = (key: KeyPair) => kidOf(crypto, key.publicKey)

  const authorityKey = (purpose: Purpose, key: KeyPair): KeySet['keys'][number] => ({
    kid: kid(key),
    purpose,
    curve: key.curve,
    publicKey: key.publicKey,
    notBefore: now_s - 30 * day_s,
    expires: now_s + 700 * day_s,
    status: 'active',
  })
  const keySet: KeySet = {
    version: 3,
    issued: now_s - day_s,
    keys: [
      authorityKey('license', licenseKey),
      authorityKey('certificate', certificateKey),
      authorityKey('rules', rulesKey),
    ],
  }

  const policy: Policy = {
    version: 2,
    issued: now_s - day_s,
    currency: 'EUR',
    perTransaction: amount(5_000n),
    silentMax: amount(2_500n),
    sinceSeen: { count: 20, sum: amount(20_000n) },
    perKeyOnTerminal: amount(10_000n),
    stored: { count: 200, sum: amount(500_000n) },
    hoursSinceSync: 72,
    denyListAge_hours: 72,
    policyAge_hours: 720,
    clockTolerance_s: 300,
    roundTrip_ms: 500,
    overridable: ['FloorLimitExceeded'],
  }
  const denyList: DenyList = {
    version: 7,
    issued: now_s - 3_600,
    licenses: ['0190d0a0-dead-7000-8000-00000000dead'],
    cards: ['9999999999999999'],
  }

  const terminalKeys = { p256: crypto.keyPair('P-256'), ed25519: crypto.keyPair('Ed25519') }
  const certificate: TerminalCertificate = {
    terminal: 'T-1',
    merchant: 'merchant-1',
    merchantName: 'Bakery on the Corner',
    shop: 'shop-1',
    mode: 'test',
    keys: { p256: terminalKeys.p256.publicKey, ed25519: terminalKeys.ed25519.publicKey },
    notBefore: now_s - day_s,
    expires: now_s + 365 * day_s,
    kid: kid(certificateKey),
  }

  const phoneKeys = makeAppKey(crypto, suite)
  const masterKey = crypto.random(32)
  const license: License = {
    id: '0190d0a0-0000-7000-8000-000000000001',
    card: '7001000000000001',
    issuer: 'tallystick.test',
    issuedAt: now_s - day_s,
    notBefore: now_s - day_s,
    expires: now_s + 30 * day_s,
    publicKey: phoneKeys.publicKey,
    credit: {
      currency: 'EUR',
      allowance: amount(20_000n),
      perTransaction: amount(5_000n),
      silent: amount(2_500n),
      consecutive: 20,
      counter: 0,
      tacKey: 'tac-2026',
      suite,
    },
    kid: kid(licenseKey),
  }

  return {
    crypto,
    root,
    licenseKey,
    certificateKey,
    rulesKey,
    keySet,
    keySetBytes: signKeySet(crypto, keySet, root),
    policy,
    policyBytes: signPolicy(crypto, policy, rulesKey),
    denyList,
    denyListBytes: signDenyList(crypto, denyList, rulesKey),
    masterKey,
    terminal: {
      keys: terminalKeys,
      certificate,
      certificateBytes: issueCertificate(crypto, certificate, certificateKey),
    },
    phone: {
      keys: phoneKeys,
      license,
      licenseBytes: issueLicense(crypto, license, licenseKey),
      tacKey: tacKeyOf(crypto, masterKey, license.id),
    },
  }
}

export type World = ReturnType<typeof world>

/** A deduction of 12.50 and the phone's payment for it; `change` alters what the phone signs. */
export const tap = ({ crypto, terminal, phone }: World, change: Partial<Omit<Payment, 'tac'>> = {}) => {
  const sealing = crypto.keyPair('P-256')
  const transaction = crypto.random(16)
  const tapHash = crypto.sha256('get #1', 'status', transaction)
  const allowanceLeft = phone.license.credit.allowance
  const deduction: Deduction = {
    transaction,
    license: phone.license.id,
    counter: 1,
    amount: amount(1_250n),
    currency: 'EUR',
    time: now_s,
    place: terminal.certificate.shop,
    head: crypto.sha256('head'),
  }
  const payment: Omit<Payment, 'tac'> = {
    amount: deduction.amount,
    currency: deduction.currency,
    time: now_s,
    transaction,
    card: phone.license.card,
    license: phone.license.id,
    counter: deduction.counter,
    allowanceAfter: amount(allowanceLeft - deduction.amount),
    previous: new Uint8Array(32),
    tapHash,
    ...change,
  }
  const made = makePayment(crypto, { payment, key: phone.keys, tacKey: phone.tacKey, sealing: sealing.publicKey })
  const deductionBytes = makeDeduction(crypto, deduction, terminal.keys.p256)
  return { sealing, tapHash, allowanceLeft, deduction, deductionBytes, made }
}

/** Every check of what the phone signed, in the protocol’s order, where all of them hold. */
export const signedWell: readonly [check: string, pass: boolean][] = [
  ['payment signature', true],
  ['payment structure', true],
  ['payment transaction', true],
  ['payment amount', true],
  ['payment currency', true],
  ['payment card', true],
  ['payment license', true],
  ['payment counter', true],
  ['payment tap hash', true],
  ['payment allowance', true],
]

/** The same octets with one bit turned over. */
export const flipped = (octets: Uint8Array, at: number, bit = at % 8): Bytes => {
  const copy = new Uint8Array(octets)
  copy[at] = (copy[at] as number) ^ (1 << bit)
  return copy
}

/** (r, n − s): whoever sees a P-256 signature at the end of some octets can write its twin, without any key. */
export const twin = (signed: Uint8Array): Bytes => {
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const s = signed.slice(-32).reduce((number, octet) => number * 256n + BigInt(octet), 0n)
  return concat(signed.subarray(0, -32), fromHex((n - s).toString(16).padStart(64, '0')))
}

/** What an act throws; undefined where it throws nothing. */
export const caught = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

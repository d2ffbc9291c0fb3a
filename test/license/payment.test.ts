import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bytes, concat, hex, utf8 } from '#canonical/bytes'
import { encode } from '#canonical/cbor'
import { firstFailure } from '#canonical/check'
import type { KeyPair } from '#canonical/crypto'
import { checkPayment, checkTac } from '#license/checks'
import { parse1, sign1 } from '#license/cose'
import { sealAuth } from '#license/hpke'
import { openPayment, type Payment, paymentHashOf } from '#license/payment'
import { readDeduction } from '#license/records'
import { tacKeyOf, tacOf } from '#license/tac'
import { nodeCrypto } from '#machine/crypto'
import { amount } from '#money'
import { flipped, signedWell, tap, twin, type World, world } from './fixture.ts'

const here = world()
const { crypto, phone } = here
const appKey = phone.keys as KeyPair
const node = nodeCrypto()
const whole = tap(here)

type Tap = ReturnType<typeof tap>
const opening = ({ sealing, tapHash }: Tap) => ({ sealing, appPublicKey: phone.license.publicKey, tapHash })

const judged = (at: Tap, sealed: Uint8Array = at.made.sealed) =>
  checkPayment({
    opened: openPayment(node, sealed, opening(at)),
    deduction: at.deduction,
    license: phone.license,
    tapHash: at.tapHash,
    allowanceLeft: at.allowanceLeft,
  })
const reasonOf = (at: Tap, sealed?: Uint8Array) => firstFailure(judged(at, sealed))?.reason

/** Seals other octets as this tap's payment, as whoever holds the sealing key and the APP key could. */
const sealedAnew = ({ sealing, tapHash }: Tap, signed: Uint8Array): Bytes =>
  sealAuth(node, {
    sender: appKey,
    recipient: sealing.publicKey,
    info: concat(utf8('tallystick.dev:payment/1'), tapHash),
    aad: new Uint8Array(0),
    plaintext: signed,
  })

const opened = (at: Tap, sealed: Uint8Array = at.made.sealed) => {
  const found = openPayment(node, sealed, opening(at))
  if ('failure' in found) throw new Error(found.failure.reason)
  return found
}

it('what the phone sealed the terminal opens, and knows by the hash of what was signed', () => {
  const found = opened(whole)
  expect(found.payment).toEqual(whole.made.payment)
  expect(found.payload).toEqual(whole.made.payload)
  expect(found.signed).toEqual(whole.made.signed)
  expect(found.paymentHash).toEqual(node.sha256(whole.made.payload))
})

it('that holds passes every check, in the protocol’s order', () =>
  expect(judged(whole).map(({ check, pass }) => [check, pass])).toEqual([['payment seal', true], ...signedWell]))

describe('a phone that signs something else', () => {
  // The tap hash is in the seal's `info` too: sealed under ours, signed over another.
  const lie = (change: Partial<Omit<Payment, 'tac'>>) =>
    reasonOf(whole, sealedAnew(whole, tap(here, { ...honest, ...change }).made.signed))
  const { tac: _, ...honest } = whole.made.payment

  it('is honest without a change', () => expect(lie({})).toBeUndefined())

  const lies: readonly [string, Partial<Omit<Payment, 'tac'>>, string][] = [
    ['another transaction', { transaction: new Uint8Array(16) }, 'TransactionMismatch'],
    ['a smaller amount', { amount: amount(1_249n) }, 'AmountMismatch'],
    ['another currency', { currency: 'HUF' }, 'CurrencyMismatch'],
    ['another card', { card: '7001000000000002' }, 'CardMismatch'],
    ['another license', { license: '0190d0a0-0000-7000-8000-000000000002' }, 'LicenseMismatch'],
    ['the counter again', { counter: 0 }, 'CounterMismatch'],
    ['another tap’s messages', { tapHash: new Uint8Array(32) }, 'TapHashMismatch'],
    ['more left than there can be', { allowanceAfter: amount(20_000n) }, 'AllowanceMismatch'],
    ['less left than there must be', { allowanceAfter: amount(0n) }, 'AllowanceMismatch'],
  ]
  it.each(lies)('%s', (_, change, reason) => expect(lie(change)).toBe(reason))

  it('an amount above what was left cannot be made up for', () => {
    const poor = { ...whole, allowanceLeft: amount(1_000n) }
    expect(reasonOf(poor)).toBe('AllowanceMismatch')
  })

  it('the failure says what was expected and what was found', () =>
    expect(judged(whole, sealedAnew(whole, tap(here, { ...honest, amount: amount(1n) }).made.signed)).at(-1)).toEqual({
      check: 'payment amount',
      pass: false,
      reason: 'AmountMismatch',
      expected: '1250',
      found: '1',
    }))
})

describe('the seal', () => {
  it('with one bit turned over in any octet, or cut at any, does not open', () => {
    for (let at = 0; at < whole.made.sealed.length; at++) {
      expect(reasonOf(whole, flipped(whole.made.sealed, at))).toBe('SealInvalid')
      expect(reasonOf(whole, whole.made.sealed.subarray(0, at))).toBe('SealInvalid')
    }
  })

  it('opens for this tap alone, and under this phone’s key alone', () => {
    const failure = (change: object) => {
      const found = openPayment(node, whole.made.sealed, { ...opening(whole), ...change })
      return 'failure' in found ? found.failure.reason : undefined
    }
    expect(failure({})).toBeUndefined()
    expect(failure({ sealing: tap(here).sealing })).toBe('SealInvalid')
    expect(failure({ tapHash: new Uint8Array(32) })).toBe('SealInvalid')
    expect(failure({ appPublicKey: tap(world('thief')).sealing.publicKey })).toBe('SealInvalid')
    expect(failure({ appPublicKey: new Uint8Array(65) })).toBe('SealInvalid')
  })

  it('made anew has other octets and the same payment in it', () => {
    const again = sealedAnew(whole, whole.made.signed)
    expect(again).not.toEqual(whole.made.sealed)
    expect(opened(whole, again).paymentHash).toEqual(whole.made.paymentHash)
  })
})

describe('the signature inside', () => {
  it('with one bit turned over in any octet of what is sealed, a named check fails', () => {
    const reasons = new Set<string | undefined>()
    for (let at = 0; at < whole.made.signed.length; at++)
      reasons.add(reasonOf(whole, sealedAnew(whole, flipped(whole.made.signed, at))))
    expect(reasons).toEqual(new Set(['PaymentMalformed', 'PaymentSignatureInvalid']))
  })

  it('cut at any octet is malformed', () => {
    for (let size = 0; size < whole.made.signed.length; size++)
      expect(reasonOf(whole, sealedAnew(whole, whole.made.signed.subarray(0, size)))).toBe('PaymentMalformed')
  })

  it('has a twin, which pays nothing twice: both hold, and the payment hash is one', () => {
    const other = twin(whole.made.signed)
    expect(other).not.toEqual(whole.made.signed)
    expect(reasonOf(whole, sealedAnew(whole, other))).toBeUndefined()
    expect(opened(whole, sealedAnew(whole, other)).paymentHash).toEqual(whole.made.paymentHash)
  })

  it('is checked although the seal holds: who has the sealing key can forge a seal, and no signature', () => {
    const { payload } = whole.made
    const byAnother = sign1(crypto, { payload, type: 'payment', key: tap(here).sealing })
    expect(reasonOf(whole, sealedAnew(whole, byAnother))).toBe('PaymentSignatureInvalid')
  })

  it('of a deduction or a receipt is none of a payment', () => {
    const { payload } = whole.made
    for (const type of ['deduction', 'receipt', 'license', 'status'])
      expect(reasonOf(whole, sealedAnew(whole, sign1(crypto, { payload, type, key: appKey })))).toBe(
        'PaymentSignatureInvalid',
      )
    const deduction = parse1(whole.deductionBytes).payload
    expect(readDeduction(whole.deductionBytes)).toEqual(whole.deduction)
    expect(
      reasonOf(whole, sealedAnew(whole, sign1(crypto, { payload: deduction, type: 'payment', key: appKey }))),
    ).toBe('PaymentMalformed')
  })

  it('over a payload that is no payment is malformed', () => {
    const signed = sign1(crypto, { payload: encode(new Map([['amount', 1]])), type: 'payment', key: appKey })
    const failure = judged(whole, sealedAnew(whole, signed)).at(-1)
    expect(failure).toMatchObject({ check: 'payment structure', reason: 'PaymentMalformed' })
    expect(failure?.found).toContain('currency is not there')
  })
})

describe('the TAC', () => {
  it('holds under the key that the license’s master key gives', () => {
    expect(checkTac(node, whole.made.payment, phone.tacKey)).toEqual({ check: 'payment TAC', pass: true })
    expect(phone.tacKey).toEqual(tacKeyOf(node, here.masterKey, phone.license.id))
  })

  it('fails for a copied APP key, which knows no TAC key', () => {
    const copied = { ...here, phone: { ...phone, tacKey: new Uint8Array(32) } } satisfies World
    const paid = tap(copied)
    expect(reasonOf(paid)).toBeUndefined()
    expect(checkTac(node, opened(paid).payment, phone.tacKey)).toMatchObject({ pass: false, reason: 'TacInvalid' })
  })

  it('is of 8 octets, and covers every other field', () => {
    const { tac, ...fields } = whole.made.payment
    expect(tac).toHaveLength(8)
    const changes: readonly Partial<Payment>[] = [
      { amount: amount(1n) },
      { currency: 'CHF' },
      { time: 0 },
      { transaction: new Uint8Array(16) },
      { card: '7001000000000002' },
      { license: '0190d0a0-0000-7000-8000-000000000002' },
      { counter: 2 },
      { allowanceAfter: amount(0n) },
      { previous: new Uint8Array(32).fill(1) },
      { tapHash: new Uint8Array(32) },
    ]
    expect(changes.map(change => Object.keys(change)[0])).toEqual(expect.arrayContaining(Object.keys(fields)))
    for (const change of changes) expect(tacOf(node, phone.tacKey, { ...fields, ...change })).not.toEqual(tac)
  })

  it('has a key for each license, by HKDF (RFC 5869)', async () => {
    const { hkdfSync } = await import('node:crypto')
    const id = phone.license.id
    const expected = hkdfSync('sha256', here.masterKey, new Uint8Array(0), utf8(`tac${id}`), 32)
    expect(tacKeyOf(node, here.masterKey, id)).toEqual(new Uint8Array(expected))
    expect(tacKeyOf(node, here.masterKey, '0190d0a0-0000-7000-8000-000000000002')).not.toEqual(phone.tacKey)
  })
})

it('the seeded world makes the same octets again', () => {
  const [a, b] = [tap(world()), tap(world())]
  expect(hex(a.made.sealed)).toBe(hex(b.made.sealed))
  expect(hex(tap(world('other')).made.payload)).not.toBe(hex(a.made.payload))
})

it('every payment comes back, under its hash', () => {
  const octets = (size: number) =>
    fc.uint8Array({ minLength: size, maxLength: size }).map(bytes => new Uint8Array(bytes))
  const money = fc.bigInt({ min: 0n, max: 10n ** 11n - 1n }).map(amount)
  const change = fc.record({
    amount: money,
    currency: fc.stringMatching(/^[A-Z]{3}$/),
    time: fc.nat({ max: 2 ** 40 }),
    transaction: octets(16),
    card: fc.stringMatching(/^\d{16,19}$/),
    license: fc.uuid(),
    counter: fc.maxSafeNat(),
    allowanceAfter: money,
    previous: octets(32),
    tapHash: octets(32),
  })
  fc.assert(
    fc.property(change, fields => {
      const paid = tap({ ...here, crypto: node }, fields)
      const found = opened({ ...paid, tapHash: fields.tapHash })
      expect(found.payment).toMatchObject(fields)
      expect(found.paymentHash).toEqual(paymentHashOf(node, paid.made.payload))
    }),
    { numRuns: 40 },
  )
})

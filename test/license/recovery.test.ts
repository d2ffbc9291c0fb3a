import { describe, expect, it } from 'vitest'
import { type Bytes, concat, fromHex, hex } from '#canonical/bytes'
import { type Cbor, type CborMap, decode, encode } from '#canonical/cbor'
import { firstFailure } from '#canonical/check'
import type { KeyPair, RsaKeyPair } from '#canonical/crypto'
import { issueLicense, readLicense } from '#license'
import { type BlockKind, makeBlock, payloadMax, readBlock } from '#license/block'
import { checkLicense, checkPayment, checkTac } from '#license/checks'
import { parse1, sign1 } from '#license/cose'
import { fitsSuite, makePayment, openPayment, readSigned } from '#license/payment'
import { nodeCrypto } from '#machine/crypto'
import { amount } from '#money'
import { caught, flipped, now_s, signedWell, tap, world } from './fixture.ts'

/** RSA-RECOVERY, the method to the letter: what the block must be, to the last octet, and what is refused. */

const here = world('recovery', 'RSA-RECOVERY')
const { crypto, phone } = here
const node = nodeCrypto()
const key = phone.keys as RsaKeyPair
const whole = tap(here)

const judged = (sealed: Uint8Array, publicKey: Uint8Array = phone.license.publicKey) =>
  checkPayment({
    opened: openPayment(node, sealed, { sealing: whole.sealing, appPublicKey: publicKey, tapHash: whole.tapHash }),
    deduction: whole.deduction,
    license: phone.license,
    tapHash: whole.tapHash,
    allowanceLeft: whole.allowanceLeft,
  })
const reasonOf = (sealed: Uint8Array, publicKey?: Uint8Array) => firstFailure(judged(sealed, publicKey))?.reason

describe('a payment that is a block', () => {
  it('is recovered under the public key, and known by the hash of its payload', () => {
    expect(whole.made.sealed.length).toBe(256)
    expect(judged(whole.made.sealed).map(({ check, pass }) => [check, pass])).toEqual(signedWell)
    const found = readSigned(node, whole.made.signed, key.publicKey)
    if ('failure' in found) throw new Error(found.failure.reason)
    expect(found.payment).toEqual(whole.made.payment)
    expect(found.paymentHash).toEqual(node.sha256(whole.made.payload))
    expect(checkTac(node, found.payment, phone.tacKey).pass).toBe(true)
  })

  it('is the same octets from the same phone, whoever computes them', () =>
    expect(makeBlock(node, key, 'payment', whole.made.payload)).toEqual(whole.made.sealed))

  it('with any bit turned over is none', () => {
    for (let at = 0; at < 256; at++)
      expect(reasonOf(flipped(whole.made.sealed, at)), `octet ${at}`).toMatch(/^Payment(SignatureInvalid|Malformed)$/)
  })

  it('of another key is none', () =>
    expect(reasonOf(makeBlock(node, node.rsaKeyPair(), 'payment', whole.made.payload))).toBe('PaymentSignatureInvalid'))

  it('whose negative it would be is none: there is no twin', () => {
    const number = (octets: Uint8Array) => BigInt(`0x${hex(octets)}`)
    const negative = (number(key.publicKey) - number(whole.made.sealed)).toString(16).padStart(512, '0')
    expect(reasonOf(fromHex(negative))).toBe('PaymentSignatureInvalid')
  })

  it('not below the modulus is none, though it would recover the same', () => {
    const small = crypto.rsaSign(key, concat(new Uint8Array(255), Uint8Array.of(1)))
    expect(hex(small)).toBe(hex(concat(new Uint8Array(255), Uint8Array.of(1))))
    expect(reasonOf(key.publicKey)).toBe('PaymentSignatureInvalid')
    expect(reasonOf(new Uint8Array(256).fill(0xff))).toBe('PaymentSignatureInvalid')
  })
})

/** A block with anything in it, as a phone that lies could make it. */
const blockOf = (...parts: readonly (Uint8Array | string)[]): Bytes => {
  const octets = concat(...parts.map(part => (typeof part === 'string' ? fromHex(part) : part)))
  if (octets.length !== 256) throw new Error(`${octets.length} octets`)
  return crypto.rsaSign(key, octets)
}
const ff = (count: number) => new Uint8Array(count).fill(0xff)
const { payload } = whole.made
const rest = 256 - payload.length

describe('the padding', () => {
  it('as it must be', () => expect(reasonOf(blockOf('0001', ff(rest - 4), '0001', payload))).toBeUndefined())
  it.each([
    ['begins with another octet', () => blockOf('0101', ff(rest - 4), '0001', payload)],
    ['is of type 02', () => blockOf('0002', ff(rest - 4), '0001', payload)],
    ['is of type 00', () => blockOf('0000', ff(rest - 4), '0001', payload)],
    ['has another octet in its run', () => blockOf('0001', ff(3), 'fe', ff(rest - 8), '0001', payload)],
    ['ends in another octet', () => blockOf('0001', ff(rest - 4), '0101', payload)],
    ['has no end', () => blockOf('0001', ff(254))],
    ['is all there is', () => blockOf('0001', ff(253), '00')],
    ['is for a request', () => blockOf('0001', ff(rest - 4), '0002', payload)],
    ['is for no kind', () => blockOf('0001', ff(rest - 4), '0000', payload)],
    ['has seven FF and the rest behind', () => blockOf('0001', ff(7), '0001', payload, new Uint8Array(rest - 11))],
    ['has none', () => blockOf('000100', '01', payload, new Uint8Array(rest - 4))],
  ])('that %s is refused', (_, made) => expect(reasonOf(made())).toBe('PaymentSignatureInvalid'))

  it('of eight FF is the shortest', () => {
    const long = new Uint8Array(payloadMax).fill(7)
    const block = makeBlock(node, key, 'payment', long)
    expect(readBlock(node, key.publicKey, 'payment', block)).toEqual(long)
    expect(caught(() => makeBlock(node, key, 'payment', new Uint8Array(payloadMax + 1)))).toBeInstanceOf(RangeError)
  })
})

describe('the payload', () => {
  const block = (octets: Uint8Array) => makeBlock(node, key, 'payment', octets)
  const map = decode(payload) as CborMap
  it('with an octet behind it is refused', () =>
    expect(reasonOf(block(concat(payload, Uint8Array.of(0))))).toBe('PaymentMalformed'))
  it('in another order of its keys is refused', () => {
    const [first, second, ...others] = [...map].map(([name, value]) => concat(encode(name), encode(value)))
    const turned = concat(Uint8Array.of(payload[0] as number), second as Bytes, first as Bytes, ...others)
    expect(turned.length).toBe(payload.length)
    expect(reasonOf(block(turned))).toBe('PaymentMalformed')
  })
  it('with a longer form of a number is refused', () => {
    // Counter 1 is one octet; 18 01 says the same in two.
    const long = hex(payload).replace(`${hex(encode('counter'))}01`, `${hex(encode('counter'))}1801`)
    expect(long.length).toBe(2 * payload.length + 2)
    expect(reasonOf(block(fromHex(long)))).toBe('PaymentMalformed')
  })
  it('without a field is refused', () => {
    const less = new Map(map as Map<string, Cbor>)
    less.delete('tac')
    expect(reasonOf(block(encode(less)))).toBe('PaymentMalformed')
  })
  it('of nothing is refused', () => expect(reasonOf(block(new Uint8Array(0)))).toBe('PaymentMalformed'))
})

describe('a payment of the other suite', () => {
  const other = world('recovery')
  it('P256-AUTH under a license of RSA-RECOVERY is refused', () => {
    const sealed = tap(other).made
    expect(reasonOf(sealed.sealed)).toBe('PaymentMalformed')
    expect(reasonOf(sealed.signed)).toBe('PaymentMalformed')
  })
  it('RSA-RECOVERY under a license of P256-AUTH is refused', () => {
    const publicKey = other.phone.license.publicKey
    expect(reasonOf(whole.made.sealed, publicKey)).toBe('SealInvalid')
    expect(firstFailure(readSigned(node, whole.made.signed, publicKey).checks)?.reason).toBe('PaymentMalformed')
  })
})

it.each(['payment', 'license-request', 'license-renewal'] as const)('a block of kind %s is of no other kind', kind => {
  const made = makeBlock(node, key, kind, payload)
  const kinds: readonly BlockKind[] = ['payment', 'license-request', 'license-renewal']
  for (const each of kinds) expect(readBlock(node, key.publicKey, each, made)).toEqual(each === kind ? payload : null)
})

describe('a license of RSA-RECOVERY', () => {
  const policy = { ...here.policy, suites: ['P256-AUTH', 'RSA-RECOVERY'] as const }
  const check = (license: Uint8Array, change: Partial<Parameters<typeof checkLicense>[1]> = {}) =>
    firstFailure(
      checkLicense(node, {
        license,
        keySet: here.keySet,
        denyList: here.denyList,
        policy,
        now_s,
        currency: 'EUR',
        ...change,
      }),
    )

  it('holds where the policy names the suite', () => {
    expect(readLicense(phone.licenseBytes).publicKey).toEqual(key.publicKey)
    expect(check(phone.licenseBytes)).toBeUndefined()
  })
  it('is refused where the policy does not', () => {
    const found = check(phone.licenseBytes, { policy: here.policy })
    expect(found).toMatchObject({ reason: 'SuiteNotAllowed', found: 'RSA-RECOVERY', rule: 'policy 2' })
  })
  it('and the other suite where the policy names this one alone', () => {
    const p256 = world('recovery').phone.licenseBytes
    const only = { ...here.policy, suites: ['RSA-RECOVERY'] as const }
    expect(check(issueAnew(p256))).toBeUndefined()
    expect(check(issueAnew(p256), { policy: only })?.reason).toBe('SuiteNotAllowed')
  })

  /** What another says, signed by this authority. */
  const issueAnew = (bytes: Uint8Array, change: (claims: Map<number, Cbor>) => void = () => {}): Bytes => {
    const { payload } = parse1(bytes)
    const claims = new Map(decode(payload) as Map<number, Cbor>)
    change(claims)
    const authority: KeyPair = here.licenseKey
    return sign1(node, {
      payload: encode(claims),
      type: 'license',
      key: authority,
      kid: readLicense(phone.licenseBytes).kid,
    })
  }

  const withKey = (n: Uint8Array, e: Uint8Array | number = Uint8Array.of(1, 0, 1)) =>
    issueAnew(phone.licenseBytes, claims =>
      claims.set(
        8,
        new Map([
          [
            1,
            new Map<number, Cbor>([
              [1, 3],
              [-1, new Uint8Array(n)],
              [-2, typeof e === 'number' ? e : new Uint8Array(e)],
            ]),
          ],
        ]),
      ),
    )
  const modulus = key.publicKey

  it('is as it was issued', () => expect(check(withKey(modulus))).toBeUndefined())
  it.each([
    ['exponent 3', () => withKey(modulus, Uint8Array.of(3))],
    ['exponent 65537 with a zero before it', () => withKey(modulus, Uint8Array.of(0, 1, 0, 1))],
    ['an exponent that is no octets', () => withKey(modulus, 65537)],
    ['1,024 bits', () => withKey(modulus.slice(0, 128))],
    ['2,047 bits', () => withKey(concat(Uint8Array.of(0x7f), modulus.slice(1)))],
    ['2,048 bits in 257 octets', () => withKey(concat(Uint8Array.of(0), modulus))],
    ['4,096 bits', () => withKey(concat(modulus, modulus))],
    ['an even modulus', () => withKey(concat(modulus.slice(0, 255), Uint8Array.of(2)))],
    ['no modulus', () => withKey(new Uint8Array(0))],
    [
      'the suite of the other key',
      () =>
        issueAnew(phone.licenseBytes, claims => {
          const credit = new Map(claims.get('credit' as never) as Map<string, Cbor>)
          claims.set('credit' as never, credit.set('suite', 'P256-AUTH'))
        }),
    ],
  ])('with %s is no license', (_, made) => expect(check(made())?.reason).toBe('LicenseMalformed'))

  it('is not issued for a key of the other suite', () =>
    expect(
      caught(() =>
        issueLicense(node, { ...phone.license, publicKey: crypto.keyPair('P-256').publicKey }, here.licenseKey),
      ),
    ).toBeInstanceOf(TypeError))
})

describe('what fits a block', () => {
  const credit = phone.license.credit
  const fits = (change: Partial<typeof credit>) => fitsSuite({ ...credit, ...change })
  it('an allowance below 2^32 minor units and a counter below 2^16', () =>
    expect(fits({ allowance: amount(2n ** 32n - 1n), counter: 65_000, consecutive: 535 })).toBe(true))
  it('not one of 2^32', () => expect(fits({ allowance: amount(2n ** 32n) })).toBe(false))
  it('not so high a counter with it', () =>
    expect(fits({ allowance: amount(2n ** 32n - 1n), counter: 65_000, consecutive: 536 })).toBe(false))
  it('the other suite takes any', () =>
    expect(fits({ suite: 'P256-AUTH', allowance: amount(99_999_999_999n) })).toBe(true))
  it('the largest that fits can be paid', () => {
    const made = makePayment(crypto, {
      payment: {
        ...whole.made.payment,
        card: '9'.repeat(19),
        amount: amount(2n ** 32n - 1n),
        allowanceAfter: amount(2n ** 32n - 1n),
        counter: 65_535,
        time: 2 ** 32 - 1,
      },
      key,
      tacKey: phone.tacKey,
      sealing: whole.sealing.publicKey,
    })
    expect(made.payload.length).toBe(payloadMax)
    expect('failure' in readSigned(node, made.signed, key.publicKey)).toBe(false)
  })
})

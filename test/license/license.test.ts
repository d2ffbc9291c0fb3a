import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concat, hex } from '#canonical/bytes'
import { type Cbor, type CborMap, decode, encode } from '#canonical/cbor'
import { Malformed } from '#canonical/malformed'
import { issueLicense, type License, readLicense } from '#license'
import { parse1, sign1, verify1 } from '#license/cose'
import { amount } from '#money'
import { caught, flipped, twin, world } from './fixture.ts'

const { crypto, licenseKey, phone } = world()
const { license, licenseBytes } = phone
const { payload } = parse1(licenseBytes)

it('comes back as it was issued', () => expect(readLicense(licenseBytes)).toEqual(license))

it('is a CWT: its claims bear the numbers of RFC 8392 and RFC 8747', () => {
  const claims = decode(payload) as CborMap
  expect([...claims.keys()]).toEqual([1, 2, 4, 5, 6, 7, 8, 'credit'])
  expect([claims.get(1), claims.get(2)]).toEqual([license.issuer, license.card])
  expect([claims.get(4), claims.get(5), claims.get(6)]).toEqual([license.expires, license.notBefore, license.issuedAt])
  expect(hex(claims.get(7) as Uint8Array)).toBe(license.id.replaceAll('-', ''))
  const key = (claims.get(8) as CborMap).get(1) as CborMap
  expect([key.get(1), key.get(-1)]).toEqual([2, 1])
  expect(concat(Uint8Array.of(4), key.get(-2) as Uint8Array, key.get(-3) as Uint8Array)).toEqual(license.publicKey)
})

it('names no person: an account by 16 to 19 digits, and nothing else of its holder', () => {
  for (const card of ['123456789012345', '12345678901234567890', 'Anna Example 12345', '7001 0000 0000 0001'])
    expect(() => issueLicense(crypto, { ...license, card }, licenseKey)).toThrow('license: card must be')
})

it('cut anywhere is malformed', () => {
  for (let size = 0; size < licenseBytes.length; size++)
    expect(() => readLicense(licenseBytes.subarray(0, size))).toThrow(Malformed)
})

it('one bit turned over is another license or none, and never an error of another kind', () => {
  for (let at = 0; at < licenseBytes.length; at++) {
    const error = caught(() => expect(readLicense(flipped(licenseBytes, at))).toBeDefined())
    expect(error === undefined || error instanceof Malformed).toBe(true)
  }
})

it('its signature has a twin that holds as well, over the same payload', () => {
  const other = twin(licenseBytes)
  expect(other).not.toEqual(licenseBytes)
  const key = { curve: 'P-256', publicKey: licenseKey.publicKey } as const
  expect(verify1(crypto, { bytes: other, type: 'license', ...key })).toEqual(payload)
})

describe('claims of another shape', () => {
  const signedWith = (change: (claims: Map<number | string, Cbor>) => void) => {
    const claims = new Map(decode(payload) as CborMap)
    change(claims)
    return sign1(crypto, { payload: encode(claims), type: 'license', key: licenseKey, kid: license.kid })
  }
  const credit = (name: string, value: Cbor) => (claims: Map<number | string, Cbor>) =>
    claims.set('credit', new Map(claims.get('credit') as CborMap).set(name, value))
  const coseKey = (...entries: [number, Cbor][]) => new Map([[1, new Map<number, Cbor>(entries)]])
  const coordinate = new Uint8Array(32)

  const shapes: readonly [string, (claims: Map<number | string, Cbor>) => void, string][] = [
    ['no issuer', claims => claims.delete(1), 'issuer is not there'],
    ['a card number with a letter', claims => claims.set(2, '700100000000000a'), 'card is not a card number'],
    ['a date before 1970', claims => claims.set(4, -1), 'expires is not a count'],
    ['a date as text', claims => claims.set(5, '2026-11-23'), 'notBefore is not a count'],
    ['a date beyond 2^53', claims => claims.set(4, 2n ** 60n), 'expires is not a count'],
    ['an id of 15 octets', claims => claims.set(7, new Uint8Array(15)), 'id is not a UUID'],
    ['no holder’s key', claims => claims.delete(8), 'holder is not there'],
    [
      'a key on another curve',
      claims => claims.set(8, coseKey([1, 2], [-1, 2], [-2, coordinate], [-3, coordinate])),
      'holder.key is not a COSE_Key on P-256',
    ],
    [
      'a key with half a point',
      claims => claims.set(8, coseKey([1, 2], [-1, 1], [-2, coordinate])),
      'holder.key is not a COSE_Key on P-256',
    ],
    [
      'a compressed key',
      claims => claims.set(8, coseKey([1, 2], [-1, 1], [-2, coordinate], [-3, true])),
      'holder.key is not a COSE_Key on P-256',
    ],
    ['no credit', claims => claims.delete('credit'), 'credit is not there'],
    ['credit as a list', claims => claims.set('credit', []), 'credit is not a map'],
    ['a negative allowance', credit('allowance', -1), 'credit.allowance is not an amount'],
    ['an allowance beyond 10^11 - 1', credit('allowance', 10n ** 11n), 'credit.allowance is not an amount'],
    ['a currency in lower case', credit('currency', 'eur'), 'credit.currency is not a currency code'],
    ['another suite', credit('suite', 'RSA-RECOVERY'), 'RSA-RECOVERY is not the suite of the key it names'],
    ['an empty TAC key id', credit('tacKey', ''), 'credit.tacKey is not text'],
  ]
  it.each(shapes)('%s', (_, change, found) => {
    const error = caught(() => readLicense(signedWith(change)))
    expect(error).toMatchObject({ code: 'Malformed', layer: 'license', offset: 0 })
    expect((error as Malformed).message).toContain(found)
  })

  it('no key id', () => {
    const bytes = sign1(crypto, { payload, type: 'license', key: licenseKey })
    expect(caught(() => readLicense(bytes))).toMatchObject({ layer: 'license', found: 'no key id' })
  })

  it('claims that are no map', () => {
    const bytes = sign1(crypto, { payload: encode([1]), type: 'license', key: licenseKey, kid: license.kid })
    expect(caught(() => readLicense(bytes))).toMatchObject({ layer: 'license', found: 'the record is not a map' })
  })

  it('a claim that is not known is ignored', () => {
    const bytes = signedWith(claims => claims.set(3, 'audience').set('later', new Map([['a', 1]])))
    expect(readLicense(bytes)).toEqual(license)
  })
})

it('every license comes back', () => {
  const seconds = fc.nat({ max: 2 ** 40 })
  const money = fc.bigInt({ min: 0n, max: 10n ** 11n - 1n }).map(amount)
  const name = fc.string({ minLength: 1, maxLength: 10, unit: 'grapheme' })
  const any: fc.Arbitrary<License> = fc.record({
    id: fc.uuid(),
    card: fc.stringMatching(/^\d{16,19}$/),
    issuer: name,
    issuedAt: seconds,
    notBefore: seconds,
    expires: seconds,
    publicKey: fc.constant(license.publicKey),
    kid: fc.constant(license.kid),
    credit: fc.record({
      currency: fc.stringMatching(/^[A-Z]{3}$/),
      allowance: money,
      perTransaction: money,
      silent: money,
      consecutive: fc.nat(),
      counter: fc.maxSafeNat(),
      tacKey: name,
      suite: fc.constant('P256-AUTH' as const),
    }),
  })
  fc.assert(
    fc.property(any, value => {
      expect(readLicense(issueLicense(crypto, value, licenseKey))).toEqual(value)
    }),
    { numRuns: 40 },
  )
})

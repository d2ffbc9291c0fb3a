import { describe, expect, it } from 'vitest'
import { type Bytes, concat, fromHex, utf8 } from '#canonical/bytes'
import { type Cbor, decode, encode } from '#canonical/cbor'
import type { KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { parse1, sign1, verify1 } from '#license/cose'
import { seededCrypto } from './fixture.ts'

const crypto = seededCrypto('cose')
const p256 = crypto.keyPair('P-256')
const ed25519 = crypto.keyPair('Ed25519')
const payload = utf8('twelve euros fifty')
const kid = fromHex('0011223344556677')

const verified = (bytes: Bytes, key: KeyPair, type = 'payment') =>
  verify1(crypto, { bytes, type, curve: key.curve, publicKey: key.publicKey })

describe.each([
  ['ES256', p256],
  ['EdDSA', ed25519],
] as const)('%s', (algorithm, key) => {
  it('signs, tells its key, and gives the payload to who verifies', () => {
    const bytes = sign1(crypto, { payload, type: 'payment', key, kid })
    expect(verified(bytes, key)).toEqual(payload)
    expect(parse1(bytes)).toMatchObject({ payload, algorithm, kid })
    expect('kid' in parse1(sign1(crypto, { payload, type: 'payment', key }))).toBe(false)
  })

  it('does not move to another kind of statement, nor to another key', () => {
    const bytes = sign1(crypto, { payload, type: 'deduction', key })
    expect(verified(bytes, key, 'deduction')).toEqual(payload)
    expect(verified(bytes, key, 'payment')).toBeNull()
    expect(verified(bytes, crypto.keyPair(key.curve), 'deduction')).toBeNull()
  })

  it('one flipped bit anywhere is malformed or not verified', () => {
    const bytes = sign1(crypto, { payload, type: 'payment', key, kid })
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice()
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      try {
        expect(verified(changed, key)).toBeNull()
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed)
      }
    }
  })

  it('cut anywhere is malformed', () => {
    const bytes = sign1(crypto, { payload, type: 'payment', key, kid })
    for (let size = 0; size < bytes.length; size++) expect(() => parse1(bytes.subarray(0, size))).toThrow(Malformed)
  })
})

it('the algorithm must fit the key, even where the signature does', () => {
  const header = encode(new Map([[1, -8]]))
  const signature = crypto.sign(p256, encode(['Signature1', header, utf8('payment'), payload]))
  expect(verified(encode([header, new Map(), payload, signature]), p256)).toBeNull()
})

it('ES256 is not read as EdDSA', () => {
  const bytes = sign1(crypto, { payload, type: 'payment', key: p256 })
  expect(verify1(crypto, { bytes, type: 'payment', curve: 'Ed25519', publicKey: ed25519.publicKey })).toBeNull()
})

it('verifies RFC 9052, appendix C.2.1', () => {
  // Key "11" of C.7.1, empty external_aad. The example has its tag and an unprotected key id, which no signature
  // covers and which are not used here: it is the same statement without them.
  const signature = fromHex(
    '8eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e' +
      '2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36',
  )
  const publicKey = fromHex(
    '04bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff' +
      '20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e',
  )
  const content = utf8('This is the content.')
  const bytes = encode([fromHex('a10126'), new Map(), content, signature])
  expect(verify1(crypto, { bytes, type: '', curve: 'P-256', publicKey })).toEqual(content)
})

describe('of another shape', () => {
  const header = (...entries: [number, Cbor][]) => encode(new Map(entries))
  const whole = [header([1, -7]), new Map(), payload, new Uint8Array(64)] as const
  const shapes: readonly [string, Cbor, number][] = [
    ['not an array', new Map(), 0],
    ['an array of three', whole.slice(0, 3), 0],
    ['an array of five', [...whole, 0], 0],
    ['a protected header as a map', [new Map([[1, -7]]), ...whole.slice(1)], 1],
    ['an unprotected header with a key id', [whole[0], new Map([[4, kid]]), payload, whole[3]], 5],
    ['a payload that is elsewhere', [whole[0], new Map(), null, whole[3]], 6],
    ['a signature of 63 octets', [...whole.slice(0, 3), new Uint8Array(63)], 6 + 1 + payload.length],
    ['a signature in DER', [...whole.slice(0, 3), new Uint8Array(71)], 6 + 1 + payload.length],
    ['no algorithm', [header(), ...whole.slice(1)], 1],
    ['an algorithm not used here', [header([1, -35]), ...whole.slice(1)], 1],
    ['a key id that is text', [header([1, -7], [4, 'eleven']), ...whole.slice(1)], 1],
    ['critical fields', [header([1, -7], [2, [99]], [99, 1]), ...whole.slice(1)], 1],
  ]
  it.each(shapes)('%s', (_, value, offset) => {
    let error: unknown
    try {
      parse1(encode(value))
    } catch (caught) {
      error = caught
    }
    expect(error).toMatchObject({ code: 'Malformed', layer: 'cose', offset })
  })

  it('a tag (98([...])) is refused: what a statement is, its place says', () =>
    expect(() => parse1(concat(Uint8Array.of(0xd2), encode(whole)))).toThrow(Malformed))

  it('a header field that is not known and not critical is ignored', () =>
    expect(parse1(encode([header([1, -7], [33, 1]), ...whole.slice(1)])).algorithm).toBe('ES256'))
})

it('is deterministic over @noble, and its parts are where RFC 9052 puts them', () => {
  const bytes = sign1(crypto, { payload, type: 'payment', key: p256 })
  expect(sign1(crypto, { payload, type: 'payment', key: p256 })).toEqual(bytes)
  expect(decode(bytes)).toEqual([fromHex('a10126'), new Map(), payload, parse1(bytes).signature])
})

import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bytes, concat, fromHex, hex, utf8 } from '#canonical/bytes'
import type { Crypto, Curve } from '#canonical/crypto'
import { systemClock } from '#machine/clock'
import { nodeCrypto } from '#machine/crypto'
import { nobleCrypto } from '#machine/noble'

const node = nodeCrypto()
const noble = nobleCrypto(size => node.random(size))
const adapters: readonly (readonly [string, Crypto])[] = [
  ['node:crypto', node],
  ['@noble', noble],
]
const curves: readonly Curve[] = ['P-256', 'Ed25519']

const flipped = (bytes: Uint8Array, bit: number): Bytes => {
  const copy = new Uint8Array(bytes)
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7))
  return copy
}

const octets = (size: number) => fc.uint8Array({ minLength: size, maxLength: size })

describe.each(adapters)('%s', (_, crypto) => {
  it('hashes as FIPS 180-4 says, whole and in parts', () => {
    // FIPS 180-4 example: "abc".
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(hex(crypto.sha256('abc'))).toBe(abc)
    expect(hex(crypto.sha256('a', utf8('b'), 'c'))).toBe(abc)
    expect(hex(crypto.sha256())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })

  it('authenticates as RFC 4231 says', () => {
    // RFC 4231, test case 2.
    const mac = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'
    expect(hex(crypto.hmac(utf8('Jefe'), utf8('what do ya want '), utf8('for nothing?')))).toBe(mac)
  })

  it('signs Ed25519 as RFC 8032 says', () => {
    // RFC 8032, 7.1, test 2.
    const key = {
      curve: 'Ed25519',
      privateKey: fromHex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'),
      publicKey: fromHex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'),
    } as const
    expect(hex(crypto.sign(key, fromHex('72')))).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
        '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    )
  })

  it.each(curves)('%s: keys have the port’s forms, and signatures 64 octets', curve => {
    const key = crypto.keyPair(curve)
    expect([key.publicKey.length, key.privateKey.length]).toEqual([curve === 'P-256' ? 65 : 32, 32])
    expect(crypto.sign(key, utf8('tally')).length).toBe(64)
    for (const bytes of [
      key.publicKey,
      key.privateKey,
      crypto.random(5),
      crypto.sha256('a'),
      crypto.sign(key, key.publicKey),
    ])
      expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype)
  })

  it.each(curves)('%s: one flipped bit of message, signature or key is false, and never an error', curve => {
    const key = crypto.keyPair(curve)
    const message = utf8('one bit more or less')
    const signature = crypto.sign(key, message)
    expect(crypto.verify(curve, key.publicKey, message, signature)).toBe(true)
    for (let bit = 0; bit < message.length * 8; bit += 7)
      expect(crypto.verify(curve, key.publicKey, flipped(message, bit), signature)).toBe(false)
    for (let bit = 0; bit < 512; bit += 7)
      expect(crypto.verify(curve, key.publicKey, message, flipped(signature, bit))).toBe(false)
    for (let bit = 0; bit < key.publicKey.length * 8; bit += 7)
      expect(crypto.verify(curve, flipped(key.publicKey, bit), message, signature)).toBe(false)
  })

  it.each(curves)('%s: a key or signature of another length is false, and never an error', curve => {
    const key = crypto.keyPair(curve)
    const signature = crypto.sign(key, utf8('m'))
    for (const size of [0, 1, 31, 32, 33, 63, 64, 65, 66, 128]) {
      if (size !== 64) expect(crypto.verify(curve, key.publicKey, utf8('m'), new Uint8Array(size))).toBe(false)
      if (size !== key.publicKey.length)
        expect(crypto.verify(curve, new Uint8Array(size), utf8('m'), signature)).toBe(false)
    }
  })

  it('agrees on nothing with what is not a point of P-256', () => {
    const key = crypto.keyPair('P-256')
    const other = crypto.keyPair('P-256').publicKey
    expect(crypto.agree(key, other)?.length).toBe(32)
    expect(crypto.agree(key, flipped(other, 500))).toBeNull()
    // The same point compressed and in the hybrid form: one key, one name.
    const odd = (other[64] as number) & 1
    expect(crypto.agree(key, concat(Uint8Array.of(2 + odd), other.subarray(1, 33)))).toBeNull()
    expect(crypto.agree(key, concat(Uint8Array.of(6 + odd), other.subarray(1)))).toBeNull()
    for (const filled of [0, 255])
      for (const size of [0, 1, 33, 64, 65, 66]) expect(crypto.agree(key, new Uint8Array(size).fill(filled))).toBeNull()
    expect(crypto.agree(key, concat(Uint8Array.of(4), new Uint8Array(64)))).toBeNull()
  })

  it('agrees on nothing by a private key that is none', () => {
    const key = crypto.keyPair('P-256')
    const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'
    for (const privateKey of [
      fromHex(order),
      ...[0, 255].flatMap(filled => [0, 5, 31, 32, 33].map(size => new Uint8Array(size).fill(filled))),
    ])
      expect(crypto.agree({ ...key, privateKey }, key.publicKey)).toBeNull()
  })

  it('opens only what was sealed', () => {
    const [key, nonce, aad, text] = [crypto.random(16), crypto.random(12), utf8('aad'), utf8('a payment')]
    const sealed = crypto.aeadSeal(key, nonce, aad, text)
    expect(sealed.length).toBe(text.length + 16)
    expect(crypto.aeadOpen(key, nonce, aad, sealed)).toEqual(text)
    expect(crypto.aeadOpen(key, nonce, utf8('aae'), sealed)).toBeNull()
    expect(crypto.aeadOpen(crypto.random(16), nonce, aad, sealed)).toBeNull()
    for (let bit = 0; bit < sealed.length * 8; bit++)
      expect(crypto.aeadOpen(key, nonce, aad, flipped(sealed, bit))).toBeNull()
    for (let size = 0; size < sealed.length; size++)
      expect(crypto.aeadOpen(key, nonce, aad, sealed.subarray(0, size))).toBeNull()
  })

  it('makes other keys and other octets each time', () => {
    expect(crypto.keyPair('P-256').privateKey).not.toEqual(crypto.keyPair('P-256').privateKey)
    expect(crypto.random(16)).not.toEqual(crypto.random(16))
    expect(crypto.random(16).length).toBe(16)
  })

  it('takes the twin (r, n − s) of a P-256 signature, as ECDSA does', () => {
    const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const key = crypto.keyPair('P-256')
    const signature = crypto.sign(key, utf8('m'))
    const s = (n - BigInt(`0x${hex(signature.subarray(32))}`)).toString(16).padStart(64, '0')
    expect(crypto.verify('P-256', key.publicKey, utf8('m'), concat(signature.subarray(0, 32), fromHex(s)))).toBe(true)
  })
})

describe('two adapters, one judgement', () => {
  it.each(curves)('%s: what one signs the other verifies', curve => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), message => {
        for (const [maker, judge] of [
          [node, noble],
          [noble, node],
        ] as const) {
          const key = maker.keyPair(curve)
          const signature = maker.sign(key, message)
          if (!judge.verify(curve, key.publicKey, message, signature)) return false
          if (!maker.verify(curve, key.publicKey, message, judge.sign(key, message))) return false
        }
        return true
      }),
      { numRuns: 15 },
    )
  })

  it('P-256: an r or s that begins with zeros, or with a bit that would be a sign, is read alike', () => {
    const key = noble.keyPair('P-256')
    const firstOctets = new Set<string>()
    for (let message = 0; message < 1500; message++) {
      const signature = node.sign(key, utf8(`${message}`))
      const [r, s] = [signature[0] as number, signature[32] as number]
      const shape = [r, s].map(octet => (octet === 0 ? 'zero' : octet < 0x80 ? 'low' : 'high')).join(' ')
      if (firstOctets.has(shape)) continue
      firstOctets.add(shape)
      expect(noble.verify('P-256', key.publicKey, utf8(`${message}`), signature)).toBe(true)
      expect(node.verify('P-256', key.publicKey, utf8(`${message}`), signature)).toBe(true)
    }
    // All but the one in 65,536 where both begin with zeros.
    for (const shape of ['low low', 'low high', 'high low', 'high high']) expect(firstOctets).toContain(shape)
    expect([...firstOctets].filter(shape => shape.includes('zero')).length).toBeGreaterThan(1)
  })

  it('P-256: takes no r or s of zero', () => {
    const key = node.keyPair('P-256')
    const signature = node.sign(key, utf8('m'))
    for (const zeros of [
      signature.map((octet, at) => (at < 32 ? 0 : octet)),
      signature.map((octet, at) => (at < 32 ? octet : 0)),
    ])
      for (const judge of [node, noble]) expect(judge.verify('P-256', key.publicKey, utf8('m'), zeros)).toBe(false)
  })

  it('agrees by the private half alone: whatever stands beside it changes nothing', () => {
    const [key, other] = [node.keyPair('P-256'), node.keyPair('P-256')]
    const shared = node.agree(key, other.publicKey)
    for (const publicKey of [other.publicKey, flipped(key.publicKey, 500), new Uint8Array(65)])
      for (const judge of [nodeCrypto(), noble])
        expect(judge.agree({ ...key, publicKey }, other.publicKey)).toEqual(shared)
  })

  it('hash, MAC, agreement and AEAD give the same octets', () => {
    fc.assert(
      fc.property(
        octets(16),
        octets(12),
        fc.uint8Array(),
        fc.uint8Array({ maxLength: 300 }),
        (key, nonce, aad, text) => {
          const [a, b] = [node.keyPair('P-256'), noble.keyPair('P-256')]
          expect(node.sha256(aad, text)).toEqual(noble.sha256(aad, text))
          expect(node.hmac(key, text)).toEqual(noble.hmac(key, text))
          const shared = node.agree(a, b.publicKey)
          expect(noble.agree(a, b.publicKey)).toEqual(shared)
          expect(noble.agree(b, a.publicKey)).toEqual(shared)
          expect(node.agree(b, a.publicKey)).toEqual(shared)
          const sealed = node.aeadSeal(key, nonce, aad, text)
          expect(noble.aeadSeal(key, nonce, aad, text)).toEqual(sealed)
          expect(noble.aeadOpen(key, nonce, aad, sealed)).toEqual(text)
          expect(node.aeadOpen(key, nonce, aad, sealed)).toEqual(text)
        },
      ),
      { numRuns: 30 },
    )
  })

  // The points of small order and their second encodings: who signs with one signs every message, and implementations
  // differ here. y = 1, −1, 0, and the two of order 8, with and without the sign, and not reduced by p.
  it.each([
    '0100000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000080',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  ])('Ed25519: the same answer for the odd key %s', odd => {
    for (const r of [odd, '01'.padEnd(64, '0'), '00'.repeat(32)])
      for (const s of ['00'.repeat(32), '01'.padEnd(64, '0')])
        for (let message = 0; message < 16; message++) {
          const asked = ['Ed25519', fromHex(odd), Uint8Array.of(message), fromHex(r + s)] as const
          expect(noble.verify(...asked)).toBe(node.verify(...asked))
        }
  })

  it('Ed25519: the same answer for a dishonest signer’s keys and nonces of mixed order', () => {
    // Both signatures satisfy the equation with the cofactor; without it, only where the challenge is a multiple of 8.
    const { BASE, Fn } = ed25519.Point
    const torsion = ed25519.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')
    const [secret, nonce] = [1234567n, 7654321n]
    const little = (bytes: Uint8Array) => BigInt(`0x${hex(new Uint8Array(bytes).reverse())}`)
    const answers = new Set<string>()
    for (let count = 0; count < 40; count++)
      for (const [key, r] of [
        [BASE.multiply(secret).add(torsion), BASE.multiply(nonce)],
        [BASE.multiply(secret), BASE.multiply(nonce).add(torsion)],
        [BASE.multiply(secret), torsion],
      ] as const) {
        const message = Uint8Array.of(count)
        const challenge = little(sha512(concat(r.toBytes(), key.toBytes(), message)))
        const s = Fn.create((r === torsion ? 0n : nonce) + challenge * secret)
        const signature = concat(r.toBytes(), fromHex(s.toString(16).padStart(64, '0')).reverse())
        const answer = node.verify('Ed25519', key.toBytes(), message, signature)
        expect(noble.verify('Ed25519', key.toBytes(), message, signature)).toBe(answer)
        answers.add(`${answer}`)
      }
    expect(answers).toEqual(new Set(['true', 'false']))
  })

  it('Ed25519: S beyond the group’s order is refused by both', () => {
    const key = node.keyPair('Ed25519')
    const signature = node.sign(key, utf8('m'))
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const little = (bytes: Uint8Array) => BigInt(`0x${hex(new Uint8Array(bytes).reverse())}`)
    const s = fromHex((little(signature.subarray(32)) + order).toString(16).padStart(64, '0')).reverse()
    for (const [, crypto] of adapters)
      expect(crypto.verify('Ed25519', key.publicKey, utf8('m'), concat(signature.subarray(0, 32), s))).toBe(false)
  })

  it('@noble with the same randomness makes the same keys and the same signatures', () => {
    const again = () => nobleCrypto(size => new Uint8Array(size).fill(7))
    const [a, b] = [again(), again()]
    expect(a.sign(a.keyPair('P-256'), utf8('m'))).toEqual(b.sign(b.keyPair('P-256'), utf8('m')))
    // RFC 6979, A.2.5: P-256, SHA-256, message "sample".
    const key = {
      curve: 'P-256',
      privateKey: fromHex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721'),
      publicKey: fromHex(
        '0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
      ),
    } as const
    expect(hex(a.sign(key, utf8('sample')))).toBe(
      'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716' +
        'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
    )
  })

  it('the key cache forgets, and finds again', () => {
    const crypto = nodeCrypto()
    const first = crypto.keyPair('P-256')
    const signature = crypto.sign(first, utf8('m'))
    for (let count = 0; count < 300; count++) crypto.keyPair('P-256')
    for (let count = 0; count < 1100; count++)
      crypto.verify('Ed25519', crypto.sha256(String(count)), utf8('m'), signature)
    expect(crypto.verify('P-256', first.publicKey, utf8('m'), signature)).toBe(true)
    expect(crypto.verify('P-256', first.publicKey, utf8('m'), crypto.sign(first, utf8('m')))).toBe(true)
  })
})

it('the machine’s clock counts milliseconds', () => {
  const before = Date.now()
  const now = systemClock.now()
  expect(now).toBeGreaterThanOrEqual(before)
  expect(now).toBeLessThanOrEqual(Date.now())
})

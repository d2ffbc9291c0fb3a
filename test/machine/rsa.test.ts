import { describe, expect, it } from 'vitest'
import { type Bytes, concat, fromHex } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { nodeCrypto } from '#machine/crypto'
import { nobleCrypto } from '#machine/noble'
import { seededCrypto } from '../license/fixture.ts'

const node = nodeCrypto()
const noble = nobleCrypto(size => node.random(size))
const adapters: readonly (readonly [string, Crypto])[] = [
  ['node:crypto', node],
  ['@noble', noble],
]
const key = seededCrypto('rsa').rsaKeyPair()
const block = concat(Uint8Array.of(0), node.random(255))
const nothing = new Uint8Array(256)
const added = (number: Uint8Array, sum: bigint): Bytes =>
  fromHex((BigInt(`0x${Buffer.from(number).toString('hex')}`) + sum).toString(16).padStart(2 * number.length, '0'))

describe.each(adapters)('RSA by %s', (_, crypto) => {
  it('recovers what was signed', () => {
    const signature = crypto.rsaSign(key, block)
    expect(signature).not.toEqual(block)
    expect(crypto.rsaRecover(key.publicKey, signature)).toEqual(block)
  })

  it('makes keys of 2,048 bits, of which the primes are the private half', () => {
    const made = crypto.rsaKeyPair()
    expect(made.publicKey.length).toBe(256)
    expect(made.publicKey[0]).toBeGreaterThanOrEqual(0x80)
    expect(made.privateKey.length).toBe(256)
    expect(node.rsaRecover(made.publicKey, noble.rsaSign(made, block))).toEqual(block)
    expect(noble.rsaRecover(made.publicKey, node.rsaSign(made, block))).toEqual(block)
  })

  it('takes no number that is not below the modulus, and no other length', () => {
    expect(crypto.rsaRecover(key.publicKey, key.publicKey)).toBeNull()
    expect(crypto.rsaRecover(key.publicKey, added(key.publicKey, 1n))).toBeNull()
    expect(crypto.rsaRecover(key.publicKey, added(key.publicKey, -1n))).not.toBeNull()
    expect(crypto.rsaRecover(key.publicKey, new Uint8Array(255))).toBeNull()
    expect(crypto.rsaRecover(key.publicKey, new Uint8Array(257))).toBeNull()
    expect(crypto.rsaRecover(key.publicKey, new Uint8Array(0))).toBeNull()
    expect(crypto.rsaRecover(key.publicKey, nothing)).toEqual(nothing)
  })

  it.each([
    ['of 1,024 bits', key.publicKey.slice(128)],
    ['of 2,040 bits', key.publicKey.slice(0, 255)],
    ['of 4,096 bits', concat(key.publicKey, key.publicKey)],
    ['of 2,047 bits in 256 octets', concat(Uint8Array.of(0x7f), key.publicKey.slice(1))],
    ['that is even', concat(key.publicKey.slice(0, 255), Uint8Array.of(2))],
    ['of nothing', nothing],
    ['of no octets', new Uint8Array(0)],
  ])('takes no modulus %s', (_, modulus) => expect(crypto.rsaRecover(modulus, new Uint8Array(256).fill(1))).toBeNull())

  it('signs nothing that is not below the modulus', () => {
    expect(() => crypto.rsaSign(key, key.publicKey)).toThrow()
    expect(() => crypto.rsaSign(key, block.slice(1))).toThrow()
  })
})

it('both make the same signature, as RSA has but one', () =>
  expect(node.rsaSign(key, block)).toEqual(noble.rsaSign(key, block)))

it('the same seed makes the same key', () => expect(seededCrypto('rsa').rsaKeyPair()).toEqual(key))

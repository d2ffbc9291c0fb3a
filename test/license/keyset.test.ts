import { describe, expect, it } from 'vitest'
import { hex } from '#canonical/bytes'
import { Malformed } from '#canonical/malformed'
import {
  type AuthorityKey,
  keyFor,
  kidOf,
  readKeySet,
  rootFingerprint,
  signKeySet,
  verifyKeySet,
} from '#license/keyset'
import { caught, flipped, world } from './fixture.ts'

const { crypto, root, keySet, keySetBytes, licenseKey, rulesKey } = world()
const [license] = keySet.keys as [AuthorityKey]

it('comes back as the root signed it, by either curve', () => {
  expect(readKeySet(keySetBytes)).toEqual(keySet)
  expect(verifyKeySet(crypto, keySetBytes, root.publicKey)).toEqual(keySet)
  const other = crypto.keyPair('Ed25519')
  const bytes = signKeySet(crypto, keySet, other)
  expect(verifyKeySet(crypto, bytes, other.publicKey)).toEqual(keySet)
  expect(verifyKeySet(crypto, bytes, root.publicKey)).toBeNull()
})

it('by anyone but the root is none', () => {
  expect(verifyKeySet(crypto, keySetBytes, licenseKey.publicKey)).toBeNull()
  expect(verifyKeySet(crypto, signKeySet(crypto, keySet, rulesKey), root.publicKey)).toBeNull()
})

it('with one bit turned over in any octet, or cut at any, is none', () => {
  for (let at = 0; at < keySetBytes.length; at += 3) {
    const error = caught(() => expect(verifyKeySet(crypto, flipped(keySetBytes, at), root.publicKey)).toBeNull())
    expect(error === undefined || error instanceof Malformed).toBe(true)
    expect(() => readKeySet(keySetBytes.subarray(0, at))).toThrow(Malformed)
  }
})

describe('gives a key', () => {
  it('for its one purpose', () => {
    expect(keyFor(keySet, license.kid, 'license')).toBe(license)
    expect(keyFor(keySet, license.kid, 'rules')).toBeUndefined()
    expect(keyFor(keySet, new Uint8Array(8), 'license')).toBeUndefined()
  })

  it('retired too, as what it signed holds still; compromised never', () => {
    const marked = (status: AuthorityKey['status']) => ({
      ...keySet,
      keys: keySet.keys.map(key => ({ ...key, status })),
    })
    expect(keyFor(marked('retired'), license.kid, 'license')).toBeDefined()
    expect(keyFor(marked('compromised'), license.kid, 'license')).toBeUndefined()
  })
})

it('is refused where two keys have one id, or a key is not of its curve', () => {
  const signed = (...keys: AuthorityKey[]) => signKeySet(crypto, { ...keySet, keys }, root)
  expect(() => readKeySet(signed(license, { ...license, purpose: 'rules' }))).toThrow('two keys have one id')
  expect(() => readKeySet(signed({ ...license, curve: 'Ed25519' }))).toThrow('is not one of Ed25519')
  expect(caught(() => readKeySet(signed({ ...license, curve: 'Ed25519' })))).toMatchObject({ layer: 'key-set' })
})

it('names keys by the first octets of their SHA-256, and the root by all of them', () => {
  const fingerprint = rootFingerprint(crypto, root.publicKey)
  expect(fingerprint).toMatch(/^[0-9a-f]{64}$/)
  expect(hex(kidOf(crypto, root.publicKey))).toBe(fingerprint.slice(0, 16))
})

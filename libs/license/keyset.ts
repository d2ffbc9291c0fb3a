import { type Bytes, equal, hex } from '#canonical/bytes'
import type { Crypto, Curve, KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { count, list, map, octets, one, oneOf } from './fields.ts'
import { statement } from './statement.ts'

/**
 * The keys of an authority, one purpose each, signed by the root. A terminal trusts a key set, not a key: so a key can
 * be followed by another, and a stolen one be named.
 */
export type KeySet = {
  /** Never goes down. */
  readonly version: number
  readonly issued: number
  readonly keys: readonly AuthorityKey[]
}

export type AuthorityKey = {
  readonly kid: Bytes
  readonly purpose: Purpose
  readonly curve: Curve
  readonly publicKey: Bytes
  /** What it signed is taken between these two. */
  readonly notBefore: number
  readonly expires: number
  /** A retired key signs no more, and what it signed still holds. What a compromised key signed holds no more. */
  readonly status: 'active' | 'retired' | 'compromised'
}

export type Purpose = 'license' | 'certificate' | 'rules' | 'log'

const keySet = statement<KeySet>('key-set', {
  version: count,
  issued: count,
  keys: list(
    map<AuthorityKey>({
      kid: octets(8),
      purpose: oneOf('license', 'certificate', 'rules', 'log'),
      curve: oneOf('P-256', 'Ed25519'),
      publicKey: one(
        'a public key of 65 or 32 octets',
        key => key,
        found => (found instanceof Uint8Array && (found.length === 65 || found.length === 32) ? found : undefined),
      ),
      notBefore: count,
      expires: count,
      status: oneOf('active', 'retired', 'compromised'),
    }),
  ),
})

export const signKeySet = (crypto: Crypto, value: KeySet, root: KeyPair): Bytes =>
  keySet.make(crypto, value, root, kidOf(crypto, root.publicKey))

/** What a key set says, whoever signed it. Throws `Malformed`. */
export const readKeySet = (bytes: Uint8Array): KeySet => sound(keySet.read(bytes))

/** Null where the root did not sign it. Throws `Malformed`. */
export const verifyKeySet = (crypto: Crypto, bytes: Uint8Array, root: Uint8Array): KeySet | null => {
  const value = keySet.verify(crypto, bytes, curveOf(root), root)
  return value && sound(value)
}

const sound = (value: KeySet): KeySet => {
  const kids = new Set(value.keys.map(key => hex(key.kid)))
  if (kids.size < value.keys.length) throw new Malformed('key-set', 0, 'two keys have one id')
  for (const { kid, curve, publicKey } of value.keys)
    if (curve !== curveOf(publicKey)) throw new Malformed('key-set', 0, `key ${hex(kid)} is not one of ${curve}`)
  return value
}

const curveOf = (publicKey: Uint8Array): Curve => (publicKey.length === 65 ? 'P-256' : 'Ed25519')

export const keyOf = (value: KeySet, kid: Uint8Array): AuthorityKey | undefined =>
  value.keys.find(key => equal(key.kid, kid))

/** The key of that id, if it is for this purpose and not compromised. */
export const keyFor = (value: KeySet, kid: Uint8Array, purpose: Purpose): AuthorityKey | undefined => {
  const key = keyOf(value, kid)
  return key?.purpose === purpose && key.status !== 'compromised' ? key : undefined
}

/** How a statement names its key: the first 8 octets of the key's SHA-256. */
export const kidOf = (crypto: Crypto, publicKey: Uint8Array): Bytes => crypto.sha256(publicKey).slice(0, 8)

/** What people compare and terminals are told of the root key: its SHA-256 in hexadecimal. */
export const rootFingerprint = (crypto: Crypto, publicKey: Uint8Array): string => hex(crypto.sha256(publicKey))

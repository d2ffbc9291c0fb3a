import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import type { Bytes } from '#canonical/bytes'
import type { Crypto, Curve, KeyPair } from '#canonical/crypto'

/**
 * `Crypto` over node:crypto, whose one-shot calls are synchronous.
 *
 * OpenSSL takes keys only as objects, and making one from octets costs almost as much as a signature. A terminal meets
 * the same few authority keys at every tap, and a centre the same terminals: so the latest are kept.
 */
export const nodeCrypto = (): Crypto => {
  const publicKeys = latest<KeyObject | null>(1024)
  const privateKeys = latest<KeyObject>(256)

  const publicKeyOf = (curve: Curve, octets: Uint8Array) =>
    publicKeys(curve + text(octets), () => readPublicKey(curve, octets))
  const privateKeyOf = (key: KeyPair) => privateKeys(key.curve + text(key.privateKey), () => readPrivateKey(key))

  return {
    sha256: (...parts) => {
      const [only] = parts
      if (parts.length === 1 && only !== undefined) return plain(hash('sha256', only, 'buffer'))
      const running = createHash('sha256')
      for (const part of parts) running.update(part)
      return plain(running.digest())
    },

    hmac: (key, ...parts) => {
      const running = createHmac('sha256', key)
      for (const part of parts) running.update(part)
      return plain(running.digest())
    },

    sign: (key, message) =>
      plain(
        key.curve === 'Ed25519'
          ? sign(null, message, privateKeyOf(key))
          : sign('sha256', message, { key: privateKeyOf(key), dsaEncoding: 'ieee-p1363' }),
      ),

    verify: (curve, publicKey, message, signature) => {
      const key = publicKeyOf(curve, publicKey)
      if (key === null || signature.length !== 64) return false
      return curve === 'Ed25519'
        ? verify(null, message, key, signature)
        : verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)
    },

    agree: (key, publicKey) => {
      const theirs = publicKeyOf('P-256', publicKey)
      return theirs && plain(diffieHellman({ privateKey: privateKeyOf(key), publicKey: theirs }))
    },

    aeadSeal: (key, nonce, aad, plaintext) => {
      const cipher = createCipheriv('aes-128-gcm', key, nonce)
      cipher.setAAD(aad)
      return joined(cipher.update(plaintext), cipher.final(), cipher.getAuthTag())
    },

    aeadOpen: (key, nonce, aad, ciphertext) => {
      const decipher = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: 16 })
      if (ciphertext.length < 16) return null
      const end = ciphertext.length - 16
      decipher.setAAD(aad)
      decipher.setAuthTag(ciphertext.subarray(end))
      const plaintext = decipher.update(ciphertext.subarray(0, end))
      try {
        return joined(plaintext, decipher.final())
      } catch {
        // `final` throws for one reason only: the tag does not hold.
        return null
      }
    },

    keyPair: curve => {
      const made =
        curve === 'P-256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
      const { x, y, d } = made.privateKey.export({ format: 'jwk' })
      const publicKey = curve === 'P-256' ? joined(Buffer.from([4]), octets(x), octets(y)) : plain(octets(x))
      const pair = { curve, publicKey, privateKey: plain(octets(d)) }
      privateKeys(curve + text(pair.privateKey), () => made.privateKey)
      return pair
    },

    random: size => plain(randomBytes(size)),
  }
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
const text = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
const octets = (member: string | undefined): Buffer => Buffer.from(member ?? '', 'base64url')

const joined = (...parts: readonly Buffer[]): Bytes => plain(Buffer.concat(parts))
/** A Buffer's `slice` shares its octets where a Uint8Array's copies them: none leaves here. */
const plain = (buffer: Buffer): Bytes => new Uint8Array(buffer)

/** As JWK (RFC 7517): OpenSSL reads it fastest, and checks that a point is on the curve. */
const jwk = (curve: Curve, publicKey: Uint8Array) =>
  curve === 'P-256'
    ? { kty: 'EC', crv: curve, x: base64(publicKey.subarray(1, 33)), y: base64(publicKey.subarray(33)) }
    : { kty: 'OKP', crv: curve, x: base64(publicKey) }

const readPublicKey = (curve: Curve, publicKey: Uint8Array): KeyObject | null => {
  if (curve === 'P-256' ? publicKey.length !== 65 || publicKey[0] !== 4 : publicKey.length !== 32) return null
  try {
    return createPublicKey({ key: jwk(curve, publicKey), format: 'jwk' })
  } catch {
    return null
  }
}

const readPrivateKey = ({ curve, publicKey, privateKey }: KeyPair): KeyObject =>
  createPrivateKey({ key: { ...jwk(curve, publicKey), d: base64(privateKey) }, format: 'jwk' })

/** The latest values by key: a Map keeps its order of insertion, so the first is the one longest unused. */
const latest = <Value>(size: number) => {
  const kept = new Map<string, Value>()
  return (key: string, make: () => Value): Value => {
    const found = kept.get(key)
    const value = found === undefined ? make() : found
    if (found !== undefined) kept.delete(key)
    else if (kept.size >= size) kept.delete(kept.keys().next().value as string)
    kept.set(key, value)
    return value
  }
}

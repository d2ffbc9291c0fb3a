import { gcm } from '@noble/ciphers/aes.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { p256 } from '@noble/curves/nist.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { type Bytes, concat, equal, utf8 } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { isBelow, isModulus, makeRsaKey, recovered, signed } from './rsa.ts'

/**
 * `Crypto` in plain JavaScript, over @noble. ECDSA is RFC 6979: with a seeded `random` the same world makes the same
 * octets again, and it runs where there is no node:crypto. It judges exactly as the adapter over node:crypto does, or
 * a stranger would find other than the terminal found.
 */
export const nobleCrypto = (random: (octets: number) => Bytes): Crypto => ({
  sha256: (...parts) => {
    const running = sha256.create()
    for (const part of parts) running.update(typeof part === 'string' ? utf8(part) : part)
    return running.digest()
  },

  hmac: (key, ...parts) => {
    const running = hmac.create(sha256, key)
    for (const part of parts) running.update(part)
    return running.digest()
  },

  sign: (key, message) =>
    key.curve === 'P-256' ? p256.sign(message, key.privateKey, { lowS: false }) : ed25519.sign(message, key.privateKey),

  verify: (curve, publicKey, message, signature) => {
    if (signature.length !== 64) return false
    if (curve === 'Ed25519') return verifyEd25519(publicKey, message, signature)
    // ECDSA takes (r, n − s) for (r, s), and so does OpenSSL; a payment is known by its payload for this reason.
    return isPoint(publicKey) && p256.verify(signature, message, publicKey, { lowS: false })
  },

  agree: (key, publicKey) =>
    isPoint(publicKey) && p256.utils.isValidSecretKey(key.privateKey)
      ? p256.getSharedSecret(key.privateKey, publicKey, true).slice(1)
      : null,

  aeadSeal: (key, nonce, aad, plaintext) => gcm(key, nonce, aad).encrypt(plaintext),

  aeadOpen: (key, nonce, aad, ciphertext) => {
    const cipher = gcm(key, nonce, aad)
    try {
      return cipher.decrypt(ciphertext)
    } catch {
      return null
    }
  },

  rsaSign: signed,
  rsaRecover: (modulus, signature) =>
    isModulus(modulus) && isBelow(signature, modulus) ? recovered(modulus, signature) : null,
  rsaKeyPair: () => makeRsaKey(random),

  keyPair: curve => {
    if (curve === 'Ed25519') {
      const privateKey = random(32)
      return { curve, privateKey, publicKey: ed25519.getPublicKey(privateKey) }
    }
    const privateKey = p256.utils.randomSecretKey(random(p256.lengths.seed ?? 48))
    return { curve, privateKey, publicKey: p256.getPublicKey(privateKey, false) }
  },

  random,
})

/** Uncompressed only; the other forms of SEC 1 would give one key several names. */
const isPoint = (publicKey: Uint8Array): boolean => p256.utils.isValidPublicKey(publicKey, false)

const { Point } = ed25519

/**
 * RFC 8032, 5.1.7, without the cofactor, as OpenSSL has it. @noble multiplies by the cofactor, and so takes some
 * signatures of a dishonest signer that OpenSSL refuses.
 */
const verifyEd25519 = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  const r = signature.subarray(0, 32)
  const s = littleEndian(signature.subarray(32))
  if (publicKey.length !== 32 || s >= Point.Fn.ORDER) return false
  try {
    const key = Point.fromBytes(publicKey, true)
    // With a key of small order every signature fits many messages.
    if (key.isSmallOrder()) return false
    const challenge = littleEndian(sha512(concat(r, publicKey, message))) % Point.Fn.ORDER
    return equal(Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(challenge)).toBytes(), r)
  } catch {
    return false
  }
}

const littleEndian = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((number, octet) => (number << 8n) | BigInt(octet), 0n)

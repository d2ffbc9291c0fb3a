import type { Bytes } from './bytes.ts'

/**
 * Cryptography as a port, synchronous, handed in like the clock: every state machine stays a plain function.
 * Adapters: `#machine/crypto` over node:crypto, `#machine/noble` over @noble (deterministic signatures).
 */
export type Curve = 'P-256' | 'Ed25519'

/**
 * P-256: public key as the 65 octets of an uncompressed point (SEC 1, 2.3.3), private key as a 32-octet scalar.
 * Ed25519 (RFC 8032): 32 octets each.
 */
export type KeyPair = { readonly curve: Curve; readonly publicKey: Bytes; readonly privateKey: Bytes }

/**
 * RSA of 2,048 bits with the exponent 65537: the modulus as 256 octets, of which the first bit is set; the private key
 * as its two primes of 128 octets each, from which everything else follows.
 */
export type RsaKeyPair = { readonly rsa: 2048; readonly publicKey: Bytes; readonly privateKey: Bytes }

export interface Crypto {
  sha256(...parts: readonly (Uint8Array | string)[]): Bytes
  /** HMAC-SHA-256 (RFC 2104). */
  hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Bytes
  /** ECDSA over SHA-256 as r ‖ s (64 octets), or Ed25519. */
  sign(key: KeyPair, message: Uint8Array): Bytes
  /** False for a wrong signature, and for a key or signature that has no valid form. */
  verify(curve: Curve, publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** ECDH on P-256: the 32-octet x coordinate, or null where a key has no valid form. */
  agree(key: KeyPair, publicKey: Uint8Array): Bytes | null
  /** AES-128-GCM with a 16-octet tag after the ciphertext. */
  aeadSeal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Bytes
  /** Null where the tag does not hold. */
  aeadOpen(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Bytes | null
  /** The raw private operation (RFC 8017, 5.2.1) on a block of 256 octets, a number below the modulus. */
  rsaSign(key: RsaKeyPair, block: Uint8Array): Bytes
  /** The raw public operation (RFC 8017, 5.2.2); null where the modulus has no valid form, or the number is not below it. */
  rsaRecover(modulus: Uint8Array, signature: Uint8Array): Bytes | null
  keyPair(curve: Curve): KeyPair
  rsaKeyPair(): RsaKeyPair
  random(octets: number): Bytes
}

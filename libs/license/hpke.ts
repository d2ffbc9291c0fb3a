import { type Bytes, concat, utf8 } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'

/**
 * HPKE (RFC 9180), single shot, Base and Auth mode, in the one suite that is spoken here: DHKEM(P-256, HKDF-SHA256),
 * HKDF-SHA256, AES-128-GCM. Built over the synchronous port and not on a library, whose promises would make every
 * state machine wait; proved by the RFC's own vectors and against such a library.
 *
 * A sealed text is `enc` (65 octets) and the ciphertext.
 */
type Sealing = {
  readonly recipient: Uint8Array
  readonly info: Uint8Array
  readonly aad: Uint8Array
  readonly plaintext: Uint8Array
}
type Opening = {
  readonly recipient: KeyPair
  readonly info: Uint8Array
  readonly aad: Uint8Array
  readonly sealed: Uint8Array
}

/** Seals to a key; anyone can. Throws `Malformed` where the recipient's key, which came over the air, is no point. */
export const sealBase = (crypto: Crypto, sealing: Sealing): Bytes => sealWith(crypto, crypto.keyPair('P-256'), sealing)

export const openBase = (crypto: Crypto, opening: Opening): Bytes | null => open(crypto, opening)

/** Seals so that only the holder of the sender's private key, or of the recipient's (9.1.1), can have done it. */
export const sealAuth = (crypto: Crypto, sealing: Sealing & { readonly sender: KeyPair }): Bytes =>
  sealWith(crypto, crypto.keyPair('P-256'), sealing, sealing.sender)

export const openAuth = (crypto: Crypto, opening: Opening & { readonly sender: Uint8Array }): Bytes | null =>
  open(crypto, opening, opening.sender)

/** With a given ephemeral key, which must never seal twice. For the vectors. */
export const sealWith = (crypto: Crypto, ephemeral: KeyPair, sealing: Sealing, sender?: KeyPair): Bytes => {
  const { recipient, info, aad, plaintext } = sealing
  const enc = ephemeral.publicKey
  const shared = crypto.agree(ephemeral, recipient)
  const proof = sender === undefined ? none : crypto.agree(sender, recipient)
  if (shared === null || proof === null) throw new Malformed('hpke', 0, 'the recipient’s key is not a point of P-256')
  const context = concat(enc, recipient, sender?.publicKey ?? none)
  const secret = sharedSecret(crypto, concat(shared, proof), context)
  const { key, nonce } = keySchedule(crypto, sender === undefined ? base : auth, secret, info)
  return concat(enc, crypto.aeadSeal(key, nonce, aad, plaintext))
}

const open = (crypto: Crypto, opening: Opening, sender?: Uint8Array): Bytes | null => {
  const { recipient, info, aad, sealed } = opening
  const enc = sealed.subarray(0, 65)
  const shared = crypto.agree(recipient, enc)
  const proof = sender === undefined ? none : crypto.agree(recipient, sender)
  if (shared === null || proof === null) return null
  const context = concat(enc, recipient.publicKey, sender ?? none)
  const secret = sharedSecret(crypto, concat(shared, proof), context)
  const { key, nonce } = keySchedule(crypto, sender === undefined ? base : auth, secret, info)
  return crypto.aeadOpen(key, nonce, aad, sealed.subarray(65))
}

const none = new Uint8Array(0)
const base = 0x00
const auth = 0x02

// 7.1 to 7.3: KEM 0x0010, KDF 0x0001, AEAD 0x0001.
const kemSuite = concat(utf8('KEM'), Uint8Array.of(0x00, 0x10))
const hpkeSuite = concat(utf8('HPKE'), Uint8Array.of(0x00, 0x10, 0x00, 0x01, 0x00, 0x01))
const version = utf8('HPKE-v1')

/** RFC 5869, 2.2, under the labels of RFC 9180, 4. */
const extract = (crypto: Crypto, suite: Bytes, salt: Uint8Array, label: string, input: Uint8Array): Bytes =>
  crypto.hmac(salt, version, suite, utf8(label), input)

/** RFC 5869, 2.3: one block is enough, since nothing here is longer than 32 octets. */
const expand = (crypto: Crypto, suite: Bytes, key: Bytes, label: string, info: Uint8Array, size: number): Bytes =>
  crypto.hmac(key, Uint8Array.of(0, size), version, suite, utf8(label), info, Uint8Array.of(1)).slice(0, size)

/** 4.1, ExtractAndExpand. */
const sharedSecret = (crypto: Crypto, agreed: Bytes, context: Bytes): Bytes =>
  expand(crypto, kemSuite, extract(crypto, kemSuite, none, 'eae_prk', agreed), 'shared_secret', context, 32)

/** 5.1, without a pre-shared key; sequence number 0, so that the base nonce is the nonce. */
const keySchedule = (crypto: Crypto, mode: number, shared: Bytes, info: Uint8Array) => {
  const context = concat(
    Uint8Array.of(mode),
    extract(crypto, hpkeSuite, none, 'psk_id_hash', none),
    extract(crypto, hpkeSuite, none, 'info_hash', info),
  )
  const secret = extract(crypto, hpkeSuite, shared, 'secret', none)
  return {
    key: expand(crypto, hpkeSuite, secret, 'key', context, 16),
    nonce: expand(crypto, hpkeSuite, secret, 'base_nonce', context, 12),
  }
}

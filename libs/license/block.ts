import { type Bytes, concat } from '#canonical/bytes'
import type { Crypto, RsaKeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'

/**
 * What an APP key of RSA-RECOVERY makes, and it makes nothing else: 00 01 FF … FF 00, one octet for the kind of
 * statement, the payload. The block itself is the signature, and whoever has the public key recovers the payload from
 * it: the published method to the letter. It hides nothing. Padding as in RFC 8017, 9.2, of which at least eight FF.
 */
const size = 256
const head = Uint8Array.of(0x00, 0x01)
const leastPadding = 8

/** In this place `external_aad` stands in a COSE_Sign1: no signature moves from one kind to another. */
const kinds = { payment: 1, 'license-request': 2, 'license-renewal': 3 } as const
export type BlockKind = keyof typeof kinds

/** 245 octets follow the separator; the first of them names the kind. */
export const payloadMax = size - head.length - leastPadding - 1 - 1

/** Throws a RangeError for a payload that does not fit: whoever gives out such a license looks at that first. */
export const makeBlock = (crypto: Crypto, key: RsaKeyPair, kind: BlockKind, payload: Uint8Array): Bytes => {
  if (payload.length > payloadMax)
    throw new RangeError(`a block holds ${payloadMax} octets, and the payload has ${payload.length}`)
  const padding = new Uint8Array(size - head.length - 2 - payload.length).fill(0xff)
  return crypto.rsaSign(key, concat(head, padding, Uint8Array.of(0, kinds[kind]), payload))
}

/** The payload; null where this key made no block of this kind of it. Throws `Malformed` where nobody could have. */
export const readBlock = (
  crypto: Crypto,
  modulus: Uint8Array,
  kind: BlockKind,
  signature: Uint8Array,
): Bytes | null => {
  if (signature.length !== size) throw new Malformed('block', 0, `${signature.length} octets, and a block has ${size}`)
  const block = crypto.rsaRecover(modulus, signature)
  if (block === null || block[0] !== head[0] || block[1] !== head[1]) return null
  const separator = block.findIndex((octet, at) => at >= head.length && octet !== 0xff)
  if (separator < head.length + leastPadding || block[separator] !== 0) return null
  return block[separator + 1] === kinds[kind] ? block.slice(separator + 2) : null
}

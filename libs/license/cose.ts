import { type Bytes, utf8 } from '#canonical/bytes'
import { type Cbor, type CborMap, decode, encode } from '#canonical/cbor'
import type { Crypto, Curve, KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'

/**
 * COSE_Sign1 (RFC 9052, 4.2), untagged: what a statement is, its place says. `type` names the kind of statement and
 * enters the signature as `external_aad`, so that a signature never moves from one kind to another.
 */
export type Signed = {
  /** The signed octets themselves. Identity is taken from these, never from the signature: that has a twin. */
  readonly payload: Bytes
  readonly algorithm: Algorithm
  readonly kid?: Bytes
  readonly protectedHeader: Bytes
  readonly signature: Bytes
}

/** RFC 9053, 2.1 and 2.2. */
export type Algorithm = 'ES256' | 'EdDSA'

const algorithms: Readonly<Record<Curve, { readonly name: Algorithm; readonly id: number }>> = {
  'P-256': { name: 'ES256', id: -7 },
  Ed25519: { name: 'EdDSA', id: -8 },
}
const alg = 1
const kidLabel = 4

const toBeSigned = (protectedHeader: Bytes, type: string, payload: Bytes): Bytes =>
  encode(['Signature1', protectedHeader, utf8(type), payload])

/** Signs a payload as a statement of a kind. The kid (8 octets, see `kidOf`) tells a reader which key to take. */
export const sign1 = (
  crypto: Crypto,
  statement: { readonly payload: Bytes; readonly type: string; readonly key: KeyPair; readonly kid?: Bytes },
): Bytes => {
  const { payload, type, key, kid } = statement
  const header = new Map<number, Cbor>([[alg, algorithms[key.curve].id]])
  if (kid !== undefined) header.set(kidLabel, kid)
  const protectedHeader = encode(header)
  const signature = crypto.sign(key, toBeSigned(protectedHeader, type, payload))
  return encode([protectedHeader, new Map(), payload, signature])
}

/** Takes a statement apart. Throws `Malformed`; says nothing about the signature. */
export const parse1 = (bytes: Uint8Array): Signed => {
  const value = decode(bytes)
  if (!Array.isArray(value) || value.length !== 4) throw new Malformed('cose', 0, 'not an array of four')
  const parts: readonly Cbor[] = value
  const [protectedHeader, unprotected, payload, signature] = parts
  if (!(protectedHeader instanceof Uint8Array)) throw new Malformed('cose', 1, 'the protected header is not octets')
  if (!(unprotected instanceof Map && unprotected.size === 0))
    throw new Malformed('cose', 1 + lengthOf(protectedHeader), 'the unprotected header is not an empty map')
  const payloadAt = () => 2 + lengthOf(protectedHeader)
  if (!(payload instanceof Uint8Array)) throw new Malformed('cose', payloadAt(), 'the payload is not octets')
  if (!(signature instanceof Uint8Array && signature.length === 64))
    throw new Malformed('cose', payloadAt() + lengthOf(payload), 'the signature is not 64 octets')
  return { payload, ...readHeader(protectedHeader), protectedHeader, signature }
}

/** The payload, or null where the signature does not hold for this key and this kind. Throws `Malformed`. */
export const verify1 = (
  crypto: Crypto,
  statement: {
    readonly bytes: Uint8Array | Signed
    readonly type: string
    readonly curve: Curve
    readonly publicKey: Uint8Array
  },
): Bytes | null => {
  const { bytes, type, curve, publicKey } = statement
  const signed = bytes instanceof Uint8Array ? parse1(bytes) : bytes
  const fits = algorithms[curve].name === signed.algorithm
  const message = toBeSigned(signed.protectedHeader, type, signed.payload)
  return fits && crypto.verify(curve, publicKey, message, signed.signature) ? signed.payload : null
}

const readHeader = (octets: Bytes): { algorithm: Algorithm; kid?: Bytes } => {
  const value = decode(octets)
  if (!(value instanceof Map)) throw new Malformed('cose', 1, 'the protected header is not a map')
  const header: CborMap = value
  // An unknown field that a peer may send is ignored; `crit` (RFC 9052, 3.1) says of one that it must not be.
  if (header.has(2)) throw new Malformed('cose', 1, 'the protected header has critical fields, and none is known here')
  const algorithm = Object.values(algorithms).find(known => known.id === header.get(alg))
  if (algorithm === undefined) throw new Malformed('cose', 1, 'the algorithm is neither ES256 nor EdDSA')
  const kid = header.get(kidLabel)
  if (kid === undefined) return { algorithm: algorithm.name }
  if (!(kid instanceof Uint8Array)) throw new Malformed('cose', 1, 'the key id is not octets')
  return { algorithm: algorithm.name, kid }
}

const lengthOf = (octets: Bytes): number => encode(octets).length

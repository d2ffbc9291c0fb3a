import { type Bytes, concat, equal } from '#canonical/bytes'
import type { Cbor, CborMap } from '#canonical/cbor'
import { type Kind, labelled, map, one } from './fields.ts'

/**
 * Public keys as COSE_Key (RFC 9053, 7.1 and 7.2; RFC 8230, 4): the form in which a license and a certificate name them.
 */

const kty = 1
const crv = -1
const x = -2
const y = -3
/** RFC 8230, table 4: of an RSA key these two labels mean other things. */
const n = -1
const e = -2
const exponent = Uint8Array.of(1, 0, 1)

const isCoordinate = (found: Cbor | undefined): found is Bytes => found instanceof Uint8Array && found.length === 32

const keyOf = (found: Cbor, type: number, curve: number): CborMap | undefined => {
  if (!(found instanceof Map)) return undefined
  const key: CborMap = found
  return key.get(kty) === type && key.get(crv) === curve ? key : undefined
}

/** EC2 (2) on P-256 (1) ↔ the 65 octets of the point. */
const p256Key: Kind<Bytes> = one(
  'a COSE_Key on P-256',
  key =>
    new Map<number, Cbor>([
      [kty, 2],
      [crv, 1],
      [x, key.slice(1, 33)],
      [y, key.slice(33)],
    ]),
  found => {
    const key = keyOf(found, 2, 1)
    const [left, right] = [key?.get(x), key?.get(y)]
    return isCoordinate(left) && isCoordinate(right) ? concat(Uint8Array.of(4), left, right) : undefined
  },
)

/** OKP (1) on Ed25519 (6) ↔ 32 octets. */
export const ed25519Key: Kind<Bytes> = one(
  'a COSE_Key on Ed25519',
  key =>
    new Map<number, Cbor>([
      [kty, 1],
      [crv, 6],
      [x, key],
    ]),
  found => {
    const key = keyOf(found, 1, 6)?.get(x)
    return isCoordinate(key) ? key : undefined
  },
)

/**
 * RSA (3) ↔ the 256 octets of the modulus. Exactly 2,048 bits, odd, and the exponent 65537: any other key is none.
 * With exponent 3 a block could be forged by whoever finds a cube that begins as one.
 */
const rsaKey: Kind<Bytes> = one(
  'a COSE_Key of RSA with 2,048 bits and the exponent 65537',
  modulus =>
    new Map<number, Cbor>([
      [kty, 3],
      [n, modulus],
      [e, exponent],
    ]),
  found => {
    if (!(found instanceof Map) || found.get(kty) !== 3) return undefined
    const key: CborMap = found
    const [modulus, power] = [key.get(n), key.get(e)]
    return isModulus(modulus) && power instanceof Uint8Array && equal(power, exponent) ? modulus : undefined
  },
)

const isModulus = (found: Cbor | undefined): found is Bytes =>
  found instanceof Uint8Array &&
  found.length === 256 &&
  (found[0] as number) >= 0x80 &&
  (found[255] as number) % 2 === 1

/** A phone's key is of either kind; its length says which. */
const appKey: Kind<Bytes> = {
  write: (key, place) => (key.length === 256 ? rsaKey : p256Key).write(key, place),
  read: (found, place) => (found instanceof Map && found.get(kty) === 3 ? rsaKey : p256Key).read(found, place),
}

/** `cnf` of a license: the APP key. */
export const holder: Kind<{ readonly key: Bytes }> = map({ key: labelled(1, appKey) })

/** `cnf` (RFC 8747, 3.2): whose statement this is proves it by this key. */
export const confirmation: Kind<{ readonly key: Bytes }> = map({ key: labelled(1, p256Key) })

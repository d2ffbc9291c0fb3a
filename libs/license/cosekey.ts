import { type Bytes, concat } from '#canonical/bytes'
import type { Cbor, CborMap } from '#canonical/cbor'
import { type Kind, labelled, map, one } from './fields.ts'

/** Public keys as COSE_Key (RFC 9053, 7.1 and 7.2): the form in which a license and a certificate name them. */

const kty = 1
const crv = -1
const x = -2
const y = -3

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

/** `cnf` (RFC 8747, 3.2): whose statement this is proves it by this key. */
export const confirmation: Kind<{ readonly key: Bytes }> = map({ key: labelled(1, p256Key) })

import type { Bytes } from '#canonical/bytes'
import type { Crypto, Curve, KeyPair } from '#canonical/crypto'
import { parse1, sign1, verify1 } from './cose.ts'
import { record, type Table } from './fields.ts'

/** A record that is signed as what it is: `type` names it on the air and enters the signature. */
export const statement = <Value extends object>(type: string, table: Table<Value>) => {
  const { encode, read } = record(type, table)
  return {
    make: (crypto: Crypto, value: Value, key: KeyPair, kid?: Bytes): Bytes =>
      sign1(crypto, { payload: encode(value), type, key, ...(kid && { kid }) }),
    /** The content, whoever signed it. Throws `Malformed`. */
    read: (bytes: Uint8Array): Value => read(parse1(bytes).payload),
    /** The content, or null where the signature is not by this key. Throws `Malformed`. */
    verify: (crypto: Crypto, bytes: Uint8Array, curve: Curve, publicKey: Uint8Array): Value | null => {
      const payload = verify1(crypto, { bytes, type, curve, publicKey })
      return payload && read(payload)
    },
  }
}

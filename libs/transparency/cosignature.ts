import { type Bytes, concat, equal, utf8 } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { type NoteKey, readNote } from './checkpoint.ts'

/**
 * A witness's word that a checkpoint continues every earlier one it has seen: C2SP `tlog-cosignature`, version 1, with
 * Ed25519. The time, in seconds since 1970, is when the witness checked.
 */

const cosignatureV1 = 0x04
const dash = '\u2014'

const keyId = (crypto: Crypto, { name, publicKey }: NoteKey): Bytes =>
  crypto.sha256(utf8(`${name}\n`), Uint8Array.of(cosignatureV1), publicKey).slice(0, 4)

const signedOctets = (checkpoint: string, time_s: number): Bytes =>
  utf8(`cosignature/v1\ntime ${time_s}\n${checkpoint}`)

/** One signature line for a checkpoint's text (`checkpointText`), to be put after those that the note has. */
export const cosign = (crypto: Crypto, checkpoint: string, name: string, key: KeyPair, time_s: number): string => {
  const time = new Uint8Array(8)
  new DataView(time.buffer).setBigUint64(0, BigInt(time_s))
  const signature = crypto.sign(key, signedOctets(checkpoint, time_s))
  const line = concat(keyId(crypto, { name, publicKey: key.publicKey }), time, signature)
  return `${dash} ${name} ${Buffer.from(line).toString('base64')}\n`
}

/** When this witness cosigned the note; undefined where it did not. Throws `Malformed` for what is no note. */
export const cosignedAt = (crypto: Crypto, note: Uint8Array, witness: NoteKey): number | undefined => {
  const { text, signatures } = readNote(note)
  const id = keyId(crypto, witness)
  for (const { name, keyId, signature } of signatures) {
    if (name !== witness.name || !equal(keyId, id) || signature.length !== 72) continue
    const time_s = Number(new DataView(signature.buffer, signature.byteOffset).getBigUint64(0))
    if (!Number.isSafeInteger(time_s)) continue
    if (crypto.verify('Ed25519', witness.publicKey, signedOctets(text, time_s), signature.slice(8))) return time_s
  }
  return undefined
}

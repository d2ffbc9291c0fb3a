import { type Bytes, concat, equal, fromUtf8, utf8 } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'

/**
 * The head of the log as C2SP `tlog-checkpoint` has it: origin, size and root hash, a line each, as the text of a C2SP
 * `signed-note` with Ed25519 signatures. So tools that exist can check ours.
 */
export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Bytes }

/** Who signs notes: a name without spaces or plus signs, and an Ed25519 public key. */
export type NoteKey = { readonly name: string; readonly publicKey: Uint8Array }

const dash = '\u2014'
const ed25519 = 0x01
/** More than any witnessed head has; a note is read by strangers. */
const signaturesMax = 100

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const fromBase64 = (text: string): Bytes => {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw new Malformed('checkpoint', 0, 'not base64 (RFC 4648, section 4)')
  return new Uint8Array(bytes)
}

/** signed-note: the first four octets of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key). */
export const noteKeyId = (crypto: Crypto, { name, publicKey }: NoteKey): Bytes =>
  crypto.sha256(utf8(`${name}\n`), Uint8Array.of(ed25519), publicKey).slice(0, 4)

/** One signature line over a note's text, which ends with a newline. */
export const signatureLine = (crypto: Crypto, text: string, name: string, key: KeyPair): string => {
  const id = noteKeyId(crypto, { name, publicKey: key.publicKey })
  return `${dash} ${name} ${base64(concat(id, crypto.sign(key, utf8(text))))}\n`
}

export const signNote = (crypto: Crypto, text: string, name: string, key: KeyPair): string => {
  if (!text.endsWith('\n') || text.includes('\n\n')) throw new TypeError('A note is lines, each with its newline')
  if (!/^[^\s+]+$/.test(name)) throw new TypeError(`"${name}" is not a note key's name`)
  return `${text}\n${signatureLine(crypto, text, name, key)}`
}

export type Note = {
  readonly text: string
  readonly signatures: readonly { readonly name: string; readonly keyId: Bytes; readonly signature: Bytes }[]
}

/** Takes a note apart. Throws `Malformed`; says nothing about the signatures. */
export const readNote = (octets: Uint8Array): Note => {
  let whole: string
  try {
    whole = fromUtf8(octets)
  } catch (cause) {
    throw new Malformed('checkpoint', 0, 'not UTF-8', { cause })
  }
  const end = whole.lastIndexOf('\n\n')
  const at = (text: string): number => utf8(text).length
  if (end < 0) throw new Malformed('checkpoint', octets.length, 'no empty line before the signatures')
  const text = whole.slice(0, end + 1)
  const rest = whole.slice(end + 2)
  if (!rest.endsWith('\n')) throw new Malformed('checkpoint', octets.length, 'the last line has no newline')
  const lines = rest.slice(0, -1).split('\n')
  if (lines.length > signaturesMax)
    throw new Malformed('checkpoint', at(text) + 1, `${lines.length} signatures are more than ${signaturesMax}`)
  return {
    text,
    signatures: lines.map(line => {
      const found = new RegExp(`^${dash} ([^\\s+]+) ([A-Za-z0-9+/=]+)$`).exec(line)
      const octets = found?.[2] === undefined ? undefined : fromBase64(found[2])
      if (!found?.[1] || !octets || octets.length < 5)
        throw new Malformed('checkpoint', at(text) + 1, `not a signature line: ${line.slice(0, 60)}`)
      return { name: found[1], keyId: octets.slice(0, 4), signature: octets.slice(4) }
    }),
  }
}

/** True where this key signed the note; a line of this key that does not hold makes it false. */
export const signedBy = (crypto: Crypto, note: Note, key: NoteKey): boolean => {
  const id = noteKeyId(crypto, key)
  const mine = note.signatures.filter(({ name, keyId }) => name === key.name && equal(keyId, id))
  return (
    mine.length > 0 &&
    mine.every(({ signature }) => crypto.verify('Ed25519', key.publicKey, utf8(note.text), signature))
  )
}

/**
 * The note with this key's line alone under it, as its signer sent it out; undefined where the key did not sign it.
 * Anybody can put lines before or after that one, and no two notes that say the same shall differ by them.
 */
export const noteSignedBy = (crypto: Crypto, note: Note, key: NoteKey): string | undefined => {
  if (!signedBy(crypto, note, key)) return undefined
  const id = noteKeyId(crypto, key)
  const mine = note.signatures.find(({ name, keyId }) => name === key.name && equal(keyId, id))
  return mine && `${note.text}\n${dash} ${key.name} ${base64(concat(id, mine.signature))}\n`
}

export const checkpointText = ({ origin, size, root }: Checkpoint): string => {
  if (origin === '' || origin.includes('\n')) throw new TypeError('An origin is one line that is not empty')
  return `${origin}\n${size}\n${base64(root)}\n`
}

/** Reads a note's text as a checkpoint; further lines are extensions, and ignored. Throws `Malformed`. */
export const readCheckpoint = (text: string): Checkpoint => {
  const [origin = '', size = '', root = '', ...rest] = text.split('\n')
  if (rest.length === 0 || rest.at(-1) !== '')
    throw new Malformed('checkpoint', utf8(text).length, 'fewer than three lines')
  if (rest.slice(0, -1).includes('')) throw new Malformed('checkpoint', 0, 'an empty line in the text')
  if (origin === '') throw new Malformed('checkpoint', 0, 'no origin')
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    throw new Malformed('checkpoint', utf8(origin).length + 1, `not a size: ${size.slice(0, 30)}`)
  const hash = fromBase64(root)
  if (hash.length !== 32)
    throw new Malformed('checkpoint', utf8(origin).length + size.length + 2, `a root of ${hash.length} octets`)
  return { origin, size: Number(size), root: hash }
}

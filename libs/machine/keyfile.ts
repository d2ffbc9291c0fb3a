import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { Usage } from './process.ts'

/**
 * An authority's keys at rest: JSON whose secrets are sealed under a passphrase, by scrypt (RFC 7914) and AES-256-GCM.
 * What is no secret stays readable, so that a backup is checked without the passphrase, and enters the seal. A file of
 * before 0.3.0 is the secrets themselves, in the open.
 */

const format = 'tallystick-keys-2'
/** 128 MiB of memory and about half a second: what each guess costs who has only the file. */
const cost = { N: 2 ** 17, r: 8, p: 1 } as const
const memory = { maxmem: 256 * 1024 * 1024 }

const octets = z.string().regex(/^[A-Za-z0-9_-]+$/)
const sealedFile = z.object({
  format: z.literal(format),
  open: z.record(z.string(), z.unknown()),
  kdf: z.object({ name: z.literal('scrypt'), N: z.literal(cost.N), r: z.literal(8), p: z.literal(1), salt: octets }),
  nonce: octets,
  sealed: octets,
})
type SealedFile = z.infer<typeof sealedFile>

/** The keys stay closed; the message says which file is at fault, and what to name. */
export class KeysLocked extends Error {
  readonly code = 'KeysLocked'
}

const bytes = (text: string): Buffer => Buffer.from(text, 'base64url')
const about = ({ format, open, kdf }: Omit<SealedFile, 'nonce' | 'sealed'>): Buffer =>
  Buffer.from(JSON.stringify({ format, open, kdf }))

/** One file is opened and sealed often by one process: its key is made once. */
let made: { readonly from: string; readonly key: Buffer } | undefined
const keyFrom = (passphrase: string, salt: string): Buffer => {
  const from = JSON.stringify([passphrase, salt])
  if (made?.from !== from)
    made = { from, key: scryptSync(passphrase.normalize('NFC'), bytes(salt), 32, { ...cost, ...memory }) }
  return made.key
}

const sealedIn = (text: string): SealedFile | undefined => {
  const read = JSON.parse(text) as { readonly format?: unknown }
  if (read.format === undefined) return undefined
  const known = sealedFile.safeParse(read)
  if (known.success) return known.data
  throw new KeysLocked('keys.json is in a form that this version does not know: start the version that wrote it.')
}

export const isSealed = (text: string): boolean => sealedIn(text) !== undefined

/** `open` is what may be read by everybody who has the file. The salt stays while the passphrase does. */
export const sealKeys = (
  secrets: string,
  open: Readonly<Record<string, unknown>>,
  passphrase: string,
  before?: string,
): string => {
  const kept = before === undefined ? undefined : sealedIn(before)?.kdf.salt
  const kdf = { name: 'scrypt' as const, ...cost, salt: kept ?? randomBytes(16).toString('base64url') }
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', keyFrom(passphrase, kdf.salt), nonce).setAAD(
    about({ format, open, kdf }),
  )
  const sealed = Buffer.concat([cipher.update(secrets, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return JSON.stringify({ format, open, kdf, nonce: nonce.toString('base64url'), sealed: sealed.toString('base64url') })
}

/** The secrets of a file, in the open or sealed. Throws `KeysLocked`. */
export const openKeys = (text: string, passphrase: string | undefined): string => {
  const file = sealedIn(text)
  if (!file) return text
  if (passphrase === undefined)
    throw new KeysLocked(
      'The authority’s keys are sealed: name the file of their passphrase by --keys-passphrase FILE, or by TALLYSTICK_KEYS_PASSPHRASE_FILE.',
    )
  const sealed = bytes(file.sealed)
  try {
    const decipher = createDecipheriv('aes-256-gcm', keyFrom(passphrase, file.kdf.salt), bytes(file.nonce), {
      authTagLength: 16,
    })
    decipher.setAAD(about(file)).setAuthTag(sealed.subarray(-16))
    return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]).toString('utf8')
  } catch {
    throw new KeysLocked(
      'The authority’s keys do not open: the passphrase is not the one that they were sealed with, or keys.json was altered.',
    )
  }
}

/** What a file says without its passphrase. */
export const openPart = (text: string): string => {
  const file = sealedIn(text)
  return file ? JSON.stringify(file.open) : text
}

/** The passphrase in a file that was named, by an option or by the environment; undefined where none was. */
export const passphraseNamed = (option: string | undefined): string | undefined => {
  const named = option ?? process.env['TALLYSTICK_KEYS_PASSPHRASE_FILE']
  if (named === undefined || named === '') return undefined
  const file = resolve(named)
  if (!existsSync(file))
    throw new Usage(`There is no passphrase file ${file}: name the one that the keys were sealed with.`)
  const passphrase = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  if (passphrase === '' || /[\r\n]/.test(passphrase))
    throw new Usage(`${file} holds no passphrase: it is one line that is not empty.`)
  return passphrase
}

import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { z } from 'zod'
import { base64url, equal, fromBase64url, fromHex, isBase64url } from '#canonical/bytes'
import type { KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { type KeySet, rootFingerprint, signKeySet, verifyKeySet } from '#license/keyset'
import { nodeCrypto } from '#machine/crypto'
import { isSealed, openKeys, sealKeys } from '#machine/keyfile'
import { Usage, writeWhole } from '#machine/process'

/**
 * The root key away from the centre. Its private half goes into a sealed file of its own, for a safe or another machine;
 * there it signs the key sets that the centre asks for, each a file that is carried there and back.
 */

/** The root's file, or what it is to sign, is not what was asked for. Nothing was signed, and nothing was changed. */
export class RootRefused extends Error {
  readonly code = 'RootRefused'
}

const pairText = z.object({ curve: z.literal('P-256'), publicKey: z.string(), privateKey: z.string() })
type PairText = z.infer<typeof pairText>
const pairFrom = ({ curve, publicKey, privateKey }: PairText): KeyPair => ({
  curve,
  publicKey: fromBase64url(publicKey),
  privateKey: fromBase64url(privateKey),
})

/** Does the private half belong to the public one? */
const holds = (pair: KeyPair): boolean => {
  const crypto = nodeCrypto()
  try {
    const message = crypto.random(32)
    return crypto.verify(pair.curve, pair.publicKey, message, crypto.sign(pair, message))
  } catch {
    return false
  }
}

type Secrets = Readonly<Record<string, unknown>> & { readonly root: Partial<PairText> & { readonly publicKey: string } }

const newFile = (file: string): string => {
  if (existsSync(resolve(file))) throw new Usage(`${file} is there already: name a new file, or move that one away.`)
  return resolve(file)
}

const write = (file: string, text: string): void => writeWhole(dirname(file), basename(file), text)

/** The root's file, and the secrets without the private root; the file is on disk, and opens, when this returns. */
export const takeRootOut = (secretsText: string, to: string, passphrase: string): { text: string; root: string } => {
  const secrets = JSON.parse(secretsText) as Secrets
  const read = pairText.safeParse(secrets.root)
  if (!read.success)
    throw new RootRefused('The private root lies not in these keys: it was taken out before, or a signer holds it.')
  const file = newFile(to)
  const { origin, mode, root } = secrets
  if (!holds(pairFrom(read.data))) throw new RootRefused('The private root of these keys does not fit the public one.')
  const open = { origin, mode, root: { publicKey: root.publicKey } }
  write(file, sealKeys(JSON.stringify({ origin, mode, root: read.data }), open, passphrase))
  // Only what can be opened again may be taken from where it is.
  const again = rootIn(file, passphrase)
  if (!equal(again.publicKey, fromBase64url(root.publicKey))) throw new RootRefused(`${file} was not written whole.`)
  const { privateKey: _, ...left } = read.data
  return {
    text: JSON.stringify({ ...secrets, root: left }),
    root: rootFingerprint(nodeCrypto(), again.publicKey),
  }
}

/** The secrets with the private root back among them. */
export const putRootBack = (secretsText: string, from: string, passphrase: string): string => {
  const secrets = JSON.parse(secretsText) as Secrets
  const pair = rootIn(from, passphrase)
  if (!equal(pair.publicKey, fromBase64url(secrets.root.publicKey)))
    throw new RootRefused(`${from} holds the root of another authority: look whose these keys are.`)
  const { curve, publicKey, privateKey } = pair
  const root = { curve, publicKey: base64url(publicKey), privateKey: base64url(privateKey) }
  return JSON.stringify({ ...secrets, root })
}

/** Opens a root's file. Throws `RootRefused`, and `KeysLocked` for a wrong passphrase. */
export const rootIn = (file: string, passphrase: string): KeyPair => {
  if (!existsSync(file)) throw new Usage(`There is no ${file}: name the file that keys root out wrote.`)
  const text = readFileSync(file, 'utf8')
  const refused = new RootRefused(`${file} holds no root key: name the file that keys root out wrote.`)
  try {
    if (!isSealed(text)) throw refused
  } catch (cause) {
    if (cause instanceof SyntaxError) throw refused
    throw cause
  }
  const read = z.object({ root: pairText }).safeParse(JSON.parse(openKeys(text, passphrase)))
  if (!read.success) throw refused
  const pair = pairFrom(read.data.root)
  if (!holds(pair)) throw new RootRefused(`${file} holds a root key whose halves do not fit.`)
  return pair
}

const hexadecimal = (octets: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-f]{${octets * 2}}$`), `not ${octets} octets in hexadecimal`)
    .transform(fromHex)
const seconds = z.int().nonnegative()
const unsignedSet = z.object({
  version: z.int().positive(),
  issued: seconds,
  keys: z
    .array(
      z.object({
        kid: hexadecimal(8),
        purpose: z.enum(['license', 'certificate', 'rules', 'log']),
        curve: z.enum(['P-256', 'Ed25519']),
        publicKey: z.union([hexadecimal(65), hexadecimal(32)]),
        notBefore: seconds,
        expires: seconds,
        status: z.enum(['active', 'retired', 'compromised']),
      }),
    )
    .min(1)
    .max(1000),
})

/** What the centre asks the root to sign, as `keys root unsigned` brought it. Throws `RootRefused`. */
export const unsignedIn = (text: string, from: string): KeySet => {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    throw new RootRefused(`${from} is no key set that waits for the root: it is not JSON.`)
  }
  const set = unsignedSet.safeParse(read)
  if (set.success) return set.data
  const [issue] = set.error.issues
  throw new RootRefused(`${from} is no key set that waits for the root (${issue?.path.join('.')}: ${issue?.message}).`)
}

const dateOf = (time_s: number): string => new Date(time_s * 1000).toISOString().slice(0, 10)

/** What is about to be signed, for whoever looks before the root does. */
export const wordsOf = ({ version, issued, keys }: KeySet): string =>
  [
    `Key set ${version} of ${new Date(issued * 1000).toISOString()}, ${keys.length} keys:`,
    ...keys.map(
      ({ kid, purpose, status, notBefore, expires }) =>
        `  ${Buffer.from(kid).toString('hex')}  ${purpose.padEnd(11)} ${status.padEnd(11)} ${dateOf(notBefore)} to ${dateOf(expires)}`,
    ),
  ].join('\n')

/** The signed key set, verified as a terminal would. Throws `RootRefused`. */
export const signedByRoot = (set: KeySet, root: KeyPair): string => {
  const crypto = nodeCrypto()
  try {
    const document = signKeySet(crypto, set, root)
    if (verifyKeySet(crypto, document, root.publicKey)) return base64url(document)
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    throw new RootRefused(`No terminal would take this key set: ${error.message}.`)
  }
  throw new RootRefused('The root’s signature does not hold.')
}

/** The document in a file that `keys root sign` wrote. */
export const documentIn = (file: string): string => {
  const text = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  if (text === '' || !isBase64url(text))
    throw new RootRefused(`${file} holds no signed key set: name the file that keys root sign wrote.`)
  return text
}

export const writeNew = (file: string, text: string): void => write(newFile(file), `${text}\n`)

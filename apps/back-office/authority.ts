import type { Bytes } from '#canonical/bytes'
import { base64url, fromBase64url, hex } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { type Assignment, signAssignment } from '#license/assignment'
import { type KeySet, kidOf, type Purpose, rootFingerprint, signKeySet } from '#license/keyset'
import { type DenyList, type Policy, signDenyList, signPolicy } from '#license/rules'
import { type Amount, amount, type Currency, exponentOf } from '#money'

/**
 * The credit payment authorization server's keys, one purpose each, and the documents they sign. The
 * keys lie in a file of the centre's own folder, readable by its owner alone.
 */
export type AuthorityKeys = {
  /** The centre's name for its log. */
  readonly origin: string
  readonly mode: 'test' | 'live'
  readonly made_s: number
  readonly root: KeyPair
  readonly license: KeyPair
  readonly certificate: KeyPair
  readonly rules: KeyPair
  readonly log: KeyPair
  readonly tacMaster: { readonly id: string; readonly key: Bytes }
  /** Makes the salts of what reactors write, so that two of them write the same octets. */
  readonly saltKey: Bytes
}

const day_s = 86_400
const keysLast_s = 5 * 365 * day_s
export const licensesLast_s = 365 * day_s
export const certificatesLast_s = 90 * day_s

export const makeAuthorityKeys = (crypto: Crypto, now_s: number): AuthorityKeys => {
  const root = crypto.keyPair('P-256')
  return {
    origin: `tallystick.dev/log/${rootFingerprint(crypto, root.publicKey).slice(0, 16)}`,
    mode: 'test',
    made_s: now_s,
    root,
    license: crypto.keyPair('P-256'),
    certificate: crypto.keyPair('P-256'),
    rules: crypto.keyPair('P-256'),
    log: crypto.keyPair('Ed25519'),
    tacMaster: { id: hex(crypto.random(4)), key: crypto.random(32) },
    saltKey: crypto.random(32),
  }
}

const purposes = ['license', 'certificate', 'rules', 'log'] as const satisfies readonly Purpose[]

export const keySetOf = (
  crypto: Crypto,
  keys: AuthorityKeys,
): { readonly keySet: KeySet; readonly document: Bytes } => {
  const keySet: KeySet = {
    version: 1,
    issued: keys.made_s,
    keys: purposes.map(purpose => ({
      kid: kidOf(crypto, keys[purpose].publicKey),
      purpose,
      curve: keys[purpose].curve,
      publicKey: keys[purpose].publicKey,
      notBefore: keys.made_s,
      expires: keys.made_s + keysLast_s,
      status: 'active',
    })),
  }
  return { keySet, document: signKeySet(crypto, keySet, keys.root) }
}

/** The first policy of a currency: what a small shop would set, as so many of its units, whatever they are worth. */
export const firstPolicy = (version: number, now_s: number, currency: Currency): Policy => ({
  version,
  issued: now_s,
  currency,
  perTransaction: units(150n, currency),
  sinceSeen: { count: 50, sum: units(500n, currency) },
  perKeyOnTerminal: units(300n, currency),
  stored: { count: 500, sum: units(5000n, currency) },
  hoursSinceSync: 72,
  denyListAge_hours: 96,
  policyAge_hours: 30 * 24,
  clockTolerance_s: 300,
  roundTrip_ms: 1500,
  overridable: [],
})

const units = (count: bigint, currency: Currency): Amount => amount(count * 10n ** BigInt(exponentOf(currency)))

export const policyDocument = (crypto: Crypto, keys: AuthorityKeys, policy: Policy): Bytes =>
  signPolicy(crypto, policy, keys.rules)
export const assignmentDocument = (crypto: Crypto, keys: AuthorityKeys, assignment: Assignment): Bytes =>
  signAssignment(crypto, assignment, keys.rules)
export const denyListDocument = (crypto: Crypto, keys: AuthorityKeys, list: DenyList): Bytes =>
  signDenyList(crypto, list, keys.rules)

/** Card numbers: 19 digits that name an account on the air, alike for every license of it, and say nothing else. */
export const cardOf = (crypto: Crypto, keys: AuthorityKeys, account: string): string => {
  const digest = crypto.hmac(keys.saltKey, new TextEncoder().encode(`card\n${account}`))
  const number = new DataView(digest.buffer, digest.byteOffset).getBigUint64(0) % 10n ** 18n
  return `9${number.toString().padStart(18, '0')}`
}

/* ---- at rest */

const pair = ({ curve, publicKey, privateKey }: KeyPair) => ({
  curve,
  publicKey: base64url(publicKey),
  privateKey: base64url(privateKey),
})
type PairText = ReturnType<typeof pair>
const unpair = ({ curve, publicKey, privateKey }: PairText): KeyPair => ({
  curve,
  publicKey: fromBase64url(publicKey),
  privateKey: fromBase64url(privateKey),
})

const keyNames = ['root', 'license', 'certificate', 'rules', 'log'] as const

export const keysText = (keys: AuthorityKeys): string => {
  const { origin, mode, made_s, tacMaster, saltKey } = keys
  const pairs = Object.fromEntries(keyNames.map(name => [name, pair(keys[name])]))
  const tac = { id: tacMaster.id, key: base64url(tacMaster.key) }
  return JSON.stringify({ origin, mode, made_s, ...pairs, tacMaster: tac, saltKey: base64url(saltKey) })
}

export const keysFrom = (text: string): AuthorityKeys => {
  const read = JSON.parse(text) as Record<(typeof keyNames)[number], PairText> & {
    origin: string
    mode: 'test' | 'live'
    made_s: number
    tacMaster: { id: string; key: string }
    saltKey: string
  }
  const pairs = Object.fromEntries(keyNames.map(name => [name, unpair(read[name])])) as Record<
    (typeof keyNames)[number],
    KeyPair
  >
  const { origin, mode, made_s } = read
  const tacMaster = { id: read.tacMaster.id, key: fromBase64url(read.tacMaster.key) }
  return { origin, mode, made_s, ...pairs, tacMaster, saltKey: fromBase64url(read.saltKey) }
}

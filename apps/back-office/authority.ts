import type { Bytes } from '#canonical/bytes'
import { base64url, fromBase64url, hex } from '#canonical/bytes'
import type { Crypto, Curve, KeyPair } from '#canonical/crypto'
import { isHere, type PublicKey, type Signer } from '#canonical/signer'
import { kidOf, rootFingerprint } from '#license/keyset'
import type { Policy } from '#license/rules'
import { type Amount, amount, type Currency, exponentOf } from '#money'
import type { Mode } from '#upkeep/mode'

/**
 * The credit payment authorization server's keys, one purpose each, and the documents they sign. The keys lie in a file
 * of the centre's own folder, readable by its owner alone. One whose private half has no octets lies elsewhere: the root
 * in a safe, any of them with a signer.
 */
export type AuthorityKeys = {
  /** The centre's name for its log. */
  readonly origin: string
  readonly mode: Mode
  readonly made_s: number
  readonly root: KeyPair
  readonly license: KeyPair
  readonly certificate: KeyPair
  readonly rules: KeyPair
  readonly log: KeyPair
  readonly tacMaster: { readonly id: string; readonly key: Bytes }
  /** What was made after the first ones, in that order. */
  readonly later: {
    readonly keys: readonly KeyPair[]
    readonly tacMasters: readonly { readonly id: string; readonly key: Bytes }[]
  }
  /** Makes the salts of what reactors write, so that two of them write the same octets. */
  readonly saltKey: Bytes
}

const firstNames = ['root', 'license', 'certificate', 'rules', 'log'] as const
type FirstName = (typeof firstNames)[number]

/** A key that a signer holds which is not this process. */
export type OutsideKey = PublicKey & { readonly purpose: FirstName; readonly signer: Signer }

const day_s = 86_400
export const keysLast_s = 5 * 365 * day_s
export const licensesLast_s = 365 * day_s
export const certificatesLast_s = 90 * day_s

export const makeAuthorityKeys = (
  crypto: Crypto,
  now_s: number,
  mode: Mode = 'test',
  outside: readonly Omit<OutsideKey, 'signer'>[] = [],
): AuthorityKeys => {
  const made = (purpose: FirstName, kind: Curve): KeyPair => {
    const held = outside.find(key => key.purpose === purpose)
    if (!held) return crypto.keyPair(kind)
    return { curve: held.curve, publicKey: held.publicKey, privateKey: new Uint8Array(0) }
  }
  const root = made('root', 'P-256')
  return {
    origin: `tallystick.dev/log/${rootFingerprint(crypto, root.publicKey).slice(0, 16)}`,
    mode,
    made_s: now_s,
    root,
    license: made('license', 'P-256'),
    certificate: made('certificate', 'P-256'),
    rules: made('rules', 'P-256'),
    log: made('log', 'Ed25519'),
    tacMaster: { id: hex(crypto.random(4)), key: crypto.random(32) },
    saltKey: crypto.random(32),
    later: { keys: [], tacMasters: [] },
  }
}

/** Every key pair that is at hand, by its id. */
export const pairOf = (crypto: Crypto, keys: AuthorityKeys, kid: string): KeyPair | undefined =>
  [...firstNames.map(name => keys[name]), ...keys.later.keys].find(
    ({ publicKey }) => hex(kidOf(crypto, publicKey)) === kid,
  )

/** Where private keys lie. Nodes that share a log share this place, so that each signs with what another made. */
export type KeyKeeper = {
  /** The keys as they lie there now. */
  read(): AuthorityKeys
  /** Adds to them; durable when it returns. */
  add(later: Partial<AuthorityKeys['later']>): void
}

export const addedTo = (keys: AuthorityKeys, later: Partial<AuthorityKeys['later']>): AuthorityKeys => ({
  ...keys,
  later: {
    keys: [...keys.later.keys, ...(later.keys ?? [])],
    tacMasters: [...keys.later.tacMasters, ...(later.tacMasters ?? [])],
  },
})

/** For as long as the process lives, which is what a test wants. */
export const keptInMemory = (first: AuthorityKeys): KeyKeeper => {
  let keys = first
  return {
    read: () => keys,
    add: later => {
      keys = addedTo(keys, later)
    },
  }
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
  // What a shop that knows its customer, or waits for its network, may answer for itself.
  overridable: [
    'FloorLimitExceeded',
    'StoredCountExceeded',
    'StoredSumExceeded',
    'SyncTooLongAgo',
    'DenyListTooOld',
    'PolicyTooOld',
  ],
})

const units = (count: bigint, currency: Currency): Amount => amount(count * 10n ** BigInt(exponentOf(currency)))

/** Card numbers: 19 digits that name an account on the air, alike for every license of it, and say nothing else. */
export const cardOf = (crypto: Crypto, keys: Pick<AuthorityKeys, 'saltKey'>, account: string): string => {
  const digest = crypto.hmac(keys.saltKey, new TextEncoder().encode(`card\n${account}`))
  const number = new DataView(digest.buffer, digest.byteOffset).getBigUint64(0) % 10n ** 18n
  return `9${number.toString().padStart(18, '0')}`
}

/* ---- at rest */

type PairText = Pick<KeyPair, 'curve'> & { readonly publicKey: string; readonly privateKey?: string }
const pair = ({ curve, publicKey, privateKey }: KeyPair): PairText => ({
  curve,
  publicKey: base64url(publicKey),
  ...(isHere({ privateKey }) ? { privateKey: base64url(privateKey) } : {}),
})
const unpair = ({ curve, publicKey, privateKey }: PairText): KeyPair => ({
  curve,
  publicKey: fromBase64url(publicKey),
  privateKey: fromBase64url(privateKey ?? ''),
})

type MasterText = { readonly id: string; readonly key: string }
const masterText = ({ id, key }: { readonly id: string; readonly key: Bytes }): MasterText => ({
  id,
  key: base64url(key),
})
const masterFrom = ({ id, key }: MasterText) => ({ id, key: fromBase64url(key) })

export const keysText = (keys: AuthorityKeys): string => {
  const { origin, mode, made_s, tacMaster, saltKey, later } = keys
  const pairs = Object.fromEntries(firstNames.map(name => [name, pair(keys[name])]))
  const made = { keys: later.keys.map(pair), tacMasters: later.tacMasters.map(masterText) }
  const secrets = { tacMaster: masterText(tacMaster), saltKey: base64url(saltKey), later: made }
  return JSON.stringify({ origin, mode, made_s, ...pairs, ...secrets })
}

export const keysFrom = (text: string): AuthorityKeys => {
  const read = JSON.parse(text) as Record<(typeof firstNames)[number], PairText> & {
    origin: string
    mode: Mode
    made_s: number
    tacMaster: MasterText
    saltKey: string
    // Before 0.3.0 there were the first keys and no others.
    later?: { keys: PairText[]; tacMasters: MasterText[] }
  }
  const pairs = Object.fromEntries(firstNames.map(name => [name, unpair(read[name])])) as Record<
    (typeof firstNames)[number],
    KeyPair
  >
  const { origin, mode, made_s } = read
  const later = {
    keys: (read.later?.keys ?? []).map(unpair),
    tacMasters: (read.later?.tacMasters ?? []).map(masterFrom),
  }
  const tacMaster = masterFrom(read.tacMaster)
  return { origin, mode, made_s, ...pairs, tacMaster, saltKey: fromBase64url(read.saltKey), later }
}

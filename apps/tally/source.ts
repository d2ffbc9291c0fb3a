import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fromBase64url } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { headsAddress, type OpenedStore, openStore, readAddress, rowsAddress } from '#eventstore/open'
import type { License } from '#license'
import { type TacMaster, tacKeys } from '#license/tac'
import { openKeys, openPart, passphraseNamed } from '#machine/keyfile'
import { readWhole, Usage } from '#machine/process'

/** Where the commands read: a centre's log by its address, or in a data folder; only read, also while the centre runs. */

/** There is no log where one was said to be. */
export class NoLog extends Error {
  readonly code = 'NoLog'
}

/** What of a centre's keys the commands need to make its decisions again. */
export type CentreKeys = {
  readonly root: { readonly publicKey: Uint8Array }
  readonly tacMaster: TacMaster
  readonly later: { readonly tacMasters: readonly TacMaster[] }
  readonly saltKey: Uint8Array
  /** Of every key that ever signed the log. */
  readonly logKeys: readonly Uint8Array[]
}

export type Source = {
  readonly store: OpenedStore
  /** Where the centre's rows are and what it signed, if its folder was named; they are there once it ran. */
  readonly rows?: string
  readonly heads?: string
  readonly keys?: CentreKeys
  readonly rootPublicKey?: Uint8Array
  readonly tacKeyFor?: (license: License) => Uint8Array
}

export const sourceOptions = {
  data: { type: 'string' },
  store: { type: 'string' },
  log: { type: 'string' },
  rows: { type: 'string' },
  heads: { type: 'string' },
  keys: { type: 'string' },
  'keys-passphrase': { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

type Asked = {
  readonly data?: string | undefined
  readonly store?: string | undefined
  readonly log?: string | undefined
  readonly rows?: string | undefined
  readonly heads?: string | undefined
  readonly keys?: string | undefined
  readonly 'keys-passphrase'?: string | undefined
}

const now = (): string => new Date().toISOString()

/** A centre's folder: the one that npm start made holds it, or it is named itself. */
export const centreFolder = (data: string): string => {
  const inside = join(resolve(data), 'back-office')
  return existsSync(inside) ? inside : resolve(data)
}

/** The address that was asked for: `--store`, or the log's file in the data folder. */
export const addressOf = ({ data, store, log }: Asked): string => {
  if (store !== undefined && log !== undefined) throw new Usage('Name the log by --store or by --log, one of them.')
  return store ?? `sqlite:${resolve(log ?? join(centreFolder(data ?? './data'), 'log.sqlite'))}`
}

/** Opens a log only to read it. */
export const openLog = (address: string): Promise<OpenedStore> => {
  const { engine, place } = readAddress(address)
  if (engine === 'sqlite' && !existsSync(place))
    throw new NoLog(
      `There is no log at ${place}: start the product once, or name one with --store ADDRESS, --data DIR or --log FILE.`,
    )
  return openStore(address, now, { readonly: true })
}

/** Where `npm start` keeps the passphrase of the keys: beside the centre's folder, and in no backup. */
export const passphraseName = 'keys.passphrase'

/** The passphrase that was named, or the one that `npm start` made. */
export const passphraseOf = (named: string | undefined, folder: string): string | undefined => {
  const beside = join(dirname(folder), passphraseName)
  return passphraseNamed(named) ?? (existsSync(beside) ? passphraseNamed(beside) : undefined)
}

type Public = { readonly publicKey: string }
type Master = { readonly id: string; readonly key: string }
type KeysText = {
  readonly root: Public
  readonly log: Public
  readonly tacMaster: Master
  readonly saltKey: string
  readonly later?: {
    readonly keys: readonly (Public & { readonly curve: string })[]
    readonly tacMasters: readonly Master[]
  }
}

/** The keys that signed the log, which a sealed file says in the open. */
export const logKeysIn = (text: string): readonly Uint8Array[] => {
  const { log, later } = JSON.parse(openPart(text)) as KeysText
  const logKeys = [log, ...(later?.keys ?? []).filter(({ curve }) => curve === 'Ed25519')]
  return logKeys.map(({ publicKey }) => fromBase64url(publicKey))
}

/** Of a centre's keys, opened. */
const centreKeys = (text: string): CentreKeys => {
  const read = JSON.parse(text) as KeysText
  const masterOf = ({ id, key }: Master): TacMaster => ({ id, key: fromBase64url(key) })
  return {
    root: { publicKey: fromBase64url(read.root.publicKey) },
    tacMaster: masterOf(read.tacMaster),
    later: { tacMasters: (read.later?.tacMasters ?? []).map(masterOf) },
    saltKey: fromBase64url(read.saltKey),
    logKeys: logKeysIn(text),
  }
}

/** The log, and the keys and rows of its centre: those of the data folder, where the log is not named by itself. */
export const openSource = async (crypto: Crypto, asked: Asked): Promise<Source> => {
  const store = await openLog(addressOf(asked))
  const isAlone = asked.data === undefined && (asked.store !== undefined || asked.log !== undefined)
  if (isAlone) return { store }
  const folder = centreFolder(asked.data ?? './data')
  const centre = { folder, store: asked.store }
  const beside =
    asked.log === undefined
      ? { rows: rowsAddress({ ...centre, rows: asked.rows }), heads: headsAddress({ ...centre, heads: asked.heads }) }
      : {}
  const text = readWhole(asked.keys ?? folder, 'keys.json')
  if (text === undefined) return { store, ...beside }
  const keys = centreKeys(openKeys(text, passphraseOf(asked['keys-passphrase'], folder)))
  return {
    store,
    ...beside,
    keys,
    rootPublicKey: keys.root.publicKey,
    tacKeyFor: tacKeys(crypto, [keys.tacMaster, ...keys.later.tacMasters]),
  }
}

import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fromBase64url } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { type SqliteStore, sqliteStore } from '#eventstore/sqlite'
import type { License } from '#license'
import { tacKeyOf } from '#license/tac'
import { readWhole } from '#machine/process'

/** Where the commands read: the centre's log in a data folder, opened read-only, also while the centre runs. */

/** There is no log where one was said to be. */
export class NoLog extends Error {
  readonly code = 'NoLog'
}

export type Source = {
  readonly store: SqliteStore
  readonly file: string
  readonly rows: string
  readonly rootPublicKey?: Uint8Array
  readonly tacKeyFor?: (license: License) => Uint8Array
}

export const openSource = (
  crypto: Crypto,
  options: { readonly data: string; readonly log?: string | undefined },
): Source => {
  const folder = join(resolve(options.data), 'back-office')
  const file = options.log === undefined ? join(folder, 'log.sqlite') : resolve(options.log)
  if (!existsSync(file))
    throw new NoLog(`There is no log at ${file}: start the product once, or name one with --data or --log.`)
  const store = sqliteStore(file, () => new Date().toISOString(), { readonly: true })
  const keys = readWhole(folder, 'keys.json')
  const rows = join(folder, 'rows.sqlite')
  if (keys === undefined) return { store, file, rows }
  const { root, tacMaster } = JSON.parse(keys) as { root: { publicKey: string }; tacMaster: { key: string } }
  const master = fromBase64url(tacMaster.key)
  return {
    store,
    file,
    rows,
    rootPublicKey: fromBase64url(root.publicKey),
    tacKeyFor: license => tacKeyOf(crypto, master, license.id),
  }
}

export const sourceOptions = {
  data: { type: 'string', default: './data' },
  log: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

import { dirname, join, resolve } from 'node:path'
import type { EventStore, StoreFailed } from '#eventstore'
import type { Heads } from '#eventstore/heads'
import type { Rows } from '#eventstore/rows'
import type { Vault } from '#eventstore/vault'

/** A store that was opened by its address. `name` says where it is, without user, password or options. */
export type OpenedStore = EventStore & {
  readonly name: string
  /** The log's file, where it is one. */
  readonly file?: string
  close(): Promise<void>
}

export type OpenOptions = {
  /** Only to be read: what is not there is not made. */
  readonly readonly?: boolean
  /** Followers of a server that is away wait for it; this is told once for each time. */
  readonly onTrouble?: (trouble: StoreFailed) => void
}

/** The address leads to no engine. The message says what would, and repeats nothing that may be secret. */
export class AddressRefused extends Error {
  readonly code = 'AddressRefused'
}

export const storeAddresses = 'sqlite:FILE, postgres://USER@HOST/DATABASE or kurrentdb://HOST:2113?tls=true'

export type StoreAddress = {
  readonly engine: 'sqlite' | 'postgres' | 'kurrentdb'
  /** What the engine is opened with; of SQLite, the file. */
  readonly place: string
  readonly name: string
}

/** The client prints a whole connection string that has an option it does not know, password and all. */
const kurrentOptions = new Set(
  [
    ...['nodePreference', 'connectionName', 'tlsCAFile', 'userCertFile', 'userKeyFile', 'maxDiscoverAttempts'],
    ...['defaultDeadline', 'discoveryInterval', 'gossipTimeout', 'keepAliveInterval', 'keepAliveTimeout'],
    ...['dnsDiscover', 'tls', 'tlsVerifyCert', 'throwOnAppendFailure'],
  ].map(option => option.toLowerCase()),
)

/** Throws `AddressRefused`. A bare path is a SQLite file's. */
export const readAddress = (address: string): StoreAddress => {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(address)?.[1]?.toLowerCase()
  switch (scheme) {
    case undefined:
    case 'sqlite': {
      const path = scheme === undefined ? address : address.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '')
      if (path === '' || path.startsWith('//') || path.includes('\0'))
        throw new AddressRefused(
          'A SQLite log is a file: give sqlite:FILE, such as sqlite:./data/back-office/log.sqlite.',
        )
      const file = resolve(path)
      return { engine: 'sqlite', place: file, name: file }
    }
    case 'postgres':
    case 'postgresql':
      return { engine: 'postgres', place: address, name: serverOf(address, scheme, 'postgres://USER@HOST/DATABASE') }
    case 'kurrentdb':
    case 'kurrentdb+discover': {
      const name = serverOf(address, scheme, 'kurrentdb://USER:PASSWORD@HOST:2113?tls=true')
      for (const [option] of new URLSearchParams(/\?(.*)$/s.exec(address)?.[1] ?? ''))
        if (!kurrentOptions.has(option.toLowerCase()))
          throw new AddressRefused(
            `${name}: the KurrentDB client knows no option ${option.slice(0, 40)}: leave it out.`,
          )
      return { engine: 'kurrentdb', place: address, name }
    }
    default:
      throw new AddressRefused(`${scheme}: is no engine of a log: give ${storeAddresses}.`)
  }
}

const host = String.raw`(?:\[[\da-f:.]+\]|[\w.%-]+)(?::\d{1,5})?`
const serverAddress = new RegExp(
  String.raw`^[a-z+]+://(?:[^@/?#]*@)?((?:${host}(?:,${host})*)?)(/[\w.%-]*)?(?:\?[^@#]*)?$`,
  'i',
)

/** Where a server's address leads. One whose parts cannot be told apart may hold its secret anywhere. */
const serverOf = (address: string, scheme: string, right: string): string => {
  const parts = serverAddress.exec(address)
  if (!parts)
    throw new AddressRefused(
      `The ${scheme}: address cannot be taken apart: write it as ${right}, with what is not a letter or digit of a password as %XX.`,
    )
  return `${scheme}://${parts[1]}${parts[2] ?? ''}`
}

/**
 * Opens a log by its address. `now` gives the time at which this store takes an event. An engine's vendor library is
 * loaded only when its address asks for it.
 */
export const openStore = async (
  address: string,
  now: () => string,
  { readonly = false, onTrouble }: OpenOptions = {},
): Promise<OpenedStore> => {
  const { engine, place, name } = readAddress(address)
  switch (engine) {
    case 'sqlite': {
      const { sqliteStore } = await import('./sqlite/sqlite.ts')
      const store = sqliteStore(place, now, { readonly })
      return { ...store, name, file: place, close: async () => store.close() }
    }
    case 'postgres': {
      const { postgresStore } = await import('./postgres/postgres.ts')
      const store = await postgresStore(place, now, { existing: readonly, ...(onTrouble ? { onTrouble } : {}) })
      return { ...store, name }
    }
    case 'kurrentdb': {
      const { kurrentStore } = await import('./kurrentdb/kurrentdb.ts')
      try {
        return { ...(await kurrentStore(place, now)), name }
      } catch (error) {
        // The client repeats what it cannot read, and that is the whole string.
        const { code, message } = error as Error & { code?: string }
        if (code !== undefined && !message.includes(place)) throw error
        throw new AddressRefused(`${name}: the KurrentDB client cannot read this connection string.`)
      }
    }
  }
}

/** Rows that were opened by their address; `name` as of a store. */
export type OpenedRows = Rows & { readonly name: string; close(): Promise<void> }

export const rowAddresses = 'sqlite:FILE or postgres://USER@HOST/DATABASE'

type Centre = { readonly store?: string | undefined; readonly folder: string }

/** As the centre was told, beside a log in PostgreSQL, where nodes share both, or in its own folder. */
const besideLog = (told: string | undefined, { store, folder }: Centre, file: string): string => {
  if (told !== undefined) return told
  return store !== undefined && readAddress(store).engine === 'postgres' ? store : join(folder, file)
}

export const rowsAddress = (centre: Centre & { readonly rows?: string | undefined }): string =>
  besideLog(centre.rows, centre, 'rows.sqlite')
/** Nodes on one log must share their heads: two that do not could each sign what the other would not continue. */
export const headsAddress = (centre: Centre & { readonly heads?: string | undefined }): string =>
  besideLog(centre.heads, centre, 'heads.sqlite')

/** What opens the centre to its operators lies where the heads do: nodes that share the one share the other. */
export const accessAddress = (heads: string): string => {
  const { engine, place } = readAddress(heads)
  return engine === 'sqlite' ? `sqlite:${join(dirname(place), 'access.sqlite')}` : heads
}

/** People's data: nodes on one log share it as they share their heads. */
export const vaultAddress = (centre: Centre & { readonly vault?: string | undefined }): string =>
  besideLog(centre.vault, centre, 'vault.sqlite')

export type OpenedVault = Vault & { readonly name: string; close(): Promise<void> }

/** Opens people's data by its address: in PostgreSQL the schema `tallystick_vault`, in SQLite a file. */
export const openVault = async (address: string): Promise<OpenedVault> => {
  const { engine, place, name } = readAddress(address)
  switch (engine) {
    case 'sqlite': {
      const { sqliteVault } = await import('./sqlite/vault.ts')
      const vault = sqliteVault(place)
      return { ...vault, name, close: async () => vault.close() }
    }
    case 'postgres': {
      const { postgresVault } = await import('./postgres/vault.ts')
      return { ...(await postgresVault(place)), name }
    }
    case 'kurrentdb':
      throw new AddressRefused(`${name} keeps a log, and no people: give ${rowAddresses}.`)
  }
}

export type OpenedHeads = Heads & { readonly name: string; close(): Promise<void> }

/** Opens heads by their address: in PostgreSQL the schema `tallystick_heads`, in SQLite a file. */
export const openHeads = (address: string): Promise<OpenedHeads> => openTexts(address, {})

/** Opens what lets operators in: the same kind of texts, in the schema `tallystick_access` or a file of its own. */
export const openAccess = (address: string): Promise<OpenedHeads> =>
  openTexts(address, { schema: 'tallystick_access', what: 'list of who may sign in' })

const openTexts = async (
  address: string,
  options: { readonly schema?: string; readonly what?: string },
): Promise<OpenedHeads> => {
  const { engine, place, name } = readAddress(address)
  switch (engine) {
    case 'sqlite': {
      const { sqliteHeads } = await import('./sqlite/heads.ts')
      const heads = sqliteHeads(place)
      return { ...heads, name, close: async () => heads.close() }
    }
    case 'postgres': {
      const { postgresHeads } = await import('./postgres/heads.ts')
      return { ...(await postgresHeads(place, options)), name }
    }
    case 'kurrentdb':
      throw new AddressRefused(`${name} keeps a log, and nothing beside it: give ${rowAddresses}.`)
  }
}

/** Opens rows by their address: in PostgreSQL the schema `tallystick_rows`, in SQLite a file. */
export const openRows = async (address: string): Promise<OpenedRows> => {
  const { engine, place, name } = readAddress(address)
  switch (engine) {
    case 'sqlite': {
      const { sqliteRows } = await import('./sqlite/rows.ts')
      const rows = sqliteRows(place)
      return { ...rows, name, close: async () => rows.close() }
    }
    case 'postgres': {
      const { postgresRows } = await import('./postgres/rows.ts')
      return { ...(await postgresRows(place)), name }
    }
    case 'kurrentdb':
      throw new AddressRefused(`${name} keeps a log, and no rows: give ${rowAddresses}.`)
  }
}

import { hex } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import type { Event } from '#canonical/event'

/**
 * The port for what projections keep. Rows are a fold of the log: they may be thrown away and folded again, so they live
 * in a database of their own. Rows and the checkpoint that they belong to change in one transaction.
 */

/** `int` is a 64-bit integer and a bigint here; `text` compares by its UTF-8 octets. Both may be null outside a key. */
export type Column = 'text' | 'int'
export type Value = string | bigint | null
export type Row = Readonly<Record<string, Value>>
export type Key = readonly (string | bigint)[]

export type Table = {
  readonly name: string
  readonly key: readonly string[]
  readonly columns: Readonly<Record<string, Column>>
  readonly indexes?: readonly (readonly string[])[]
}

/**
 * One row's change by one event: a row whatever was there before, which then is not even read; or `change`, called once
 * on the row as the events before left it. Undefined is no row.
 */
export type Change = { readonly table: string; readonly key: Key } & (
  | { readonly row: Row | undefined }
  | { readonly change: (row: Row | undefined) => Row | undefined }
)

/** An event as the log has it: its place, and when this store took it. */
export type LoggedEvent = Event & { readonly index: number; readonly storedAt: string }

export type Look = (table: string, key: Key) => Row | undefined

/** A fold from events to rows. Another version is another set of rows, folded beside the one that is still read. */
export interface Projection {
  readonly name: string
  readonly version: number
  readonly tables: readonly Table[]
  /** False for types that change nothing here: they are not even parsed. */
  wants(type: string): boolean
  /** `look` shows rows as the events before this one left them. */
  apply(event: LoggedEvent, look: Look): readonly Change[]
}

export type Range = {
  readonly from?: string | bigint
  readonly above?: string | bigint
  readonly to?: string | bigint
  readonly below?: string | bigint
}
/** Columns that must equal a value or lie in a range; all of them must hold. */
export type Where = Readonly<Record<string, Value | Range>>

export interface RowsReader {
  /** The next log index to apply: everything before it is in the rows. */
  checkpoint(projection: Projection): number
  get(projection: Projection, table: string, key: Key): Row | undefined
  /** In key order unless told otherwise. */
  select(
    projection: Projection,
    table: string,
    options?: {
      readonly where?: Where
      readonly order?: readonly (readonly [column: string, direction: 'up' | 'down'])[]
      readonly limit?: number
    },
  ): Row[]
  /** Sums of an int column and counts of rows (`sum`, `count`), by the columns named. No rows, no groups. */
  sums(
    projection: Projection,
    table: string,
    options: { readonly column: string; readonly by: readonly string[]; readonly where?: Where },
  ): Row[]
}

export interface Rows extends RowsReader {
  /**
   * Folds events from log index `from` up to and without `next`, writes each touched row once, and moves the checkpoint,
   * in one transaction. False, and nothing done, where the checkpoint is not at `from`: another process was faster.
   */
  apply(
    projection: Projection,
    events: readonly LoggedEvent[],
    at: { readonly from: number; readonly next: number },
  ): boolean
  /** Several reads of one moment. */
  snapshot<Answer>(ask: (rows: RowsReader) => Answer): Answer
  /** A hash over all rows in key order: equal for equal rows, in every adapter. */
  fingerprint(projection: Projection, crypto: Crypto): string
  /** Throws the rows away; the follower folds them again from the first event. */
  reset(projection: Projection): void
}

/** An event that a projection's own code could not fold. The rows stay as they were before its page. */
export class FoldFailed extends Error {
  readonly code = 'FoldFailed'
  constructor(
    readonly projection: string,
    readonly event: Pick<LoggedEvent, 'index' | 'type' | 'id'>,
    options: ErrorOptions,
  ) {
    super(
      `Projection ${projection} cannot fold ${event.type} ${event.id} at log index ${event.index}: ${(options.cause as Error).message}`,
      options,
    )
  }
}

/* ------------------------------------------------------- what adapters share */

export const tableOf = (projection: Projection, name: string): Table => {
  const table = projection.tables.find(table => table.name === name)
  if (!table) throw new RangeError(`Projection ${projection.name} has no table ${name}`)
  return table
}

/** One text for one key. Lengths stand before the parts, so that no part can end early. */
export const keyText = (key: Key): string => {
  if (key.length === 1) return String(key[0])
  let text = ''
  for (const part of key) {
    const word = String(part)
    text += `${word.length}:${word}`
  }
  return text
}

/** `found`: there is, or may be, such a row in the table. */
export type Touched = { readonly key: Key; readonly found: boolean; changed: boolean; row: Row | undefined }

/** Folds a page in memory, so that a row which a thousand events touch is read once and written once. */
export const foldPage = (
  projection: Projection,
  events: readonly LoggedEvent[],
  load: (table: string, key: Key, text: string) => Row | undefined,
): Map<string, Map<string, Touched>> => {
  const touched = new Map<string, Map<string, Touched>>(projection.tables.map(({ name }) => [name, new Map()]))
  // A projection mostly changes the row that it just looked at.
  let latest: { readonly table: string; readonly key: Key; readonly held: Touched } | undefined
  const of = (table: string, key: Key, unread = false): Touched => {
    if (latest?.key === key && latest.table === table) return latest.held
    const rows = touched.get(table)
    if (!rows) throw new RangeError(`no table ${table}`)
    const text = keyText(key)
    let held = rows.get(text)
    if (!held) {
      const row = unread ? undefined : load(table, key, text)
      held = { key, found: unread || row !== undefined, changed: false, row }
      rows.set(text, held)
    }
    latest = { table, key, held }
    return held
  }
  const look: Look = (table, key) => of(table, key).row
  for (const event of events) {
    try {
      for (const change of projection.apply(event, look)) {
        const held = of(change.table, change.key, 'row' in change)
        held.row = 'row' in change ? change.row : change.change(held.row)
        held.changed = true
      }
    } catch (cause) {
      throw new FoldFailed(projection.name, event, { cause })
    }
  }
  return touched
}

/** A hash chained over lines, a thousand at a time: memory stays flat for any number of rows. */
export const fingerprintOf = (
  crypto: Crypto,
  projection: Projection,
  rowsOf: (table: Table) => Iterable<Row>,
): string => {
  let digest = hex(crypto.sha256('tallystick-rows-1\n'))
  for (const table of projection.tables) {
    const columns = Object.keys(table.columns)
    let lines: string[] = [table.name]
    const hashed = () => {
      digest = hex(crypto.sha256(digest, lines.join('\n')))
      lines = []
    }
    for (const row of rowsOf(table)) {
      const values = columns.map(column => {
        const value = row[column] ?? null
        return typeof value === 'bigint' ? { int: value.toString() } : value
      })
      if (lines.push(JSON.stringify(values)) === 1000) hashed()
    }
    hashed()
  }
  return digest
}

/* ------------------------------------------------------ what projections use */

/** A row of the table with these values, whatever was there. */
export const put =
  (table: string, ...columns: readonly string[]) =>
  (row: Row): Change => ({ table, key: columns.map(column => row[column] as string | bigint), row })

export const textOf = (row: Row, column: string): string => {
  const value = row[column]
  if (typeof value !== 'string') throw new TypeError(`column ${column} holds ${value}, which is no text`)
  return value
}

export const intOf = (row: Row, column: string): bigint => {
  const value = row[column]
  if (typeof value !== 'bigint') throw new TypeError(`column ${column} holds ${value}, which is no integer`)
  return value
}

/** The row with some int columns moved by signed amounts. */
export const moved = (row: Row, by: Readonly<Record<string, bigint>>): Row => {
  const next: Record<string, Value> = { ...row }
  for (const column in by) next[column] = (next[column] as bigint) + (by[column] as bigint)
  return next
}

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
  /**
   * True for wide rows that are written once each, under keys from anywhere: an engine keeps them in the order they
   * come, and only their keys in the keys' order. Else each new row rewrites a page of its own.
   */
  readonly grows?: boolean
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
  /** Rows folded beside the live ones (`RowsReader.generation`); without it the live ones are meant, whichever they are. */
  readonly generation?: number
  readonly tables: readonly Table[]
  /** False for types that change nothing here: they are not even parsed. */
  wants(type: string): boolean
  /** `look` shows rows as the events before this one left them. */
  apply(event: LoggedEvent, look: Look): readonly Change[]
  readonly subjects?: Subjects
}

/**
 * What of the rows can be folded alone: a subject's rows follow from the events that touch it, and from nothing else.
 * Rows of all together, as sums are, belong to no subject.
 */
export type Subjects = {
  touches(event: LoggedEvent): readonly string[]
  rowsOf(subject: string): readonly { readonly table: string; readonly where: Where }[]
}

/** A row as it has to be, whatever was there. */
export type Mend = { readonly table: string; readonly key: Key; readonly row: Row | undefined }

/** A projection whose rows are another generation's. */
export type Beside = Projection & { readonly generation: number }

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
  checkpoint(projection: Projection): Promise<number>
  /** The generation that is live: 0 at first, one more after each `adopt`. */
  generation(projection: Projection): Promise<number>
  get(projection: Projection, table: string, key: Key): Promise<Row | undefined>
  /** In key order unless told otherwise; null is before everything. */
  select(
    projection: Projection,
    table: string,
    options?: {
      readonly where?: Where
      readonly order?: readonly (readonly [column: string, direction: 'up' | 'down'])[]
      readonly limit?: number
    },
  ): Promise<Row[]>
  /** Sums of an int column and counts of rows (`sum`, `count`), by the columns named. No rows, no groups. */
  sums(
    projection: Projection,
    table: string,
    options: { readonly column: string; readonly by: readonly string[]; readonly where?: Where },
  ): Promise<Row[]>
  /** A hash over all rows in key order: equal for equal rows, in every adapter. */
  fingerprint(projection: Projection, crypto: Crypto): Promise<string>
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
  ): Promise<boolean>
  /** Several reads of one moment. It may be asked again where a connection was lost: `ask` only reads. */
  snapshot<Answer>(ask: (rows: RowsReader) => Promise<Answer>): Promise<Answer>
  /** Throws the rows away; the follower folds them again from the first event. */
  reset(projection: Projection): Promise<void>
  /** Puts single rows right. False, and nothing done, where the checkpoint is not at `at`: look again. */
  mend(projection: Projection, rows: readonly Mend[], at: number): Promise<boolean>
  /**
   * Makes a generation that was folded beside the live rows the live one, at once for every process, and drops the older
   * ones. What the live rows have and it has not is folded first, in the same transaction, from `tail`: the events up to
   * and without log index `upTo`. False, and nothing done, where the live rows are beyond that, or behind it. True also
   * where it is live already.
   */
  adopt(projection: Beside, tail: readonly LoggedEvent[], upTo: number): Promise<boolean>
  /** Drops a generation that was folded beside; nothing where it is live. */
  discard(projection: Beside): Promise<void>
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

/**
 * The rows' server is out of reach, and was tried for as long as its patience lasts. Nothing is known to be lost: a
 * follower waits and asks again; a question says so to whoever asked it.
 */
export class RowsAway extends Error {
  readonly code = 'RowsAway'
}

/** Rows of a generation that another rebuild has replaced. Begin again beside the one that is live now. */
export class GenerationGone extends Error {
  readonly code = 'GenerationGone'
  constructor(projection: Projection, live: number) {
    super(
      `Generation ${projection.generation} of ${projection.name} is gone: ${live} is live. Rebuild beside that one.`,
    )
  }
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

import { hex } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import {
  type Change,
  FoldFailed,
  GenerationGone,
  type Key,
  type LoggedEvent,
  type Look,
  type Mend,
  type Projection,
  type Row,
  type Table,
} from '#eventstore/rows'

/** What all engines of rows share: how a page is folded, which rows are meant, what is remembered, how rows are hashed. */

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

/* ---------------------------------------------------------------- folding */

/** `found`: there is, or may be, such a row in the table. */
export type Touched = { readonly key: Key; readonly found: boolean; changed: boolean; row: Row | undefined }
export type TouchedRows = ReadonlyMap<string, ReadonlyMap<string, Touched>>

/** A row as the pages before left it, and undefined for none. */
export type Load = (table: string, key: Key, text: string) => Row | undefined

/** The touched rows of a projection, each loaded once. */
const touching = (projection: Projection, load: Load) => {
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
  const take = (changes: readonly Change[]): void => {
    for (const change of changes) {
      const held = of(change.table, change.key, 'row' in change)
      held.row = 'row' in change ? change.row : change.change(held.row)
      held.changed = true
    }
  }
  return { touched, look, take }
}

/** Folds a page in memory, so that a row which a thousand events touch is read once and written once. */
export const foldPage = (projection: Projection, events: readonly LoggedEvent[], load: Load): TouchedRows => {
  const { touched, look, take } = touching(projection, load)
  for (const event of events) {
    try {
      take(projection.apply(event, look))
    } catch (cause) {
      throw new FoldFailed(projection.name, event, { cause })
    }
  }
  return touched
}

/** Rows that are put right, as a fold would have touched them. */
export const mending = (projection: Projection, mends: readonly Mend[]): TouchedRows => {
  const touched = new Map<string, Map<string, Touched>>(projection.tables.map(({ name }) => [name, new Map()]))
  for (const { table, key, row } of mends)
    touched.get(tableOf(projection, table).name)?.set(keyText(key), { key, found: true, changed: true, row })
  return touched
}

/* ------------------------------------------------- which rows are meant */

/**
 * Where a set of rows stands. `edition` moves when rows change without their checkpoint, so that no process trusts what
 * it remembers of them.
 */
export type Standing = { readonly next: number; readonly generation: number; readonly edition: number }

/** The name under which a set's standing is kept. No standing, no rows. */
export const liveName = ({ name, version }: Projection): string => `${name}@${version}`
const besideName = (projection: Projection, generation: number): string => `${liveName(projection)}+${generation}`

export type Meant = { readonly name: string; readonly generation: number; readonly standing: Standing | undefined }

export const meant = (projection: Projection, read: (name: string) => Standing | undefined): Meant => {
  const name = liveName(projection)
  const standing = read(name)
  const live = standing?.generation ?? 0
  const { generation = live } = projection
  if (generation === live) return { name, generation, standing }
  if (generation < live) throw new GenerationGone(projection, live)
  const beside = besideName(projection, generation)
  return { name: beside, generation, standing: read(beside) }
}

/**
 * The live set after it took over what was folded beside it and the events between the two; undefined where there is no
 * such set, or these events do not lead from one to the other.
 */
export const adopted = (
  live: Standing | undefined,
  beside: Standing | undefined,
  tail: readonly LoggedEvent[],
  upTo: number,
): { readonly after: Standing; readonly between: readonly LoggedEvent[] } | undefined => {
  if (!live || !beside || beside.next > live.next || live.next > Math.max(upTo, beside.next)) return undefined
  return {
    after: { next: live.next, generation: beside.generation, edition: live.edition + 1 },
    between: tail.filter(({ index }) => index >= beside.next && index < live.next),
  }
}

/** After rows changed and the checkpoint did not move. */
export const mended = (standing: Standing): Standing => ({ ...standing, edition: standing.edition + 1 })

export const begun = ({ standing, generation }: Meant): Standing => standing ?? { next: 0, generation, edition: 0 }

/* ------------------------------------------------------ what is remembered */

/** Rows of one table that are kept in memory between pages, so that a busy one is not read for each. */
const rememberedMax = 100_000

/** `whole`: all rows of the table are here, and a key that is not has none. */
type Remembered = { readonly rows: Map<string, Row>; whole: boolean }

/** What a process remembers of rows that it wrote last. Whoever else changes them moves their standing, and it is void. */
export const memories = () => {
  const kept = new Map<string, { readonly at: string; readonly tables: ReadonlyMap<string, Remembered> }>()
  const place = ({ next, generation, edition }: Standing): string => `${generation}.${edition}.${next}`
  return {
    /** Taken out: a page that fails leaves nothing behind. */
    take: (projection: Projection, name: string, standing: Standing) => {
      const held = kept.get(name)
      kept.delete(name)
      const tables =
        held?.at === place(standing)
          ? held.tables
          : new Map(
              projection.tables.map(({ name }): [string, Remembered] => [
                name,
                { rows: new Map(), whole: standing.next === 0 },
              ]),
            )
      const growing = new Set(projection.tables.flatMap(({ name, grows }) => (grows ? [name] : [])))
      return {
        /** Null where it is known that there is none, undefined where nothing is known. */
        find: (table: string, text: string): Row | null | undefined => {
          const { rows, whole } = tables.get(table) as Remembered
          return rows.get(text) ?? (whole ? null : undefined)
        },
        /** After the page was committed, and stands so. */
        keep: (touched: TouchedRows, after: Standing): void => {
          for (const [table, changed] of touched) {
            const remembered = tables.get(table) as Remembered
            const { rows } = remembered
            // What is written once is not asked for again, and fills the memory for nothing.
            if (growing.has(table)) {
              remembered.whole = false
              continue
            }
            if (rows.size + changed.size > rememberedMax) {
              rows.clear()
              remembered.whole = false
            }
            for (const [text, { changed: isChanged, row }] of changed) {
              if (!isChanged) continue
              if (row) rows.set(text, row)
              else rows.delete(text)
            }
          }
          kept.set(name, { at: place(after), tables })
        },
      }
    },
  }
}

/* --------------------------------------------------------------- hashing */

/** A hash chained over lines, a thousand at a time: memory stays flat for any number of rows. */
export const fingerprintOf = async (
  crypto: Crypto,
  projection: Projection,
  pagesOf: (table: Table) => Iterable<readonly Row[]> | AsyncIterable<readonly Row[]>,
): Promise<string> => {
  let digest = hex(crypto.sha256('tallystick-rows-1\n'))
  for (const table of projection.tables) {
    const columns = Object.keys(table.columns)
    let lines: string[] = [table.name]
    const hashed = () => {
      digest = hex(crypto.sha256(digest, lines.join('\n')))
      lines = []
    }
    for await (const rows of pagesOf(table))
      for (const row of rows) {
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

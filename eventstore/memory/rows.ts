import {
  intOf,
  type Projection,
  type Range,
  type Row,
  type Rows,
  type RowsReader,
  type Value,
  type Where,
} from '#eventstore/rows'
import {
  adopted,
  begun,
  fingerprintOf,
  foldPage,
  keyText,
  liveName,
  meant,
  mended,
  mending,
  type Standing,
  type TouchedRows,
  tableOf,
} from '../folding.ts'

/** As SQLite orders: null, then integers, then text by its UTF-8 octets. */
const compare = (a: Value, b: Value): number => {
  if (a === b) return 0
  if (a === null) return -1
  if (b === null) return 1
  if (typeof a === 'bigint') return typeof b === 'bigint' ? (a < b ? -1 : 1) : -1
  return typeof b === 'bigint' ? 1 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}

const holds = (value: Value, condition: Value | Range): boolean => {
  if (condition === null || typeof condition !== 'object') return value === condition
  if (value === null) return false
  const { from, above, to, below } = condition
  return (
    (from === undefined || compare(value, from) >= 0) &&
    (above === undefined || compare(value, above) > 0) &&
    (to === undefined || compare(value, to) <= 0) &&
    (below === undefined || compare(value, below) < 0)
  )
}

const ordered = (a: Row, b: Row, columns: readonly string[]): number => {
  for (const column of columns) {
    const found = compare(a[column] ?? null, b[column] ?? null)
    if (found !== 0) return found
  }
  return 0
}

type Table = ReadonlyMap<string, Row>
/** One set of rows as it stands; another page is another value, so that who holds this one holds a moment. */
type Kept = Standing & { readonly tables: ReadonlyMap<string, Table> }

const answering = (sets: ReadonlyMap<string, Kept>): RowsReader => {
  const of = (projection: Projection): Kept | undefined => {
    const { name } = meant(projection, each => sets.get(each))
    return sets.get(name)
  }
  const table = (projection: Projection, name: string): Table => {
    tableOf(projection, name)
    return of(projection)?.tables.get(name) ?? new Map<string, Row>()
  }
  const matching = (projection: Projection, name: string, where: Where = {}): Row[] => {
    const { key } = tableOf(projection, name)
    const conditions = Object.entries(where)
    return [...table(projection, name).values()]
      .filter(row => conditions.every(([column, condition]) => holds(row[column] ?? null, condition)))
      .sort((a, b) => ordered(a, b, key))
  }
  return {
    checkpoint: async projection => of(projection)?.next ?? 0,
    generation: async projection => sets.get(liveName(projection))?.generation ?? 0,
    get: async (projection, name, key) => table(projection, name).get(keyText(key)),
    select: async (projection, name, { where, order = [], limit } = {}) => {
      const found = matching(projection, name, where)
      // The sort is stable, so the last column named is sorted by first.
      for (const [column, direction] of [...order].reverse())
        found.sort((a, b) => ordered(a, b, [column]) * (direction === 'up' ? 1 : -1))
      return found.slice(0, limit)
    },
    sums: async (projection, name, { column, by, where }) => {
      const groups = new Map<string, Row>()
      for (const row of matching(projection, name, where)) {
        const values = by.map(each => row[each] ?? null)
        const key = JSON.stringify(values.map(value => (typeof value === 'bigint' ? { int: `${value}` } : value)))
        const group = groups.get(key) ?? {
          ...Object.fromEntries(by.map((each, at) => [each, values[at] as Value])),
          sum: null,
          count: 0n,
        }
        // As in SQL: what is null adds nothing, and where all is null there is no sum.
        const sum = row[column] === null ? group['sum'] : ((group['sum'] as bigint) ?? 0n) + intOf(row, column)
        groups.set(key, { ...group, sum: sum ?? null, count: intOf(group, 'count') + 1n })
      }
      return [...groups.values()].sort((a, b) => ordered(a, b, by))
    },
    fingerprint: async (projection, crypto) =>
      fingerprintOf(crypto, projection, ({ name }) => [matching(projection, name)]),
  }
}

/** Rows for tests and the simulation: the same promise, without a disk. */
export const memoryRows = (): Rows => {
  const sets = new Map<string, Kept>()
  const here = (projection: Projection) => {
    const rows = meant(projection, name => sets.get(name))
    const tables = sets.get(rows.name)?.tables ?? new Map(projection.tables.map(({ name }) => [name, new Map()]))
    return { ...rows, before: begun(rows), tables }
  }
  /** Maps that an open snapshot may hold are copied before they change. */
  let lent = 0
  const own = (table: Table): Map<string, Row> => (lent > 0 ? new Map(table) : (table as Map<string, Row>))

  const changed = (tables: Kept['tables'], touched: TouchedRows): Kept['tables'] => {
    const after = new Map<string, Table>()
    for (const [table, rows] of tables) {
      const target = own(rows)
      for (const [text, { changed, row }] of touched.get(table) ?? []) {
        if (!changed) continue
        if (row) target.set(text, row)
        else target.delete(text)
      }
      after.set(table, target)
    }
    return after
  }

  return {
    ...answering(sets),
    apply: async (projection, events, { from, next }) => {
      const { name, before, tables } = here(projection)
      if (before.next !== from) return false
      const touched = foldPage(projection, events, (table, _, text) => tables.get(table)?.get(text))
      sets.set(name, { ...before, next, tables: changed(tables, touched) })
      return true
    },
    snapshot: async ask => {
      lent += 1
      try {
        return await ask(answering(new Map(sets)))
      } finally {
        lent -= 1
      }
    },
    mend: async (projection, mends, at) => {
      const { name, standing, tables } = here(projection)
      if (standing?.next !== at) return false
      sets.set(name, { ...mended(standing), tables: changed(tables, mending(projection, mends)) })
      return true
    },
    adopt: async (projection, tail, upTo) => {
      const live = liveName(projection)
      const { name, tables } = here(projection)
      if (name === live) return true
      const taken = adopted(sets.get(live), sets.get(name), tail, upTo)
      if (!taken) return false
      const touched = foldPage(projection, taken.between, (table, _, text) => tables.get(table)?.get(text))
      sets.set(live, { ...taken.after, tables: changed(tables, touched) })
      sets.delete(name)
      return true
    },
    discard: async projection => {
      const { name } = here(projection)
      if (name !== liveName(projection)) sets.delete(name)
    },
    reset: async projection => {
      const { name, standing } = here(projection)
      if (standing)
        sets.set(name, {
          ...mended(standing),
          next: 0,
          tables: new Map(projection.tables.map(({ name }) => [name, new Map()])),
        })
    },
  }
}

import {
  fingerprintOf,
  foldPage,
  intOf,
  type Key,
  keyText,
  type Projection,
  type Range,
  type Row,
  type Rows,
  tableOf,
  type Value,
  type Where,
} from '#eventstore/rows'

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

/** Rows for tests and the simulation: the same promise, without a disk. */
export const memoryRows = (): Rows => {
  const kept = new Map<string, { next: number; tables: Map<string, Map<string, Row>> }>()
  const of = (projection: Projection) => {
    const name = `${projection.name}@${projection.version}`
    const held = kept.get(name) ?? { next: 0, tables: new Map(projection.tables.map(({ name }) => [name, new Map()])) }
    kept.set(name, held)
    return held
  }
  const table = (projection: Projection, name: string) =>
    of(projection).tables.get(tableOf(projection, name).name) as Map<string, Row>

  const matching = (projection: Projection, name: string, where: Where = {}): Row[] => {
    const { key } = tableOf(projection, name)
    const conditions = Object.entries(where)
    return [...table(projection, name).values()]
      .filter(row => conditions.every(([column, condition]) => holds(row[column] ?? null, condition)))
      .sort((a, b) => ordered(a, b, key))
  }
  const ordered = (a: Row, b: Row, columns: readonly string[]): number => {
    for (const column of columns) {
      const found = compare(a[column] ?? null, b[column] ?? null)
      if (found !== 0) return found
    }
    return 0
  }

  const rows: Rows = {
    checkpoint: projection => of(projection).next,
    get: (projection, name, key: Key) => table(projection, name).get(keyText(key)),
    select: (projection, name, { where, order = [], limit } = {}) => {
      const found = matching(projection, name, where)
      // The sort is stable, so the last column named is sorted by first.
      for (const [column, direction] of [...order].reverse())
        found.sort((a, b) => ordered(a, b, [column]) * (direction === 'up' ? 1 : -1))
      return found.slice(0, limit)
    },
    sums: (projection, name, { column, by, where }) => {
      const groups = new Map<string, Row>()
      for (const row of matching(projection, name, where)) {
        const values = by.map(each => row[each] ?? null)
        const key = JSON.stringify(values.map(value => (typeof value === 'bigint' ? { int: `${value}` } : value)))
        const group = groups.get(key) ?? {
          ...Object.fromEntries(by.map((each, at) => [each, values[at] as Value])),
          sum: 0n,
          count: 0n,
        }
        groups.set(key, { ...group, sum: intOf(group, 'sum') + intOf(row, column), count: intOf(group, 'count') + 1n })
      }
      return [...groups.values()].sort((a, b) => ordered(a, b, by))
    },
    apply: (projection, events, { from, next }) => {
      const held = of(projection)
      if (held.next !== from) return false
      const touched = foldPage(projection, events, (name, key) => rows.get(projection, name, key))
      for (const [name, changed] of touched) {
        const target = table(projection, name)
        for (const [text, { row }] of changed) {
          if (row) target.set(text, row)
          else target.delete(text)
        }
      }
      held.next = next
      return true
    },
    snapshot: ask => ask(rows),
    fingerprint: (projection, crypto) => fingerprintOf(crypto, projection, ({ name }) => matching(projection, name)),
    reset: projection => {
      kept.delete(`${projection.name}@${projection.version}`)
    },
  }
  return rows
}

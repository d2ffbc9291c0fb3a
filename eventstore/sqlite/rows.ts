import {
  fingerprintOf,
  foldPage,
  type Key,
  type Projection,
  type Range,
  type Row,
  type Rows,
  type Table,
  tableOf,
  type Value,
  type Where,
} from '#eventstore/rows'
import { openSqlite } from './sqlite.ts'

type Database = ReturnType<typeof openSqlite>

const statementOf = (db: Database, sql: string) => db.prepare<Value[], Row>(sql).safeIntegers(true)
type Statement = ReturnType<typeof statementOf>

type TableHandle = {
  get(key: Key): Row | undefined
  put(row: Row): void
  remove(key: Key): void
  /** Rows as this process wrote them last. */
  readonly recent: Map<string, Row>
}

export type SqliteRows = Rows & { close(): void }

const quoted = (name: string): string => {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new RangeError(`${name} is not a name for rows: use a-z, 0-9 and _`)
  return `"${name}"`
}

const physical = ({ name, version }: Projection, table: string): string => quoted(`${name}_${version}_${table}`)

const definition = (projection: Projection, { name, key, columns, indexes = [] }: Table): string => {
  const lines = Object.entries(columns).map(
    ([column, kind]) =>
      `${quoted(column)} ${kind === 'int' ? 'integer' : 'text'}${key.includes(column) ? ' not null' : ''}`,
  )
  const table = physical(projection, name)
  const list = (names: readonly string[]) => names.map(quoted).join(', ')
  return [
    `create table if not exists ${table} (${lines.join(', ')}, primary key (${list(key)})) strict, without rowid;`,
    ...indexes.map((index, place) => {
      const named = quoted(`${projection.name}_${projection.version}_${name}_by_${place}`)
      return `create index if not exists ${named} on ${table} (${list(index)});`
    }),
  ].join('\n')
}

const operators = { from: '>=', above: '>', to: '<=', below: '<' } as const

const conditionOf = (where: Where = {}): { readonly text: string; readonly values: Value[] } => {
  const parts: string[] = []
  const values: Value[] = []
  for (const [column, condition] of Object.entries(where)) {
    if (condition === null) parts.push(`${quoted(column)} is null`)
    else if (typeof condition === 'object')
      for (const [kind, operator] of Object.entries(operators)) {
        const bound = condition[kind as keyof Range]
        if (bound === undefined) continue
        parts.push(`${quoted(column)} ${operator} ?`)
        values.push(bound)
      }
    else {
      parts.push(`${quoted(column)} = ?`)
      values.push(condition)
    }
  }
  return { text: parts.length > 0 ? ` where ${parts.join(' and ')}` : '', values }
}

/** Rows of one table that are kept in memory between pages, so that a busy one is not read for each. */
const recentRowsMax = 100_000

/** Rows in one SQLite file. Two processes may follow into it: the checkpoint is compared inside the write transaction. */
export const sqliteRows = (file: string): SqliteRows => {
  const db = openSqlite(file)
  // Rows can be folded again: the last commits may go with the power, in order, and nothing is lost.
  db.pragma('synchronous = NORMAL')
  db.exec('create table if not exists checkpoints (projection text primary key, next integer not null) strict')
  const readCheckpoint = db.prepare<[string], number>('select next from checkpoints where projection = ?').pluck()
  const writeCheckpoint = db.prepare<[string, number]>(
    'insert into checkpoints (projection, next) values (?, ?) on conflict (projection) do update set next = excluded.next',
  )

  const statements = new Map<string, Statement>()
  const prepared = (sql: string): Statement => {
    const held = statements.get(sql)
    if (held) return held
    const statement = statementOf(db, sql)
    statements.set(sql, statement)
    return statement
  }

  const ready = new Set<string>()
  const nameOf = (projection: Projection): string => {
    const name = `${projection.name}@${projection.version}`
    if (!ready.has(name)) {
      db.exec(projection.tables.map(table => definition(projection, table)).join('\n'))
      // Made inside a transaction, they go with it if it is rolled back.
      if (!db.inTransaction) ready.add(name)
    }
    return name
  }

  /** A table's own statements, made once: a page runs each of them thousands of times. */
  const handles = new Map<string, TableHandle>()
  const handleOf = (projection: Projection, table: Table): TableHandle => {
    const name = physical(projection, table.name)
    const held = handles.get(name)
    if (held) return held
    const columns = Object.keys(table.columns)
    const ofKey = `from ${name} where ${table.key.map(column => `${quoted(column)} = ?`).join(' and ')}`
    const places = columns.map(() => '?').join(', ')
    const put = prepared(`insert or replace into ${name} (${columns.map(quoted).join(', ')}) values (${places})`)
    const get = prepared(`select * ${ofKey}`)
    const remove = prepared(`delete ${ofKey}`)
    const handle: TableHandle = {
      get: key => get.get(...key),
      put: row => {
        put.run(...columns.map(column => row[column] ?? null))
      },
      remove: key => {
        remove.run(...key)
      },
      recent: new Map(),
    }
    handles.set(name, handle)
    return handle
  }

  /** Where this process left each checkpoint. Whoever else changes rows moves it, and what is remembered is void. */
  const left = new Map<string, number>()

  const apply = db.transaction<Rows['apply']>((projection, events, { from, next }) => {
    const name = nameOf(projection)
    if ((readCheckpoint.get(name) ?? 0) !== from) return false
    const tables = new Map(projection.tables.map(table => [table.name, handleOf(projection, table)]))
    if (left.get(name) !== from) for (const { recent } of tables.values()) recent.clear()
    // A page that fails leaves nothing behind, here too.
    left.delete(name)
    const touched = foldPage(projection, events, (table, key, text) => {
      const handle = tables.get(table) as TableHandle
      return handle.recent.get(text) ?? handle.get(key)
    })
    for (const [tableName, rows] of touched) {
      const { put, remove, recent } = tables.get(tableName) as TableHandle
      if (recent.size + rows.size > recentRowsMax) recent.clear()
      for (const [text, { key, found, changed, row }] of rows) {
        if (!changed) continue
        if (row) {
          put(row)
          recent.set(text, row)
        } else {
          if (found) remove(key)
          recent.delete(text)
        }
      }
    }
    writeCheckpoint.run(name, next)
    left.set(name, next)
    return true
  })

  const rows: SqliteRows = {
    checkpoint: projection => readCheckpoint.get(nameOf(projection)) ?? 0,
    get: (projection, table, key) => {
      nameOf(projection)
      return handleOf(projection, tableOf(projection, table)).get(key)
    },
    select: (projection, name, { where, order = [], limit } = {}) => {
      nameOf(projection)
      const { key } = tableOf(projection, name)
      const { text, values } = conditionOf(where)
      const sorted = [
        ...order.map(([column, direction]) => `${quoted(column)} ${direction === 'up' ? 'asc' : 'desc'}`),
        ...key.map(quoted),
      ]
      const cut = limit === undefined ? '' : ` limit ${Math.trunc(limit)}`
      return prepared(`select * from ${physical(projection, name)}${text} order by ${sorted.join(', ')}${cut}`).all(
        ...values,
      )
    },
    sums: (projection, name, { column, by, where }) => {
      nameOf(projection)
      const { text, values } = conditionOf(where)
      const groups = by.map(quoted).join(', ')
      const named = groups === '' ? '' : `${groups}, `
      const grouped = groups === '' ? '' : ` group by ${groups} order by ${groups}`
      const found = prepared(
        `select ${named}sum(${quoted(column)}) as sum, count(*) as count from ${physical(projection, name)}${text}${grouped}`,
      ).all(...values)
      return found.filter(row => row['count'] !== 0n)
    },
    apply: (projection, events, at) => {
      // Tables are made outside the transaction: a rollback must not take back what `ready` remembers.
      nameOf(projection)
      return apply.immediate(projection, events, at)
    },
    snapshot: ask => db.transaction(() => ask(rows))(),
    fingerprint: (projection, crypto) => {
      nameOf(projection)
      return db.transaction(() =>
        fingerprintOf(
          crypto,
          projection,
          ({ name, key }) =>
            // A statement of its own: an iterated one is busy until its end.
            db
              .prepare(`select * from ${physical(projection, name)} order by ${key.map(quoted).join(', ')}`)
              .safeIntegers(true)

              .iterate() as Iterable<Row>,
        ),
      )()
    },
    reset: projection => {
      const name = nameOf(projection)
      db.transaction(() => {
        for (const table of projection.tables) db.exec(`delete from ${physical(projection, table.name)}`)
        writeCheckpoint.run(name, 0)
      }).immediate()
      left.delete(name)
    },
    close: () => {
      db.close()
    },
  }
  return rows
}

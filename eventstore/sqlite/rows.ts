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

  const byKey = (projection: Projection, { name, key }: Table, verb: string): string =>
    `${verb} from ${physical(projection, name)} where ${key.map(column => `${quoted(column)} = ?`).join(' and ')}`

  const load = (projection: Projection, table: Table, key: Key): Row | undefined =>
    prepared(byKey(projection, table, 'select *')).get(...key)

  const write = (projection: Projection, table: Table) => {
    const columns = Object.keys(table.columns)
    const places = columns.map(() => '?').join(', ')
    const insert = prepared(
      `insert or replace into ${physical(projection, table.name)} (${columns.map(quoted).join(', ')}) values (${places})`,
    )
    const remove = prepared(byKey(projection, table, 'delete'))
    return {
      put: (row: Row) => insert.run(...columns.map(column => row[column] ?? null)),
      remove: (key: Key) => remove.run(...key),
    }
  }

  const apply = db.transaction<Rows['apply']>((projection, events, { from, next }) => {
    const name = nameOf(projection)
    if ((readCheckpoint.get(name) ?? 0) !== from) return false
    const tables = new Map(projection.tables.map(table => [table.name, table]))
    const touched = foldPage(projection, events, (table, key) => load(projection, tables.get(table) as Table, key))
    for (const [tableName, rows] of touched) {
      if (rows.size === 0) continue
      const { put, remove } = write(projection, tables.get(tableName) as Table)
      for (const { key, found, row } of rows.values()) {
        if (row) put(row)
        else if (found) remove(key)
      }
    }
    writeCheckpoint.run(name, next)
    return true
  })

  const rows: SqliteRows = {
    checkpoint: projection => readCheckpoint.get(nameOf(projection)) ?? 0,
    get: (projection, table, key) => {
      nameOf(projection)
      return load(projection, tableOf(projection, table), key)
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
        fingerprintOf(crypto, projection, ({ name, key }) =>
          // A statement of its own: an iterated one is busy until its end.
          db
            .prepare(`select * from ${physical(projection, name)} order by ${key.map(quoted).join(', ')}`)
            .safeIntegers(true)
            .iterate(),
        ),
      )()
    },
    reset: projection => {
      const name = nameOf(projection)
      db.transaction(() => {
        for (const table of projection.tables) db.exec(`delete from ${physical(projection, table.name)}`)
        writeCheckpoint.run(name, 0)
      }).immediate()
    },
    close: () => {
      db.close()
    },
  }
  return rows
}

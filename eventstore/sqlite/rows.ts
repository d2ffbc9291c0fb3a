import type { Key, LoggedEvent, Projection, Row, Rows, Table, Value } from '#eventstore/rows'
import {
  adopted,
  begun,
  foldPage,
  liveName,
  meant,
  memories,
  mended,
  mending,
  type Standing,
  type TouchedRows,
} from '../folding.ts'
import { eachOfItsMoment, readerOf } from '../reader.ts'
import { list, type Question, subset } from '../sql.ts'
import { openSqlite } from './sqlite.ts'

export type SqliteRows = Rows & { close(): void }

const sql = subset({
  types: { int: 'integer', text: 'text' },
  within: '',
  kind: ' strict, without rowid',
  growing: ' strict',
  indexed: column => column,
  place: () => '?',
})

const openConnection = (file: string, options: { readonly?: boolean } = {}) => {
  const db = openSqlite(file, options)
  // Rows can be folded again: the last commits may go with the power, in order, and nothing is lost.
  db.pragma('synchronous = NORMAL')
  const prepare = (text: string) => db.prepare<Value[], Row>(text).safeIntegers(true)
  const statements = new Map<string, ReturnType<typeof prepare>>()
  const prepared = (text: string) => {
    const held = statements.get(text)
    if (held) return held
    const statement = prepare(text)
    statements.set(text, statement)
    return statement
  }
  return { db, prepare, prepared }
}
type Connection = ReturnType<typeof openConnection>

const standingOf = (row: Row): Standing => ({
  next: Number(row['next']),
  generation: Number(row['generation']),
  edition: Number(row['edition']),
})

const makeCheckpoints = ({ db }: Connection): void => {
  db.exec('create table if not exists checkpoints (projection text primary key, next integer not null) strict')
  const columns = db.pragma('table_info(checkpoints)') as { readonly name: string }[]
  for (const column of ['generation', 'edition'])
    if (!columns.some(({ name }) => name === column))
      db.exec(`alter table checkpoints add column ${column} integer not null default 0`)
}

/** A moment begins with its first read, and that is of the standings. */
const momentOn = ({ prepare, prepared }: Connection) => {
  const standings = new Map(
    prepared('select projection, next, generation, edition from checkpoints')
      .all()
      .map(row => [row['projection'], standingOf(row)]),
  )
  return readerOf(sql, {
    standing: name => standings.get(name),
    answer: ({ text, values }) => prepared(text).all(...values),
    // A statement of its own: an iterated one is busy until its end.
    pages: ({ text, values }: Question) => inPages(prepare(text).iterate(...values)),
  })
}

function* inPages(rows: Iterable<Row>): Generator<readonly Row[]> {
  let page: Row[] = []
  for (const row of rows)
    if (page.push(row) === 1000) {
      yield page
      page = []
    }
  yield page
}

/** Questions that are asked at the same time, each on a connection of its own; more wait for one. */
const readersMax = 4

/**
 * Rows in one SQLite file. Two processes may follow into it: the checkpoint is compared inside the write transaction.
 * Questions have read connections of their own, so that one which takes long sees its moment and holds up no writer.
 *
 * `:memory:` is one connection alone: there, what writes waits until no question is open.
 */
export const sqliteRows = (file: string): SqliteRows => {
  const writer = openConnection(file)
  const { db, prepared } = writer
  db.transaction(makeCheckpoints).immediate(writer)
  const readStanding = prepared('select next, generation, edition from checkpoints where projection = ?')
  const standing = (name: string): Standing | undefined => {
    const row = readStanding.get(name)
    return row && standingOf(row)
  }
  const writeStanding = prepared(
    'insert or replace into checkpoints (projection, next, generation, edition) values (?, ?, ?, ?)',
  )
  const stand = (name: string, { next, generation, edition }: Standing): void => {
    writeStanding.run(name, BigInt(next), BigInt(generation), BigInt(edition))
  }

  const forget = prepared('delete from checkpoints where projection = ?')

  /* ------------------------------------------------------- asking */

  const shared = file === ':memory:'
  const idle: Connection[] = []
  const readers: Connection[] = []
  const waiting: ((reader: Connection) => void)[] = []
  let asking = 0
  const isAsked = (): boolean => asking > 0
  const quiet: (() => void)[] = []

  const reader = async (): Promise<Connection> => {
    const held = idle.pop()
    if (held) return held
    if (readers.length === readersMax) return new Promise(resolve => waiting.push(resolve))
    const opened = openConnection(file, { readonly: true })
    readers.push(opened)
    return opened
  }
  const onReader: Rows['snapshot'] = async ask => {
    const connection = await reader()
    try {
      connection.db.exec('begin')
      return await ask(momentOn(connection))
    } finally {
      if (connection.db.inTransaction) connection.db.exec('commit')
      const next = waiting.shift()
      if (next) next(connection)
      else idle.push(connection)
    }
  }
  const onWriter: Rows['snapshot'] = async ask => {
    asking += 1
    try {
      return await ask(momentOn(writer))
    } finally {
      asking -= 1
      if (asking === 0) for (const go of quiet.splice(0)) go()
    }
  }
  const snapshot = shared ? onWriter : onReader

  /* ------------------------------------------------------- writing */

  /** Act at once, unless questions are open on the only connection. */
  const writing = async <Done>(act: () => Done): Promise<Done> => {
    while (isAsked()) await new Promise<void>(resolve => quiet.push(resolve))
    return act()
  }

  /** A table's own statements, made once: a page runs each of them thousands of times. */
  const handles = new Map<string, ReturnType<typeof handleOf>>()
  const handleOf = (named: string, { columns, key }: Table) => {
    const names = Object.keys(columns)
    const places = names.map(() => '?').join(', ')
    const put = prepared(`insert or replace into ${named} (${list(names)}) values (${places})`)
    const get = prepared(`select * from ${named}${sql.ofKey(key)}`)
    const remove = prepared(`delete from ${named}${sql.ofKey(key)}`)
    return {
      get: (key: Key): Row | undefined => get.get(...key),
      put: (row: Row): void => {
        put.run(...names.map(name => row[name] ?? null))
      },
      remove: (key: Key): void => {
        remove.run(...key)
      },
    }
  }
  const handlesOf = (projection: Projection, generation: number) =>
    new Map(
      projection.tables.map(table => {
        const named = sql.named(projection, generation, table.name)
        const handle = handles.get(named) ?? handleOf(named, table)
        handles.set(named, handle)
        return [table.name, handle]
      }),
    )
  type Handles = ReturnType<typeof handlesOf>

  const write = (tables: Handles, touched: TouchedRows): void => {
    for (const [name, rows] of touched) {
      const { put, remove } = tables.get(name) as ReturnType<typeof handleOf>
      for (const { key, found, changed, row } of rows.values()) {
        if (!changed) continue
        if (row) put(row)
        else if (found) remove(key)
      }
    }
  }

  /** Tables that this process knows to be there: another version of it may have had fewer indexes. */
  const ready = new Set<string>()
  const memory = memories()

  const fold = (
    projection: Projection,
    generation: number,
    events: readonly LoggedEvent[],
    find: (table: string, text: string) => Row | null | undefined,
  ): TouchedRows => {
    const tables = handlesOf(projection, generation)
    const touched = foldPage(projection, events, (table, key, text) => {
      const known = find(table, text)
      return known === undefined ? tables.get(table)?.get(key) : (known ?? undefined)
    })
    write(tables, touched)
    return touched
  }

  const apply = db.transaction((...[projection, events, { from, next }]: Parameters<Rows['apply']>) => {
    const rows = meant(projection, standing)
    const { name, generation } = rows
    const before = begun(rows)
    if (before.next !== from) return undefined
    const set = `${name}/${generation}`
    if (!rows.standing || !ready.has(set)) db.exec(sql.making(projection, generation))
    const remembered = memory.take(projection, name, before)
    const touched = fold(projection, generation, events, remembered.find)
    const after = { ...before, next }
    stand(name, after)
    return () => {
      ready.add(set)
      remembered.keep(touched, after)
    }
  })

  return {
    ...eachOfItsMoment(snapshot),
    apply: (...asked) =>
      writing(() => {
        const committed = apply.immediate(...asked)
        committed?.()
        return committed !== undefined
      }),
    snapshot,
    reset: projection =>
      writing(() =>
        db
          .transaction(() => {
            const rows = meant(projection, standing)
            if (!rows.standing) return
            db.exec(sql.emptying(projection, rows.generation))
            stand(rows.name, { ...mended(rows.standing), next: 0 })
          })
          .immediate(),
      ),
    mend: (projection, mends, at) =>
      writing(() =>
        db
          .transaction(() => {
            const { name, generation, standing: before } = meant(projection, standing)
            if (before?.next !== at) return false
            write(handlesOf(projection, generation), mending(projection, mends))
            stand(name, mended(before))
            return true
          })
          .immediate(),
      ),
    adopt: (projection, tail, upTo) =>
      writing(() => {
        const live = liveName(projection)
        const isLive = db
          .transaction(() => {
            const { name, generation, standing: beside } = meant(projection, standing)
            if (name === live) return true
            const taken = adopted(standing(live), beside, tail, upTo)
            if (!taken) return false
            fold(projection, generation, taken.between, () => undefined)
            stand(live, taken.after)
            forget.run(name)
            return true
          })
          .immediate()
        // By itself: to free a large table takes long, and what killed it before leaves it to the next time.
        if (isLive) for (let old = 0; old < projection.generation; old++) db.exec(sql.dropping(projection, old))
        return isLive
      }),
    discard: projection =>
      writing(() =>
        db
          .transaction(() => {
            const { name, generation } = meant(projection, standing)
            if (name === liveName(projection)) return
            forget.run(name)
            db.exec(sql.dropping(projection, generation))
            ready.delete(`${name}/${generation}`)
          })
          .immediate(),
      ),
    close: () => {
      for (const { db } of [...readers, writer]) db.close()
    },
  }
}

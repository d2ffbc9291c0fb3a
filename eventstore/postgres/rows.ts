import {
  type Column,
  FoldFailed,
  type Key,
  type LoggedEvent,
  type Projection,
  type Row,
  type Rows,
  RowsAway,
  type Value,
} from '#eventstore/rows'
import {
  adopted,
  begun,
  foldPage,
  keyText,
  liveName,
  type Meant,
  meant,
  memories,
  mended,
  mending,
  type Standing,
  type TouchedRows,
  tableOf,
} from '../folding.ts'
import { eachOfItsMoment, readerOf } from '../reader.ts'
import { list, type Question, quoted, subset } from '../sql.ts'
import { lockOf } from './schema.ts'
import { type Asking, checkSchema, isLoss, openServer } from './server.ts'

export type PostgresRows = Rows & { close(): Promise<void> }

export type PostgresRowsOptions = {
  /** The schema that holds the rows: beside the log's own in one database, or elsewhere. */
  readonly schema?: string
  /** How long a lost connection is tried again before a question fails and a page waits (`RowsAway`). */
  readonly patience_ms?: number
  /** How long the server may take for one answer before the connection is given up. */
  readonly answerWithin_ms?: number
}

/** Rows can be folded again: as in SQLite, the last commits may go with the power, in order, and nothing is lost. */
const session = `
  set session characteristics as transaction isolation level read committed;
  set synchronous_commit = off;
`

const made = (schema: string): string =>
  `select to_regclass('${schema}.checkpoints') is not null as made, current_setting('server_encoding') as encoding`

const making = (schema: string): string => `
  begin;
  select pg_advisory_xact_lock(${lockOf('0')});
  create schema if not exists ${schema};
  create table if not exists ${schema}.checkpoints (
    projection text collate "C" primary key,
    next bigint not null,
    generation bigint not null default 0,
    edition bigint not null default 0
  );
  commit;
`

/* U+0000 is legal in an event's text, as an escape of JSON, and no text of PostgreSQL holds it. Two characters stand for
   it and for the one that marks them, so that octets sort as before. */
const marked = (text: string): string => text.replaceAll('\u0001', '\u0001\u0002').replaceAll('\0', '\u0001\u0001')
const unmarked = (text: string): string => text.replaceAll('\u0001\u0001', '\0').replaceAll('\u0001\u0002', '\u0001')
const isMarked = (text: string): boolean => text.includes('\u0001')
const sent = (value: Value): string | null =>
  typeof value === 'string'
    ? value.includes('\0') || isMarked(value)
      ? marked(value)
      : value
    : value === null
      ? null
      : value.toString()
const got = (value: string | null, kind: Column): Value =>
  value === null ? null : kind === 'int' ? BigInt(value) : isMarked(value) ? unmarked(value) : value

const arrays = { int: 'bigint[]', text: 'text[]' } as const

type Loaded = Map<string, Map<string, Row | undefined>>

/**
 * Rows in PostgreSQL. Processes that follow into the same rows meet at the checkpoint's row: who has its lock folds, and
 * who comes after finds the checkpoint moved. A projection looks at rows without waiting, so a page is folded on rows
 * that are at hand, those that were missing are loaded together, and it is folded again until none is missing.
 */
export const postgresRows = async (url: string, options: PostgresRowsOptions = {}): Promise<PostgresRows> => {
  const { schema = 'tallystick_rows', patience_ms = 15_000, answerWithin_ms = 10_000 } = options
  checkSchema(schema)
  const sql = subset({
    types: { int: 'bigint', text: 'text collate "C"' },
    within: `${schema}.`,
    // Busy rows are written in place.
    kind: ' with (fillfactor = 80)',
    growing: '',
    indexed: column => `${column} asc nulls first`,
    place: nth => `$${nth}`,
  })
  const server = openServer(url, { what: 'rows', answerWithin_ms, session })

  /** What is wrong with an event or a question stays what it is; a server that is away is `RowsAway`. */
  const patiently = async <Answer>(what: string, act: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await server.patiently(what, Date.now() + patience_ms, act)
    } catch (error) {
      const { message, cause } = error as Error
      if (isLoss(cause)) throw new RowsAway(message, { cause })
      throw (cause as { severity?: string }).severity === undefined ? cause : error
    }
  }

  try {
    await patiently('The rows were not opened', async () => {
      const { rows } = await server.pool.query<{ made: boolean; encoding: string }>(made(schema))
      if (rows[0]?.encoding !== 'UTF8')
        throw server.failed('The rows were not opened', new Error('the database is not encoded in UTF8'))
      if (!rows[0].made) await server.pool.query(making(schema))
    })
  } catch (error) {
    await server.end()
    throw error
  }

  /* ------------------------------------------------------- asking */

  const names = new Map<string, string>()
  const named = (text: string): string => {
    const name = names.get(text) ?? `rows_${names.size}`
    names.set(text, name)
    return name
  }
  const answered = async (client: Asking, { text, values, columns }: Question): Promise<Row[]> => {
    const asked = { name: named(text), text, rowMode: 'array' as const, values: values.map(sent) }
    const { rows } = await client.query<(string | null)[]>(asked)
    return rows.map(rowOf(columns))
  }
  const rowOf = (columns: Question['columns']) => (cells: readonly (string | null)[]) => {
    const row: Record<string, Value> = {}
    for (const [place, [name, kind]] of columns.entries()) row[name] = got(cells[place] ?? null, kind)
    return row
  }
  const standings = async (client: Asking, suffix: string, name?: string): Promise<Map<string, Standing>> => {
    const text = `select projection, next, generation, edition from ${schema}.checkpoints ${suffix}`
    const { rows } = await client.query<[string, string, string, string]>({
      name: named(text),
      text,
      rowMode: 'array' as const,
      values: name === undefined ? [] : [name],
    })
    return new Map(
      rows.map(([name, next, generation, edition]) => [
        name,
        { next: Number(next), generation: Number(generation), edition: Number(edition) },
      ]),
    )
  }

  const moment = <Answer>(ask: Parameters<Rows['snapshot']>[0]): Promise<Answer> =>
    server.transaction('begin isolation level repeatable read read only', async client => {
      const all = await standings(client, '')
      // A connection is asked one question at a time.
      let last: Promise<unknown> = Promise.resolve()
      const inTurn = <Reply>(question: () => Promise<Reply>): Promise<Reply> => {
        const reply = last.then(question, question)
        last = reply.catch(() => {})
        return reply
      }
      let cursors = 0
      async function* pages({ text, columns }: Question) {
        const cursor = `pages_${cursors++}`
        await inTurn(() => client.query(`declare ${cursor} no scroll cursor for ${text}`))
        for (;;) {
          const fetch = { text: `fetch 2000 from ${cursor}`, rowMode: 'array' as const }
          const { rows } = await inTurn(() => client.query<(string | null)[]>(fetch))
          yield rows.map(rowOf(columns))
          if (rows.length < 2000) return
        }
      }
      return (await ask(
        readerOf(sql, {
          standing: name => all.get(name),
          answer: question => inTurn(() => answered(client, question)),
          pages,
        }),
      )) as Answer
    })

  const snapshot: Rows['snapshot'] = ask =>
    patiently('The rows gave no answer', async () => {
      for (let left = 3; ; left--)
        try {
          return await moment(ask)
        } catch (error) {
          // A generation was replaced and dropped after this moment had begun: another moment knows the new one.
          if ((error as { code?: string }).code !== '42P01' || left === 0) throw error
        }
    })

  /* ------------------------------------------------------- folding */

  /** Tables that this process knows to be there: another version of it may have had fewer indexes. */
  const ready = new Set<string>()
  const make = async (client: Asking, projection: Projection, { name, generation }: Meant): Promise<void> => {
    await client.query(`select pg_advisory_xact_lock(${lockOf('0')}); ${sql.making(projection, generation)}`)
    await client.query(
      `insert into ${schema}.checkpoints (projection, next, generation) values ($1, 0, $2)
      on conflict (projection) do nothing`,
      [name, generation],
    )
  }

  /** The rows that are meant, locked: none can follow into them, replace them or mend them meanwhile. */
  const locked = async (client: Asking, projection: Projection): Promise<Meant> => {
    for (;;) {
      const seen =
        projection.generation === undefined
          ? { name: liveName(projection) }
          : await standings(client, '').then(all => meant(projection, name => all.get(name)))
      const held = await standings(client, 'where projection = $1 for update', seen.name)
      const all = projection.generation === undefined ? held : await standings(client, '')
      const now = meant(projection, name => all.get(name))
      if (now.name === seen.name) return now
    }
  }

  const load = async (
    client: Asking,
    projection: Projection,
    generation: number,
    missing: ReadonlyMap<string, ReadonlyMap<string, Key>>,
    loaded: Loaded,
  ): Promise<void> => {
    for (const [name, keys] of missing) {
      const { key, columns } = tableOf(projection, name)
      const asked = key.map((column, nth) => `$${nth + 1}::${arrays[columns[column] as Column]}`)
      const text = `select ${Object.keys(columns)
        .map(column => `held.${quoted(column)}`)
        .join(', ')} from unnest(${asked.join(', ')}) as asked (${list(key)})
        join ${sql.named(projection, generation, name)} as held using (${list(key)})`
      const values = key.map((_, nth) => [...keys.values()].map(each => sent(each[nth] as Value)))
      const { rows } = await client.query<(string | null)[]>({ name: named(text), text, rowMode: 'array', values })
      const found = loaded.get(name) ?? new Map<string, Row | undefined>()
      loaded.set(name, found)
      for (const text of keys.keys()) found.set(text, undefined)
      const read = rowOf(Object.entries(columns))
      for (const cells of rows) {
        const row = read(cells)
        found.set(keyText(key.map(column => row[column] as string | bigint)), row)
      }
    }
  }

  type Known = (table: string, text: string) => Row | null | undefined
  const fold = async (
    projection: Projection,
    events: readonly LoggedEvent[],
    known: Known,
    fetch: (missing: ReadonlyMap<string, ReadonlyMap<string, Key>>, loaded: Loaded) => Promise<void>,
  ): Promise<TouchedRows> => {
    const loaded: Loaded = new Map()
    for (;;) {
      const missing = new Map<string, Map<string, Key>>()
      const loadOne = (table: string, key: Key, text: string): Row | undefined => {
        const remembered = known(table, text)
        if (remembered !== undefined) return remembered ?? undefined
        const found = loaded.get(table)
        if (found?.has(text)) return found.get(text)
        const keys = missing.get(table) ?? new Map<string, Key>()
        missing.set(table, keys.set(text, key))
        return undefined
      }
      try {
        const touched = foldPage(projection, events, loadOne)
        if (missing.size === 0) return touched
      } catch (error) {
        // Without the rows that are missing it may well have failed.
        if (!(error instanceof FoldFailed) || missing.size === 0) throw error
      }
      await fetch(missing, loaded)
    }
  }

  const write = async (
    client: Asking,
    projection: Projection,
    generation: number,
    touched: TouchedRows,
  ): Promise<void> => {
    for (const { name, key, columns } of projection.tables) {
      const changed = [...(touched.get(name)?.values() ?? [])].filter(({ changed }) => changed)
      const table = sql.named(projection, generation, name)
      const run = async (text: string, kinds: readonly string[], values: readonly (readonly (string | null)[])[]) => {
        const placed = kinds.map((column, nth) => `$${nth + 1}::${arrays[columns[column] as Column]}`).join(', ')
        const all = text.replace('unnest()', `unnest(${placed})`)
        await client.query({ name: named(all), text: all, values: [...values] })
      }
      const put = changed.flatMap(({ row }) => (row ? [row] : []))
      if (put.length > 0) {
        const all = Object.keys(columns)
        const rest = all.filter(column => !key.includes(column))
        const update = `update set ${rest.map(column => `${quoted(column)} = excluded.${quoted(column)}`).join(', ')}`
        await run(
          `insert into ${table} (${list(all)}) select * from unnest()
            on conflict (${list(key)}) do ${rest.length > 0 ? update : 'nothing'}`,
          all,
          all.map(column => put.map(row => sent(row[column] ?? null))),
        )
      }
      const gone = changed.filter(({ row, found }) => !row && found)
      if (gone.length > 0)
        await run(
          `delete from ${table} as held using unnest() as gone (${list(key)})
            where ${key.map(column => `held.${quoted(column)} = gone.${quoted(column)}`).join(' and ')}`,
          key,
          key.map((_, nth) => gone.map(({ key }) => sent(key[nth] as Value))),
        )
    }
  }

  const stand = (client: Asking, name: string, { next, generation, edition }: Standing) =>
    client.query(`update ${schema}.checkpoints set next = $2, generation = $3, edition = $4 where projection = $1`, [
      name,
      next,
      generation,
      edition,
    ])

  const memory = memories()

  /** A page of which this projection wants nothing moves its checkpoint alone, in one round trip. */
  const passed = async (projection: Projection, { from, next }: { from: number; next: number }): Promise<boolean> => {
    const name = liveName(projection)
    const text = `update ${schema}.checkpoints set next = $3 where projection = $1 and next = $2
      returning generation, edition`
    const moved = await server.pool.query<{ generation: string; edition: string }>({
      name: named(text),
      text,
      values: [name, from, next],
    })
    const [row] = moved.rows
    if (!row) return false
    const before = { next: from, generation: Number(row.generation), edition: Number(row.edition) }
    memory.take(projection, name, before).keep(new Map(), { ...before, next })
    return true
  }

  const applied = async (...[projection, events, { from, next }]: Parameters<Rows['apply']>): Promise<boolean> => {
    if (events.length === 0 && projection.generation === undefined && (await passed(projection, { from, next })))
      return true
    let committed: (() => void) | undefined
    await server.transaction('begin', async client => {
      let rows = await locked(client, projection)
      const set = `${rows.name}/${rows.generation}`
      if (begun(rows).next !== from) return
      if (!rows.standing || !ready.has(set)) {
        await make(client, projection, rows)
        rows = await locked(client, projection)
      }
      const before = begun(rows)
      if (before.next !== from) return
      const { name, generation } = rows
      const remembered = memory.take(projection, name, before)
      const touched = await fold(projection, events, remembered.find, (missing, loaded) =>
        load(client, projection, generation, missing, loaded),
      )
      await write(client, projection, generation, touched)
      const after = { ...before, next }
      await stand(client, name, after)
      committed = () => {
        ready.add(set)
        remembered.keep(touched, after)
      }
    })
    committed?.()
    return committed !== undefined
  }

  return {
    ...eachOfItsMoment(snapshot),
    apply: (projection, events, at) =>
      patiently(`Rows of ${projection.name} from log index ${at.from} were not written`, () =>
        applied(projection, events, at),
      ),
    snapshot,
    reset: projection =>
      patiently(`Rows of ${projection.name} were not thrown away`, () =>
        server.transaction('begin', async client => {
          const { name, generation, standing } = await locked(client, projection)
          if (!standing) return
          await client.query(sql.emptying(projection, generation))
          await stand(client, name, { ...mended(standing), next: 0 })
        }),
      ),
    mend: (projection, mends, at) =>
      patiently(`Rows of ${projection.name} were not mended`, () =>
        server.transaction('begin', async client => {
          const { name, generation, standing } = await locked(client, projection)
          if (standing?.next !== at) return false
          await write(client, projection, generation, mending(projection, mends))
          await stand(client, name, mended(standing))
          return true
        }),
      ),
    adopt: async (projection, tail, upTo) => {
      const isLive = await patiently(`Rows of ${projection.name} were not replaced`, () =>
        server.transaction('begin', async client => {
          const { name, generation, standing } = await locked(client, projection)
          const live = liveName(projection)
          if (name === live) return true
          const held = await standings(client, 'where projection = $1 for update', live)
          const taken = adopted(held.get(live), standing, tail, upTo)
          if (!taken) return false
          const touched = await fold(
            projection,
            taken.between,
            () => undefined,
            (missing, loaded) => load(client, projection, generation, missing, loaded),
          )
          await write(client, projection, generation, touched)
          await stand(client, live, taken.after)
          await client.query(`delete from ${schema}.checkpoints where projection = $1`, [name])
          return true
        }),
      )
      // A question of before may look at them still, and is waited for, though not for ever: what is left is dropped the
      // next time.
      if (!isLive) return false
      for (let old = 0; old < projection.generation; old++)
        await server.pool.query(sql.dropping(projection, old)).catch(() => {})
      return true
    },
    discard: projection =>
      patiently(`Generation ${projection.generation} of ${projection.name} was not dropped`, () =>
        server.transaction('begin', async client => {
          const { name, generation } = await locked(client, projection)
          if (name === liveName(projection)) return
          await client.query(`delete from ${schema}.checkpoints where projection = $1`, [name])
          await client.query(sql.dropping(projection, generation))
          ready.delete(`${name}/${generation}`)
        }),
      ),
    close: () => server.end(),
  }
}

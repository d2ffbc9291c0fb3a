import type { Contestant, Opens } from '../store/contestant.ts'

/**
 * emmett's SQLite and PostgreSQL stores. They stringify and parse themselves, so they are handed parsed data; what they
 * are called by is written down here, since their types are not there before they are installed.
 */

type Sql = {
  query<T>(text: string, values?: readonly unknown[]): Promise<T[]>
  close(): void
}
type Batch = { readonly currentGlobalPosition: bigint; readonly messages: readonly unknown[] }
type Store = {
  appendToStream(
    stream: string,
    events: readonly { type: string; data: unknown }[],
    options: { readonly expectedStreamVersion: bigint },
  ): Promise<unknown>
  readonly schema: { migrate(): Promise<unknown> }
  close?(): Promise<void>
}
type Sqlite = {
  getSQLiteEventStore(options: { readonly fileName: string; readonly pool?: unknown }): Store
  SQLiteConnectionPool(options: unknown): unknown
  sqliteConnection(options: { readonly fileName: string }): Sql
  readMessagesBatch(db: Sql, options: { readonly after: bigint; readonly batchSize: number }): Promise<Batch>
}
type Postgres = { getPostgreSQLEventStore(url: string): Store }

/** By a name that no type check follows: most who check types have not installed it. */
const load = (name: string): Promise<unknown> => import(name)

const appendTo =
  (store: Store): NonNullable<Contestant['append']> =>
  (stream, held, events) =>
    store.appendToStream(
      stream,
      events.map(({ type, text }) => ({ type, data: JSON.parse(text) as unknown })),
      { expectedStreamVersion: BigInt(held) },
    )

/** Its commit fails now and then, a statement of its own not being over yet; it has rolled back, and is asked again. */
const persistent = (append: NonNullable<Contestant['append']>) => {
  let again = 0
  return {
    append: async (...asked: Parameters<typeof append>): Promise<void> => {
      for (;;)
        try {
          await append(...asked)
          return
        } catch (error) {
          if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error
          again += 1
        }
    },
    told: () => (again === 0 ? '' : `, ${again} appends asked again after SQLITE_BUSY`),
  }
}

/**
 * Each of its connections sets WAL when it is opened, and nobody hears of it where that finds the file locked: an error
 * without a listener, which would end the process. The file is in WAL already.
 */
const ignoreBusy = (error: Error & { readonly code?: string }): void => {
  if (error.code === 'SQLITE_BUSY') return
  process.stderr.write(`${error.stack}\n`)
  process.exit(1)
}

const sqlite =
  (keeps: 'a connection for each call' | 'one connection'): Opens =>
  async file => {
    const emmett = (await load('@event-driven-io/emmett-sqlite')) as Sqlite
    const db = emmett.sqliteConnection({ fileName: file })
    const pool =
      keeps === 'one connection'
        ? {
            pool: emmett.SQLiteConnectionPool({
              fileName: file,
              connectionOptions: { singleton: true, connection: db },
            }),
          }
        : {}
    const store = emmett.getSQLiteEventStore({ fileName: file, ...pool })
    const one = async (text: string) => Object.values((await db.query<Record<string, unknown>>(text))[0] ?? {})[0]
    process.on('uncaughtException', ignoreBusy)
    await one('pragma journal_mode')
    await store.schema.migrate()
    const { append, told } = persistent(appendTo(store))
    return {
      append,
      readAll: async page => {
        // Its consumer waits between pages; this is what the consumer reads them by.
        for (let after = 0n; ; ) {
          const { messages, currentGlobalPosition } = await emmett.readMessagesBatch(db, { after, batchSize: 1000 })
          page(messages.length)
          if (messages.length < 1000) return
          after = currentGlobalPosition
        }
      },
      count: async () => Number(await one('select count(*) from emt_messages')),
      durable: async () =>
        `${String(await one('pragma journal_mode'))}, synchronous ${String(await one('pragma synchronous'))} (2 is FULL)${told()}`,
      close: () => db.close(),
    }
  }

const postgres: Opens = async url => {
  const { getPostgreSQLEventStore } = (await load('@event-driven-io/emmett-postgresql')) as Postgres
  const { Client } = ((await load('pg')) as { default: { Client: new (config: object) => PgClient } }).default
  const store = getPostgreSQLEventStore(url)
  await store.schema.migrate()
  const one = async (text: string): Promise<string> => {
    const client = new Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query({ text, rowMode: 'array' })
    await client.end()
    return (rows[0] ?? []).join(', ')
  }
  return {
    append: appendTo(store),
    count: async () => Number(await one('select count(*) from emt_messages')),
    durable: async () => `fsync ${await one('show fsync')}, synchronous_commit ${await one('show synchronous_commit')}`,
    close: async () => store.close?.(),
  }
}
type PgClient = {
  connect(): Promise<void>
  query(asked: { readonly text: string; readonly rowMode: 'array' }): Promise<{ rows: unknown[][] }>
  end(): Promise<void>
}

export const contestants: Record<string, Opens> = {
  sqlite: sqlite('a connection for each call'),
  sqliteKept: sqlite('one connection'),
  postgres,
}

/** Gives a store that emmett made the events of one of our logs: the same texts in the same order. */
export const copyOfLog = async (file: string, from: string): Promise<void> => {
  const emmett = (await load('@event-driven-io/emmett-sqlite')) as Sqlite
  const db = emmett.sqliteConnection({ fileName: file })
  await emmett.getSQLiteEventStore({ fileName: file }).schema.migrate()
  await db.query('attach ? as log', [from])
  await db.query(`insert into emt_messages (stream_id, stream_position, partition, message_kind, message_data,
      message_metadata, message_schema_version, message_type, message_id, global_position)
    select name, revision + 1, 'emt:default', 'E', text, '{}', '1', type, id, position
    from log.events join log.streams on key = stream order by position`)
  db.close()
}

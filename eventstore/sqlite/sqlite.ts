import Database from 'better-sqlite3'
import {
  type Appended,
  checkAppend,
  type EventStore,
  type EventToAppend,
  type Expected,
  type ReadAll,
  type ReadStream,
  type StoredEvent,
  StoreFailed,
  WrongExpectedRevision,
} from '#eventstore'

export type SqliteStore = EventStore & {
  /** What `PRAGMA synchronous` reads back on the appending connection: 2 is FULL. */
  synchronous(): number
  /** A row beside the log, durable when the call returns: what may be forgotten and found again. */
  note(key: string): string | undefined
  setNote(key: string, text: string): void
  /** Octets of the log's file. */
  size(): number
  close(): void
}

/** The one place that opens SQLite files: the log and the rows both come through here. */
export const openSqlite = (file: string, options: { readonly?: boolean } = {}): Database.Database => {
  const db = new Database(file, { readonly: options.readonly ?? false, timeout: 10_000 })
  if (!options.readonly) db.pragma('journal_mode = WAL')
  // In WAL mode NORMAL may lose the last commits with the power; what was shown as approved must be on disk.
  db.pragma('synchronous = FULL')
  return db
}

const schema = `
  create table if not exists streams (
    key integer primary key,
    name text not null unique
  ) strict;
  create table if not exists events (
    position integer primary key,
    stream integer not null references streams (key),
    revision integer not null,
    id text not null,
    type text not null,
    text text not null,
    stored_at text not null
  ) strict;
  create unique index if not exists events_by_stream on events (stream, revision);
  create table if not exists notes (key text primary key, text text not null) strict, without rowid;
`

type Row = [position: number, name: string, revision: number, id: string, type: string, text: string, storedAt: string]

const stored = ([position, stream, revision, id, type, text, storedAt]: Row): StoredEvent => ({
  stream,
  revision,
  id,
  type,
  text,
  index: position - 1,
  storedAt,
})

const columns = 'position, name, revision, id, type, text, stored_at'
const joined = 'events join streams on streams.key = events.stream'
const pollEvery_ms = 250

/**
 * The log in one SQLite file: WAL, `synchronous=FULL`, one writer at a time. Positions are assigned as the last one
 * plus one inside the write transaction, so they are contiguous and appear in order; the log index is position − 1.
 */
export const sqliteStore = (file: string, now: () => string, options: { readonly?: boolean } = {}): SqliteStore => {
  const db = openSqlite(file, options)
  if (!options.readonly) db.exec(schema)

  const streamKey = db.prepare<[string], number>('select key from streams where name = ?').pluck()
  const addStream = options.readonly ? undefined : db.prepare<[string]>('insert into streams (name) values (?)')
  const lastRevision = db
    .prepare<[number], number>('select revision from events where stream = ? order by revision desc limit 1')
    .pluck()
  const lastPosition = db.prepare<[], number>('select position from events order by position desc limit 1').pluck()
  const insert = options.readonly
    ? undefined
    : db.prepare(
        'insert into events (position, stream, revision, id, type, text, stored_at) values (?, ?, ?, ?, ?, ?, ?)',
      )
  const idAt = db
    .prepare<[number, number], [string, number]>('select id, position from events where stream = ? and revision = ?')
    .raw()
  const forward = db
    .prepare(`select ${columns} from ${joined} where stream = ? and revision >= ? order by revision limit ?`)
    .raw()
  const backward = db
    .prepare(`select ${columns} from ${joined} where stream = ? and revision <= ? order by revision desc limit ?`)
    .raw()
  const all = db.prepare(`select ${columns} from ${joined} where position > ? order by position limit ?`).raw()
  const dataVersion = () => db.pragma('data_version', { simple: true }) as number

  const wakers = new Set<() => void>()
  // Revisions of streams this connection wrote last; another process may write too, so a stale one is only a hint and
  // the unique index has the last word.
  const write = db.transaction((stream: string, expected: Expected, added: readonly EventToAppend[]): Appended => {
    let key = streamKey.get(stream)
    const last = key === undefined ? undefined : lastRevision.get(key)
    const current: Expected = last ?? 'NoStream'
    const first = expected === 'NoStream' ? 0 : expected + 1
    if (current !== expected) {
      let index = -1
      const repeat =
        key !== undefined &&
        added.every((event, place) => {
          const held = idAt.get(key as number, first + place)
          index = (held?.[1] ?? 0) - 1
          return held?.[0] === event.id
        })
      if (repeat) return { revision: first + added.length - 1, index, repeated: true }
      throw new WrongExpectedRevision(stream, expected, current)
    }
    key ??= Number(addStream?.run(stream).lastInsertRowid)
    let position = lastPosition.get() ?? 0
    let revision = first
    const storedAt = now()
    for (const { id, type, text } of added) {
      position += 1
      insert?.run(position, key, revision, id, type, text, storedAt)
      revision += 1
    }
    return { revision: revision - 1, index: position - 1, repeated: false }
  })

  async function* streamPages(stream: string, { from, direction, pageSize = 1000 }: ReadStream) {
    const key = streamKey.get(stream)
    if (key === undefined) return
    let next = from === 'end' ? (lastRevision.get(key) ?? -1) : from
    const statement = direction === 'forward' ? forward : backward
    for (;;) {
      const page = (statement.all(key, next, pageSize) as Row[]).map(stored)
      if (page.length > 0) yield page
      if (page.length < pageSize) return
      next = (page.at(-1) as StoredEvent).revision + (direction === 'forward' ? 1 : -1)
    }
  }

  async function* allPages({ from, pageSize = 1000 }: ReadAll) {
    let next = from
    for (;;) {
      const page = (all.all(next, pageSize) as Row[]).map(stored)
      if (page.length > 0) yield page
      if (page.length < pageSize) return
      next = (page.at(-1) as StoredEvent).index + 1
    }
  }

  async function* follow({ from, pageSize = 1000, signal }: ReadAll & { readonly signal: AbortSignal }) {
    let next = from
    while (!signal.aborted) {
      for await (const page of allPages({ from: next, pageSize })) {
        if (signal.aborted) return
        yield page
        next = (page.at(-1) as StoredEvent).index + 1
      }
      if (signal.aborted) return
      const seen = dataVersion()
      yield []
      await new Promise<void>(resolve => {
        const done = () => {
          clearInterval(timer)
          wakers.delete(done)
          signal.removeEventListener('abort', done)
          resolve()
        }
        // Another process may append to the same file: its commits change data_version, ours wake directly.
        const timer = setInterval(() => dataVersion() !== seen && done(), pollEvery_ms)
        wakers.add(done)
        signal.addEventListener('abort', done)
        if (signal.aborted || (lastPosition.get() ?? 0) > next) done()
      })
    }
  }

  return {
    append: async (stream, expected, added) => {
      checkAppend(stream, added)
      try {
        const appended = write.immediate(stream, expected, added)
        for (const wake of [...wakers]) wake()
        return appended
      } catch (cause) {
        if (cause instanceof WrongExpectedRevision) throw cause
        throw new StoreFailed(`Append to ${stream} in ${file} failed: ${(cause as Error).message}.`, { cause })
      }
    },
    read: streamPages,
    readAll: allPages,
    follow,
    synchronous: () => db.pragma('synchronous', { simple: true }) as number,
    note: key => db.prepare<[string], string>('select text from notes where key = ?').pluck().get(key),
    setNote: (key, text) => {
      db.prepare(
        'insert into notes (key, text) values (?, ?) on conflict (key) do update set text = excluded.text',
      ).run(key, text)
    },
    size: () =>
      (db.pragma('page_count', { simple: true }) as number) * (db.pragma('page_size', { simple: true }) as number),
    close: () => {
      db.close()
    },
  }
}

import { closeSync, openSync, readSync, statSync } from 'node:fs'
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
import { nextGroup } from '../group.ts'

export type SqliteStore = EventStore & {
  /** What `PRAGMA synchronous` reads back on the appending connection: 2 is FULL. */
  synchronous(): number
  /** A row beside the log, durable when the call returns: what may be forgotten and found again. */
  note(key: string): string | undefined
  setNote(key: string, text: string): void
  /** Events that say this of themselves, the oldest first; by the index that was asked for when the file was opened. */
  find(name: string, value: string): StoredEvent[]
  /** Octets of the log's file. */
  size(): number
  close(): void
}

/** What SQLite's codes mean for the one who has to mend it. */
const told: Readonly<Record<string, string>> = {
  SQLITE_FULL: 'the disk is full',
  SQLITE_READONLY: 'the file may only be read',
  SQLITE_CANTOPEN: 'the file cannot be opened or made',
  SQLITE_BUSY: 'another process kept the file locked for 10 s',
  SQLITE_IOERR: 'the disk failed',
  SQLITE_CORRUPT: 'the file is damaged',
  SQLITE_NOTADB: 'the file is no SQLite database',
  SQLITE_ERROR: 'the file holds no log',
}

const failed = (what: string, cause: unknown): StoreFailed => {
  const { code = '', message } = cause as Error & { code?: string }
  const known = Object.keys(told).find(each => code.startsWith(each))
  return new StoreFailed(`${what}: ${known === undefined ? '' : `${told[known]}: `}${message}.`, { cause })
}

/**
 * What lies beyond the end of a file SQLite reads as zeros, and a file of one octet it takes for a new one. Where a WAL
 * stands beside the file, a checkpoint may have been ended within a page, and the WAL holds that page whole.
 */
const assertWhole = (file: string): void => {
  const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0
  const size = sizeOf(file)
  if (size === 0 || sizeOf(`${file}-wal`) > 0) return
  const header = Buffer.alloc(100)
  const opened = openSync(file, 'r')
  readSync(opened, header, 0, header.length, 0)
  closeSync(opened)
  // https://sqlite.org/fileformat2.html, 1.3: at 16 the size of a page, of which 1 says 65536.
  const stated = header.readUInt16BE(16)
  const page = stated === 1 ? 65_536 : stated
  const isDatabase = header.toString('latin1', 0, 16) === 'SQLite format 3\0'
  if (size < header.length || (isDatabase && page > 0 && size % page !== 0))
    throw new StoreFailed(`${file} was not opened: the file is damaged: its end is missing, after ${size} octets.`)
}

/** The one place that opens SQLite files: the log and the rows both come through here. */
export const openSqlite = (file: string, options: { readonly?: boolean } = {}): Database.Database => {
  try {
    assertWhole(file)
    const db = new Database(file, { readonly: options.readonly ?? false, timeout: 10_000 })
    if (!options.readonly) db.pragma('journal_mode = WAL')
    // In WAL mode NORMAL may lose the last commits with the power; what was shown as approved must be on disk.
    db.pragma('synchronous = FULL')
    return db
  } catch (cause) {
    throw cause instanceof StoreFailed ? cause : failed(`${file} was not opened`, cause)
  }
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

type Asked = {
  readonly stream: string
  readonly expected: Expected
  readonly events: readonly EventToAppend[]
  readonly settle: (outcome: Appended | Error) => void
}

/** Events of these types are found again by a string in them, whatever the log's length. */
export type Findable = {
  /** Letters only: it becomes part of an index's name. */
  readonly name: string
  /** Where the string stands in an event, such as `$.data.transaction`. */
  readonly path: string
  readonly types: readonly string[]
}

export type SqliteOptions = {
  readonly readonly?: boolean
  readonly findable?: readonly Findable[]
  /** The file takes no more pages (of 4 KiB) than these; beyond them an append fails as on a full disk. */
  readonly pagesMax?: number
}

/** An index over an expression: SQLite keeps it in the append's own transaction, so that it is never behind the log. */
const findableBy = (db: Database.Database, { name, path, types }: Findable) => {
  const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
  const told = `json_extract(text, ${quoted(path)})`
  const some = `type in (${types.map(quoted).join(', ')})`
  db.exec(`create index if not exists events_by_${name} on events (${told}) where ${some}`)
  return db.prepare(`select ${columns} from ${joined} where ${told} = ? and ${some} order by position`).raw()
}

const statementsOf = (db: Database.Database, findable: readonly Findable[]) => ({
  findBy: new Map(findable.map(each => [each.name, findableBy(db, each)])),
  streamKey: db.prepare<[string], number>('select key from streams where name = ?').pluck(),
  addStream: db.prepare<[string]>('insert into streams (name) values (?)'),
  lastRevision: db
    .prepare<[number], number>('select revision from events where stream = ? order by revision desc limit 1')
    .pluck(),
  lastPosition: db.prepare<[], number>('select position from events order by position desc limit 1').pluck(),
  insert: db.prepare(
    'insert into events (position, stream, revision, id, type, text, stored_at) values (?, ?, ?, ?, ?, ?, ?)',
  ),
  idAt: db
    .prepare<[number, number], [string, number]>('select id, position from events where stream = ? and revision = ?')
    .raw(),
  forward: db
    .prepare(`select ${columns} from ${joined} where stream = ? and revision >= ? order by revision limit ?`)
    .raw(),
  backward: db
    .prepare(`select ${columns} from ${joined} where stream = ? and revision <= ? order by revision desc limit ?`)
    .raw(),
  all: db.prepare(`select ${columns} from ${joined} where position > ? order by position limit ?`).raw(),
})

const openLog = (file: string, options: SqliteOptions) => {
  const db = openSqlite(file, options)
  try {
    if (options.pagesMax !== undefined) db.pragma(`max_page_count = ${options.pagesMax}`)
    if (!options.readonly) db.exec(schema)
    // Who only reads meets a damaged file here, and a database of something else.
    return { db, ...statementsOf(db, options.findable ?? []) }
  } catch (cause) {
    db.close()
    throw failed(`${file} was not opened`, cause)
  }
}

/**
 * The log in one SQLite file: WAL, `synchronous=FULL`, one writer at a time. Positions are assigned as the last one
 * plus one inside the write transaction, so they are contiguous and appear in order; the log index is position − 1.
 *
 * Appends that come while others are on their way to the disk share a transaction and its sync; each has its own
 * outcome. One that comes alone is committed at once.
 */
export const sqliteStore = (file: string, now: () => string, options: SqliteOptions = {}): SqliteStore => {
  const opened = openLog(file, options)
  const { db, streamKey, addStream, lastRevision, lastPosition, insert, idAt, forward, backward, all, findBy } = opened

  const wakers = new Set<() => void>()

  /** Within a transaction: writes nothing where the stream is not as expected, and says so by value. */
  const write = ({ stream, expected, events }: Asked, storedAt: string): Appended | WrongExpectedRevision => {
    let key = streamKey.get(stream)
    const current: Expected = (key === undefined ? undefined : lastRevision.get(key)) ?? 'NoStream'
    let revision = expected === 'NoStream' ? 0 : expected + 1
    if (current !== expected) {
      let index = -1
      for (const { id } of events) {
        const held = key === undefined ? undefined : idAt.get(key, revision)
        if (held?.[0] !== id) return new WrongExpectedRevision(stream, expected, current)
        index = held[1] - 1
        revision += 1
      }
      return { revision: revision - 1, index, repeated: true }
    }
    key ??= Number(addStream.run(stream).lastInsertRowid)
    let position = lastPosition.get() ?? 0
    for (const { id, type, text } of events) {
      position += 1
      insert.run(position, key, revision, id, type, text, storedAt)
      revision += 1
    }
    return { revision: revision - 1, index: position - 1, repeated: false }
  }
  const commit = db.transaction((group: readonly Asked[]) => {
    const storedAt = now()
    return group.map(asked => write(asked, storedAt))
  }).immediate

  const commitAll = (group: readonly Asked[]): void => {
    try {
      const outcomes = commit(group)
      for (const [place, { settle }] of group.entries()) settle(outcomes[place] as Appended | WrongExpectedRevision)
      for (const wake of [...wakers]) wake()
    } catch (cause) {
      // What is too much for the disk together may have room alone.
      if (group.length > 1 && (cause as { code?: string }).code === 'SQLITE_FULL')
        for (const asked of group) commitAll([asked])
      else for (const { stream, settle } of group) settle(failed(`Append to ${stream} in ${file} failed`, cause))
    }
  }

  const waiting: Asked[] = []
  /** Whether a group was committed in this turn of the loop: then others are likely to be on their way. */
  let isBusy = false
  const flush = (): void => {
    if (waiting.length === 0) return
    commitAll(nextGroup(waiting))
    isBusy = true
    setImmediate(() => {
      isBusy = false
    })
    if (waiting.length > 0) setImmediate(flush)
  }

  const page = (statement: typeof all, ...values: readonly (string | number)[]): StoredEvent[] => {
    try {
      return (statement.all(...values) as Row[]).map(stored)
    } catch (cause) {
      throw failed(`Reading ${file} failed`, cause)
    }
  }

  async function* streamPages(stream: string, { from, direction, pageSize = 1000 }: ReadStream) {
    const key = streamKey.get(stream)
    if (key === undefined) return
    let next = from === 'end' ? (lastRevision.get(key) ?? -1) : from
    const [statement, step] = direction === 'forward' ? [forward, 1] : [backward, -1]
    for (;;) {
      const events = page(statement, key, next, pageSize)
      const last = events.at(-1)
      if (last) yield events
      if (!last || events.length < pageSize) return
      next = last.revision + step
    }
  }

  async function* allPages({ from, pageSize = 1000 }: ReadAll) {
    for (let next = from; ; ) {
      const events = page(all, next, pageSize)
      const last = events.at(-1)
      if (last) yield events
      if (!last || events.length < pageSize) return
      next = last.index + 1
    }
  }

  /** Until an event at this log index or after it is there, or the signal. */
  const comes = (next: number, signal: AbortSignal): Promise<void> =>
    new Promise(resolve => {
      const look = () => {
        if (!signal.aborted && (lastPosition.get() ?? 0) <= next) return
        clearInterval(timer)
        wakers.delete(look)
        signal.removeEventListener('abort', look)
        resolve()
      }
      // Another process may append to the same file, and SQLite tells nobody; our own appends wake at once.
      const timer = setInterval(look, pollEvery_ms)
      wakers.add(look)
      signal.addEventListener('abort', look)
      look()
    })

  async function* follow({ from, pageSize, signal }: ReadAll & { readonly signal: AbortSignal }) {
    let next = from
    while (!signal.aborted) {
      for await (const events of allPages({ from: next, ...(pageSize === undefined ? {} : { pageSize }) })) {
        if (signal.aborted) return
        next = (events.at(-1) as StoredEvent).index + 1
        yield events
      }
      if (signal.aborted) return
      yield []
      await comes(next, signal)
    }
  }

  return {
    append: async (stream, expected, events) => {
      checkAppend(stream, events)
      return new Promise((resolve, reject) => {
        const settle = (outcome: Appended | Error) => {
          if (outcome instanceof Error) reject(outcome)
          else resolve(outcome)
        }
        if (waiting.push({ stream, expected, events, settle }) > 1) return
        if (isBusy) setImmediate(flush)
        else queueMicrotask(flush)
      })
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
    find: (name, value) => {
      const statement = findBy.get(name)
      if (!statement) throw new Error(`${file} was not opened to find events by ${name}`)
      return page(statement, value)
    },
    size: () =>
      (db.pragma('page_count', { simple: true }) as number) * (db.pragma('page_size', { simple: true }) as number),
    close: () => {
      while (waiting.length > 0) flush()
      db.close()
    },
  }
}

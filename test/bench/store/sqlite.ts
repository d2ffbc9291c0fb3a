import type { Event } from '#canonical/event'
import type { EventToAppend } from '#eventstore'
import { openSqlite, sqliteStore } from '#eventstore/sqlite'
import { type Contestant, eventOf, type Opens, streamName } from './contestant.ts'

const now = () => new Date().toISOString()
type Open = ReturnType<typeof openSqlite>

const syncOf = (db: Open): string =>
  `${String(db.pragma('journal_mode', { simple: true }))}, synchronous ${String(db.pragma('synchronous', { simple: true }))} (2 is FULL)`

const countOf = (file: string): number => {
  const db = openSqlite(file, { readonly: true })
  const count = db.prepare<[], number>('select count(*) from events').pluck().get() ?? 0
  db.close()
  return count
}

const ours = (file: string): Contestant => {
  const store = sqliteStore(file, now)
  return {
    append: (stream, held, events) => store.append(stream, held === 0 ? 'NoStream' : held - 1, events),
    readAll: async page => {
      for await (const events of store.readAll({ from: 0 })) {
        for (const { text } of events) if ((JSON.parse(text) as Event).revision < 0) throw new Error('no event')
        page(events.length)
      }
    },
    count: async () => countOf(file),
    durable: async () => `synchronous ${store.synchronous()} (2 is FULL)`,
    close: () => store.close(),
  }
}

/** The same tables and pragmas with nothing between them and better-sqlite3: no revision is checked, none is asked. */
const bare = (file: string): Contestant => {
  sqliteStore(file, now).close()
  const db = openSqlite(file)
  const insert = db.prepare(
    'insert into events (position, stream, revision, id, type, text, stored_at) values (?, ?, ?, ?, ?, ?, ?)',
  )
  const addStream = db.prepare('insert into streams (name) values (?)')
  const keyOf = db.prepare<[string], number>('select key from streams where name = ?').pluck()
  const keys = new Map<string, number>()
  let position = db.prepare<[], number>('select max(position) from events').pluck().get() ?? 0
  const write = db.transaction((stream: string, held: number, events: readonly EventToAppend[]) => {
    const storedAt = now()
    let key = keys.get(stream) ?? keyOf.get(stream)
    key ??= Number(addStream.run(stream).lastInsertRowid)
    keys.set(stream, key)
    for (const [place, { id, type, text }] of events.entries()) {
      position += 1
      insert.run(position, key, held + place, id, type, text, storedAt)
    }
  }).immediate
  const pageOf = db
    .prepare<[number, number], string>('select text from events where position > ? order by position limit ?')
    .pluck()
  return {
    append: write,
    readAll: async page => {
      for (let seen = 0; ; ) {
        const texts = pageOf.all(seen, 1000)
        for (const text of texts) if ((JSON.parse(text) as Event).revision < 0) throw new Error('no event')
        seen += texts.length
        page(texts.length)
        if (texts.length < 1000) return
      }
    },
    count: async () => countOf(file),
    durable: async () => syncOf(db),
    close: () => {
      db.close()
    },
  }
}

export const contestants: Record<string, Opens> = { ours, bare }

/** A log of streams of ten events each, whose events lie far apart; written at once and past the store. */
export const writeLog = (file: string, events: number): void => {
  sqliteStore(file, now).close()
  const db = openSqlite(file)
  const addStream = db.prepare('insert into streams (key, name) values (?, ?)')
  const insert = db.prepare(
    'insert into events (position, stream, revision, id, type, text, stored_at) values (?, ?, ?, ?, ?, ?, ?)',
  )
  const streams = events / eachOfLog
  db.transaction(() => {
    for (let stream = 0; stream < streams; stream++) addStream.run(stream + 1, streamName(stream))
    for (let number = 0; number < events; number++) {
      const { id, type, text } = eventOf(number)
      insert.run(number + 1, (number % streams) + 1, Math.floor(number / streams), id, type, text, now())
    }
  })()
  db.pragma('wal_checkpoint(truncate)')
  db.close()
}

export const eachOfLog = 10

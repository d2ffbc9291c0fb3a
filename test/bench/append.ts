import { join } from 'node:path'
import type { EventToAppend, Expected } from '#eventstore'
import { openSqlite, sqliteStore } from '#eventstore/sqlite'
import { now, type Row, rate, ratio, spread } from './measure.ts'
import type { Shop } from './shop.ts'

const rounds = 7

/** The same tables and pragmas with nothing between them and better-sqlite3: no revision is checked, none is asked. */
const rawLog = (file: string) => {
  sqliteStore(file, () => '').close()
  const db = openSqlite(file)
  db.prepare('insert into streams (key, name) values (1, ?)').run('terminal-T-1')
  const insert = db.prepare(
    'insert into events (position, stream, revision, id, type, text, stored_at) values (?, 1, ?, ?, ?, ?, ?)',
  )
  let held = 0
  const write = db.transaction((events: readonly EventToAppend[]) => {
    const storedAt = new Date().toISOString()
    for (const { id, type, text } of events) {
      insert.run(held + 1, held, id, type, text, storedAt)
      held += 1
    }
  })
  return {
    append: (events: readonly EventToAppend[]): void => write.immediate(events),
    synchronous: (): number => db.pragma('synchronous', { simple: true }) as number,
    count: (): number => db.prepare<[], number>('select count(*) from events').pluck().get() ?? 0,
    close: (): void => {
      db.close()
    },
  }
}

/** Commit by commit in turn, so that both meet the same disk. */
export const append = async (shop: Shop, folder: string): Promise<Row> => {
  const events = shop.appends.flat()
  const cut = (size: number): readonly EventToAppend[][] =>
    Array.from({ length: Math.floor(events.length / size) }, (_, place) =>
      events.slice(place * size, (place + 1) * size),
    )
  const kinds = [
    { name: "a tap's two appends, 3 and 2 events", commits: shop.appends, each: 200, target: 0.8 },
    { name: '1 event a commit', commits: cut(1), each: 150, target: 0.8 },
    { name: '3 events a commit', commits: cut(3), each: 100, target: 0.8 },
    { name: '100 events a commit', commits: cut(100), each: 12, target: 0.8 },
  ]
  const figures: Row['figures'][number][] = []
  let synchronous = ''
  for (const [place, { name, commits, each, target }] of kinds.entries()) {
    const store = sqliteStore(join(folder, `store-${place}.sqlite`), () => new Date().toISOString())
    const raw = rawLog(join(folder, `raw-${place}.sqlite`))
    let revision: Expected = 'NoStream'
    let next = 0
    const rates: { store: number[]; raw: number[] } = { store: [], raw: [] }
    // The first round warms up and is not counted.
    for (let round = -1; round < rounds; round++) {
      const taken = { store: 0, raw: 0 }
      let count = 0
      for (let commit = 0; commit < each; commit++) {
        const added = commits[next++ % commits.length] as readonly EventToAppend[]
        count += added.length
        const byStore = async () => {
          const began = now()
          const appended = await store.append('terminal-T-1', revision, added)
          taken.store += now() - began
          revision = appended.revision
        }
        const byRaw = () => {
          const began = now()
          raw.append(added)
          taken.raw += now() - began
        }
        if (commit % 2 === 0) {
          await byStore()
          byRaw()
        } else {
          byRaw()
          await byStore()
        }
      }
      if (round < 0) continue
      rates.store.push(rate(count, taken.store))
      rates.raw.push(rate(count, taken.raw))
    }
    if ((revision as Expected) !== raw.count() - 1)
      throw new Error(`The store holds up to revision ${revision}, the raw log ${raw.count()} events`)
    synchronous = `synchronous reads ${store.synchronous()} through the store, ${raw.synchronous()} raw`
    figures.push(
      { what: `${name}, store`, unit: 'events/s', value: spread(rates.store) },
      { what: `${name}, raw`, unit: 'events/s', value: spread(rates.raw) },
      {
        what: `${name}, store of raw`,
        unit: 'times',
        value: ratio(rates.store, rates.raw),
        target: { atLeast: target },
      },
    )
    store.close()
    raw.close()
  }
  const octets = events.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
  return {
    name: 'append',
    what: `durable append of taps against raw better-sqlite3, commit by commit in turn, ${rounds} rounds`,
    durable: `every commit: WAL, ${synchronous} (2 is FULL: one fsync a commit)`,
    checked: 'the store checks the expected revision and the limits of the port; both hold the same count of events',
    data: `events of ${shop.appends.length / 2} taps as the terminal wrote them, ${Math.round((octets / shop.appends.length) * 2)} octets a tap`,
    figures,
  }
}

import { randomUUID } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type EventStore, type EventToAppend, type Expected, type StoredEvent, StoreFailed } from '#eventstore'
import { openSqlite, type SqliteOptions, type SqliteStore, sqliteStore } from '#eventstore/sqlite'

let folder: string
let stores: SqliteStore[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tallystick-sqlite-'))
  stores = []
})
afterEach(() => {
  for (const store of stores) store.close()
  rmSync(folder, { recursive: true })
})

const iso = () => new Date().toISOString()
const open = (name = 'log.sqlite', now: () => string = iso, options: SqliteOptions = {}) => {
  const store = sqliteStore(join(folder, name), now, options)
  stores.push(store)
  return store
}
const some = (count: number, octets = 20): EventToAppend[] =>
  Array.from({ length: count }, () => ({ id: randomUUID(), type: 'Noted', text: JSON.stringify('x'.repeat(octets)) }))
const readAll = async (store: EventStore): Promise<StoredEvent[]> => {
  const all: StoredEvent[] = []
  for await (const page of store.readAll({ from: 0 })) all.push(...page)
  return all
}
const ids = (events: readonly EventToAppend[]) => events.map(({ id }) => id)
const failure = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => expect.fail('it was taken'),
    (error: unknown) => error,
  )

describe('group commit', () => {
  /** The clock is asked once a transaction. */
  const counted = () => {
    let groups = 0
    const store = open('log.sqlite', () => {
      groups += 1
      return iso()
    })
    return { store, groups: () => groups }
  }

  it('appends of one moment share one transaction', async () => {
    const { store, groups } = counted()
    await Promise.all(Array.from({ length: 16 }, (_, place) => store.append(`s-${place}`, 'NoStream', some(2))))
    expect(groups()).toBe(1)
    expect(await readAll(store)).toHaveLength(32)
  })

  it('appenders who go on as soon as they are answered stay together', async () => {
    const { store, groups } = counted()
    await Promise.all(
      Array.from({ length: 16 }, async (_, place) => {
        for (let revision = 0; revision < 10; revision++)
          await store.append(`s-${place}`, revision === 0 ? 'NoStream' : revision - 1, some(1))
      }),
    )
    expect(groups()).toBe(10)
  })

  it('one alone is committed at once: before a timer of no time, and before the loop turns', async () => {
    const { store, groups } = counted()
    const order: string[] = []
    setImmediate(() => order.push('loop'))
    await store.append('s', 'NoStream', some(1))
    order.push('appended')
    expect(order).toEqual(['appended'])
    expect(groups()).toBe(1)
  })

  it('each has its own outcome, and what one of a group wrote the next one sees', async () => {
    const { store, groups } = counted()
    const first = some(2)
    const answers = await Promise.allSettled([
      store.append('s', 'NoStream', first),
      store.append('s', 'NoStream', some(1)),
      store.append('s', 'NoStream', first),
      store.append('s', 1, some(1)),
    ])
    expect(groups()).toBe(1)
    expect(answers).toMatchObject([
      { status: 'fulfilled', value: { revision: 1, index: 1, repeated: false } },
      { status: 'rejected', reason: { code: 'WrongExpectedRevision', actual: 1 } },
      { status: 'fulfilled', value: { revision: 1, index: 1, repeated: true } },
      { status: 'fulfilled', value: { revision: 2, index: 2, repeated: false } },
    ])
  })

  it('very many are cut into groups, in their order', async () => {
    const { store, groups } = counted()
    const events = some(1200)
    await Promise.all(events.map((each, place) => store.append('s', place === 0 ? 'NoStream' : place - 1, [each])))
    expect(groups()).toBe(3)
    expect(ids(await readAll(store))).toEqual(ids(events))
  })

  it('what waits when the store is closed is committed first', async () => {
    const { store } = counted()
    const events = some(1)
    const appending = store.append('s', 'NoStream', events)
    store.close()
    stores.length = 0
    expect(await appending).toMatchObject({ revision: 0 })
    expect(ids(await readAll(open()))).toEqual(ids(events))
  })

  it('an append after the close says so', async () => {
    const { store } = counted()
    store.close()
    expect(await failure(store.append('s', 'NoStream', some(1)))).toMatchObject({ code: 'StoreFailed' })
  })
})

describe('a disk that fails', () => {
  it('full: says so, keeps what was acknowledged, and takes what still has room', async () => {
    const store = open('log.sqlite', iso, { pagesMax: 40 })
    const acknowledged: string[] = []
    let revision: Expected = 'NoStream'
    let error: unknown
    while (error === undefined)
      try {
        const events = some(2, 4000)
        revision = (await store.append('s', revision, events)).revision
        acknowledged.push(...ids(events))
      } catch (caught) {
        error = caught
      }
    expect(error).toBeInstanceOf(StoreFailed)
    expect(error).toMatchObject({ message: expect.stringMatching(/^Append to s in .*: the disk is full: /) })
    expect(acknowledged.length).toBeGreaterThan(10)
    expect(ids(await readAll(store))).toEqual(acknowledged)

    const [small, large] = [some(1, 1), some(3, 40_000)]
    const answers = await Promise.allSettled([
      store.append('large', 'NoStream', large),
      store.append('s', revision, small),
    ])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    store.close()
    expect(ids(await readAll(open()))).toEqual([...acknowledged, ...ids(small)])
  })

  it('with room again: the same append is taken', async () => {
    const store = open('log.sqlite', iso, { pagesMax: 20 })
    const events = some(5, 40_000)
    await failure(store.append('s', 'NoStream', events))
    store.close()
    expect(await open().append('s', 'NoStream', events)).toEqual({ revision: 4, index: 4, repeated: false })
  })

  it('a store that may only be read says so', async () => {
    await open().append('s', 'NoStream', some(1))
    const reader = open('log.sqlite', iso, { readonly: true })
    expect(await failure(reader.append('s', 0, some(1)))).toMatchObject({
      code: 'StoreFailed',
      message: expect.stringContaining('may only be read'),
    })
    expect(await readAll(reader)).toHaveLength(1)
  })

  it('a folder that is not there, and a file that is no log, are named when it is opened', () => {
    expect(() => open('nowhere/log.sqlite')).toThrowError(expect.objectContaining({ code: 'StoreFailed' }))
    writeFileSync(join(folder, 'letter.sqlite'), 'Dear Sir or Madam, '.repeat(100))
    expect(() => open('letter.sqlite')).toThrowError(
      expect.objectContaining({ code: 'StoreFailed', message: expect.stringContaining('no SQLite database') }),
    )
  })

  it('a damaged page is told to whoever reads it', async () => {
    const store = open()
    await store.append('s', 'NoStream', some(200, 1000))
    store.close()
    stores.length = 0
    const file = join(folder, 'log.sqlite')
    const octets = readFileSync(file)
    octets.fill(0xee, 4096 * 6, octets.length)
    writeFileSync(file, octets)
    expect(await failure(readAll(open()))).toMatchObject({
      code: 'StoreFailed',
      message: expect.stringMatching(/^Reading .*: the file is damaged: /),
    })
  })
})

// What the power leaves of the last writes: the log as it was after some whole append, and after no earlier one than the
// last whose octets were all there. (That the disk keeps what it said it has synced is the disk's promise.)
describe('a power cut', () => {
  const written = async () => {
    const store = open()
    const appends: { ids: string[]; octets: number }[] = []
    const wal = join(folder, 'log.sqlite-wal')
    let revision: Expected = 'NoStream'
    for (let turn = 0; turn < 40; turn++) {
      const events = some(1 + (turn % 5), 50 + 613 * (turn % 7))
      revision = (await store.append(`s`, revision, events)).revision
      appends.push({ ids: ids(events), octets: statSync(wal).size })
    }
    const cut = (name: string, change: (wal: string) => void): SqliteStore => {
      const file = `${name}.sqlite`
      copyFileSync(join(folder, 'log.sqlite'), join(folder, file))
      copyFileSync(wal, join(folder, `${file}-wal`))
      change(join(folder, `${file}-wal`))
      return open(file)
    }
    return { appends, cut }
  }
  /** Whole appends, in their order, and all whose octets were on the disk. */
  const expectPrefix = async (store: SqliteStore, appends: { ids: string[]; octets: number }[], whole: number) => {
    const held = ids(await readAll(store))
    const sure = appends.filter(({ octets }) => octets <= whole).flatMap(({ ids }) => ids)
    const prefixes = appends.map((_, place) => appends.slice(0, place).flatMap(({ ids }) => ids).length)
    expect(held).toEqual(appends.flatMap(({ ids }) => ids).slice(0, held.length))
    expect([...prefixes, appends.flatMap(({ ids }) => ids).length]).toContain(held.length)
    expect(held.length).toBeGreaterThanOrEqual(sure.length)
    return held.length
  }

  it('cuts the log’s last octets anywhere: whole appends are left, all that were on the disk, and it goes on', async () => {
    const { appends, cut } = await written()
    const size = (appends.at(-1) as { octets: number }).octets
    let name = 0
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: size }), async octets => {
        const store = cut(`cut-${name++}`, wal => truncateSync(wal, octets))
        const held = await expectPrefix(store, appends, octets)
        const again = await store.append('s', held === 0 ? 'NoStream' : held - 1, some(1))
        expect(again).toEqual({ revision: held, index: held, repeated: false })
        store.close()
      }),
      { numRuns: 60 },
    )
    stores.length = 1
  })

  it('leaves rubbish in the last pages: it is known for rubbish', async () => {
    const { appends, cut } = await written()
    const size = (appends.at(-1) as { octets: number }).octets
    let name = 0
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 32, max: size - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (octet, change) => {
          const store = cut(`rubbish-${name++}`, wal => {
            const octets = readFileSync(wal)
            octets[octet] = (octets[octet] as number) ^ change
            writeFileSync(wal, octets)
          })
          await expectPrefix(store, appends, octet)
          store.close()
        },
      ),
      { numRuns: 60 },
    )
    stores.length = 1
  })
})

// Beside its WAL, the file itself: what a cut leaves of it, and what a checkpoint that the power ended leaves.
describe('a file of which the end is lost', () => {
  const written = async () => {
    const store = open()
    const events = some(300, 400)
    for (const [place, event] of events.entries())
      await store.append(`s-${place % 7}`, place < 7 ? 'NoStream' : Math.floor(place / 7) - 1, [event])
    return { store, file: join(folder, 'log.sqlite'), events }
  }
  /** What could be read of it before it said that it is damaged, or when it did not open. */
  const readable = async (file: string): Promise<{ readonly read: StoredEvent[]; readonly error: unknown }> => {
    const read: StoredEvent[] = []
    let store: SqliteStore | undefined
    try {
      store = sqliteStore(file, iso, { readonly: true })
      for await (const page of store.readAll({ from: 0, pageSize: 10 })) read.push(...page)
      return { read, error: undefined }
    } catch (error) {
      return { read, error }
    } finally {
      store?.close()
    }
  }

  it('cut anywhere, it is refused by name, for reading and for writing, and nothing else is ever read from it', async () => {
    const { store, file } = await written()
    store.close()
    stores.length = 0
    const octets = readFileSync(file)
    const pages = octets.length / 4096
    const sizes = fc.oneof(
      fc.constantFrom(1, 99, 100, octets.length - 1, octets.length - 4095, octets.length - 4096),
      fc.integer({ min: octets.length - 4096, max: octets.length - 1 }),
      fc.integer({ min: 1, max: pages - 1 }).map(page => page * 4096),
      fc.integer({ min: 1, max: octets.length - 1 }),
    )
    let name = 0
    await fc.assert(
      fc.asyncProperty(sizes, async size => {
        const cut = join(folder, `short-${name++}.sqlite`)
        writeFileSync(cut, octets.subarray(0, size))
        const { read, error } = await readable(cut)
        expect(read).toEqual([])
        expect(error).toMatchObject({ code: 'StoreFailed', message: expect.stringContaining(cut) })
        expect(() => sqliteStore(cut, iso)).toThrowError(expect.objectContaining({ code: 'StoreFailed' }))
      }),
      { numRuns: 80 },
    )
  })

  it('with its WAL whole, it is whole, wherever a checkpoint was ended by the power', async () => {
    const { file, events } = await written()
    const [before, wal] = [readFileSync(file), readFileSync(`${file}-wal`)]
    const db = openSqlite(file)
    db.pragma('wal_checkpoint(truncate)')
    db.close()
    const after = readFileSync(file)
    expect(after.length).toBeGreaterThan(before.length)
    let name = 0
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: after.length }), async written => {
        const torn = join(folder, `torn-${name++}.sqlite`)
        writeFileSync(torn, Buffer.concat([after.subarray(0, written), before.subarray(written)]))
        writeFileSync(`${torn}-wal`, wal)
        const again = sqliteStore(torn, iso)
        expect(ids(await readAll(again))).toEqual(ids(events))
        again.close()
      }),
      { numRuns: 40 },
    )
  })
})

it('every commit is synced: FULL, in WAL mode', () => {
  const store = open()
  expect(store.synchronous()).toBe(2)
  const db = openSqlite(join(folder, 'log.sqlite'), { readonly: true })
  expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
  db.close()
})

describe('events that are found again by what they say', () => {
  const findable = [{ name: 'sale', path: '$.data.sale', types: ['Sold', 'Returned'] }]
  const said = (type: string, sale: string): EventToAppend => ({
    id: randomUUID(),
    type,
    text: JSON.stringify({ data: { sale }, type }),
  })

  it('are those of the types asked for, in their order, also those that were there before the index', async () => {
    const before = open()
    await before.append('till', 'NoStream', [said('Sold', 'a'), said('Sold', "b' or 1"), said('Noted', 'a')])
    before.close()
    stores = []
    const store = open('log.sqlite', iso, { findable })
    await store.append('till', 2, [said('Returned', 'a'), said('Sold', 'c')])
    expect(store.find('sale', 'a').map(({ type, revision }) => [type, revision])).toEqual([
      ['Sold', 0],
      ['Returned', 3],
    ])
    expect(store.find('sale', "b' or 1").map(({ revision }) => revision)).toEqual([1])
    expect(store.find('sale', 'nobody')).toEqual([])
    expect(() => store.find('till', 'a')).toThrow('was not opened to find events by till')
  })

  it('are found through the index, not by reading the log', () => {
    open('log.sqlite', iso, { findable })
    const db = openSqlite(join(folder, 'log.sqlite'), { readonly: true })
    const plan = db
      .prepare(
        "explain query plan select 1 from events where json_extract(text, '$.data.sale') = ? and type in ('Sold', 'Returned')",
      )
      .all('a') as { detail: string }[]
    db.close()
    expect(plan.map(({ detail }) => detail).join()).toContain('events_by_sale')
  })
})

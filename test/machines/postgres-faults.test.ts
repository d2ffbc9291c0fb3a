import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EventStore, type EventToAppend, type Expected, type StoredEvent, StoreFailed } from '#eventstore'
import { type PostgresOptions, type PostgresStore, postgresStore } from '#eventstore/postgres'
import { type Cut, type Postgres, startPostgres, wireTo } from './postgres.ts'

let server: Postgres
let schema: string
let logs = 0
let stores: PostgresStore[]
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.remove())
beforeEach(() => {
  schema = `faults_${logs++}`
  stores = []
})
afterEach(async () => {
  for (const store of stores) await store.close()
})

const open = async (options: PostgresOptions = {}, url = server.url) => {
  const store = await postgresStore(url, () => new Date().toISOString(), { schema, ...options })
  stores.push(store)
  return store
}
const some = (count: number): EventToAppend[] =>
  Array.from({ length: count }, (_, place) => ({ id: randomUUID(), type: 'Noted', text: `{"place":${place}}` }))
const ids = (events: readonly EventToAppend[]) => events.map(({ id }) => id)
const readAll = async (store: EventStore): Promise<StoredEvent[]> => {
  const all: StoredEvent[] = []
  for await (const page of store.readAll({ from: 0 })) all.push(...page)
  return all
}
const failure = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => expect.fail('it was taken'),
    (error: unknown) => error,
  )

/** Appenders who go on until they are told to stop, and what they were told. */
const appending = (to: readonly EventStore[], count: number) => {
  const acknowledged: { id: string; stream: string; revision: number; index: number }[] = []
  const stop = new AbortController()
  const done = Promise.all(
    Array.from({ length: count }, async (_, place) => {
      const stream = `till-${place}`
      const store = to[place % to.length] as EventStore
      let revision: Expected = 'NoStream'
      while (!stop.signal.aborted) {
        const events = some(1 + (place % 3))
        const appended = await store.append(stream, revision, events)
        for (const [at, { id }] of events.entries())
          acknowledged.push({
            id,
            stream,
            revision: appended.revision - events.length + 1 + at,
            index: appended.index - events.length + 1 + at,
          })
        revision = appended.revision
      }
    }),
  )
  // A test that failed before it asked how they ended has its own reason.
  done.catch(() => {})
  return {
    acknowledged,
    end: async () => {
      stop.abort()
      await done
    },
  }
}

/** A follower from the first event, which notes all that it sees. */
const following = (store: EventStore) => {
  const stop = new AbortController()
  const seen: StoredEvent[] = []
  const done = (async () => {
    for await (const page of store.follow({ from: 0, signal: stop.signal })) seen.push(...page)
  })()
  return {
    seen,
    end: async () => {
      stop.abort()
      await done
    },
  }
}

const until = async (holds: () => boolean, within_ms = 20_000): Promise<void> => {
  for (const end = Date.now() + within_ms; !holds(); await pause(10))
    if (Date.now() > end) throw new Error(`not within ${within_ms} ms`)
}

/** Nothing acknowledged is missing, nothing is doubled, and the order is whole. */
const expectWhole = (log: readonly StoredEvent[], acknowledged: ReturnType<typeof appending>['acknowledged']) => {
  expect(log.map(({ index }) => index)).toEqual(log.map((_, place) => place))
  expect(new Set(ids(log)).size).toBe(log.length)
  const next = new Map<string, number>()
  for (const { stream, revision } of log) {
    expect(revision).toBe(next.get(stream) ?? 0)
    next.set(stream, revision + 1)
  }
  expect(acknowledged.map(({ index }) => log[index])).toMatchObject(acknowledged)
}

describe('PostgreSQL dies in the middle of appends', () => {
  it.each<[string, () => Promise<void>]>([
    [
      'all of it, three times',
      async () => {
        for (let time = 0; time < 3; time++) {
          await pause(150 + time * 110)
          await server.kill()
          await server.start()
        }
      },
    ],
    [
      'one of its processes, three times, and it recovers by itself',
      async () => {
        for (let time = 0; time < 3; time++) {
          await pause(150 + time * 110)
          await server.killBackend()
          await pause(300)
        }
      },
    ],
    [
      'it is shut down in order, and started again',
      async () => {
        await pause(200)
        await server.stop()
        await server.start()
      },
    ],
  ])('%s: nothing acknowledged is missing, nothing doubled, and all go on', async (_, die) => {
    const troubles: StoreFailed[] = []
    const two = [await open({ patience_ms: 60_000 }), await open({ patience_ms: 60_000 })]
    const watcher = await open({ onTrouble: trouble => troubles.push(trouble) })
    const follower = following(watcher)
    const appenders = appending(two, 8)
    await until(() => appenders.acknowledged.length > 50)
    await die()
    const after = appenders.acknowledged.length
    await until(() => appenders.acknowledged.length > after + 50)
    await appenders.end()

    const log = await readAll(await open())
    expectWhole(log, appenders.acknowledged)
    expect(log).toHaveLength(appenders.acknowledged.length)
    await until(() => follower.seen.length === log.length)
    expect(ids(follower.seen)).toEqual(ids(log))
    await follower.end()
    for (const trouble of troubles) expect(trouble.message).toContain(`127.0.0.1:${server.port}`)
  })
})

describe('PostgreSQL is away', () => {
  afterEach(async () => {
    if (server.said().trimEnd().endsWith('database system is shut down')) await server.start()
  })

  it('an append and a read say so after their patience, and what was open is settled by a repeat', async () => {
    const store = await open({ patience_ms: 500 })
    const first = some(2)
    await store.append('till', 'NoStream', first)
    await server.stop()
    const began = Date.now()
    const next = some(2)
    const error = await failure(store.append('till', 1, next))
    expect(error).toBeInstanceOf(StoreFailed)
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /^Append to till failed: PostgreSQL at 127\.0\.0\.1:\d+\/postgres: .*ECONNREFUSED/,
      ),
    })
    expect(Date.now() - began).toBeLessThan(5000)
    expect(await failure(readAll(store))).toMatchObject({
      code: 'StoreFailed',
      message: expect.stringContaining('Reading the log failed'),
    })
    await server.start()
    expect(await store.append('till', 1, next)).toEqual({ revision: 3, index: 3, repeated: false })
    expect(ids(await readAll(store))).toEqual([...ids(first), ...ids(next)])
  })

  it('a store cannot be opened, and says where and why, but no password', async () => {
    await server.stop()
    const error = await failure(open({ patience_ms: 100 }))
    expect(error).toMatchObject({
      code: 'StoreFailed',
      message: expect.stringMatching(/^The log was not opened: PostgreSQL at .*ECONNREFUSED/),
    })
    expect((error as Error).message).not.toContain('tap@')
    await server.start()
    await expect(open()).resolves.toBeDefined()
  })

  it('a follower waits for it, tells it once, and goes on where it was', async () => {
    const troubles: StoreFailed[] = []
    const store = await open({ pollEvery_ms: 50, onTrouble: trouble => troubles.push(trouble) })
    const follower = following(store)
    await store.append('till', 'NoStream', some(3))
    await until(() => follower.seen.length === 3)
    await server.stop()
    await pause(600)
    expect(troubles).toHaveLength(1)
    await server.start()
    await store.append('till', 2, some(3))
    await until(() => follower.seen.length === 6)
    expect(follower.seen.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5])
    await follower.end()
  })

  it('what still waits when the store is closed is told', async () => {
    const store = await open()
    await server.stop()
    const answers = Promise.allSettled([store.append('a', 'NoStream', some(1)), pause(50)])
    await pause(20)
    const late = failure(store.append('b', 'NoStream', some(1)))
    await store.close()
    stores = []
    expect((await answers)[0]).toMatchObject({ status: 'rejected', reason: { code: 'StoreFailed' } })
    expect(await late).toMatchObject({ code: 'StoreFailed', message: expect.stringContaining('closed') })
    expect(await failure(store.append('c', 'NoStream', some(1)))).toMatchObject({ code: 'StoreFailed' })
  })
})

describe('the wire is cut', () => {
  let wire: Awaited<ReturnType<typeof wireTo>>
  beforeEach(async () => {
    wire = await wireTo(server.port)
  })
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close()
    await wire.close()
  })

  it.each<[Cut, boolean]>([
    ['before the server has it', false],
    ['before its answer', true],
    ['never answered', true],
  ])('%s: the append is asked again, and is there once', async (cut, repeated) => {
    const store = await open({ answerWithin_ms: 300 }, wire.url)
    const [first, second, third] = [some(2), some(3), some(1)]
    await store.append('till', 'NoStream', first)
    wire.arm(cut)
    expect(await store.append('till', 1, second)).toEqual({ revision: 4, index: 4, repeated })
    expect(wire.cuts()).toBe(1)
    expect(await store.append('till', 4, third)).toEqual({ revision: 5, index: 5, repeated: false })
    expect(ids(await readAll(store))).toEqual([...ids(first), ...ids(second), ...ids(third)])
  })

  it('before its answer, where many went together: each has his own outcome again', async () => {
    const store = await open({}, wire.url)
    await store.append('till', 'NoStream', some(1))
    wire.arm('before its answer')
    const answers = await Promise.allSettled([
      ...Array.from({ length: 8 }, (_, place) => store.append(`t-${place}`, 'NoStream', some(2))),
      store.append('till', 'NoStream', some(1)),
    ])
    expect(wire.cuts()).toBe(1)
    expect(answers.map(({ status }) => status)).toEqual([...Array(8).fill('fulfilled'), 'rejected'])
    expect(answers.at(-1)).toMatchObject({ reason: { code: 'WrongExpectedRevision', actual: 0 } })
    expect((await readAll(store)).map(({ index }) => index)).toEqual([...Array(17).keys()])
  })

  it('again and again, under two stores: nothing is missing, nothing doubled', async () => {
    const appenders = appending([await open({}, wire.url), await open()], 6)
    for (let time = 0; time < 15; time++) {
      wire.arm(time % 2 === 0 ? 'before its answer' : 'before the server has it')
      await until(() => wire.cuts() === time + 1)
      await pause(20)
    }
    await appenders.end()
    const log = await readAll(await open())
    expectWhole(log, appenders.acknowledged)
    expect(log).toHaveLength(appenders.acknowledged.length)
  })
})

describe('a server that is set to something else', () => {
  it('serializable transactions and commits that are not synced: the order holds, and it syncs all the same', async () => {
    server.sql(`alter role tallystick set default_transaction_isolation = 'serializable'`)
    server.sql(`alter role tallystick set synchronous_commit = 'off'`)
    try {
      const two = [await open({ patience_ms: 0 }), await open({ patience_ms: 0 })]
      const appenders = appending(two, 8)
      await until(() => appenders.acknowledged.length > 300)
      // Killed at once: a commit that was not synced would be gone.
      const dead = server.kill()
      await Promise.allSettled([appenders.end(), dead])
      await server.start()
      const log = await readAll(await open())
      expectWhole(log, appenders.acknowledged)
    } finally {
      server.sql('alter role tallystick reset all')
    }
  })

  it('a database of another encoding is refused', async () => {
    server.sql(`create database latin encoding 'LATIN1' locale 'C' template template0`)
    expect(
      await failure(open({}, server.url.replace('/postgres', '/latin').replace('/latin:', '/postgres:'))),
    ).toMatchObject({
      code: 'StoreFailed',
      message: expect.stringContaining('LATIN1'),
    })
  })

  it('a log that was made by its owner is used by one who may make nothing', async () => {
    await (await open()).append('till', 'NoStream', some(2))
    server.sql(`create role clerk login password 'tap'`)
    server.sql(`grant usage on schema ${schema} to clerk; grant all on all tables in schema ${schema} to clerk`)
    const clerk = await open({}, server.url.replace('tallystick', 'clerk'))
    expect(await clerk.append('till', 1, some(1))).toEqual({ revision: 2, index: 2, repeated: false })
  })

  it('two that open it at once make it once', async () => {
    const several = await Promise.all(Array.from({ length: 6 }, () => open()))
    await Promise.all(several.map((store, place) => store.append(`till-${place}`, 'NoStream', some(1))))
    expect((await readAll(several[0] as EventStore)).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('a table that was cut into partitions is a log like any other', async () => {
    const store = await open()
    await store.append('till', 'NoStream', some(3))
    server.sql(`
      alter table ${schema}.events rename to events_0;
      create table ${schema}.events (like ${schema}.events_0 including defaults) partition by range (position);
      alter table ${schema}.events add primary key (position);
      create index on ${schema}.events (stream, revision);
      alter table ${schema}.events attach partition ${schema}.events_0 for values from (0) to (5);
      create table ${schema}.events_1 partition of ${schema}.events for values from (5) to (1000000);
    `)
    const appended = await store.append('till', 2, some(4))
    expect(appended).toEqual({ revision: 6, index: 6, repeated: false })
    expect((await readAll(store)).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(server.sql(`select count(*) from ${schema}.events_1`)).toBe('2')
  })
})

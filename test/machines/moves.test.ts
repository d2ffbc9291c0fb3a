import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EventStore, StoredEvent } from '#eventstore'
import { noSkips, project } from '#eventstore/follower'
import { memoryStore } from '#eventstore/memory'
import { memoryRows } from '#eventstore/memory/rows'
import { openStore } from '#eventstore/open'
import { projections } from '#projections'
import { copyLog, type ReceiptClock, receiptClock } from '../../apps/tally/copy.ts'
import { type KurrentDouble, kurrentDouble } from '../kurrentdb/double.ts'
import { makeWorld, type World } from '../simulation/world.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { makePlace } from './processes.ts'

/** One log in four engines: the same events at the same indices, under the same root, folded to the same rows. */

let postgres: Postgres
const doubles: KurrentDouble[] = []
const place = makePlace('engines')
const opened: { close(): Promise<void> }[] = []
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(async () => {
  for (const store of opened) await store.close()
  for (const double of doubles) double.close()
  await postgres.remove()
  place.remove()
})

let names = 0
const engines = {
  memory: async (now: () => string): Promise<EventStore> => memoryStore(now),
  SQLite: async (now: () => string) => openAt(join(place.path, `log-${names++}.sqlite`), now),
  PostgreSQL: async (now: () => string) => {
    const name = `log_${names++}`
    postgres.sql(`create database ${name}`)
    return openAt(postgres.url.replace(/\/postgres$/, `/${name}`), now)
  },
  'KurrentDB’s double': async (now: () => string) => {
    const double = await kurrentDouble()
    doubles.push(double)
    return openAt(double.url, now)
  },
} satisfies Record<string, (now: () => string) => Promise<EventStore>>
const openAt = async (address: string, now: () => string): Promise<EventStore> => {
  const store = await openStore(address, now)
  opened.push(store)
  return store
}
const all = async (store: EventStore): Promise<StoredEvent[]> => {
  const events: StoredEvent[] = []
  for await (const page of store.readAll({ from: 0 })) events.push(...page)
  return events
}
const fingerprints = async ({ crypto }: World, store: EventStore): Promise<string[]> => {
  const rows = memoryRows()
  const stop = new AbortController()
  const onProgress = ({ caughtUp }: { caughtUp: boolean }) => caughtUp && stop.abort()
  await project({ store, rows, projections, skips: noSkips, signal: stop.signal, onProgress })
  return Promise.all(projections.map(projection => rows.fingerprint(projection, crypto)))
}

it('a log that goes from memory to SQLite, PostgreSQL, KurrentDB and SQLite again is the same log in each', async () => {
  const world = await makeWorld({ seed: 'four engines', terminals: 2 })
  for (let tap = 0; tap < 16; tap++) {
    const id = tap % 3 === 0 ? 'T-2' : 'T-1'
    await world.key(BigInt(250 + tap), id)
    await world.tap('anna', id)
    world.clock.at += 61_000
    if (tap % 5 === 0) await world.sync(id)
  }
  for (const id of ['T-1', 'T-2']) await world.sync(id)
  const told = [...world.log.events]
  expect(told.length).toBeGreaterThan(100)

  let source: EventStore = world.log
  const roots: string[] = []
  for (const engine of ['SQLite', 'PostgreSQL', 'KurrentDB’s double', 'SQLite'] as const) {
    const receipts: ReceiptClock = receiptClock()
    const target = await engines[engine](receipts.now)
    const { events, held, root } = await copyLog(world.crypto, source, target, { receipts })
    expect([engine, events, held]).toEqual([engine, told.length, 0])
    expect([engine, await all(target)]).toEqual([engine, told])
    roots.push(root)
    source = target
  }
  expect(new Set(roots).size).toBe(1)
  expect(await fingerprints(world, source)).toEqual(await fingerprints(world, world.log))
  await world.end()
})

describe.each(Object.entries(engines))('a clock that goes backwards, in %s', (_, open) => {
  it('changes no order and no index: each event has the time that the clock said', async () => {
    const times = [9, 12, 10, 10, 3, 11].map(hour => new Date(Date.UTC(2026, 10, 23, hour)).toISOString())
    let at = 0
    const store = await open(() => times[at] as string)
    const events = times.map(() => ({ id: randomUUID(), type: 'Noted', text: '{}' }))
    const followed: StoredEvent[] = []
    const stop = new AbortController()
    const following = (async () => {
      for await (const page of store.follow({ from: 0, signal: stop.signal })) {
        followed.push(...page)
        if (followed.length === events.length) stop.abort()
      }
    })()
    for (const [place, event] of events.entries()) {
      at = place
      const expected = place < 2 ? 'NoStream' : Math.floor(place / 2) - 1
      expect(await store.append(`s-${place % 2}`, expected, [event])).toMatchObject({ index: place })
    }
    await following
    for (const read of [await all(store), followed])
      expect(read.map(({ id, index, storedAt }) => [id, index, storedAt])).toEqual(
        events.map(({ id }, place) => [id, place, times[place]]),
      )
    // The same again, at yet another time, is still the first.
    const repeated = await store.append('s-0', 'NoStream', [events[0] as (typeof events)[number]])
    expect(repeated).toEqual({ revision: 0, index: 0, repeated: true })
    expect((await all(store))[0]?.storedAt).toBe(times[0])
  })
})

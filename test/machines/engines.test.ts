import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EventStore, StoredEvent } from '#eventstore'
import { noSkips, project } from '#eventstore/follower'
import { kurrentStore } from '#eventstore/kurrentdb'
import { memoryStore } from '#eventstore/memory'
import { memoryRows } from '#eventstore/memory/rows'
import { postgresStore } from '#eventstore/postgres'
import { postgresRows } from '#eventstore/postgres/rows'
import type { Rows } from '#eventstore/rows'
import { sqliteStore } from '#eventstore/sqlite'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { nodeCrypto } from '#machine/crypto'
import { minorUnits } from '#money'
import { projections } from '#projections'
import { copyLog, receiptClock } from '../../apps/tally/copy.ts'
import { type KurrentDouble, kurrentDouble } from '../kurrentdb/double.ts'
import { makeWorld, orThrow } from '../simulation/world.ts'
import { type Postgres, startPostgres } from './postgres.ts'

/** One log in four engines, folded by two nodes at once, in pages of three sizes: one root, and the same rows. */

const crypto = nodeCrypto()
const folder = mkdtempSync(join(tmpdir(), 'tallystick-engines-'))
let server: Postgres
let double: KurrentDouble
let log: readonly StoredEvent[]
beforeAll(async () => {
  server = await startPostgres()
  double = await kurrentDouble({ nodes: 3 })
  log = await aDay()
})
afterAll(async () => {
  await server.remove()
  double.close()
  rmSync(folder, { recursive: true })
})

/** Two tills, three phones, thirty sales, a void, a refund and a repayment. */
const aDay = async (): Promise<readonly StoredEvent[]> => {
  const phones = ['anna', 'ben', 'cleo'].map(account => ({ account, limit: 60_000n, allowance: '300.00' }))
  const world = await makeWorld({ seed: 'a day in four engines', terminals: 2, phones })
  for (let sale = 0; sale < 30; sale++) {
    const id = `T-${1 + (sale % 2)}`
    world.clock.at += 5 * 60_000
    orThrow(await world.key(BigInt(100 + 37 * sale), id))
    await world.tap(['anna', 'ben', 'cleo'][sale % 3] as string, id)
    const last = [...world.till(id).till.recorded.keys()].at(-1) as string
    if (sale === 11) orThrow(await world.till(id).voidTransaction('void-1', last))
    if (sale === 17) orThrow(await world.till(id).refundTransaction('refund-1', last, minorUnits('150')))
    if (sale % 7 === 6) await world.sync(id)
  }
  for (const id of ['T-1', 'T-2']) await world.sync(id)
  const repaid = { account: 'ben', amount: minorUnits('500'), currency: 'EUR', source: 'bank', by: 'operator:test' }
  orThrow(await world.centre().receiveRepayment(repaid))
  await world.settle()
  const events = structuredClone(world.log.events)
  await world.end()
  return events
}

const held = (): Pick<EventStore, 'readAll'> => ({
  readAll: async function* () {
    yield log
  },
})

/** Folds the log up to its end with two followers on the same rows. */
const foldByTwo = async (store: EventStore, hands: readonly [Rows, Rows], pageSize: number): Promise<string[]> => {
  const stop = new AbortController()
  const faults: string[] = []
  const following = hands.map(rows =>
    project({
      store,
      rows,
      projections,
      skips: noSkips,
      signal: stop.signal,
      pageSize,
      onStopped: ({ message }) => faults.push(message),
    }),
  )
  await expect
    .poll(
      async () => {
        const at = await hands[0].snapshot(reader => Promise.all(projections.map(each => reader.checkpoint(each))))
        return Math.min(...at)
      },
      { timeout: 30_000, interval: 10 },
    )
    .toBe(log.length)
  stop.abort()
  await Promise.all(following)
  expect(faults).toEqual([])
  return hands[1].snapshot(reader => Promise.all(projections.map(each => reader.fingerprint(each, crypto))))
}

it('four engines hold one log under one root, and two nodes fold the same rows from it, whatever the pages', async () => {
  expect(log.length).toBeGreaterThan(200)
  const right = memoryRows()
  const clock = receiptClock()
  const first = memoryStore(clock.now)
  const { root } = await copyLog(crypto, held(), first, { receipts: clock })
  const fingerprints = await foldByTwo(first, [right, right], 10_000)
  expect(new Set(fingerprints).size).toBe(projections.length)

  let places = 0
  const place = () => places++
  const engines: Record<string, (now: () => string) => Promise<EventStore & { close?(): void | Promise<void> }>> = {
    memory: async now => memoryStore(now),
    SQLite: async now => sqliteStore(join(folder, `log-${place()}.sqlite`), now),
    PostgreSQL: now => postgresStore(server.url, now, { schema: `log_${place()}` }),
    KurrentDB: now => kurrentStore(double.url, now),
  }
  type Pair = readonly [Rows, Rows, () => Promise<void>]
  const rowsFor: Record<string, () => Promise<Pair>> = {
    memory: async () => {
      const rows = memoryRows()
      return [rows, rows, async () => {}]
    },
    SQLite: async () => {
      const file = join(folder, `rows-${place()}.sqlite`)
      const [left, right] = [sqliteRows(file), sqliteRows(file)]
      const close = async () => {
        left.close()
        right.close()
      }
      return [left, right, close]
    },
    PostgreSQL: async () => {
      const schema = `rows_${place()}`
      const left = await postgresRows(server.url, { schema })
      const right = await postgresRows(server.url, { schema })
      const close = async () => {
        await left.close()
        await right.close()
      }
      return [left, right, close]
    },
  }
  for (const [engine, open] of Object.entries(engines)) {
    const receipts = receiptClock()
    const store = await open(receipts.now)
    const copied = await copyLog(crypto, held(), store, { receipts })
    expect([engine, copied.root, copied.events]).toEqual([engine, root, log.length])
    // A log of KurrentDB or in memory is folded into files; one in PostgreSQL into PostgreSQL, too.
    for (const kept of engine === 'memory'
      ? ['memory']
      : engine === 'PostgreSQL'
        ? ['PostgreSQL', 'SQLite']
        : ['SQLite'])
      for (const pageSize of [1, 64, 5000]) {
        const [left, right, close] = await (rowsFor[kept] as () => Promise<Pair>)()
        const found = await foldByTwo(store, [left, right], pageSize)
        expect(found, `${engine} into ${kept}, ${pageSize} a page`).toEqual(fingerprints)
        await close()
      }
    await store.close?.()
  }
}, 120_000)

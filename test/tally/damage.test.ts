import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { StoredEvent } from '#eventstore'
import { type SqliteStore, sqliteStore } from '#eventstore/sqlite'
import { chains } from '../../apps/tally/chains.ts'
import { copyLog, receiptClock } from '../../apps/tally/copy.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** A disk that gives back other octets than it was given: SQLite keeps no sum over its pages, and the chain does. */
let world: World
let octets: Buffer
const folder = mkdtempSync(join(tmpdir(), 'tallystick-damage-'))
beforeAll(async () => {
  world = await makeWorld({ seed: 'damage' })
  for (let tap = 0; tap < 3; tap++) {
    orThrow(await world.key(1250n))
    await world.tap('anna')
    orThrow(await world.sync())
  }
  const file = join(folder, 'log.sqlite')
  const receipts = receiptClock()
  const store = sqliteStore(file, receipts.now)
  await copyLog(world.crypto, world.log, store, { receipts })
  store.close()
  octets = readFileSync(file)
})
afterAll(async () => {
  await world.end()
  rmSync(folder, { recursive: true })
})

it('whatever octet is damaged: it is told, or every event that holds is as it was written', async () => {
  let name = 0
  let told = 0
  await fc.assert(
    fc.asyncProperty(fc.nat(octets.length - 1), fc.integer({ min: 1, max: 255 }), async (place, change) => {
      const file = join(folder, `damaged-${name++}.sqlite`)
      const damaged = Buffer.from(octets)
      damaged[place] = (damaged[place] as number) ^ change
      writeFileSync(file, damaged)
      const checked = chains(world.crypto)
      let store: SqliteStore | undefined
      const holds: StoredEvent[] = []
      let isTold = false
      try {
        store = sqliteStore(file, () => '', { readonly: true })
        for await (const page of store.readAll({ from: 0 }))
          for (const stored of page) {
            const { found } = checked.check(stored)
            if (found.length > 0) isTold = true
            else holds.push(stored)
          }
      } catch (error) {
        expect(error).toMatchObject({ code: 'StoreFailed', message: expect.stringContaining(file) })
        isTold = true
      } finally {
        store?.close()
        for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true })
      }
      if (isTold) told += 1
      for (const { stream, revision, id, type, text, index } of holds)
        expect(world.log.events[index]).toMatchObject({ stream, revision, id, type, text })
      // An end that is missing tells nothing of itself: what was signed of the log does.
      if (!isTold && holds.length < world.log.events.length) told += 1
    }),
    { numRuns: 300 },
  )
  expect(told).toBeGreaterThan(100)
})

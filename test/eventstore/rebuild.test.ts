import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { noSkips, project } from '#eventstore/follower'
import { memoryStore } from '#eventstore/memory'
import { memoryRows } from '#eventstore/memory/rows'
import { rebuild } from '#eventstore/rebuild'
import type { Rows } from '#eventstore/rows'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { boxes } from '../contracts/rows.contract.ts'
import { crypto, writer } from '../trade.ts'
import { boxWords } from './log.ts'

const at = '2026-11-23T10:00:00.000Z'
const folder = mkdtempSync(join(tmpdir(), 'tallystick-rebuild-'))
const closing: (() => void)[] = []
let files = 0
afterAll(() => {
  for (const close of closing) close()
  rmSync(folder, { recursive: true })
})
const onDisk = () => {
  const rows = sqliteRows(join(folder, `${files++}.db`))
  closing.push(() => rows.close())
  return rows
}

/** A log of so many events, and a centre's projector that follows it. */
const scene = async (rows: Rows, count = 60) => {
  const store = memoryStore(() => at)
  const write = writer(store, boxWords)
  const put = (nth: number) =>
    write(`box-${nth % 5}`, at, { type: 'Put', data: { box: `${nth % 5}`, amount: `${nth}` } })
  for (let nth = 0; nth < count; nth++) await put(nth)
  const stop = new AbortController()
  const running = project({ store, rows, projections: [boxes], skips: noSkips, signal: stop.signal, pageSize: 3 })
  const followed = () => expect.poll(() => rows.checkpoint(boxes), { interval: 1 }).toBe(store.events.length)
  const end = async () => {
    stop.abort()
    await running
  }
  await followed()
  return { store, put, followed, end, rows, again: { store, rows, projection: boxes, skips: noSkips, crypto } }
}

const folded = async (store: Awaited<ReturnType<typeof scene>>['store']) => {
  const rows = memoryRows()
  const stop = new AbortController()
  const onProgress = ({ caughtUp }: { caughtUp: boolean }) => caughtUp && stop.abort()
  await project({ store, rows, projections: [boxes], skips: noSkips, signal: stop.signal, onProgress })
  return rows.fingerprint(boxes, crypto)
}

describe.each<[string, () => Rows]>([
  ['memory', memoryRows],
  ['SQLite', onDisk],
  ['SQLite’s memory', () => sqliteRows(':memory:')],
])('a rebuild in %s', (_, open) => {
  it('of good rows is equal, and is live', async () => {
    const { again, rows, end, followed, put, store } = await scene(open())
    const progress: number[] = []
    const done = await rebuild({ ...again, pageSize: 7, onProgress: next => progress.push(next) })
    expect(done).toEqual({ projection: 'boxes', generation: 1, from: 0, next: 60, equal: true, switched: true })
    expect(progress.slice(0, 3)).toEqual([7, 14, 21])
    expect(await rows.generation(boxes)).toBe(1)
    await put(60)
    await followed()
    await end()
    expect(await rows.fingerprint(boxes, crypto)).toBe(await folded(store))
  })

  it('tells of a row that was corrupted, and mends it; a check only tells', async () => {
    const { again, rows, end, store } = await scene(open())
    const spoilt = { table: 'box', key: ['3'], row: { box: '3', amount: 1n, colour: 'pink' } }
    expect(await rows.mend(boxes, [spoilt], 60)).toBe(true)
    expect(await rebuild({ ...again, check: true })).toMatchObject({ equal: false, switched: false, next: 60 })
    expect(await rows.get(boxes, 'box', ['3'])).toEqual(spoilt.row)
    expect(await rows.generation(boxes)).toBe(0)
    expect(await rows.checkpoint({ ...boxes, generation: 1 })).toBe(0)
    expect(await rebuild(again)).toMatchObject({ equal: false, switched: true, from: 0 })
    expect(await rebuild(again)).toMatchObject({ equal: true, switched: true, generation: 2 })
    await end()
    expect(await rows.fingerprint(boxes, crypto)).toBe(await folded(store))
  })

  it('goes on while events come, and loses none of them', async () => {
    const { again, rows, end, put, followed, store } = await scene(open(), 40)
    let nth = 40
    const over = new AbortController()
    const writing = (async () => {
      while (!over.signal.aborted) {
        await put(nth++)
        // Nothing here waits for a disk: the others would never have their turn.
        await new Promise(resolve => setImmediate(resolve))
      }
    })()
    for (let time = 0; time < 3; time++)
      expect(await rebuild({ ...again, pageSize: 2 })).toMatchObject({ equal: true, switched: true })
    over.abort()
    await writing
    expect(nth).toBeGreaterThan(45)
    await followed()
    await end()
    expect(await rows.fingerprint(boxes, crypto)).toBe(await folded(store))
  })

  it('that was cut short goes on where it was', async () => {
    const { again, rows, end, store } = await scene(open())
    const cut = new AbortController()
    const onProgress = (next: number) => next >= 30 && cut.abort()
    await expect(rebuild({ ...again, pageSize: 5, signal: cut.signal, onProgress })).rejects.toThrow()
    expect(await rows.checkpoint({ ...boxes, generation: 1 })).toBe(30)
    expect(await rows.generation(boxes)).toBe(0)
    expect(await rebuild({ ...again, pageSize: 5 })).toMatchObject({ from: 30, equal: true, switched: true })
    await end()
    expect(await rows.fingerprint(boxes, crypto)).toBe(await folded(store))
  })

  it('by two at once is one rebuild', async () => {
    const { again, rows, end, store } = await scene(open())
    const both = await Promise.allSettled([rebuild({ ...again, pageSize: 3 }), rebuild({ ...again, pageSize: 4 })])
    expect(both.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0)
    for (const each of both)
      if (each.status === 'fulfilled') expect(each.value).toMatchObject({ equal: true, switched: true })
      else expect(each.reason).toMatchObject({ code: 'GenerationGone' })
    await end()
    expect(await rows.fingerprint(boxes, crypto)).toBe(await folded(store))
  })

  it('obeys an order to pass over an event as the follower does, also one that comes in between', async () => {
    const { again, rows, end, store } = await scene(open())
    await end()
    const cut = new AbortController()
    const onProgress = (next: number) => next >= 30 && cut.abort()
    await expect(rebuild({ ...again, pageSize: 5, signal: cut.signal, onProgress })).rejects.toThrow()
    const skips = { of: async () => [{ follower: 'boxes', index: 7, said: 59 }], in: () => undefined }
    const done = await rebuild({ ...again, skips })
    expect(done).toMatchObject({ equal: false, switched: true })
    expect(await rows.get(boxes, 'line', ['2', 7n])).toBeUndefined()
    expect(store.events).toHaveLength(60)
  })

  it('obeys an order also in what comes between the last page and the change of places', async () => {
    const { again, rows, end, put, store } = await scene(open())
    await end()
    const skips = { of: async () => [{ follower: 'boxes', index: 60, said: 0 }], in: () => undefined }
    let isTail = false
    const late = {
      readAll: async function* (asked: { readonly from: number }) {
        if (asked.from === 60 && !isTail) {
          isTail = true
          await put(60)
          // As the follower passes over it.
          expect(await rows.apply(boxes, [], { from: 60, next: 61 })).toBe(true)
        }
        yield* store.readAll(asked)
      },
    }
    expect(await rebuild({ ...again, store: late, skips })).toMatchObject({ next: 60, equal: true, switched: true })
    expect(isTail).toBe(true)
    expect(await rows.checkpoint(boxes)).toBe(61)
    expect(await rows.get(boxes, 'line', ['0', 60n])).toBeUndefined()
  })

  it('ends where the live rows are thrown away meanwhile, and begins anew after that', async () => {
    const { again, rows, end, store } = await scene(open())
    await end()
    let thrown: Promise<void> | undefined
    const onProgress = (next: number) => {
      if (next === 30) thrown = rows.reset(boxes)
    }
    await expect(rebuild({ ...again, pageSize: 5, onProgress })).rejects.toMatchObject({ code: 'RebuildOvertaken' })
    await thrown
    const beside = { ...boxes, generation: 1 }
    expect(await rows.checkpoint(beside)).toBe(0)

    // One that was killed, and left rows beyond the live ones.
    const events = store.events.map(({ text, index, storedAt }) => ({ ...JSON.parse(text), index, storedAt }))
    await rows.apply(beside, events.slice(0, 30), { from: 0, next: 30 })
    await rows.apply(boxes, events.slice(0, 10), { from: 0, next: 10 })
    expect(await rows.adopt(beside, [], 0)).toBe(false)
    expect(await rebuild(again)).toMatchObject({ from: 0, next: 10, equal: true, switched: true })
  })
})

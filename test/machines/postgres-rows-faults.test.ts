import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type FollowerStopped, noSkips, project } from '#eventstore/follower'
import { memoryRows } from '#eventstore/memory/rows'
import { type PostgresStore, postgresStore } from '#eventstore/postgres'
import { type PostgresRows, postgresRows } from '#eventstore/postgres/rows'
import type { Rows } from '#eventstore/rows'
import { minorUnits } from '#money'
import { projections } from '#projections'
import { all, boxes, page } from '../contracts/rows.contract.ts'
import { boxEvent } from '../eventstore/log.ts'
import { dice, makeWorld, orThrow, type World } from '../simulation/world.ts'
import { crypto } from '../trade.ts'
import { type Cut, type Postgres, startPostgres, wireTo } from './postgres.ts'

/** Rows in a real PostgreSQL, whose processes and connections, and those of who follows into it, are killed. */

let server: Postgres
let world: World
beforeAll(async () => {
  server = await startPostgres()
  world = await makeWorld({
    seed: 'rows',
    terminals: 2,
    phones: [{ account: 'anna', limit: 500_000n, allowance: '5000.00' }],
  })
  const chance = dice('a day of rows')
  for (let tap = 0; tap < 40; tap++) {
    const id = chance.pick(['T-1', 'T-2'])
    await world.key(1n + BigInt(chance.below(900)), id)
    const paid = orThrow(await world.tap('anna', id))
    if (chance.chance(20))
      orThrow(await world.till(id).refundTransaction(`r-${tap}`, paid.transaction ?? '', minorUnits('1')))
    if (chance.chance(70)) orThrow(await world.sync(id))
  }
  for (const id of ['T-1', 'T-2']) orThrow(await world.sync(id))
  await world.end()
})
const children = new Set<ChildProcess>()
const opened: (PostgresStore | PostgresRows)[] = []
afterAll(async () => {
  for (const child of children) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  for (const each of opened) await each.close()
  await server.remove()
})

const now = () => new Date().toISOString()
const storeIn = async (schema: string) => {
  const store = await postgresStore(server.url, now, { schema })
  opened.push(store)
  return store
}
const rowsIn = async (schema: string, url = server.url) => {
  const rows = await postgresRows(url, { schema })
  opened.push(rows)
  return rows
}
const append = async (store: PostgresStore, events: World['log']['events']): Promise<void> => {
  for (const event of events)
    await store.append(event.stream, event.revision === 0 ? 'NoStream' : event.revision - 1, [event])
}
const fingerprints = (rows: Rows) =>
  Promise.all(projections.map(async each => [each.name, await rows.fingerprint(each, crypto)] as const))

/** What one hand folds in memory and in peace. */
const peaceful = async () => {
  const rows = memoryRows()
  const stop = new AbortController()
  const onProgress = ({ caughtUp }: { caughtUp: boolean }) => caughtUp && stop.abort()
  await project({ store: world.log, rows, projections, skips: noSkips, signal: stop.signal, onProgress })
  return fingerprints(rows)
}

const projector = (schema: string, pageSize: number) => {
  const child = fork(join(import.meta.dirname, 'projector.ts'), [server.url, schema, `${pageSize}`], {
    execArgv: ['--conditions=source', '--experimental-transform-types', '--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  children.add(child)
  const life = { child, next: 0, stopped: [] as string[] }
  child.on('message', message => {
    const told = message as { next?: number; stopped?: string }
    if (told.next !== undefined) life.next = told.next
    if (told.stopped !== undefined) life.stopped.push(told.stopped)
  })
  child.once('exit', () => children.delete(child))
  return life
}

it('two processes on the same rows, one of them killed again and again, fold each event once', async () => {
  const store = await storeIn('two')
  const rows = await rowsIn('two_rows')
  const chance = dice('kills of projectors')
  const lasting = projector('two', 7)
  const { events } = world.log
  const kills = 12
  let folded = 0
  for (let kill = 0; kill < kills; kill++) {
    const victim = projector('two', chance.pick([1, 3, 50, 1000]))
    const share = (at: number) => Math.floor((at * events.length) / kills)
    const appending = append(store, events.slice(share(kill), share(kill + 1)))
    await expect.poll(() => victim.next, { timeout: 20_000, interval: 1 }).toBeGreaterThan(0)
    await wait(chance.below(40))
    victim.child.kill('SIGKILL')
    await once(victim.child, 'exit')
    folded = Math.max(folded, victim.next)
    expect([...victim.stopped, ...lasting.stopped]).toEqual([])
    await appending
  }
  expect(folded).toBeGreaterThan(0)
  await expect.poll(() => lasting.next, { timeout: 20_000, interval: 20 }).toBe(events.length)
  expect(await fingerprints(rows)).toEqual(await peaceful())
  for (const projection of projections) expect(await rows.checkpoint(projection)).toBe(events.length)
})

it.each([1, 13, 1000])('pages of %i give the same rows', async pageSize => {
  const rows = await rowsIn(`paged_${pageSize}`)
  const stop = new AbortController()
  const onProgress = ({ caughtUp }: { caughtUp: boolean }) => caughtUp && stop.abort()
  await project({ store: world.log, rows, projections, skips: noSkips, signal: stop.signal, onProgress, pageSize })
  expect(await fingerprints(rows)).toEqual(await peaceful())
})

it('a server that is killed while pages are folded is waited for, and no page is lost or folded twice', async () => {
  const rows = await rowsIn('killed')
  const stop = new AbortController()
  const stopped: FollowerStopped[] = []
  let at = 0
  const running = project({
    store: world.log,
    rows,
    projections,
    skips: noSkips,
    signal: stop.signal,
    pageSize: 2,
    onProgress: ({ next, caughtUp }) => {
      at = next
      if (caughtUp) stop.abort()
    },
    onStopped: fault => stopped.push(fault),
  })
  const kills = 3
  for (let kill = 1; kill <= kills; kill++) {
    const half = Math.floor((kill * world.log.events.length) / (kills + 1))
    await expect.poll(() => at, { timeout: 60_000, interval: 1 }).toBeGreaterThan(half)
    await server.kill()
    await wait(200)
    await server.start()
  }
  await running
  expect(stopped).toEqual([])
  expect(await fingerprints(rows)).toEqual(await peaceful())
})

it.each<Cut>(['before the server has it', 'before its answer'])(
  'a page whose commit is cut %s is folded once',
  async cut => {
    const wire = await wireTo(server.port)
    try {
      const rows = await rowsIn(`cut_${cut.replaceAll(' ', '_')}`, wire.url)
      expect(await rows.apply(boxes, page, all)).toBe(true)
      wire.arm(cut, 'commit')
      const more = [boxEvent(5, 'Put', 'a', '10')]
      // A commit that was made and not heard of is known by the checkpoint: somebody was faster, and it was we.
      expect(await rows.apply(boxes, more, { from: 5, next: 6 })).toBe(cut === 'before the server has it')
      expect(wire.cuts()).toBe(1)
      expect(await rows.checkpoint(boxes)).toBe(6)
      expect(await rows.get(boxes, 'box', ['a'])).toMatchObject({ amount: 6n })
      expect(await rows.apply(boxes, [boxEvent(6, 'Put', 'a', '1')], { from: 6, next: 7 })).toBe(true)
      expect(await rows.get(boxes, 'box', ['a'])).toMatchObject({ amount: 7n })
    } finally {
      await wire.close()
    }
  },
)

it('a server that stays away: who asks is told so after its patience, and a projector goes on when it is back', async () => {
  const rows = await postgresRows(server.url, { schema: 'away', patience_ms: 300 })
  opened.push(rows)
  await server.stop()
  await expect(rows.checkpoint(boxes)).rejects.toThrowError(
    expect.objectContaining({ code: 'RowsAway', message: expect.stringContaining('The rows gave no answer') }),
  )
  const stop = new AbortController()
  const stopped: FollowerStopped[] = []
  const onProgress = ({ caughtUp }: { caughtUp: boolean }) => caughtUp && stop.abort()
  const onStopped = (fault: FollowerStopped) => stopped.push(fault)
  const running = project({
    store: world.log,
    rows,
    projections,
    skips: noSkips,
    signal: stop.signal,
    onProgress,
    onStopped,
  })
  await wait(1500)
  await server.start()
  await running
  expect(stopped).toEqual([])
  expect(await fingerprints(rows)).toEqual(await peaceful())
})

it('rows of a database that cannot keep them say why', async () => {
  await expect(postgresRows('postgres://tallystick:wrong@127.0.0.1:1/x', { patience_ms: 50 })).rejects.toMatchObject({
    code: 'RowsAway',
    message: expect.stringContaining('The rows were not opened: PostgreSQL at 127.0.0.1:1/x'),
  })
  await expect(postgresRows(server.url.replace(':tap@', ':wrong@'))).rejects.toMatchObject({
    code: 'StoreFailed',
    message: expect.stringContaining('password authentication failed'),
  })
  await expect(postgresRows(server.url, { schema: 'No Name' })).rejects.toThrowError('is no name for a schema')
  server.sql('create database latin encoding LATIN1 template template0 locale "C"')
  await expect(postgresRows(server.url.replace(/postgres$/, 'latin'))).rejects.toThrowError('not encoded in UTF8')
})

import { randomUUID } from 'node:crypto'
import { chmodSync, chownSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { StoredEvent } from '#eventstore'
import { sqliteStore } from '#eventstore/sqlite'
import { appender, endAll, endOf, eventually, isRoot, makePlace, program, type Running, run } from './processes.ts'

let place: ReturnType<typeof makePlace>
beforeEach(() => {
  place = makePlace('sqlite')
})
afterEach(async () => {
  await endAll()
  place.remove()
})

const now = () => new Date().toISOString()
const noted = () => [{ id: randomUUID(), type: 'Noted', text: '{}' }]
const readAll = async (file: string): Promise<StoredEvent[]> => {
  const store = sqliteStore(file, now, { readonly: true })
  const all: StoredEvent[] = []
  for await (const page of store.readAll({ from: 0 })) all.push(...page)
  store.close()
  return all
}

describe('two processes append to one file', () => {
  /** What it was acknowledged. Its last line may have been cut. */
  const said = (one: Running) =>
    one
      .said()
      .split('\n')
      .slice(0, -1)
      .map(line => {
        try {
          return JSON.parse(line) as Pick<StoredEvent, 'id' | 'stream' | 'revision' | 'index'>
        } catch {
          throw new Error(`${one.name} said: ${one.said().slice(-500)}`)
        }
      })
  const saidMore = (one: Running, count: number) =>
    eventually(() => {
      if (said(one).length < count) throw new Error(`${one.name} said only ${said(one).length} appends`)
    })

  it('and are killed again and again: nothing acknowledged is missing, nothing doubled, the order is whole', async () => {
    const file = join(place.path, 'log.sqlite')
    const all = [appender(file, 'a')]
    await saidMore(all[0] as Running, 5)
    for (let turn = 0; turn < 5; turn++) {
      const next = appender(file, `n${turn}`)
      await saidMore(next, 5)
      await pause(10 * turn)
      await (all.at(-1) as Running).kill()
      all.push(next)
    }
    await (all.at(-1) as Running).kill()

    const log = await readAll(file)
    expect(log.map(({ index }) => index)).toEqual(log.map((_, at) => at))
    expect(new Set(log.map(({ id }) => id)).size).toBe(log.length)
    const next = new Map<string, number>()
    for (const { stream, revision } of log) {
      expect(revision).toBe(next.get(stream) ?? 0)
      next.set(stream, revision + 1)
    }
    const acknowledged = all.flatMap(said)
    expect(acknowledged.length).toBeGreaterThan(30)
    expect(acknowledged.map(({ index }) => log[index])).toMatchObject(acknowledged)
    // Whoever died may have written once more for each of its three appenders, and not have said it.
    expect(log.length - acknowledged.length).toBeLessThanOrEqual(3 * all.length)
    expect(new Set(log.filter(({ stream }) => stream === 'shared').map(({ text }) => text)).size).toBeGreaterThan(1)
  })
})

// Only root may mount a small disk; `test/contracts/sqlite.test.ts` has a file that may not grow, for everyone.
if (isRoot)
  it('a disk that is full: the append says so, what was acknowledged is there, and with room the same append is taken', async () => {
    const disk = place.folder('disk')
    const flags = ['--conditions=source', '--experimental-transform-types', '--disable-warning=ExperimentalWarning']
    const [node = '', ...args] = program('test/machines/full-disk.ts', [disk])
    const mount = `mount -t tmpfs -o size=1m tmpfs "$0" && dd if=/dev/zero of="$0/ballast" bs=64k count=5 status=none && exec "$@"`
    const one = run('full disk', ['unshare', '--mount', 'sh', '-c', mount, disk, node, ...flags, ...args])
    expect([one.said(), await endOf(one)]).toEqual([expect.any(String), { code: 0, signal: null }])
    const said = JSON.parse(one.said()) as {
      failures: string[]
      whileFull: number
      wasAcknowledged: number
      acknowledged: string[]
      withRoom: string[]
      reopened: string[]
    }
    expect(said.failures).toHaveLength(3)
    for (const message of said.failures)
      expect(message).toMatch(/^Append to s in .*log\.sqlite failed: (?:the disk is full|the disk failed): /)
    expect(said.wasAcknowledged).toBeGreaterThan(10)
    expect(said.whileFull).toBe(said.wasAcknowledged)
    expect(said.withRoom).toEqual(said.acknowledged)
    expect(said.reopened).toEqual(said.acknowledged)
  })

describe('a folder that may only be read', () => {
  const nobody = 65_534
  /** Root may write anywhere; so for a moment the test is somebody else. */
  const asNobody = async <Answer>(act: () => Promise<Answer>): Promise<Answer> => {
    if (!isRoot) return act()
    process.seteuid?.(nobody)
    try {
      return await act()
    } finally {
      process.seteuid?.(0)
    }
  }

  it('holds no new log, and says so', async () => {
    const folder = place.folder('shut')
    chmodSync(folder, 0o555)
    const error = await asNobody(async () => {
      try {
        sqliteStore(join(folder, 'log.sqlite'), now).close()
        return undefined
      } catch (error) {
        return error
      }
    })
    chmodSync(folder, 0o755)
    expect(error).toMatchObject({
      code: 'StoreFailed',
      message: expect.stringContaining('log.sqlite was not opened: the file cannot be opened or made'),
    })
  })

  it('takes no append to a log that may only be read; what was acknowledged is there', async () => {
    const folder = place.folder('shut')
    const file = join(folder, 'log.sqlite')
    const store = sqliteStore(file, now)
    const events = noted()
    await store.append('s', 'NoStream', events)
    store.close()
    chmodSync(file, 0o444)
    chmodSync(folder, 0o555)
    const error = await asNobody(async () => {
      try {
        const shut = sqliteStore(file, now)
        await shut.append('s', 0, noted()).finally(() => shut.close())
        return undefined
      } catch (error) {
        return error
      }
    })
    chmodSync(folder, 0o755)
    chmodSync(file, 0o644)
    if (isRoot) chownSync(file, 0, 0)
    expect(error).toMatchObject({
      code: 'StoreFailed',
      message: expect.stringMatching(/may only be read|cannot be opened/),
    })
    expect((await readAll(file)).map(({ id }) => id)).toEqual(events.map(({ id }) => id))
  })
})

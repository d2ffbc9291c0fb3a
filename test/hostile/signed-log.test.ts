import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8 } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import type { EventStore } from '#eventstore'
import type { Heads } from '#eventstore/heads'
import { memoryStore } from '#eventstore/memory'
import { memoryHeads } from '#eventstore/memory/heads'
import { sleep } from '#machine/process'
import { readCheckpoint, readNote, signedBy } from '#transparency/checkpoint'
import { memoryTiles, type Tiles } from '#transparency/tiles'
import { atTerminal } from '../scenarios/hand.ts'
import { crypto, key, now, origin, signers, write } from '../signing.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** What a terminal, a disk, another node or an operator's haste may do to the signing of the log. */

const logOf = async (...parts: readonly (readonly [number, string])[]) => {
  const store = memoryStore(now)
  for (const [count, name] of parts) await write(store, count, name)
  return store
}

const worlds: World[] = []
const { signer, end, endAll, faults } = signers()
beforeEach(() => void faults.splice(0))
afterEach(async () => {
  await endAll()
  for (const world of worlds.splice(0)) await world.end()
})
const isOurs = (note: string): boolean => {
  const read = readNote(utf8(note))
  return signedBy(crypto, read, { name: readCheckpoint(read.text).origin, publicKey: key.publicKey })
}
const junk = (note: string, line = '\u2014 other AAAAAAAA\n'): string => note.replace('\n\n', `\n\n${line}`)

describe('lines that a terminal puts before the log’s own', () => {
  it('are no part of what is remembered, said or continued', async () => {
    const lost = await (await signer(await logOf([15, 'first']), memoryHeads())).covering(15)
    const note = lost?.note as string
    await end()
    const heads = memoryHeads()
    const log = await signer(await logOf([5, 'second']), heads)
    await log.covering(5)
    await log.remembered(junk(note))
    expect(await log.contradicting(junk(note))).toBe(note)
    await log.covering(6)
    const { origin: anew } = orThrow(await log.beginAnew())
    expect(anew).toBe(`${origin}/2`)
    const { first } = JSON.parse((await heads.get('origin')) as string) as { first: string }
    expect(first).toBe(note)
    expect(isOurs(first)).toBe(true)
  })
})

describe('tiles', () => {
  it('that were damaged below a sound root silence nobody, and prove nothing wrong', async () => {
    const store = await logOf([300, 'first'])
    const heads = memoryHeads()
    const tiles = memoryTiles()
    const log = await signer(store, heads, tiles)
    const early = await log.covering(300)
    await write(store, 300, 'more')
    await log.covering(600)
    await end()
    // A page of the first level that never reached the disk: the hash above it did.
    const whole = tiles.read(0, 0, 600)
    whole.fill(0, 256 * 32, 512 * 32)
    tiles.cut(0, 0)
    tiles.append(0, whole)
    const again = await signer(store, heads, tiles)
    await again.covering(600)
    expect(await again.contradicting(early?.note as string)).toBeUndefined()
    await again.remembered(early?.note as string)
    await expect.poll(() => again.state(), { timeout: 4000 }).toMatchObject({ signed: 600, silence: undefined })
    expect(await heads.get('contradiction')).toBeUndefined()
    expect(faults).toEqual([])
  })

  it('that another process writes over are noticed before anything is signed', async () => {
    const store = await logOf([11, 'first'])
    const heads = memoryHeads()
    const tiles = memoryTiles()
    const log = await signer(store, heads, tiles)
    const before = await log.covering(11)
    const whole = tiles.read(0, 0, 11)
    whole[330] = (whole[330] as number) ^ 1
    tiles.cut(0, 0)
    tiles.append(0, whole)
    await write(store, 5, 'more')
    const after = await log.covering(16)
    const right = await (await signer(store, memoryHeads())).covering(16)
    if (after && after.size > 11) expect(after.note).toBe(right?.note)
    await expect.poll(() => log.state().signed, { timeout: 4000 }).toBe(16)
    expect(log.state().note).toBe(right?.note)
    expect(before?.size).toBe(11)
  })

  it('on a full disk are written when there is room, and end nothing', async () => {
    const store = await logOf([10, 'first'])
    const tiles = memoryTiles()
    let isFull = true
    const full: Tiles = {
      ...tiles,
      append: (...asked) => {
        if (isFull) throw new Error('ENOSPC: no space left on device, write')
        tiles.append(...asked)
      },
    }
    const log = await signer(store, memoryHeads(), full)
    await sleep(50, new AbortController().signal)
    expect(faults.join()).toMatch(/ENOSPC/)
    expect(faults.join()).not.toMatch(/ended/)
    isFull = false
    await expect.poll(() => log.state().signed, { timeout: 6000 }).toBe(10)
  })
})

describe('two centres', () => {
  it('of which one hears of the other’s events a little later raise no alarm', async () => {
    const store = await logOf([10, 'first'])
    const heads = memoryHeads()
    const held = { back: false }
    const late: EventStore = {
      ...store,
      follow: async function* (asked) {
        for await (const page of store.follow(asked)) {
          while (held.back && !asked.signal.aborted) await sleep(5, asked.signal)
          yield page
        }
      },
    }
    const [left, right] = [await signer(store, heads), await signer(late, heads)]
    await Promise.all([left.covering(10), right.covering(10)])
    await sleep(30, new AbortController().signal)
    held.back = true
    await write(store, 5, 'more')
    await left.covering(15)
    const asked = right.covering(15)
    await sleep(30, new AbortController().signal)
    held.back = false
    expect((await asked)?.size).toBe(15)
    expect(faults).toEqual([])
  })

  it('of which one begins anew while the other signs continue the last word that left the house', async () => {
    const before = memoryHeads()
    await (await signer(await logOf([15, 'first']), before)).covering(15)
    await end()
    // The one that begins was restored; the other has the whole log and signs once more just before the new name is kept.
    const whole = await logOf([15, 'first'], [3, 'more'])
    let last: string | undefined
    const heads: Heads = {
      get: before.get,
      replace: async (name, was, text) => {
        if (name === 'origin' && last === undefined) last = (await (await signer(whole, before)).covering(18))?.note
        return before.replace(name, was, text)
      },
    }
    const log = await signer(await logOf([12, 'first']), heads)
    await log.covering(12)
    expect(log.state().silence?.reason).toBe('CentreWentBack')
    orThrow(await log.beginAnew())
    await log.covering(12)
    expect(last).toBeDefined()
    expect(JSON.parse((await heads.get('origin')) as string)).toMatchObject({ first: last })
    expect(await log.covering(12)).toMatchObject({ origin: `${origin}/2`, size: 13 })
  })
})

describe('a log that is put back', () => {
  it('after a terminal contradicted the older copy is signed again', async () => {
    const heads = memoryHeads()
    const whole = await logOf([20, 'first'])
    const log = await signer(whole, heads)
    const seen = (await log.covering(20))?.note as string
    await write(whole, 5, 'after')
    await log.covering(25)
    await end()
    const older = await signer(await logOf([10, 'first'], [20, 'other']), heads)
    await older.covering(30)
    await older.remembered(seen)
    expect(older.state().silence?.reason).toBe('LogContradicted')
    await end()
    await write(whole, 2, 'later')
    const back = await signer(whole, heads)
    expect((await back.covering(27))?.size).toBe(27)
    expect(back.state().silence).toBeUndefined()
  })
})

const shopping = async (world: World, id: string, account: string) => {
  world.clock.at += 60_000
  orThrow(await world.key(100n, id))
  expect(await world.tap(account, id)).toMatchObject({ outcome: 'paid' })
}
const twoTills = async (seed: string): Promise<World> => {
  const phones = ['anna', 'ben'].map(account => ({ account, limit: 100_000n, allowance: '500.00' }))
  const world = await makeWorld({ seed, terminals: 2, phones })
  worlds.push(world)
  return world
}
const putHeads = async (world: World, name: string, text: string | undefined) => {
  if (text !== undefined) await world.heads.replace(name, await world.heads.get(name), text)
}

describe('a centre whose log and heads were both restored', () => {
  /** As an operator does who sees silence, or a terminal that is not acknowledged: at most three times. */
  const mended = async (world: World): Promise<void> => {
    for (let time = 0; time < 3; time++) {
      await Promise.all(['T-1', 'T-2'].map(id => world.sync(id)))
      const { silence } = world.centre().status().log
      if (silence) orThrow(await world.centre().signing.beginAnew())
    }
    for (const id of ['T-1', 'T-2']) expect(isRefusal(await world.sync(id)), id).toBe(false)
    for (const id of ['T-1', 'T-2']) expect(world.till(id).status().waiting.count).toBe(0)
    const owed = orThrow(await world.centre().ask.balance({ account: 'anna' })).owed
    expect(owed).toBe('3.00')
  }

  it.each([
    ['first', ['T-1', 'T-2']],
    ['last', ['T-2', 'T-1']],
  ])('acknowledges every terminal again, the one that saw most coming %s', async (_, order) => {
    const world = await twoTills(`order ${order.join()}`)
    for (const id of ['T-1', 'T-2']) await world.sync(id)
    const backup = world.log.events.length
    const headThen = await world.heads.get('checkpoint')
    await shopping(world, 'T-2', 'anna')
    await world.sync('T-2')
    await shopping(world, 'T-1', 'anna')
    await world.sync('T-1')
    await putHeads(world, 'checkpoint', headThen)
    await world.restoreCentres(backup)
    await shopping(world, order[0] as string, 'anna')
    for (const id of order) {
      await shopping(world, id, 'ben')
      await world.sync(id)
    }
    await mended(world)
  })

  it('acknowledges a terminal that comes when the new origin has begun, and had seen more', async () => {
    const world = await twoTills('comes later')
    for (const id of ['T-1', 'T-2']) await world.sync(id)
    const backup = world.log.events.length
    const headThen = await world.heads.get('checkpoint')
    await shopping(world, 'T-2', 'anna')
    await world.sync('T-2')
    await shopping(world, 'T-1', 'anna')
    await world.sync('T-1')
    await putHeads(world, 'checkpoint', headThen)
    await world.restoreCentres(backup)
    await shopping(world, 'T-2', 'anna')
    await world.sync('T-2')
    orThrow(await world.centre().signing.beginAnew())
    expect(isRefusal(await world.sync('T-2'))).toBe(false)
    await shopping(world, 'T-1', 'ben')
    await world.sync('T-1')
    await mended(world)
  })

  it('to before a new origin began begins one that no terminal has seen', async () => {
    const world = await twoTills('before the new origin')
    await world.sync('T-1')
    const backup = world.log.events.length
    const headThen = (await world.heads.get('checkpoint')) as string
    await shopping(world, 'T-1', 'anna')
    await world.sync('T-1')
    await world.restoreCentres(backup)
    await world.sync('T-1')
    orThrow(await world.centre().signing.beginAnew())
    await shopping(world, 'T-1', 'anna')
    await world.sync('T-1')
    expect(isRefusal(await world.sync('T-1'))).toBe(false)
    // The heads of that backup know of no new origin.
    const texts = new Map<string, string>([['checkpoint', headThen]])
    Object.assign(world.heads, {
      get: async (name: string) => texts.get(name),
      replace: async (name: string, was: string | undefined, text: string) => {
        if (texts.get(name) !== was) return false
        texts.set(name, text)
        return true
      },
    } satisfies Heads)
    await world.restoreCentres(backup)
    await shopping(world, 'T-1', 'anna')
    await world.sync('T-1')
    expect(world.centre().status().log.silence).toBeDefined()
    await mended(world)
    expect(world.centre().status().log.origin).toMatch(/\/3$/)
    expect(atTerminal(world, 'CheckpointRefused')).toEqual([])
  })
})

it('an answer about the log waits two seconds at most, and a batch is taken in, while the heads are away', async () => {
  const world = await twoTills('heads away')
  const stop = new AbortController()
  const { get } = world.heads
  await shopping(world, 'T-1', 'anna')
  await world.sync('T-1')
  await shopping(world, 'T-1', 'anna')
  Object.assign(world.heads, {
    get: async (name: string) => {
      await sleep(6000, stop.signal)
      return get(name)
    },
  })
  const before = world.log.events.length
  // Somebody's turn waits for the heads already.
  void world.centre().signing.covering(100_000)
  await sleep(10, stop.signal)
  void world.till('T-1').syncNow()
  await expect.poll(() => world.log.events.length, { timeout: 1000 }).toBeGreaterThan(before + 1)
  stop.abort()
})

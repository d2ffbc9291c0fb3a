import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hex } from '#canonical/bytes'
import { trustEvent } from '#canonical/event'
import type { EventStore, StoredEvent } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
import { minorUnits } from '#money'
import { appendLeaf, eventLeaf, leafHash, memoryHashes, rootHash } from '#transparency/merkle'
import { copyLog, receiptClock } from '../../apps/tally/copy.ts'
import { copyOf, rechained } from '../scenarios/hand.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** A log goes into another store as it is: order, indices, texts, times of receipt; from where an earlier try ended. */
let world: World
let log: readonly StoredEvent[]
let root: string
beforeAll(async () => {
  world = await makeWorld({ seed: 'copy', terminals: 2 })
  for (const [place, id] of ['T-1', 'T-2', 'T-1', 'T-2'].entries()) {
    orThrow(await world.key(BigInt(100 + place), id))
    await world.tap('anna', id)
    world.clock.at += 61_000
    orThrow(await world.sync(id))
  }
  // Two of one stream, one after the other, and not taken together.
  for (const amount of ['100', '200']) {
    const repayment = { account: 'anna', amount: minorUnits(amount), currency: 'EUR', source: 'bank' }
    orThrow(await world.centre().receiveRepayment({ ...repayment, by: 'operator:ada' }))
    world.clock.at += 61_000
  }
  log = [...world.log.events]
  const hashes = memoryHashes()
  for (const { index, stream, revision, text } of log) {
    const leaf = eventLeaf({ stream, revision, hash: trustEvent(text).hash })
    appendLeaf(world.crypto, hashes, index, leafHash(world.crypto, leaf))
  }
  root = hex(rootHash(world.crypto, hashes, log.length))
})
afterAll(() => world.end())

/** A target that is told what is appended to it. */
const empty = () => {
  const receipts = receiptClock()
  const store = memoryStore(receipts.now)
  const appends: number[] = []
  const append: EventStore['append'] = (stream, expected, events) => {
    appends.push(events.length)
    return store.append(stream, expected, events)
  }
  return { target: { ...store, append }, events: store.events, receipts, appends }
}
const copy = async (source: Pick<EventStore, 'readAll'>, to = empty()) =>
  copyLog(world.crypto, source, to.target, { receipts: to.receipts })
const failure = (act: Promise<unknown>): Promise<Error> =>
  act.then(
    () => expect.fail('it was done'),
    (error: Error) => error,
  )

it('a copy holds every event at its index, as it was taken and when, under the root of the log', async () => {
  const to = empty()
  expect(await copy(world.log, to)).toEqual({ events: log.length, held: 0, root })
  expect(to.events).toEqual(log)
  expect(new Set(log.map(({ storedAt }) => storedAt)).size).toBeGreaterThan(4)
})

it('events of one stream that were taken together go together, and no others', async () => {
  const to = empty()
  await copy(world.log, to)
  const runs = log.filter(
    ({ stream, storedAt }, place) => stream !== log[place - 1]?.stream || storedAt !== log[place - 1]?.storedAt,
  )
  expect(to.appends).toHaveLength(runs.length)
  expect(Math.max(...to.appends)).toBeGreaterThan(4)
})

it('an empty log is copied to an empty one', async () => {
  expect(await copy(memoryStore(() => ''))).toMatchObject({ events: 0, held: 0 })
})

describe('a copy that was cut short', () => {
  it('goes on after every event at which it may have been cut, and writes nothing twice', async () => {
    for (let held = 0; held <= log.length; held++) {
      const to = empty()
      for (const { stream, revision, id, type, text, storedAt } of log.slice(0, held)) {
        to.receipts.set(storedAt)
        await to.target.append(stream, revision === 0 ? 'NoStream' : revision - 1, [{ id, type, text }])
      }
      expect(await copy(world.log, to)).toEqual({ events: log.length, held, root })
      expect(to.events).toEqual(log)
    }
  })

  it('by a store that fails is a beginning of the log, from which the next try goes on', async () => {
    const whole = empty()
    await copy(world.log, whole)
    for (let fails = 1; fails <= whole.appends.length; fails += 3) {
      const to = empty()
      let appends = 0
      const failing: EventStore['append'] = (...asked) => {
        appends += 1
        return appends === fails ? Promise.reject(new Error('no room')) : to.target.append(...asked)
      }
      const target = { ...to.target, append: failing }
      expect(await failure(copyLog(world.crypto, world.log, target, { receipts: to.receipts }))).toMatchObject({
        message: 'no room',
      })
      expect(to.events).toEqual(log.slice(0, to.events.length))
      expect(await copy(world.log, to)).toMatchObject({ events: log.length, root })
    }
  })
})

describe('it is refused', () => {
  const into = async (events: readonly StoredEvent[], texts?: ReadonlyMap<string, string>) => {
    const target = await copyOf(events, texts)
    const before = (target as unknown as { events: readonly StoredEvent[] }).events.length
    const error = await failure(copyLog(world.crypto, world.log, target, { receipts: receiptClock() }))
    expect((target as unknown as { events: readonly StoredEvent[] }).events).toHaveLength(before)
    return error
  }

  it('where the target parts from the source, and the log index is told', async () => {
    const altered = log[7] as StoredEvent
    const texts = new Map([[altered.id, altered.text.replace('"money":', '"money": ')]])
    expect(await into(log.slice(0, 12), texts)).toMatchObject({
      code: 'CopyFailed',
      message: expect.stringMatching(/^The logs part at log index 7: text of .*nothing was written/),
    })
    const [first] = log as [StoredEvent]
    const other = { ...first, id: '00000000-0000-4000-8000-000000000000' }
    expect(await into([other])).toMatchObject({ message: expect.stringMatching(/part at log index 0: id of/) })
  })

  it('where the target holds more than the source', async () => {
    const target = await copyOf(log)
    const shorter = await copyOf(log.slice(0, 5))
    expect(await failure(copyLog(world.crypto, shorter, target, { receipts: receiptClock() }))).toMatchObject({
      code: 'CopyFailed',
      message: expect.stringContaining('The target goes on where the source ends, at log index 5'),
    })
  })

  it('where the source does not hold, before anything of that event is written', async () => {
    const event = log.find(({ revision }) => revision === 3) as StoredEvent
    const stream = log.filter(each => each.stream === event.stream)
    const broken = [
      // A word was changed.
      new Map([[event.id, event.text.replace(/"at":"2026/, '"at":"2025')]]),
      // And with it the hash of the event, but not of those after it.
      new Map([...rechained(stream, stream[1]?.id as string, one => ({ ...one, by: 'x' }))].slice(0, 2)),
    ]
    for (const texts of broken) {
      const to = empty()
      expect(await failure(copy(await copyOf(log, texts), to))).toMatchObject({
        code: 'CopyFailed',
        message: expect.stringMatching(/^The source does not hold: .*(its hash is|its prev is not)/),
      })
      expect(to.events.length).toBeLessThan(log.length)
      const written = to.events.map(({ id, text }) => [id, text])
      expect(written).toEqual(log.slice(0, written.length).map(({ id, text }) => [id, texts.get(id) ?? text]))
    }
  })

  it('where somebody else writes to the target meanwhile', async () => {
    const to = empty()
    let appends = 0
    const append: EventStore['append'] = async (...asked) => {
      appends += 1
      if (appends === 3)
        await to.target.append('other', 'NoStream', [
          { id: '00000000-0000-4000-8000-000000000000', type: 'Noted', text: '{}' },
        ])
      return to.target.append(...asked)
    }
    const target = { ...to.target, append }
    expect(await failure(copyLog(world.crypto, world.log, target, { receipts: to.receipts }))).toMatchObject({
      code: 'CopyFailed',
      message: expect.stringContaining('Somebody else writes to the target'),
    })
  })

  it('where what was written is not what is read again', async () => {
    const to = empty()
    const append: EventStore['append'] = (stream, expected, events) =>
      to.target.append(
        stream,
        expected,
        events.map(event => ({ ...event, text: event.text.replace('"money":false', '"money":true') })),
      )
    const target = { ...to.target, append }
    expect(await failure(copyLog(world.crypto, world.log, target, { receipts: to.receipts }))).toMatchObject({
      code: 'CopyFailed',
      message: expect.stringMatching(/^The copy is not the log: .*Do not use the target/),
    })
  })
})

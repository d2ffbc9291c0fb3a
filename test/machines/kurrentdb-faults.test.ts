import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  AppendRefused,
  type EventStore,
  type EventToAppend,
  type Expected,
  readStream,
  type StoredEvent,
  StoreFailed,
  WrongExpectedRevision,
} from '#eventstore'
import { type KurrentOptions, type KurrentStore, kurrentStore } from '#eventstore/kurrentdb'
import { type Fault, type KurrentDouble, kurrentDouble } from '../kurrentdb/double.ts'

const now = () => new Date().toISOString()
const event = (text = '{}'): EventToAppend => ({ id: randomUUID(), type: 'Noted', text })
const some = (count: number): EventToAppend[] =>
  Array.from({ length: count }, (_, place) => event(`{"place":${place}}`))
const ids = (events: readonly EventToAppend[]): string[] => events.map(({ id }) => id)
const pause = (for_ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, for_ms))
const gather = async (pages: AsyncIterable<readonly StoredEvent[]>): Promise<StoredEvent[]> => {
  const all: StoredEvent[] = []
  for await (const page of pages) all.push(...page)
  return all
}
const refusal = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    answer => expect.fail(`it was taken: ${JSON.stringify(answer)}`),
    (error: unknown) => error,
  )

const loaded = (name: string): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some(path => path.includes(`/node_modules/${name}/`))

// The first test of the file: the next one loads it.
it('the client and its native part are loaded only when a store is opened', async () => {
  expect(loaded('@kurrent/bridge')).toBe(false)
  const double = await kurrentDouble()
  await (await kurrentStore(double.url, now)).close()
  double.close()
  expect(loaded('@kurrent/bridge')).toBe(true)
})

let double: KurrentDouble
let stores: KurrentStore[]
/** Impatient, so that a test sees the second try soon; yet a client's first read takes half a second. */
const impatient = { answer_ms: 800, patience_ms: 20_000, look_ms: 200 }
const given = async (
  options: Parameters<typeof kurrentDouble>[0] = {},
  how: KurrentOptions = impatient,
): Promise<KurrentStore> => {
  double = await kurrentDouble(options)
  return beside(how)
}
const beside = async (how: KurrentOptions = impatient): Promise<KurrentStore> => {
  const store = await kurrentStore(double.url, now, how)
  stores.push(store)
  return store
}
beforeEach(() => {
  stores = []
})
afterEach(async () => {
  for (const store of stores) await store.close()
  double?.close()
})

const written = ['yes', 'no', 'late'] as const
const heard = ['nothing', 'busy', 'timeout', 'unknown', 'broken'] as const

describe.each([
  ['in batches', true],
  ['one append a call', false],
])('appending %s', (_, batches) => {
  describe('what becomes of it is', () => {
    let one: KurrentDouble
    let store: KurrentStore
    let next = 0
    beforeAll(async () => {
      one = await kurrentDouble({ batches })
      store = await kurrentStore(one.url, now, impatient)
    })
    afterAll(async () => {
      await store.close()
      one.close()
    })

    it.each(written.flatMap(done => heard.map(word => [done, word] as const)))(
      'written: %s, heard: %s — and it is one append, answered as if nothing had been',
      async (done, word) => {
        const stream = randomUUID()
        const events = some(3)
        one.faults.push({ written: done, heard: word })
        expect(await store.append(stream, 'NoStream', events)).toEqual({
          revision: 2,
          index: next + 2,
          repeated: false,
        })
        // A first try that comes to the server after the second is no second append either.
        if (done === 'late') await pause(450)
        expect(await store.append(stream, 2, some(1))).toMatchObject({ revision: 3, index: next + 3 })
        expect(ids(await gather(store.readAll({ from: next }))).slice(0, 3)).toEqual(ids(events))
        next += 4
      },
    )
  })

  it('fails again and again, in every way, and is one append', async () => {
    const store = await given({ batches })
    const faults = written.flatMap(done => heard.map((word): Fault => ({ written: done, heard: word })))
    double.faults.push(...faults.filter(({ heard }, place) => heard !== 'nothing' && place % 2 === 0))
    const events = some(2)
    expect(await store.append('stream', 'NoStream', events)).toEqual({ revision: 1, index: 1, repeated: false })
    expect(ids(await readStream(store, 'stream'))).toEqual(ids(events))
  })

  it('goes on in its order when the first of several to one stream must be asked again', async () => {
    const store = await given({ batches })
    const events = some(10)
    double.faults.push({ written: 'no', heard: 'broken' }, { written: 'yes', heard: 'busy' })
    const answers = await Promise.all(
      events.map((each, place) => store.append('stream', place === 0 ? 'NoStream' : place - 1, [each])),
    )
    expect(answers.map(({ revision }) => revision)).toEqual([...events.keys()])
    expect(ids(await readStream(store, 'stream'))).toEqual(ids(events))
  })

  it('is refused with what is there, also on a second try, when another was first', async () => {
    const store = await given({ batches })
    const another = await beside()
    await another.append('stream', 'NoStream', some(4))
    double.faults.push({ written: 'no', heard: 'broken' })
    expect(await refusal(store.append('stream', 1, some(1)))).toMatchObject({
      code: 'WrongExpectedRevision',
      expected: 1,
      actual: 3,
    })
    expect(await refusal(store.append('nowhere', 1, some(1)))).toMatchObject({ actual: 'NoStream' })
  })

  it('what the server takes as too large is refused at once', async () => {
    const store = await given({ batches, maxAppendSize: 1000 })
    const error = await refusal(store.append('stream', 'NoStream', [event(JSON.stringify('x'.repeat(2000)))]))
    expect(error).toBeInstanceOf(AppendRefused)
    expect(await store.append('stream', 'NoStream', some(1))).toMatchObject({ index: 0 })
  })

  it('says when patience is at its end, and the same append asked again says what was written', async () => {
    const store = await given({ batches }, { ...impatient, patience_ms: 2_000 })
    double.mute.add('append')
    const events = some(2)
    const error = await refusal(store.append('stream', 'NoStream', events))
    expect(error).toBeInstanceOf(StoreFailed)
    expect((error as Error).message).toMatch(
      /^Append to stream failed after \d times in 2000 ms: no answer within \d+ ms\.$/,
    )
    double.mute.clear()
    expect(await store.append('stream', 'NoStream', events)).toEqual({ revision: 1, index: 1, repeated: false })
  })

  it('a server whose clock is an hour ahead of ours still takes it', async () => {
    const store = await given({ batches, clockAhead_ms: 3_600_000 })
    expect(await store.append('stream', 'NoStream', some(1))).toMatchObject({ revision: 0 })
    expect(double.asked.append).toBe(1)
  })

  it('connections that break under many large appends lose none, and the process lives', async () => {
    const store = await given({ batches }, { ...impatient, answer_ms: 5_000, patience_ms: 30_000 })
    const large = () => event(JSON.stringify('x'.repeat(500_000)))
    for (let at = 0; at < 60; at++)
      double.faults.push(at % 9 === 0 ? { written: 'no', heard: 'broken' } : { written: 'yes', heard: 'answer' })
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, place) => store.append(`stream-${place}`, 'NoStream', [large()])),
    )
    expect(new Set(answers.map(({ index }) => index))).toEqual(new Set(Array(40).keys()))
  })
})

describe('a cluster of three', () => {
  it.each<[string, Fault]>([
    ['before it was written', { written: 'no', heard: 'broken', leader: 1 }],
    ['after it was written, without a reply', { written: 'yes', heard: 'nothing', leader: 1 }],
    ['after it was written, with the connection lost', { written: 'yes', heard: 'broken', leader: 2 }],
    ['and it was not replicated', { written: 'no', heard: 'timeout', leader: 2 }],
  ])('another leader in the middle of an append, %s: one append', async (_, fault) => {
    const store = await given({ nodes: 3 })
    await store.append('before', 'NoStream', some(1))
    const events = some(3)
    double.faults.push(fault)
    expect(await store.append('stream', 'NoStream', events)).toEqual({ revision: 2, index: 3, repeated: false })
    expect(ids(await readStream(store, 'stream'))).toEqual(ids(events))
    expect(await gather(store.readAll({ from: 0 }))).toHaveLength(4)
  })

  it('goes to the new leader when a follower refuses, in reads as in appends', async () => {
    const store = await given({ nodes: 3 })
    for (let turn = 0; turn < 6; turn++) {
      double.lead(turn % 3)
      expect(await store.append('stream', turn === 0 ? 'NoStream' : turn - 1, some(1))).toMatchObject({ index: turn })
      double.lead((turn + 1) % 3)
      expect(await readStream(store, 'stream')).toHaveLength(turn + 1)
    }
  })

  it('leaders that change and nodes that go away under sixteen appenders and a follower: all once, in order', async () => {
    const store = await given({ nodes: 3 }, { ...impatient, patience_ms: 30_000 })
    const seen: StoredEvent[] = []
    const stop = new AbortController()
    const following = (async () => {
      for await (const page of store.follow({ from: 0, signal: stop.signal })) seen.push(...page)
    })()
    const wanted = new Map<string, string[]>()
    const disorder = (async () => {
      for (let turn = 0; turn < 6; turn++) {
        await pause(700)
        const node = turn % 3
        double.lead((node + 1) % 3)
        double.stop(node)
        await pause(150)
        double.cut()
        await double.start(node)
      }
    })()
    await Promise.all(
      Array.from({ length: 16 }, async (_, place) => {
        const stream = `stream-${place}`
        wanted.set(stream, [])
        for (let turn = 0, at: Expected = 'NoStream'; turn < 40; turn++) {
          const pair = some(2)
          at = (await store.append(stream, at, pair)).revision
          wanted.get(stream)?.push(...ids(pair))
          await pause(100)
        }
      }),
    )
    await disorder
    while (seen.length < 16 * 80) await pause(20)
    stop.abort()
    await following
    expect(seen.map(({ index }) => index)).toEqual([...Array(16 * 80).keys()])
    for (const [stream, expected] of wanted) {
      expect(ids(seen.filter(each => each.stream === stream))).toEqual(expected)
      expect(ids(await readStream(store, stream))).toEqual(expected)
    }
  })

  it('all away for longer than the client looks for them, and back: it goes on', async () => {
    const store = await given({ nodes: 3 }, { ...impatient, patience_ms: 20_000 })
    await store.append('stream', 'NoStream', some(1))
    for (const node of [0, 1, 2]) double.stop(node)
    const appending = store.append('stream', 0, some(1))
    // Ten discoveries, 100 ms between them; the client then keeps that failure for ever.
    await pause(2_500)
    for (const node of [0, 1, 2]) await double.start(node)
    expect(await appending).toEqual({ revision: 1, index: 1, repeated: false })
    expect(await readStream(store, 'stream')).toHaveLength(2)
  })
})

describe('a server that takes calls and answers none', () => {
  it.each(['features', 'append', 'read'] as const)(
    '%s: fails in time, and goes on when it answers again',
    async call => {
      const store = await given({}, { ...impatient, patience_ms: 2_000 })
      double.cut()
      double.mute.add(call)
      // The client has asked for features already; a broken connection makes it ask again.
      double.faults.push({ written: 'no', heard: 'broken' })
      const act = () => (call === 'read' ? readStream(store, 'stream') : store.append('stream', 'NoStream', some(1)))
      const begun = performance.now()
      expect(await refusal(act())).toBeInstanceOf(StoreFailed)
      expect(performance.now() - begun).toBeLessThan(8_000)
      double.mute.clear()
      double.faults.splice(0)
      expect(await store.append('other', 'NoStream', some(1))).toMatchObject({ revision: 0 })
      expect(await readStream(store, 'other')).toHaveLength(1)
    },
  )

  it('is not opened', async () => {
    double = await kurrentDouble()
    double.mute.add('read')
    expect(await refusal(kurrentStore(double.url, now, { answer_ms: 100, patience_ms: 300 }))).toMatchObject({
      code: 'StoreFailed',
    })
  })
})

describe('reading', () => {
  it('goes on where a read broke off: all once', async () => {
    const store = await given()
    const events = some(20)
    await store.append('stream', 'NoStream', events)
    const seen: StoredEvent[] = []
    for await (const page of store.read('stream', { from: 0, direction: 'forward', pageSize: 5 })) {
      seen.push(...page)
      double.breakReads(2)
    }
    expect(ids(seen)).toEqual(ids(events))
  })

  it('passes over what is the system’s, and counts none of it', async () => {
    const store = await given()
    const own = { contentType: 'application/json', data: Buffer.from('{}'), metadata: Buffer.of() }
    const system = (stream: string, type: string) =>
      double.log.append(stream, 'any', [{ ...own, id: randomUUID(), type }])
    for (let at = 0; at < 5; at++) {
      system('$connectors/manager', 'ConnectorStopped')
      system('$$stream', '$metadata')
      system('notes', '$>')
      await store.append('stream', at === 0 ? 'NoStream' : at - 1, some(1))
    }
    const another = await beside()
    for (const each of [store, another]) {
      expect((await gather(each.readAll({ from: 0, pageSize: 2 }))).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4])
      expect((await readStream(each, 'stream')).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4])
    }
  })

  it('a stream that somebody deleted by the database’s own means is named', async () => {
    const store = await given()
    await store.append('soft', 'NoStream', some(2))
    await store.append('hard', 'NoStream', some(2))
    double.log.remove('soft', 'any')
    double.log.bury('hard', 'any')
    expect(await readStream(store, 'soft')).toEqual([])
    expect(await refusal(readStream(store, 'hard'))).toMatchObject({ code: 'StoreFailed' })
    const error = await refusal(store.append('hard', 1, some(1)))
    expect(error).toBeInstanceOf(StoreFailed)
    expect(await gather(store.readAll({ from: 0 }))).toHaveLength(4)
  })

  it('a log that is older than what was counted is not read on as if nothing had been', async () => {
    const store = await given({}, { ...impatient, patience_ms: 1_000 })
    await store.append('stream', 'NoStream', some(10))
    double.log.restore(5)
    double.cut()
    expect(await refusal(gather(store.readAll({ from: 0 })))).toMatchObject({ code: 'StoreFailed' })
  })
})

describe('following', () => {
  const follow = (store: EventStore, from = 0) => {
    const stop = new AbortController()
    const seen: StoredEvent[] = []
    const ended = (async () => {
      for await (const page of store.follow({ from, pageSize: 7, signal: stop.signal })) seen.push(...page)
    })()
    const until = async (count: number) => {
      while (seen.length < count) await pause(5)
    }
    return { seen, until, end: () => (stop.abort(), ended) }
  }

  it('a subscription that is cut again and again leaves nothing out and gives nothing twice', async () => {
    const store = await given()
    const another = await beside()
    const follower = follow(store)
    let cuts = 0
    for (let turn = 0; turn < 60; turn++) {
      await another.append('stream', turn === 0 ? 'NoStream' : turn * 3 - 1, some(3))
      if (turn % 4 === 0) cuts += double.cut()
      if (turn % 10 === 0) await pause(100)
    }
    await follower.until(180)
    await follower.end()
    expect(cuts).toBeGreaterThan(5)
    expect(follower.seen.map(({ index }) => index)).toEqual([...Array(180).keys()])
    expect(ids(follower.seen)).toEqual(ids(await readStream(another, 'stream')))
  })

  it('a subscription that is open and silent holds up no append, and is begun again', async () => {
    const store = await given()
    await store.append('stream', 'NoStream', some(1))
    const before = double.asked.subscribe
    double.silence()
    expect(await store.append('stream', 0, some(2))).toMatchObject({ index: 2 })
    while (double.asked.subscribe === before) await pause(5)
    for (let at = 2; at < 12; at++) await store.append('stream', at, some(1))
    expect(double.asked.subscribe).toBe(before + 1)
  })

  it('a subscription that is open and silent holds up no follower', async () => {
    const store = await given()
    const another = await beside()
    const follower = follow(store)
    await another.append('stream', 'NoStream', some(2))
    await follower.until(2)
    double.silence()
    await another.append('stream', 1, some(2))
    await follower.until(4)
    await follower.end()
    expect(follower.seen.map(({ index }) => index)).toEqual([0, 1, 2, 3])
  })

  it('outlives a cluster that is away', async () => {
    const store = await given({ nodes: 3 }, { ...impatient, patience_ms: 500 })
    const follower = follow(store)
    await store.append('stream', 'NoStream', some(2))
    await follower.until(2)
    for (const node of [0, 1, 2]) double.stop(node)
    await pause(2_000)
    for (const node of [0, 1, 2]) await double.start(node)
    const another = await beside()
    await another.append('stream', 1, some(2))
    await follower.until(4)
    await follower.end()
    expect(follower.seen.map(({ index }) => index)).toEqual([0, 1, 2, 3])
  })

  it('ten followers near the end read the log once', async () => {
    const store = await given()
    const followers = Array.from({ length: 10 }, () => follow(store))
    await store.append('stream', 'NoStream', some(100))
    for (const follower of followers) await follower.until(100)
    const before = double.sent()
    await store.append('stream', 99, some(100))
    for (const follower of followers) await follower.until(200)
    for (const follower of followers) await follower.end()
    expect(double.sent() - before).toBeLessThan(300)
  })
})

describe('the log index', () => {
  const paged = { ...impatient, answer_ms: 5_000, positionsPerPage: 10 }
  const pages = () => double.log.of('tallystick-positions').events
  const settled = async (count: number) => {
    while (pages().length < count) await pause(5)
  }
  const fill = async (store: EventStore, streams: number) => {
    for (let place = 0; place < streams; place++) await store.append(randomUUID(), 'NoStream', some(7))
  }

  it('is kept in the log in pages, and a store that opens reads them and counts only the rest', async () => {
    const store = await given({}, paged)
    await fill(store, 15)
    await settled(10)
    const before = await gather(store.readAll({ from: 0 }))
    const sent = double.sent()
    const another = await beside(paged)
    // Ten pages, the last event that they count, and five events after it.
    expect(double.sent() - sent).toBeLessThanOrEqual(10 + 1 + 5)
    expect(await gather(another.readAll({ from: 0 }))).toEqual(before)
    expect(before.map(({ index }) => index)).toEqual([...Array(105).keys()])
  })

  it('pages that count every event leave none to count, and all are read', async () => {
    const store = await given({}, { ...paged, positionsPerPage: 7 })
    await fill(store, 3)
    await settled(3)
    const another = await beside(paged)
    expect(await gather(another.readAll({ from: 0, pageSize: 4 }))).toEqual(await gather(store.readAll({ from: 0 })))
    expect(await another.append('stream', 'NoStream', some(1))).toMatchObject({ index: 21 })
    expect(await gather(another.readAll({ from: 20 }))).toHaveLength(2)
  })

  it('is the same for all who keep pages at once', async () => {
    const one = await given({}, paged)
    const two = await beside(paged)
    const three = await beside({ ...paged, positionsPerPage: 4 })
    await Promise.all([fill(one, 10), fill(two, 10), fill(three, 10)])
    while (pages().reduce((sum, { data }) => sum + 1 + JSON.parse(Buffer.from(data).toString()).steps.length, 0) < 200)
      await pause(5)
    const four = await beside(paged)
    const all = await gather(one.readAll({ from: 0 }))
    expect(all.map(({ index }) => index)).toEqual([...Array(210).keys()])
    for (const each of [two, three, four]) expect(await gather(each.readAll({ from: 0 }))).toEqual(all)
  })

  it('needs no page: without them it is counted again, and is the same', async () => {
    const store = await given({}, paged)
    await fill(store, 5)
    await settled(3)
    const before = await gather(store.readAll({ from: 0 }))
    double.log.remove('tallystick-positions', 'any')
    const another = await beside(paged)
    expect(await gather(another.readAll({ from: 0 }))).toEqual(before)
  })

  it('a page that does not agree with the log is found at opening', async () => {
    const store = await given({}, paged)
    await fill(store, 3)
    await settled(2)
    const data = Buffer.from('{"first":20,"at":1000000,"steps":[100]}')
    const page = { id: randomUUID(), type: '$positions', contentType: 'application/json', data, metadata: Buffer.of() }
    double.log.append('tallystick-positions', 1n, [page])
    expect(await refusal(beside({ ...paged, patience_ms: 500 }))).toMatchObject({ code: 'StoreFailed' })
  })

  it('nobody else appends where the pages are', async () => {
    const store = await given()
    expect(await refusal(store.append('tallystick-positions', 'NoStream', some(1)))).toBeInstanceOf(AppendRefused)
  })
})

it('a connection string that makes the client answer wrongly is refused', async () => {
  const error = await refusal(kurrentStore('kurrentdb://127.0.0.1:2113?tls=false&throwOnAppendFailure=false', now))
  expect(error).toBeInstanceOf(StoreFailed)
})

it('a closed store says so, and its followers end', async () => {
  const store = await given()
  await store.append('stream', 'NoStream', some(1))
  const following = gather(store.follow({ from: 0, signal: new AbortController().signal }))
  await pause(50)
  await store.close()
  expect(await following).toHaveLength(1)
  expect(await refusal(store.append('stream', 0, some(1)))).toMatchObject({ code: 'StoreFailed' })
  expect(await refusal(store.append('stream', 0, some(1)))).not.toBeInstanceOf(WrongExpectedRevision)
})

it('closes while the cluster is away, and nothing of it is heard later', async () => {
  const store = await given({ nodes: 3 })
  await store.append('stream', 'NoStream', some(1))
  for (const node of [0, 1, 2]) double.stop(node)
  double.cut()
  const appending = store.append('stream', 0, some(1))
  await pause(100)
  await store.close()
  expect(await refusal(appending)).toMatchObject({ code: 'StoreFailed' })
  // Longer than the client goes on looking for a node: an error that nobody hears would end the process.
  await pause(2_000)
})

import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Appended,
  AppendRefused,
  appendBytesMax,
  type EventStore,
  type EventToAppend,
  type Expected,
  type ReadStream,
  readLast,
  readStream,
  type StoredEvent,
  WrongExpectedRevision,
} from '#eventstore'

export type Opened = {
  readonly store: EventStore
  /** Ends this store and opens the same log again, where the engine keeps it longer than the process. */
  readonly reopen?: () => Promise<EventStore>
  /** A second store on the same log, as another process has it. */
  readonly beside?: () => Promise<EventStore>
  readonly close: () => Promise<void>
}

const event = (text = '{}', id: string = randomUUID(), type = 'Noted'): EventToAppend => ({ id, type, text })
const some = (count: number, mark = 'e'): EventToAppend[] =>
  Array.from({ length: count }, (_, place) => event(`{"mark":"${mark}","place":${place}}`))

const gather = async (pages: AsyncIterable<readonly StoredEvent[]>): Promise<StoredEvent[]> => {
  const all: StoredEvent[] = []
  for await (const page of pages) all.push(...page)
  return all
}
const sizes = async (pages: AsyncIterable<readonly StoredEvent[]>): Promise<number[]> => {
  const all: number[] = []
  for await (const page of pages) all.push(page.length)
  return all
}
const pause = (for_ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, for_ms))
const bare = ({ id, type, text }: EventToAppend): EventToAppend => ({ id, type, text })
const ids = (events: readonly EventToAppend[]): string[] => events.map(({ id }) => id)
const refusal = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    answer => expect.fail(`it was taken: ${JSON.stringify(answer)}`),
    (error: unknown) => error,
  )

/** A follower that is read page by page, so that a test says when it looks. */
const following = (store: EventStore, from: number, pageSize?: number) => {
  const stop = new AbortController()
  const asked = { from, signal: stop.signal, ...(pageSize === undefined ? {} : { pageSize }) }
  const pages = store.follow(asked)[Symbol.asyncIterator]()
  const seen: StoredEvent[] = []
  const page = async (): Promise<readonly StoredEvent[] | undefined> => {
    const { done, value } = await pages.next()
    if (done) return undefined
    seen.push(...value)
    return value
  }
  /** Reads on until it says that it has caught up. */
  const caughtUp = async (): Promise<void> => {
    for (let read = await page(); read?.length !== 0; read = await page())
      if (read === undefined) throw new Error('the follower ended')
  }
  return {
    seen,
    page,
    caughtUp,
    /** Reads on until so many were seen, and then until it says that it has caught up. */
    until: async (count: number): Promise<void> => {
      do await caughtUp()
      while (seen.length < count)
    },
    stop: () => stop.abort(),
    end: async (): Promise<void> => {
      stop.abort()
      await pages.return?.(undefined)
    },
  }
}

/**
 * What "store" means, for every engine. `open` gives a store of its own for each test; events that were there before
 * are passed over, so that a server which is not empty can be tried too.
 */
export const eventStoreContract = (name: string, open: () => Promise<Opened>): void => {
  describe(`the store in ${name}`, () => {
    let opened: Opened
    let store: EventStore
    let ends: (() => Promise<void>)[]
    /** The log index that the first event of this test gets. */
    let start: number
    let stream: string
    /** Another name in each test: a real server remembers. */
    const named = (what: string): string => `${what}-${randomUUID()}`

    beforeEach(async () => {
      opened = await open()
      store = opened.store
      ends = []
      stream = named('stream')
      start = 0
      for await (const page of store.readAll({ from: 0 })) start = (page.at(-1) as StoredEvent).index + 1
    })
    afterEach(async () => {
      for (const end of ends) await end()
      await opened.close()
    })

    const follow = (from: number, pageSize?: number, of: EventStore = store) => {
      const follower = following(of, from, pageSize)
      ends.push(follower.end)
      return follower
    }
    const read = (options: Partial<ReadStream> = {}, of = stream): Promise<StoredEvent[]> =>
      gather(store.read(of, { from: 0, direction: 'forward', ...options }))
    const readAll = (from = start, pageSize?: number): Promise<StoredEvent[]> =>
      gather(store.readAll({ from, ...(pageSize === undefined ? {} : { pageSize }) }))

    describe('appending', () => {
      it('NoStream begins a stream at revision 0, and answers with the last event’s revision and log index', async () => {
        expect(await store.append(stream, 'NoStream', some(1))).toEqual({ revision: 0, index: start, repeated: false })
        const other = named('other')
        expect(await store.append(other, 'NoStream', some(3))).toEqual({
          revision: 2,
          index: start + 3,
          repeated: false,
        })
      })

      it('the current revision goes on from there', async () => {
        await store.append(stream, 'NoStream', some(2))
        expect(await store.append(stream, 1, some(1))).toEqual({ revision: 2, index: start + 2, repeated: false })
        expect(await store.append(stream, 2, some(3))).toEqual({ revision: 5, index: start + 5, repeated: false })
        expect((await read()).map(({ revision }) => revision)).toEqual([0, 1, 2, 3, 4, 5])
      })

      it.each<[string, number, Expected, Expected]>([
        ['NoStream on a stream that is there', 2, 'NoStream', 1],
        ['a revision behind the current one', 3, 0, 2],
        ['a revision ahead of the current one', 2, 2, 1],
        ['a revision far ahead', 2, 1000, 1],
        ['revision 0 of a stream that is not there', 0, 0, 'NoStream'],
      ])('%s is refused with what is, and nothing is written', async (_, held, expected, actual) => {
        if (held > 0) await store.append(stream, 'NoStream', some(held))
        const error = await refusal(store.append(stream, expected, some(2, 'late')))
        expect(error).toBeInstanceOf(WrongExpectedRevision)
        expect(error).toMatchObject({ code: 'WrongExpectedRevision', stream, expected, actual })
        expect(await read()).toHaveLength(held)
        expect(await readAll()).toHaveLength(held)
      })

      it('all events of an append are there, or none', async () => {
        await store.append(stream, 'NoStream', some(100))
        await refusal(store.append(stream, 50, some(100, 'late')))
        expect((await readAll()).map(({ text }) => JSON.parse(text).mark)).toEqual(Array(100).fill('e'))
      })

      it('a store that another one wrote beside it knows what is', async () => {
        const beside = (await opened.beside?.()) ?? store
        const first = some(2)
        await store.append(stream, 'NoStream', first)
        expect(await refusal(beside.append(stream, 'NoStream', some(1)))).toBeInstanceOf(WrongExpectedRevision)
        expect(await beside.append(stream, 1, some(1))).toEqual({ revision: 2, index: start + 2, repeated: false })
        expect(await refusal(store.append(stream, 1, some(1)))).toMatchObject({ actual: 2 })
        expect(await store.append(stream, 2, some(1))).toEqual({ revision: 3, index: start + 3, repeated: false })
        expect(await beside.append(stream, 'NoStream', first)).toMatchObject({ revision: 1, repeated: true })
      })
    })

    describe('repeats', () => {
      it('the same ids after the same revision get the first answer again, however much was written since', async () => {
        const first = some(2)
        const second = some(2)
        await store.append(stream, 'NoStream', first)
        await store.append(stream, 1, second)
        await store.append(named('other'), 'NoStream', some(5))
        expect(await store.append(stream, 'NoStream', first)).toEqual({ revision: 1, index: start + 1, repeated: true })
        expect(await store.append(stream, 1, second)).toEqual({ revision: 3, index: start + 3, repeated: true })
        expect(await read()).toHaveLength(4)
      })

      it('are known by place and id: some of the events that were written at one time are a repeat too', async () => {
        const [one, two, three] = some(3) as [EventToAppend, EventToAppend, EventToAppend]
        await store.append(stream, 'NoStream', [one, two, three])
        const repeats: [Expected, EventToAppend[], Appended][] = [
          ['NoStream', [one], { revision: 0, index: start, repeated: true }],
          [0, [two], { revision: 1, index: start + 1, repeated: true }],
          [0, [two, three], { revision: 2, index: start + 2, repeated: true }],
        ]
        for (const [expected, events, answer] of repeats)
          expect(await store.append(stream, expected, events)).toEqual(answer)
      })

      it('are known by id alone: the text that was stored first stays', async () => {
        const id = randomUUID()
        await store.append(stream, 'NoStream', [event('{"first":true}', id)])
        expect(await store.append(stream, 'NoStream', [event('{"first":false}', id, 'Other')])).toMatchObject({
          repeated: true,
        })
        expect((await read()).map(bare)).toEqual([event('{"first":true}', id)])
      })

      it.each<[string, (held: EventToAppend[]) => EventToAppend[]]>([
        ['one more than is there', held => [...held, event()]],
        ['the first of them another', ([, two, three]) => [event(), two, three] as EventToAppend[]],
        ['the last of them another', ([one, two]) => [one, two, event()] as EventToAppend[]],
        ['in another order', ([one, two, three]) => [two, one, three] as EventToAppend[]],
        ['all of them other', () => some(3)],
      ])('%s is no repeat, and is refused', async (_, change) => {
        const held = some(3)
        await store.append(stream, 'NoStream', held)
        expect(await refusal(store.append(stream, 'NoStream', change(held)))).toMatchObject({
          code: 'WrongExpectedRevision',
          expected: 'NoStream',
          actual: 2,
        })
        expect(ids(await read())).toEqual(ids(held))
      })

      it('the same ids at another place are no repeat', async () => {
        const held = some(3)
        await store.append(stream, 'NoStream', held)
        expect(await refusal(store.append(stream, 0, held.slice(0, 2)))).toMatchObject({ actual: 2 })
        expect(await refusal(store.append(stream, 5, held))).toMatchObject({ actual: 2 })
        expect(await refusal(store.append(named('other'), 0, held))).toMatchObject({ actual: 'NoStream' })
      })

      it('an id that is there already is written again where the revision is the current one', async () => {
        const [one] = some(1) as [EventToAppend]
        await store.append(stream, 'NoStream', [one])
        expect(await store.append(stream, 0, [one, one])).toEqual({ revision: 2, index: start + 2, repeated: false })
        expect(ids(await read())).toEqual([one.id, one.id, one.id])
      })

      it('the same id in two streams is two events', async () => {
        const events = some(2)
        const other = named('other')
        await store.append(stream, 'NoStream', events)
        expect(await store.append(other, 'NoStream', events)).toEqual({
          revision: 1,
          index: start + 3,
          repeated: false,
        })
        expect(ids(await readAll())).toEqual([...ids(events), ...ids(events)])
      })

      it('a repeat that comes while the first is under way is not written twice', async () => {
        const events = some(2)
        const answers = await Promise.all(Array.from({ length: 4 }, () => store.append(stream, 'NoStream', events)))
        expect(answers.filter(({ repeated }) => !repeated)).toHaveLength(1)
        expect(new Set(answers.map(({ index }) => index))).toEqual(new Set([start + 1]))
        expect(await readAll()).toHaveLength(2)
      })
    })

    describe('limits', () => {
      const half = '\ud83d'
      it.each<[string, string, EventToAppend[]]>([
        ['no events', 'limits', []],
        ['a stream without a name', '', [event()]],
        ['a stream of the system', '$streams', [event()]],
        ['a stream’s name of 201 characters', 'n'.repeat(201), [event()]],
        ['U+0000 in a name', 'a\0b', [event()]],
        ['half a surrogate pair in a name', half, [event()]],
        ['a type of the system', 'limits', [event('{}', randomUUID(), '$>')]],
        ['a type without a name', 'limits', [event('{}', randomUUID(), '')]],
        ['an id that is no UUID', 'limits', [event('{}', 'tap-1')]],
        ['an id in capitals', 'limits', [event('{}', randomUUID().toUpperCase())]],
        ['U+0000 in the text', 'limits', [event('{"a":"\0"}')]],
        ['half a surrogate pair in the text', 'limits', [event(`{"a":"${half}"}`)]],
        ['a text of 1 MiB and one octet', 'limits', [event('x'.repeat(appendBytesMax + 1))]],
        ['texts of 1 MiB and one octet together', 'limits', [event('x'.repeat(appendBytesMax)), event('x')]],
        ['a text whose octets are more than its characters', 'limits', [event('é'.repeat(appendBytesMax / 2 + 1))]],
      ])('%s: refused before the engine, and nothing is written', async (_, to, events) => {
        const error = await refusal(store.append(to, 'NoStream', events))
        expect(error).toBeInstanceOf(AppendRefused)
        expect(error).toMatchObject({ code: 'AppendRefused', stream: to })
        expect(await readAll()).toEqual([])
      })

      it('1 MiB to the octet is taken, in one event and in many', async () => {
        const whole = event(JSON.stringify('x'.repeat(appendBytesMax - 2)))
        const parts = Array.from({ length: 1024 }, () => event(JSON.stringify('y'.repeat(1022))))
        await store.append(stream, 'NoStream', [whole])
        await store.append(stream, 0, parts)
        const held = await read()
        expect(held).toHaveLength(1025)
        expect(held.every(({ text }, place) => text === (place === 0 ? whole : parts[place - 1])?.text)).toBe(true)
      })

      it('a name of 200 characters is taken, of any script, and no name is another', async () => {
        const mark = randomUUID()
        const names = [
          `${mark}${'ш'.repeat(164)}`,
          `${mark}-A`,
          `${mark}-a`,
          `${mark}-é`,
          `${mark}-e\u0301`,
          `${mark} $x`,
          `${mark}'";--`,
          `${mark}\\x`,
        ]
        for (const each of names) await store.append(each, 'NoStream', [event(JSON.stringify(each))])
        for (const each of names)
          expect((await read({}, each)).map(({ stream, text }) => [stream, text])).toEqual([
            [each, JSON.stringify(each)],
          ])
      })
    })

    describe('texts', () => {
      it.each([
        ['letters of many scripts', '{"name":"Grüße, Ωμέγα, שלום, 你好, नमस्ते, 🧾👩‍👩‍👧"}'],
        ['composed and not', '{"a":"é","b":"e\u0301","c":"ﬁ"}'],
        ['escapes as they stand', '{"a":"\\u0000\\u001f\\n\\\\\\"","b":"\\u00e9"}'],
        ['separators that are line ends in JavaScript', '{"a":"\u2028\u2029\ufeff"}'],
        ['keys that an object would sort', '{"10":1,"9":2,"a":3}'],
        ['keys said twice', '{"a":1,"a":2}'],
        ['numbers as they are written', '{"a":1.0,"b":1e2,"c":9007199254740993,"d":-0}'],
        ['blanks', ' { "a" : 1 }\r\n\t'],
      ])('%s come back octet for octet', async (_, text) => {
        await store.append(stream, 'NoStream', [event(text)])
        const [held] = await read()
        expect(Buffer.from(held?.text ?? '').toString('hex')).toBe(Buffer.from(text).toString('hex'))
        expect((await readAll())[0]?.text).toBe(text)
      })

      it('an event comes back as it was given, with its place and when the store took it', async () => {
        const before = Date.now()
        const given = event('{"a":1}', randomUUID(), 'TransactionRecorded')
        await store.append(stream, 'NoStream', [given])
        const [held] = await read()
        expect(held).toEqual({ ...given, stream, revision: 0, index: start, storedAt: held?.storedAt })
        expect(held?.storedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
        expect(Math.abs(Date.parse(held?.storedAt ?? '') - before)).toBeLessThan(60_000)
      })
    })

    describe('reading a stream', () => {
      const held = some(10)
      beforeEach(async () => {
        await store.append(named('before'), 'NoStream', some(3))
        await store.append(stream, 'NoStream', held.slice(0, 4))
        await store.append(named('between'), 'NoStream', some(3))
        await store.append(stream, 3, held.slice(4))
      })
      const revisions = async (options: ReadStream, of = stream) =>
        (await gather(store.read(of, options))).map(({ revision }) => revision)

      it.each<[ReadStream, number[]]>([
        [{ from: 0, direction: 'forward' }, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
        [{ from: 7, direction: 'forward' }, [7, 8, 9]],
        [{ from: 9, direction: 'forward' }, [9]],
        [{ from: 10, direction: 'forward' }, []],
        [{ from: 1000, direction: 'forward' }, []],
        [{ from: 'end', direction: 'backward' }, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]],
        [{ from: 9, direction: 'backward' }, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]],
        [{ from: 2, direction: 'backward' }, [2, 1, 0]],
        [{ from: 0, direction: 'backward' }, [0]],
        [{ from: 1000, direction: 'backward' }, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]],
        [{ from: 'end', direction: 'forward' }, [9]],
        [{ from: 3, direction: 'forward', pageSize: 1 }, [3, 4, 5, 6, 7, 8, 9]],
        [{ from: 8, direction: 'backward', pageSize: 4 }, [8, 7, 6, 5, 4, 3, 2, 1, 0]],
      ])('%o', async (options, expected) => {
        expect(await revisions(options)).toEqual(expected)
      })

      it('its events carry the log index of the whole log', async () => {
        expect((await read()).map(({ index }) => index - start)).toEqual([3, 4, 5, 6, 10, 11, 12, 13, 14, 15])
        expect(ids(await read())).toEqual(ids(held))
      })

      it('comes in pages of the size that was asked for, none of them empty', async () => {
        const pages = (options: ReadStream) => sizes(store.read(stream, options))
        expect(await pages({ from: 0, direction: 'forward', pageSize: 4 })).toEqual([4, 4, 2])
        expect(await pages({ from: 0, direction: 'forward', pageSize: 5 })).toEqual([5, 5])
        expect(await pages({ from: 'end', direction: 'backward', pageSize: 3 })).toEqual([3, 3, 3, 1])
        expect(await pages({ from: 10, direction: 'forward' })).toEqual([])
      })

      it('that does not exist gives no page, in any direction', async () => {
        const nowhere = named('nowhere')
        expect(await sizes(store.read(nowhere, { from: 0, direction: 'forward' }))).toEqual([])
        expect(await sizes(store.read(nowhere, { from: 'end', direction: 'backward' }))).toEqual([])
        expect(await readStream(store, nowhere)).toEqual([])
        expect(await readLast(store, nowhere)).toBeUndefined()
      })

      it('its last event is found at once', async () => {
        expect(await readLast(store, stream)).toMatchObject({ revision: 9, id: held[9]?.id })
      })

      it('may be left in the middle, and read again', async () => {
        for await (const page of store.read(stream, { from: 0, direction: 'forward', pageSize: 2 }))
          if (page[0]?.revision === 2) break
        expect(await revisions({ from: 0, direction: 'forward' })).toHaveLength(10)
      })
    })

    describe('reading all', () => {
      it('gives every stream’s events in the order of their appends, with an index that counts them', async () => {
        const others = [named('a'), named('b'), named('c')]
        const next = new Map<string, Expected>(others.map(each => [each, 'NoStream']))
        const given: string[] = []
        for (let turn = 0; turn < 30; turn++) {
          const to = others[turn % 3] as string
          const events = some(1 + (turn % 4))
          const { revision } = await store.append(to, next.get(to) as Expected, events)
          next.set(to, revision)
          given.push(...ids(events))
        }
        const all = await readAll()
        expect(ids(all)).toEqual(given)
        expect(all.map(({ index }) => index)).toEqual(given.map((_, place) => start + place))
        for (const each of others)
          expect((await read({}, each)).map(({ id, index }) => [id, index])).toEqual(
            all.filter(({ stream }) => stream === each).map(({ id, index }) => [id, index]),
          )
      })

      it('begins at any index, and beyond the end there is nothing', async () => {
        const events = some(10)
        await store.append(stream, 'NoStream', events)
        for (const from of [0, 1, 9, 10, 1000])
          expect(ids(await readAll(start + from))).toEqual(ids(events).slice(from))
      })

      it('counts from 0, without a gap', async () => {
        await store.append(stream, 'NoStream', some(5))
        const all = await readAll(0)
        expect(all.map(({ index }) => index)).toEqual(all.map((_, place) => place))
        expect(all.length).toBe(start + 5)
      })

      it('comes in pages of the size that was asked for, none of them empty', async () => {
        await store.append(stream, 'NoStream', some(10))
        expect(await sizes(store.readAll({ from: start, pageSize: 4 }))).toEqual([4, 4, 2])
        expect(await sizes(store.readAll({ from: start, pageSize: 5 }))).toEqual([5, 5])
        expect(await sizes(store.readAll({ from: start + 10 }))).toEqual([])
      })

      it('sees what was appended before it began', async () => {
        for (let revision = 0; revision < 20; revision++) {
          await store.append(stream, revision === 0 ? 'NoStream' : revision - 1, some(1))
          expect(await readAll()).toHaveLength(revision + 1)
        }
      })
    })

    describe('following', () => {
      it('an empty log says at once that all was seen', async () => {
        const follower = follow(start)
        expect(await follower.page()).toEqual([])
      })

      it('catches up, says so, and goes on with what comes, saying so each time', async () => {
        const events = some(7)
        await store.append(stream, 'NoStream', events)
        const follower = follow(start, 3)
        await follower.caughtUp()
        expect(ids(follower.seen)).toEqual(ids(events))
        for (let more = 0; more < 3; more++) {
          const added = some(2)
          events.push(...added)
          await store.append(stream, follower.seen.length - 1, added)
          await follower.until(events.length)
          expect(ids(follower.seen)).toEqual(ids(events))
        }
        expect(follower.seen.map(({ index }) => index)).toEqual(events.map((_, place) => start + place))
        expect(follower.seen.map(bare)).toEqual(events)
      })

      it('pages are never larger than was asked for', async () => {
        await store.append(stream, 'NoStream', some(10))
        const follower = follow(start, 4)
        const first: number[] = []
        for (let page = await follower.page(); page && page.length > 0; page = await follower.page())
          first.push(page.length)
        expect(Math.max(...first)).toBeLessThanOrEqual(4)
        expect(first.reduce((sum, size) => sum + size, 0)).toBe(10)
      })

      it('resumes after the last event that was seen: none twice, none left out', async () => {
        const events = some(9)
        await store.append(stream, 'NoStream', events)
        const seen: StoredEvent[] = []
        for (let next = start; seen.length < 9; next = (seen.at(-1) as StoredEvent).index + 1) {
          const follower = follow(next, 2)
          await follower.page()
          seen.push(...follower.seen)
          await follower.end()
        }
        expect(ids(seen)).toEqual(ids(events))
      })

      it('from beyond the end: shows nothing until the log gets there', async () => {
        await store.append(stream, 'NoStream', some(3))
        const follower = follow(start + 5)
        expect(await follower.page()).toEqual([])
        const events = some(4)
        await store.append(stream, 2, events)
        await follower.until(2)
        expect(ids(follower.seen)).toEqual(ids(events).slice(2))
      })

      it('several at once see the same, each at its own pace', async () => {
        const followers = [follow(start, 1), follow(start, 3), follow(start)]
        const events = some(10)
        for (const [place, each] of events.entries())
          await store.append(stream, place === 0 ? 'NoStream' : place - 1, [each])
        for (const follower of followers) {
          await follower.until(10)
          expect(ids(follower.seen)).toEqual(ids(events))
        }
      })

      it('wakes for what another process appends', async () => {
        const beside = (await opened.beside?.()) ?? store
        const follower = follow(start)
        await follower.caughtUp()
        const next = follower.until(2)
        await pause(50)
        await beside.append(stream, 'NoStream', some(2))
        await next
        expect(follower.seen).toHaveLength(2)
      })

      it('ends by its signal while it waits', async () => {
        const follower = follow(start)
        await follower.caughtUp()
        const waiting = follower.page()
        await pause(30)
        follower.stop()
        expect(await waiting).toBeUndefined()
      })

      it('ends by its signal between pages, whatever is left', async () => {
        await store.append(stream, 'NoStream', some(10))
        const follower = follow(start, 2)
        await follower.page()
        follower.stop()
        expect(await follower.page()).toBeUndefined()
        expect(follower.seen).toHaveLength(2)
      })

      it('with a signal that was given before gives nothing', async () => {
        await store.append(stream, 'NoStream', some(2))
        const follower = follow(start)
        follower.stop()
        expect(await follower.page()).toBeUndefined()
      })

      it('one who is slow loses nothing, and nobody waits for him', async () => {
        const follower = follow(start, 7)
        await follower.caughtUp()
        const events = some(300)
        for (let place = 0; place < 300; place += 3)
          await store.append(stream, place === 0 ? 'NoStream' : place - 1, events.slice(place, place + 3))
        expect(await read()).toHaveLength(300)
        while (follower.seen.length < 300) {
          expect(await follower.page()).toBeDefined()
          await pause(1)
        }
        expect(ids(follower.seen)).toEqual(ids(events))
      })
    })

    describe('many at once', () => {
      const appenders = 16

      it('to one stream: exactly one wins each revision, and each gets his events in', async () => {
        const each = 5
        const won: { revision: number; id: string }[] = []
        await Promise.all(
          Array.from({ length: appenders }, async () => {
            for (const added of some(each)) {
              for (;;) {
                const last = await readLast(store, stream)
                try {
                  const { revision } = await store.append(stream, last?.revision ?? 'NoStream', [added])
                  won.push({ revision, id: added.id })
                  break
                } catch (error) {
                  if (!(error instanceof WrongExpectedRevision)) throw error
                }
              }
            }
          }),
        )
        const held = await read()
        expect(held).toHaveLength(appenders * each)
        expect(held.map(({ revision, id }) => ({ revision, id }))).toEqual(
          won.toSorted((a, b) => a.revision - b.revision),
        )
      })

      it('to one stream at one revision: one is written, and the others are told what is', async () => {
        const asked = Array.from({ length: appenders }, (_, place) => some(2, `${place}`))
        const answers = await Promise.allSettled(asked.map(events => store.append(stream, 'NoStream', events)))
        const taken = answers.flatMap((answer, place) => (answer.status === 'fulfilled' ? [place] : []))
        expect(taken).toHaveLength(1)
        expect(ids(await read())).toEqual(ids(asked[taken[0] as number] as EventToAppend[]))
        for (const answer of answers)
          if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ expected: 'NoStream', actual: 1 })
      })

      it('one that is refused harms no other', async () => {
        const good = Array.from({ length: appenders }, () => named('good'))
        const answers = await Promise.allSettled(
          good.flatMap(to => [
            store.append(to, 'NoStream', some(2)),
            store.append(to, 7, some(1)),
            store.append(to, 'NoStream', []),
            store.append(to, 1, some(1)),
          ]),
        )
        expect(answers.map(({ status }) => status)).toEqual(
          good.flatMap(() => ['fulfilled', 'rejected', 'rejected', 'fulfilled']),
        )
        for (const to of good) expect((await read({}, to)).map(({ revision }) => revision)).toEqual([0, 1, 2])
        expect((await readAll()).map(({ index }) => index - start)).toEqual([...Array(appenders * 3).keys()])
      })

      it('appends to one stream that follow each other without waiting are written in their order', async () => {
        const events = some(40)
        const answers = await Promise.all(
          events.map((each, place) => store.append(stream, place === 0 ? 'NoStream' : place - 1, [each])),
        )
        expect(answers.map(({ revision }) => revision)).toEqual([...events.keys()])
        expect(ids(await read())).toEqual(ids(events))
      })

      it('to many streams, in two processes, while others follow: no index is shown before a lower one', async () => {
        const beside = (await opened.beside?.()) ?? store
        const each = 12
        const total = appenders * each * 2
        const followers = [follow(start, 5), follow(start, 1000, beside)]
        const watching = Promise.all(followers.map(follower => follower.until(total)))
        // Where an append fails, that is what is told.
        watching.catch(() => {})
        const given = new Map<string, string[]>()
        const answers = new Map<string, number>()
        await Promise.all(
          Array.from({ length: appenders }, async (_, place) => {
            const mine = named('mine')
            given.set(mine, [])
            for (let turn = 0; turn < each; turn++) {
              const pair = some(2)
              const last = (given.get(mine) as string[]).length - 1
              const to = place % 2 === 0 ? store : beside
              const { revision, index } = await to.append(mine, last < 0 ? 'NoStream' : last, pair)
              expect(revision).toBe(last + 2)
              given.get(mine)?.push(...ids(pair))
              answers.set(pair[1]?.id as string, index)
            }
          }),
        )
        await watching
        const all = await readAll()
        expect(all.map(({ index }) => index)).toEqual([...Array(total).keys()].map(place => start + place))
        for (const { seen } of followers)
          expect(seen.map(({ index, id }) => [index, id])).toEqual(all.map(({ index, id }) => [index, id]))
        for (const [mine, expected] of given) expect(ids(all.filter(({ stream }) => stream === mine))).toEqual(expected)
        for (const { id, index } of all) if (answers.has(id)) expect(answers.get(id)).toBe(index)
      })
    })

    it('what was acknowledged is there when it is opened again, and goes on from there', async () => {
      const first = some(3)
      await store.append(stream, 'NoStream', first)
      const before = await readAll()
      store = (await opened.reopen?.()) ?? store
      expect(await readAll()).toEqual(before)
      expect(await store.append(stream, 'NoStream', first)).toEqual({ revision: 2, index: start + 2, repeated: true })
      expect(await store.append(stream, 2, some(1))).toEqual({ revision: 3, index: start + 3, repeated: false })
    })
  })
}

import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { memoryRows } from '#eventstore/memory/rows'
import {
  type Change,
  FoldFailed,
  intOf,
  type LoggedEvent,
  moved,
  type Projection,
  type Row,
  type Rows,
  textOf,
} from '#eventstore/rows'
import { boxEvent, type boxWords } from '../eventstore/log.ts'
import { crypto } from '../trade.ts'

/** What "rows" means, said in tests: every engine runs the same ones. */

/** `beside` is another process's hand on the same rows; in memory there is no such thing. */
export type OpenedRows = { readonly rows: Rows; beside?(): Promise<Rows>; close(): Promise<void> }

export const boxes: Projection = {
  name: 'boxes',
  version: 1,
  tables: [
    {
      name: 'box',
      key: ['box'],
      columns: { box: 'text', amount: 'int', colour: 'text' },
      indexes: [['amount'], ['colour', 'amount']],
    },
    { name: 'line', key: ['box', 'index'], columns: { box: 'text', index: 'int', amount: 'int' } },
  ],
  wants: type => type !== 'Painted',
  apply: event => {
    const { box, amount } = event.data as { box: string; amount: string }
    if (amount === 'nonsense') throw new Error('that is no amount')
    const by = event.type === 'Taken' ? -BigInt(amount) : BigInt(amount)
    if (event.type === 'Emptied') return [{ table: 'box', key: [box], row: undefined }]
    const sum: Change = {
      table: 'box',
      key: [box],
      change: row => moved(row ?? { box, amount: 0n, colour: null }, { amount: by }),
    }
    const index = BigInt(event.index)
    return [sum, { table: 'line', key: [box, index], row: { box, index, amount: by } }]
  },
}

/** Each box points to the one that was filled before it: which rows an event looks at is only known from rows. */
export const chained: Projection = {
  name: 'chained',
  version: 1,
  tables: [
    { name: 'box', key: ['box'], columns: { box: 'text', before: 'text', depth: 'int' } },
    { name: 'last', key: ['of'], columns: { of: 'int', box: 'text' } },
  ],
  wants: () => true,
  apply: (event, look) => {
    const { box } = event.data as { box: string }
    const last = look('last', [1n])
    let depth = 0n
    for (let at = last?.['box']; typeof at === 'string' && depth < 5n; depth += 1n) {
      const row = look('box', [at])
      // Without the row that it points to there is nothing to say: a fold that lacks it must not be believed.
      if (!row) throw new Error(`there is no box ${at}`)
      at = row['before']
    }
    return [
      { table: 'box', key: [box], row: { box, before: last ? textOf(last, 'box') : null, depth } },
      { table: 'last', key: [1n], row: { of: 1n, box } },
    ]
  },
}

export const page: readonly LoggedEvent[] = [
  boxEvent(0, 'Put', 'a', '5'),
  boxEvent(1, 'Put', 'b', '7'),
  boxEvent(2, 'Taken', 'a', '9'),
  boxEvent(3, 'Put', 'c', '1'),
  boxEvent(4, 'Emptied', 'c'),
]
export const all = { from: 0, next: 5 }

const painting: Projection = {
  name: 'painted',
  version: 1,
  tables: [
    {
      name: 'box',
      key: ['box'],
      columns: { box: 'text', colour: 'text', amount: 'int' },
      indexes: [['colour'], ['amount']],
    },
  ],
  wants: () => true,
  apply: event => {
    const { box, amount } = event.data as { box: string; amount: string }
    const [colour, number] = amount.split('/') as [string, string?]
    const row = { box, colour: colour === '' ? null : colour, amount: number === undefined ? null : BigInt(number) }
    return [{ table: 'box', key: [box], row }]
  },
}

/** `runs` bounds the law that folds many logs. */
export const rowsContract = (engine: string, open: () => Promise<OpenedRows>, runs = 100): void => {
  describe(`rows in ${engine}`, () => {
    const opened: OpenedRows[] = []
    afterEach(async () => {
      for (const each of opened.splice(0)) await each.close()
    })
    const fresh = async () => {
      const one = await open()
      opened.push(one)
      return one
    }
    const empty = async () => (await fresh()).rows
    const filled = async () => {
      const rows = await empty()
      expect(await rows.apply(boxes, page, all)).toBe(true)
      return rows
    }

    it('begin at the first event', async () => {
      const rows = await empty()
      expect(await rows.checkpoint(boxes)).toBe(0)
      expect(await rows.select(boxes, 'box')).toEqual([])
      expect(await rows.get(boxes, 'box', ['a'])).toBeUndefined()
      expect(await rows.sums(boxes, 'box', { column: 'amount', by: [] })).toEqual([])
      expect(await rows.fingerprint(boxes, crypto)).toBe(await memoryRows().fingerprint(boxes, crypto))
    })

    it('fold a page, with signed sums and rows that went away', async () => {
      const rows = await filled()
      expect(await rows.checkpoint(boxes)).toBe(5)
      expect(await rows.select(boxes, 'box')).toEqual([
        { box: 'a', amount: -4n, colour: null },
        { box: 'b', amount: 7n, colour: null },
      ])
      expect(await rows.get(boxes, 'line', ['a', 2n])).toEqual({ box: 'a', index: 2n, amount: -9n })
    })

    it('fold on from where they were', async () => {
      const rows = await filled()
      const more = [boxEvent(7, 'Put', 'b', '3'), boxEvent(8, 'Emptied', 'a')]
      expect(await rows.apply(boxes, more, { from: 5, next: 9 })).toBe(true)
      expect(await rows.select(boxes, 'box')).toEqual([{ box: 'b', amount: 10n, colour: null }])
      expect(await rows.checkpoint(boxes)).toBe(9)
    })

    it('go on without an event that anybody wants', async () => {
      const rows = await filled()
      expect(await rows.apply(boxes, [], { from: 5, next: 12 })).toBe(true)
      expect(await rows.checkpoint(boxes)).toBe(12)
      expect(await rows.apply(boxes, [boxEvent(12, 'Put', 'b', '3')], { from: 12, next: 13 })).toBe(true)
      expect(await rows.get(boxes, 'box', ['b'])).toMatchObject({ amount: 10n })
    })

    it('take a page once: who comes with it again is told so, and nothing is done', async () => {
      const rows = await filled()
      const before = await rows.fingerprint(boxes, crypto)
      expect(await rows.apply(boxes, page, all)).toBe(false)
      expect(await rows.apply(boxes, page, { from: 9, next: 14 })).toBe(false)
      expect(await rows.fingerprint(boxes, crypto)).toBe(before)
      expect(await rows.checkpoint(boxes)).toBe(5)
    })

    it('take a page once also from two that come at the same time', async () => {
      const { rows, beside } = await fresh()
      const other = beside ? await beside() : rows
      const took = await Promise.all([rows, other, rows, other].map(each => each.apply(boxes, page, all)))
      expect(took.filter(Boolean)).toHaveLength(1)
      expect((await rows.select(boxes, 'box')).map(row => row['amount'])).toEqual([-4n, 7n])
    })

    it('take each page of many once, whoever comes first', async () => {
      const { rows, beside } = await fresh()
      const other = beside ? await beside() : rows
      for (let at = 0; at < 25; at++) {
        const put = [boxEvent(at, 'Put', 'a', `${2 ** at}`)]
        const took = await Promise.all(
          [rows, other, rows].map(each => each.apply(boxes, put, { from: at, next: at + 1 })),
        )
        expect(took.filter(Boolean)).toHaveLength(1)
      }
      expect(await rows.get(boxes, 'box', ['a'])).toMatchObject({ amount: BigInt(2 ** 25 - 1) })
    })

    it('stay as they were where one event of a page cannot be folded, and name it', async () => {
      const rows = await filled()
      const before = await rows.fingerprint(boxes, crypto)
      const poisoned = [boxEvent(5, 'Put', 'b', '1'), boxEvent(6, 'Put', 'b', 'nonsense')]
      await expect(rows.apply(boxes, poisoned, { from: 5, next: 7 })).rejects.toThrowError(
        expect.objectContaining({
          code: 'FoldFailed',
          projection: 'boxes',
          event: expect.objectContaining({ index: 6, type: 'Put' }),
          message: expect.stringContaining('that is no amount'),
        }),
      )
      expect(await rows.fingerprint(boxes, crypto)).toBe(before)
      expect(await rows.checkpoint(boxes)).toBe(5)
      expect(await rows.apply(boxes, [boxEvent(5, 'Put', 'b', '1')], { from: 5, next: 6 })).toBe(true)
      expect(await rows.get(boxes, 'box', ['b'])).toMatchObject({ amount: 8n })
      expect(FoldFailed.name).toBe('FoldFailed')
    })

    it('are looked at while they are folded, however one row leads to another', async () => {
      const { rows, beside } = await fresh()
      const script = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'b', 'a'].map((box, at) => boxEvent(at, 'Put', box))
      const memory = memoryRows()
      await memory.apply(chained, script, { from: 0, next: script.length })
      // Each page by another hand, so that none remembers what it wrote.
      const hands = [rows, beside ? await beside() : rows]
      for (const [at, cut] of [0, 3, 4, 8].entries()) {
        const next = [3, 4, 8, 10][at] as number
        expect(await (hands[at % 2] as Rows).apply(chained, script.slice(cut, next), { from: cut, next })).toBe(true)
      }
      expect(await rows.select(chained, 'box')).toEqual(await memory.select(chained, 'box'))
      expect(await rows.fingerprint(chained, crypto)).toBe(await memory.fingerprint(chained, crypto))
    })

    it('select by equality and range, in an order, up to a number', async () => {
      const rows = await filled()
      const lines = async (where: Parameters<Rows['select']>[2]) =>
        (await rows.select(boxes, 'line', where)).map(row => `${row['box']}${row['index']}`)
      expect(await lines({ where: { box: 'a' } })).toEqual(['a0', 'a2'])
      expect(await lines({ where: { index: { above: 0n, to: 2n } } })).toEqual(['a2', 'b1'])
      expect(await lines({ where: { index: { from: 1n, below: 3n }, box: { from: 'a', to: 'a' } } })).toEqual(['a2'])
      expect(await lines({ order: [['amount', 'down']], limit: 2 })).toEqual(['b1', 'a0'])
      expect(await lines({ order: [['index', 'up']] })).toEqual(['a0', 'b1', 'a2', 'c3'])
      expect(await rows.select(boxes, 'box', { where: { colour: null } })).toHaveLength(2)
      expect(await rows.select(boxes, 'box', { where: { colour: { from: '' } } })).toEqual([])
    })

    it('sum and count by groups', async () => {
      const rows = await filled()
      expect(await rows.sums(boxes, 'line', { column: 'amount', by: ['box'] })).toEqual([
        { box: 'a', sum: -4n, count: 2n },
        { box: 'b', sum: 7n, count: 1n },
        { box: 'c', sum: 1n, count: 1n },
      ])
      expect(await rows.sums(boxes, 'line', { column: 'amount', by: [], where: { box: 'a' } })).toEqual([
        { sum: -4n, count: 2n },
      ])
    })

    it('order text by its octets, and null before everything', async () => {
      const rows = await empty()
      const texts = ['Z', 'a', 'ä', '_', 'é', '😀', '\u{ffff}', ' ', 'aa', '\0', '\u0001', '\u0001\u0002', '\0a']
      const script = texts.map((text, at) => boxEvent(at, 'Put', text, at % 3 === 0 ? '' : `${text}/${at}`))
      await rows.apply(painting, script, { from: 0, next: script.length })
      const octets = [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      const boxesBy = async (...order: [string, 'up' | 'down'][]) =>
        (await rows.select(painting, 'box', { order })).map(row => row['box'])
      expect(await boxesBy()).toEqual(octets)
      expect(await boxesBy(['box', 'down'])).toEqual([...octets].reverse())
      const painted = octets.filter(text => texts.indexOf(text) % 3 !== 0)
      const bare = octets.filter(text => texts.indexOf(text) % 3 === 0)
      expect(await boxesBy(['colour', 'up'])).toEqual([...bare, ...painted])
      expect(await boxesBy(['colour', 'down'])).toEqual([...[...painted].reverse(), ...bare])
      expect(await rows.select(painting, 'box', { where: { box: { above: '\0', below: '\u0001\u0002' } } })).toEqual([
        { box: '\0a', colour: null, amount: null },
        { box: '\u0001', colour: '\u0001', amount: 10n },
      ])
      const sums = await rows.sums(painting, 'box', { column: 'amount', by: ['colour'] })
      expect(sums.map(row => row['colour'])).toEqual([null, ...painted])
      // What is null is counted, and adds nothing.
      expect(sums[0]).toEqual({ colour: null, sum: null, count: BigInt(bare.length) })
      expect(sums[1]).toMatchObject({ sum: BigInt(texts.indexOf(painted[0] as string)), count: 1n })
    })

    it('hold 64-bit integers exactly', async () => {
      const rows = await empty()
      for (const [at, number] of [2n ** 63n - 1n, -(2n ** 63n)].entries()) {
        await rows.apply(painting, [boxEvent(at, 'Put', 'a', `x/${number}`)], { from: at, next: at + 1 })
        expect(intOf((await rows.get(painting, 'box', ['a'])) as Row, 'amount')).toBe(number)
      }
    })

    it('are thrown away, and are the same when they were folded again', async () => {
      const rows = await filled()
      const before = await rows.fingerprint(boxes, crypto)
      await rows.reset(boxes)
      expect(await rows.checkpoint(boxes)).toBe(0)
      expect(await rows.select(boxes, 'box')).toEqual([])
      await rows.apply(boxes, page, all)
      expect(await rows.fingerprint(boxes, crypto)).toBe(before)
    })

    it('of another version are other rows', async () => {
      const rows = await filled()
      const next = { ...boxes, version: 2 }
      expect(await rows.checkpoint(next)).toBe(0)
      await rows.apply(next, page.slice(0, 1), { from: 0, next: 1 })
      expect(await rows.select(next, 'box')).toHaveLength(1)
      expect(await rows.select(boxes, 'box')).toHaveLength(2)
    })

    it('change their fingerprint with every value', async () => {
      const rows = await filled()
      const other = await empty()
      await other.apply(boxes, [...page.slice(0, 4), boxEvent(4, 'Put', 'c', '0')], all)
      expect(await other.fingerprint(boxes, crypto)).not.toBe(await rows.fingerprint(boxes, crypto))
    })

    it('give several reads of one moment, also while somebody writes', async () => {
      const rows = await filled()
      const look = async (now: Pick<Rows, 'checkpoint' | 'get' | 'fingerprint'>) => [
        await now.checkpoint(boxes),
        await now.get(boxes, 'box', ['a']),
        await now.fingerprint(boxes, crypto),
      ]
      let writing: Promise<boolean> | undefined
      const seen = await rows.snapshot(async now => {
        const before = await look(now)
        writing = rows.apply(boxes, [boxEvent(5, 'Put', 'a', '1')], { from: 5, next: 6 })
        // Time enough for it, wherever it is not made to wait.
        await Promise.race([writing, new Promise(resolve => setTimeout(resolve, 100))])
        return [before, await look(now)]
      })
      expect(seen[1]).toEqual(seen[0])
      expect(seen[0]?.slice(0, 2)).toEqual([5, { box: 'a', amount: -4n, colour: null }])
      expect(await writing).toBe(true)
      expect((await rows.snapshot(look)).slice(0, 2)).toEqual([6, { box: 'a', amount: -3n, colour: null }])
    })

    it('answer many at a time, and what one asked wrongly is told to that one', async () => {
      const rows = await filled()
      const asked = Array.from({ length: 25 }, (_, nth) =>
        rows.snapshot(async now => {
          const [line] = await now.select(boxes, 'line', { where: { box: 'b' } })
          if (nth === 7) throw new Error('seven')
          return [await now.checkpoint(boxes), line?.['amount']]
        }),
      )
      const answers = await Promise.allSettled(asked)
      expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(1)
      expect(answers[7]).toMatchObject({ reason: expect.objectContaining({ message: 'seven' }) })
      expect(answers[24]).toEqual({ status: 'fulfilled', value: [5, 7n] })
    })

    it('know their tables', async () => {
      const rows = await filled()
      await expect(rows.select(boxes, 'barrel')).rejects.toThrowError(RangeError)
      const confused = { ...boxes, apply: () => [{ table: 'barrel', key: ['a'], change: () => undefined }] }
      await expect(rows.apply(confused, page.slice(0, 1), { from: 5, next: 6 })).rejects.toThrowError(FoldFailed)
    })

    it('are folded beside the live ones, and take their place at once, in every hand', async () => {
      const { rows, beside } = await fresh()
      const other = beside ? await beside() : rows
      await rows.apply(boxes, page, all)
      await other.apply(boxes, [boxEvent(5, 'Put', 'a', '1')], { from: 5, next: 6 })
      const next = { ...boxes, generation: (await rows.generation(boxes)) + 1 }
      expect(next.generation).toBe(1)
      expect(await rows.checkpoint(next)).toBe(0)
      expect(await rows.apply(next, [...page, boxEvent(5, 'Put', 'a', '100')], { from: 0, next: 6 })).toBe(true)
      // Nobody who asks for the rows sees them yet.
      for (const hand of [rows, other])
        expect(await hand.get(boxes, 'box', ['a'])).toEqual({ box: 'a', amount: -3n, colour: null })
      expect(await other.get(next, 'box', ['a'])).toMatchObject({ amount: 96n })
      expect(await rows.fingerprint(next, crypto)).not.toBe(await rows.fingerprint(boxes, crypto))

      expect(await rows.adopt(next, [], 0)).toBe(true)
      for (const hand of [rows, other]) {
        expect(await hand.generation(boxes)).toBe(1)
        expect(await hand.checkpoint(boxes)).toBe(6)
        expect(await hand.get(boxes, 'box', ['a'])).toMatchObject({ amount: 96n })
      }
      // Who wrote last before goes on with the new ones, and not with what it remembers.
      expect(await other.apply(boxes, [boxEvent(6, 'Put', 'a', '1')], { from: 6, next: 7 })).toBe(true)
      expect(await rows.get(boxes, 'box', ['a'])).toMatchObject({ amount: 97n })
      expect(await rows.apply(boxes, [boxEvent(7, 'Put', 'a', '1')], { from: 7, next: 8 })).toBe(true)
      expect(await other.get(boxes, 'box', ['a'])).toMatchObject({ amount: 98n })
      await expect(rows.checkpoint({ ...boxes, generation: 0 })).rejects.toMatchObject({ code: 'GenerationGone' })
      // Asked again it is so already.
      expect(await other.adopt(next, [], 0)).toBe(true)
      expect(await rows.checkpoint({ ...boxes, generation: 2 })).toBe(0)
    })

    it('that are behind do not take the place of the live ones', async () => {
      const rows = await filled()
      const next = { ...boxes, generation: 1 }
      expect(await rows.adopt(next, [], 0)).toBe(false)
      await rows.apply(next, page.slice(0, 3), { from: 0, next: 3 })
      expect(await rows.adopt(next, [], 0)).toBe(false)
      expect(await rows.generation(boxes)).toBe(0)
      // What was between is folded with the change of places; what is beyond is not.
      expect(await rows.adopt(next, page.slice(3, 4), 4)).toBe(false)
      const tail = [...page, boxEvent(5, 'Put', 'b', '1000')]
      expect(await rows.adopt(next, tail, 6)).toBe(true)
      expect(await rows.checkpoint(boxes)).toBe(5)
      expect((await rows.select(boxes, 'box')).map(row => row['amount'])).toEqual([-4n, 7n])
    })

    it('folded beside are dropped, and begun anew; live ones are not', async () => {
      const rows = await filled()
      const next = { ...boxes, generation: 1 }
      await rows.apply(next, page.slice(0, 3), { from: 0, next: 3 })
      await rows.discard(next)
      expect(await rows.checkpoint(next)).toBe(0)
      expect(await rows.select(next, 'box')).toEqual([])
      await rows.apply(next, page, all)
      expect(await rows.fingerprint(next, crypto)).toBe(await rows.fingerprint(boxes, crypto))
      expect(await rows.adopt(next, [], 0)).toBe(true)
      await rows.discard(next)
      expect(await rows.checkpoint(boxes)).toBe(5)
      expect(await rows.select(boxes, 'box')).toHaveLength(2)
    })

    it('are mended one by one, and no hand goes on from what it remembers of them', async () => {
      const { rows, beside } = await fresh()
      const other = beside ? await beside() : rows
      await rows.apply(boxes, page, all)
      const right = { box: 'a', amount: 1000n, colour: 'red' }
      const mends = [
        { table: 'box', key: ['a'], row: right },
        { table: 'box', key: ['b'], row: undefined },
        { table: 'line', key: ['z', 9n], row: { box: 'z', index: 9n, amount: 3n } },
      ]
      expect(await other.mend(boxes, mends, 4)).toBe(false)
      expect(await other.mend(boxes, mends, 5)).toBe(true)
      expect(await rows.select(boxes, 'box')).toEqual([right])
      expect(await rows.get(boxes, 'line', ['z', 9n])).toMatchObject({ amount: 3n })
      expect(await rows.checkpoint(boxes)).toBe(5)
      const more = [boxEvent(5, 'Put', 'a', '1'), boxEvent(6, 'Put', 'b', '1')]
      expect(await rows.apply(boxes, more, { from: 5, next: 7 })).toBe(true)
      expect(await rows.select(boxes, 'box')).toEqual([
        { ...right, amount: 1001n },
        { box: 'b', amount: 1n, colour: null },
      ])
    })

    it('law: whatever the events and however they are cut into pages, the rows are those of memory', async () => {
      const { rows, beside } = await fresh()
      const hands = [rows, beside ? await beside() : rows]
      const event = fc.record({
        type: fc.constantFrom<(keyof typeof boxWords)[]>('Put', 'Taken', 'Emptied'),
        box: fc.string({ minLength: 1, maxLength: 3, unit: 'grapheme' }),
        amount: fc.bigInt(0n, 10n ** 12n),
      })
      let version = 1
      await fc.assert(
        fc.asyncProperty(
          fc.array(event, { maxLength: 40 }),
          fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
          fc.array(fc.nat(1), { minLength: 1 }),
          async (script, cuts, turns) => {
            const events = script.map(({ type, box, amount }, index) => boxEvent(index, type, box, `${amount}`))
            const projection = { ...boxes, version: version++ }
            const memory = memoryRows()
            await memory.apply(projection, events, { from: 0, next: events.length })
            for (let from = 0, turn = 0; from < events.length; turn++) {
              const next = Math.min(events.length, from + (cuts[turn % cuts.length] as number))
              const hand = hands[turns[turn % turns.length] as number] as Rows
              expect(await hand.apply(projection, events.slice(from, next), { from, next })).toBe(true)
              from = next
            }
            expect(await rows.select(projection, 'line')).toEqual(await memory.select(projection, 'line'))
            expect(await rows.fingerprint(projection, crypto)).toBe(await memory.fingerprint(projection, crypto))
          },
        ),
        { numRuns: runs },
      )
    })
  })
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
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
} from '#eventstore/rows'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { crypto } from '../trade.ts'
import { boxEvent, type boxWords } from './log.ts'

const folder = mkdtempSync(join(tmpdir(), 'tallystick-rows-'))
const opened: { close(): void }[] = []
let files = 0
afterAll(() => {
  for (const rows of opened) rows.close()
  rmSync(folder, { recursive: true })
})
const onDisk = (file = join(folder, `${files++}.db`)) => {
  const rows = sqliteRows(file)
  opened.push(rows)
  return rows
}

const boxes: Projection = {
  name: 'boxes',
  version: 1,
  tables: [
    {
      name: 'box',
      key: ['box'],
      columns: { box: 'text', amount: 'int', colour: 'text' },
      indexes: [['amount']],
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

const page: readonly LoggedEvent[] = [
  boxEvent(0, 'Put', 'a', '5'),
  boxEvent(1, 'Put', 'b', '7'),
  boxEvent(2, 'Taken', 'a', '9'),
  boxEvent(3, 'Put', 'c', '1'),
  boxEvent(4, 'Emptied', 'c'),
]
const all = { from: 0, next: 5 }

describe.each<[string, () => Rows]>([
  ['memory', memoryRows],
  ['sqlite', onDisk],
])('rows in %s', (_, open) => {
  const filled = () => {
    const rows = open()
    expect(rows.apply(boxes, page, all)).toBe(true)
    return rows
  }

  it('begin at the first event', () => {
    const rows = open()
    expect(rows.checkpoint(boxes)).toBe(0)
    expect(rows.select(boxes, 'box')).toEqual([])
    expect(rows.get(boxes, 'box', ['a'])).toBeUndefined()
    expect(rows.sums(boxes, 'box', { column: 'amount', by: [] })).toEqual([])
  })

  it('fold a page, with signed sums and rows that went away', () => {
    const rows = filled()
    expect(rows.checkpoint(boxes)).toBe(5)
    expect(rows.select(boxes, 'box')).toEqual([
      { box: 'a', amount: -4n, colour: null },
      { box: 'b', amount: 7n, colour: null },
    ])
    expect(rows.get(boxes, 'line', ['a', 2n])).toEqual({ box: 'a', index: 2n, amount: -9n })
  })

  it('fold on from where they were', () => {
    const rows = filled()
    expect(rows.apply(boxes, [boxEvent(7, 'Put', 'b', '3'), boxEvent(8, 'Emptied', 'a')], { from: 5, next: 9 })).toBe(
      true,
    )
    expect(rows.select(boxes, 'box')).toEqual([{ box: 'b', amount: 10n, colour: null }])
    expect(rows.checkpoint(boxes)).toBe(9)
  })

  it('take a page once: who comes with it again is told so, and nothing is done', () => {
    const rows = filled()
    const before = rows.fingerprint(boxes, crypto)
    expect(rows.apply(boxes, page, all)).toBe(false)
    expect(rows.apply(boxes, page, { from: 9, next: 14 })).toBe(false)
    expect(rows.fingerprint(boxes, crypto)).toBe(before)
    expect(rows.checkpoint(boxes)).toBe(5)
  })

  it('stay as they were where one event of a page cannot be folded, and name it', () => {
    const rows = filled()
    const before = rows.fingerprint(boxes, crypto)
    const poisoned = [boxEvent(5, 'Put', 'b', '1'), boxEvent(6, 'Put', 'b', 'nonsense')]
    expect(() => rows.apply(boxes, poisoned, { from: 5, next: 7 })).toThrowError(
      expect.objectContaining({
        code: 'FoldFailed',
        projection: 'boxes',
        event: expect.objectContaining({ index: 6, type: 'Put' }),
        message: expect.stringContaining('that is no amount'),
      }),
    )
    expect(rows.fingerprint(boxes, crypto)).toBe(before)
    expect(rows.checkpoint(boxes)).toBe(5)
    expect(FoldFailed.name).toBe('FoldFailed')
  })

  it('select by equality and range, in an order, up to a number', () => {
    const rows = filled()
    const lines = (where: Parameters<Rows['select']>[2]) =>
      rows.select(boxes, 'line', where).map(row => `${row['box']}${row['index']}`)
    expect(lines({ where: { box: 'a' } })).toEqual(['a0', 'a2'])
    expect(lines({ where: { index: { above: 0n, to: 2n } } })).toEqual(['a2', 'b1'])
    expect(lines({ where: { index: { from: 1n, below: 3n }, box: { from: 'a', to: 'a' } } })).toEqual(['a2'])
    expect(lines({ order: [['amount', 'down']], limit: 2 })).toEqual(['b1', 'a0'])
    expect(lines({ order: [['index', 'up']] })).toEqual(['a0', 'b1', 'a2', 'c3'])
    expect(rows.select(boxes, 'box', { where: { colour: null } })).toHaveLength(2)
    expect(rows.select(boxes, 'box', { where: { colour: { from: '' } } })).toEqual([])
  })

  it('sum and count by groups', () => {
    const rows = filled()
    expect(rows.sums(boxes, 'line', { column: 'amount', by: ['box'] })).toEqual([
      { box: 'a', sum: -4n, count: 2n },
      { box: 'b', sum: 7n, count: 1n },
      { box: 'c', sum: 1n, count: 1n },
    ])
    expect(rows.sums(boxes, 'line', { column: 'amount', by: [], where: { box: 'a' } })).toEqual([
      { sum: -4n, count: 2n },
    ])
  })

  it('hold 64-bit integers exactly', () => {
    const rows = open()
    const large = 2n ** 63n - 1n
    rows.apply(boxes, [boxEvent(0, 'Put', 'a', `${large}`)], { from: 0, next: 1 })
    expect(intOf(rows.get(boxes, 'box', ['a']) as Row, 'amount')).toBe(large)
  })

  it('are thrown away, and are the same when they were folded again', () => {
    const rows = filled()
    const before = rows.fingerprint(boxes, crypto)
    rows.reset(boxes)
    expect(rows.checkpoint(boxes)).toBe(0)
    expect(rows.select(boxes, 'box')).toEqual([])
    rows.apply(boxes, page, all)
    expect(rows.fingerprint(boxes, crypto)).toBe(before)
  })

  it('of another version are other rows', () => {
    const rows = filled()
    const next = { ...boxes, version: 2 }
    expect(rows.checkpoint(next)).toBe(0)
    rows.apply(next, page.slice(0, 1), { from: 0, next: 1 })
    expect(rows.select(next, 'box')).toHaveLength(1)
    expect(rows.select(boxes, 'box')).toHaveLength(2)
  })

  it('change their fingerprint with every value', () => {
    const rows = filled()
    const other = open()
    other.apply(boxes, [...page.slice(0, 4), boxEvent(4, 'Put', 'c', '0')], all)
    expect(other.fingerprint(boxes, crypto)).not.toBe(rows.fingerprint(boxes, crypto))
  })

  it('give several reads of one moment', () => {
    const rows = filled()
    expect(rows.snapshot(now => [now.checkpoint(boxes), now.select(boxes, 'box').length])).toEqual([5, 2])
  })

  it('know their tables', () => {
    expect(() => open().select(boxes, 'barrel')).toThrowError(RangeError)
    const confused = { ...boxes, apply: () => [{ table: 'barrel', key: ['a'], change: () => undefined }] }
    expect(() => open().apply(confused, page, all)).toThrowError(FoldFailed)
  })
})

describe('on disk', () => {
  it('two processes with one follower: each page is folded by one of them', () => {
    const file = join(folder, 'shared.db')
    const [one, other] = [onDisk(file), onDisk(file)]
    expect(one.apply(boxes, page.slice(0, 2), { from: 0, next: 2 })).toBe(true)
    expect(other.apply(boxes, page, all)).toBe(false)
    expect(other.checkpoint(boxes)).toBe(2)
    expect(other.apply(boxes, page.slice(2), { from: 2, next: 5 })).toBe(true)
    expect(one.apply(boxes, page.slice(2), { from: 2, next: 5 })).toBe(false)
    expect(one.select(boxes, 'box').map(row => row['amount'])).toEqual([-4n, 7n])
  })

  it('rows and checkpoint outlive the process', () => {
    const file = join(folder, 'kept.db')
    const first = sqliteRows(file)
    first.apply(boxes, page, all)
    const before = first.fingerprint(boxes, crypto)
    first.close()
    const second = onDisk(file)
    expect(second.checkpoint(boxes)).toBe(5)
    expect(second.fingerprint(boxes, crypto)).toBe(before)
  })

  it('law: whatever the events and however they are cut into pages, disk and memory hold the same rows', () => {
    const event = fc.record({
      type: fc.constantFrom<(keyof typeof boxWords)[]>('Put', 'Taken', 'Emptied'),
      box: fc.string({ minLength: 1, maxLength: 3, unit: 'grapheme' }),
      amount: fc.bigInt(0n, 10n ** 12n),
    })
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
        (script, cuts) => {
          const events = script.map(({ type, box, amount }, index) => boxEvent(index, type, box, `${amount}`))
          const memory = memoryRows()
          memory.apply(boxes, events, { from: 0, next: events.length })
          const disk = sqliteRows(':memory:')
          try {
            for (let from = 0, turn = 0; from < events.length; turn++) {
              const next = Math.min(events.length, from + (cuts[turn % cuts.length] as number))
              expect(disk.apply(boxes, events.slice(from, next), { from, next })).toBe(true)
              from = next
            }
            expect(disk.select(boxes, 'line')).toEqual(memory.select(boxes, 'line'))
            expect(disk.fingerprint(boxes, crypto)).toBe(memory.fingerprint(boxes, crypto))
          } finally {
            disk.close()
          }
        },
      ),
    )
  })
})

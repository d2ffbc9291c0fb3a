import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { memoryRows } from '#eventstore/memory/rows'
import { openSqlite } from '#eventstore/sqlite'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { all, boxes, page, rowsContract } from '../contracts/rows.contract.ts'
import { crypto } from '../trade.ts'
import { boxEvent } from './log.ts'

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

rowsContract('memory', async () => ({ rows: memoryRows(), close: async () => {} }))
rowsContract('SQLite', async () => {
  const file = join(folder, `${files++}.db`)
  const hands = [sqliteRows(file)]
  return {
    rows: hands[0] as (typeof hands)[number],
    beside: async () => {
      const other = sqliteRows(file)
      hands.push(other)
      return other
    },
    close: async () => {
      for (const each of hands) each.close()
    },
  }
})
rowsContract('SQLite’s memory', async () => {
  const rows = sqliteRows(':memory:')
  return { rows, close: async () => rows.close() }
})

describe('on disk', () => {
  it('two processes with one follower: each page is folded by one of them', async () => {
    const file = join(folder, 'shared.db')
    const [one, other] = [onDisk(file), onDisk(file)]
    expect(await one.apply(boxes, page.slice(0, 2), { from: 0, next: 2 })).toBe(true)
    expect(await other.apply(boxes, page, all)).toBe(false)
    expect(await other.checkpoint(boxes)).toBe(2)
    expect(await other.apply(boxes, page.slice(2), { from: 2, next: 5 })).toBe(true)
    expect(await one.apply(boxes, page.slice(2), { from: 2, next: 5 })).toBe(false)
    expect((await one.select(boxes, 'box')).map(row => row['amount'])).toEqual([-4n, 7n])
  })

  it('rows and checkpoint outlive the process', async () => {
    const file = join(folder, 'kept.db')
    const first = sqliteRows(file)
    await first.apply(boxes, page, all)
    const before = await first.fingerprint(boxes, crypto)
    first.close()
    const second = onDisk(file)
    expect(await second.checkpoint(boxes)).toBe(5)
    expect(await second.fingerprint(boxes, crypto)).toBe(before)
  })

  it('rows of before there were generations go on', async () => {
    const file = join(folder, 'old.db')
    const made = sqliteRows(file)
    await made.apply(boxes, page, all)
    made.close()
    const db = openSqlite(file)
    db.exec('alter table checkpoints drop column generation; alter table checkpoints drop column edition')
    db.close()
    const rows = onDisk(file)
    expect(await rows.checkpoint(boxes)).toBe(5)
    expect(await rows.apply(boxes, [boxEvent(5, 'Put', 'b', '3')], { from: 5, next: 6 })).toBe(true)
    expect(await rows.get(boxes, 'box', ['b'])).toMatchObject({ amount: 10n })
  })

  it('a question that takes long holds up no writer', async () => {
    const rows = onDisk()
    await rows.apply(boxes, page, all)
    const wrote = await rows.snapshot(async now => {
      const before = await now.checkpoint(boxes)
      const wrote = await rows.apply(boxes, [boxEvent(5, 'Put', 'a', '1')], { from: 5, next: 6 })
      return [before, wrote, await now.checkpoint(boxes)]
    })
    expect(wrote).toEqual([5, true, 5])
  })
})

import { afterEach, describe, expect, it } from 'vitest'
import { intOf, type RowsReader, textOf } from '#eventstore/rows'
import { type SqliteRows, sqliteRows } from '#eventstore/sqlite/rows'
import { formatAmount } from '#money'
import { balanceAsOf } from '#projections/as-of'
import { booksOf, postings } from '#projections/postings'
import { accepted, accountOpened, folded, granted, log, when } from '../trade.ts'

/** Whole blocks are added, and only what a moment or a log index cuts is read: what comes out is the sum of all postings. */

const payments = 700
const first_ms = Date.UTC(2026, 9, 1)
const hour_ms = 3_600_000
const iso = (ms: number): string => new Date(ms).toISOString()
/** Ten an hour, each known within two hours; and every fiftieth only long after. */
const happened = (nth: number): number =>
  first_ms + Math.floor(nth / 10) * hour_ms - (nth % 50 === 0 ? 30 * hour_ms : 0)

let rows: SqliteRows
afterEach(() => rows.close())

const scene = async (): Promise<void> => {
  const { store, write } = log()
  await write('account-acc-1', iso(first_ms), accountOpened('acc-1', '90000000'), granted('acc-1', 'l-1', '90000000'))
  await write('account-acc-2', iso(first_ms), accountOpened('acc-2', '90000000'))
  for (let nth = 0; nth < payments; nth++) {
    const at = happened(nth)
    const dates = when(iso(at), iso(at + 2 * hour_ms), iso(at - hour_ms))
    await write(`payment-${nth}`, iso(at + 2 * hour_ms), accepted(`${nth}`, `${100 + nth}`, dates))
  }
  rows = sqliteRows(':memory:')
  await folded(store, [postings], rows)
}

/** One by one, as nobody would do it who has many. */
const oneByOne = async (at: string | undefined, knownAt: number) => {
  const all = (
    await Promise.all(booksOf('acc-1').map(account => rows.select(postings, 'posting', { where: { account } })))
  ).flat()
  const known = all.filter(row => intOf(row, 'index') <= BigInt(knownAt))
  const then = known.filter(row => at === undefined || textOf(row, 'occurred') <= at)
  const net = (name: string): bigint =>
    then
      .filter(row => textOf(row, 'account') === name)
      .reduce((sum, row) => sum + (row['side'] === 'debit' ? 1n : -1n) * intOf(row, 'amount'), 0n)
  const across = known.filter(row => at !== undefined && textOf(row, 'after') <= at && textOf(row, 'before') > at)
  return {
    owed: formatAmount(net('payer:acc-1'), 'EUR'),
    held: formatAmount(-net('commitment:acc-1'), 'EUR'),
    straddling: across.map(row => `${row['account']} ${row['index']}`),
  }
}

describe('a balance of the past, of an account with many postings', () => {
  it('is the sum of its postings, whatever is asked', async () => {
    await scene()
    const last = payments + 2
    for (const knownAt of [0, 1, 2, 3, 129, 130, 131, 258, 259, 400, last, last + 50])
      for (const hours of [undefined, -40, 0, 13, 26.5, 40, 69, 90]) {
        const at = hours === undefined ? undefined : iso(first_ms + hours * hour_ms)
        const { owed, held, straddling } = (await balanceAsOf(rows, {
          account: 'acc-1',
          knownAt,
          ...(at === undefined ? {} : { at }),
        })) as NonNullable<Awaited<ReturnType<typeof balanceAsOf>>>
        expect({
          owed,
          held,
          straddling: straddling.map(({ posting, index }) => `${posting} ${index}`),
        }).toEqual(await oneByOne(at, knownAt))
      }
  })

  it('reads no more of them than the blocks hold that it cuts', async () => {
    await scene()
    const read: bigint[] = []
    const counting: RowsReader = {
      ...rows,
      sums: async (...asked) => {
        const groups = await rows.sums(...asked)
        read.push(...groups.map(row => intOf(row, 'count')))
        return groups
      },
    }
    const sum = () => read.splice(0).reduce((all, count) => all + count, 0n)
    await balanceAsOf(counting, { account: 'acc-1' })
    expect(sum()).toBe(0n)
    await balanceAsOf(counting, { account: 'acc-1', knownAt: 300 })
    expect(sum()).toBeGreaterThan(0n)
    await balanceAsOf(counting, { account: 'acc-1', knownAt: 300 })
    // A block of them, in which the index lies.
    expect(sum()).toBeLessThanOrEqual(256n)
  })
})

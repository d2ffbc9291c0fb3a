import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { balances } from '#projections/balances'
import { merchants } from '#projections/merchants'
import { postings } from '#projections/postings'
import { explain } from '../../apps/tally/explain.ts'
import { accepted, accountOpened, folded, granted, hash, log, when } from '../trade.ts'

/** Twelve payments of 1.00 to 12.00: 78.00 owed of 500.00, and 122.00 held of 200.00. */
let folder: string
let rows: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tallystick-explain-'))
  rows = join(folder, 'rows.sqlite')
  const { store, write } = log()
  await write('account-acc-1', '2026-11-23T08:00:00.000Z', accountOpened('acc-1', '50000'))
  await write('account-acc-1', '2026-11-23T08:01:00.000Z', granted('acc-1', 'l-1', '20000'))
  for (let paid = 1; paid <= 12; paid++) {
    const at = `2026-11-23T09:${String(paid).padStart(2, '0')}:00.000Z`
    await write(`payment-${hash(`${paid}`)}`, at, accepted(`${paid}`, `${paid}00`, when(at), { fee: '1' }))
  }
  const kept = sqliteRows(rows)
  await folded(store, [balances, postings, merchants], kept)
  kept.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

const told = async (...args: readonly string[]) => {
  const out: string[] = []
  const err: string[] = []
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation(text => out.push(String(text)) > 0)
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(text => err.push(String(text)) > 0)
  try {
    const exit = await explain([...args, '--rows', `sqlite:${rows}`])
    return { exit, text: out.join(''), err: err.join('') }
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
  }
}

describe('explain', () => {
  it('prints the figure, every posting behind it, and the sum that proves it', async () => {
    const { exit, text } = await told('balance', 'acc-1')
    expect(exit).toBe(0)
    expect(text).toContain('limit 500.00 − owed 78.00 − in dispute 0.00 − held 122.00 = available 300.00')
    expect(text.match(/PaymentAccepted/g)).toHaveLength(24)
    expect(text).toMatch(/^ +13 {2}2026-11-23T09:12:00.000Z .* payer:acc-1 +12.00 +500.00 +78.00 +122.00 +300.00$/m)
    expect(text).toContain('owed: 12 postings, debits 78.00, credits 0.00: 78.00')
    expect(text).toContain('HOLDS: 500.00 − 78.00 − 0.00 − 122.00 = 300.00')
  })
  it('page by page, and all pages at once', async () => {
    const second = await told('balance', 'acc-1', '--lines', '10', '--page', '2')
    expect(second.text.match(/PaymentAccepted/g)).toHaveLength(10)
    expect(second.text).toContain('--page 3')
    const all = await told('balance', 'acc-1', '--lines', '10', '--page', 'all', '--json')
    const pages = all.text
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { lines: object[]; holds: boolean; next: number | null })
    expect(pages.map(({ lines, holds }) => [lines.length, holds])).toEqual([
      [10, true],
      [10, true],
      [6, true],
    ])
    expect(all.exit).toBe(0)
  })
  it('a merchant, and any account of the ledger', async () => {
    expect((await told('merchant', 'm-1')).text).toContain('HOLDS: 78.00 − 0.12 = 77.88')
    expect((await told('ledger', 'fees', '--at', '2026-11-23T09:03:00Z')).text).toContain('balance 0.03')
  })
  it('says loudly where the sum is not the figure', async () => {
    const kept = sqliteRows(rows)
    const row = await kept.get(balances, 'balance', ['acc-1', 'EUR'])
    const mend = async (owed: bigint) =>
      kept.mend(
        balances,
        [{ table: 'balance', key: ['acc-1', 'EUR'], row: { ...row, owed } }],
        await kept.checkpoint(balances),
      )
    await mend(7801n)
    const { exit, text, err } = await told('balance', 'acc-1')
    expect([exit, text.includes('DOES NOT HOLD')]).toEqual([1, true])
    expect(err).toContain('owed is told as 78.01, and its postings come to 78.00')
    await mend(7800n)
    kept.close()
  })
  it.each([
    [['balance'], 'explain takes balance ACCOUNT'],
    [['weather', 'x'], 'explain takes balance ACCOUNT'],
    [['balance', 'acc-1', '--page', '0'], '--page takes a number from 1'],
    [['balance', 'acc-1', '--page', '9'], 'There are 1 pages'],
    [['balance', 'acc-1', '--currency', 'EURO'], '--currency takes'],
    [['balance', 'acc-1', '--known-at', 'now'], '--known-at takes'],
    [['balance', 'acc-1', '--at', 'noon'], '--at takes'],
    [['balance', 'acc-9'], 'No account acc-9'],
    [['balance', 'acc-1', '--currency', 'CHF'], 'No account acc-1 was opened in CHF'],
    [['merchant', 'm-9'], 'Nothing was posted to merchant m-9'],
  ])('%s is told what is wrong', async (args, message) => {
    await expect(told(...args)).rejects.toThrow(message)
  })
})

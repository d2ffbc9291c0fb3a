import { afterAll, beforeAll, expect, it } from 'vitest'
import { type PostgresRows, postgresRows } from '#eventstore/postgres/rows'
import { transactions } from '#projections/transactions'
import { rowsContract } from '../contracts/rows.contract.ts'
import { type Postgres, startPostgres } from './postgres.ts'

let server: Postgres
beforeAll(async () => {
  server = await startPostgres()
  // Its words sort as in a book, where `a` stands before `Z`: rows must not.
  server.sql("create database book template template0 locale_provider icu icu_locale 'en'")
})
afterAll(() => server.remove())

let sets = 0
rowsContract(
  'PostgreSQL',
  async () => {
    const schema = `rows_${sets++}`
    const hands: PostgresRows[] = []
    const open = async () => {
      const rows = await postgresRows(server.url.replace(/postgres$/, 'book'), { schema })
      hands.push(rows)
      return rows
    }
    return {
      rows: await open(),
      beside: open,
      close: async () => {
        for (const each of hands) await each.close()
      },
    }
  },
  40,
)

it('the newest are found by an index, although null has its place in the order', async () => {
  const rows = await postgresRows(server.url, { schema: 'planned' })
  await rows.apply(transactions, [], { from: 0, next: 1 })
  await rows.close()
  const plan = (where: string) =>
    server.sql(`set enable_seqscan = off; set enable_sort = off; explain select * from planned.transactions_1_payment
      ${where} order by "index" desc nulls last, payment limit 10`)
  expect(plan('')).toContain('Index Scan Backward using transactions_1_payment_by_0')
  expect(plan("where account = 'acc-1'")).toContain('Index Scan Backward using transactions_1_payment_by_2')
})

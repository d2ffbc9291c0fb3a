import { afterAll, beforeAll } from 'vitest'
import { type PostgresRows, postgresRows } from '#eventstore/postgres/rows'
import { rowsContract } from '../contracts/rows.contract.ts'
import { type Postgres, startPostgres } from './postgres.ts'

let server: Postgres
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.remove())

let sets = 0
rowsContract(
  'PostgreSQL',
  async () => {
    const schema = `rows_${sets++}`
    const hands: PostgresRows[] = []
    const open = async () => {
      const rows = await postgresRows(server.url, { schema })
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

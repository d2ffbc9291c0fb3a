import { afterAll, beforeAll } from 'vitest'
import { type PostgresStore, postgresStore } from '#eventstore/postgres'
import { eventStoreContract } from '../contracts/eventstore.contract.ts'
import { type Postgres, startPostgres } from './postgres.ts'

let server: Postgres
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.remove())

const now = () => new Date().toISOString()
let logs = 0

eventStoreContract('PostgreSQL', async () => {
  const schema = `log_${logs++}`
  const opened: PostgresStore[] = []
  const open = async () => {
    const store = await postgresStore(server.url, now, { schema })
    opened.push(store)
    return store
  }
  const store = await open()
  return {
    store,
    beside: open,
    reopen: async () => {
      await opened.pop()?.close()
      return open()
    },
    close: async () => {
      for (const each of opened) await each.close()
    },
  }
})

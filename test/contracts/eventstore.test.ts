import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryStore } from '#eventstore/memory'
import { sqliteStore } from '#eventstore/sqlite'
import { eventStoreContract } from './eventstore.contract.ts'

const now = () => new Date().toISOString()

eventStoreContract('memory', async () => ({ store: memoryStore(now), close: async () => {} }))

eventStoreContract('sqlite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-contract-'))
  const file = join(folder, 'log.sqlite')
  const store = sqliteStore(file, now)
  const opened = [store]
  const open = async () => {
    const another = sqliteStore(file, now)
    opened.push(another)
    return another
  }
  return {
    store,
    beside: open,
    reopen: async () => {
      store.close()
      return open()
    },
    close: async () => {
      for (const each of opened) each.close()
      rmSync(folder, { recursive: true })
    },
  }
})

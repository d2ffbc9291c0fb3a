import { afterAll, beforeAll, describe } from 'vitest'
import { type KurrentStore, kurrentStore } from '#eventstore/kurrentdb'
import { eventStoreContract, type Opened } from '../contracts/eventstore.contract.ts'
import { type KurrentDouble, kurrentDouble } from '../kurrentdb/double.ts'

const now = () => new Date().toISOString()

/** Each test takes up the store of the one before it: the client's first read takes half a second. */
const inTurn = (url: () => string) => {
  const stores: KurrentStore[] = []
  const open = async () => {
    const store = await kurrentStore(url(), now)
    stores.push(store)
    return store
  }
  return {
    take: async (): Promise<Opened> => {
      const store = stores[0] ?? (await open())
      return {
        store,
        beside: open,
        reopen: async () => {
          await store.close()
          stores.shift()
          return open()
        },
        close: async () => {
          for (const another of stores.splice(1)) await another.close()
        },
      }
    },
    end: async () => {
      for (const store of stores) await store.close()
    },
  }
}

// Where a real server is named, it runs the very same tests instead of the doubles.
const real = process.env['KURRENTDB_URL']
if (real === undefined)
  describe.each([
    ['KurrentDB’s double', {}],
    ['a double that takes one append a call', { batches: false }],
    ['a cluster of three doubles', { nodes: 3 as const }],
  ])('%s', (name, options) => {
    let double: KurrentDouble
    const { take, end } = inTurn(() => double.url)
    beforeAll(async () => {
      double = await kurrentDouble(options)
    })
    afterAll(async () => {
      await end()
      double.close()
    })
    eventStoreContract(name, take)
  })
else {
  const { take, end } = inTurn(() => real)
  afterAll(end)
  eventStoreContract('KurrentDB', take)
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import { memoryRows } from '#eventstore/memory/rows'
import { postgresStore } from '#eventstore/postgres'
import { postgresVault } from '#eventstore/postgres/vault'
import { vaultContract } from '../contracts/vault.contract.ts'
import { catchUp, leftAfterGrants, nodeOn, payInto } from '../holds.ts'
import { accountOpened, writer } from '../trade.ts'
import { type Postgres, startPostgres } from './postgres.ts'

/** What two nodes promise on one log in a real PostgreSQL, and the people who are kept beside it. */

let server: Postgres
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.remove())

const now = () => '2026-11-23T10:00:00.000Z'

vaultContract('PostgreSQL', async () => {
  const vault = await postgresVault(server.url)
  return { vault, close: vault.close }
})

it('of an erased person no row is left in the table, a dead one neither', async () => {
  const vault = await postgresVault(server.url, { schema: 'octets' })
  await vault.put('acc-1', 0, 'Marta', 'marta')
  await vault.put('acc-2', 0, 'Bert', 'bert')
  const rowsAlive = () => server.sql('select string_agg(text, $$,$$) from octets.people')
  expect(rowsAlive()).toContain('Marta')
  const file = () => server.sql("select pg_relation_filenode('octets.people')")
  const before = file()
  await vault.erase('acc-1', now())
  // The table is another file now, and what was in the old one went with it.
  expect(file()).not.toBe(before)
  expect(rowsAlive()).toBe('Bert')
  await vault.close()
})

describe('n grants at once, on two nodes over PostgreSQL whose rows are behind', () => {
  it('never hold more than was available', async () => {
    for (let round = 0; round < 12; round++) {
      const schema = `holds_${round}`
      const [store, beside] = [
        await postgresStore(server.url, now, { schema }),
        await postgresStore(server.url, now, { schema }),
      ]
      await writer(store)('account-acc-1', now(), accountOpened('acc-1', '1000'))
      const rows = [memoryRows(), memoryRows()] as const
      await catchUp(store, rows[0])
      const nodes = [nodeOn(store, rows[0]), nodeOn(beside, rows[1])]
      const acts = Array.from({ length: 12 }, async (_, place): Promise<unknown> => {
        if (place % 3 === 2) return payInto(place % 2 ? store : beside, `l-${place}`, 0n, 90n)
        return nodes[place % 2]?.grant(`l-${place}`, 200n)
      })
      const answers = await Promise.all(acts)
      const left = await leftAfterGrants(store)
      expect(left.filter(each => each < 0n)).toEqual([])
      const refused = answers.filter(
        answer => typeof answer === 'object' && answer !== null && isRefusal(answer),
      ).length
      expect(left.length + refused).toBe(8)
      expect(left.length).toBeGreaterThan(0)
      await store.close()
      await beside.close()
    }
  }, 60_000)
})

import { afterAll, beforeAll, expect, it } from 'vitest'
import { type PostgresHeads, postgresHeads } from '#eventstore/postgres/heads'
import { headsContract } from '../contracts/heads.contract.ts'
import { type Postgres, startPostgres } from './postgres.ts'

let server: Postgres
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.remove())

headsContract('PostgreSQL', async () => {
  const heads = await postgresHeads(server.url)
  return { heads, close: heads.close }
})

it('a server that was killed in the middle finds the last word where it was', async () => {
  const heads: PostgresHeads = await postgresHeads(server.url, { schema: 'killed' })
  let word = ''
  const signing = (async () => {
    for (let turn = 0; turn < 400; turn++) {
      const next = `${word}.`
      // Nobody else signs: its own word is never another's, however often it is asked again.
      expect(await heads.replace('checkpoint', word === '' ? undefined : word, next)).toBe(true)
      word = next
    }
  })()
  for (let times = 0; times < 3; times++) {
    await new Promise(resolve => setTimeout(resolve, 60))
    await server.kill()
    await server.start()
  }
  await signing
  expect(await heads.get('checkpoint')).toBe('.'.repeat(400))
  await heads.close()
}, 60_000)

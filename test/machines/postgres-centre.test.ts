import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { projections } from '#projections'
import { balances } from '#projections/balances'
import { accountsAt, beginCentre, openAccount } from './centres.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { compile, endAll, endOf, eventually, healthy, makePlace, program, run } from './processes.ts'

let server: Postgres
const place = makePlace('centre')
beforeAll(async () => {
  compile()
  server = await startPostgres()
})
afterAll(async () => {
  await endAll()
  await server.remove()
  place.remove()
})

const centre = async (name: string, data: string, ...more: string[]) => {
  const begun = await beginCentre(name, data, { store: server.url, passwords: place.path, more })
  await healthy(begun.one, begun.url)
  return begun
}

it('two centres keep one log in PostgreSQL: what one says the other knows, and a killed one finds it again', async () => {
  const [here, there, keys] = [place.folder('here'), place.folder('there'), place.folder('keys')]
  const first = await centre('first', here, '--keys', keys)
  await openAccount(first.url, 'acc-1', '500.00')
  expect(readdirSync(keys)).toEqual(['keys.json'])
  expect(existsSync(join(here, 'keys.json'))).toBe(false)
  const second = await centre('second', there, '--keys', keys)
  await eventually(async () => expect(await accountsAt(second.url)).toEqual(['acc-1']))

  await openAccount(second.url, 'acc-2', '100.00')
  await eventually(async () => expect(await accountsAt(first.url)).toEqual(['acc-1', 'acc-2']))

  await first.one.kill()
  // They share their rows too, beside the log; one that wants its own says so.
  expect(existsSync(join(here, 'rows.sqlite'))).toBe(false)
  expect(existsSync(join(here, 'heads.sqlite'))).toBe(false)
  await eventually(async () => expect(server.sql('select count(*) from tallystick_heads.heads')).toBe('1'))
  expect(server.sql(`select count(*) from tallystick_rows.balances_${balances.version}_balance`)).toBe('2')
  const again = await centre('again', here, '--keys', keys, '--rows', join(here, 'own.sqlite'))
  await eventually(async () => expect(await accountsAt(again.url)).toEqual(['acc-1', 'acc-2']))

  // The log's server goes and comes: nobody restarts a centre for that.
  await server.stop()
  await server.start()
  await openAccount(second.url, 'acc-3', '100.00')
  await eventually(async () => expect(await accountsAt(again.url)).toEqual(['acc-1', 'acc-2', 'acc-3']))
  expect(existsSync(join(here, 'own.sqlite'))).toBe(true)
  await again.one.end()
  expect(await again.one.ended).toEqual({ code: 0, signal: null })

  // What they share holds: chains, what was signed, verdicts, rows.
  await second.one.end()
  const args = ['fsck', '--data', there, '--store', server.url, '--json']
  const fsck = run('fsck', program('dist/apps/tally/main.js', args))
  await endOf(fsck)
  const { found, rows } = JSON.parse(fsck.said().trim().split('\n').at(-1) as string) as {
    found: string[]
    rows: { name: string; equal: boolean }[]
  }
  expect(found).toEqual([])
  expect(rows.map(({ equal }) => equal)).toEqual(projections.map(() => true))
})

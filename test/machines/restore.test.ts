import { readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it } from 'vitest'
import { ask, call, compile, endAll, endOf, eventually, makePlace, program, run } from './processes.ts'
import { openStreet, type Street } from './street.ts'

/** The restore drill: a centre is backed up in the middle of trade, trade goes on, the centre's disk is lost. */

const place = makePlace('restore')
const streets: Street[] = []
afterEach(async () => {
  for (const street of streets.splice(0)) await street.close()
  await endAll()
})

afterAll(() => place.remove())

const tally = async (...args: string[]) => {
  const one = run('tally', program('dist/apps/tally/main.js', args))
  const { code } = await endOf(one, 60_000)
  return { code, said: one.said().trim() }
}
const json = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { code, said } = await tally(...args, '--json')
  const last = said.split('\n').at(-1) as string
  expect([code, last]).toEqual([expect.toBeOneOf([0, 1]), expect.stringMatching(/^\{.*\}$/)])
  return JSON.parse(last) as Record<string, unknown>
}
const accounts = ['anna', 'bela'].map(account => ({ account, limit: '500.00', allowance: '200.00' }))
const open = async (): Promise<Street> => {
  compile()
  const street = await openStreet({ terminals: [{ id: 'T-1' }, { id: 'T-2' }], accounts })
  streets.push(street)
  return street
}
const pay = async (street: Street, phone: number, till: number, amount: string): Promise<void> => {
  await street.till(till).key(amount)
  expect(await street.tap(street.phone(phone), street.till(till))).toMatchObject({ outcome: 'paid' })
}
const owed = async (street: Street) =>
  Promise.all(accounts.map(async ({ account }) => (await street.balance(account))['owed']))
const owes = (street: Street, ...sums: string[]) => eventually(async () => expect(await owed(street)).toEqual(sums))
const sync = async (street: Street) =>
  Promise.all([0, 1].map(async till => (await call('POST', `${street.till(till).url}/api/sync`)).body))
const waiting = async (street: Street) =>
  Promise.all(
    [0, 1].map(
      async till => ((await ask('GET', `${street.till(till).url}/api/till`))['waiting'] as { count: number }).count,
    ),
  )
const signing = async (street: Street) =>
  (await ask('GET', `${street.centre.url}/api/health`))['log'] as { silence?: { reason: string }; origin: string }
const anew = { reason: 'restored from the backup of this morning' }
const passphrase = (): string => {
  const file = join(place.path, 'passphrase')
  writeFileSync(file, 'a word that nobody guesses\n')
  return file
}

it('a centre whose folder is lost comes back from a sealed backup, and what it lost comes from its terminals', async () => {
  const street = await open()
  const { folder } = street.centre
  await pay(street, 0, 0, '12.50')
  await pay(street, 1, 1, '7.00')
  await sync(street)
  await owes(street, '12.50', '7.00')

  // While it runs, and trade goes on.
  const file = join(place.path, 'drill.backup')
  const seal = ['--passphrase-file', passphrase()]
  const [made] = await Promise.all([
    json('store', 'backup', '--data', folder, '--to', file, ...seal),
    pay(street, 0, 1, '1.00'),
  ])
  expect(made).toMatchObject({ sealed: true, left: [], head: { is: 'continued' } })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const { events } = made as { events: number }

  await pay(street, 0, 0, '3.00')
  await pay(street, 1, 0, '4.50')
  await sync(street)
  await owes(street, '16.50', '11.50')
  expect(await waiting(street)).toEqual([0, 0])

  await street.centre.running().kill()
  rmSync(folder, { recursive: true })
  // Nobody waits for the centre.
  await pay(street, 1, 1, '2.00')

  const restored = await json('store', 'restore', '--from', file, '--to', folder, ...seal)
  expect(restored).toMatchObject({ events, root: made['root'], heads: 'of the backup', head: { is: 'continued' } })
  expect(readdirSync(folder).sort()).toEqual([
    'access.sqlite',
    'heads.sqlite',
    'keys.json',
    'log.sqlite',
    'vault.sqlite',
  ])
  expect((await tally('store', 'restore', '--from', file, '--to', folder, ...seal)).said).toMatch(
    /holds keys\.json, log\.sqlite: nothing is overwritten\./,
  )
  await street.centre.start()
  await sync(street)
  await owes(street, '16.50', '13.50')

  // It had signed more than the backup knows: its terminals tell, and keep all until that is in the open.
  expect(await signing(street)).toMatchObject({ silence: { reason: expect.any(String) } })
  expect((await waiting(street)).some(count => count > 0)).toBe(true)
  const { origin } = await ask('POST', `${street.centre.url}/api/log/origins`, anew)
  expect(origin).toMatch(/\/2$/)
  await sync(street)
  await eventually(async () => {
    await sync(street)
    expect(await waiting(street)).toEqual([0, 0])
  })
  await owes(street, '16.50', '13.50')
  await street.centre.running().end()
  expect(await json('fsck', '--data', folder)).toMatchObject({ found: [], reactions: 'recomputed' })
  rmSync(file)
})

it('a centre that lost only its log keeps its own word: it signs nothing that contradicts it', async () => {
  const street = await open()
  const { folder } = street.centre
  await pay(street, 0, 0, '12.50')
  await sync(street)
  await owes(street, '12.50', '0.00')
  const file = join(place.path, 'kept.backup')
  const made = await json('store', 'backup', '--data', folder, '--to', file)
  expect(made).toMatchObject({ sealed: false })
  await pay(street, 0, 0, '3.00')
  await sync(street)
  await owes(street, '15.50', '0.00')
  await street.centre.running().kill()

  const lost = join(place.path, 'lost')
  renameSync(join(folder, 'log.sqlite'), `${lost}.sqlite`)
  for (const end of ['-wal', '-shm']) rmSync(join(folder, `log.sqlite${end}`), { force: true })
  const refused = await tally('store', 'restore', '--from', file, '--to', folder)
  expect(refused).toEqual({ code: 1, said: expect.stringMatching(/holds keys\.json: nothing is overwritten/) })
  renameSync(join(folder, 'keys.json'), `${lost}.keys.json`)
  const { code, said } = await tally('store', 'restore', '--from', file, '--to', folder)
  expect([code, said]).toEqual([
    0,
    expect.stringContaining('What was signed of the log was there and was left as it is'),
  ])
  expect(said).toMatch(/the log ends at \d+ leaves, and a checkpoint of \d+ was signed/)

  await street.centre.start()
  await eventually(async () => expect(await signing(street)).toMatchObject({ silence: { reason: 'CentreWentBack' } }))
  await sync(street)
  await owes(street, '15.50', '0.00')
  await ask('POST', `${street.centre.url}/api/log/origins`, anew)
  await eventually(async () => {
    await sync(street)
    expect(await waiting(street)).toEqual([0, 0])
  })
  await street.centre.running().end()
  expect(await json('fsck', '--data', folder)).toMatchObject({ found: [] })
  rmSync(file)
})

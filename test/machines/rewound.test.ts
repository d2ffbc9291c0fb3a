import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { call, eventually } from './processes.ts'
import { logOf, openStreet, type Street } from './street.ts'

/** A till's database is put back as it was before its last sales, in real processes: it gets them back, and goes on. */

let street: Street
const shelf = mkdtempSync(join(tmpdir(), 'tallystick-shelf-'))

beforeAll(async () => {
  street = await openStreet({
    terminals: [{ id: 'T-1' }],
    accounts: [{ account: 'anna', limit: '500.00', allowance: '200.00' }],
  })
})
beforeEach(({ onTestFailed }) => onTestFailed(() => console.log(street?.said())))
afterAll(async () => {
  await street?.close()
  rmSync(shelf, { recursive: true })
})

const owed = (amount: string) =>
  eventually(async () => expect(await street.balance('anna')).toMatchObject({ owed: amount }), 60_000)
const sell = async (amount: string) => {
  const till = street.till()
  await till.key(amount)
  expect(await street.tap(street.phone(), till)).toMatchObject({ outcome: 'paid' })
}
const database = ['log.sqlite', 'log.sqlite-wal', 'log.sqlite-shm']
const copy = (from: string, to: string): void => {
  for (const name of database) {
    rmSync(join(to, name), { force: true })
    if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to, name))
  }
}
const texts = async () => (await logOf(street.till())).map(event => JSON.stringify(event))

it('takes no payment before it has reached the centre, and then has each octet again', async () => {
  const till = street.till()
  await sell('5.00')
  await owed('5.00')
  await till.running().kill()
  copy(till.folder, shelf)
  const old = (await texts()).length
  await till.start()
  await sell('7.00')
  await owed('12.00')
  await till.running().kill()
  const before = await texts()
  expect(before.length).toBeGreaterThan(old)

  await street.centre.running().kill()
  copy(shelf, till.folder)
  await till.start()
  const refused = await call('POST', `${till.url}/api/sales`, { amount: '1.00', currency: 'EUR' })
  expect(refused).toMatchObject({ body: { reason: 'LogRewound' } })
  expect(await texts()).toHaveLength(old)
  await street.centre.start()
  await eventually(async () => expect((await texts()).slice(0, before.length)).toEqual(before), 60_000)
  await eventually(() => sell('3.00'), 60_000)
  await owed('15.00')
})

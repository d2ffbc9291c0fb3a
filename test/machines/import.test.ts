import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { ask, call, eventually, program, run } from './processes.ts'
import { logOf, openStreet, type Street } from './street.ts'

/** A till is dead, and its folder is all that is left of it: what it took comes home from there, in real processes. */

let street: Street

beforeAll(async () => {
  street = await openStreet({
    terminals: [{ id: 'T-1' }],
    accounts: [{ account: 'anna', limit: '500.00', allowance: '200.00' }],
  })
})
beforeEach(({ onTestFailed }) => onTestFailed(() => console.log(street?.said())))
afterAll(() => street?.close())

const office = (path: string): string => `${street.centre.url}/api/terminals/T-1${path}`
const owed = (amount: string) =>
  eventually(async () => expect(await street.balance('anna')).toMatchObject({ owed: amount }))
const sell = async (amount: string) => {
  const till = street.till()
  await till.key(amount)
  expect(await street.tap(street.phone(), till)).toMatchObject({ outcome: 'paid' })
}
const tally = async (...args: string[]) => {
  const one = run('tally', program('dist/apps/tally/main.js', args))
  const { code } = await one.ended
  return { code, said: one.said().trim() }
}
const bring = async () => {
  const { code, said } = await tally('import', street.till().folder, '--centre', street.centre.url, '--json')
  return { code, last: JSON.parse(said.split('\n').at(-1) ?? '') as unknown }
}

it('a retired till’s folder waits at the centre, over the death of its process, until it is let in', async () => {
  await sell('5.00')
  await owed('5.00')
  await street.till().network(false)
  await sell('7.00')
  await street.till().running().kill()
  const events = (await logOf(street.till())).length
  await ask('POST', office('/retire'), { reason: 'burnt', evenSo: true })

  expect(await bring()).toMatchObject({ code: 3, last: { terminal: 'T-1', events } })
  await street.centre.running().kill()
  await street.centre.start()
  const { batches } = (await ask('GET', office('/quarantine'))) as unknown as { batches: { batch: string }[] }
  expect(batches).toMatchObject([
    { standing: 'kept', refused: 'TerminalRetired', sales: [{ currency: 'EUR', count: 1, sum: '7.00' }] },
  ])
  await owed('5.00')

  const batch = `/quarantine/${batches[0]?.batch}`
  expect(await call('POST', office(`${batch}/release`), {})).toMatchObject({ status: 400 })
  expect(await call('POST', office(`/quarantine/${'0'.repeat(64)}/release`), { reason: 'x' })).toMatchObject({
    status: 404,
    body: { reason: 'BatchUnknown' },
  })
  const released = await ask('POST', office(`${batch}/release`), { reason: 'its disk did not burn' })
  expect(released).toMatchObject({ standing: 'released' })
  await owed('12.00')
  expect(await bring()).toMatchObject({ code: 0, last: { events, sent: 0, quarantined: 0 } })
})

it('fsck finds nothing wrong in the log that came of it', async () => {
  await street.centre.running().end()
  expect(await tally('fsck', '--data', street.centre.folder)).toMatchObject({ code: 0 })
})

it('what is no terminal’s folder is refused in one line', async () => {
  expect(await tally('import', street.centre.folder, '--centre', street.centre.url)).toMatchObject({
    code: 1,
    said: expect.stringContaining('is no terminal'),
  })
  expect(await tally('import', street.centre.folder)).toMatchObject({ code: 2 })
})

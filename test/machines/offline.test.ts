import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { ask, call, eventually } from './processes.ts'
import { logOf, openStreet, type Sale, type Street } from './street.ts'

/** A till takes payments whatever becomes of the centre. */

let street: Street

beforeAll(async () => {
  street = await openStreet({
    terminals: [{ id: 'T-1' }],
    accounts: [{ account: 'anna', limit: '500.00', allowance: '200.00' }],
  })
})
beforeEach(({ onTestFailed }) => onTestFailed(() => console.log(street?.said())))
afterAll(() => street?.close())

const waiting = async () => (await ask('GET', `${street.till().url}/api/health`))['waiting']
const synced = () => eventually(async () => expect(await waiting()).toEqual({ count: 0, sum: '0.00' }), 60_000)
const owed = (amount: string) =>
  eventually(async () => expect(await street.balance('anna')).toMatchObject({ owed: amount }))

/** One sale, tapped; gives what is alike in every such tap, and how long the tap took. */
const sell = async (amount: string) => {
  const till = street.till()
  const from = (await logOf(till)).length
  const { sale } = await till.key(amount)
  const began = performance.now()
  const { transaction, ...outcome } = await street.tap(street.phone(), till)
  const took_ms = performance.now() - began
  const { state, transaction: recorded } = (await till.sale(sale)).body as unknown as Sale
  expect(recorded).toBe(transaction)
  const written = (await logOf(till)).slice(from).map(({ type }) => type)
  return { tap: { outcome, state, written }, took_ms }
}

/** Sockets of the terminal to the centre's port, as the kernel lists them: `local remote` by inode. */
const socketsToCentre = (): string[] => {
  const { pid } = street.till().running()
  const mine = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        return []
      }
    }),
  )
  const port = street.centre.port.toString(16).toUpperCase().padStart(4, '0')
  return ['tcp', 'tcp6'].flatMap(kind =>
    readFileSync(`/proc/${pid}/net/${kind}`, 'utf8')
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      .flatMap(([, local, remote, , , , , , , inode]) =>
        remote?.endsWith(`:${port}`) && mine.has(inode ?? '') ? [`${local} ${remote} ${inode}`] : [],
      ),
  )
}

const paid = {
  outcome: { outcome: 'paid', amount: '5.00', currency: 'EUR' },
  state: 'approved',
  written: ['TapStarted', 'LicenseVerified', 'DeductionRequested', 'PayloadDecrypted', 'TransactionRecorded'],
}

it('a centre that hangs makes no tap wait', async () => {
  expect((await sell('5.00')).tap).toEqual(paid)
  await synced()
  street.centre.running().signal('SIGSTOP')
  for (let place = 0; place < 3; place++) {
    const { tap, took_ms } = await sell('5.00')
    expect(tap).toEqual(paid)
    expect(took_ms).toBeLessThan(3000)
  }
  expect(await waiting()).toEqual({ count: 3, sum: '15.00' })
  street.centre.running().signal('SIGCONT')
  await synced()
  await owed('20.00')
})

it('a centre that is gone neither, and what waited is sent when it is back', async () => {
  await street.centre.running().kill()
  await expect(call('GET', `${street.centre.url}/api/health`)).rejects.toThrow('ECONNREFUSED')
  for (let place = 0; place < 2; place++) expect((await sell('5.00')).tap).toEqual(paid)
  expect(await waiting()).toEqual({ count: 2, sum: '10.00' })
  expect(await call('POST', `${street.till().url}/api/sync`)).toMatchObject({ body: { reason: 'CentreUnreachable' } })
  await street.centre.start()
  await synced()
  await owed('30.00')
})

it('off the network a tap is the same, word for word', async () => {
  await street.till().network(false)
  expect((await sell('5.00')).tap).toEqual(paid)
  expect(await waiting()).toEqual({ count: 1, sum: '5.00' })
  expect(await call('POST', `${street.till().url}/api/sync`)).toMatchObject({ body: { reason: 'Offline' } })
  await street.till().network(true)
  await synced()
  await owed('35.00')
})

it('off the network the terminal opens no socket to the centre', async () => {
  const till = street.till()
  await till.network(false)
  // Without the connections that it had before: those may be left open, and are used for nothing.
  await till.running().end()
  await till.start()
  expect(await ask('GET', `${till.url}/api/health`)).toMatchObject({ online: false })
  await street.centre.running().end()

  // In the centre's place stands somebody who only counts.
  let callers = 0
  const ear = createServer(caller => {
    callers += 1
    caller.destroy()
  })
  ear.listen(street.centre.port, '127.0.0.1')
  await once(ear, 'listening')
  const seen = new Set<string>()
  let looks = 0
  const look = setInterval(() => {
    looks += 1
    for (const socket of socketsToCentre()) seen.add(socket)
  }, 5)
  for (let place = 0; place < 4; place++) expect((await sell('5.00')).tap).toEqual(paid)
  await ask('POST', `${till.url}/api/day/close`)
  await ask('POST', `${till.url}/api/day/open`, {})
  await new Promise(resolve => setTimeout(resolve, 500))
  clearInterval(look)
  expect([callers, ...seen]).toEqual([0])
  expect(looks).toBeGreaterThan(20)

  // The same eye and ear notice it when it calls again.
  await till.network(true)
  await eventually(() => expect(callers).toBeGreaterThan(0))
  const closed = once(ear, 'close')
  ear.close()
  await closed
  await street.centre.start()
  await till.sync()
  expect(socketsToCentre().length).toBeGreaterThan(0)
  await synced()
  await owed('55.00')
})

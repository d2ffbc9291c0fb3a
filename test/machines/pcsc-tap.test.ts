import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Pcsc, startPcsc } from './pcsc.ts'
import { alive, ask, childrenOf, commandOf, eventually } from './processes.ts'
import { logOf, openStreet, type Sale, type Street } from './street.ts'

/** One tap with nothing left out: the apps as they are shipped, and a real pcscd between phone and terminal. */

let pcsc: Pcsc
let street: Street

beforeAll(async () => {
  pcsc = await startPcsc({ readers: 1 })
  street = await openStreet({
    terminals: [
      {
        id: 'T-1',
        reader: { name: pcsc.readers[0] as string, socketPath: pcsc.socketPaths[0] as string, inside: pcsc.inside },
      },
    ],
    accounts: [{ account: 'anna', limit: '500.00', allowance: '200.00' }],
  })
})
beforeEach(({ onTestFailed }) => onTestFailed(() => console.log(street?.said())))
afterAll(async () => {
  await street?.close()
  await pcsc?.stop()
})

/** Sockets in the filesystem that a process listens on or is connected by. */
const socketsOf = (pid: number): string[] => {
  const inodes = readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
    } catch {
      return []
    }
  })
  return readFileSync(`/proc/${pid}/net/unix`, 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .flatMap(([, , , , , , inode, path]) => (path && inodes.includes(inode ?? '') ? [path] : []))
}

const four = () => {
  const terminal = street.till().running().pid
  const [child] = childrenOf(terminal).filter(pid => commandOf(pid).includes('pcsc/child.js'))
  if (child === undefined) throw new Error('The terminal has no reader’s child')
  return { terminal, child, pcscd: pcsc.pid(), phone: street.wallet.running().pid }
}

it('is between four processes, each of which is what it is taken for', () => {
  const pids = four()
  console.log(`terminal ${pids.terminal}, reader's child ${pids.child}, pcscd ${pids.pcscd}, phone ${pids.phone}`)
  expect(new Set(Object.values(pids)).size).toBe(4)
  for (const [name, pid] of Object.entries(pids)) expect([name, pid > 0 && alive(pid)]).toEqual([name, true])
  expect(commandOf(pids.terminal)).toMatch(/apps\/terminal\/main\.js .*--reader pcsc/)
  expect(readlinkSync(`/proc/${pids.pcscd}/exe`)).toMatch(/\/pcscd$/)
  expect(commandOf(pids.phone)).toMatch(/apps\/wallet\/main\.js/)
  // The addon is in the child, and in the child alone; the card is in the phone.
  const maps = (pid: number) => readFileSync(`/proc/${pid}/maps`, 'utf8')
  expect(maps(pids.child)).toMatch(/pcsclite\.node/)
  expect(maps(pids.terminal)).not.toMatch(/pcsclite\.node/)
  expect(maps(pids.pcscd)).toMatch(/libifdnfcvirt\.so/)
  expect(socketsOf(pids.phone)).toContain(pcsc.socketPaths[0])
})

it('a sale is tapped through pcscd, approved, synced, and owed at the centre', async () => {
  const before = four()
  const till = street.till()
  const phone = street.phone()
  const { sale } = await till.key('12.50', { reference: 'two coffees' })
  expect(await street.tap(phone, till)).toMatchObject({ outcome: 'paid', amount: '12.50' })

  const approved = (await till.sale(sale)).body as unknown as Sale
  expect(approved).toMatchObject({ state: 'approved', amount: '12.50', receiptNumber: 1, allowanceLeft: '187.50' })
  expect(await street.payments(phone)).toMatchObject([
    { transaction: approved.transaction, amount: '12.50', receipt: 1 },
  ])
  await eventually(async () => {
    expect(await ask('GET', `${till.url}/api/health`)).toMatchObject({ waiting: { count: 0, sum: '0.00' } })
    expect(await street.balance('anna')).toMatchObject({ owed: '12.50', held: '187.50', available: '300.00' })
  })
  const { transaction } = approved
  expect(await ask('GET', `${street.centre.url}/api/transactions/${transaction}`)).toMatchObject({ state: 'accepted' })
  const [started] = (await logOf(till)).filter(({ type }) => type === 'TapStarted')
  expect(started?.data).toMatchObject({ sale, reference: 'two coffees', radio: 'iso-dep' })
  // The same four carried it from beginning to end.
  expect(four()).toEqual(before)
})

it('the reader’s child dies: another takes its place, and the next tap pays', async () => {
  const till = street.till()
  const { sale } = await till.key('3.00')
  const { child } = four()
  process.kill(child, 'SIGKILL')
  await eventually(async () => {
    expect(four().child).not.toBe(child)
    expect(await ask('GET', `${till.url}/api/till`)).toMatchObject({ reader: { state: 'ready' } })
  })
  await eventually(async () => expect(await street.tap(street.phone(), till)).toMatchObject({ outcome: 'paid' }))
  expect((await till.sale(sale)).body).toMatchObject({ state: 'approved' })
})

import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isSealed, openKeys } from '#machine/keyfile'
import {
  alive,
  ask,
  type Body,
  call,
  childrenOf,
  compile,
  endAll,
  endOf,
  eventually,
  freePorts,
  isFree,
  isRoot,
  program,
  type Running,
  run,
  signsIn,
} from './processes.ts'
import { type App, openStreet, type Paid, type Phone, type Street } from './street.ts'

/** What `npm start` starts: how it begins, goes on, refuses and ends; and that its apps keep to themselves. */

const places: string[] = []
const place = (): string => {
  const made = realpathSync(mkdtempSync(join(tmpdir(), 'tallystick-start-')))
  places.push(made)
  return made
}
beforeAll(compile)
afterAll(async () => {
  await endAll()
  for (const made of places) rmSync(made, { recursive: true, force: true })
})

/* ---- the demo */

const demo = (data: string, ports: number, ...more: string[]): Running => {
  signsIn(at(ports).centre, join(data, 'administrator-password'))
  return run('demo', program('dist/apps/tally/main.js', ['demo', '--data', data, '--ports', `${ports}`, ...more]), {
    group: true,
  })
}

const ready = (one: Running): Promise<void> =>
  eventually(() => {
    const ended = one.process.exitCode ?? one.process.signalCode
    expect([one.said(), ended]).toEqual([expect.stringContaining('Ready.'), null])
  }, 30_000)

/** Ctrl-C, as a terminal sends it: to all of the group at once. */
const controlC = (one: Running): void => void process.kill(-one.pid, 'SIGINT')

const family = (one: Running): number[] => [one.pid, ...childrenOf(one.pid)]
const gone = async (pids: readonly number[]): Promise<void> => {
  await eventually(() => expect(pids.filter(alive)).toEqual([]), 10_000)
}

const at = (ports: number) => ({
  centre: `http://127.0.0.1:${ports}/api`,
  till: `http://127.0.0.1:${ports + 1}/api`,
  wallet: `http://127.0.0.1:${ports + 10}/api`,
})

/** One sale on the first till, tapped by the first phone, and synced. */
const sell = async (ports: number, amount: string, key?: string): Promise<Body> => {
  const { centre, till, wallet } = at(ports)
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key }
  const { sale } = (await call('POST', `${till}/sales`, { amount, currency: 'EUR' }, headers)).body
  const [phone] = (await ask('GET', `${wallet}/phones`)) as unknown as Phone[]
  const tapped = await ask('POST', `${wallet}/phones/${phone?.id}/tap`, { terminal: 'T-1001' })
  expect(tapped).toMatchObject({ outcome: 'paid', amount })
  await ask('POST', `${till}/sync`)
  await eventually(async () =>
    expect(await ask('GET', `${centre}/transactions/${String(tapped['transaction'])}`)).toMatchObject({
      state: 'accepted',
    }),
  )
  return ask('GET', `${till}/sales/${String(sale)}`)
}

const wordsOf = async (ports: number) => {
  const { centre, till, wallet } = at(ports)
  const phones = (await ask('GET', `${wallet}/phones`)) as unknown as Phone[]
  const balances = await Promise.all(
    ['anna', 'bela', 'cyra'].map(account => ask('GET', `${centre}/accounts/${account}/balance`)),
  )
  return {
    centre: (await ask('GET', `${centre}/health`))['id'],
    balances: balances.map(({ account, limit, owed, held, available }) => ({ account, limit, owed, held, available })),
    phones,
    payments: await Promise.all(
      phones.map(async ({ id }) => {
        const paid = (await ask('GET', `${wallet}/phones/${id}`))['payments'] as (Paid & { told: unknown })[]
        // What a phone told the authority so far is told in its own time.
        return paid.map(({ told: _, ...each }) => each)
      }),
    ),
    terminals: ((await ask('GET', `${centre}/terminals`))['terminals'] as Body[]).map(({ terminal, state }) => ({
      terminal,
      state,
    })),
    transactions: (await ask('GET', `${till}/transactions`))['transactions'],
  }
}

/** What SQLite leaves beside a file that nobody closed. */
const leftOpen = (data: string): string[] =>
  readdirSync(data, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('-wal'))

type Keys = Record<string, { publicKey?: string; key?: string }>
const keysOf = (data: string): Keys => {
  const sealed = readFileSync(join(data, 'back-office', 'keys.json'), 'utf8')
  expect(isSealed(sealed)).toBe(true)
  expect(statSync(join(data, 'keys.passphrase')).mode & 0o777).toBe(0o600)
  return JSON.parse(openKeys(sealed, readFileSync(join(data, 'keys.passphrase'), 'utf8').trim())) as Keys
}

it('two fresh starts have different authorities, and a second start goes on where the first ended', async () => {
  const [data, other] = [place(), place()]
  const ports = await freePorts(30)
  const first = demo(data, ports)
  await ready(first)
  expect(family(first)).toHaveLength(5)
  const sold = await sell(ports, '12.50', 'first sale')
  expect(sold).toMatchObject({ state: 'approved', receiptNumber: 1 })
  const before = await wordsOf(ports)
  expect(before).toMatchObject({ balances: [{ account: 'anna', owed: '12.50' }, {}, {}], phones: [{}, {}, {}] })
  expect(before.terminals).toEqual(['T-1001', 'T-1002'].map(terminal => ({ terminal, state: 'enrolled' })))
  expect(before.payments.map(paid => paid.length)).toEqual([1, 0, 0])

  const pids = family(first)
  controlC(first)
  expect(await endOf(first)).toEqual({ code: 0, signal: null })
  await gone(pids)
  expect(leftOpen(data)).toEqual([])

  const again = demo(data, ports)
  await ready(again)
  expect(await wordsOf(ports)).toEqual(before)
  // The key of yesterday's sale is still that sale's.
  const repeated = await call(
    'POST',
    `${at(ports).till}/sales`,
    { amount: '12.50', currency: 'EUR' },
    { 'idempotency-key': 'first sale' },
  )
  expect(repeated.body).toEqual(sold)
  expect(await sell(ports, '2.00')).toMatchObject({ receiptNumber: 2 })
  expect(await ask('GET', `${at(ports).centre}/accounts/anna/balance`)).toMatchObject({ owed: '14.50' })

  // Ctrl-C twice, as impatience has it.
  const family2 = family(again)
  controlC(again)
  controlC(again)
  await endOf(again)
  await gone(family2)

  const fresh = demo(other, ports)
  await ready(fresh)
  const [one, two] = [keysOf(data), keysOf(other)]
  for (const name of ['root', 'license', 'certificate', 'rules', 'log']) {
    expect([name, one[name]?.publicKey]).toEqual([name, expect.stringMatching(/^[\w-]{40,}$/)])
    expect([name, one[name]?.publicKey === two[name]?.publicKey]).toEqual([name, false])
  }
  expect(one['tacMaster']?.key).not.toBe(two['tacMaster']?.key)
  expect((await wordsOf(ports)).centre).not.toBe(before.centre)
  const last = family(fresh)
  controlC(fresh)
  await gone(last)
})

it('Ctrl-C while it is still starting ends all of it', async () => {
  const ports = await freePorts(30)
  const early = demo(place(), ports)
  await eventually(() => expect(childrenOf(early.pid).length).toBeGreaterThan(0))
  const pids = family(early)
  controlC(early)
  await endOf(early)
  await gone(pids)
  await new Promise(resolve => setTimeout(resolve, 300))
  // Whoever was started after that look would hold its port.
  for (const offset of [0, 1, 2, 10, 21, 22]) expect([offset, await isFree(ports + offset)]).toEqual([offset, true])
})

describe('what it refuses', () => {
  it.each([
    ['the centre', 0],
    ['a till', 2],
    ['the phones', 10],
    ['a radio', 21],
  ])('a port that is taken, of %s: one line that names it and --ports', async (_, offset) => {
    const ports = await freePorts(30)
    const holder = createServer().listen(ports + offset, '127.0.0.1')
    await once(holder, 'listening')
    const refused = demo(place(), ports)
    expect(await endOf(refused)).toEqual({ code: 1, signal: null })
    const lines = refused.said().trim().split('\n')
    expect(lines).toEqual([expect.stringMatching(new RegExp(`Port ${ports + offset} is taken .*--ports \\d+`))])
    holder.close()
  })

  it('to be reached from outside, and says why', async () => {
    const refused = demo(place(), await freePorts(30), '--host', '0.0.0.0')
    expect(await endOf(refused)).toEqual({ code: 1, signal: null })
    expect(refused.said()).toMatch(/Refusing to listen on 0\.0\.0\.0: nobody signs in at a till.*Use 127\.0\.0\.1/)
    expect(refused.said()).not.toMatch(/Ready|^\s+at .*\.js/m)
  })

  it('each app where nobody signs in by itself, too', async () => {
    for (const [app, ...more] of [
      // It refuses before it spends its invitation.
      ['terminal', '--centre', 'http://127.0.0.1:1', '--enrol', 'x', '--root', 'y'],
      ['wallet', '--centre', 'http://127.0.0.1:1'],
    ] as const) {
      const args = ['--host', '0.0.0.0', '--port', `${await freePorts()}`, '--data', place(), ...more]
      const refused = run(app, program(`dist/apps/${app}/main.js`, args))
      expect([app, await endOf(refused)]).toEqual([app, { code: 1, signal: null }])
      expect([app, refused.said()]).toEqual([app, expect.stringContaining('Refusing to listen on 0.0.0.0')])
    }
  })
})

it('a till that cannot enrol says where it looked, and asks with the same keys when it is started again', async () => {
  const data = place()
  const to = ['--port', `${await freePorts()}`, '--data', data, '--centre', `http://127.0.0.1:${await freePorts()}`]
  const tryWith = async (...invited: string[]): Promise<string> => {
    const till = run('till', program('dist/apps/terminal/main.js', [...to, ...invited]))
    expect(await endOf(till)).toEqual({ code: 1, signal: null })
    expect(till.said().trim().split('\n')).toEqual([
      expect.stringMatching(/http:\/\/127\.0\.0\.1:\d+ gave no answer \(ECONNREFUSED\).*start/i),
    ])
    expect(readdirSync(data)).toEqual(['enrolling.json'])
    return readFileSync(join(data, 'enrolling.json'), 'utf8')
  }
  const first = await tryWith('--enrol', 'T-1.AAAAAAAAAAAAAAAAAAAAAA', '--root', 'y')
  // The answer may have been lost on its way, and the invitation is spent.
  expect(await tryWith()).toBe(first)
})

/* ---- each in its own folder */

describe(isRoot ? 'three apps as three users' : 'three apps', () => {
  let street: Street
  const users = { centre: 65_532, terminal: 65_534, wallet: 65_533 }

  beforeAll(async () => {
    street = await openStreet({
      terminals: [{ id: 'T-1' }],
      accounts: [{ account: 'anna', limit: '500.00', allowance: '200.00' }],
      users: isRoot ? users : undefined,
    })
  })
  afterAll(() => street?.close())

  const apps = (): Record<keyof typeof users, App> => ({
    centre: street.centre,
    terminal: street.till(),
    wallet: street.wallet,
  })
  const openFiles = (app: App): string[] => {
    const { pid } = app.running()
    return readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
      } catch {
        return []
      }
    })
  }

  it('everything works', async () => {
    const { sale } = await street.till().key('12.50')
    expect(await street.tap(street.phone(), street.till())).toMatchObject({ outcome: 'paid' })
    expect((await street.till().sale(sale)).body).toMatchObject({ state: 'approved' })
    await street.till().sync()
    await eventually(async () => expect(await street.balance('anna')).toMatchObject({ owed: '12.50' }))
  })

  it('each has files open in its own folder, and in nobody else’s', () => {
    for (const [name, app] of Object.entries(apps())) {
      const inPlace = openFiles(app).filter(file => file.startsWith(realpathSync(street.place.path)))
      expect([name, inPlace.filter(file => file.startsWith(app.folder)).length > 0]).toEqual([name, true])
      expect([name, inPlace.filter(file => !file.startsWith(app.folder))]).toEqual([name, []])
    }
  })

  it('what each keeps is readable by its owner alone', () => {
    for (const [name, app] of Object.entries(apps())) {
      expect([name, (statSync(app.folder).mode & 0o777).toString(8)]).toEqual([name, '700'])
      for (const file of readdirSync(app.folder)) {
        const { uid } = statSync(join(app.folder, file))
        expect([name, file, uid]).toEqual([name, file, isRoot ? users[name as keyof typeof users] : process.getuid?.()])
      }
      for (const file of ['keys.json', 'enrolled.json', 'enrolling.json'].filter(file =>
        readdirSync(app.folder).includes(file),
      ))
        expect([file, (statSync(join(app.folder, file)).mode & 0o777).toString(8)]).toEqual([file, '600'])
    }
  })

  // Who is not root has one user to give; the files that are open then tell alone.
  if (isRoot)
    it('no user can look into a folder of another', async () => {
      for (const [name, user] of Object.entries(users))
        for (const [other, { folder }] of Object.entries(apps())) {
          const look = run('ls', ['ls', folder], { user })
          expect([name, other, (await endOf(look)).code === 0]).toEqual([name, other, name === other])
        }
      for (const [name, app] of Object.entries(apps())) {
        const uids = /^Uid:\s+(.*)$/m.exec(readFileSync(`/proc/${app.running().pid}/status`, 'utf8'))?.[1]?.split(/\s+/)
        expect([name, uids]).toEqual([name, Array(4).fill(`${users[name as keyof typeof users]}`)])
      }
    })

  it('the till ends at once and cleanly, though the centre hangs and keyboard and starter both ask for it', async () => {
    const till = street.till()
    street.centre.running().signal('SIGSTOP')
    await till.key('1.00')
    expect(await street.tap(street.phone(), till)).toMatchObject({ outcome: 'paid' })
    await new Promise(resolve => setTimeout(resolve, 300))
    const began = performance.now()
    till.running().signal('SIGINT')
    await new Promise(resolve => setTimeout(resolve, 50))
    till.running().signal('SIGTERM')
    expect(await till.running().ended).toEqual({ code: 0, signal: null })
    expect(performance.now() - began).toBeLessThan(3000)
  })
})

import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { inForce, readDockerfile, stepsOf } from '../../docker/dockerfile.ts'
import { type Compose, dockerFile, over, readCompose, type Service } from '../docker/compose.ts'
import { kurrentDouble } from '../kurrentdb/double.ts'
import { startPostgres } from './postgres.ts'
import {
  ask,
  type Body,
  call,
  compile,
  endAll,
  endOf,
  eventually,
  makePlace,
  program,
  type Running,
  run,
  signsIn,
} from './processes.ts'
import type { Phone } from './street.ts'

/**
 * The services of the compose files as processes: each by its image's ENTRYPOINT and its own command, at a loopback
 * address of its own in place of its container, with the ports that the files say; the log's servers are the tests'. What
 * an engine would add (users, the network's borders, read-only roots) is not shown here.
 */

const stages = readDockerfile(dockerFile('Dockerfile'))
const embedded = readCompose(dockerFile('compose.yaml'))

beforeAll(compile)
afterEach(endAll)
const places: ReturnType<typeof makePlace>[] = []
afterAll(() => {
  for (const place of places) place.remove()
})

type House = {
  readonly folder: string
  commandOf(name: string): string[]
  start(name: string): Running
  /** Starts it and waits until it is healthy at its port. */
  up(name: string, port: number): Promise<Running>
  /** Where its API is. */
  at(name: string, port: number): string
}

let houses = 0
/** `log` stands for the address of the log's server, with what its services have in their environment. */
const houseOf = ({ services }: Compose, log = '', env: Readonly<Record<string, string>> = {}): House => {
  const place = makePlace('docker')
  places.push(place)
  const names = Object.keys(services)
  // 127.x.y.n: no other program listens there, and no other run of this test.
  houses += 1
  const net = `127.${2 + (process.pid % 250)}.${houses + 4 * (Math.trunc(process.pid / 250) % 60)}`
  const addressOf = (name: string): string => `${net}.${names.indexOf(name) + 2}`
  const at = (name: string, port: number): string => `http://${addressOf(name)}:${port}/api`

  const commandOf = (name: string): string[] => {
    const { build, command = [], volumes = [] } = services[name] as Service
    const [, ...entry] = JSON.parse(inForce(stepsOf(stages, build?.target ?? ''), 'ENTRYPOINT') ?? '') as string[]
    const folders = new Map(
      volumes.map(volume => {
        const [from = '', to = ''] = volume.split(':')
        mkdirSync(`${place.path}/${from}`, { recursive: true, mode: 0o700 })
        return [to, `${place.path}/${from}`] as const
      }),
    )
    const onHost = (word: string): string => {
      if (word === '0.0.0.0') return addressOf(name)
      if (/^(?:postgres|kurrentdb):/.test(word)) return log
      for (const [to, folder] of folders)
        for (const before of ['', 'sqlite:'])
          if (`${word}/`.startsWith(`${before}${to}/`)) return before + folder + word.slice(before.length + to.length)
      return word.replace(
        /^(http:\/\/|T-\d+=)([\w-]+)(:\d+)$/,
        (_, before: string, host: string, port: string) => `${before}${addressOf(host)}${port}`,
      )
    }
    // Without a resolver they are called by their addresses, beside their names.
    const called = command.includes('--known-as') ? ['--known-as', addressOf(name)] : []
    return [...[...entry, ...command].map(onHost), ...called]
  }
  const start = (name: string): Running => {
    const [main = '', ...args] = commandOf(name)
    return run(name, program(main, args), { env })
  }
  const up = async (name: string, port: number): Promise<Running> => {
    const one = start(name)
    if (name.startsWith('back-office')) signsIn(at(name, port), `${place.path}/operators/administrator`)
    await eventually((): Promise<Body> => {
      if (one.process.exitCode !== null) throw new Error(`${name} ended. It said:\n${one.said()}`)
      return ask('GET', `${at(name, port)}/health`)
    }, 30_000)
    return one
  }
  return { folder: place.path, commandOf, start, up, at }
}

/** Anna's phone pays 12.50 at a till, and the balance follows at the centre. */
const tap = async ({ at }: House, terminal: string, till: string, centre: string, owed: string): Promise<void> => {
  const wallet = at('phones', 4710)
  const held = (await ask('GET', `${wallet}/phones`)) as unknown as Phone[]
  if (held.length === 0) {
    const asked = { allowance: '200.00', currency: 'EUR' }
    const { code } = await ask('POST', `${at(centre, 4700)}/accounts/anna/activations`, asked)
    await ask('POST', `${wallet}/phones`, { code })
  }
  const [phone] = (await ask('GET', `${wallet}/phones`)) as unknown as Phone[]
  await ask('POST', `${at(till, 4701)}/day/open`, {})
  await ask('POST', `${at(till, 4701)}/sales`, { amount: '12.50', currency: 'EUR' })
  expect(await ask('POST', `${wallet}/phones/${phone?.id}/tap`, { terminal })).toMatchObject({ outcome: 'paid' })
  await eventually(async () => expect(await balance(at(centre, 4700))).toMatchObject({ owed }))
}
const balance = (centre: string) => ask('GET', `${centre}/accounts/anna/balance`)

it('the embedded house opens, enrols its tills, takes a tap, and goes on after a restart', async () => {
  const house = houseOf(embedded)
  const centre = await house.up('back-office', 4700)
  expect(statSync(`${house.folder}/back-office/keys.json`).mode & 0o777).toBe(0o600)

  expect(await endOf(house.start('opening'))).toEqual({ code: 0, signal: null })
  expect(readdirSync(`${house.folder}/invitations`).toSorted()).toEqual(['T-1001.json', 'T-1002.json'])
  const till = await house.up('till-1', 4701)
  await house.up('till-2', 4701)
  await house.up('phones', 4710)

  // It answers to its name in the network, and to no other.
  const named = (host: string) => call('GET', `${house.at('back-office', 4700)}/health`, undefined, { host })
  expect((await named('back-office:4700')).status).toBe(200)
  expect((await named('localhost:4700')).status).toBe(200)
  expect(await named('evil.example')).toMatchObject({ status: 403, body: { reason: 'ForeignSite' } })

  await tap(house, 'T-1001', 'till-1', 'back-office', '12.50')

  // A till that has enrolled asks for no invitation any more, and the one-time service finds nothing to do.
  for (const one of [till, centre]) {
    await one.end()
    expect([one.name, await one.ended]).toEqual([one.name, { code: 0, signal: null }])
  }
  await house.up('back-office', 4700)
  const opening = house.start('opening')
  expect(await endOf(opening)).toEqual({ code: 0, signal: null })
  expect(opening.said()).toMatch(/T-1001 has enrolled before[^]*T-1002 has enrolled before/)
  await house.up('till-1', 4701)
  expect(await balance(house.at('back-office', 4700))).toMatchObject({ owed: '12.50' })
})

it('with PostgreSQL, whose password comes by the environment', async () => {
  const server = await startPostgres()
  try {
    const compose = over(embedded, readCompose(dockerFile('compose.postgres.yaml')))
    const { password, port } = new URL(server.url)
    const log = `postgres://tallystick@127.0.0.1:${port}/postgres`
    const house = houseOf(compose, log, { PGPASSWORD: password })
    await house.up('back-office', 4700)
    expect(await endOf(house.start('opening'))).toEqual({ code: 0, signal: null })
    await house.up('till-1', 4701)
    await house.up('phones', 4710)
    await tap(house, 'T-1001', 'till-1', 'back-office', '12.50')
    expect(Number(server.sql('select count(*) from tallystick.events'))).toBeGreaterThan(20)
    await endAll()
  } finally {
    await server.remove()
  }
})

it('with a KurrentDB cluster: what a till says to one back office, the other one knows', async () => {
  const cluster = await kurrentDouble({ nodes: 3 })
  try {
    const house = houseOf(over(embedded, readCompose(dockerFile('compose.kurrentdb.yaml'))), cluster.url)
    await house.up('back-office', 4700)
    await house.up('back-office-2', 4700)
    expect(readdirSync(`${house.folder}/authority`)).toEqual(expect.arrayContaining(['heads.sqlite', 'keys.json']))
    expect(await endOf(house.start('opening'))).toEqual({ code: 0, signal: null })
    await house.up('till-1', 4701)
    await house.up('till-2', 4701)
    await house.up('phones', 4710)
    await tap(house, 'T-1001', 'till-1', 'back-office-2', '12.50')
    await tap(house, 'T-1002', 'till-2', 'back-office', '25.00')
    await endAll()
  } finally {
    cluster.close()
  }
})

it('a till without a right invitation says what is missing, and nothing is kept', async () => {
  const house = houseOf(embedded)
  const [main = '', ...args] = house.commandOf('till-2')
  const data = `${house.folder}/till-2`
  const lacking = async (file: string) => {
    const one = run('stranger', program(main, args.with(args.indexOf('--invitation') + 1, file)))
    expect(await endOf(one)).toEqual({ code: 1, signal: null })
    return one.said()
  }
  expect(await lacking(`${house.folder}/nowhere.json`)).toMatch(/not enrolled, and .*nowhere\.json holds no invitation/)
  expect(await lacking('package.json')).toMatch(/package\.json holds no invitation/)
  expect(readdirSync(data)).toEqual([])
})

it('an app that is not told that its network is closed refuses it', async () => {
  const [main = '', ...args] = houseOf(embedded).commandOf('phones')
  const one = run(
    'untold',
    program(
      main,
      args.filter((word, at) => word !== '--known-as' && args[at - 1] !== '--known-as'),
    ),
  )
  expect(await endOf(one)).toEqual({ code: 1, signal: null })
  expect(one.said()).toMatch(/Refusing to listen on .*Use 127\.0\.0\.1;.*--known-as/)
})

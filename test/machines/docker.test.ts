import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inForce, readDockerfile, stepsOf } from '../../docker/dockerfile.ts'
import { dockerFile, readCompose, type Service } from '../docker/compose.ts'
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
} from './processes.ts'
import type { Phone } from './street.ts'

/**
 * The services of the compose file as processes: each by its image's ENTRYPOINT and its own command, at a loopback
 * address of its own in place of its container, with the ports that the files say. What an engine would add (users, the
 * network's borders, read-only roots) is not shown here.
 */

const place = makePlace('docker')
const stages = readDockerfile(dockerFile('Dockerfile'))
const { services } = readCompose(dockerFile('compose.yaml'))
const names = Object.keys(services)
/** 127.x.y.n: no other program listens there, and no other run of this test. */
const net = `127.${1 + (process.pid % 250)}.${1 + (Math.trunc(process.pid / 250) % 250)}`
const addressOf = (name: string): string => `${net}.${names.indexOf(name) + 2}`
const at = (name: string, port: number): string => `http://${addressOf(name)}:${port}/api`

beforeAll(compile)
afterAll(async () => {
  await endAll()
  place.remove()
})

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
    for (const [to, folder] of folders)
      if (word === to || word.startsWith(`${to}/`)) return folder + word.slice(to.length)
    return word.replace(
      /^(http:\/\/|T-\d+=)([\w-]+)(:\d+)$/,
      (_, before, host, port) => `${before}${addressOf(host)}${port}`,
    )
  }
  // Without a resolver they are called by their addresses, beside their names.
  const called = command.includes('--known-as') ? ['--known-as', addressOf(name)] : []
  return [...entry, ...command].map(onHost).concat(called)
}
const start = (name: string): Running => {
  const [main = '', ...args] = commandOf(name)
  return run(name, program(main, args))
}
const healthy = (one: Running, port: number): Promise<Body> =>
  eventually(() => {
    if (one.process.exitCode !== null) throw new Error(`${one.name} ended. It said:\n${one.said()}`)
    return ask('GET', `${at(one.name, port)}/health`)
  }, 30_000)

it('the house of the compose file opens, enrols its tills, takes a tap, and goes on after a restart', async () => {
  const centre = start('back-office')
  await healthy(centre, 4700)
  expect(readdirSync(`${place.path}/authority`)).toEqual(['keys.json'])
  expect(statSync(`${place.path}/authority/keys.json`).mode & 0o777).toBe(0o600)

  expect(await endOf(start('opening'))).toEqual({ code: 0, signal: null })
  expect(readdirSync(`${place.path}/invitations`).toSorted()).toEqual(['T-1001.json', 'T-1002.json'])
  const tills = [start('till-1'), start('till-2')] as const
  for (const till of tills) await healthy(till, 4701)
  await healthy(start('phones'), 4710)

  // It answers to its name in the network, and to no other.
  const named = (host: string) => call('GET', `${at('back-office', 4700)}/health`, undefined, { host })
  expect((await named('back-office:4700')).status).toBe(200)
  expect((await named('localhost:4700')).status).toBe(200)
  expect(await named('evil.example')).toMatchObject({ status: 403, body: { reason: 'ForeignSite' } })

  const [till, wallet] = [at('till-1', 4701), at('phones', 4710)]
  await ask('POST', `${wallet}/phones`, { account: 'anna', allowance: '200.00' })
  const [phone] = (await ask('GET', `${wallet}/phones`)) as unknown as Phone[]
  await ask('POST', `${till}/day/open`, {})
  await ask('POST', `${till}/sales`, { amount: '12.50', currency: 'EUR' })
  const tapped = await ask('POST', `${wallet}/phones/${phone?.id}/tap`, { terminal: 'T-1001' })
  expect(tapped).toMatchObject({ outcome: 'paid', amount: '12.50' })
  const balance = () => ask('GET', `${at('back-office', 4700)}/accounts/anna/balance`)
  await eventually(async () => expect(await balance()).toMatchObject({ owed: '12.50' }))

  // A till that has enrolled asks for no invitation any more, and the one-time service finds nothing to do.
  await tills[0].end()
  expect(await tills[0].ended).toEqual({ code: 0, signal: null })
  await centre.end()
  const again = start('back-office')
  await healthy(again, 4700)
  const opening = start('opening')
  expect(await endOf(opening)).toEqual({ code: 0, signal: null })
  expect(opening.said()).toMatch(/T-1001 has enrolled before[^]*T-1002 has enrolled before/)
  await healthy(start('till-1'), 4701)
  expect(await balance()).toMatchObject({ owed: '12.50' })
})

it('a till without a right invitation says what is missing, and nothing is kept', async () => {
  const [main = '', ...args] = commandOf('till-2')
  const data = place.folder('stranger')
  const lacking = async (file: string) => {
    const given = args.with(args.indexOf('--data') + 1, data).with(args.indexOf('--invitation') + 1, file)
    const one = run('stranger', program(main, given))
    expect(await endOf(one)).toEqual({ code: 1, signal: null })
    return one.said()
  }
  expect(await lacking(`${place.path}/nowhere.json`)).toMatch(/not enrolled, and .*nowhere\.json holds no invitation/)
  expect(await lacking(`${place.path}/authority/keys.json`)).toMatch(/keys\.json holds no invitation/)
  expect(readdirSync(data)).toEqual([])
})

it('an app that is not told that its network is closed refuses it', async () => {
  const [main = '', ...args] = commandOf('back-office')
  const one = run('untold', program(main, args.slice(0, args.indexOf('--known-as'))))
  expect(await endOf(one)).toEqual({ code: 1, signal: null })
  expect(one.said()).toMatch(/Refusing to listen on .*Use 127\.0\.0\.1;.*--known-as/)
})

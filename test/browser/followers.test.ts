import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Event } from '#canonical/event'
import { sqliteStore } from '#eventstore/sqlite'
import { nodeCrypto } from '#machine/crypto'
import {
  ask,
  call,
  compile,
  cookieAt,
  endAll,
  endOf,
  freePorts,
  healthy,
  makePlace,
  program,
  type Running,
  run,
  withAdministrator,
} from '../machines/processes.ts'
import { teleportCredit } from '../newer.ts'
import { type Browser, buildPages, eventually, looksRight, openBrowser, type Screen } from './chromium.ts'

/**
 * A centre that was taken back to an older version finds in its log what it does not know. Its judge stops; the operator
 * sees it on the overview, on the command line and by webhook, and says what is to be done.
 */

const place = makePlace('followers')
const data = place.folder('centre')
let browser: Browser
let office: Screen
let url: string
let centre: Running
let poison: Event
let hook: Server
const heard: { readonly key: string; readonly type: string; readonly follower: string }[] = []

beforeAll(async () => {
  compile()
  buildPages()
  const crypto = nodeCrypto()
  const store = sqliteStore(join(data, 'log.sqlite'), () => new Date().toISOString())
  poison = await teleportCredit(crypto, store, Date.UTC(2026, 10, 23, 9))
  store.close()

  hook = createServer((request, response) => {
    let said = ''
    request.on('data', chunk => (said += chunk))
    request.on('end', () => {
      const { type, data } = JSON.parse(said) as { type: string; data: { follower: string } }
      heard.push({ key: String(request.headers['idempotency-key']), type, follower: data.follower })
      response.writeHead(204).end()
    })
  })
  await new Promise<void>(resolve => hook.listen(0, '127.0.0.1', resolve))

  const port = await freePorts()
  url = `http://127.0.0.1:${port}`
  const webhook = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/told`
  const args = ['--port', `${port}`, '--data', data, '--webhook', webhook, ...withAdministrator(url, data)]
  centre = run('centre', program('dist/apps/back-office/main.js', args))
  await healthy(centre, url)
  browser = await openBrowser()
  office = await browser.open(url, await cookieAt(url))
})
afterEach(() => expect(browser.faults.splice(0)).toEqual([]))
afterAll(async () => {
  await browser?.close()
  await endAll()
  hook?.closeAllConnections()
  hook?.close()
  place.remove()
})

const asAdministrator = ['--password-file', join(data, 'administrator-password')]
const tally = async (...args: string[]) => {
  const one = run('tally', program('dist/apps/tally/main.js', ['followers', ...args, ...asAdministrator]))
  const { code } = await endOf(one)
  return { code, said: one.said().trim() }
}
const inLog = async (type: string): Promise<Event<{ reason: string }>[]> => {
  const store = sqliteStore(join(data, 'log.sqlite'), () => '', { readonly: true })
  const found: Event<{ reason: string }>[] = []
  for await (const page of store.readAll({ from: 0 }))
    for (const stored of page)
      if (stored.type === type) found.push(JSON.parse(stored.text) as Event<{ reason: string }>)
  store.close()
  return found
}

it('health tells each follower, how far it is behind, and which stopped', async () => {
  await eventually(async () => (await ask('GET', `${url}/api/health`))['status']).toBe('degraded')
  const { followers, notUnderstood } = (await ask('GET', `${url}/api/health`)) as {
    followers: { follower: string; state: string; lag: { events: number; seconds: number } }[]
    notUnderstood: unknown
  }
  expect(followers.filter(({ state }) => state === 'stopped').map(({ follower }) => follower)).toEqual(['verdicts'])
  const judge = followers.find(({ follower }) => follower === 'verdicts')
  expect(judge?.lag.events).toBeGreaterThan(3)
  const rows = followers.filter(({ follower }) => follower !== 'verdicts')
  expect(rows.map(({ lag }) => lag)).toEqual(rows.map(() => ({ events: 0, seconds: 0 })))
  expect(notUnderstood).toEqual([
    { terminal: null, type: 'CreditTeleported', schema: 1, money: true, count: 1, firstIndex: 0 },
  ])
})

it('the webhook hears of it once', async () => {
  await eventually(() => heard).toHaveLength(1)
  const [told] = await inLog('FollowerStopped')
  expect(heard).toEqual([{ key: told?.id, type: 'FollowerStopped', follower: 'verdicts' }])
  await eventually(async () => (await inLog('DeliveryMade')).length).toBe(1)
})

it('the overview shows it, at which event and why', async () => {
  await eventually(() => office.words('stopped-message')).toContain(
    `stopped at CreditTeleported ${poison.id} at log index 0`,
  )
  await eventually(() => office.words('figure-not-understood')).toBe('1')
  await looksRight(office, 'overview with a stopped follower')
})

it('the command line shows the same', async () => {
  const { code, said } = await tally('--centre', url)
  expect(code).toBe(1)
  expect(said).toMatch(/^verdicts +STOPPED at CreditTeleported [-0-9a-f]{36}, log index 0: .* events behind, \d+ s$/m)
  expect(said).toMatch(/^balances +at log index \d+$/m)
  const beside = await tally('--data', data)
  expect(beside.code).toBe(1)
  expect(beside.said).toMatch(/^verdicts +STOPPED at CreditTeleported/m)
})

it('an order that names another event, or no reason, is refused', async () => {
  const skip = `${url}/api/followers/verdicts/skip`
  expect(await call('POST', skip, { index: 1, event: poison.id, reason: 'x' })).toMatchObject({
    status: 409,
    body: { reason: 'StoppedAtAnother' },
  })
  expect(await call('POST', skip, { index: 0, event: poison.id })).toMatchObject({ status: 400 })
  expect(await call('POST', skip, { reason: 'x' })).toMatchObject({ status: 400 })
  expect(await call('POST', `${url}/api/followers/nobody/retry`, { reason: 'x' })).toMatchObject({
    status: 404,
    body: { reason: 'FollowerUnknown' },
  })
  const wrong = await tally('skip', 'verdicts', '--reason', 'x', '--index', '1', '--event', poison.id, '--centre', url)
  expect(wrong).toMatchObject({ code: 1, said: expect.stringContaining('look at that one and name it') })
  expect((await tally('skip', 'verdicts', '--reason', 'x', '--centre', url)).code).toBe(2)
  expect((await tally('retry', 'verdicts', '--centre', url)).code).toBe(2)
  expect(await inLog('EventSkipped')).toEqual([])
})

it('tried again by the command line, it stops there again', async () => {
  expect(await tally('retry', 'verdicts', '--reason', 'perhaps', '--centre', url)).toEqual({
    code: 0,
    said: 'verdicts tries again: perhaps',
  })
  await eventually(async () => (await inLog('FollowerStopped')).length).toBe(2)
  expect((await inLog('FollowerRetried')).map(({ data }) => data.reason)).toEqual(['perhaps'])
})

it('skipped on the overview, with a reason that the log keeps, it goes on', async () => {
  expect(await office.page.getByTestId('follower-skip').isDisabled()).toBe(true)
  await office.page.getByTestId('stopped-reason').fill('It concerns no account of ours')
  await looksRight(office, 'overview with a reason written')
  await office.press('follower-skip')
  await eventually(() => office.page.getByTestId('stopped-verdicts').count()).toBe(0)
  expect((await inLog('EventSkipped')).map(({ data, by }) => [data.reason, by])).toEqual([
    ['It concerns no account of ours', 'operator:administrator'],
  ])
  await eventually(async () => (await tally('--centre', url)).code).toBe(0)
  expect((await tally('--data', data)).said).toMatch(/^verdicts +passes over 0$/m)
})

it('and so it does after a restart', async () => {
  await centre.end()
  const port = Number(new URL(url).port)
  centre = run('centre', program('dist/apps/back-office/main.js', ['--port', `${port}`, '--data', data]))
  await healthy(centre, url)
  await eventually(async () => {
    const { followers } = (await ask('GET', `${url}/api/followers`)) as { followers: { lag: { events: number } }[] }
    return followers.map(({ lag }) => lag.events).filter(Boolean)
  }).toEqual([])
  expect((await tally('--centre', url)).code).toBe(0)
  browser.faults.length = 0
})

it('a webhook that is no address is refused in one line', async () => {
  const one = run(
    'centre',
    program('dist/apps/back-office/main.js', ['--port', '1', '--data', data, '--webhook', 'ftp://x/']),
  )
  expect((await endOf(one)).code).toBe(1)
  expect(one.said().trim()).toContain('--webhook takes an http:// or https:// address, not ftp://x/.')
})

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import { memoryHeads } from '#eventstore/memory/heads'
import { type Route, routesOf } from '#http/roles'
import { type Served, serve } from '#http/serve'
import { idle_ms, readAccess } from '#operator/access'
import { mayAct, type Role, roles } from '#operator/roles'
import { behindTheDoor } from '../../apps/back-office/door.ts'
import { firstAdministrator } from '../../apps/back-office/first-administrator.ts'
import { type SignIn, signIn } from '../../apps/back-office/sign-in.ts'
import { plainPasswords } from '../desk.ts'
import { makeWorld, type World } from '../simulation/world.ts'

/** A stranger, a colleague and a former colleague before the door of the centre. */

let world: World
let served: Served
let desk: SignIn
let routes: readonly Route[]
const access = memoryHeads()
const clock = { ahead_ms: 0, now: (): number => Date.UTC(2026, 10, 23, 9) + clock.ahead_ms }
const said: string[] = []
const faults: string[] = []
const log = {
  info: (line: string) => void said.push(line),
  warn: (line: string) => void said.push(line),
  error: (line: string) => void faults.push(line),
}

type Answer = { readonly status: number; readonly body: Record<string, unknown>; readonly cookie: string | undefined }
const send = async (
  method: string,
  path: string,
  { cookie, body, headers }: { cookie?: string | undefined; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> => {
  const response = await fetch(`${served.url}${path}`, {
    method,
    signal: AbortSignal.timeout(15_000),
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(cookie === undefined ? {} : { cookie }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream')
  if (isStream) await response.body?.cancel()
  const text = isStream ? '{}' : await response.text()
  return {
    status: response.status,
    body: (text.startsWith('{') ? JSON.parse(text) : { text }) as Record<string, unknown>,
    cookie: response.headers.get('set-cookie') ?? undefined,
  }
}
const enter = (operator: unknown, password: unknown, cookie?: string): Promise<Answer> =>
  send('POST', '/api/session', { body: { operator, password }, cookie })
const held = ({ cookie }: Answer): string => (cookie ?? '').split(';')[0] as string

const own = 'a fine long password'
/** Somebody new with a password of their own, signed in. */
const colleague = async (operator: string, role: Role): Promise<string> => {
  const { body } = await send('POST', '/api/operators', { cookie: administrator, body: { operator, role } })
  const first = await enter(operator, body['oneTimePassword'])
  const change = { password: body['oneTimePassword'], next: own }
  return held(await send('POST', '/api/session/password', { cookie: held(first), body: change }))
}
const who = async (cookie: string | undefined) => (await send('GET', '/api/session', { cookie })).body

let oneTime: string
let administrator: string
const holding: Partial<Record<Role, string>> = {}

beforeAll(async () => {
  world = await makeWorld({ seed: 'operators' })
  const node = world.centre()
  desk = signIn({ clock, crypto: world.crypto, access, passwords: plainPasswords, operators: node, log })
  const first = { crypto: world.crypto, operators: node, desk, passwordFile: undefined, log }
  await firstAdministrator(first)
  await firstAdministrator(first)
  oneTime = /password (\S+)/.exec(said.join('\n'))?.[1] ?? ''
  const module = behindTheDoor(node, desk)
  const { controllers } = { controllers: Reflect.getMetadata('controllers', module) as Parameters<typeof routesOf>[0] }
  routes = routesOf(controllers)
  served = await serve({ module, port: 0, host: '127.0.0.1', pages: undefined, log, hasSignIn: true })
})
afterAll(async () => {
  await served?.close()
  await world?.end()
})
afterEach(() => expect(faults.splice(0)).toEqual([]))

describe('the first start', () => {
  it('says one password once, and the log that it was set, without it', () => {
    expect(said.filter(line => line.includes('one-time password'))).toHaveLength(1)
    expect(oneTime).toMatch(/^(?:[0-9a-hjkmnp-tv-z]{5}-){4}[0-9a-hjkmnp-tv-z]{5}$/)
    const stream = world.log.events.filter(({ stream }) => stream === 'operator-administrator')
    expect(stream.map(({ type }) => type)).toEqual(['OperatorAdded', 'PasswordSet'])
    expect(stream.map(({ text }) => text).join()).not.toContain(oneTime)
    expect(stream.map(({ text }) => text).join()).not.toContain('plain')
  })
  it('opens nothing with that password but the choice of another', async () => {
    const first = await enter('administrator', oneTime)
    expect(first).toMatchObject({ status: 200, body: { role: 'administrator', mustChangePassword: true } })
    const before = held(first)
    expect(await send('GET', '/api/accounts', { cookie: before })).toMatchObject({
      status: 403,
      body: { reason: 'PasswordMustChange' },
    })
    const change = (password: string, next: string) =>
      send('POST', '/api/session/password', { cookie: before, body: { password, next } })
    expect(await change('not it at all', own)).toMatchObject({ status: 409, body: { reason: 'PasswordWrong' } })
    expect(await change(oneTime, 'short')).toMatchObject({ status: 409, body: { reason: 'PasswordTooWeak' } })
    expect(await change(oneTime, oneTime)).toMatchObject({ status: 409, body: { reason: 'PasswordTooWeak' } })
    const changed = await change(oneTime, own)
    expect(changed).toMatchObject({ status: 200, body: { mustChangePassword: false } })
    administrator = held(changed)
    expect(await send('GET', '/api/accounts', { cookie: administrator })).toMatchObject({ status: 200 })
    // The octets of before, which whoever made the password may have seen, are nobody's now.
    expect(await send('GET', '/api/accounts', { cookie: before })).toMatchObject({
      status: 401,
      body: { reason: 'SessionEnded' },
    })
    expect((await enter('administrator', oneTime)).status).toBe(401)
  })
})

describe('every route', () => {
  beforeAll(async () => {
    for (const role of roles) holding[role] = await colleague(`the-${role}`, role)
  })
  const pathOf = ({ path }: Route): string => path.replace(/:\w+/g, 'nothing').replace('*', 'x')
  const everyOne = () => routes.map(route => [route.method, pathOf(route), route] as const)

  it('is one of these, and those without an operator are these alone', () => {
    expect(routes.length).toBeGreaterThan(25)
    const open = routes.filter(route => 'open' in route).map(({ method, path }) => `${method} ${path}`)
    // A new one here is a door for everybody: it is read twice.
    expect(open.filter(route => !/^(?:GET|POST) \/sync\/v1\//.test(route)).sort()).toEqual([
      'GET /api/authority/key-set',
      'GET /api/health',
      'GET /api/log/checkpoint',
      'GET /api/log/tile/*',
      'GET /api/session',
      'POST /api/session',
      'POST /api/session/end',
      'POST /api/session/password',
    ])
  })

  it('takes nobody who is not signed in, and no cookie that somebody made up', async () => {
    const name = administrator.split('=')[0]
    for (const [method, path, route] of everyOne()) {
      if ('open' in route) continue
      for (const cookie of [undefined, `${name}=administrator:${'A'.repeat(43)}`, `${name}=administrator`, 'x=y'])
        expect([method, path, cookie, (await send(method, path, { cookie })).status]).toEqual([
          method,
          path,
          cookie,
          401,
        ])
    }
  })

  it.each(roles)('takes a %s where the role suffices, and nowhere else', async role => {
    const wrong: unknown[] = []
    for (const [method, path, route] of everyOne()) {
      if ('open' in route) continue
      const { status, body } = await send(method, path, {
        cookie: holding[role],
        ...(method === 'POST' ? { body: { nothing: 'of use' } } : {}),
      })
      const isLet = body['reason'] !== 'RoleTooLow'
      if (isLet !== mayAct(role, route.least) || (!isLet && status !== 403) || status === 401 || status >= 500)
        wrong.push([method, path, status, body])
    }
    expect(wrong).toEqual([])
  })

  it('bears whose command it is', async () => {
    const asked = { account: 'by-clerk', limit: '5.00', currency: 'EUR' }
    const opened = await send('POST', '/api/accounts', { cookie: holding.clerk, body: { ...asked, by: 'operator:x' } })
    expect(opened.status).toBe(201)
    const event = world.log.events.find(({ stream }) => stream === 'account-by-clerk')
    expect(JSON.parse(event?.text ?? '{}')).toMatchObject({ by: 'operator:the-clerk' })
  })
})

describe('a session', () => {
  it('is a cookie that no script reads and no other site sends, and is of this centre alone', async () => {
    const { cookie } = await enter('the-viewer', own)
    expect(cookie).toMatch(/^tallystick-[0-9a-f]{8}=the-viewer:[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    const port = new URL(served.url).port
    const headers = { origin: `https://127.0.0.1:${port}` }
    const safe = await send('POST', '/api/session', { body: { operator: 'the-viewer', password: own }, headers })
    expect(safe.cookie).toMatch(/; SameSite=Strict; Secure$/)
  })
  it('is kept as a hash: who reads the store holds no session and no password', async () => {
    const cookie = held(await enter('the-viewer', own))
    const text = (await access.get('operator-the-viewer')) ?? ''
    expect(text).not.toContain(cookie.split(':')[1])
    for (const { hash } of readAccess(text).sessions) {
      const name = cookie.split('=')[0]
      expect(await who(`${name}=the-viewer:${Buffer.from(hash, 'hex').toString('base64url')}`)).toMatchObject({
        operator: null,
      })
    }
  })
  it('that somebody laid under a sign-in opens nothing: each sign-in has octets of its own', async () => {
    const laid = held(await enter('the-viewer', own))
    const mine = held(await enter('the-clerk', own, laid))
    expect(mine).not.toBe(laid)
    expect(await who(mine)).toMatchObject({ operator: 'the-clerk' })
    expect(await who(laid)).toMatchObject({ operator: null, reason: 'SessionEnded' })
    const name = mine.split('=')[0]
    const invented = `${name}=the-clerk:${'B'.repeat(43)}`
    expect(held(await enter('the-clerk', own, invented))).not.toBe(invented)
    expect(await who(invented)).toMatchObject({ operator: null })
  })
  it('cannot be renamed to somebody else’s', async () => {
    const mine = held(await enter('the-viewer', own))
    expect(await who(mine.replace('the-viewer', 'administrator'))).toMatchObject({ operator: null })
  })
  it('that was signed out is over, though the cookie is sent again', async () => {
    const cookie = held(await enter('the-viewer', own))
    const out = await send('POST', '/api/session/end', { cookie })
    expect(out.cookie).toMatch(/=; .*Max-Age=0/)
    expect(await send('GET', '/api/overview', { cookie })).toMatchObject({
      status: 401,
      body: { reason: 'SessionEnded' },
    })
    expect((await send('POST', '/api/session/end', { cookie })).status).toBe(200)
  })
  it('ends after half an hour without a request; looking who one is does not prolong it', async () => {
    const cookie = held(await enter('the-viewer', own))
    const before = clock.ahead_ms
    clock.ahead_ms += idle_ms - 60_000
    expect(await who(cookie)).toMatchObject({ operator: 'the-viewer' })
    clock.ahead_ms += 60_000
    expect(await who(cookie)).toMatchObject({ operator: null, reason: 'SessionEnded' })
    clock.ahead_ms = before
  })
  it('ends with a suspension, at once and everywhere, and with it the password', async () => {
    const cookie = await colleague('leaver', 'clerk')
    const at = '/api/operators/leaver'
    await send('POST', `${at}/suspend`, { cookie: administrator, body: { reason: 'left us' } })
    expect(await send('GET', '/api/overview', { cookie })).toMatchObject({ status: 401 })
    expect(await enter('leaver', own)).toMatchObject({ status: 401, body: { reason: 'SignInRefused' } })
    expect(await send('POST', `${at}/password`, { cookie: administrator })).toMatchObject({
      status: 409,
      body: { reason: 'OperatorIsSuspended' },
    })
    await send('POST', `${at}/reinstate`, { cookie: administrator, body: { reason: 'came back' } })
    expect(await send('GET', '/api/overview', { cookie })).toMatchObject({ status: 401 })
    expect((await enter('leaver', own)).status).toBe(200)
  })
  it('has the role of now, not that of the sign-in', async () => {
    const cookie = await colleague('falling', 'clerk')
    const open = (account: string) =>
      send('POST', '/api/accounts', { cookie, body: { account, limit: '5.00', currency: 'EUR' } })
    expect((await open('before')).status).toBe(201)
    await send('POST', '/api/operators/falling/role', { cookie: administrator, body: { role: 'viewer' } })
    expect(await open('after')).toMatchObject({ status: 403, body: { reason: 'RoleTooLow' } })
  })
  it('ends with a new password, at every other browser', async () => {
    const [here, there] = [await colleague('mover', 'viewer'), held(await enter('mover', own))]
    const next = 'another fine password'
    const changed = await send('POST', '/api/session/password', { cookie: here, body: { password: own, next } })
    expect(await who(held(changed))).toMatchObject({ operator: 'mover' })
    for (const cookie of [here, there]) expect(await who(cookie)).toMatchObject({ operator: null })
    const { body } = await send('POST', '/api/operators/mover/password', { cookie: administrator })
    expect(await who(held(changed))).toMatchObject({ operator: null })
    expect((await enter('mover', next)).status).toBe(401)
    expect((await enter('mover', body['oneTimePassword'])).body).toMatchObject({ mustChangePassword: true })
  })
})

describe('at the door', () => {
  it('an unknown name, a wrong password and a suspended colleague hear the same words', async () => {
    await colleague('gone', 'viewer')
    await send('POST', '/api/operators/gone/suspend', { cookie: administrator, body: { reason: 'left' } })
    const answers = [
      await enter('the-viewer', 'wrong password'),
      await enter('nobody-at-all', 'wrong password'),
      await enter('gone', own),
      await enter('ADMINISTRATOR', own),
      await enter('аdministrator', own),
      await enter('the-viewer ', own),
    ]
    for (const { status, body, cookie } of answers) {
      expect({ status, body, cookie }).toEqual({ status: 401, body: answers[0]?.body, cookie: undefined })
    }
  })
  it.each([
    ['nothing', {}],
    ['a list', []],
    ['no password', { operator: 'the-viewer' }],
    ['a number', { operator: 7, password: own }],
    ['an object for a name', { operator: { $ne: null }, password: own }],
    ['a list for a password', { operator: 'the-viewer', password: [own] }],
    ['true', { operator: 'the-viewer', password: true }],
    ['an empty password', { operator: 'the-viewer', password: '' }],
    ['a very long password', { operator: 'the-viewer', password: 'x'.repeat(1025) }],
    ['a very long name', { operator: 'x'.repeat(65), password: own }],
    ['a word too many', { operator: 'the-viewer', password: own, role: 'administrator' }],
  ])('%s is malformed', async (_, body) => {
    expect(await send('POST', '/api/session', { body })).toMatchObject({
      status: 400,
      body: { reason: 'BodyMalformed' },
    })
  })
  it('a megabyte of password is malformed, or too large to be read', async () => {
    const { status } = await enter('the-viewer', 'x'.repeat(2 ** 20))
    expect([400, 413]).toContain(status)
  })
  it('no password is repeated in an answer or in the process’s log', async () => {
    const { body } = await enter('the-viewer', 'my secret of another place')
    expect(JSON.stringify(body)).not.toContain('secret of')
    const long = await send('POST', '/api/session', { body: { operator: 'x', password: `${'y'.repeat(2000)}tail` } })
    expect(JSON.stringify(long.body)).not.toContain('tail')
    expect(said.join('\n')).not.toContain('secret of')
  })
  it('a name with lines in it makes one line in the process’s log', async () => {
    await enter('x\nadministrator signed in', own)
    expect(said.at(-1)).not.toContain('\n')
  })
  it('a page of another site is refused, whatever cookie its visitor has', async () => {
    for (const origin of ['http://evil.example', 'null', 'http://localhost:1', `${served.url}.evil.example`])
      for (const path of ['/api/session', '/api/session/end', '/api/operators/the-viewer/password'])
        expect(await send('POST', path, { cookie: administrator, headers: { origin }, body: {} })).toMatchObject({
          status: 403,
          body: { reason: 'ForeignSite' },
        })
    expect(await who(administrator)).toMatchObject({ operator: 'administrator' })
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await send('POST', '/api/session', { body: 'operator=a&password=b', headers: form })).status).toBe(415)
  })
  it('guesses wait longer and longer, and the right password of another address does not', async () => {
    await colleague('guessed', 'viewer')
    const answers: Answer[] = []
    for (let guess = 0; guess < 6; guess++) answers.push(await enter('guessed', `guess number ${guess}`))
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429])
    expect(answers.at(-1)?.body).toMatchObject({ reason: 'SignInThrottled', retryAfter_s: 1 })
    // The right one waits, too: that it was right is not told.
    expect((await enter('guessed', own)).status).toBe(429)
    const elsewhere = await desk.signIn({ operator: 'guessed', password: own, address: '10.0.0.9' })
    expect(isRefusal(elsewhere)).toBe(false)
    clock.ahead_ms += 1000
    expect((await enter('guessed', own)).status).toBe(200)
  })
  it('many guesses at once are many', async () => {
    await colleague('crowded', 'viewer')
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, guess) => enter('crowded', `guess number ${guess}`)),
    )
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5)
    clock.ahead_ms += 60 * 60_000
  })
})

describe('operators', () => {
  beforeAll(async () => {
    administrator = held(await enter('administrator', own))
  })
  const order = (path: string, body: unknown) => send('POST', `/api/operators${path}`, { cookie: administrator, body })

  it('the last administrator stays one, and stays', async () => {
    await order('/the-administrator/suspend', { reason: 'tried' })
    const last = { status: 409, body: { reason: 'LastAdministrator' } }
    expect(await order('/administrator/role', { role: 'clerk' })).toMatchObject(last)
    expect(await order('/administrator/suspend', { reason: 'x' })).toMatchObject(last)
    await order('/the-administrator/reinstate', { reason: 'and back' })
    const both = await Promise.all([
      order('/administrator/suspend', { reason: 'x' }),
      order('/the-administrator/suspend', { reason: 'x' }),
    ])
    // Whoever is first shuts the other out of being second.
    expect(both.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
    const now = await Promise.all(['administrator', 'the-administrator'].map(each => world.centre().operatorNow(each)))
    expect(now.filter(each => each?.suspended === false).length).toBeGreaterThanOrEqual(1)
    for (const each of ['administrator', 'the-administrator'])
      if ((await world.centre().operatorNow(each))?.suspended)
        await world.centre().reinstateOperator({ operator: each, reason: 'test', by: 'test' })
    administrator = held(await enter('administrator', own))
  })
  it.each(['Olga', 'оlga', 'ol ga', '../olga', 'o'.repeat(33), 'olga%00', '', 7, null, ['olga']])(
    '%j cannot be added',
    async operator => {
      expect(await order('', { operator, role: 'clerk' })).toMatchObject({ status: 400 })
    },
  )
  it('a role that there is not cannot be given', async () => {
    expect(await order('', { operator: 'olga', role: 'root' })).toMatchObject({ status: 400 })
    expect(await order('/the-clerk/role', { role: 'Administrator' })).toMatchObject({ status: 400 })
    expect(await order('/nobody-here/role', { role: 'clerk' })).toMatchObject({ status: 404 })
  })
  it('added twice is one, with one password; with another role it is refused', async () => {
    const first = await order('', { operator: 'twice', role: 'clerk' })
    expect(first).toMatchObject({ status: 201, body: { oneTimePassword: expect.any(String) } })
    expect(await order('', { operator: 'twice', role: 'clerk' })).toMatchObject({ body: { oneTimePassword: null } })
    expect(await order('', { operator: 'twice', role: 'viewer' })).toMatchObject({
      status: 409,
      body: { reason: 'OperatorExists' },
    })
    expect((await enter('twice', first.body['oneTimePassword'])).status).toBe(200)
  })
  it('are listed with role and standing, and without a secret', async () => {
    const { body } = await send('GET', '/api/operators', { cookie: administrator })
    const listed = body['operators'] as { operator: string; role: string; standing: string }[]
    expect(listed).toContainEqual(expect.objectContaining({ operator: 'gone', role: 'viewer', standing: 'suspended' }))
    expect(JSON.stringify(body)).not.toContain('plain')
  })
  it('strangers hear that it is well, and no more', async () => {
    expect((await send('GET', '/api/health')).body).toEqual({ status: 'ok', role: 'back-office', mode: 'test' })
    expect((await send('GET', '/api/health', { cookie: administrator })).body).toMatchObject({
      index: expect.any(Number),
    })
  })
})

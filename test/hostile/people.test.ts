import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import { memoryHeads } from '#eventstore/memory/heads'
import { type Served, serve } from '#http/serve'
import { approvesAfter_ms } from '#operator/approving'
import type { Role } from '#operator/roles'
import { behindTheDoor } from '../../apps/back-office/door.ts'
import { firstAdministrator } from '../../apps/back-office/first-administrator.ts'
import { signIn } from '../../apps/back-office/sign-in.ts'
import { chains } from '../../apps/tally/chains.ts'
import { plainPasswords } from '../desk.ts'
import { makeWorld, type World } from '../simulation/world.ts'

/** What one person at the centre tries to do alone, and what is known of those who are not there to be asked. */

let world: World
let served: Served
const cookies: Record<string, string> = {}
const said: string[] = []
const faults: string[] = []
const log = {
  info: (line: string) => void said.push(line),
  warn: (line: string) => void said.push(line),
  error: (line: string) => void faults.push(line),
}
const own = 'a fine long password'

type Answer = { readonly status: number; readonly body: Record<string, unknown>; readonly cookie: string }
const send = async (who: string | undefined, method: string, path: string, body?: unknown): Promise<Answer> => {
  const response = await fetch(`${served.url}${path}`, {
    method,
    signal: AbortSignal.timeout(15_000),
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(who === undefined ? {} : { cookie: cookies[who] ?? who }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const cookie = (response.headers.get('set-cookie') ?? '').split(';')[0] as string
  return { status: response.status, body: JSON.parse(text.startsWith('{') ? text : '{}'), cookie }
}
const enter = (operator: string, password: unknown) => send(undefined, 'POST', '/api/session', { operator, password })
/** Signs in with what somebody else made, and chooses another, as everybody must. */
const firstTime = async (operator: string, oneTime: unknown, next = own): Promise<string> => {
  const first = await enter(operator, oneTime)
  expect(first.body).toMatchObject({ mustChangePassword: true })
  expect(await send(first.cookie, 'GET', '/api/accounts')).toMatchObject({ body: { reason: 'PasswordMustChange' } })
  return (await send(first.cookie, 'POST', '/api/session/password', { password: oneTime, next })).cookie
}
const add = async (operator: string, role: Role) => {
  const { body } = await send('administrator', 'POST', '/api/operators', { operator, role })
  cookies[operator] = await firstTime(operator, body['oneTimePassword'])
}
const again = async (...operators: string[]) => {
  for (const operator of operators) cookies[operator] = (await enter(operator, own)).cookie
}
const everybody = ['administrator', 'vera', 'clara', 'paul']
/** The next morning everybody signs in anew. */
const aDayLater = async () => {
  world.clock.at += approvesAfter_ms
  await again(...everybody)
}

beforeAll(async () => {
  world = await makeWorld({ seed: 'people at the centre' })
  const node = world.centre()
  const parts = { crypto: world.crypto, passwords: plainPasswords, operators: node, log }
  const desk = signIn({ clock: { now: () => world.clock.at }, access: memoryHeads(), ...parts })
  await firstAdministrator({ crypto: world.crypto, operators: node, desk, passwordFile: undefined, log })
  served = await serve({
    module: behindTheDoor(node, desk),
    port: 0,
    host: '127.0.0.1',
    pages: undefined,
    log,
    hasSignIn: true,
  })
  cookies['administrator'] = await firstTime('administrator', /password (\S+)/.exec(said.join('\n'))?.[1])
  await add('vera', 'viewer')
  await add('clara', 'clerk')
  await add('paul', 'approver')
})
afterAll(async () => {
  await served?.close()
  await world?.end()
})
afterEach(() => expect(faults.splice(0)).toEqual([]))

const payout = (payout: string) => ({ payout, amount: '5.00', currency: 'EUR', source: 'bank', reason: 'asked for' })
const propose = async (who: string, id: string) =>
  expect(await send(who, 'POST', '/api/accounts/anna/payouts', payout(id))).toMatchObject({
    status: 201,
    body: { state: 'proposed' },
  })
const approve = (who: string, id: string) => send(who, 'POST', `/api/accounts/anna/proposals/${id}/approve`)

describe('two people who are one', () => {
  it('cannot be: who was given a role and a password today approves nothing before tomorrow', async () => {
    const repaid = { repayment: 'r-1', amount: '50.00', currency: 'EUR', source: 'bank' }
    expect((await send('clara', 'POST', '/api/accounts/anna/repayments', repaid)).status).toBe(201)
    await propose('clara', 'p-1')
    await world.settle()
    /** What waits, as this one sees it: whether anything hinders them. */
    const seen = async (who: string) => {
      const { status, body } = await send(who, 'GET', '/api/approvals')
      const rows = body['waiting'] as { proposal: string; operator: string; hindrance?: { reason: string } }[]
      expect([status, rows.map(({ proposal, operator }) => [proposal, operator])]).toEqual([200, [['p-1', 'clara']]])
      return rows[0]?.hindrance?.reason
    }
    expect([await seen('clara'), await seen('paul'), await seen('administrator')]).toEqual([
      'SecondPersonRequired',
      'ApproverTooNew',
      'ProposerTooNew',
    ])
    expect(await send('tallystick=forged', 'GET', '/api/approvals')).toMatchObject({ status: 401 })
    expect(await send('paul', 'POST', '/api/approvals', {})).toMatchObject({ status: 404 })
    const until = new Date(world.clock.at + approvesAfter_ms).toISOString()
    const refused = await approve('paul', 'p-1')
    expect(refused).toMatchObject({ status: 409, body: { reason: 'ApproverTooNew', until } })
    expect(refused.body['message']).toContain(`approves nothing until ${until}`)
    expect(await approve('clara', 'p-1')).toMatchObject({ status: 403, body: { reason: 'RoleTooLow' } })
    const listed = async () =>
      (await send('vera', 'GET', '/api/operators')).body['operators'] as Record<string, unknown>[]
    expect((await listed()).find(({ operator }) => operator === 'paul')).toMatchObject({ approvesNothingUntil: until })
    await aDayLater()
    expect((await listed()).find(({ operator }) => operator === 'paul')).toMatchObject({ approvesNothingUntil: null })
    expect([await seen('clara'), await seen('paul')]).toEqual(['SecondPersonRequired', undefined])
    expect(await approve('paul', 'p-1')).toMatchObject({ status: 200, body: { state: 'approved' } })
    expect(await approve('paul', 'p-1')).toMatchObject({ status: 200 })
    expect(world.log.events.filter(({ type }) => type === 'PayerPaidOut')).toHaveLength(1)
  })

  it('cannot be an administrator as himself and as somebody whose password he made', async () => {
    await propose('administrator', 'p-2')
    const { body } = await send('administrator', 'POST', '/api/operators/paul/password')
    cookies['paul'] = await firstTime('paul', body['oneTimePassword'], 'what the thief chose')
    expect(await approve('paul', 'p-2')).toMatchObject({ body: { reason: 'ApproverTooNew' } })
    // Nor the other way round, as Paul the proposer and himself the second.
    await propose('paul', 'p-3')
    const mirrored = await approve('administrator', 'p-3')
    expect(mirrored).toMatchObject({ status: 409, body: { reason: 'ProposerTooNew', operator: 'paul' } })
    expect(mirrored.body['until']).toBe(new Date(world.clock.at + approvesAfter_ms).toISOString())
    // A password of one's own choice lifts nothing: whoever was sitting there has chosen it.
    const changed = { password: 'what the thief chose', next: own }
    cookies['paul'] = (await send('paul', 'POST', '/api/session/password', changed)).cookie
    expect(await approve('paul', 'p-2')).toMatchObject({ body: { reason: 'ApproverTooNew' } })
    await aDayLater()
    expect(await approve('paul', 'p-2')).toMatchObject({ status: 200 })
    expect(await approve('administrator', 'p-3')).toMatchObject({ status: 200 })
  })

  it('cannot be by a role of today, whatever is to be approved', async () => {
    const lines = ['debit', 'credit'].map((side, place) => ({
      account: ['losses', 'payer:anna'][place],
      side,
      amount: '1.00',
      currency: 'EUR',
    }))
    const proposed = await send('clara', 'POST', '/api/adjustments', { adjustment: 'a-1', lines, reason: 'goodwill' })
    expect(proposed.status).toBe(201)
    const bound = { proposal: 'b-1', currency: 'EUR', bound: '9000.00', reason: 'rich people' }
    expect(await send('administrator', 'POST', '/api/credit-bounds', bound)).toMatchObject({
      body: { state: 'proposed' },
    })
    await send('administrator', 'POST', '/api/operators/vera/role', { role: 'approver' })
    for (const path of ['/api/adjustments/a-1/approve', '/api/credit-bounds/b-1/approve'])
      expect([path, (await send('vera', 'POST', path)).body['reason']]).toEqual([path, 'ApproverTooNew'])
    await aDayLater()
    for (const path of ['/api/adjustments/a-1/approve', '/api/credit-bounds/b-1/approve'])
      expect([path, (await send('vera', 'POST', path)).status]).toEqual([path, 200])
    await send('administrator', 'POST', '/api/operators/vera/role', { role: 'viewer' })
  })
})

describe('what only two may order', () => {
  it.each([
    ['a payout without a reason', 'payouts', { ...payout('x-1'), reason: undefined }],
    ['a payout of no amount', 'payouts', { ...payout('x-1'), amount: 5 }],
    ['a payout in no currency', 'payouts', { ...payout('x-1'), currency: 'EURO' }],
    ['a payout under a path', 'payouts', { ...payout('../p-1') }],
    ['a payout below nothing', 'payouts', { ...payout('x-1'), amount: '-5.00' }],
    ['a list', 'payouts', []],
    ['no JSON', 'payouts', '{"amount":'],
    ['a limit with a reason that is none', 'limit', { limit: '6000', currency: 'EUR', reason: { $ne: '' } }],
    ['a limit of a number', 'limit', { limit: 6000, currency: 'EUR', reason: 'x' }],
    ['a rejection without a reason', 'proposals/p-1/reject', {}],
    ['a return without a reason', 'repayments/r-1/return', { proposal: 'x-2' }],
  ])('%s is malformed, and writes nothing', async (_, path, body) => {
    const before = world.log.events.length
    const { status, body: answer } = await send('clara', 'POST', `/api/accounts/anna/${path}`, body)
    expect([status, answer['reason']]).toEqual([400, expect.stringMatching(/Malformed$/)])
    expect(world.log.events.length).toBe(before)
  })
  it('is answered alike when it is asked twice, and refused when another is asked under its id', async () => {
    await propose('clara', 'p-9')
    const before = world.log.events.length
    await propose('clara', 'p-9')
    expect(world.log.events.length).toBe(before)
    const other = await send('clara', 'POST', '/api/accounts/anna/payouts', { ...payout('p-9'), amount: '6.00' })
    expect(other).toMatchObject({ status: 409, body: { reason: 'ProposalDiffers' } })
    expect(await approve('paul', 'p-8')).toMatchObject({ status: 404, body: { reason: 'ProposalUnknown' } })
    expect((await send('paul', 'POST', '/api/accounts/zoe/proposals/p-9/approve')).status).toBe(404)
  })
})

describe('a person', () => {
  const at = '/api/accounts/anna/person'
  const anna = { version: 0, name: 'Anna Müller-Żak', phone: '+43 1 234', address: 'Kai 1\nWien' }

  it.each([
    ['nothing', {}],
    ['a list', []],
    ['no JSON', '{"name":'],
    ['no name', { ...anna, name: '   ' }],
    ['a name of 201 letters', { ...anna, name: 'x'.repeat(201) }],
    ['an object for a name', { ...anna, name: { first: 'Anna' } }],
    ['a version below nothing', { ...anna, version: -1 }],
    ['a version of letters', { ...anna, version: '0' }],
    ['half a version', { ...anna, version: 0.5 }],
    ['notes without end', { ...anna, notes: 'x'.repeat(2001) }],
    ['a list for a phone', { ...anna, phone: ['1'] }],
  ])('as %s is malformed, and nothing is kept', async (_, body) => {
    const { status, body: answer } = await send('clara', 'PUT', at, body)
    expect([status, answer['reason']]).toEqual([400, expect.stringMatching(/Malformed$/)])
    expect((await send('clara', 'GET', at)).body).toMatchObject({ version: 0, name: '' })
  })
  it.each(['', 'a', ' a ', 'x'.repeat(101)])('is not looked for as %j', async words => {
    const { status, body } = await send('clara', 'GET', `/api/people?words=${encodeURIComponent(words)}`)
    expect([status, body['reason']]).toEqual([400, 'BodyMalformed'])
  })
  it.each([
    ['nobody', undefined, [401, 401, 401, 401]],
    ['a viewer', 'vera', [403, 403, 403, 403]],
    ['a clerk', 'clara', [200, 200, 404, 403]],
  ])('is what %s may see and change as the role allows', async (_, who, expected) => {
    const answers = [
      await send(who, 'GET', '/api/people?words=nobody'),
      await send(who, 'GET', at),
      await send(who, 'PUT', '/api/accounts/zoe/person', anna),
      await send(who, 'POST', `${at}/erase`, { reason: 'asked' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual(expected)
    expect(world.log.events.some(({ type }) => type === 'PersonErased')).toBe(false)
  })

  it('that is erased is gone for good, and the log that never held them is whole', async () => {
    expect(await send('clara', 'PUT', at, anna)).toMatchObject({ status: 200, body: { version: 1 } })
    expect(await send('clara', 'PUT', at, anna)).toMatchObject({ status: 409, body: { reason: 'PersonChanged' } })
    expect((await send('clara', 'GET', '/api/people?words=muller')).body).toMatchObject({
      people: [{ account: 'anna', name: anna.name }],
    })
    expect(await send('paul', 'POST', `${at}/erase`, {})).toMatchObject({ status: 400 })
    for (let time = 0; time < 2; time++)
      expect((await send('paul', 'POST', `${at}/erase`, { reason: 'asked for it' })).status).toBe(200)
    expect((await send('clara', 'GET', at)).body).toMatchObject({ reason: 'PersonErased' })
    expect((await send('clara', 'PUT', at, anna)).body).toMatchObject({ reason: 'PersonErased' })
    expect((await send('clara', 'GET', '/api/people?words=muller')).body).toMatchObject({ people: [] })
    expect(JSON.stringify([...said, ...world.log.events.map(({ text }) => text)])).not.toMatch(/Müller|\+43|Kai 1/)
    expect(world.log.events.filter(({ type }) => type === 'PersonErased')).toHaveLength(1)
    // Every event is hashed anew, and every chain followed from its first.
    const whole = chains(world.crypto)
    expect(world.log.events.flatMap(event => whole.check(event).found)).toEqual([])
    expect(whole.events).toBe(world.log.events.length)
    expect(isRefusal(await world.centre().ask.balance({ account: 'anna' }))).toBe(false)
  })
})

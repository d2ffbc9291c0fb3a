import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fromBase64url } from '#canonical/bytes'
import { type Served, serve } from '#http/serve'
import { requestHeader, signRequest } from '#license/request'
import { verdictsMax } from '#license/verdicts'
import { backOfficeModule } from '../../apps/back-office/api.ts'
import { terminalModule } from '../../apps/terminal/api.ts'
import { atDesk } from '../desk.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/**
 * What anybody may send to a till with people at it: Ruth, who is its supervisor, Tom, who is signed on, and whoever else
 * reaches the port. A refusal has its reason and its way out, and changes nothing.
 */

let world: World
let till: Served
let centre: Served
let voided: string
let paid: string
let code: string
const faults: string[] = []
const ruth = { staff: '1', pin: '1234' }
const tom = { staff: '2', pin: '87654321' }

beforeAll(async () => {
  const phones = [{ account: 'anna', limit: 100_000n, allowance: '500.00' }]
  world = await makeWorld({ seed: 'hostile till', terminals: 2, phones })
  const node = world.till()
  orThrow(await node.people.appoint({ ...ruth, name: 'Ruth', role: 'supervisor' }))
  orThrow(await node.people.appoint({ ...tom, name: 'Tom', role: 'cashier', by: ruth }))
  orThrow(await node.people.signOn(tom.staff, tom.pin))
  const pay = async (minor: bigint) => {
    orThrow(await world.key(minor))
    return ((await world.tap('anna')) as { transaction: string }).transaction
  }
  voided = await pay(1250n)
  paid = await pay(1250n)
  orThrow(await node.voidTransaction('v-1', voided))
  const recorded = node.recorded(paid)
  if (!recorded) throw new Error('nothing was paid')
  code = node.paper.receipt(recorded).code
  orThrow(await world.sync())
  // One sale more than a supervisor need not let pass.
  await pay(13_000n)
  await pay(13_000n)
  orThrow(await world.key(3_000n))
  await world.tap('anna')
  expect(node.currentSale()).toMatchObject({ overridable: true, because: { reason: 'FloorLimitExceeded' } })
  const log = { info: () => {}, error: (line: string) => void faults.push(line) }
  const at = { port: 0, host: '127.0.0.1', pages: undefined, log }
  till = await serve({ ...at, module: terminalModule(node) })
  centre = await serve({ ...at, module: backOfficeModule(world.centre(), atDesk()) })
})
afterAll(async () => {
  await till?.close()
  await centre?.close()
  await world?.end()
})
// Each test comes to a counter at which nobody has guessed a PIN of late.
beforeEach(async () => {
  world.clock.at += 3_600_000
  expect(await world.till().people.check(ruth.staff, ruth.pin)).toBeUndefined()
})
afterEach(() => expect(faults.splice(0)).toEqual([]))

type Answer = { readonly status: number; readonly body: Record<string, unknown> }
const sendTo = async (to: Served, path: string, body: unknown, headers: Record<string, string>): Promise<Answer> => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const asked =
    body === undefined
      ? { headers }
      : { method: 'POST', body: text, headers: { 'content-type': 'application/json', ...headers } }
  const response = await fetch(`${to.url}${path}`, { ...asked, signal: AbortSignal.timeout(15_000) })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
const post = (path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
  sendTo(till, path, body, headers)
const get = (path: string) => sendTo(till, path, undefined, {})
/** All that a till keeps but the count of wrong PINs, which grows with every try. */
const standing = () =>
  structuredClone({
    log: world.shops.get('T-1')?.store.events.map(({ text }) => text),
    people: world.till().people.list(),
    language: world.till().paper.language(),
    sale: world.till().currentSale(),
    centre: world.log.events.length,
  })
const changesNothing = async (act: () => Promise<Answer>): Promise<[number, unknown]> => {
  const before = standing()
  const { status, body } = await act()
  expect(body['message']).toMatch(/^.{15,}\.$/s)
  expect(standing()).toEqual(before)
  return [status, body['reason']]
}
const saleNow = () => world.till().currentSale()?.sale as string

/** A body that each route takes, for what is then done to it. */
const routes = () =>
  [
    ['/api/staff', { staff: '3', name: 'Eve', role: 'cashier', pin: '5555', by: ruth }],
    ['/api/staff/2/dismiss', { by: ruth }],
    ['/api/sign-on', { cashier: tom.staff, pin: tom.pin }],
    ['/api/language', { language: 'de' }],
    [`/api/sales/${saleNow()}/override`, { supervisor: ruth.staff, pin: ruth.pin }],
    ['/api/receipts/read', { receipt: code }],
    ['/api/refunds', { receipt: code, amount: '1.00', reversal: 'x-1' }],
    [`/api/transactions/${paid}/refunds`, { amount: '1.00', reversal: 'x-1' }],
  ] as const

describe('a body that is not what is asked', () => {
  it.each([
    ['a list', []],
    ['a text', '"1"'],
    ['null', 'null'],
    ['a number', '7'],
    ['cut short', '{"pin":'],
    ['of another object’s own words', '{"__proto__":{"staff":"1","pin":"1234"},"constructor":{}}'],
    ['nested without end', '[{"by":'.repeat(9000)],
  ])('%s is malformed at every route', async (_, body) => {
    for (const [path] of routes())
      expect([path, ...(await changesNothing(() => post(path, body)))]).toEqual([path, 400, 'BodyMalformed'])
  })

  it('too large is not read at any route, with a body or without', async () => {
    const huge = { pin: 'x'.repeat(70_000) }
    const others = [
      '/api/sign-off',
      `/api/transactions/${paid}/void`,
      `/api/transactions/${paid}/reprint`,
      '/api/reversals/v-1/reprint',
    ]
    for (const path of [...routes().map(([path]) => path), ...others])
      expect([path, ...(await changesNothing(() => post(path, huge)))]).toEqual([path, 413, 'BodyTooLarge'])
  })

  it('with a field of another type, too long or left out is malformed, whichever field', async () => {
    const optional = new Set(['name', 'reversal'])
    const wrong = [17, true, null, ['1'], { $ne: '' }, 'x'.repeat(5000)]
    let cases = 0
    for (const [path, body] of routes())
      for (const field of Object.keys(body)) {
        const { [field as keyof typeof body]: _, ...left } = body as Record<string, unknown>
        // Without `by` it is the first supervisor's own act, and refused for that.
        const bodies = optional.has(field) || field === 'by' ? wrong : [...wrong, undefined]
        for (const value of bodies) {
          const sent = value === undefined ? left : { ...body, [field]: value }
          const named = `${path} ${field} ${JSON.stringify(value)?.slice(0, 20)}`
          expect([named, ...(await changesNothing(() => post(path, sent)))]).toEqual([named, 400, 'BodyMalformed'])
          cases++
        }
      }
    expect(cases).toBeGreaterThan(100)
  })

  it.each([
    ['a number of staff in letters', '/api/staff', { staff: 'Eve', role: 'cashier', pin: '5555' }, 'BodyMalformed'],
    ['a role that is none', '/api/staff', { staff: '3', role: 'owner', pin: '5555' }, 'BodyMalformed'],
    ['a PIN in letters', '/api/staff', { staff: '3', role: 'cashier', pin: 'abcd', by: ruth }, 'PinMalformed'],
    ['a language that is none', '/api/language', { language: 'tlh' }, 'BodyMalformed'],
    ['a receipt that is none', '/api/receipts/read', { receipt: 'TALLY1:AAAA' }, 'ReceiptMalformed'],
    ['a receipt to refund that is none', '/api/refunds', { receipt: 'x', amount: '1.00' }, 'ReceiptMalformed'],
    ['an id of no length', '/api/refunds', { receipt: 'x', amount: '1.00', reversal: '' }, 'BodyMalformed'],
  ])('%s is malformed', async (_, path, body, reason) => {
    expect(await changesNothing(() => post(path, body))).toEqual([400, reason])
  })

  it('with a key that is too long is malformed, for voids and refunds alike', async () => {
    const key = { 'idempotency-key': 'k'.repeat(121) }
    for (const [path, body] of [
      [`/api/transactions/${paid}/void`, {}],
      [`/api/transactions/${paid}/refunds`, { amount: '1.00' }],
      ['/api/refunds', { receipt: code, amount: '1.00' }],
    ] as const)
      expect(await changesNothing(() => post(path, body, key))).toEqual([400, 'BodyMalformed'])
  })
})

describe('an id that no id can be', () => {
  const ids = ['__proto__', 'constructor', '%00', '%2e%2e%2f', 'x'.repeat(300), '%F0%9F%92%B6', '%ZZ', "'%20OR%201=1--"]
  it.each([
    ['of a reversal to look at', '/api/reversals/ID/receipt', undefined],
    ['of a reversal to print again', '/api/reversals/ID/reprint', {}],
    ['of a receipt to look at', '/api/transactions/ID/receipt', undefined],
    ['of a receipt to print again', '/api/transactions/ID/reprint', {}],
    ['of a sale to let pass', '/api/sales/ID/override', { supervisor: ruth.staff, pin: ruth.pin }],
    ['of somebody to dismiss', '/api/staff/ID/dismiss', { by: ruth }],
  ])('%s is unknown or malformed', async (_, path, body) => {
    for (const id of ids) {
      const [status, reason] = await changesNothing(() => sendTo(till, path.replace('ID', id), body, {}))
      expect([id, status]).toEqual([id, expect.toSatisfy((code: number) => [400, 404, 414].includes(code))])
      expect(reason).toMatch(/Unknown$|Malformed$/)
    }
  })
})

describe('the wrong person', () => {
  const eve = { staff: '3', name: 'Eve', role: 'supervisor', pin: '5555' } as const
  it.each([
    ['a cashier lets a sale pass', () => `/api/sales/${saleNow()}/override`, { supervisor: tom.staff, pin: tom.pin }],
    ['a cashier makes a supervisor', () => '/api/staff', { ...eve, by: tom }],
    ['a cashier makes himself one', () => '/api/staff', { ...eve, ...tom, role: 'supervisor', by: tom }],
    ['a cashier gives the supervisor another PIN', () => '/api/staff', { ...eve, staff: ruth.staff, by: tom }],
    ['a cashier dismisses the supervisor', () => '/api/staff/1/dismiss', { by: tom }],
    ['nobody makes a supervisor', () => '/api/staff', eve],
  ])('%s: refused', async (_, path, body) => {
    expect(await changesNothing(() => post(path(), body))).toEqual([403, 'NotASupervisor'])
  })

  it.each([
    ['the supervisor’s number with a cashier’s PIN', { staff: ruth.staff, pin: tom.pin }],
    ['the supervisor’s number with no PIN', { staff: ruth.staff, pin: '' }],
    ['a number that nobody has', { staff: '999', pin: '1234' }],
  ])('%s does nothing, and soon waits', async (_, by) => {
    const acts = [
      () => post('/api/sign-on', { cashier: by.staff, pin: by.pin }),
      () => post('/api/staff', { ...eve, by }),
      () => post(`/api/sales/${saleNow()}/override`, { supervisor: by.staff, pin: by.pin }),
      () => post('/api/staff/2/dismiss', { by }),
    ]
    const answers: [number, unknown][] = []
    for (const act of acts) answers.push(await changesNothing(act))
    expect(answers).toEqual([...[1, 2, 3].map(() => [401, 'PinWrong']), [429, 'PinThrottled']])
  })

  it('the only supervisor neither goes nor becomes a cashier', async () => {
    expect(await changesNothing(() => post('/api/staff/1/dismiss', { by: ruth }))).toEqual([409, 'LastSupervisor'])
    const lower = { ...ruth, name: 'Ruth', role: 'cashier', by: ruth }
    expect(await changesNothing(() => post('/api/staff', lower))).toEqual([409, 'LastSupervisor'])
  })

  it('nobody signed on sells nothing and gives nothing back', async () => {
    expect((await post('/api/sign-off')).body).toMatchObject({ cashier: null })
    const sale = { amount: '1.00', currency: 'EUR' }
    for (const [path, body] of [
      ['/api/sales', sale],
      [`/api/transactions/${paid}/void`, {}],
      [`/api/transactions/${paid}/refunds`, { amount: '1.00' }],
    ] as const)
      expect([path, ...(await changesNothing(() => post(path, body)))]).toEqual([path, 409, 'NoCashier'])
    expect((await post('/api/sign-on', { cashier: tom.staff, pin: tom.pin })).body).toMatchObject({
      cashier: { staff: tom.staff },
    })
  })
})

describe('what is asked twice', () => {
  const events = () => world.shops.get('T-1')?.store.events.length ?? 0

  it.each([
    ['to sign on', '/api/sign-on', { cashier: tom.staff, pin: tom.pin }],
    ['to void', () => `/api/transactions/${voided}/void`, { reversal: 'v-1' }],
    ['to let a stranger go', '/api/staff/77/dismiss', { by: ruth }],
  ])('%s is so already, and writes nothing', async (_, path, body) => {
    const before = events()
    for (let time = 0; time < 2; time++)
      expect((await post(typeof path === 'string' ? path : path(), body)).status).toBeLessThan(300)
    expect(events()).toBe(before)
  })

  it('a refund under one id, ten times at once, gives back once; another under it is refused', async () => {
    const path = `/api/transactions/${paid}/refunds`
    const ask = (amount: string) => post(path, { amount }, { 'idempotency-key': 'r-1' })
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask('2.50')))
    expect(new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1)
    expect(answers[0]).toMatchObject({ status: 201, body: { reversal: 'r-1', reversed: '2.50' } })
    expect(await changesNothing(() => ask('2.51'))).toEqual([409, 'IdempotencyKeyReused'])
    expect(await changesNothing(() => post(`/api/transactions/${paid}/void`, { reversal: 'r-1' }))).toEqual([
      409,
      'IdempotencyKeyReused',
    ])
    // The receipt of the same sale is no second purse.
    expect((await post('/api/receipts/read', { receipt: code })).body).toMatchObject({ left: '10.00' })
    expect(
      await changesNothing(() => post('/api/refunds', { receipt: code, amount: '10.01', reversal: 'r-2' })),
    ).toEqual([409, 'RefundExceedsOriginal'])
  })

  it('a receipt of what was given back is a copy each time, and is no receipt to give back on', async () => {
    const first = (await get('/api/reversals/v-1/receipt')).body as { code: string; text: Record<string, string> }
    expect(first.text['32']).not.toContain('COPY')
    for (const copy of [1, 2]) {
      const { status, body } = await post('/api/reversals/v-1/reprint')
      expect([status, (body['text'] as Record<string, string>)['32']]).toEqual([
        201,
        expect.stringContaining(`COPY ${copy}`),
      ])
    }
    for (const path of ['/api/receipts/read', '/api/refunds'])
      expect(await changesNothing(() => post(path, { receipt: first.code, amount: '1.00', reversal: 'r-3' }))).toEqual([
        409,
        'ReceiptOfReversal',
      ])
  })
})

describe('the centre is asked for verdicts', () => {
  const sign = (terminal: string, key = terminal) => {
    const { identity } = world.shops.get(key) ?? {}
    if (!identity) throw new Error(`no terminal ${key}`)
    const { crypto, clock } = world
    const time = Math.floor(clock.at / 1000)
    const asked = { origin: identity.origin, terminal, asks: 'verdicts' as const, time, nonce: crypto.random(16) }
    return signRequest(crypto, identity.keys.p256, asked)
  }
  const ask = (body: unknown, request = sign('T-1')) =>
    sendTo(centre, '/sync/v1/terminals/T-1/verdicts', body, { [requestHeader]: request })

  it.each([
    ['nothing', {}],
    ['none', { revisions: [] }],
    ['more than a page', { revisions: Array.from({ length: verdictsMax + 1 }, (_, at) => at) }],
    ['one before the first', { revisions: [-1] }],
    ['half a one', { revisions: [0.5] }],
    ['one past all numbers', { revisions: [2 ** 53] }],
    ['one in letters', { revisions: ['1'] }],
    ['an object for a list', { revisions: { 0: 1, length: 1 } }],
  ])('for %s: malformed', async (_, body) => {
    expect(await changesNothing(() => ask(body))).toEqual([400, 'BodyMalformed'])
  })

  it.each([
    ['another terminal', () => sign('T-2')],
    ['another terminal in its name', () => sign('T-1', 'T-2')],
    ['nobody', () => 'AAAA'],
    ['something as long as a header may be', () => 'A'.repeat(4096)],
  ])('by %s: nothing is told', async (_, request) => {
    expect(await changesNothing(() => ask({ revisions: [1] }, request()))).toEqual([403, 'RequestSignatureInvalid'])
  })

  it('an hour later, by a question that was overheard: nothing is told', async () => {
    const overheard = sign('T-1')
    expect((await ask({ revisions: [1] }, overheard)).status).toBe(200)
    world.clock.at += 3_600_000
    expect(await changesNothing(() => ask({ revisions: [1] }, overheard))).toEqual([403, 'RequestTimeOff'])
  })

  it('for what is no sale, or is not there: waiting, signed all the same', async () => {
    const { status, body } = await ask({ revisions: [0, 1, 1, 2 ** 53 - 1] })
    expect(status).toBe(200)
    expect(fromBase64url(String(body['verdicts'])).length).toBeGreaterThan(64)
  })
})

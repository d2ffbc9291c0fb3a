import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Served, serve } from '#http/serve'
import { backOfficeModule } from '../../apps/back-office/api.ts'
import { terminalModule } from '../../apps/terminal/api.ts'
import { walletModule } from '../../apps/wallet/api.ts'
import { atDesk } from '../desk.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/**
 * What anybody on this machine may send to the three servers. Each wrong thing has its reason, a sentence that says what
 * to do, and changes nothing: not the logs, not the till, not a phone.
 */
let world: World
let served: Record<'centre' | 'till' | 'phones', Served>
let paid: string
const faults: string[] = []

beforeAll(async () => {
  world = await makeWorld({ seed: 'bad input' })
  orThrow(await world.key(1250n))
  paid = ((await world.tap('anna')) as { transaction: string }).transaction
  orThrow(await world.sync())
  const at = {
    port: 0,
    host: '127.0.0.1',
    pages: undefined,
    log: { info: () => {}, error: (line: string) => void faults.push(line) },
  }
  served = {
    centre: await serve({ ...at, module: backOfficeModule(world.centre(), atDesk()) }),
    till: await serve({ ...at, module: terminalModule(world.till()) }),
    phones: await serve({ ...at, module: walletModule(world.phones) }),
  }
})
afterAll(async () => {
  for (const { close } of Object.values(served)) await close()
  await world.end()
})

type To = readonly [app: keyof typeof served, method: 'GET' | 'POST', path: string]
const send = async ([app, method, path]: To, body?: unknown, headers: Record<string, string> = {}) => {
  const text = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  const response = await fetch(`${served[app].url}${path}`, { method, ...text, headers: { ...type, ...headers } })
  return { status: response.status, answer: (await response.json()) as { reason: string; message: string } }
}
/** Everything that any of them keeps. */
const standing = () =>
  structuredClone({
    centre: world.log.events.map(({ text }) => text),
    terminal: world.shops.get('T-1')?.store.events.map(({ text }) => text),
    till: world.till().till,
    sale: world.till().currentSale(),
    phones: [...world.disk.values()],
  })

const refused = async (to: To, body: unknown, status: number, reason: string, headers: Record<string, string> = {}) => {
  const before = standing()
  const said = await send(to, body, headers)
  expect({ status: said.status, reason: said.answer.reason }).toEqual({ status, reason })
  expect(said.answer.message).toMatch(/^.{15,}\.$/s)
  expect(standing()).toEqual(before)
}

type Row = readonly [what: string, to: To, body: unknown, status: number, reason: string]
const sale: To = ['till', 'POST', '/api/sales']
const account: To = ['centre', 'POST', '/api/accounts']
const eur = (amount: unknown) => ({ amount, currency: 'EUR' })

describe('an amount', () => {
  it.each<Row>([
    ['below zero', sale, eur('-1.00'), 400, 'AmountMalformed'],
    ['of nothing', sale, eur('0.00'), 400, 'AmountNotPositive'],
    ['with a third decimal', sale, eur('12.505'), 400, 'AmountMalformed'],
    ['with a comma', sale, eur('12,50'), 400, 'AmountMalformed'],
    ['in another notation', sale, eur('1e3'), 400, 'AmountMalformed'],
    ['in hexadecimal', sale, eur('0x10'), 400, 'AmountMalformed'],
    ['with a sign', sale, eur('+1.00'), 400, 'AmountMalformed'],
    ['with a space', sale, eur(' 1.00'), 400, 'AmountMalformed'],
    ['in other digits', sale, eur('١٢'), 400, 'AmountMalformed'],
    ['of no digit', sale, eur(''), 400, 'AmountMalformed'],
    ['that is no number', sale, eur('NaN'), 400, 'AmountMalformed'],
    ['beyond 64 bits', sale, eur('92233720368547758.08'), 400, 'AmountMalformed'],
    ['far beyond them', sale, eur('9'.repeat(30)), 400, 'AmountMalformed'],
    ['as long as a book', sale, eur('9'.repeat(60_000)), 400, 'BodyMalformed'],
    ['as a number', sale, eur(12.5), 400, 'BodyMalformed'],
    ['as a list', sale, eur(['12.50']), 400, 'BodyMalformed'],
    ['left out', sale, { currency: 'EUR' }, 400, 'BodyMalformed'],
    ['in a currency that nobody knows', sale, { amount: '1.00', currency: 'XXX' }, 400, 'CurrencyUnknown'],
    ['in a currency named by an object’s own words', sale, { amount: '1', currency: 'toS' }, 400, 'CurrencyUnknown'],
    ['in a currency that this till does not take', sale, { amount: '1.00', currency: 'CHF' }, 409, 'CurrencyMismatch'],
    ['of a limit, below zero', account, { limit: '-1', currency: 'EUR' }, 400, 'AmountMalformed'],
    ['of a limit, beyond 64 bits', account, { limit: '92233720368547758.08', currency: 'EUR' }, 400, 'AmountMalformed'],
    ['of a yen, with decimals', account, { limit: '1.5', currency: 'JPY' }, 400, 'AmountMalformed'],
    [
      'of a repayment, in another currency',
      ['centre', 'POST', '/api/accounts/anna/repayments'],
      { repayment: 'r-1', amount: '1.00', currency: 'CHF', source: 'bank' },
      409,
      'CurrencyMismatch',
    ],
    [
      'of a repayment, of nothing',
      ['centre', 'POST', '/api/accounts/anna/repayments'],
      { repayment: 'r-1', amount: '0.00', currency: 'EUR', source: 'bank' },
      409,
      'RepaymentEmpty',
    ],
    [
      'of a repayment without a name of its own',
      ['centre', 'POST', '/api/accounts/anna/repayments'],
      { amount: '1.00', currency: 'EUR', source: 'bank' },
      400,
      'BodyMalformed',
    ],
  ])('%s', (_, to, body, status, reason) => refused(to, body, status, reason))

  it.each([
    ['more than was paid', '12.51', 409, 'RefundExceedsOriginal'],
    ['of nothing', '0.00', 400, 'AmountNotPositive'],
    ['below zero', '-1.00', 400, 'AmountMalformed'],
  ] as const)('of a refund, %s', (_, amount, status, reason) =>
    refused(['till', 'POST', `/api/transactions/${paid}/refunds`], { amount }, status, reason),
  )
})

describe('a body', () => {
  it.each<Row>([
    ['that is no JSON', sale, '{"amount":', 400, 'BodyMalformed'],
    ['that is a list', sale, [], 400, 'BodyMalformed'],
    ['that is a text', sale, '"12.50"', 400, 'BodyMalformed'],
    ['that is null', sale, 'null', 400, 'BodyMalformed'],
    ['that is not there', sale, undefined, 400, 'BodyMalformed'],
    ['with a reference of no length', sale, { ...eur('1.00'), reference: '' }, 400, 'BodyMalformed'],
    [
      'that says yes where true or false is asked',
      ['till', 'POST', '/api/network'],
      { online: 'yes' },
      400,
      'BodyMalformed',
    ],
    [
      'with a day that is none',
      ['till', 'POST', '/api/day/open'],
      { businessDate: '2026-02-30' },
      400,
      'BodyMalformed',
    ],
    ['with an id that is a path', account, { account: '../x', limit: '1.00', currency: 'EUR' }, 400, 'BodyMalformed'],
    ['without a terminal', ['phones', 'POST', '/api/phones/x/tap'], {}, 400, 'BodyMalformed'],
    [
      'of a batch without events',
      ['centre', 'POST', '/sync/v1/terminals/T-1/batches'],
      { from: 0, events: [], statement: '' },
      400,
      'BodyMalformed',
    ],
    [
      'of a batch from before the first',
      ['centre', 'POST', '/sync/v1/terminals/T-1/batches'],
      { from: -1, events: ['{}'], statement: '' },
      400,
      'BodyMalformed',
    ],
  ])('%s', (_, to, body, status, reason) => refused(to, body, status, reason))

  it('larger than is read', () => refused(sale, eur('9'.repeat(70_000)), 413, 'BodyTooLarge'))
  it('of another type than JSON', () =>
    refused(sale, 'amount=12.50&currency=EUR', 415, 'BodyMalformed', {
      'content-type': 'application/x-www-form-urlencoded',
    }))
  it('from a page of another site', () =>
    refused(sale, eur('1.00'), 403, 'ForeignSite', { origin: 'http://evil.example' }))
})

describe('an id that nobody knows', () => {
  const none = 'f'.repeat(32)
  it.each<Row>([
    ['of a sale', ['till', 'GET', '/api/sales/none'], undefined, 404, 'SaleUnknown'],
    ['of a sale to cancel', ['till', 'POST', '/api/sales/none/cancel'], undefined, 404, 'SaleUnknown'],
    ['of a sale to resume', ['till', 'POST', '/api/sales/none/resume'], undefined, 404, 'SaleUnknown'],
    ['of a transaction to void', ['till', 'POST', `/api/transactions/${none}/void`], {}, 404, 'TransactionUnknown'],
    [
      'of a transaction to refund',
      ['till', 'POST', `/api/transactions/${none}/refunds`],
      { amount: '1.00' },
      404,
      'TransactionUnknown',
    ],
    ['of a phone', ['phones', 'GET', '/api/phones/none'], undefined, 404, 'PhoneUnknown'],
    ['of a phone to tap with', ['phones', 'POST', '/api/phones/none/tap'], { terminal: 'T-1' }, 404, 'PhoneUnknown'],
    ['of a code for a phone', ['phones', 'POST', '/api/phones'], { code: '0000-0000' }, 404, 'ActivationUnknown'],
    ['of an account', ['centre', 'GET', '/api/accounts/none/balance'], undefined, 404, 'AccountUnknown'],
    [
      'of an account to repay',
      ['centre', 'POST', '/api/accounts/none/repayments'],
      { repayment: 'r-1', amount: '1.00', currency: 'EUR', source: 'bank' },
      404,
      'AccountUnknown',
    ],
    [
      'of a transaction at the centre',
      ['centre', 'GET', `/api/transactions/${none}`],
      undefined,
      404,
      'TransactionUnknown',
    ],
    [
      'of a merchant',
      ['centre', 'POST', '/api/shops'],
      { merchant: 'none', name: 'x', zone: 'Europe/Berlin' },
      404,
      'MerchantUnknown',
    ],
    [
      'of a zone',
      ['centre', 'POST', '/api/shops'],
      { merchant: 'm-1', name: 'x', zone: 'Europe/Atlantis' },
      404,
      'ZoneUnknown',
    ],
    ['of a shop', ['centre', 'POST', '/api/terminals'], { terminal: 'T-5', shop: 'none' }, 404, 'ShopUnknown'],
    [
      'of a held payment',
      ['centre', 'POST', `/api/payments/${'f'.repeat(64)}/proposals`],
      { bears: 'payer', reason: 'x' },
      404,
      'PaymentUnknown',
    ],
    [
      'of a terminal that syncs',
      ['centre', 'POST', '/sync/v1/terminals/T-9/batches'],
      { from: 0, events: ['{}'], statement: '' },
      404,
      'TerminalUnknown',
    ],
    ['of a path', ['till', 'GET', '/api/nothing'], undefined, 404, 'PathUnknown'],
  ])('%s', (_, to, body, status, reason) => refused(to, body, status, reason))

  it('of a terminal that no antenna reaches', () =>
    refused(
      ['phones', 'POST', `/api/phones/${world.phoneOf('anna')}/tap`],
      { terminal: 'T-9' },
      404,
      'TerminalUnknown',
    ))
})

describe('an id that no id can be', () => {
  const ids = ['__proto__', 'constructor', '%00', '%2e%2e%2f', 'x'.repeat(300), '%F0%9F%92%B6', '%ZZ', "'%20OR%201=1--"]
  const places: readonly To[] = [
    ['till', 'GET', '/api/sales/ID'],
    ['till', 'POST', '/api/sales/ID/cancel'],
    ['till', 'POST', '/api/transactions/ID/void'],
    ['phones', 'GET', '/api/phones/ID'],
    ['centre', 'GET', '/api/accounts/ID/balance'],
    ['centre', 'GET', '/api/accounts/ID/postings'],
    ['centre', 'GET', '/api/accounts/ID/explain'],
    ['centre', 'GET', '/api/merchants/ID/explain'],
    ['centre', 'GET', '/api/ledger/ID/explain'],
    ['centre', 'GET', '/api/transactions/ID'],
    ['centre', 'GET', '/sync/v1/terminals/ID/rules'],
  ]
  it.each(places)('%s %s %s', async (...to) => {
    const [app, method, path] = to
    for (const id of ids) {
      const before = standing()
      const body = method === 'POST' ? {} : undefined
      const { status, answer } = await send([app, method, path.replace('ID', id)], body)
      expect([id, status]).toEqual([
        id,
        expect.toSatisfy((code: number) => code === 404 || code === 414 || code === 400),
      ])
      expect(answer.reason).toMatch(/Unknown$|Malformed$/)
      expect(standing()).toEqual(before)
    }
  })
  const decided = { bears: 'payer', reason: 'x' }
  it.each<[To, object]>([
    [
      ['centre', 'POST', '/api/accounts/ID/repayments'],
      { repayment: 'r-1', amount: '1.00', currency: 'EUR', source: 'bank' },
    ],
    [['centre', 'POST', '/api/payments/ID/proposals'], decided],
    [['centre', 'POST', '/api/payments/ID/proposals/p-1/approve'], {}],
    [['centre', 'POST', '/api/payments/ID/proposals/p-1/withdraw'], { why: 'x' }],
    [['centre', 'POST', '/api/adjustments/ID/approve'], {}],
    [['centre', 'POST', '/api/adjustments/ID/reject'], { why: 'x' }],
    [['centre', 'POST', '/api/merchants/ID/terms'], { feeBasisPoints: 1, taxBasisPoints: 1, returnsFee: true }],
    [
      ['centre', 'POST', '/api/merchants/ID/payments'],
      { paidIn: 'i-1', amount: '1.00', currency: 'EUR', source: 'bank' },
    ],
    [['centre', 'POST', '/sync/v1/terminals/ID/batches'], { from: 0, events: ['{}'], statement: '' }],
    [['till', 'POST', '/api/transactions/ID/refunds'], { amount: '1.00' }],
  ])('%s', async ([app, method, path], body) => {
    for (const id of ids) {
      const before = standing()
      const { status } = await send([app, method, path.replace('ID', id)], body)
      expect([id, status]).toEqual([id, expect.toSatisfy((code: number) => code >= 400 && code < 500)])
      expect(standing()).toEqual(before)
    }
  })
})

describe('a question', () => {
  it.each<Row>([
    ['as of no time', ['centre', 'GET', '/api/accounts/anna/balance?at=yesterday'], undefined, 400, 'BodyMalformed'],
    [
      'as known at no index',
      ['centre', 'GET', '/api/accounts/anna/balance?knownAt=-1'],
      undefined,
      400,
      'BodyMalformed',
    ],
    [
      'as known at half an index',
      ['centre', 'GET', '/api/accounts/anna/balance?knownAt=1.5'],
      undefined,
      400,
      'BodyMalformed',
    ],
    ['for more than a page', ['centre', 'GET', '/api/transactions?limit=1001'], undefined, 400, 'BodyMalformed'],
    ['for no currency', ['centre', 'GET', '/api/accounts/anna/explain?currency=EURO'], undefined, 400, 'BodyMalformed'],
    ['for a page of nothing', ['centre', 'GET', '/api/ledger/fees/explain?limit=0'], undefined, 400, 'BodyMalformed'],
    ['for a state there is none of', ['centre', 'GET', '/api/adjustments?state=open'], undefined, 400, 'BodyMalformed'],
  ])('%s', (_, to, body, status, reason) => refused(to, body, status, reason))
})

it('the same key gives the same sale, and another sale under it is refused', async () => {
  const key = { 'idempotency-key': 'key 1' }
  const first = await send(sale, eur('3.00'), key)
  expect(first).toMatchObject({ status: 201, answer: { state: 'waiting', amount: '3.00' } })
  expect(await send(sale, eur('3.00'), key)).toEqual(first)
  await refused(sale, eur('4.00'), 409, 'IdempotencyKeyReused', key)
  await refused(sale, eur('4.00'), 400, 'BodyMalformed', { 'idempotency-key': 'k'.repeat(201) })
})

it('none of it was a fault of ours', () => expect(faults).toEqual([]))

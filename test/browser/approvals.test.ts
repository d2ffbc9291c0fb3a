import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { call, cookieAt } from '../machines/processes.ts'
import { openStreet, type Street } from '../machines/street.ts'
import { buildPages, eventually, looksRight, openBrowser, type Screen } from './chromium.ts'

/** What waits for a second person, as the first sees it: all in one place, and nothing of it theirs to approve. */

let street: Street
let browser: Awaited<ReturnType<typeof openBrowser>>
let office: Screen

const ordered = async (path: string, body: object): Promise<void> => {
  const { status } = await call('POST', `${street.centre.url}/api/${path}`, body)
  expect([path, status < 300]).toEqual([path, true])
}

beforeAll(async () => {
  buildPages()
  browser = await openBrowser()
  street = await openStreet({ terminals: [{ id: 'T-1' }], accounts: [] })
  await ordered('accounts', { account: 'anna', limit: '500.00', currency: 'EUR' })
  office = await browser.open(`${street.centre.url}/approvals`, await cookieAt(street.centre.url))
})
afterEach(() =>
  expect(browser.faults.splice(0).filter(fault => !/status of (400|409|422|503)/.test(fault))).toEqual([]),
)
afterAll(async () => {
  await browser?.close()
  await street?.close()
})

const getByTestId = (id: string) => office.page.getByTestId(id)

it('says that nothing waits', async () => {
  await eventually(() => office.page.getByText('Nothing waits for a second person').count()).toBe(1)
  expect(await getByTestId('approvals-count').count()).toBe(0)
  await looksRight(office, 'approvals, none')
})

it('shows whatever was proposed, by whom and why, and offers nobody their own', async () => {
  await ordered('accounts/anna/repayments', { repayment: 'r-1', amount: '50.00', currency: 'EUR', source: 'bank' })
  const payout = { payout: 'p-1', amount: '5.00', currency: 'EUR', source: 'bank', reason: 'asked for at the counter' }
  await ordered('accounts/anna/payouts', payout)
  await ordered('credit-bounds', { proposal: 'b-1', currency: 'EUR', bound: '9000.00', reason: 'larger customers' })
  await eventually(() => office.words('approvals-count')).toBe('2')
  await eventually(() => office.words('waits-p-1')).toContain('Asked for: a payout of 5.00 EUR')
  expect(await office.words('waits-p-1')).toContain('asked for at the counter')
  expect(await office.words('waits-b-1')).toContain('a bound of 9000.00 EUR')
  expect(await office.words('hindrance')).toContain('cannot approve it alone')
  expect(await getByTestId('approve').count()).toBe(0)
  await looksRight(office, 'approvals')
})

it('takes one back, and counts one less', async () => {
  const card = getByTestId('waits-p-1')
  await card.getByTestId('withdraw').click()
  await card.getByTestId('withdraw-reason').fill('asked twice')
  await card.getByTestId('withdraw-now').click()
  await eventually(() => card.count()).toBe(0)
  await eventually(() => office.words('approvals-count')).toBe('1')
})

it('lowers a bound at once, where the authority is', async () => {
  await office.page.goto(`${street.centre.url}/authority`)
  await office.press('bound-change')
  await getByTestId('bound-amount').fill('100.00')
  await getByTestId('bound-reason').fill('a quiet winter')
  await looksRight(office, 'set a bound')
  await office.press('bound-confirm')
  await eventually(() => office.words('bound-EUR')).toContain('100.00')
  await getByTestId('bound-EUR').scrollIntoViewIfNeeded()
  await looksRight(office, 'bounds')
})

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { cookieAt } from '../machines/processes.ts'
import { openStreet, type Street } from '../machines/street.ts'
import { buildPages, looksRight, openBrowser, patience_ms, type Screen } from './chromium.ts'

/** A clerk at the counter, in a real browser: a limit is set, a phone is lost, and the account is suspended. */

let street: Street
let browser: Awaited<ReturnType<typeof openBrowser>>
let office: Screen

beforeAll(async () => {
  buildPages()
  browser = await openBrowser()
  street = await openStreet({
    terminals: [{ id: 'T-1' }],
    accounts: [{ account: 'anna', limit: '500.00', allowance: '200.00' }],
  })
  const { url } = street.centre
  office = await browser.open(`${url}/accounts/anna`, await cookieAt(url))
})
afterEach(() => expect(browser.faults.splice(0)).toEqual([]))
afterAll(async () => {
  await browser?.close()
  await street?.close()
})

const eventually = <Answer>(look: () => Answer | Promise<Answer>) => expect.poll(look, { timeout: patience_ms })
const write = (testId: string, words: string) => office.page.getByTestId(testId).first().fill(words)

it('sees how an account stands, and sets its limit', async () => {
  await eventually(() => office.words('account-state')).toMatch(/open/i)
  await looksRight(office, 'account')
  await office.press('account-limit')
  await write('account-amount', '700.00')
  await looksRight(office, 'account limit')
  await office.press('account-confirm')
  await eventually(() => office.page.getByLabel('Balance').first().innerText()).toContain('700.00')
})

it('ends the license of a phone that was lost, and watches the terminals hear of it', async () => {
  await office.press('phone-lost')
  await write('lost-reason', 'left on a tram')
  await looksRight(office, 'phone lost')
  await office.press('lost-confirm')
  await eventually(() => office.words('lost-watch')).toMatch(/terminals/)
  await looksRight(office, 'account with a lost phone')
})

it('suspends it, and is told why what cannot be is not done', async () => {
  await office.press('account-payouts')
  await write('account-amount', '5')
  await office.press('account-confirm')
  await eventually(() => office.page.getByRole('dialog').innerText()).toContain('credit balance of 0.00 EUR')
  // The browser, too, tells of an answer that is a refusal.
  expect(browser.faults.splice(0)).toEqual([expect.stringContaining('/api/accounts/anna/payouts')])
  await office.page.keyboard.press('Escape')
  await office.press('account-suspend')
  await write('account-reason', 'asked by its holder')
  await office.press('account-confirm')
  await eventually(() => office.words('account-state')).toMatch(/suspended/i)
})

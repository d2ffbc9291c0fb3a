import { expect, it } from 'vitest'
import { cookieAt } from '../machines/processes.ts'
import { type Browser, eventually, looksRight, type Screen } from './chromium.ts'
import { dayOn } from './day.ts'

/** A clerk at the counter, in a real browser: a limit is set, a phone is lost, and the account is suspended. */

let browser: Browser
let office: Screen

dayOn(
  {
    terminals: [{ id: 'T-1' }],
    accounts: [{ account: 'anna', limit: '500.00', allowance: '200.00' }],
  },
  async (street, chromium) => {
    browser = chromium
    const { url } = street.centre
    office = await chromium.open(`${url}/accounts/anna`, await cookieAt(url))
  },
)

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

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

/** What waits for a second person is taken off the page again. */
const rejectIt = async (reason: string) => {
  await office.press('withdraw')
  await write('withdraw-reason', reason)
  await office.press('withdraw-now')
  await eventually(() => office.page.getByTestId('proposal').count()).toBe(0)
}

it('sees how an account stands, and sets its limit', async () => {
  await eventually(() => office.words('account-state')).toMatch(/open/i)
  await looksRight(office, 'account')
  await office.press('account-limit')
  await write('account-amount', '700.00')
  await write('account-reason', 'moved into a larger flat')
  await looksRight(office, 'account limit')
  await office.press('account-confirm')
  await eventually(() => office.page.getByLabel('Balance').first().innerText()).toContain('700.00')
})

it('proposes a limit that one person does not give, and cannot approve it alone', async () => {
  await office.press('account-limit')
  await write('account-amount', '7000.00')
  await write('account-reason', 'a hotel')
  await office.press('account-confirm')
  await eventually(() => office.page.getByText('Asked for: a limit of 7000.00 EUR').isVisible()).toBe(true)
  await office.press('approve')
  await office.page.getByText('cannot approve it alone').waitFor()
  expect(browser.faults.splice(0)).toEqual([expect.stringContaining('409')])
  await looksRight(office, 'account limit proposed')
  await rejectIt('no hotel')
})

it('ends the license of a phone that was lost, and watches the terminals hear of it', async () => {
  await office.press('phone-lost')
  await write('lost-reason', 'left on a tram')
  await looksRight(office, 'phone lost')
  await office.press('lost-confirm')
  await eventually(() => office.words('lost-watch')).toMatch(/terminals/)
  await looksRight(office, 'account with a lost phone')
})

it('writes down who holds it, finds them by name, and erases them for good', async () => {
  await office.press('person-show')
  await eventually(() => office.words('person-none')).toContain('Nothing is known')
  await office.press('person-change')
  await write('person-name', 'Anna Müller')
  await write('person-address', 'Hafenstraße 1\n20457 Hamburg')
  await looksRight(office, 'account holder written')
  await office.press('person-confirm')
  await eventually(() => office.words('person')).toContain('Hafenstraße 1')
  await looksRight(office, 'account holder')
  await office.press('nav-accounts')
  await write('find-words', 'muller')
  await office.press('find')
  await eventually(() => office.words('row-anna')).toContain('Anna Müller')
  await looksRight(office, 'accounts found by name')
  await write('find-words', 'nobody')
  await office.press('find')
  await eventually(() => office.words('empty')).toContain('Nobody here is called “nobody”')
  await looksRight(office, 'accounts nobody found')
  await office.page.getByRole('link', { name: 'anna' }).first().click()
  await office.press('person-show')
  await office.press('person-erase')
  await eventually(() => office.page.getByTestId('erase-confirm').isDisabled()).toBe(true)
  await looksRight(office, 'account holder to be erased')
  await write('erase-reason', 'asked for it')
  await office.press('erase-confirm')
  await eventually(() => office.words('person-erased')).toContain('is not written down again')
  expect(await office.page.getByTestId('person-change').count()).toBe(0)
  expect(browser.faults.splice(0)).toEqual([expect.stringContaining('/api/accounts/anna/person')])
})

it('sets its terms, and a limit in another currency, in which it is then looked at', async () => {
  await office.press('account-terms')
  await office.page.getByTestId('terms-credit').check()
  await write('terms-oversubscription', '50')
  await write('terms-reason', 'pays by standing order')
  await looksRight(office, 'account terms')
  await office.press('terms-confirm')
  await eventually(() => office.words('account-terms-now')).toContain('50.00 EUR more than is available')
  expect(await office.words('account-terms-now')).toContain('may be spent beyond the limit')
  await office.press('account-limit')
  await write('account-of', 'gbp')
  await write('account-amount', '80')
  await write('account-reason', 'travels')
  await office.press('account-confirm')
  await office.page.getByTestId('account-currencies').getByText('GBP').click()
  await eventually(() => office.words('balance-available')).toContain('80.00 GBP')
  expect(await office.words('account-terms-now')).toContain('no more than is available')
  await looksRight(office, 'account in two currencies')
})

it('proposes to return a repayment that the bank took back, in the currency it came in', async () => {
  await office.press('account-repayments')
  await write('account-amount', '20')
  await office.press('account-confirm')
  await eventually(() => office.words('balance-owed')).toContain('−20.00 GBP')
  await office.press('repayment-return')
  await write('return-reason', 'the bank took it back')
  await looksRight(office, 'account repayment to be returned')
  await office.press('return-confirm')
  await eventually(() => office.words('proposal')).toContain('called back')
  expect(await office.words('balance-owed')).toContain('−20.00 GBP')
  await looksRight(office, 'account return proposed')
  await rejectIt('it was not')
  expect(await office.page.getByTestId('account-recoveries').count()).toBe(0)
  await office.page.getByTestId('account-currencies').getByText('EUR').click()
})

it('sees what phones may still spend offline', async () => {
  const { pathname, search } = new URL(office.page.url())
  await office.press('nav-exposure')
  await eventually(() => office.words('exposure-total')).toContain('200.00 EUR')
  await looksRight(office, 'exposure')
  await office.page.goto(new URL(`${pathname}${search}`, office.page.url()).href)
})

it('suspends it, and is told why what cannot be is not done', async () => {
  await office.press('account-payouts')
  await write('account-amount', '5')
  await write('account-reason', 'asked for')
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

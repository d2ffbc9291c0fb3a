import { expect, it } from 'vitest'
import { cookieAt } from '../machines/processes.ts'
import { type Browser, eventually, looksRight, type Screen } from './chromium.ts'
import { dayOn } from './day.ts'

/** A merchant comes, agrees on other terms, and pays in what it owes, in the back office in a real browser. */

let browser: Browser
let office: Screen

dayOn({ terminals: [], accounts: [] }, async (street, chromium) => {
  browser = chromium
  const { url } = street.centre
  office = await chromium.open(`${url}/merchants`, await cookieAt(url))
})

const write = (testId: string, words: string) => office.page.getByTestId(testId).first().fill(words)

it('opens a merchant with its fee, written as people write one', async () => {
  await office.press('merchant-open')
  await write('merchant-name', 'Harbour Fish')
  await write('merchant-id', 'fish')
  await write('merchant-fee', 'much')
  await write('merchant-tax', '20')
  expect(await office.page.getByTestId('merchant-confirm').isDisabled()).toBe(true)
  await looksRight(office, 'merchant to be opened')
  await write('merchant-fee', '1,25')
  await office.press('merchant-confirm')
  await eventually(() => office.words('row-fish')).toContain('1.25 % and 20.00 % tax on it')
  await looksRight(office, 'merchants')
})

it('sets its terms, of which there is a version more', async () => {
  await office.page.getByRole('link', { name: 'fish' }).click()
  await office.press('merchant-terms')
  await write('terms-fee', '0.9')
  await office.page.getByTestId('terms-returns-fee').uncheck()
  await looksRight(office, 'merchant terms')
  await office.press('terms-confirm')
  await eventually(() => office.page.getByLabel('Facts').innerText()).toContain(
    '0.90 % and 20.00 % tax on it (version 2)',
  )
  await eventually(() => office.words('empty')).toContain('Nothing is posted here')
  // The browser, too, tells that nothing was posted yet.
  for (const fault of browser.faults.splice(0)) expect(fault).toContain('/api/merchants/fish/explain')
})

it('receives what it pays in', async () => {
  await office.press('merchant-pay-in')
  await write('pay-in-amount', '12.50')
  await looksRight(office, 'merchant pays in')
  await office.press('pay-in-confirm')
  await eventually(() => office.page.getByLabel('Facts').innerText()).toContain('12.50 EUR')
  await eventually(() => office.words('proof')).toContain('1 posting comes to these figures')
  await looksRight(office, 'merchant')
  for (const fault of browser.faults.splice(0)) expect(fault).toContain('/api/merchants/fish/explain')
})

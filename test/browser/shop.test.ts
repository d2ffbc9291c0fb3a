import { expect, it } from 'vitest'
import type { Phone, Street } from '../machines/street.ts'
import { eventually, looksRight, type Screen } from './chromium.ts'
import { dayOn } from './day.ts'

/**
 * A till with people, as they see it: somebody is set up and signs on, a sale is declined and let pass, its receipt is
 * shown with its code, and the till changes its language.
 */

let street: Street
let till: Screen
let anna: Phone

dayOn(
  {
    terminals: [{ id: 'T-1' }],
    accounts: [{ account: 'anna', limit: '900.00', allowance: '500.00' }],
  },
  async (opened, browser) => {
    street = opened
    anna = opened.phone(0)
    till = await browser.open(opened.till().url)
  },
)

const saleIs = (state: string) => eventually(() => till.attribute('sale-state', 'data-state')).toBe(state)
const write = (testId: string, text: string) => till.page.getByTestId(testId).first().fill(text)
const shut = () => till.page.keyboard.press('Escape')
const charge = async (keys: string): Promise<void> => {
  for (const key of keys) await till.press(`key-${key}`)
  await till.press('charge')
  await saleIs('waiting')
  await street.tap(anna, street.till())
}

it('sets up a supervisor, who signs on', async () => {
  await till.press('people')
  await write('staff-number', '1')
  await write('staff-pin', '4711')
  await write('staff-name', 'Ruth')
  await looksRight(till, 'till first supervisor')
  await till.press('staff-save')
  await eventually(() => till.words('staff-1')).toContain('Ruth')
  await write('sign-on-number', '1')
  await write('sign-on-pin', '4711')
  await looksRight(till, 'till people')
  await till.press('sign-on')
  await eventually(() => till.words('people')).toBe('1')
})

it('shows a receipt with the code that proves it', async () => {
  await charge('5000')
  await saleIs('approved')
  await till.press('show-receipt')
  await eventually(() => till.words('receipt-text')).toContain('50.00 EUR')
  expect(Number(await till.attribute('receipt-code', 'data-modules'))).toBeLessThan(110)
  await looksRight(till, 'till receipt')
  await till.press('receipt-copy')
  await eventually(() => till.words('receipt-text')).toContain('COPY 1')
  await shut()
  await till.press('new-sale')
})

it('lets a supervisor pass what it declined, once', async () => {
  for (let sale = 0; sale < 5; sale++) {
    await charge('5000')
    await saleIs('approved')
    await till.press('new-sale')
  }
  await charge('100')
  await saleIs('declined')
  await eventually(() => till.words('sale-figures')).toContain('It paid 300.00 EUR here already.')
  await looksRight(till, 'till declined overridable')
  await till.press('override')
  await write('override-number', '1')
  await write('override-pin', '4711')
  await looksRight(till, 'till override')
  await till.press('override-do')
  await saleIs('waiting')
  await street.tap(anna, street.till())
  await saleIs('approved')
  await till.press('new-sale')
})

it('speaks German, page and paper', async () => {
  await till.press('language')
  await eventually(() => till.words('charge')).toBe('Kassieren')
  await looksRight(till, 'till german')
  await till.press('day')
  await eventually(() => till.words('total-net')).toContain('301')
  await looksRight(till, 'till german day')
  await shut()
  await charge('100')
  await eventually(() => till.words('sale-heading')).toBe('Abgelehnt')
  await eventually(() => till.words('sale-figures')).toContain('Es hat hier schon 301,00 EUR gezahlt.')
})

it('refunds a receipt by its code', async () => {
  await till.press('new-sale')
  const { url } = street.till()
  const list = (await (await fetch(`${url}/api/transactions`)).json()) as { transactions: { transaction: string }[] }
  const receipt = await fetch(`${url}/api/transactions/${list.transactions[0]?.transaction}/receipt`)
  const { code } = (await receipt.json()) as { code: string }
  await till.press(`void-${list.transactions[0]?.transaction}`)
  await eventually(() => till.words('reverse-keep')).toBe('Zahlung behalten')
  await looksRight(till, 'till german void')
  await till.press('reverse-keep')
  await till.press('refund-receipt')
  await write('refund-code', code)
  await till.press('refund-next')
  await write('refund-receipt-amount', '0,40')
  await looksRight(till, 'till refund receipt')
  await till.press('refund-next')
  await eventually(() => till.words('refunded')).toContain('Zentrale')
})

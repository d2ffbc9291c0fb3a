import { expect, it } from 'vitest'
import { type Body, cookieAt } from '../machines/processes.ts'
import type { Phone, Street } from '../machines/street.ts'
import { type Browser, eventually, looksRight, type Screen } from './chromium.ts'
import { dayOn } from './day.ts'

/**
 * One day of a shop as the people see it, in a real browser before the real processes: the cashier's till without
 * network, Anna's phone, and the accountant's overview, which moves by itself once the till can speak again.
 */

let street: Street
let browser: Browser
let till: Screen
let phone: Screen
let office: Screen
let anna: Phone

dayOn(
  {
    terminals: [{ id: 'T-1' }],
    accounts: [
      { account: 'anna', limit: '500.00', allowance: '200.00' },
      { account: 'bela', limit: '300.00', allowance: '100.00' },
    ],
  },
  async (opened, chromium) => {
    street = opened
    browser = chromium
    anna = opened.phone(0)
    office = await chromium.open(opened.centre.url, await cookieAt(opened.centre.url))
    phone = await chromium.open(opened.wallet.url)
    till = await chromium.open(opened.till().url)
  },
)

const reads = (screen: Screen, testId: string, words: string) => eventually(() => screen.words(testId)).toBe(words)
const saleIs = (state: string) => eventually(() => till.attribute('sale-state', 'data-state')).toBe(state)
const phoneSays = (outcome: string) => eventually(() => phone.attribute('tap-result', 'data-outcome')).toBe(outcome)
const keys = async (...pressed: string[]): Promise<void> => {
  for (const key of pressed) await till.press(`key-${key}`)
}

it('takes a payment without network, which the centre does not know of', async () => {
  await reads(office, 'figure-accepted', '0')
  await looksRight(office, 'overview empty')
  await looksRight(till, 'till empty')
  await looksRight(phone, 'phones')

  await till.press('network-toggle')
  await reads(till, 'online', 'Offline')
  await keys('1', '2', '5', '0')
  await reads(till, 'amount', '12.50 EUR')
  await looksRight(till, 'till keyed offline')
  await till.press('charge')
  await saleIs('waiting')
  await looksRight(till, 'till waiting')

  expect(await phone.words('mode')).toBe('Test')
  await phone.press(`phone-${anna.id}`)
  await looksRight(phone, 'phone before its first payment')
  await phone.press('terminal-T-1')
  await phone.press('tap')
  await phoneSays('paid')
  await reads(phone, 'allowance-left', '187.50 EUR')

  await saleIs('approved')
  await reads(till, 'sale-heading', 'Approved')
  await reads(till, 'receipt-number', '1')
  await reads(till, 'waiting-count', '1')
  await reads(till, 'waiting-sum', '12.50 EUR')
  await looksRight(till, 'till approved')
  await looksRight(phone, 'phone paid')

  expect(await office.words('figure-accepted')).toBe('0')
  expect(await office.words('figure-takings')).toBe('none')
})

it('tells the centre once the network is there, and the open overview moves by itself', async () => {
  expect(await office.attribute('live', 'data-live')).toBe('true')
  const loaded = await office.page.evaluate('performance.timeOrigin')
  await till.press('network-toggle')
  await reads(till, 'online', 'Online')
  await reads(till, 'waiting-count', '0')
  await reads(office, 'figure-takings', '12.50 EUR')
  await reads(office, 'figure-owed', '12.50 EUR')
  await reads(office, 'figure-accepted', '1')
  expect(await office.page.evaluate('performance.timeOrigin')).toBe(loaded)
  // Nobody asked again and again: the page heard it.
  expect(await office.attribute('live', 'data-live')).toBe('true')
  await looksRight(office, 'overview')
})

it('shows the account and the day as they stand now', async () => {
  await office.press('nav-accounts')
  await reads(office, 'available-anna', '300.00 EUR')
  await looksRight(office, 'accounts')
  await office.page.getByRole('link', { name: 'anna' }).click()
  await reads(office, 'balance-owed', '12.50 EUR')
  await reads(office, 'balance-held', '187.50 EUR')
  await reads(office, 'balance-available', '300.00 EUR')
  await looksRight(office, 'account')
  await office.press('nav-reconciliation')
  const day = office.page.getByRole('region', { name: /^T-1, / })
  await eventually(() => day.innerText()).toMatch(/Still open[\s\S]*Sales\s+not closed yet\s+1 \/ 12\.50/)
  await looksRight(office, 'reconciliation open')
})

it('takes an amount typed on the keyboard, and asks the payer above the silent limit', async () => {
  await till.page.keyboard.press('Escape')
  await reads(till, 'amount', '0.00 EUR')
  await till.page.keyboard.type('6000')
  await reads(till, 'amount', '60.00 EUR')
  await till.page.keyboard.press('Enter')
  await saleIs('waiting')

  await phone.press('tap')
  await eventually(() => phone.words('consent-sheet')).toMatch(/60\.00 EUR\s+to Corner & Co\./)
  expect(await phone.page.getByTestId('tap-result').count()).toBe(0)
  await looksRight(phone, 'phone asked')
  await looksRight(till, 'till while the phone is asked')
  await phone.press('consent-agree')
  await phoneSays('paid')
  await reads(phone, 'allowance-left', '127.50 EUR')
  await saleIs('approved')
  await reads(till, 'receipt-number', '2')
})

it('says why it declines, to the cashier and to the payer', async () => {
  // "New sale" has the focus; and a key pressed on the glass does not take it, so that Enter charges.
  await till.page.keyboard.press('Enter')
  await reads(till, 'amount', '0.00 EUR')
  await keys('1', '3', '0', '00')
  await till.page.keyboard.press('Enter')
  await saleIs('waiting')
  await phone.press('tap')
  await phoneSays('declined')
  await saleIs('declined')
  await reads(till, 'sale-say', 'Not enough credit left on the phone.')
  await eventually(() => till.words('sale-reason')).toMatch(/^AllowanceExceeded: .*127\.50/)
  await eventually(() => phone.words('tap-result')).toMatch(/^Not paid\s+.*the till shows why/)
  await looksRight(till, 'till declined')
  await looksRight(phone, 'phone declined')
  await till.press('new-sale')
  await reads(till, 'amount', '0.00 EUR')
})

it('gives a part back from the list, and the balance follows', async () => {
  await till.page.getByRole('button', { name: 'Refund receipt 1' }).click()
  await till.page.getByTestId('refund-amount').fill('5.00')
  await looksRight(till, 'till refund')
  await till.press('reverse-confirm')
  await till.press('reverse-done')
  await eventually(() => till.page.getByText('5.00 EUR given back').count()).toBe(1)
  await office.press('nav-accounts')
  await office.page.getByRole('link', { name: 'anna' }).click()
  await reads(office, 'balance-owed', '67.50 EUR')
})

it('closes the day with its Z report, which the centre finds complete', async () => {
  await till.press('day')
  await till.press('day-close')
  await till.press('day-close-confirm')
  await eventually(() => till.words('z-report')).toMatch(
    /Sales\s+2\s+72\.50 EUR\s+Voids\s+0\s+0\.00 EUR\s+Refunds\s+1\s+5\.00 EUR\s+Declined\s+1/,
  )
  await looksRight(till, 'till Z report')
  await till.press('z-report-done')
  await looksRight(till, 'till day closed')
  await office.press('nav-reconciliation')
  const day = office.page.getByRole('region', { name: /^T-1, / })
  await eventually(() => day.innerText()).toMatch(/Complete[\s\S]*Sales\s+2 \/ 72\.50\s+2 \/ 72\.50/)
  expect(await day.getAttribute('data-differences')).toBe('0')
  await looksRight(office, 'reconciliation complete')
})

it('has a page for all else that the back office asks', async () => {
  for (const place of ['overview', 'transactions', 'held-payments', 'merchants', 'adjustments', 'terminals']) {
    await office.press(`nav-${place}`)
    await eventually(() => office.page.getByTestId('loading').count()).toBe(0)
    await looksRight(office, place)
  }
  await office.press('terminal-invite')
  await office.page.getByTestId('invite-terminal').fill('T-2')
  await office.page.getByTestId('invite-shop').fill('corner-shop')
  await office.press('invite-confirm')
  await eventually(() => office.words('invitation-code')).toMatch(/\S{8,}/)
  await looksRight(office, 'terminal invited')
  await office.page.keyboard.press('Escape')

  await office.press('nav-accounts')
  await office.press('account-open')
  await office.page.getByTestId('account-name').fill('cyra')
  await office.page.getByTestId('account-limit').fill('120.00')
  await looksRight(office, 'account opened')
  await office.press('account-confirm')
  await reads(office, 'available-cyra', '120.00 EUR')

  await office.press('nav-merchants')
  await office.page.getByRole('link', { name: 'corner' }).first().click()
  await eventually(() => office.words('proof')).toMatch(/postings come to these figures/)
  await looksRight(office, 'merchant')

  await office.press('nav-adjustments')
  await office.press('propose')
  for (const [place, account] of ['losses', 'payer:anna'].entries()) {
    await office.page.getByTestId(`line-account-${place}`).fill(account)
    await office.page.getByTestId(`line-amount-${place}`).fill('1.00')
  }
  expect(await office.page.getByTestId('adjustment-confirm').isDisabled()).toBe(true)
  await office.page.getByTestId('adjustment-reason').fill('Charged by hand, and charged again by the till.')
  await looksRight(office, 'adjustment keyed')
  await office.press('adjustment-confirm')
  await office.page.getByTestId('proposal').waitFor()
  // Whoever proposed it is not the second person.
  await office.press('approve')
  await office.page.getByText('cannot approve it alone').waitFor()
  // The browser itself says of a refusal that it was one.
  expect(browser.faults.splice(0)).toEqual([expect.stringContaining('409')])
  await looksRight(office, 'adjustment proposed')
  await office.press('withdraw')
  await office.page.getByTestId('withdraw-reason').fill('It was right.')
  await office.press('withdraw-now')
  await office.page.getByText('rejected', { exact: true }).waitFor()

  await office.press('nav-transactions')
  await office.page.getByRole('row', { name: /partly reversed/ }).click()
  await reads(office, 'transaction-state', 'partly reversed')
  await looksRight(office, 'transaction')

  await office.page.setViewportSize({ width: 380, height: 720 })
  await office.press('menu')
  await eventually(() => office.page.getByTestId('nav-held-payments').isVisible()).toBe(true)
  await looksRight(office, 'menu')

  await phone.press('all-phones')
  await phone.press('phone-add')
  await looksRight(phone, 'phone added')
})

/** Answers of a day that nobody orders: the server's own, with something changed. */
const pretend = async (screen: Screen, path: string, change: (answer: Body) => object): Promise<void> => {
  await screen.page.route(`**${path}`, async route => {
    const response = await route.fetch()
    const answer = (await response.json()) as Body
    await route.fulfill({ response, json: { ...answer, ...change(answer) } })
  })
}

it('shows a bad day as plainly as a good one', async () => {
  const torn = { sale: 's-1', state: 'torn', amount: '8.40', currency: 'EUR', reason: 'FieldLost', message: 'Gone.' }
  await pretend(till, '/api/till', ({ day }) => ({
    day: { ...(day as object), state: 'open' },
    online: false,
    waiting: { count: 212, sum: '12345.60', since: '2026-01-01T00:00:00.000Z' },
    lastSyncError: { reason: 'Unreachable', message: 'The centre does not answer.' },
    sale: torn,
    torn: [torn],
  }))
  await till.page.reload()
  await saleIs('torn')
  await looksRight(till, 'till torn')
  await till.press('put-aside')
  await reads(till, 'waiting-sum', '12,345.60 EUR')
  await till.page.getByTestId('torn-sales').waitFor()
  await looksRight(till, 'till torn aside')
  await till.page.unrouteAll()
  await pretend(till, '/api/till', () => ({ sale: null, reader: { state: 'fault', message: 'No reader is there.' } }))
  await till.page.reload()
  await till.page.getByTestId('reader-fault').waitFor()
  await looksRight(till, 'till without reader')
  await till.page.unrouteAll()

  await pretend(office, '/api/transactions/*', () => ({ state: 'held', reason: 'PaymentSignatureInvalid' }))
  await office.page.setViewportSize({ width: 1280, height: 800 })
  await office.page.reload()
  await office.page.getByText('Who bears this payment?').waitFor()
  expect(await office.page.getByTestId('decide').isDisabled()).toBe(true)
  await office.page.getByTestId('bears-operator').check()
  await office.page.getByTestId('decide-reason').fill('The phone was stolen, and the till could not know.')
  expect(await office.page.getByTestId('decide').isDisabled()).toBe(false)
  await looksRight(office, 'transaction held')
  await pretend(office, '/api/transactions/*', () => ({
    state: 'held',
    reason: 'PaymentSignatureInvalid',
    proposal: { proposal: 'p-1', bears: 'operator', operator: 'olga', why: 'The phone was stolen.' },
    heldReversals: [
      { reversal: 'v-1', kind: 'void', amount: '8.40', reason: 'OriginalHeld', terminal: 'T-1', proposal: null },
    ],
  }))
  await office.page.reload()
  await office.page.getByTestId('approve').waitFor()
  expect(await office.page.getByTestId('refuse').isDisabled()).toBe(true)
  await office.page.getByTestId('withdraw').click()
  expect(await office.page.getByTestId('withdraw-now').isDisabled()).toBe(true)
  await looksRight(office, 'transaction held and proposed')
  await pretend(office, '/api/reconciliation', ({ days }) => ({
    days: (days as Body[]).map(day => ({
      ...day,
      till: { ...(day['centre'] as object), sales: { count: 3, sum: '80.90' } },
      differences: [
        {
          kind: 'Missing',
          amount: '8.40',
          currency: 'EUR',
          message: 'T-1 counted a sale that the centre does not have.',
          events: ['01a208f8-d86d-7304-9b18-ef7aaba45829'],
        },
      ],
    })),
  }))
  await office.press('nav-reconciliation')
  await office.page.getByTestId('difference-Missing').waitFor()
  await looksRight(office, 'reconciliation differing')
  await office.page.unrouteAll()
})

it('says that the till does not answer, and goes on by itself once it does', async () => {
  await till.page.reload()
  await reads(till, 'online', 'Online')
  await street.till().running().kill()
  await eventually(() => till.page.getByTestId('not-live').count()).toBe(1)
  expect(await till.page.getByTestId('online').count()).toBe(0)
  await looksRight(till, 'till not answering')
  await street.till().start()
  await eventually(() => till.page.getByTestId('not-live').count()).toBe(0)
  await eventually(() => till.page.getByTestId('failure').count()).toBe(0)
  // The browser says itself that nobody was there.
  const others = browser.faults
    .splice(0)
    .filter(fault => !/net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|SOCKET_NOT_CONNECTED|INCOMPLETE)/.test(fault))
  expect(others).toEqual([])
})

import { it } from 'vitest'
import { cookieAt } from '../machines/processes.ts'
import { type Browser, eventually, looksRight, type Screen } from './chromium.ts'
import { dayOn } from './day.ts'

/** A terminal's life in the back office, and what its cashier sees of it, in a real browser before the real processes. */

let browser: Browser
let till: Screen
let office: Screen

dayOn({ terminals: [{ id: 'T-1' }], accounts: [] }, async (opened, chromium) => {
  browser = chromium
  office = await chromium.open(`${opened.centre.url}/shops`, await cookieAt(opened.centre.url))
  till = await chromium.open(opened.till().url)
})

const write = (testId: string, words: string) => office.page.getByTestId(testId).first().fill(words)
const order = async (name: string, reason: string): Promise<void> => {
  await office.press(`terminal-${name}`)
  await write('order-reason', reason)
  await office.press('order-confirm')
}
const stands = (state: string) =>
  eventually(async () => (await office.words('terminal-state')).toLowerCase()).toBe(state)

it('opens a second shop, and sets its zone', async () => {
  await office.press('shop-open')
  await write('shop-id', 'harbour')
  await write('shop-name', 'Harbour')
  await write('shop-zone', 'Europe/Atlantis')
  await office.press('shop-confirm')
  await eventually(() => office.attribute('failure', 'data-reason')).toBe('ZoneUnknown')
  // The browser says that a request was refused.
  browser.faults.length = 0
  await looksRight(office, 'shops a zone that nobody knows')
  await write('shop-zone', 'Europe/Lisbon')
  await office.press('shop-confirm')
  await eventually(() => office.page.getByText('Europe/Lisbon').count()).toBe(1)
  await looksRight(office, 'shops')
})

it('shows a terminal, and what may be ordered of it', async () => {
  await office.press('nav-terminals')
  await looksRight(office, 'terminals')
  await office.page.getByRole('link', { name: 'T-1' }).click()
  await stands('enrolled')
  await looksRight(office, 'terminal')
  await office.press('terminal-name')
  await write('order-label', 'Left till')
  await office.press('order-confirm')
  await eventually(() => office.page.getByRole('heading', { level: 1 }).innerText()).toBe('Left till')
})

it('suspended, it says so to the cashier once it has heard, and takes nothing', async () => {
  await order('suspend', 'seen in a pawn shop')
  await stands('suspended')
  await looksRight(office, 'terminal suspended')
  await till.press('sync-now')
  await eventually(() => till.attribute('out-of-service', 'data-reason')).toBe('TerminalSuspended')
  await looksRight(till, 'till suspended')
  await order('reinstate', 'it was another')
  await stands('enrolled')
  await till.press('sync-now')
  await eventually(() => till.page.getByTestId('out-of-service').count()).toBe(0)
})

it('moved, it hears of its new shop', async () => {
  await order('move', 'the street is dug up')
  await eventually(() => office.page.getByText('Harbour (harbour)').count()).toBe(1)
  await till.press('sync-now')
  await eventually(() => office.page.getByTestId('terminal-warning').count()).toBe(0)
})

it('replaced, another is invited for its place with a code that is shown once', async () => {
  await office.press('terminal-replace')
  await write('order-replacement', 'T-2')
  await write('order-reason', 'coffee')
  await looksRight(office, 'terminal to be replaced')
  await office.press('order-confirm')
  await eventually(() => office.words('invitation-code')).toMatch(/^T-2\./)
  await looksRight(office, 'terminal replaced')
})

it('retired too early, what it brings is kept, shown with what it is, and let in', async () => {
  await office.page.keyboard.press('Escape')
  await till.press('network-toggle')
  await till.press('day')
  await till.press('day-close')
  await till.press('day-close-confirm')
  await till.press('z-report-done')
  await till.page.keyboard.press('Escape')
  await office.press('terminal-retire')
  await write('order-reason', 'scrapped')
  await office.press('order-confirm')
  await stands('retired')
  await till.press('network-toggle')
  await till.press('sync-now')
  await office.page.getByTestId('quarantined-batch').first().waitFor()
  // The browser says that the sync was refused.
  browser.faults.length = 0
  await looksRight(office, 'terminal with a batch in quarantine')
  await office.press('quarantine-release')
  await write('quarantine-reason', 'the disk was in the drawer')
  await looksRight(office, 'terminal batch to be let in')
  await office.press('quarantine-confirm')
  await eventually(() => office.page.getByText('the disk was in the drawer').count()).toBe(1)
  browser.faults.length = 0
  await looksRight(office, 'terminal with a batch let in')
})

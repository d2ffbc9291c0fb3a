import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { cookieAt } from '../machines/processes.ts'
import { openStreet, type Street } from '../machines/street.ts'
import { buildPages, eventually, looksRight, openBrowser, type Screen } from './chromium.ts'

/** The authority's day in the back office: a key is rotated and one named as stolen, a policy tightened, a card denied. */

let street: Street
let browser: Awaited<ReturnType<typeof openBrowser>>
let office: Screen

beforeAll(async () => {
  buildPages()
  browser = await openBrowser()
  street = await openStreet({ terminals: [{ id: 'T-1' }], accounts: [] })
  office = await browser.open(`${street.centre.url}/authority`, await cookieAt(street.centre.url))
})
// A refused order is a line of the browser's own; nothing else may be said.
afterEach(() => expect(browser.faults.splice(0).filter(fault => !/status of (409|422|503)/.test(fault))).toEqual([]))
afterAll(async () => {
  await browser?.close()
  await street?.close()
})

const write = (testId: string, words: string) => office.page.getByTestId(testId).first().fill(words)
const gone = (testId: string) => eventually(() => office.page.getByTestId(testId).count()).toBe(0)
const rows = (purpose: string) =>
  office.page
    .locator('[data-testid^="row-"]')
    .filter({ hasText: `${purpose}s of` })
    .count()

it('shows each key, what it signs, and the policy in words', async () => {
  await eventually(() => office.words('key-set')).toBe('Key set 1 is published.')
  expect(await rows('license')).toBe(1)
  expect(await office.page.getByText('signs now').count()).toBe(5)
  expect(await office.page.locator('[data-testid^="compromise-"]').count()).toBe(4)
  await eventually(() => office.words('policy-EUR')).toContain('at most 150.00 EUR')
  await looksRight(office, 'authority')
})

it('rotates a key, which signs later', async () => {
  await office.press('key-rotate')
  expect(await office.page.getByTestId('key-confirm').isDisabled()).toBe(true)
  await write('key-reason', 'once a year')
  await looksRight(office, 'rotate a key')
  await office.press('key-confirm')
  await eventually(() => office.words('key-set')).toBe('Key set 2 is published.')
  expect(await rows('license')).toBe(2)
})

it('names a key as compromised only when told what that does, and another signs at once', async () => {
  const rules = office.page.locator('[data-testid^="row-"]').filter({ hasText: 'policies' })
  const kid = (await rules.first().getAttribute('data-testid'))?.replace('row-', '') ?? ''
  await office.press(`compromise-${kid}`)
  await eventually(() => office.words('key-named')).toContain(kid)
  await looksRight(office, 'compromise a key')
  await write('key-reason', 'its machine was stolen')
  await office.press('key-confirm')
  await eventually(() => rules.count()).toBe(2)
  expect(await office.words(`row-${kid}`)).toMatch(/compromised/i)
  expect(await office.page.getByText('signs now').count()).toBe(5)
  expect(await office.page.getByTestId(`compromise-${kid}`).count()).toBe(0)
})

it('publishes no policy that cannot be kept, and one that can', async () => {
  await office.press('policy-change-EUR')
  await write('policy-perTransaction', '900.00')
  await write('policy-reason', 'a quiet season')
  await office.press('policy-confirm')
  await eventually(() => office.attribute('failure', 'data-reason')).toBe('PolicyUnsound')
  await looksRight(office, 'policy that cannot be kept')
  await write('policy-perTransaction', '80.00')
  await office.page.getByTestId('policy-SyncTooLongAgo').uncheck()
  await office.press('policy-confirm')
  await gone('policy-confirm')
  await eventually(() => office.words('policy-EUR')).toContain('at most 80.00 EUR')
  expect(await office.words('policy-EUR')).not.toContain('a sync too long ago')
  expect(await office.words('policy-EUR')).toContain('a quiet season')
})

it('puts a card on the deny list, and takes it off', async () => {
  const card = '9123456789012345678'
  await office.press('deny-add')
  await write('deny-entries', '12')
  await write('deny-reason', 'found in the street')
  await office.press('deny-confirm')
  await eventually(() => office.attribute('failure', 'data-reason')).toBe('DenyEntryInvalid')
  await write('deny-entries', card)
  await looksRight(office, 'deny a card')
  await office.press('deny-confirm')
  await eventually(() => office.words('deny-list')).toContain('0 licenses, 1 card')
  expect(await office.page.getByText(card).count()).toBe(1)
  await office.press('deny-remove')
  await write('deny-entries', card)
  await write('deny-reason', 'its holder has it')
  await office.press('deny-confirm')
  await eventually(() => office.words('deny-list')).toContain('0 licenses, 0 cards')
  await eventually(() => office.page.getByText('Nobody is on it').count()).toBe(1)
  await looksRight(office, 'authority nobody denied')
})

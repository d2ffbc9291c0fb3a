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
afterEach(() =>
  expect(browser.faults.splice(0).filter(fault => !/status of (400|409|422|503)/.test(fault))).toEqual([]),
)
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
  await eventually(() => office.words(`row-${kid}`)).toMatch(/compromised/i)
  await eventually(() => office.page.getByText('signs now').count()).toBe(5)
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

it('takes out of a policy what it need not say, and says when a forgotten day ends', async () => {
  await office.press('policy-change-EUR')
  await write('policy-silentMax', '')
  await write('policy-rollOver_hour', '24')
  await write('policy-reason', 'ask always')
  await office.press('policy-confirm')
  await eventually(() => office.attribute('failure', 'data-reason')).toBe('BodyMalformed')
  await write('policy-rollOver_hour', '4')
  await office.press('policy-confirm')
  await gone('policy-confirm')
  await eventually(() => office.words('policy-EUR')).toContain('ends at 4:00')
  expect(await office.words('policy-EUR')).not.toContain('without asking the holder')
  await looksRight(office, 'policy with an hour')
  await office.press('policy-change-EUR')
  await write('policy-rollOver_hour', '')
  await write('policy-reason', 'as it was')
  await office.press('policy-confirm')
  await gone('policy-confirm')
  await eventually(() => office.words('policy-EUR')).toContain('ends when the next is opened')
})

it('has a key sign from a day that was asked for', async () => {
  await office.press('key-rotate')
  await office.page.getByTestId('key-purpose').selectOption('log')
  await write('key-from', '2027-02-03T08:00')
  await write('key-reason', 'with the new year')
  await looksRight(office, 'rotate a key on a day')
  await office.press('key-confirm')
  await gone('key-confirm')
  await eventually(() => office.page.getByText('3 Feb 2027').count()).toBe(1)
})

it('introduces a TAC master key, by which licenses are issued from then on', async () => {
  const before = await office.words('tac-masters')
  await office.press('tac-introduce')
  await write('tac-reason', 'once a year')
  await looksRight(office, 'introduce a TAC master key')
  await office.press('tac-confirm')
  await eventually(() => office.words('tac-masters')).toContain('older ones are checked by')
  expect(await office.words('tac-masters')).not.toBe(before)
})

it('publishes what rides cost, whole or not at all', async () => {
  await office.press('fares-publish')
  await write('fares-stations', 'Old Harbour 1\nCastle two')
  await write('fares-fares', '1 2.40\n2 3.10')
  await write('fares-reason', 'the new year')
  await office.press('fares-confirm')
  await eventually(() => office.attribute('failure', 'data-reason')).toBe('BodyMalformed')
  await looksRight(office, 'fares that cannot be read')
  await write('fares-stations', 'Old Harbour 1\nCastle 2')
  await office.press('fares-confirm')
  await gone('fares-confirm')
  await eventually(() => office.words('fares-corner')).toContain('Old Harbour (zone 1), Castle (zone 2)')
  expect(await office.words('fares-corner')).toMatch(/2 zones and more\s+3.10 EUR/)
  await office.press('fares-change-corner')
  await write('fares-fares', '1 2.40\n2 1.10')
  await write('fares-reason', 'a discount')
  await office.press('fares-confirm')
  await eventually(() => office.attribute('failure', 'data-reason')).toBe('FareTableUnsound')
  await office.page.keyboard.press('Escape')
  await looksRight(office, 'authority with fares')
})

it('shows what a root elsewhere has to sign, and takes back nothing that it did not', async () => {
  // The root of this street lies at its centre. What the page does where it does not is seen by telling it so.
  await office.page.route('**/api/authority', async route => {
    const answer = await route.fetch()
    await route.fulfill({ json: { ...((await answer.json()) as object), waitsForRoot: true } })
  })
  await office.page.reload()
  await eventually(() => office.words('waits-for-root')).toContain('has not signed this yet')
  await office.press('key-set-unsigned')
  await eventually(() => office.words('unsigned-none')).toContain('signed all meanwhile')
  await office.page.route('**/api/authority/key-set/unsigned', route =>
    route.fulfill({ json: { version: 9, issued: 1, keys: [{ kid: '00'.repeat(8), publicKey: '04'.repeat(65) }] } }),
  )
  await office.press('key-set-unsigned')
  await eventually(() => office.words('unsigned-key-set')).toContain('"version": 9')
  await looksRight(office, 'authority root elsewhere')
  await office.press('key-set-bring')
  await write('key-set-document', 'bm90IGEga2V5IHNldA')
  await office.press('key-set-confirm')
  await eventually(() => office.attribute('failure', 'data-reason')).toBe('KeySetInvalid')
  await looksRight(office, 'key set that the root did not sign')
  await office.page.keyboard.press('Escape')
  await office.page.unrouteAll()
  await office.page.reload()
  await eventually(() => office.page.getByTestId('waits-for-root').count()).toBe(0)
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

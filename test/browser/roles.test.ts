import { expect, it } from 'vitest'
import { call, cookieAt } from '../machines/processes.ts'
import { type Browser, eventually, looksRight, type Screen } from './chromium.ts'
import { dayOn } from './day.ts'

/**
 * What is not one's own is not offered, and not reached by whoever asks for it all the same: each page as a viewer, a
 * clerk and an administrator see it, and the same orders sent past the page.
 */

let browser: Browser
let url: string

dayOn(
  { terminals: [{ id: 'T-1' }], accounts: [{ account: 'anna', limit: '500.00', allowance: '200.00' }] },
  async (street, chromium) => {
    browser = chromium
    url = street.centre.url
  },
)

/** A new operator's session: added by the administrator, with a password of their own. */
const sessionOf = async (role: 'viewer' | 'clerk'): Promise<string> => {
  const added = await call('POST', `${url}/api/operators`, { operator: `the-${role}`, role })
  const password = added.body['oneTimePassword'] as string
  const next = `the ${role} alone knows this`
  const entered = await fetch(`${url}/api/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ operator: `the-${role}`, password }),
  })
  const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? ''
  const chosen = await fetch(`${url}/api/session/password`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie },
    body: JSON.stringify({ password, next }),
  })
  expect(chosen.status).toBeLessThan(300)
  return chosen.headers.get('set-cookie')?.split(';')[0] ?? cookie
}

type Offer = { readonly at: string; readonly waitsFor: string; readonly clerk: string[]; readonly above: string[] }
const named = (testId: string) => `[data-testid="${testId}"]`
/** By page: what a clerk is offered there, and what only those above are. A viewer is offered none of it. */
const offers: readonly Offer[] = [
  { at: '/accounts', waitsFor: named('row-anna-EUR'), clerk: ['account-open', 'find-words'], above: [] },
  {
    at: '/accounts/anna',
    // The last of it to come.
    waitsFor: '[aria-label="Phones"] [data-testid^="row-"]',
    clerk: ['account-limit', 'account-suspend', 'account-repayments', 'invite-phone', 'phone-lost', 'person-show'],
    above: ['account-terms'],
  },
  { at: '/merchants', waitsFor: named('row-corner'), clerk: ['merchant-open'], above: [] },
  { at: '/merchants/corner', waitsFor: named('empty'), clerk: ['merchant-pay-in'], above: ['merchant-terms'] },
  { at: '/shops', waitsFor: named('nav-shops'), clerk: ['shop-open'], above: [] },
  { at: '/terminals/T-1', waitsFor: named('terminal-state'), clerk: ['terminal-name'], above: ['terminal-retire'] },
  { at: '/adjustments', waitsFor: named('empty'), clerk: ['propose'], above: [] },
  {
    at: '/authority',
    waitsFor: named('policy-EUR'),
    clerk: ['deny-add'],
    above: ['deny-remove', 'key-rotate', 'policy-change-EUR', 'tac-introduce', 'fares-publish'],
  },
  { at: '/operators', waitsFor: named('row-the-viewer'), clerk: [], above: ['operator-new', 'change-the-viewer'] },
]

const goTo = async ({ page }: Screen, { at, waitsFor }: Offer): Promise<void> => {
  await page.goto(`${url}${at}`)
  await eventually(async () => [at, (await page.locator(waitsFor).count()) > 0]).toEqual([at, true])
  await eventually(() => page.getByTestId('who').count()).toBe(1)
}

const offeredTo = async ({ page }: Screen, { clerk, above }: Offer): Promise<string[]> => {
  const found: string[] = []
  for (const offered of [...clerk, ...above]) if (await page.getByTestId(offered).count()) found.push(offered)
  return found
}

/** The same orders past the page; the body is sound, so that a role alone can be what is refused. */
const sent = async (cookie: string, [path, body]: readonly [string, object]) => {
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'k-1', cookie },
    body: JSON.stringify(body),
  })
  return [path, answer.status, ((await answer.json()) as { readonly reason?: string }).reason]
}
const reason = 'because'
const ofClerks = [
  ['/api/accounts', { account: 'eve', limit: '9.00', currency: 'EUR' }],
  ['/api/accounts/anna/limit', { limit: '9.00', currency: 'EUR' }],
  ['/api/accounts/anna/suspend', { reason }],
  ['/api/accounts/anna/repayments', { amount: '9.00', currency: 'EUR', source: 'bank' }],
  ['/api/accounts/anna/lost', { reason }],
  ['/api/merchants/corner/payments', { amount: '9.00', currency: 'EUR', source: 'bank' }],
  ['/api/authority/deny-list/add', { cards: ['9123456789012345678'], reason }],
] as const
const ofThoseAbove = [
  ['/api/accounts/anna/terms', { currency: 'EUR', creditCounts: true, oversubscription: '9' }],
  ['/api/accounts/anna/person/erase', { reason }],
  ['/api/merchants/corner/terms', { feeBasisPoints: 1, taxBasisPoints: 1, returnsFee: true }],
  ['/api/authority/keys', { purpose: 'license', reason }],
  ['/api/authority/tac-masters', { reason }],
  ['/api/authority/policies/EUR', { clockTolerance_s: 1, reason }],
  ['/api/operators', { operator: 'eve', role: 'administrator' }],
] as const

/** Whoever may not look at holders may not ask for them either: the refusal is what is wanted, and the log is quiet. */
const asked = async (cookie: string, path: string) => (await fetch(`${url}${path}`, { headers: { cookie } })).status

it('offers a viewer nothing that changes anything, and refuses all of it', async () => {
  const cookie = await sessionOf('viewer')
  const viewer = await browser.open(`${url}/accounts/anna`, cookie)
  for (const offer of offers) {
    await goTo(viewer, offer)
    expect([offer.at, await offeredTo(viewer, offer)]).toEqual([offer.at, []])
  }
  await viewer.page.goto(`${url}/accounts/anna`)
  await eventually(() => viewer.words('account-state')).toMatch(/open/i)
  await looksRight(viewer, 'account to a viewer')
  for (const order of [...ofClerks, ...ofThoseAbove])
    expect(await sent(cookie, order)).toEqual([order[0], 403, 'RoleTooLow'])
  for (const path of ['/api/people?words=anna', '/api/accounts/anna/person', '/api/authority/key-set/unsigned'])
    expect([path, await asked(cookie, path)]).toEqual([path, 403])
  // The street's own faults: the book of a merchant that has sold nothing yet.
  browser.faults.splice(0)
})

it('offers a clerk what is a clerk’s, and refuses what is not', async () => {
  const cookie = await sessionOf('clerk')
  const clerk = await browser.open(`${url}/accounts/anna`, cookie)
  for (const offer of offers) {
    await goTo(clerk, offer)
    await eventually(() => offeredTo(clerk, offer)).toEqual(offer.clerk)
  }
  for (const order of ofThoseAbove) expect(await sent(cookie, order)).toEqual([order[0], 403, 'RoleTooLow'])
  expect(await asked(cookie, '/api/accounts/anna/person')).toBe(200)
  expect(await asked(cookie, '/api/authority/key-set/unsigned')).toBe(403)
  browser.faults.splice(0)
})

it('offers an administrator all of it', async () => {
  const all = await browser.open(`${url}/accounts/anna`, await cookieAt(url))
  for (const offer of offers) {
    await goTo(all, offer)
    await eventually(() => offeredTo(all, offer)).toEqual([...offer.clerk, ...offer.above])
  }
  browser.faults.splice(0)
})

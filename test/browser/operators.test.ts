import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { compile, endAll, endOf, freePorts, healthy, makePlace, program, run } from '../machines/processes.ts'
import { type Browser, buildPages, eventually, looksRight, openBrowser, type Screen } from './chromium.ts'

/**
 * The first day of a centre, at its door: the administrator comes with the password that the process said once, lets a
 * viewer in, and suspends them; whoever's session has ended finds the page again where it was.
 */

const place = makePlace('operators')
const data = place.folder('centre')
let url: string
let browser: Browser
let office: Screen
let guest: Screen
let oneTime: string
const own = 'a fine long password'

beforeAll(async () => {
  compile()
  buildPages()
  const port = await freePorts()
  url = `http://127.0.0.1:${port}`
  const centre = run('centre', program('dist/apps/back-office/main.js', ['--port', `${port}`, '--data', data]))
  await healthy(centre, url)
  oneTime = /sign in as administrator with the one-time password (\S+)/.exec(centre.said())?.[1] ?? ''
  browser = await openBrowser()
  office = await browser.open(`${url}/accounts`)
})
// A refused sign-in is a line of the browser's own; nothing else may be said.
afterEach(() => expect(browser.faults.splice(0).filter(fault => !/status of 40[19]/.test(fault))).toEqual([]))
afterAll(async () => {
  await browser?.close()
  await endAll()
  place.remove()
})

const fill = ({ page }: Screen, testId: string, words: string) => page.getByTestId(testId).fill(words)
const count = ({ page }: Screen, testId: string) => page.getByTestId(testId).count()
/** By keyboard alone, from the field that has the focus. */
const enter = async (screen: Screen, operator: string, password: string) => {
  await fill(screen, 'sign-in-operator', operator)
  await screen.page.keyboard.press('Tab')
  await screen.page.keyboard.type(password)
  await screen.page.keyboard.press('Enter')
}

it('shows nobody a page before the door, and says no in words', async () => {
  await eventually(() => count(office, 'sign-in')).toBe(1)
  expect(await count(office, 'account-open')).toBe(0)
  expect(await office.page.evaluate('document.activeElement?.dataset.testid')).toBe('sign-in-operator')
  expect(await office.words('mode')).toBe('Test')
  await looksRight(office, 'sign-in')
  await enter(office, 'administrator', 'a wrong password')
  await eventually(() => office.attribute('failure', 'data-reason')).toBe('SignInRefused')
  await looksRight(office, 'sign-in refused')
})

it('has whoever comes with a one-time password choose another, and leads where they wanted to go', async () => {
  await enter(office, 'administrator', oneTime)
  await eventually(() => count(office, 'change-password')).toBe(1)
  await looksRight(office, 'choose a password')
  await fill(office, 'password-now', oneTime)
  await fill(office, 'password-next', own)
  await fill(office, 'password-again', `${own}!`)
  expect(await office.page.getByTestId('password-change').isDisabled()).toBe(true)
  await fill(office, 'password-again', own)
  await office.press('password-change')
  await eventually(() => count(office, 'account-open')).toBe(1)
  expect(new URL(office.page.url()).pathname).toBe('/accounts')
  await office.press('who')
  await eventually(() => office.words('who-role')).toBe('administrator, administrator')
  await looksRight(office, 'who is signed in')
  await office.page.keyboard.press('Escape')
})

it('lets an administrator add a viewer, who is not offered what a viewer may not do', async () => {
  await office.page.goto(`${url}/operators`)
  await office.press('operator-new')
  await fill(office, 'operator-name', 'vera')
  await office.page.getByTestId('operator-role').selectOption('viewer')
  await looksRight(office, 'add an operator')
  await office.press('operator-confirm')
  const password = await office.words('one-time-password')
  await looksRight(office, 'one-time password')
  await office.press('one-time-done')
  await eventually(() => count(office, 'row-vera')).toBe(1)
  await looksRight(office, 'operators')

  guest = await browser.open(`${url}/operators`)
  await enter(guest, 'vera', password)
  await fill(guest, 'password-now', password)
  await fill(guest, 'password-next', own)
  await fill(guest, 'password-again', own)
  await guest.press('password-change')
  await eventually(() => count(guest, 'row-vera')).toBe(1)
  for (const offered of ['operator-new', 'change-vera'])
    expect([offered, await count(guest, offered)]).toEqual([offered, 0])
  await guest.page.goto(`${url}/accounts`)
  await eventually(() => count(guest, 'nav-accounts')).toBe(1)
  expect(await count(guest, 'account-open')).toBe(0)
})

it('shuts the door on a suspended one where they stand, and opens it there again', async () => {
  await office.press('change-vera')
  await fill(office, 'operator-reason', 'on leave')
  await looksRight(office, 'change an operator')
  await office.press('operator-standing')
  await eventually(() => office.words('row-vera')).toContain('suspended')
  await eventually(() => guest.page.getByText('Your session has ended').count()).toBe(1)
  await looksRight(guest, 'session ended')
  await office.press('change-vera')
  await fill(office, 'operator-reason', 'back')
  await office.press('operator-standing')
  await eventually(() => office.words('row-vera')).toContain('active')
  await fill(guest, 'sign-in-password', own)
  await guest.page.keyboard.press('Enter')
  await eventually(() => count(guest, 'sign-in')).toBe(0)
  expect(new URL(guest.page.url()).pathname).toBe('/accounts')
})

it('lets one sign out, after which the page is behind the door', async () => {
  await guest.press('who')
  await guest.press('sign-out')
  await eventually(() => count(guest, 'sign-in')).toBe(1)
  await guest.page.reload()
  await eventually(() => count(guest, 'sign-in')).toBe(1)
})

it('gives who has forgotten a password another by the command line, and ends what was open', async () => {
  const one = run(
    'tally',
    program('dist/apps/tally/main.js', ['operator', 'password', 'administrator', '--data', data]),
  )
  expect((await endOf(one)).code).toBe(0)
  const again = /signs in once with (\S+)/.exec(one.said())?.[1] ?? ''
  await office.page.reload()
  await eventually(() => count(office, 'sign-in')).toBe(1)
  await enter(office, 'administrator', own)
  await eventually(() => office.attribute('failure', 'data-reason')).toBe('SignInRefused')
  await enter(office, 'administrator', again)
  await eventually(() => count(office, 'change-password')).toBe(1)
})

import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type Served, serve } from '#http/serve'
import { amount } from '#money'
import { terminalModule } from '../../apps/terminal/api.ts'
import type { Till } from '../../apps/terminal/web/answers.ts'
import { project } from '../machines/processes.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { type Browser, buildPages, eventually, looksRight, openBrowser, type Screen } from './chromium.ts'

/**
 * A till's page in the states that take days or a fault to come about. The till behind it is a real one; what it answers
 * is changed on its way to the page where a state cannot be waited for.
 */

let world: World
let served: Served
let browser: Browser
let till: Screen
let change: (answer: Till) => Partial<Till> = () => ({})

beforeAll(async () => {
  buildPages()
  const phones = [{ account: 'anna', limit: 100_000n, allowance: '500.00' }]
  world = await makeWorld({ seed: 'till states', phones })
  const node = world.till()
  const ruth = { staff: '1', pin: '1234' }
  orThrow(await node.people.appoint({ ...ruth, name: 'Ruth', role: 'supervisor' }))
  orThrow(await node.people.appoint({ staff: '2', pin: '4711', name: 'Tom', role: 'cashier', by: ruth }))
  const pay = async (minor: bigint) => {
    orThrow(await world.key(minor))
    return ((await world.tap('anna')) as { transaction: string }).transaction
  }
  orThrow(await node.people.signOn('1', '1234'))
  const first = await pay(1250n)
  orThrow(await node.voidTransaction('v-1', first))
  orThrow(await node.people.signOn('2', '4711'))
  const second = await pay(12_999n)
  orThrow(await node.refundTransaction('r-1', second, amount(5_000n)))
  for (const minor of [350n, 990n, 1_000n, 5n]) await pay(minor)
  // One that is declined, and taken off the screen.
  await pay(15_001n)
  orThrow(await node.cancelSale(node.currentSale()?.sale as string))
  const log = { info: () => {}, error: (line: string) => console.error(line) }
  const pages = join(project, 'dist', 'web', 'terminal')
  served = await serve({ module: terminalModule(node), port: 0, host: '127.0.0.1', pages, log })
  browser = await openBrowser()
  till = await browser.open(served.url)
  await till.page.route('**/api/till', async route => {
    const response = await route.fetch()
    const answer = (await response.json()) as Till
    await route.fulfill({ response, json: { ...answer, ...change(answer) } })
  })
})
afterAll(async () => {
  await browser?.close()
  await served?.close()
  await world?.end()
})
afterEach(() => expect(browser.faults.splice(0)).toEqual([]))

/** The page as it is opened on such a till. */
const show = async (such: typeof change, language: Till['language'] = 'en') => {
  change = such
  world.till().paper.setLanguage(language)
  await till.page.reload()
  await eventually(() => till.page.getByTestId('waiting-count').count()).toBe(1)
}

it('says of each sale and of what was given back how far it has got, and that it is a test till', async () => {
  const states = ['recorded', 'queued', 'sent', 'accepted', 'held', 'refused'] as const
  const words = { held: 'More was given back than was paid.', refused: 'The centre does not take this payment.' }
  await show(({ recent, reversals }) => ({
    recent: recent.map((each, place) => {
      const state = states[place % states.length] as (typeof states)[number]
      const because =
        state === 'held' || state === 'refused'
          ? {
              because: {
                reason: 'PaymentMismatch',
                say: words[state],
                next: 'Ask the back office, with this receipt.',
              },
            }
          : {}
      return { ...each, state, ...because }
    }),
    reversals: reversals.map(each => ({ ...each, state: 'held' as const })),
  }))
  expect(await till.words('mode')).toBe('Test')
  const shown = await till.page.getByTestId('transaction-state').allInnerTexts()
  for (const word of ['Recorded', 'Queued', 'Sent', 'Accepted', 'Held', 'Refused']) expect(shown).toContain(word)
  await looksRight(till, 'till states')
})

it.each([
  [14, 14],
  [7, 5],
  [1, 1],
] as const)('warns at %i days of its certificate when %i are left', async (warning, daysLeft) => {
  await show(({ certificate }) => ({ certificate: { ...certificate, warning, daysLeft } }))
  expect(await till.words('certificate-ends')).toContain(daysLeft === 1 ? 'day' : `${daysLeft}`)
  await looksRight(till, `till certificate ${warning}`)
})

it('says that its clock is off, and by how much', async () => {
  await show(() => ({ skew_ms: 11 * 60_000 }))
  expect(await till.words('clock-off')).toMatch(/11 min/)
  await looksRight(till, 'till clock')
})

it('takes nothing while it is out of service, and says why in its language', async () => {
  const outOfService = {
    reason: 'TerminalSuspended',
    message: 'Das Büro hat diese Kasse gesperrt.',
    say: 'Diese Kasse ist gesperrt.',
    next: 'Das Büro fragen.',
  }
  await show(() => ({ outOfService }), 'de')
  expect(await till.words('out-of-service')).toContain('gesperrt')
  await looksRight(till, 'till out of service')
})

it.each(['en', 'de'] as const)(
  'shows the day by cashier, and a receipt of each kind with its code: %s',
  async language => {
    await show(() => ({}), language)
    await till.press('day')
    await eventually(() => till.page.getByTestId('shifts').count()).toBe(1)
    await looksRight(till, `till day ${language}`)
    await till.page.keyboard.press('Escape')
    for (const id of ['r-1', 'v-1']) {
      await till.press(`receipt-${id}`)
      await eventually(() => till.page.getByTestId('receipt-code').count()).toBe(1)
      await looksRight(till, `till receipt ${id} ${language}`)
      await till.page.keyboard.press('Escape')
      await eventually(() => till.page.getByTestId('receipt-code').count()).toBe(0)
    }
  },
)

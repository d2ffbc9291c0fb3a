import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import { chromium, type Page } from 'playwright-core'
import { expect } from 'vitest'
import { project } from '../machines/processes.ts'

/** Debian's Chromium, driven over its own debugging pipe: what a cashier, a payer and an accountant have before them. */

const executablePath = '/usr/bin/chromium'
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
/** Whoever waits longer for a page on one machine has found a fault. */
const patience_ms = 8000

export const eventually = <Answer>(look: () => Answer | Promise<Answer>) => expect.poll(look, { timeout: patience_ms })

export type Screen = {
  readonly page: Page
  /** The words of an element with this test id; of the first, where there are several. */
  words(testId: string): Promise<string>
  attribute(testId: string, name: string): Promise<string | null>
  press(testId: string): Promise<void>
}

export type Browser = Awaited<ReturnType<typeof openBrowser>>

export const openBrowser = async () => {
  if (!existsSync(executablePath))
    throw new Error(`There is no Chromium at ${executablePath}: apt-get install chromium`)
  // Its profile is an empty folder of its own, gone with it.
  const browser = await chromium.launch({ executablePath, args })
  const faults: string[] = []
  return {
    /** What no page may do: say an error, throw one, or ask another machine for something. */
    faults,
    /** A window of somebody's own, with no memory of any other's but the session that is handed to it. */
    open: async (url: string, cookie?: string): Promise<Screen> => {
      const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', colorScheme: 'light' })
      context.setDefaultTimeout(patience_ms)
      const { origin } = new URL(url)
      if (cookie !== undefined) {
        const [name = '', value = ''] = cookie.split(/=(.*)/s)
        await context.addCookies([{ name, value, url: origin, httpOnly: true, sameSite: 'Strict' }])
      }
      const page = await context.newPage()
      page.on('console', said => {
        if (said.type() === 'error' || said.type() === 'warning')
          faults.push(`${page.url()} said: ${said.text()} (${said.location().url})`)
      })
      page.on('pageerror', error => faults.push(`${page.url()} threw: ${error.message}`))
      page.on('request', asked => {
        if (!asked.url().startsWith(`${origin}/`) && !asked.url().startsWith('data:'))
          faults.push(`${page.url()} asked for ${asked.url()}`)
      })
      await page.goto(url)
      const at = (testId: string) => page.getByTestId(testId).first()
      return {
        page,
        words: testId => at(testId).innerText(),
        attribute: (testId, name) => at(testId).getAttribute(name),
        press: testId => at(testId).click(),
      }
    },
    close: () => browser.close(),
  }
}

/* ---- what a page looks like */

// All of axe's rules, with the one for the size of what is touched that it leaves off. In the dark nothing but colours
// is another.
const look = (scheme: 'light' | 'dark') => `axe.run(document, {
  ...(${scheme === 'dark'} ? { runOnly: ['color-contrast', 'link-in-text-block'] } : {}),
  rules: { 'target-size': { enabled: ${scheme === 'light'} } },
  resultTypes: ['violations'],
}).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
  nodes.map(({ target, failureSummary }) => id + ' at ' + target.join(' ') + ': ' + failureSummary)))`
// Nothing scrolls sideways, and no words are wider than what holds them, but for those that only a screen reader reads.
const overflow = `(() => {
  const { scrollWidth, clientWidth } = document.documentElement
  const cut = [...document.body.querySelectorAll('*')].filter(each => {
    const words = [...each.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim() !== '')
    return words && each.clientWidth > 1 && each.scrollWidth > each.clientWidth + 1
  })
  return [
    ...(scrollWidth <= clientWidth ? [] : [scrollWidth + ' px of content on ' + clientWidth + ' px']),
    ...cut.map(each => 'cut off: ' + each.textContent.slice(0, 60)),
  ]
})()`

// The page hears of another screen or scheme and renders anew, and its colours move there: axe looks when all stand.
const settled = (scheme: string) => `new Promise(settled => {
  const moving = () => document.documentElement.dataset.mantineColorScheme !== '${scheme}' ||
    document.getAnimations().some(each => each instanceof CSSTransition)
  let still = 0
  const wait = () => {
    still = moving() ? 0 : still + 1
    still > 1 ? settled() : requestAnimationFrame(wait)
  }
  wait()
})`

const sizes = [
  { width: 380, height: 720 },
  { width: 1280, height: 800 },
]

/** On a small and a wide screen, light and dark: nothing scrolls sideways and axe finds nothing. SHOTS keeps pictures. */
export const looksRight = async ({ page }: Screen, name: string): Promise<void> => {
  const shots = process.env['SHOTS']
  if (shots !== undefined) mkdirSync(shots, { recursive: true })
  const wrong: string[] = []
  await page.evaluate(`window.axe ?? (0, eval)(${JSON.stringify(axe.source)})`)
  for (const viewport of sizes) {
    await page.setViewportSize(viewport)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.evaluate(settled(colorScheme))
      const found = [
        ...(await page.evaluate<string[]>(overflow)),
        ...(await page.evaluate<string[]>(look(colorScheme))),
      ]
      wrong.push(...found.map(each => `${name}, ${viewport.width} px, ${colorScheme}: ${each}`))
      if (shots !== undefined)
        await page.screenshot({
          path: join(shots, `${name.replaceAll(' ', '-')}-${viewport.width}-${colorScheme}.png`),
        })
    }
  }
  await page.emulateMedia({ colorScheme: 'light' })
  expect(wrong).toEqual([])
}

/** `npm test` has built the pages; who runs this file alone may not have. */
export const buildPages = (): void => {
  if (existsSync(join(project, 'dist/web/terminal/index.html'))) return
  const { status, stderr } = spawnSync(process.execPath, ['apps/tally/build.mjs'], { cwd: project, encoding: 'utf8' })
  if (status !== 0) throw new Error(`The pages could not be built:\n${stderr}`)
}

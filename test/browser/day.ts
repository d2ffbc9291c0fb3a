import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { openStreet, type Street } from '../machines/street.ts'
import { type Browser, buildPages, openBrowser } from './chromium.ts'

/**
 * A day on a street, told in steps before a browser. Each step stands on the one before, so the first that fails breaks
 * the story off; and after none of them has a page said or done what it may not.
 */
export const dayOn = (
  asked: Parameters<typeof openStreet>[0],
  begin: (street: Street, browser: Browser) => Promise<void>,
): void => {
  let street: Street | undefined
  let browser: Browser | undefined
  let broken = ''

  beforeAll(async () => {
    buildPages()
    browser = await openBrowser()
    street = await openStreet(asked)
    await begin(street, browser)
  })
  beforeEach(({ task, onTestFailed }) => {
    if (broken) throw new Error(`The story broke off where it "${broken}".`)
    onTestFailed(() => {
      broken = task.name
      console.log(street?.said())
    })
  })
  afterEach(() => expect(browser?.faults.splice(0)).toEqual([]))
  afterAll(async () => {
    await browser?.close()
    await street?.close()
  })
}

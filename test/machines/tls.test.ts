import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, endOf, eventually, freePorts, program, run } from './processes.ts'
import { openStreet, type Street } from './street.ts'

/** The programs as they are started by hand, the centre with a certificate of its own. */

let street: Street
beforeAll(async () => {
  street = await openStreet({
    terminals: [{ id: 'T-1' }],
    accounts: [{ account: 'anna', limit: '50.00', allowance: '20.00' }],
    tls: true,
  })
})
afterAll(() => street?.close())

describe('a centre with TLS of its own', () => {
  it('enrols a terminal, licenses a phone, and books what was paid between them', async () => {
    expect(street.centre.url).toMatch(/^https:/)
    const till = street.till()
    await till.key('3.20')
    expect(await street.tap(street.phone(), till)).toMatchObject({ outcome: 'paid' })
    await till.sync()
    await eventually(async () => expect(await street.balance('anna')).toMatchObject({ owed: '3.20' }))
  })
  it('is not spoken to by a terminal that was told of no authority, which says what to do', async () => {
    const invited = await ask('POST', `${street.centre.url}/api/terminals`, { terminal: 'T-2', shop: 'corner-shop' })
    const args = [
      ...['--port', `${await freePorts()}`, '--data', street.place.folder('T-2'), '--radio', `${await freePorts()}`],
      ...['--centre', street.centre.url],
      ...['--enrol', String(invited['code']), '--root', String(invited['rootFingerprint'])],
    ]
    const terminal = run('T-2', program('dist/apps/terminal/main.js', args))
    const { code } = await endOf(terminal)
    expect(code).not.toBe(0)
    expect(terminal.said()).toMatch(/certificate/)
    expect(terminal.said()).toMatch(/NODE_EXTRA_CA_CERTS/)
  })
  it('does not answer who speaks to it without TLS, but says so', async () => {
    await expect(fetch(street.centre.url.replace('https:', 'http:'))).rejects.toThrow()
    expect(street.centre.running().said()).not.toMatch(/Error/)
  })
})

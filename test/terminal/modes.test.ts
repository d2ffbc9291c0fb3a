import { afterEach, beforeEach, expect, it } from 'vitest'
import { base64url, fromBase64url } from '#canonical/bytes'
import { issueCertificate, readCertificate } from '#license/certificate'
import { enrolWith } from '../../apps/terminal/enrol.ts'
import type { Identity } from '../../apps/terminal/ports.ts'
import { views } from '../../apps/terminal/views.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** Test and live are kept apart on a terminal's own disk, too: what does not belong together does not start. */

let world: World
beforeEach(async () => {
  world = await makeWorld({ seed: 'modes' })
  orThrow(await world.key(500n))
  await world.tap('anna')
})
afterEach(() => world.end())

/** The same terminal's certificate for live money; who signed it is no matter here. */
const liveCertificate = (certificate: string): string => {
  const said = readCertificate(fromBase64url(certificate))
  return base64url(issueCertificate(world.crypto, { ...said, mode: 'live' }, world.crypto.keyPair('P-256')))
}
const startWith = async (change: (identity: Identity) => Identity) => {
  const shop = world.shops.get('T-1') as { identity: Identity; store: { events: readonly unknown[] } }
  shop.identity = change(shop.identity)
  const before = shop.store.events.length
  const failed = await world.restartTerminal('T-1').then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(shop.store.events.length).toBe(before)
  return failed
}

it('a terminal starts again as what it was, and says so', async () => {
  expect(await startWith(identity => ({ ...identity }))).toBeUndefined()
  expect(views(world.till()).till().mode).toBe('test')
})

it('a log of test money is not gone on with under a live enrolment', async () => {
  const live = (identity: Identity): Identity => ({
    ...identity,
    mode: 'live',
    certificate: liveCertificate(identity.certificate),
  })
  expect(await startWith(live)).toMatchObject({
    code: 'ModesMixed',
    message: expect.stringMatching(/T-1 has a live certificate, and its log is test/),
  })
})

it('an enrolment of live money does not start under a test certificate', async () => {
  expect(await startWith(identity => ({ ...identity, mode: 'live' }))).toMatchObject({
    code: 'ModesMixed',
    message: expect.stringMatching(/test certificate, and its enrolment is live/),
  })
})

it('a centre that says one and certifies the other enrols nobody', async () => {
  const by = 'operator:test'
  const node = world.centre()
  const { code, rootFingerprint } = orThrow(await node.inviteTerminal({ terminal: 'T-9', shop: 's-1', by }))
  const answered = enrolWith(world.crypto, code, rootFingerprint, async request => ({
    ...orThrow(await node.enrol(request)),
    mode: 'live',
  }))
  await expect(answered).rejects.toMatchObject({
    code: 'EnrolmentFailed',
    message: expect.stringContaining('is for test'),
  })
})

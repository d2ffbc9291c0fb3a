import { expect, it } from 'vitest'
import type { Event } from '#canonical/event'
import { memoryStore } from '#eventstore/memory'
import { verdicts } from '#evidence/verdicts'
import { accountOpened, crypto, granted, hash, writer } from '../trade.ts'

/** What the reactor that judges knows of an account, where others than itself moved it. */
const at = '2026-11-23T10:00:00.000Z'
const key = new Uint8Array(32)

it('a part set aside that two people set free is available to the next verdict', async () => {
  const store = memoryStore(() => at)
  const write = writer(store)
  const [payment, place] = [
    hash('p-1'),
    { merchant: 'm-1', shop: 's-1', terminal: 'T-1', transaction: hash('t').slice(0, 32) },
  ]
  const aside = { payment, event: 'e-1', account: 'acc-1', license: 'l-1', currency: 'EUR', amount: '400' }
  await write('account-acc-1', at, accountOpened('acc-1', '1000'))
  await write('account-acc-1', at, granted('acc-1', 'l-1', '1000'))
  await write('merchant-m-1', at, {
    type: 'MerchantTermsSet',
    data: { merchant: 'm-1', version: 1, feeBasisPoints: 0, taxBasisPoints: 0, returnsFee: true },
  })
  await write(`payment-${payment}`, at, {
    type: 'PaymentUnclaimed',
    data: { ...aside, card: 'card-1', gross: '400', ...place },
  })
  await write(`payment-${payment}`, at, { type: 'UnclaimedReleased', data: { ...aside, why: 'HeldPaymentDecided' } })

  const tacMaster = { id: 'tac-1', key }
  const keys = { root: { publicKey: key }, tacMaster, later: { tacMasters: [] } }
  const reactor = verdicts({ store, crypto, keys, salt: () => 'c2FsdHNhbHRzYWx0c2FsdA' })
  // Its own verdicts it knows as it makes them; here others wrote all of it.
  for await (const page of store.readAll({ from: 0 }))
    for (const { type, text } of page)
      if (reactor.wants(type) || type === 'PaymentUnclaimed') await reactor.handle(JSON.parse(text) as Event)
  expect(reactor.figuresFor('acc-1', 'l-1', 'm-1', 'EUR', at)).toMatchObject({ holdLeft: 600n, available: 400n })
})

it.each([
  [3, '2027-02-21T11:00:00.000Z', 'the late term of its license is over'],
  [4, '2026-11-23T11:00:00.000Z', 'every terminal has told all that it took by the end of its license'],
])('under version %i of the rule a hold ends at %s: %s', async (version, ends, why) => {
  const store = memoryStore(() => at)
  const write = writer(store)
  await write('verdict-rule', at, { type: 'VerdictRuleAdopted', data: { version } })
  await write('account-acc-1', at, accountOpened('acc-1', '1000'))
  await write('account-acc-1', at, granted('acc-1', 'l-1', '1000'))
  const said = { license: 'l-1', account: 'acc-1', card: '9250000000000017', currency: 'EUR', allowance: '1000' }
  const expires = '2026-11-23T10:30:00.000Z'
  const issued = { ...said, document: 'AAAA', publicKey: 'AAAA', expires }
  await write('license-l-1', at, { type: 'LicenseIssued', data: issued })
  const hour_ms = 3_600_000
  for (let at_ms = Date.parse(at); at_ms <= Date.parse('2027-02-22T00:00:00.000Z'); at_ms += hour_ms) {
    const instant = new Date(at_ms).toISOString()
    await write('calendar', instant, { type: 'HourStruck', data: { instant } })
  }
  const keys = { root: { publicKey: key }, tacMaster: { id: 'tac-1', key }, later: { tacMasters: [] } }
  const reactor = verdicts({ store, crypto, keys, salt: () => 'c2FsdHNhbHRzYWx0c2FsdA' })
  for (const { type, text } of [...store.events])
    if (reactor.wants(type)) await reactor.handle(JSON.parse(text) as Event)
  const released = store.events
    .filter(({ type }) => type === 'AllowanceReleased')
    .map(({ text }) => JSON.parse(text) as Event<{ amount: string; why: string }>)
  expect(released.map(({ at, data }) => [at, data.amount, data.why])).toEqual([[ends, '1000', why]])
})

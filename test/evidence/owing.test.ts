import { expect, it } from 'vitest'
import type { Event } from '#canonical/event'
import { memoryStore } from '#eventstore/memory'
import { owing } from '#evidence/owing'
import type { PaymentEvent } from '#payment/events'
import { crypto, writer } from '../trade.ts'

/** A merchant goes 5.00 below zero on the first day; its terms give it 30 days where they say nothing. */
const day = (day: number) => new Date(Date.UTC(2026, 0, day, 9)).toISOString()
const [refunded, sold] = ['aa', 'bb'].map(octet => octet.repeat(32)) as [string, string]
const place = { merchant: 'm-1', shop: 's-1', terminal: 'T-1', transaction: '0f'.repeat(16) }
const dates = {
  occurred: { at: day(1), after: day(1), before: day(1) },
  businessDate: '2026-01-01',
  bookingDate: '2026-01-01',
}
const givenBack: PaymentEvent = {
  type: 'ReversalHeld',
  data: {
    reversal: 'r-1',
    payment: refunded,
    event: 'e-1',
    kind: 'refund',
    ...place,
    amount: '500',
    currency: 'EUR',
    ...dates,
    reason: 'RefundWithoutOriginal',
  },
}
const sale = (gross: string, fee: string): PaymentEvent => ({
  type: 'PaymentAccepted',
  data: {
    payment: sold,
    event: 'e-2',
    account: 'anna',
    license: 'l-1',
    card: '9250000000000017',
    ...place,
    currency: 'EUR',
    gross,
    within: gross,
    excess: '0',
    excessOwner: null,
    fee,
    tax: '0',
    termsVersion: 1,
    returnsFee: true,
    ...dates,
    exceptions: [],
    rule: 3,
  },
})

/** What is told on day 32, where this sale came on day 20. */
const toldAfter = async (gross: string, fee: string): Promise<string[]> => {
  const store = memoryStore(() => day(40))
  const write = writer(store)
  await write(`payment-${refunded}`, day(1), givenBack)
  await write(`payment-${sold}`, day(20), sale(gross, fee))
  await write('calendar', day(32), { type: 'HourStruck', data: { instant: day(32) } })
  const reactor = owing({ store, crypto, salt: () => 'c2FsdHNhbHRzYWx0c2FsdA' })
  for (const { type, text } of [...store.events]) if (reactor.wants(type)) await reactor.handle(JSON.parse(text))
  return store.events
    .filter(({ type }) => type === 'ExceptionRaised')
    .map(({ text }) => (JSON.parse(text) as Event<{ amount: string }>).data.amount)
}

it('a merchant below zero for its days is told of', async () => expect(await toldAfter('100', '0')).toEqual(['400']))
it('a sale that makes it good ends that', async () => expect(await toldAfter('520', '20')).toEqual([]))
it('a sale that its own fee takes below zero again does not', async () =>
  expect(await toldAfter('510', '20')).toEqual(['10']))

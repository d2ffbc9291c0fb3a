import { type Act, chain, type Event, type Fact, type Vocabulary } from '#canonical/event'
import { type EventStore, readLast } from '#eventstore'
import { noSkips, project } from '#eventstore/follower'
import { memoryStore } from '#eventstore/memory'
import { memoryRows } from '#eventstore/memory/rows'
import type { Projection, Rows } from '#eventstore/rows'
import { type TradeEvent, tradeWords } from '#ledger/vocabulary'
import { nodeCrypto } from '#machine/crypto'
import type { DataOf } from '#payment/events'

/** A small trade, written fact by fact, for tests of what is folded from it. Times and ids can be foretold. */

export const crypto = nodeCrypto()

export const hash = (name: string): string => Buffer.from(crypto.sha256(name)).toString('hex')
/** A transaction's id from a short name. */
export const transaction = (name: string): string => hash(name).slice(0, 32)

export const writer = (store: EventStore, words: Vocabulary = tradeWords) => {
  let acts = 0
  return async (stream: string, at: string, ...facts: readonly Fact[]): Promise<Event[]> => {
    const last = await readLast(store, stream)
    const link = last && (JSON.parse(last.text) as Event)
    acts += 1
    const id = `00000000-0000-7000-8000-${acts.toString(16).padStart(12, '0')}`
    const act: Act = { id, at, by: 'test', correlation: id, causation: id }
    const written = chain(crypto, words, stream, link, facts, act, () => 'c2FsdHNhbHRzYWx0c2FsdA')
    await store.append(
      stream,
      link?.revision ?? 'NoStream',
      written.map(({ event: { id, type }, text }) => ({ id, type, text })),
    )
    return written.map(({ event }) => event)
  }
}

/** Rows of some projections, folded from all that a store holds. */
export const folded = async (store: EventStore, projections: readonly Projection[], rows: Rows = memoryRows()) => {
  const stop = new AbortController()
  await project({
    store,
    rows,
    projections,
    skips: noSkips,
    signal: stop.signal,
    pageSize: 7,
    onStopped: fault => {
      throw fault
    },
    onProgress: ({ caughtUp }) => {
      if (caughtUp) stop.abort()
    },
  })
  return rows
}

/** A log whose writer takes the trade's own facts. */
export const log = () => {
  const store = memoryStore(() => '2026-11-23T20:00:00.000Z')
  const write = writer(store)
  return { store, write: (stream: string, at: string, ...facts: readonly TradeEvent[]) => write(stream, at, ...facts) }
}

const place = { merchant: 'm-1', shop: 's-1', terminal: 'T-1' }

export const accountOpened = (account: string, limit: string, currency = 'EUR'): TradeEvent => ({
  type: 'AccountOpened',
  data: { account, currency, limit },
})
export const granted = (account: string, license: string, amount: string): TradeEvent => ({
  type: 'AllowanceGranted',
  data: { account, license, amount, currency: 'EUR', owed: '0', inDispute: '0', drawn: '0', knownAt: 0 },
})
export const repaid = (account: string, amount: string): TradeEvent => ({
  type: 'RepaymentReceived',
  data: { account, repayment: `r-${amount}`, amount, currency: 'EUR', source: 'bank' },
})

/** An instant and the hour when the centre had it; the day is that of the instant. */
export const when = (at: string, before = at, after = at) => ({
  occurred: { at, after, before },
  businessDate: at.slice(0, 10),
  bookingDate: before.slice(0, 10),
})

type Accepted = DataOf<'PaymentAccepted'>
export const accepted = (
  name: string,
  gross: string,
  dates: ReturnType<typeof when>,
  other: Partial<Accepted> = {},
): TradeEvent => ({
  type: 'PaymentAccepted',
  data: {
    payment: hash(name),
    event: `e-${name}`,
    account: 'acc-1',
    license: 'l-1',
    card: '9250000000000017',
    ...place,
    transaction: transaction(name),
    currency: 'EUR',
    gross,
    within: gross,
    excess: '0',
    excessOwner: null,
    fee: '0',
    tax: '0',
    termsVersion: 1,
    returnsFee: true,
    ...dates,
    exceptions: [],
    rule: 1,
    ...other,
  },
})

export const held = (name: string, gross: string, dates: ReturnType<typeof when>): TradeEvent => ({
  type: 'PaymentHeld',
  data: {
    payment: hash(name),
    event: `e-${name}`,
    account: 'acc-1',
    license: 'l-1',
    card: '9250000000000017',
    ...place,
    transaction: transaction(name),
    currency: 'EUR',
    gross,
    ...dates,
    reason: 'SealInvalid',
    checks: [],
    rule: 1,
  },
})

export const decided = (
  name: string,
  bears: 'payer' | 'merchant' | 'operator',
  gross: string,
  dates: ReturnType<typeof when>,
): TradeEvent => ({
  type: 'HeldPaymentDecided',
  data: {
    payment: hash(name),
    bears,
    operators: ['anna', 'ben'],
    reason: 'looked at',
    account: 'acc-1',
    license: 'l-1',
    ...place,
    transaction: transaction(name),
    currency: 'EUR',
    gross,
    within: '0',
    excess: bears === 'payer' ? gross : '0',
    excessOwner: bears === 'payer' ? 'operator' : null,
    fee: '0',
    tax: '0',
    termsVersion: 1,
    returnsFee: true,
    ...dates,
  },
})

export const givenBack = (
  name: string,
  amount: string,
  dates: ReturnType<typeof when>,
  back: { feeBack: string; taxBack: string } = { feeBack: '0', taxBack: '0' },
): TradeEvent => ({
  type: 'ReversalAccepted',
  data: {
    reversal: `r-${name}-${amount}`,
    payment: hash(name),
    event: `e-r-${name}`,
    kind: 'refund',
    ...place,
    transaction: transaction(name),
    account: 'acc-1',
    amount,
    currency: 'EUR',
    ...dates,
    ...back,
  },
})

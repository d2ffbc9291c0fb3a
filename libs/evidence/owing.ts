import { hex } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import type { Act, Event } from '#canonical/event'
import { idOf } from '#canonical/ids'
import type { EventStore } from '#eventstore'
import { postingsOf } from '#ledger'
import { tradeWords, understood } from '#ledger/vocabulary'
import { formatAmount } from '#money'
import { type ExceptionEvent, exceptionWords } from '#reconciliation/events'
import { owesAfterDays } from '#settlement/merchant'
import { NewerThanKnown } from './held.ts'
import { begin } from './reaction.ts'

/**
 * The reactor that tells of merchants who owe us: refunds and fees may take one below zero, and its next sales make that
 * good. What they have not made good after the days of its terms is told, on the hour; once for each time it went below.
 */
export const owingBy = 'reactor:owing'
const day_ms = 86_400_000

type Parts = {
  readonly store: Pick<EventStore, 'append'>
  readonly crypto: Crypto
  readonly salt: (eventId: string) => string
}

/** A merchant in one currency, below zero since this event. */
type Owing = { readonly merchant: string; readonly currency: string; readonly since: Event; told: boolean }

const moving = new Set<string>(['MerchantTermsSet', 'HourStruck'])
for (const [type, { money }] of Object.entries(tradeWords)) if (money) moving.add(type)

export const owing = ({ store, crypto, salt }: Parts) => {
  const balances = new Map<string, bigint>()
  const days = new Map<string, number>()
  const below = new Map<string, Owing>()

  const move = (merchant: string, currency: string, by: bigint, event: Event): void => {
    const key = `${merchant}|${currency}`
    const is = (balances.get(key) ?? 0n) + by
    balances.set(key, is)
    if (is >= 0n) below.delete(key)
    else if (!below.has(key)) below.set(key, { merchant, currency, since: event, told: false })
  }

  const strike = async (hour: Event, instant: string): Promise<void> => {
    for (const [key, one] of below) {
      const { merchant, since, told } = one
      const term_ms = (days.get(merchant) ?? owesAfterDays) * day_ms
      if (told || Date.parse(instant) < Date.parse(since.at) + term_ms) continue
      await raise(one, -(balances.get(key) ?? 0n), hour)
      one.told = true
    }
  }

  const raise = async ({ merchant, currency, since }: Owing, amount: bigint, hour: Event): Promise<void> => {
    const of = [merchant, currency, since.id].join('\n')
    const key = `MerchantOwes-${hex(crypto.sha256(of)).slice(0, 32)}`
    const stream = `exception-${key}`
    const act: Act = {
      id: idOf(crypto, hour.id, owingBy, key),
      at: hour.at,
      by: owingBy,
      correlation: hour.correlation,
      causation: hour.id,
    }
    const message = `Merchant ${merchant} owes us ${formatAmount(amount, currency)} ${currency} and has been below zero since ${since.at}: have it paid in, or write it off.`
    const about = { amount: amount.toString(), currency, concerns: [merchant, since.id], message }
    const fact: ExceptionEvent = { type: 'ExceptionRaised', data: { key, kind: 'MerchantOwes', ...about } }
    // Another node may have been faster, or this one before a restart.
    await begin({ store, crypto, salt }, { stream, words: exceptionWords, act }, fact)
  }

  return {
    name: 'owing',
    wants: (type: string): boolean => moving.has(type),
    handle: async (told: Event): Promise<void> => {
      const event = understood(told)
      if (!event) {
        if (!told.stream.startsWith('terminal-')) throw new NewerThanKnown(told)
        return
      }
      if (event.type === 'HourStruck') return strike(event, event.data.instant)
      if (event.type === 'MerchantTermsSet') {
        if (event.data.owesAfterDays !== undefined) days.set(event.data.merchant, event.data.owesAfterDays)
        return
      }
      // The sum of an event first: a sale that its own fee takes below zero again has made nothing good.
      const sums = new Map<string, { readonly merchant: string; readonly currency: string; readonly sum: bigint }>()
      for (const { account, currency, side, amount } of postingsOf(event)) {
        if (!account.startsWith('merchant:')) continue
        const [merchant, key] = [account.slice('merchant:'.length), `${account}|${currency}`]
        const sum = (sums.get(key)?.sum ?? 0n) + (side === 'credit' ? amount : -amount)
        sums.set(key, { merchant, currency, sum })
      }
      for (const { merchant, currency, sum } of sums.values()) move(merchant, currency, sum, event)
    },
  }
}

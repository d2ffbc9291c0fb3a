import { licenseWords, type Testified } from '#account/licensing'
import { fromBase64url } from '#canonical/bytes'
import { type Check, failed } from '#canonical/check'
import type { Crypto } from '#canonical/crypto'
import type { Event } from '#canonical/event'
import type { EventStore } from '#eventstore'
import { type License, readLicense } from '#license'
import { checkTac } from '#license/checks'
import type { Payment } from '#license/payment'
import { type Amount, formatAmount, minorUnits } from '#money'
import type { PaymentCommand } from '#payment'
import type { PaymentEvent } from '#payment/events'
import type { Dates, Figures } from '#payment/shares'
import { readKnown } from './held.ts'
import { checkTold } from './testimony.ts'

/**
 * What phones told of, as far as no terminal brought it. With the terminal's receipt, or once that terminal is declared
 * lost, a payment is judged from the phone's copy; until then its part of the hold is set aside, and someone is told. It
 * posts once, whichever way it came first.
 */

type Cause = Event
export type Settle = (
  command: PaymentCommand & { readonly payment: string },
  cause: Cause,
  because: Cause,
  step?: string,
) => Promise<readonly (Event & PaymentEvent)[]>

export type Follow = (events: readonly (Event & PaymentEvent)[], cause: Cause, because: Cause) => Promise<void>

export type Terminal = {
  readonly terminal: string
  readonly merchant: string
  readonly shop: string
  readonly terminalKey: Uint8Array
}

/** What the reactor that judges lends for it. */
type Lent = {
  readonly store: Pick<EventStore, 'read'>
  readonly crypto: Crypto
  readonly tacKeyFor: (license: License) => Uint8Array
  readonly settle: Settle
  readonly follow: Follow
  readonly raise: (
    kind: 'UndeliveredPayment' | 'UnclaimedPayment',
    of: readonly string[],
    about: {
      readonly amount: bigint
      readonly currency: string
      readonly concerns: string[]
      readonly message: string
    },
    cause: Cause,
    because: Cause,
  ) => Promise<void>
  /** Closes what was raised of this payment. */
  readonly resolve: (
    kind: 'UndeliveredPayment' | 'UnclaimedPayment',
    of: readonly string[],
    why: string,
    cause: Cause,
    because: Cause,
  ) => Promise<void>
  /** The license's counters are known so far. */
  readonly came: (payment: Payment, isAccepted: boolean, cause: Cause, because: Cause) => Promise<void>
  readonly terminalOf: (terminal: string) => Terminal | undefined
  readonly figuresFor: (
    account: string,
    license: string,
    merchant: string,
    currency: string,
    occurredAt: string,
  ) => Figures
  /** The checks that rest on what else the log says: the account's standing, the counter. */
  readonly checkKnown: (account: string, license: string, payment: Payment, hash: string, occurredAt: string) => Check[]
  readonly rule: () => number
}

/** One payment that a phone told of and that holds so far as its octets go. */
type Told = {
  readonly testified: Testified
  readonly account: string
  readonly license: License
  readonly payment: Payment
  readonly who: Terminal
  readonly dates: Dates
  /** The event in which the phone told of it. */
  readonly testimony: string
}

export const testifiedPayments = (lent: Lent) => {
  const { store, crypto, tacKeyFor, settle, follow, raise, resolve, came, terminalOf, figuresFor, checkKnown, rule } =
    lent
  /** By terminal, and in it by transaction: what it may bring still. */
  const waiting = new Map<string, Map<string, Told>>()
  const lost = new Set<string>()
  /** Transactions of which their terminal's log says that it recorded none and never will. */
  const ended = new Map<string, string>()
  /** Judged from the phone's copy: the terminal may bring it once more, and that is no second record. */
  const fromPhone = new Set<string>()
  /** Their terminals' logs say that they will not come. */
  const unclaimed = new Set<string>()

  const testified = async (event: Event<{ license: string; account: string; payments: readonly Testified[] }>) => {
    const { license: id, account, payments } = event.data
    const { events } = await readKnown(store, `license-${id}`, licenseWords)
    const issued = events.find(each => each.type === 'LicenseIssued')
    if (issued?.type !== 'LicenseIssued') return
    const license = readLicense(fromBase64url(issued.data.document))
    for (const told of payments) await tell(told, { license, account, issuedAt: issued.at }, event)
  }

  const tell = async (
    told: Testified,
    { license, account, issuedAt }: { license: License; account: string; issuedAt: string },
    event: Event,
  ): Promise<void> => {
    const who = terminalOf(told.terminal)
    if (!who) return
    const { payment, hash, receipt } = checkTold(crypto, octetsOf(told), { license, terminalKey: who.terminalKey })
    // It was checked when it was taken; a log that says otherwise says nothing.
    if (!payment || hash !== told.payment) return
    const one: Told = {
      testified: told,
      account,
      license,
      payment,
      who,
      dates: datesOf(payment, issuedAt, event.at),
      testimony: event.id,
    }
    if (receipt || lost.has(told.terminal)) return judge(one, event)
    await came(payment, false, event, event)
    const { terminal, transaction, currency, amount } = told
    const { holdLeft } = figuresOf(one)
    const set = await settle(
      {
        type: 'SetAside',
        payment: hash,
        event: event.id,
        account,
        license: license.id,
        card: license.card,
        currency,
        gross: payment.amount,
        holdLeft,
        ...placeOf(one),
      },
      event,
      event,
    )
    await follow(set, event, event)
    if (set.length === 0) return
    const why = ended.get(`${terminal} ${transaction}`)
    if (why !== undefined) return release(one, why, event, event)
    const those = waiting.get(terminal) ?? new Map<string, Told>()
    waiting.set(terminal, those.set(transaction, one))
    const message = `A phone paid ${inWords(minorUnits(amount), currency)} to terminal ${terminal} in transaction ${transaction}, and the terminal has not brought it: have it sync, or declare it lost.`
    const concerns = [hash, transaction, terminal]
    await raise('UndeliveredPayment', [hash], { amount: payment.amount, currency, concerns, message }, event, event)
  }

  const figuresOf = ({ account, license, who, testified, dates }: Told): Figures =>
    figuresFor(account, license.id, who.merchant, testified.currency, dates.occurred.at)

  const placeOf = ({ who: { terminal, merchant, shop }, testified: { transaction } }: Told) => ({
    merchant,
    shop,
    terminal,
    transaction,
  })

  const judge = async (one: Told, because: Event): Promise<void> => {
    const { testified, account, license, payment, who, dates } = one
    const { terminalKey } = who
    const { checks } = checkTold(crypto, octetsOf(testified), { license, terminalKey })
    const events = await settle(
      {
        type: 'Judge',
        payment: testified.payment,
        event: one.testimony,
        account,
        license: license.id,
        card: license.card,
        currency: testified.currency,
        gross: payment.amount,
        checks: [
          ...checks,
          checkTac(crypto, payment, tacKeyFor(license)),
          ...checkDates(payment, license),
          ...checkKnown(account, license.id, payment, testified.payment, dates.occurred.at),
        ],
        signatureChecked: true,
        rule: rule(),
        via: 'phone',
        ...placeOf(one),
        ...dates,
        bookingDate: because.at.slice(0, 10),
        ...figuresOf(one),
      },
      because,
      because,
    )
    if (events.length > 0) fromPhone.add(testified.payment)
    await follow(events, because, because)
    await came(payment, isAccepted(events), because, because)
    if (waiting.get(testified.terminal)?.delete(testified.transaction))
      await resolve('UndeliveredPayment', [testified.payment], 'judged by the phone’s word', because, because)
  }

  const release = async ({ testified }: Told, why: string, cause: Event, because: Event): Promise<void> => {
    const { payment, terminal, transaction, currency, amount } = testified
    const freed = await settle({ type: 'SetFree', payment, event: cause.id, why }, cause, because, 'free')
    await follow(freed, cause, because)
    const message = `A phone paid ${inWords(minorUnits(amount), currency)} to terminal ${terminal} in transaction ${transaction}, and the terminal's log says that it recorded none (${why}): the credit is free again; the goods may be out.`
    const about = { amount: minorUnits(amount), currency, concerns: [payment, transaction, terminal], message }
    await raise('UnclaimedPayment', [payment], about, cause, because)
    unclaimed.add(payment)
  }

  return {
    testified,
    /** A terminal is declared lost: what phones paid there comes home by their word, in the order they gave it. */
    lost: async (event: Event<{ terminal: string }>): Promise<void> => {
      const { terminal } = event.data
      lost.add(terminal)
      for (const one of [...(waiting.get(terminal)?.values() ?? [])]) await judge(one, event)
    },
    /** A terminal's log says that a transaction ended without a payment. */
    ended: async (terminal: string, transaction: string, why: string, cause: Event, because: Event): Promise<void> => {
      ended.set(`${terminal} ${transaction}`, why)
      const one = waiting.get(terminal)?.get(transaction)
      if (!one) return
      waiting.get(terminal)?.delete(transaction)
      await release(one, why, cause, because)
      await resolve('UndeliveredPayment', [one.testified.payment], 'its terminal recorded none', cause, because)
    },
    /** A terminal brought this payment. True where the phone's copy was judged before it: said once. */
    brought: async (
      { terminal, transaction, payment }: Pick<Testified, 'terminal' | 'transaction' | 'payment'>,
      cause: Event,
      because: Event,
    ): Promise<boolean> => {
      const told = waiting.get(terminal)?.get(transaction)
      waiting.get(terminal)?.delete(transaction)
      const why = 'its terminal has brought it'
      if (told?.testified.payment === payment) await resolve('UndeliveredPayment', [payment], why, cause, because)
      if (unclaimed.delete(payment)) await resolve('UnclaimedPayment', [payment], why, cause, because)
      return fromPhone.delete(payment)
    },
  }
}

export const isAccepted = (events: readonly PaymentEvent[]): boolean =>
  events.some(({ type }) => type === 'PaymentAccepted')

const octetsOf = ({ signed, getRequest, getResponse, put, receipt }: Testified) => ({
  signed: fromBase64url(signed),
  getRequest: fromBase64url(getRequest),
  getResponse: fromBase64url(getResponse),
  put: fromBase64url(put),
  ...(receipt === undefined ? {} : { receipt: fromBase64url(receipt) }),
})

/** The phone's own time, held between the license's issue and the moment it told of it. */
const datesOf = (payment: Payment, after: string, before: string): Dates => {
  const said = new Date(Math.min(payment.time, 253_402_300_799) * 1000).toISOString()
  const at = said > before ? before : said < after ? after : said
  return { occurred: { at, after, before }, businessDate: at.slice(0, 10), bookingDate: before.slice(0, 10) }
}

/** A license pays while it runs. */
const checkDates = ({ time }: Payment, { notBefore, expires }: License): Check[] => {
  const [expected, found] = [`from ${notBefore} and before ${expires}`, `${time}`]
  if (time >= expires) return [failed('license dates', 'LicenseExpired', expected, found)]
  return time < notBefore ? [failed('license dates', 'LicenseNotYetValid', expected, found)] : []
}

const inWords = (amount: Amount, currency: string): string => `${formatAmount(amount, currency)} ${currency}`

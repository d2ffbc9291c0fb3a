import { account as accountDecider } from '#account'
import type { AllowanceCommand } from '#account/allowance'
import { type AccountEvent, accountWords } from '#account/events'
import { isRefusal } from '#canonical/decider'
import type { Act, Event } from '#canonical/event'
import { idOf } from '#canonical/ids'
import type { TradeEvent } from '#ledger/vocabulary'
import { amount, minorUnits } from '#money'
import type { completeness } from './complete.ts'
import { react, type Writing } from './reaction.ts'

/**
 * What becomes of a hold when its license's time and its late term are over: on the first hour after, what no payment
 * drew from it is released; and before that as soon as every terminal has told all that it took by the license's end. It is a part of the reactor that judges, for both decide on one hold: in that one order a
 * payment that was judged before has drawn, and one that comes after finds nothing left.
 */

const day_ms = 86_400_000
const hour_ms = 3_600_000
/** Where a grant says nothing: payments that were made while a license stood may come in so long after its time. */
const defaultTermDays = 90

type Parts = Writing & {
  /** In whose name it is written. */
  readonly by: string
  /** What is left of a license's hold in the reactor's order. */
  readonly holdLeft: (license: string, currency: string) => bigint
  /** How far the terminals' logs are told. */
  readonly complete: Pick<ReturnType<typeof completeness>, 'heldBackBefore' | 'open'>
}

type Released = Event & AccountEvent
type Freed = Event<{ readonly account: string; readonly license: string; readonly currency: string }>
type Tell = (event: Released) => void

type Hold = {
  readonly account: string
  readonly currency: string
  readonly granted: bigint
  readonly term_ms: number
  freed: bigint
  due_ms: number
  /** When its license was issued, and the hour on which that is over. */
  issued_ms: number
  ends_ms: number
}
/** Licenses that are over on one hour, and when the newest of them was issued. */
type Ended = { readonly licenses: Set<string>; newest_ms: number }

export const releases = ({ store, crypto, salt, by, holdLeft, complete }: Parts) => {
  const holds = new Map<string, Hold>()
  /** Licenses by the hour on which they are due; one whose time was set anew stands under both. */
  const due = new Map<number, Set<string>>()
  /** Those that ran or run, by the hour on which they end. */
  const ended = new Map<number, Ended>()
  let struck_ms = Number.NEGATIVE_INFINITY

  const dueAt = (license: string, hold: Hold, at_ms: number): void => {
    const ends_ms = Math.ceil(at_ms / hour_ms) * hour_ms
    hold.due_ms = Math.max(ends_ms, struck_ms + hour_ms)
    due.set(hold.due_ms, (due.get(hold.due_ms) ?? new Set()).add(license))
  }

  const endsAt = (license: string, hold: Hold, issued_ms: number, expires_ms: number): void => {
    hold.issued_ms = issued_ms
    hold.ends_ms = Math.ceil(expires_ms / hour_ms) * hour_ms
    const those = ended.get(hold.ends_ms) ?? { licenses: new Set(), newest_ms: issued_ms }
    those.newest_ms = Math.max(those.newest_ms, issued_ms)
    ended.set(hold.ends_ms, { ...those, licenses: those.licenses.add(license) })
  }

  const letGo = (license: string, hold: Hold): void => {
    holds.delete(license)
    const those = ended.get(hold.ends_ms)
    those?.licenses.delete(license)
    if (those?.licenses.size === 0) ended.delete(hold.ends_ms)
  }

  const learn = (event: Event & TradeEvent): void => {
    switch (event.type) {
      case 'AllowanceGranted': {
        const { license, account, currency, termDays = defaultTermDays } = event.data
        const granted = minorUnits(event.data.amount)
        const of = { account, currency, granted, term_ms: termDays * day_ms }
        const hold = { ...of, freed: 0n, due_ms: 0, issued_ms: 0, ends_ms: 0 }
        holds.set(license, hold)
        // A license that is never issued holds nothing longer than its late term.
        dueAt(license, hold, Date.parse(event.at) + hold.term_ms)
        return
      }
      case 'LicenseIssued': {
        const hold = holds.get(event.data.license)
        if (!hold) return
        const expires_ms = Date.parse(event.data.expires)
        dueAt(event.data.license, hold, expires_ms + hold.term_ms)
        endsAt(event.data.license, hold, Date.parse(event.at), expires_ms)
        return
      }
      case 'AllowanceReleased': {
        const { license, keeps, amount } = event.data
        const hold = holds.get(license)
        if (hold && keeps) hold.freed += minorUnits(amount)
        else if (hold) letGo(license, hold)
        return
      }
      default:
        return
    }
  }

  /** What is over by this hour, and what no terminal can bring a payment of any more. */
  const allTold = (at_ms: number): string[] => {
    const open = complete.open()
    const told: string[] = []
    for (const [ends_ms, { licenses, newest_ms }] of ended) {
      if (ends_ms > at_ms) continue
      const before_ms = complete.heldBackBefore(ends_ms)
      // As a rule one silent terminal holds all of them back.
      if (newest_ms < before_ms) continue
      for (const license of licenses)
        if ((holds.get(license)?.issued_ms ?? 0) >= before_ms && !open.has(license)) told.push(license)
    }
    return told
  }

  /** Releases what is due by this hour; tells of each at once, for the next rests on it. */
  const strike = async (hour: Event, instant: string, tell: Tell, isEarly: boolean): Promise<void> => {
    const at_ms = Date.parse(instant)
    // Hours follow one another; before the first that is known here, and after a gap, all that has passed is due.
    const hours = at_ms === struck_ms + hour_ms ? [at_ms] : [...due.keys()].filter(each => each <= at_ms)
    for (const each of hours.sort((a, b) => a - b))
      for (const license of due.get(each) ?? []) {
        const hold = holds.get(license)
        if (hold?.due_ms !== each) continue
        const event = await release(license, hold, hour, 'the late term of its license is over')
        if (event) tell(event)
      }
    for (const license of isEarly ? allTold(at_ms) : []) {
      const why = 'every terminal has told all that it took by the end of its license'
      const event = await release(license, holds.get(license) as Hold, hour, why)
      if (event) tell(event)
    }
    // After the last append: an hour that was cut short is struck again, whole.
    for (const each of hours) due.delete(each)
    struck_ms = at_ms
  }

  const release = (license: string, hold: Hold, hour: Event, why: string): Promise<Released | undefined> => {
    const { account, currency, granted, freed } = hold
    const drawn = amount(granted - freed - holdLeft(license, currency))
    // Where it was given back before, by whoever had granted it, nothing follows.
    return order({ type: 'ReleaseAllowance', account, license, drawn, why }, hour)
  }

  /**
   * A renewal frees what its phone says is left, and knows of the payments that were judged. One that was on its way to
   * its verdict then has drawn the same credit, if the phone was set back or there are two: it is held again.
   */
  const cover = async ({ data, ...freed }: Freed): Promise<Released | undefined> => {
    const { account, license, currency } = data
    const left = holdLeft(license, currency)
    if (left >= 0n) return undefined
    const why = 'its phone had spent what it said it had left'
    return order({ type: 'CoverAllowance', account, license, overdrawn: amount(-left), why }, freed)
  }

  const order = async (command: AllowanceCommand, cause: Omit<Event, 'data'>): Promise<Released | undefined> => {
    const { account, license } = command
    const act: Act = {
      id: idOf(crypto, cause.id, by, license),
      at: cause.at,
      by,
      correlation: cause.correlation,
      causation: cause.id,
    }
    const stream = `account-${account}`
    const [released] = await react({ store, crypto, salt }, { stream, words: accountWords, act }, events => {
      const state = events.reduce((state, event) => accountDecider.evolve(state, event), accountDecider.initialState)
      const facts = accountDecider.decide(command, state)
      // A grant is in its account's stream, and was read from there.
      if (isRefusal(facts)) throw new Error(facts.message)
      return facts
    })
    return released
  }

  return { learn, strike, cover }
}

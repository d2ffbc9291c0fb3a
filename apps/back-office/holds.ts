import { type AccountRefusal, account as accountDecider } from '#account'
import { type AccountEvent, accountWords } from '#account/events'
import { renewal } from '#account/renewal'
import { type Account, type Figures, initialState } from '#account/state'
import { isRefusal, type Refusal } from '#canonical/decider'
import { type Act, type Event, trustEvent } from '#canonical/event'
import { idOf } from '#canonical/ids'
import { type Ran, run } from '#cqrs/run'
import { readStream, type StoredEvent } from '#eventstore'
import type { Rows } from '#eventstore/rows'
import { NewerThanKnown, readKnown } from '#evidence/held'
import { knownType, touchesMoney, understood } from '#ledger/vocabulary'
import { type Amount, amount as amountOf, type Currency, zero } from '#money'
import { balancesIndex, currenciesMoved, figuresAfter, figuresOfAccount, movesAccounts } from '#projections/balances'
import { drawnBy, drawnOfHold, exposureIndex } from '#projections/exposure'
import type { Office } from './office.ts'

/**
 * An account's figures as the log has them to its end, and the grants that rest on them. Rows may be behind, by as much
 * as their follower is, and each node has its own: what they lack is read from the log.
 */

/** Beyond so many events behind, rows are waited for by whoever asks. */
const tailMax = 20_000

const notCaughtUp = (behind: number): Refusal & { readonly reason: 'NotCaughtUp' } => ({
  reason: 'NotCaughtUp',
  message: `The rows of this centre are more than ${behind} events behind its log: try again in a moment; GET /api/health shows how far they are.`,
})

/** What a phone that renews its license has left of the hold before. */
export type Freed = { readonly license: string; readonly amount: Amount; readonly why: string }

export type Holds = ReturnType<typeof holds>

export const holds = ({ store, runner, crypto }: Pick<Office, 'store' | 'runner' | 'crypto'>, rows: Rows) => {
  /** The account as its own stream has it now; undefined where it was never opened. */
  const stateOf = async (account: string): Promise<Account | undefined> => {
    const { events } = await readKnown(store, `account-${account}`, accountWords)
    return events.length === 0 ? undefined : folded(events)
  }

  /** All that is in the log from an index on, that moves what accounts owe and hold; up to and without `end`. */
  const after = async (from: number, end = Number.POSITIVE_INFINITY) => {
    const found: NonNullable<ReturnType<typeof moneyOf>>[] = []
    let next = from
    for await (const page of store.readAll({ from, pageSize: 500 })) {
      for (const stored of page) {
        if (stored.index >= end) return { found, next }
        next = stored.index + 1
        if (next - from > tailMax) return undefined
        const event = moneyOf(stored)
        if (event) found.push(event)
      }
    }
    return { found, next }
  }

  /** One for each currency in which the account has a limit or was moved, as the log is at its end. */
  const figuresOf = async (account: string, state: Account): Promise<readonly Figures[] | Refusal> => {
    const { held, next } = await rows.snapshot(async reader => ({
      held: await figuresOfAccount(reader, account),
      next: (await balancesIndex(reader)) + 1,
    }))
    const since = await after(next)
    if (!since) return notCaughtUp(tailMax)
    // A sale or an adjustment in a currency in which it never had a limit counts, too.
    const moved = since.found.flatMap(event => currenciesMoved(event, account))
    const currencies = new Set([...state.limits.keys(), ...held.map(({ currency }) => currency), ...moved])
    return [...currencies].map(currency => {
      const begun = held.find(figures => figures.currency === currency) ?? nothing(currency)
      const now = since.found.reduce((figures, event) => figuresAfter(figures, account, event), begun)
      return { ...now, knownAt: since.next - 1 }
    })
  }

  /** The figures in one currency, which need not be named where the account has but one. */
  const figuresIn = async (account: string, currency?: Currency): Promise<Figures | Refusal> => {
    const state = await stateOf(account)
    if (!state) return unknown(account)
    const figures = await figuresOf(account, state)
    if ('reason' in figures) return figures
    const [first, ...more] = figures.filter(each => state.limits.has(each.currency))
    if (currency === undefined && first && more.length === 0) return first
    if (currency === undefined)
      return {
        reason: 'CurrencyUnknown',
        message: `Account ${account} has limits in ${[...state.limits.keys()].join(' and ')}: name the currency.`,
        account,
      }
    // Where it has no limit the decider says so.
    return figures.find(each => each.currency === currency) ?? nothing(currency)
  }

  type Asked = {
    readonly account: string
    readonly license: string
    readonly currency: Currency
    readonly amount: Amount
    readonly termDays?: number
  }

  /**
   * Holds an allowance for a license. Other grants cannot come between, for they are in the same stream; a payment
   * beyond its own hold can, for its verdict is not. So the grant is looked at again where it came to lie in the log: if
   * all that is before it leaves too little, it is released in the same breath, and no license may be issued on it.
   */
  const grant = async (asked: Asked, act: Act, freed?: Freed): Promise<Ran | Refusal> => {
    const { account, license, currency } = asked
    const figures = await figuresIn(account, currency)
    if (isRefusal(figures)) return figures
    const command = { type: 'GrantAllowance' as const, ...asked, ...figures }
    const stream = `account-${account}`
    const drawn = freed ? await drawnFrom(freed.license) : zero
    if (typeof drawn === 'object') return drawn
    const granted = freed
      ? await run(
          runner,
          renewal,
          accountWords,
          stream,
          { free: { type: 'FreeAllowance', account, ...freed, drawn }, grant: command },
          act,
        )
      : await run(runner, accountDecider, accountWords, stream, command, act)
    if (isRefusal(granted)) return granted
    const overtaken = await decidedAgain(asked)
    if (!overtaken) return granted
    const why = 'overtaken by a payment before its license was issued'
    const kept = freed ? await keptFor(account, freed.license) : 0n
    const release =
      kept === 0n
        ? { type: 'ReleaseAllowance' as const, account, license, drawn: zero, why }
        : // Its phone goes on under the old license: what was let go of that one stays held, under this one's name.
          {
            type: 'FreeAllowance' as const,
            account,
            license,
            drawn: zero,
            amount: amountOf(asked.amount > kept ? asked.amount - kept : 0n),
            why,
          }
    const back = { ...act, id: idOf(crypto, act.id, 'overtaken'), causation: act.id }
    const released = await run(runner, accountDecider, accountWords, `account-${account}`, release, back)
    return isRefusal(released) ? released : overtaken
  }

  /** What of a license's hold its renewal let go, while that license may be paid by. */
  const keptFor = async (account: string, license: string): Promise<bigint> => {
    const old = (await stateOf(account))?.grants.get(license)
    return old?.isOpen ? old.freed : 0n
  }

  /** What payments have drawn from a license's hold, as the log is at its end: a phone cannot have that left. */
  const drawnFrom = async (license: string): Promise<Amount | Refusal> => {
    const { drawn, next } = await rows.snapshot(async reader => ({
      drawn: await drawnOfHold(reader, license),
      next: (await exposureIndex(reader)) + 1,
    }))
    const since = await after(next)
    if (!since) return notCaughtUp(tailMax)
    return amountOf(since.found.reduce((sum, event) => sum + drawnBy(event, license), drawn))
  }

  /** The refusal that the grant would have met, had all that lies before it in the log been known. */
  const decidedAgain = async (asked: Asked): Promise<AccountRefusal | Refusal | undefined> => {
    const { account, license, currency } = asked
    const before: (Event & AccountEvent)[] = []
    for (const stored of await readStream(store, `account-${account}`)) {
      const event = understood(trustEvent(stored.text)) as (Event & AccountEvent) | undefined
      if (!event) throw new NewerThanKnown(trustEvent(stored.text))
      if (event.type !== 'AllowanceGranted' || event.data.license !== license) {
        before.push(event)
        continue
      }
      const { knownAt, owed, drawn, inDispute } = event.data
      const between = await after(knownAt + 1, stored.index)
      if (!between) return notCaughtUp(tailMax)
      const state = folded(before)
      const known: Figures = {
        currency,
        charged: BigInt(owed) + (state.settled.get(currency) ?? 0n),
        inDispute: BigInt(inDispute) as Amount,
        drawn: BigInt(drawn) as Amount,
        knownAt,
      }
      const then = between.found.reduce((figures, event) => figuresAfter(figures, account, event), known)
      const again = accountDecider.decide({ type: 'GrantAllowance', ...asked, ...then }, state)
      return isRefusal(again) ? again : undefined
    }
    return undefined
  }

  return { stateOf, figuresOf, figuresIn, grant }
}

const folded = (events: readonly AccountEvent[]): Account =>
  events.reduce((state, event) => accountDecider.evolve(state, event), initialState)

const nothing = (currency: Currency): Figures => ({
  currency,
  charged: 0n,
  inDispute: zero,
  drawn: zero,
  knownAt: -1,
})

/** An event that moves money, or undefined; a newer writer's that may is not passed over. */
const moneyOf = ({ index, type, stream, text }: StoredEvent) => {
  if (stream.startsWith('terminal-') || (knownType(type) && !movesAccounts(type))) return undefined
  const told = trustEvent(text)
  const event = understood(told)
  if (!event && touchesMoney(told)) throw new NewerThanKnown(told)
  return event && { ...event, index }
}

export const unknown = (account: string): Refusal => ({
  reason: 'AccountUnknown',
  message: `No account ${account} was opened: open it at the back office first.`,
  account,
})

import { account } from '#account'
import { type AccountEvent, accountWords } from '#account/events'
import { type Account, availableIn, type Figures } from '#account/state'
import type { Act, Event } from '#canonical/event'
import { uuid7 } from '#canonical/ids'
import type { EventStore } from '#eventstore'
import { noSkips, project } from '#eventstore/follower'
import type { Rows } from '#eventstore/rows'
import { postingsOf } from '#ledger'
import { understood } from '#ledger/vocabulary'
import { amount } from '#money'
import { balances, figuresAfter } from '#projections/balances'
import { exposure } from '#projections/exposure'
import { holds } from '../apps/back-office/holds.ts'
import { accepted, crypto, transaction, when, writer } from './trade.ts'

/** Nodes that grant on one log, each with rows of its own that stand where they were left; and the law of it. */

const at = '2026-11-23T10:00:00.000Z'

export const nodeOn = (store: EventStore, rows: Rows) => {
  const runner = { store, crypto, salt: () => 'c2FsdHNhbHRzYWx0c2FsdA' }
  const here = holds({ store, runner, crypto }, rows)
  return {
    grant: (license: string, minor: bigint, freed?: { readonly license: string; readonly left: bigint }) => {
      const id = uuid7(Date.parse(at), crypto.random(16))
      const act: Act = { id, at, by: 'phone', correlation: id, causation: id }
      const asked = { account: 'acc-1', license, currency: 'EUR', amount: amount(minor) }
      return here.grant(
        asked,
        act,
        freed && { license: freed.license, amount: amount(freed.left), why: `renewed by ${license}` },
      )
    },
    /** What its closing would look at. */
    figures: async () => {
      const state = await here.stateOf('acc-1')
      return state ? here.figuresOf('acc-1', state) : []
    },
  }
}

/** What the account's holds come to, by the postings of the whole log. */
export const heldNow = async (store: EventStore): Promise<bigint> => {
  let held = 0n
  for await (const page of store.readAll({ from: 0 }))
    for (const { text } of page) {
      const event = understood(JSON.parse(text) as Event)
      for (const { account, side, amount } of event ? postingsOf(event) : [])
        if (account === 'commitment:acc-1') held += side === 'credit' ? amount : -amount
    }
  return held
}

/** Rows folded as far as the log goes now, and no further. */
export const catchUp = async (store: EventStore, rows: Rows): Promise<void> => {
  const stop = new AbortController()
  await project({
    store,
    rows,
    projections: [balances, exposure],
    skips: noSkips,
    signal: stop.signal,
    onProgress: ({ caughtUp }) => {
      if (caughtUp) stop.abort()
    },
  })
}

let payments = 0
/** A payment of which so much is within its hold, and so much is over it. */
export const payInto = async (store: EventStore, license: string, within: bigint, excess: bigint): Promise<void> => {
  payments += 1
  const name = `${license}/${payments}`
  const fact = accepted(name, `${within + excess}`, when(at), {
    license,
    within: `${within}`,
    excess: `${excess}`,
    transaction: transaction(name),
  })
  await writer(store)(`payment-${(fact.data as { payment: string }).payment}`, at, fact)
}

/**
 * What was available right after each grant that still stands, by a fold of the whole log up to it: no license may be
 * issued where it is below zero. Grants that were released at once stand no more.
 */
export const leftAfterGrants = async (store: EventStore): Promise<readonly bigint[]> => {
  let state: Account = account.initialState
  let figures: Figures = { currency: 'EUR', charged: 0n, inDispute: amount(0n), drawn: amount(0n), knownAt: -1 }
  const left = new Map<string, bigint>()
  for await (const page of store.readAll({ from: 0 }))
    for (const { text, index } of page) {
      const event = understood(JSON.parse(text) as Event)
      if (!event) continue
      if (event.stream === 'account-acc-1' && Object.hasOwn(accountWords, event.type))
        state = account.evolve(state, event as Event & AccountEvent)
      figures = figuresAfter(figures, 'acc-1', { ...event, index })
      if (event.type === 'AllowanceGranted')
        left.set(event.data.license, availableIn(state, figures) ?? (Number.NaN as never))
      if (event.type === 'AllowanceReleased') left.delete(event.data.license)
    }
  return [...left.values()]
}

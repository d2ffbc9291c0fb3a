import type { z } from 'zod'
import { type Amount, type Currency, formatAmount, minorUnits, zero } from '#money'
import type { AccountEvent, accountOrder } from './events.ts'

/** What an account's decisions rest on, folded from its own stream. */

export type Standing = 'open' | 'suspended' | 'closing' | 'closed'
export type Sum = { readonly currency: Currency; readonly amount: Amount }
/** `freed`: given back before the hold's end, as when a phone renews its license. */
export type Grant = Sum & { readonly freed: bigint; readonly isOpen: boolean }
export type Received = Sum & { readonly source: string }
export type Repayment = Received & { readonly isReturned: boolean }
/** What takes a second person: more credit than one may give, and money that leaves the payer's side. */
export type AccountOrder = z.infer<typeof accountOrder>
export type Proposed = {
  readonly order: AccountOrder
  readonly operator: string
  readonly why: string
  readonly state: 'proposed' | 'rejected' | 'done'
}
export type WriteOff = Sum & {
  readonly operator: string
  readonly why: string
  readonly rule: number
  readonly state: 'proposed' | 'rejected' | 'done'
}
export type AccountTerms = { readonly creditCounts: boolean; readonly oversubscription: Amount }

export type Account = {
  readonly account: string | undefined
  readonly standing: Standing
  /** Nothing is known of its person any more. */
  readonly isErased: boolean
  readonly limits: ReadonlyMap<Currency, Amount>
  readonly terms: ReadonlyMap<Currency, AccountTerms>
  /** Every grant by license, open or released: a license is granted once. */
  readonly grants: ReadonlyMap<string, Grant>
  /** Granted less released, by currency: what is promised, before what payments have drawn from it. */
  readonly promised: ReadonlyMap<Currency, bigint>
  readonly repayments: ReadonlyMap<string, Repayment>
  readonly writeOffs: ReadonlyMap<string, WriteOff>
  readonly recoveries: ReadonlyMap<string, Received>
  readonly proposals: ReadonlyMap<string, Proposed>
  /** By so much this stream alone lowered what is owed: repaid and written off, less returned and paid out. */
  readonly settled: ReadonlyMap<Currency, bigint>
  /** Written off and not recovered. */
  readonly lost: ReadonlyMap<Currency, bigint>
}

export const initialState: Account = {
  account: undefined,
  standing: 'open',
  isErased: false,
  limits: new Map(),
  terms: new Map(),
  grants: new Map(),
  promised: new Map(),
  repayments: new Map(),
  writeOffs: new Map(),
  recoveries: new Map(),
  proposals: new Map(),
  settled: new Map(),
  lost: new Map(),
}

/**
 * What an account's own stream cannot say, as known at a log index: what payments charged, less what went back by
 * reversals and adjustments, and what they drew from its holds. All that the account's own events did is not in it: a
 * decision that comes after them knows them itself.
 */
export type Figures = {
  readonly currency: Currency
  /** Signed. */
  readonly charged: bigint
  readonly inDispute: Amount
  readonly drawn: Amount
  readonly knownAt: number
}

/** Below zero where the payer has paid more than was owed. */
export const owedIn = (state: Account, { currency, charged }: Figures): bigint =>
  charged - (state.settled.get(currency) ?? 0n)

export const heldIn = (state: Account, { currency, drawn }: Figures): bigint =>
  (state.promised.get(currency) ?? 0n) - drawn

/** Is there anything to settle in this currency: a limit, or what was left by a sale, an adjustment, a repayment? */
export const dealsIn = (state: Account, figures: Figures): boolean =>
  state.limits.has(figures.currency) || owedIn(state, figures) !== 0n

export const termsIn = (state: Account, currency: Currency): AccountTerms =>
  state.terms.get(currency) ?? { creditCounts: false, oversubscription: zero }

/** Undefined where it has no limit in that currency. Never clamped. */
export const availableIn = (state: Account, figures: Figures): bigint | undefined => {
  const limit = state.limits.get(figures.currency)
  if (limit === undefined) return undefined
  const owed = owedIn(state, figures)
  // A credit balance is the payer's money, not more credit, unless the account's terms say so.
  const counted = owed > 0n || termsIn(state, figures.currency).creditCounts ? owed : 0n
  return limit - counted - figures.inDispute - heldIn(state, figures)
}

export const inWords = ({ amount, currency }: { readonly amount: bigint; readonly currency: Currency }): string =>
  `${formatAmount(amount, currency)} ${currency}`

export const limitsInWords = (state: Account): string =>
  [...state.limits].map(([currency, amount]) => `a limit of ${inWords({ amount, currency })}`).join(' and ')

/* ----------------------------------------------------------------- evolve */

export const evolve = (state: Account, event: AccountEvent): Account => {
  switch (event.type) {
    case 'AccountOpened':
    case 'CreditLimitSet': {
      const { account, currency, limit } = event.data
      const set = { ...state, account, limits: new Map(state.limits).set(currency, minorUnits(limit)) }
      return event.type === 'CreditLimitSet' ? approved(set, event.data) : set
    }
    case 'AccountTermsSet': {
      const { currency, creditCounts, oversubscription } = event.data
      const terms = { creditCounts, oversubscription: minorUnits(oversubscription) }
      return approved({ ...state, terms: new Map(state.terms).set(currency, terms) }, event.data)
    }
    case 'AccountSuspended':
      return { ...state, standing: 'suspended' }
    case 'AccountReinstated':
      return { ...state, standing: 'open' }
    case 'AccountClosing':
      return { ...state, standing: 'closing' }
    case 'AccountClosed':
      return { ...state, standing: 'closed' }
    case 'PersonErased':
      return { ...state, isErased: true }
    case 'AllowanceGranted': {
      const { license, currency } = event.data
      const amount = minorUnits(event.data.amount)
      return {
        ...state,
        grants: new Map(state.grants).set(license, { currency, amount, freed: 0n, isOpen: true }),
        promised: moved(state.promised, currency, amount),
      }
    }
    case 'AllowanceReleased': {
      const { license, currency, keeps, overdrawn = '0' } = event.data
      const amount = minorUnits(event.data.amount)
      const held = state.grants.get(license) ?? { currency, amount, freed: 0n, isOpen: true }
      const grant = { ...held, freed: held.freed + amount, isOpen: keeps === true }
      return {
        ...state,
        grants: new Map(state.grants).set(license, grant),
        promised: moved(state.promised, currency, minorUnits(overdrawn) - amount),
      }
    }
    case 'RepaymentReceived': {
      const { repayment, currency, source } = event.data
      const amount = minorUnits(event.data.amount)
      return {
        ...state,
        repayments: new Map(state.repayments).set(repayment, { currency, amount, source, isReturned: false }),
        settled: moved(state.settled, currency, amount),
      }
    }
    case 'RepaymentReturned': {
      const { repayment, currency, source } = event.data
      const amount = minorUnits(event.data.amount)
      const back = {
        ...state,
        repayments: new Map(state.repayments).set(repayment, { currency, amount, source, isReturned: true }),
        settled: moved(state.settled, currency, -amount),
      }
      return approved(back, event.data)
    }
    case 'PayerPaidOut': {
      const { payout, currency, source, amount } = event.data
      const settled = moved(state.settled, currency, -minorUnits(amount))
      // Before 0.3.0 one person paid out: the id is taken all the same.
      const order = { kind: 'payout' as const, currency, amount, source }
      const paid = state.proposals.get(payout) ?? { order, operator: '', why: '' }
      return { ...state, settled, proposals: new Map(state.proposals).set(payout, { ...paid, state: 'done' }) }
    }
    case 'AccountOrderProposed': {
      const { proposal, order, operator, why } = event.data
      const proposed: Proposed = { order, operator, why, state: 'proposed' }
      return { ...state, proposals: new Map(state.proposals).set(proposal, proposed) }
    }
    case 'AccountOrderRejected':
      return { ...state, proposals: ended(state.proposals, event.data.proposal, 'rejected') }
    case 'WriteOffProposed': {
      const { writeOff, currency, operator, why, rule } = event.data
      const proposed = { currency, amount: minorUnits(event.data.amount), operator, why, rule }
      return { ...state, writeOffs: new Map(state.writeOffs).set(writeOff, { ...proposed, state: 'proposed' }) }
    }
    case 'WriteOffRejected':
      return { ...state, writeOffs: ended(state.writeOffs, event.data.writeOff, 'rejected') }
    case 'DebtWrittenOff': {
      const { writeOff, currency } = event.data
      const amount = minorUnits(event.data.amount)
      return {
        ...state,
        writeOffs: ended(state.writeOffs, writeOff, 'done'),
        settled: moved(state.settled, currency, amount),
        lost: moved(state.lost, currency, amount),
      }
    }
    case 'DebtRecovered': {
      const { recovery, currency, source } = event.data
      const amount = minorUnits(event.data.amount)
      return {
        ...state,
        recoveries: new Map(state.recoveries).set(recovery, { currency, amount, source }),
        lost: moved(state.lost, currency, -amount),
      }
    }
  }
}

const moved = (sums: ReadonlyMap<Currency, bigint>, currency: Currency, by: bigint): ReadonlyMap<Currency, bigint> =>
  new Map(sums).set(currency, (sums.get(currency) ?? 0n) + by)

/** What waits for a second person, when one has said yes or somebody no. */
const ended = <Waits extends { readonly state: 'proposed' | 'rejected' | 'done' }>(
  held: ReadonlyMap<string, Waits>,
  id: string,
  state: Waits['state'],
): ReadonlyMap<string, Waits> => {
  const proposed = held.get(id)
  return proposed ? new Map(held).set(id, { ...proposed, state }) : held
}

const approved = (state: Account, { approval }: { readonly approval?: { readonly proposal: string } | undefined }) =>
  approval ? { ...state, proposals: ended(state.proposals, approval.proposal, 'done') } : state

import type { Amount, Currency } from '#money'
import type { DayClosing, DayTotals, TillEvent } from './events.ts'
import type { AdoptedAssignment } from './service.ts'

/**
 * What a till knows: all of it is a fold of its own log, but for how far the centre holds it. Plain data, and old
 * transactions are looked up by few functions.
 */

export type Attempt = {
  readonly tap: number
  readonly sealing: { readonly publicKey: string; readonly privateKey: string }
  readonly getRequest: string
  readonly getResponse: string
  /** Present once the PUT is on disk, that is, may have reached the phone. */
  readonly put?: string
}

/** A deduction that a phone may have granted and that nothing has settled yet. */
export type OpenDeduction = {
  readonly transaction: string
  readonly sale: string
  readonly license: string
  readonly card: string
  readonly counter: number
  readonly amount: Amount
  readonly currency: Currency
  readonly allowanceBefore: Amount
  readonly attempts: readonly Attempt[]
  /** A tap of it was torn at least once. */
  readonly torn: boolean
  /** A tap of it is going on, or was when the terminal stopped. */
  readonly live: boolean
}

export type Recorded = {
  readonly transaction: string
  readonly sale: string
  readonly amount: Amount
  readonly currency: Currency
  readonly card: string
  readonly license: string
  readonly payment: string
  readonly receiptNumber: number
  readonly businessDate: string
  readonly occurred: string
  readonly allowanceLeft: Amount
  readonly revision: number
  readonly reversed: Amount
  readonly voided: boolean
  readonly counter: number
  readonly cashier?: string
  readonly reference?: string
  /** How often its receipt was printed again. */
  readonly copies: number
}

export type SaleState = 'waiting' | 'tapping' | 'approved' | 'declined' | 'torn' | 'cancelled'

export type Sale = {
  readonly sale: string
  readonly amount: Amount
  readonly currency: Currency
  readonly state: SaleState
  readonly reference?: string
  readonly idempotencyKey?: string
  readonly transaction?: string
  /** Why it is declined or torn. */
  readonly because?: { readonly reason: string; readonly message: string }
}

/** What a reversal's id stands for: this, and nothing else. */
export type Reversing = {
  readonly reversal: string
  readonly kind: 'void' | 'refund'
  readonly transaction: string
  readonly payment: string
  readonly license: string
  readonly amount: Amount
  readonly currency: Currency
  readonly receiptNumber: number
  readonly businessDate: string
  readonly occurred: string
  readonly revision: number
  readonly cashier?: string
  /** The terminal that took the payment, and the number it gave: absent where this one did. */
  readonly original?: { readonly terminal: string; readonly receiptNumber: number }
  readonly copies: number
}

/** An open day as it is counted; `shifts` by cashier, under no name for what was done with nobody signed on. */
export type OpenDay = {
  readonly businessDate: string
  readonly firstRevision: number
  readonly totals: DayTotals
  readonly shifts: Map<string, DayTotals>
}

export type Till = {
  commissioned: Extract<TillEvent, { type: 'TerminalCommissioned' }>['data'] | undefined
  rules: Extract<TillEvent, { type: 'RulesAdopted' }>['data'] | undefined
  /** The centre's newest word on this terminal. */
  assignment: AdoptedAssignment | undefined
  /** Where it stands since the day was opened; the centre's word says where it will from the next on. */
  place: Pick<AdoptedAssignment, 'shop' | 'shopName' | 'zone'> | undefined
  /** The newest one, where the first was renewed. */
  certificate: string | undefined
  day: OpenDay | undefined
  lastDay: string | undefined
  /** The Z report of the day that ended last. */
  lastClosing: (DayClosing & { readonly rolledOver: boolean }) | undefined
  /** How many days were closed, by hand or rolled over. */
  zNumber: number
  grandTotal: { readonly sales: bigint; readonly voids: bigint; readonly refunds: bigint }
  /** Who may sign on, and who may approve. */
  readonly staff: Map<string, 'cashier' | 'supervisor'>
  /** Who is signed on. */
  cashier: string | undefined
  tap: number
  receiptNumber: number
  /** The open day's, those that the centre does not hold yet, and the newest: see `window.ts`. */
  readonly recorded: Map<string, Recorded>
  /** Older ones that somebody named. */
  readonly recalled: Map<string, Recorded>
  readonly open: Map<string, OpenDeduction>
  readonly sales: Map<string, Sale>
  readonly saleByKey: Map<string, string>
  /** What each reversal's id stands for. */
  readonly reversals: Map<string, Reversing>
  /** What was given back here of payments that other terminals took, by payment hash. */
  readonly givenBackElsewhere: Map<string, bigint>
  /** Attempts by transaction that have no deduction yet: between `TapStarted` and what follows in the same append. */
  readonly started: Map<string, Attempt>
  readonly verified: Map<string, { readonly card: string; readonly allowanceBefore: Amount }>
  /** Recorded on this terminal and not yet acknowledged by the centre, oldest first. */
  waiting: Recorded[]
  /** All that each license ever paid here: a phone that claims to have more left is not believed. */
  readonly spentByLicense: Map<string, bigint>
  /** What each license paid in the day that is open. */
  readonly spentToday: Map<string, bigint>
  acknowledgedTo: number
  /** The newest checkpoint of the centre's log that this log names. */
  checkpoint: string | undefined
  /** The one that was refused last. */
  refused: string | undefined
}

const nothing: DayTotals['sales'] = { count: 0, sum: '0' }
export const noTotals: DayTotals = {
  sales: nothing,
  voids: nothing,
  refunds: nothing,
  declined: nothing,
  torn: nothing,
}

/** A till that has no log yet. Its maps grow in place: copying them for every tap would cost more with each tap. */
export const emptyTill = (): Till => ({
  commissioned: undefined,
  rules: undefined,
  assignment: undefined,
  place: undefined,
  certificate: undefined,
  day: undefined,
  lastDay: undefined,
  lastClosing: undefined,
  zNumber: 0,
  grandTotal: { sales: 0n, voids: 0n, refunds: 0n },
  staff: new Map(),
  cashier: undefined,
  tap: 0,
  receiptNumber: 0,
  recorded: new Map(),
  recalled: new Map(),
  open: new Map(),
  sales: new Map(),
  saleByKey: new Map(),
  reversals: new Map(),
  givenBackElsewhere: new Map(),
  started: new Map(),
  verified: new Map(),
  waiting: [],
  spentByLicense: new Map(),
  spentToday: new Map(),
  acknowledgedTo: -1,
  checkpoint: undefined,
  refused: undefined,
})

export const recordedOf = (till: Till, transaction: string): Recorded | undefined =>
  till.recorded.get(transaction) ?? till.recalled.get(transaction)

/** What the till shows as waiting for the centre. */
export const waitingOf = (till: Till): { count: number; sum: bigint } => ({
  count: till.waiting.length,
  sum: till.waiting.reduce((sum, recorded) => sum + recorded.amount, 0n),
})

/**
 * What a license has at stake on this terminal: paid in the open day, or not yet held by the centre. What is older and
 * acknowledged counts against the account there, and would here only shut out a regular customer for good.
 */
export const atStake = (till: Till, license: string): bigint => {
  let sum = till.spentToday.get(license) ?? 0n
  const today = till.day?.firstRevision ?? Number.POSITIVE_INFINITY
  for (const recorded of till.waiting)
    if (recorded.license === license && recorded.revision < today) sum += recorded.amount
  return sum
}

/** The centre holds everything up to this revision. Kept beside the log, not in it. */
export const acknowledge = (till: Till, revision: number): void => {
  if (revision <= till.acknowledgedTo) return
  till.acknowledgedTo = revision
  till.waiting = till.waiting.filter(recorded => recorded.revision > revision)
}

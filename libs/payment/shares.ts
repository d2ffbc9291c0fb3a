import { type Amount, amount, minorUnits, shareOf, smaller, zero } from '#money'
import type { Occurred } from './events.ts'
import type { Charged, Payment } from './state.ts'

/** What a payment costs whom: the hold, the excess, fee and tax; computed at its verdict and never again. */

export type Terms = {
  readonly version: number
  readonly feeBasisPoints: number
  /** Of the fee. */
  readonly taxBasisPoints: number
  readonly returnsFee: boolean
}

/** What the decider must be told from above, as known where the verdict is caused. */
export type Figures = {
  /** What is left of the license's hold; zero after its release. */
  readonly holdLeft: Amount
  /** The hold was let go when the license's term was over. */
  readonly holdReleased: boolean
  /** Of the account, before this payment; below zero where it is over its limit. */
  readonly available: bigint
  readonly terms: Terms
}

export type Place = {
  readonly merchant: string
  readonly shop: string
  readonly terminal: string
  readonly transaction: string
}

export type Dates = { readonly occurred: Occurred; readonly businessDate: string; readonly bookingDate: string }

export const placeOf = ({ merchant, shop, terminal, transaction }: Place): Place => ({
  merchant,
  shop,
  terminal,
  transaction,
})

export const datesOf = ({ occurred, businessDate }: Omit<Dates, 'bookingDate'>, bookingDate: string): Dates => ({
  occurred,
  businessDate,
  bookingDate,
})

/**
 * What a payment may draw on. If its part of the hold was set aside and let go, for its terminal said that it would not
 * come, then what the hold has left is for its phone's other payments.
 */
export const drawable = <Known extends Figures>(figures: Known, { freed }: Payment): Known =>
  freed ? { ...figures, holdLeft: zero } : figures

/** The payer owes gross; what was set aside and the hold give what they have, and the rest is excess, with an owner. */
export const sharesOf = (
  gross: Amount,
  { holdLeft, terms }: Figures,
  owner: 'merchant' | 'operator',
  { unclaimed: aside }: Payment,
) => {
  const kept = aside ? smaller(gross, minorUnits(aside.amount)) : 0n
  const within = smaller(gross, amount(holdLeft + kept))
  const excess = gross - within
  const fee = shareOf(gross, terms.feeBasisPoints)
  return {
    gross: gross.toString(),
    within: within.toString(),
    excess: excess.toString(),
    excessOwner: excess === 0n ? null : owner,
    ...(aside ? { unclaimed: kept.toString() } : {}),
    fee: fee.toString(),
    tax: shareOf(fee, terms.taxBasisPoints).toString(),
    termsVersion: terms.version,
    returnsFee: terms.returnsFee,
  }
}

export const nothingShared = (gross: Amount, terms: Terms) => ({
  gross: gross.toString(),
  within: '0',
  excess: '0',
  excessOwner: null,
  fee: '0',
  tax: '0',
  termsVersion: terms.version,
  returnsFee: terms.returnsFee,
})

/** What someone must look at where a payment is over its hold. */
export const excessExceptions = (
  { excess }: { readonly excess: string },
  { holdReleased, available }: Figures,
): string[] => {
  if (excess === '0') return []
  const over = holdReleased ? 'LateArrival' : 'OverAllowance'
  // The hold was already taken from what is available; only what is over it can break the limit.
  return available < minorUnits(excess) ? [over, 'OverLimit'] : [over]
}

/** After refunds of R in all, floor(f × R / g) of the fee is back: a full refund returns exactly f, however it was cut. */
export const feeBack = ({ gross, fee, tax, returnsFee, reversed }: Charged, r: Amount) => {
  const back = (part: Amount) =>
    returnsFee && gross > 0n ? (part * (reversed + r)) / gross - (part * reversed) / gross : 0n
  return { feeBack: back(fee).toString(), taxBack: back(tax).toString() }
}

import { type Currency, formatAmount, minorUnits } from '#money'
import type { DayTotals, TillEvent } from '#till/events'
import type { exceptionKinds } from './events.ts'

/** A business day's totals as the centre counts them from the events it holds; the till counts in its own state. */

export const lines = ['sales', 'voids', 'refunds', 'declined', 'torn'] as const
export type LineName = (typeof lines)[number]
export type Line = { readonly count: number; readonly sum: bigint }
export type Totals = Readonly<Record<LineName, Line>>

export const noTotals: Totals = {
  sales: { count: 0, sum: 0n },
  voids: { count: 0, sum: 0n },
  refunds: { count: 0, sum: 0n },
  declined: { count: 0, sum: 0n },
  torn: { count: 0, sum: 0n },
}

/** Which line an event belongs to; undefined for one that no line counts. */
export const lineOf = (event: TillEvent): LineName | undefined => lineOfType[event.type]

const lineOfType: Readonly<Partial<Record<TillEvent['type'], LineName>>> = {
  TransactionRecorded: 'sales',
  TransactionVoided: 'voids',
  RefundRecorded: 'refunds',
  TransactionDeclined: 'declined',
  TapTorn: 'torn',
}

export const counted = (totals: Totals, line: LineName, amount: bigint): Totals => ({
  ...totals,
  [line]: { count: totals[line].count + 1, sum: totals[line].sum + amount },
})

/** A difference that can be acted on: what is wrong, with which amount, and the events it is about. */
export type Difference = {
  readonly kind: (typeof exceptionKinds)[number]
  /** Minor units. */
  readonly amount: bigint
  readonly currency: Currency
  readonly message: string
  readonly events: readonly string[]
}

/** Where the till's own totals and the centre's fold differ, line by line. */
export const totalsDifferences = (
  where: string,
  till: DayTotals,
  centre: Totals,
  currency: Currency,
  closedBy: string,
): Difference[] =>
  lines.flatMap(line => {
    const [told, held] = [{ count: till[line].count, sum: minorUnits(till[line].sum) }, centre[line]]
    if (told.count === held.count && told.sum === held.sum) return []
    const amount = told.sum > held.sum ? told.sum - held.sum : held.sum - told.sum
    const inWords = ({ count, sum }: Line) => `${count} of ${formatAmount(sum, currency)} ${currency}`
    const message = `${where}: the till counted ${line} ${inWords(told)}, the centre holds ${inWords(held)}; they differ by ${formatAmount(amount, currency)} ${currency}.`
    return [{ kind: 'TotalsMismatch' as const, amount, currency, message, events: [closedBy] }]
  })

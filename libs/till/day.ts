import type { Refusal } from '#canonical/decider'
import { formatAmount } from '#money'
import type { DayEnd, Order } from './commands.ts'
import type { DayClosing, Shifts, TillEvent } from './events.ts'
import { recordOf } from './records.ts'
import { signOff } from './staff.ts'
import type { OpenDay, Till } from './state.ts'

/** The shop's day, as the till counts it. A tap belongs to the day that is open, whatever the clock says. */

export const openDay = (till: Till, command: Order<'OpenDay'>): TillEvent[] | Refusal => {
  const { businessDate, today, end } = command
  if (till.day?.businessDate === businessDate) return []
  if (till.lastDay !== undefined && businessDate < till.lastDay && !till.day)
    return {
      reason: 'DayInThePast',
      message: `The day of ${till.lastDay} was the last one open; ${businessDate} is before it. Look at the terminal's clock.`,
      lastDay: till.lastDay,
    }
  if (Date.parse(businessDate) > Date.parse(today) + 86_400_000)
    return {
      reason: 'DayInTheFuture',
      message: `Today is ${today}; a day of ${businessDate} would shut this till until then. Look at the date, or at the terminal's clock.`,
      today,
    }
  if (!till.day) return [{ type: 'DayOpened', data: { businessDate } }]
  // Yesterday's was forgotten. One of today is closed by hand, or not at all.
  if (end && till.day.businessDate < today && till.day.businessDate < businessDate)
    return [rolledOver(till, businessDate, end)]
  return {
    reason: 'DayStillOpen',
    message: `The day of ${till.day.businessDate} is still open: close it first.`,
    businessDate: till.day.businessDate,
  }
}

/** A torn tap stands in nobody's way here: it is counted as torn where it was torn, and as paid where it is paid. */
export const rollDayOver = (till: Till, { today, end }: Order<'RollDayOver'>): TillEvent[] =>
  till.day && till.day.businessDate < today ? [rolledOver(till, today, end)] : []

export const closeDay = (till: Till, command: Order<'CloseDay'>): TillEvent[] | Refusal => {
  if (!till.day) return { reason: 'DayNotOpen', message: 'No day is open, so there is nothing to close.' }
  const torn = [...till.open.values()][0]
  if (torn)
    return {
      reason: 'TapUnresolved',
      message: `The sale of ${formatAmount(torn.amount, torn.currency)} ${torn.currency} was torn and may have been paid: let the phone tap again, or cancel the sale, then close the day.`,
      sale: torn.sale,
      transaction: torn.transaction,
    }
  return [{ type: 'DayClosed', data: closing(till, command) }, ...signOff(till)]
}

/** By cashier, in the order in which each began; nothing where the till has no staff. */
export const shiftsOf = ({ shifts }: Pick<OpenDay, 'shifts'>): { shifts?: Shifts } =>
  [...shifts.keys()].every(cashier => cashier === '')
    ? {}
    : { shifts: [...shifts].map(([cashier, totals]) => ({ ...(cashier === '' ? {} : { cashier }), totals })) }

const rolledOver = (till: Till, businessDate: string, end: DayEnd): TillEvent => ({
  type: 'DayRolledOver',
  data: { businessDate, closed: closing(till, end) },
})

const closing = (till: Till, { currency, revision, head }: DayEnd): DayClosing => {
  const { firstRevision, totals } = till.day as OpenDay
  const { sales, voids, refunds } = till.grandTotal
  return {
    ...recordOf(till),
    currency,
    totals,
    ...shiftsOf(till.day as OpenDay),
    firstRevision,
    lastRevision: revision,
    head,
    zNumber: till.zNumber + 1,
    grandTotal: { sales: `${sales}`, voids: `${voids}`, refunds: `${refunds}` },
  }
}

import type { Refusal } from '#canonical/decider'
import { formatAmount } from '#money'
import type { Order } from './commands.ts'
import type { TillEvent } from './events.ts'
import type { Till } from './state.ts'

/** The shop's day, as the till counts it. */

export const openDay = (till: Till, command: Order<'OpenDay'>): TillEvent[] | Refusal => {
  if (till.day?.businessDate === command.businessDate) return []
  if (till.day)
    return {
      reason: 'DayStillOpen',
      message: `The day of ${till.day.businessDate} is still open: close it first.`,
      businessDate: till.day.businessDate,
    }
  if (till.lastDay !== undefined && command.businessDate < till.lastDay)
    return {
      reason: 'DayInThePast',
      message: `The day of ${till.lastDay} was the last one open; ${command.businessDate} is before it. Look at the terminal's clock.`,
      lastDay: till.lastDay,
    }
  if (Date.parse(command.businessDate) > Date.parse(command.today) + 86_400_000)
    return {
      reason: 'DayInTheFuture',
      message: `Today is ${command.today}; a day of ${command.businessDate} would shut this till until then. Look at the date, or at the terminal's clock.`,
      today: command.today,
    }
  return [{ type: 'DayOpened', data: { businessDate: command.businessDate } }]
}

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
  const { businessDate, firstRevision, totals } = till.day
  const record = { receiptNumber: till.receiptNumber + 1, businessDate }
  const range = { firstRevision, lastRevision: command.revision, head: command.head }
  return [{ type: 'DayClosed', data: { ...record, currency: command.currency, totals, ...range } }]
}

import type { TradeEvent } from './vocabulary.ts'

/**
 * When a posting happened, with the bracket of what is certain; the day it belongs to for the shop; and the accounting
 * day it was booked on. A verdict carries all three; what the centre decided itself happened when it was decided.
 */
export type Dates = {
  readonly occurred: { readonly at: string; readonly after: string; readonly before: string }
  readonly businessDate: string
  readonly bookingDate: string
}

export const datesOf = (event: TradeEvent & { readonly at: string }): Dates => {
  const { data, at } = event
  if ('occurred' in data && typeof data.occurred === 'object' && 'bookingDate' in data) {
    const { occurred, businessDate, bookingDate } = data
    return { occurred, businessDate, bookingDate }
  }
  const day = at.slice(0, 10)
  return { occurred: { at, after: at, before: at }, businessDate: day, bookingDate: day }
}

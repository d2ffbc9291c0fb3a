import type { Amount, Currency } from '#money'
import type { Till } from './state.ts'

/** What every record of a till bears: its number, without gaps over all kinds of record, and its business date. */
export const recordOf = (till: Till) => ({
  receiptNumber: till.receiptNumber + 1,
  // A record outside any day is the next day's, and the centre marks it late.
  businessDate: till.day?.businessDate ?? till.lastDay ?? '1970-01-01',
})

export const minorMoney = ({ amount, currency }: { readonly amount: Amount; readonly currency: Currency }) => ({
  amount: amount.toString(),
  currency,
})

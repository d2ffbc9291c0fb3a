import type { Amount, Currency } from '#money'
import type { Till } from './state.ts'

/** What every record of a till bears: its number, without gaps over all kinds of record, its business date, its cashier. */
export const recordOf = (till: Till) => ({
  receiptNumber: till.receiptNumber + 1,
  // A record outside any day is the next day's, and the centre marks it late.
  businessDate: till.day?.businessDate ?? till.lastDay ?? '1970-01-01',
  ...(till.cashier === undefined ? {} : { cashier: till.cashier }),
})

export const minorMoney = ({ amount, currency }: { readonly amount: Amount; readonly currency: Currency }) => ({
  amount: amount.toString(),
  currency,
})

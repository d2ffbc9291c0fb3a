import type { Testified } from '#account/licensing'

/** What a phone testifies of the payment that it made at this counter. */
export const paymentAt = (counter: number): Testified => ({
  payment: `${counter}`.repeat(64).slice(0, 64),
  transaction: `${counter}`.repeat(32).slice(0, 32),
  counter,
  amount: '1250',
  currency: 'EUR',
  terminal: 'T-1',
  merchant: 'corner',
  shop: 'corner-shop',
  signed: 'hEOh',
  getRequest: '1AE',
  getResponse: '1AI',
  put: '1AM',
})
/** The same, with the receipt that the terminal gave for it. */
export const receiptedAt = (counter: number): Testified => ({ ...paymentAt(counter), receipt: 'hEOi' })

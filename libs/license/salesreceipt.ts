import type { Bytes } from '#canonical/bytes'
import type { Amount, Currency } from '#money'
import { amount, count, currency, date, octets, uuid } from './fields.ts'
import { signedReceipt } from './signedreceipt.ts'

/**
 * What a customer takes home of a payment: the terminal's word on it, signed, with the certificate that says whose
 * terminal it is. Whoever holds the authority's key set can check it, with no network: another terminal before it gives
 * money back, and a stranger.
 */
export type SalesReceipt = {
  readonly transaction: Bytes
  readonly payment: Bytes
  readonly license: string
  readonly amount: Amount
  readonly currency: Currency
  /** Seconds since 1970. */
  readonly time: number
  readonly receiptNumber: number
  readonly businessDate: string
}

export const {
  make: makeSalesReceipt,
  text: salesReceiptText,
  fromText: fromSalesReceiptText,
  verify: verifySalesReceipt,
} = signedReceipt<SalesReceipt>('sales-receipt', 'TALLY1:', {
  transaction: octets(16),
  payment: octets(32),
  license: uuid,
  amount,
  currency,
  time: count,
  receiptNumber: count,
  businessDate: date,
})

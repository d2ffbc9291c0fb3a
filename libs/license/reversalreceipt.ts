import type { Bytes } from '#canonical/bytes'
import type { Amount, Currency } from '#money'
import { amount, count, currency, date, octets, oneOf, text, uuid } from './fields.ts'
import { signedReceipt } from './signedreceipt.ts'

/**
 * What a customer takes home of a void or a refund: the terminal's word that it gave this back. It is no order to pay:
 * the centre bounds what is given back, and nothing is ever paid out on this paper.
 */
export type ReversalReceipt = {
  readonly kind: 'void' | 'refund'
  readonly reversal: string
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

/** Another word before the code than a sale's has, so that the two cannot be taken for each other. */
export const reversalReceipt = signedReceipt<ReversalReceipt>('reversal-receipt', 'TALLY1R:', {
  kind: oneOf('void', 'refund'),
  reversal: text,
  transaction: octets(16),
  payment: octets(32),
  license: uuid,
  amount,
  currency,
  time: count,
  receiptNumber: count,
  businessDate: date,
})

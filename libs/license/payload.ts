import type { Bytes } from '#canonical/bytes'
import type { Amount, Currency } from '#money'
import { amount, cardNumber, count, currency, octets, record, uuid } from './fields.ts'

/** What the phone signs when it pays. */
export type Payment = {
  readonly amount: Amount
  readonly currency: Currency
  readonly time: number
  /** 16 octets, minted by the terminal. */
  readonly transaction: Bytes
  readonly card: string
  readonly license: string
  readonly counter: number
  readonly allowanceAfter: Amount
  /** The hash of the phone's payment before; 32 zeros for its first. */
  readonly previous: Bytes
  /** SHA-256 over the messages of the tap in which the phone took the PUT: it makes them the phone's signed word. */
  readonly tapHash: Bytes
  /** 8 octets: the authority's own proof, see `tacOf`. */
  readonly tac: Bytes
}

export type Unproved = Omit<Payment, 'tac'>

const fields = {
  amount,
  currency,
  time: count,
  transaction: octets(16),
  card: cardNumber,
  license: uuid,
  counter: count,
  allowanceAfter: amount,
  previous: octets(32),
  tapHash: octets(32),
}

/** The payload: what is signed, and by whose hash the payment is known. */
export const payload = record<Payment>('payment', { ...fields, tac: octets(8) })

/** The payload's other fields, which the TAC covers. */
export const unproved = record<Unproved>('payment', fields)

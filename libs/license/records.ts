import type { Bytes } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import type { Amount, Currency } from '#money'
import {
  amount,
  cardNumber,
  count,
  currency,
  date,
  list,
  map,
  octets,
  oneOf,
  optional,
  point,
  record,
  text,
  uuid,
} from './fields.ts'
import { statement } from './statement.ts'

/** The records of a tap besides license, certificate and payment, as tables. Times are seconds since 1970. */

/* ---- GET #1: the terminal says who it is, and the phone how it stands */

export type Hello = {
  readonly versions: readonly number[]
  readonly terminal: string
  readonly currency: Currency
  /** The ids of the authority's license keys that this terminal takes. */
  readonly authorityKeys: readonly Bytes[]
  /** The public key of this one tap, to which the phone seals its answers. */
  readonly sealing: Bytes
  readonly time: number
}

const hello = statement<Hello>('hello', {
  versions: list(count),
  terminal: text,
  currency,
  authorityKeys: list(octets(8)),
  sealing: point,
  time: count,
})

export type Status = {
  readonly card: string
  readonly allowanceLeft: Amount
  /** Of the payment made last; the next one bears one more. */
  readonly counter: number
  readonly last?: { readonly payment: Bytes; readonly terminal: string; readonly time: number; readonly amount: Amount }
  /** What was spent on the phone's own day, `2026-11-23`. */
  readonly day: { readonly date: string; readonly sum: Amount }
  readonly place: { readonly flag: 'none' | 'in' | 'out'; readonly station?: string }
}

const status = record<Status>('status', {
  card: cardNumber,
  allowanceLeft: amount,
  counter: count,
  last: optional(map({ payment: octets(32), terminal: text, time: count, amount })),
  day: map({ date, sum: amount }),
  place: map<Status['place']>({ flag: oneOf('none', 'in', 'out'), station: optional(text) }),
})

/* ---- PUT and GET #2: the terminal asks for money, and fetches the answer */

export type Deduction = {
  readonly transaction: Bytes
  readonly license: string
  /** The counter that the payment must bear: so it can be paid once or never. */
  readonly counter: number
  readonly amount: Amount
  readonly currency: Currency
  readonly time: number
  readonly place: string
  /** The head of the terminal's chain. */
  readonly head: Bytes
}

const deduction = statement<Deduction>('deduction', {
  transaction: octets(16),
  license: uuid,
  counter: count,
  amount,
  currency,
  time: count,
  place: text,
  head: octets(32),
})

export type PaymentRequest = { readonly transaction: Bytes }

const paymentRequest = record<PaymentRequest>('payment-request', { transaction: octets(16) })

export type Decline = { readonly reason: string; readonly transaction?: Bytes }

const decline = record<Decline>('decline', { reason: text, transaction: optional(octets(16)) })

/* ---- PUT receipt: the phone's half of the stick */

export type Receipt = {
  readonly transaction: Bytes
  readonly payment: Bytes
  readonly receiptNumber: number
  readonly revision: number
  readonly head: Bytes
}

const receipt = statement<Receipt>('receipt', {
  transaction: octets(16),
  payment: octets(32),
  receiptNumber: count,
  revision: count,
  head: octets(32),
})

/* ---- each made and read; every reading throws `Malformed` */

type ByTerminal<Value extends object> = ReturnType<typeof statement<Value>>
const by =
  <Value extends object>(kind: ByTerminal<Value>) =>
  (crypto: Crypto, value: Value, terminal: KeyPair): Bytes =>
    kind.make(crypto, value, terminal)
const of =
  <Value extends object>(kind: ByTerminal<Value>) =>
  (crypto: Crypto, bytes: Uint8Array, terminal: Uint8Array): Value | null =>
    kind.verify(crypto, bytes, 'P-256', terminal)

export const makeHello = by(hello)
export const readHello = hello.read
/** Null where the terminal's P-256 key did not sign it. */
export const verifyHello = of(hello)

export const encodeStatus = status.encode
export const readStatus = status.read

export const makeDeduction = by(deduction)
export const readDeduction = deduction.read
export const verifyDeduction = of(deduction)

export const encodePaymentRequest = paymentRequest.encode
export const readPaymentRequest = paymentRequest.read

export const encodeDecline = decline.encode
export const readDecline = decline.read

export const makeReceipt = by(receipt)
export const readReceipt = receipt.read
export const verifyReceipt = of(receipt)

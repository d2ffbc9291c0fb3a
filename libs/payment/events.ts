import { z } from 'zod'
import { type FactOf, moneyWord } from '#canonical/event'
import { businessDate, check, instant, name, sha256, transactionId } from '#canonical/fields'
import { currency, minor } from '#money/fields'

/**
 * `payment-<payment hash>`: the centre's verdicts. Money moves by these only, so each carries every amount, version and
 * owner that its postings need; a refold next year gives today's figures.
 */

/** An instant with its bracket: after = newest signed time known before the tap, before = when the centre had it. */
export const occurred = z.object({ at: instant, after: instant, before: instant })
export type Occurred = z.infer<typeof occurred>

const dates = { occurred, businessDate, bookingDate: businessDate }
const place = { merchant: name, shop: name, terminal: name, transaction: transactionId }

/** What an accepted payment moves. */
const shares = {
  gross: minor,
  /** Drawn from the license's hold, and what is over it; the payer owes both. */
  within: minor,
  excess: minor,
  /** Who bears the excess if the payer never pays it; null where there is none. */
  excessOwner: z.enum(['merchant', 'operator']).nullable(),
  fee: minor,
  tax: minor,
  termsVersion: z.int().positive(),
  returnsFee: z.boolean(),
}

const reversal = {
  reversal: name,
  payment: sha256,
  /** The id of the terminal's event that asked for it. */
  event: name,
  kind: z.enum(['void', 'refund']),
  ...place,
  amount: minor,
  currency,
  ...dates,
}

export const heldReversalReasons = [
  'RefundWithoutOriginal',
  'RefundExceedsOriginal',
  'OriginalHeld',
  'CurrencyMismatch',
] as const

export const paymentWords = {
  PaymentAccepted: moneyWord(
    z.object({
      payment: sha256,
      event: name,
      account: name,
      license: name,
      card: name,
      ...place,
      currency,
      ...shares,
      ...dates,
      /** Limits that were broken, and that someone must look at. */
      exceptions: z.array(name),
      /** Version of the rule that told accepted from held. */
      rule: z.int().positive(),
    }),
  ),
  PaymentHeld: moneyWord(
    z.object({
      payment: sha256,
      event: name,
      /** Null where the license could not be read, so that nobody knows whom it would concern. */
      account: name.nullable(),
      license: name.nullable(),
      card: name.nullable(),
      ...place,
      currency,
      gross: minor,
      ...dates,
      reason: name,
      checks: z.array(check),
      rule: z.int().positive(),
    }),
  ),
  HeldPaymentDecided: moneyWord(
    z.object({
      payment: sha256,
      bears: z.enum(['payer', 'merchant', 'operator']),
      operators: z.tuple([name, name]),
      reason: z.string().min(1).max(500),
      account: name.nullable(),
      license: name.nullable(),
      ...place,
      currency,
      /** As accepted where the payer bears it; otherwise only `gross` is not zero. */
      ...shares,
      ...dates,
    }),
  ),
  ReversalAccepted: moneyWord(z.object({ ...reversal, account: name, feeBack: minor, taxBack: minor })),
  ReversalHeld: moneyWord(z.object({ ...reversal, reason: z.enum(heldReversalReasons) })),
  /** The original came, and there was room for it. */
  ReversalReleased: moneyWord(z.object({ ...reversal, account: name, feeBack: minor, taxBack: minor })),
  ReversalRefused: moneyWord(
    z.object({ ...reversal, operators: z.tuple([name, name]), why: z.string().min(1).max(500) }),
  ),
}

export type PaymentEvent = FactOf<typeof paymentWords>
export type DataOf<Type extends PaymentEvent['type']> = Extract<PaymentEvent, { type: Type }>['data']

import { z } from 'zod'
import { type FactOf, moneyWord, word } from '#canonical/event'
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
  /** Of what is within: drawn from the part that was set aside when the phone told of this payment. */
  unclaimed: minor.optional(),
  termsVersion: z.int().positive(),
  returnsFee: z.boolean(),
}

export const bears = z.enum(['payer', 'merchant', 'operator'])
export type Bears = z.infer<typeof bears>

/** Where the payment came from, if not from its terminal's log. */
const via = z.literal('phone').optional()
const words = z.string().min(1).max(500)

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

/** A part of a license's hold that is kept for one payment. */
const unclaimed = {
  payment: sha256,
  /** The event that it follows from. */
  event: name,
  account: name,
  license: name,
  currency,
  amount: minor,
}

export const heldReversalReasons = [
  'RefundWithoutOriginal',
  'RefundExceedsOriginal',
  'OriginalHeld',
  'CurrencyMismatch',
  // What comes from a terminal that is out of our hands may be written by whoever has it: two people look at it.
  'TerminalLost',
  'TerminalSuspended',
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
      /** Version of the rule that told accepted from held, and who owns the excess. */
      rule: z.int().positive(),
      via,
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
      via,
    }),
  ),
  /** The first of two people says who should bear a held payment. A later proposal takes the place of an earlier one. */
  HeldDecisionProposed: word(z.object({ payment: sha256, proposal: name, bears, operator: name, reason: words })),
  /** The second person's yes. What it draws on is known in the order of verdicts only, so the decision follows from it. */
  HeldDecisionApproved: word(z.object({ payment: sha256, proposal: name, operator: name })),
  /** The same of a held reversal: what it took is to go back to the merchant. */
  ReversalRefusalProposed: word(
    z.object({ payment: sha256, proposal: name, reversal: name, operator: name, why: words }),
  ),
  /** The contrary: that it is the shop's own, and its payer is to have it. */
  ReversalReleaseProposed: word(
    z.object({ payment: sha256, proposal: name, reversal: name, operator: name, why: words }),
  ),
  ProposalWithdrawn: word(z.object({ payment: sha256, proposal: name, operator: name, why: words })),
  HeldPaymentDecided: moneyWord(
    z.object({
      payment: sha256,
      bears,
      /** Who proposed it, and who approved. */
      operators: z.tuple([name, name]),
      /** Absent where both were named in one order, as the first versions had it. */
      proposal: name.optional(),
      reason: words,
      account: name.nullable(),
      license: name.nullable(),
      ...place,
      currency,
      /** As accepted where the payer bears it; otherwise only `gross` is not zero. */
      ...shares,
      ...dates,
      exceptions: z.array(name).optional(),
    }),
  ),
  ReversalAccepted: moneyWord(z.object({ ...reversal, account: name, feeBack: minor, taxBack: minor })),
  ReversalHeld: moneyWord(z.object({ ...reversal, reason: z.enum(heldReversalReasons) })),
  /** The original came, and there was room for it; or two people let it through, who are then named. */
  ReversalReleased: moneyWord(
    z.object({
      ...reversal,
      account: name,
      feeBack: minor,
      taxBack: minor,
      operators: z.tuple([name, name]).optional(),
      proposal: name.optional(),
      why: words.optional(),
    }),
  ),
  ReversalRefused: moneyWord(
    z.object({ ...reversal, operators: z.tuple([name, name]), proposal: name.optional(), why: words }),
  ),
  /** A phone told of a payment that no terminal has brought: its part of the hold is set aside until one does. */
  PaymentUnclaimed: moneyWord(z.object({ ...unclaimed, card: name, gross: minor, ...place })),
  /** Its terminal's log says that it will never come: the credit is free again. */
  UnclaimedReleased: moneyWord(z.object({ ...unclaimed, why: name })),
}

export type PaymentEvent = FactOf<typeof paymentWords>
export type DataOf<Type extends PaymentEvent['type']> = Extract<PaymentEvent, { type: Type }>['data']

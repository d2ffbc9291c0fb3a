import { z } from 'zod'
import { type FactOf, word } from '#canonical/event'
import { name } from '#canonical/fields'
import { currency, minor } from '#money/fields'

/** `exception-<key>`: a difference that someone must look at. The key is made of the kind and what it concerns. */

export const exceptionKinds = [
  'Missing',
  'UndeliveredPayment',
  'UnclaimedPayment',
  'Duplicate',
  'CounterReused',
  'CounterSkipped',
  'AmountMismatch',
  'CurrencyMismatch',
  'TotalsMismatch',
  'OverAllowance',
  'OverLimit',
  'LicenseInvalidAtTap',
  'DenyListedAtTap',
  'CertificateExpiredAtTap',
  'SealInvalid',
  'TacInvalid',
  'RefundExceedsOriginal',
  'RefundWithoutOriginal',
  'Fork',
  'ClockSkew',
  'LateArrival',
  'MerchantOwes',
  'NotUnderstood',
  /** A payment or a reversal that waits for two people, for a reason that has no kind of its own. */
  'Held',
] as const

export const exceptionWords = {
  ExceptionRaised: word(
    z.object({
      key: name,
      kind: z.enum(exceptionKinds),
      amount: minor,
      currency,
      /** Ids of the events, payments or terminals that it is about. */
      concerns: z.array(name),
      message: z.string().min(1).max(1000),
      /** Of `CounterSkipped`: the license's counters of which no payment came, the first and the last. */
      counters: z.object({ license: name, from: z.int().nonnegative(), to: z.int().nonnegative() }).optional(),
    }),
  ),
  /** What was missing has come, or is explained by what came: nobody need look at it any more. */
  ExceptionResolved: word(z.object({ key: name, why: z.string().min(1).max(500) })),
}

export type ExceptionEvent = FactOf<typeof exceptionWords>

import { z } from 'zod'
import { type FactOf, moneyWord, word } from '#canonical/event'
import { name } from '#canonical/fields'
import { currency, minor } from '#money/fields'

/**
 * `account-<id>`: limits and terms per currency, whether the account stands, the holds that licenses take from it, and
 * what the payer paid, was paid, and never paid. Who the payer is, no event says: people are in the vault.
 */

const money = { amount: minor, currency }
/** What a person writes here stays for good: it is for reasons, and names nobody. */
const why = z.string().min(1).max(500)

/** Who proposed and who approved, and under which proposal; absent where one person may, and before 0.3.0. */
const approval = z.object({ proposal: name, operators: z.tuple([name, name]) }).optional()

/** What waits for a second person, whole: what is approved is what was read. */
export const accountOrder = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('limit'), currency, limit: minor }),
  z.object({ kind: z.literal('terms'), currency, creditCounts: z.boolean(), oversubscription: minor }),
  z.object({ kind: z.literal('payout'), ...money, source: name }),
  z.object({ kind: z.literal('return'), repayment: name }),
])

export const accountWords = {
  AccountOpened: word(z.object({ account: name, currency, limit: minor })),
  CreditLimitSet: word(z.object({ account: name, currency, limit: minor, approval })),
  AccountTermsSet: word(
    z.object({
      account: name,
      currency,
      /** Does what the payer has paid beyond what was owed count as more to spend? */
      creditCounts: z.boolean(),
      /** By so much may all holds together exceed what is available. */
      oversubscription: minor,
      approval,
    }),
  ),
  AccountSuspended: word(z.object({ account: name, why })),
  AccountReinstated: word(z.object({ account: name, why })),
  /** The first step of closing: no more is granted, its licenses end, and their terms run. */
  AccountClosing: word(z.object({ account: name, why })),
  AccountClosed: word(z.object({ account: name })),
  /** What was known of the person was erased from the vault; the log never held it. */
  PersonErased: word(z.object({ account: name, why })),
  /** Appended before the license is issued: two phones cannot both take the last credit. */
  AllowanceGranted: moneyWord(
    z.object({
      account: name,
      license: name,
      ...money,
      /** What the decision was made on: signed figures in minor units, as known at a log index. */
      owed: z.string().regex(/^(0|-?[1-9][0-9]{0,18})$/),
      inDispute: minor,
      drawn: minor,
      knownAt: z.int().min(-1),
      /** So long after its license's time the hold waits for payments; 90 where it is not said. */
      termDays: z.int().min(0).max(3650).optional(),
      /** What of it exceeds what was available, where the account's terms allow that. */
      oversubscribed: minor.optional(),
    }),
  ),
  /** What is left of a hold when its term is over; with `keeps`, a part of it before, and the rest stays. */
  AllowanceReleased: moneyWord(
    z.object({
      account: name,
      license: name,
      ...money,
      keeps: z.boolean().optional(),
      /** By so much payments drew more than was left after a part was let go: put back, so that the hold ends at nothing. */
      overdrawn: minor.optional(),
      why: why.optional(),
    }),
  ),
  RepaymentReceived: moneyWord(
    z.object({
      account: name,
      repayment: name,
      ...money,
      /** Where the money was told to have come in: `clearing:<source>` until the bank's file shows it. */
      source: name,
    }),
  ),
  /** The bank took it back: what it paid is owed again. */
  RepaymentReturned: moneyWord(z.object({ account: name, repayment: name, ...money, source: name, why, approval })),
  /** Of a credit balance. */
  PayerPaidOut: moneyWord(z.object({ account: name, payout: name, ...money, source: name, approval })),
  AccountOrderProposed: word(z.object({ account: name, proposal: name, order: accountOrder, operator: name, why })),
  AccountOrderRejected: word(z.object({ account: name, proposal: name, operator: name, why })),
  WriteOffProposed: word(
    z.object({ account: name, writeOff: name, ...money, rule: z.int().positive(), operator: name, why }),
  ),
  WriteOffRejected: word(z.object({ account: name, writeOff: name, operator: name, why })),
  DebtWrittenOff: moneyWord(
    z.object({
      account: name,
      writeOff: name,
      ...money,
      /** What the operator loses; with what each merchant bears it is the amount. */
      losses: minor,
      merchants: z.array(z.object({ merchant: name, amount: minor })),
      /** Version of the rule that shared it. */
      rule: z.int().positive(),
      /** Who proposed it, and who approved it. */
      operators: z.tuple([name, name]),
      why,
    }),
  ),
  /** Paid after it was written off. */
  DebtRecovered: moneyWord(z.object({ account: name, recovery: name, ...money, source: name })),
}

export type AccountEvent = FactOf<typeof accountWords>

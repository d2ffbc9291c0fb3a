import { z } from 'zod'
import { type FactOf, moneyWord, word } from '#canonical/event'
import { name } from '#canonical/fields'
import { currency, minor } from '#money/fields'

/** `account-<id>`: a limit per currency, the holds that licenses take from it, and what the payer paid back. */

const money = { amount: minor, currency }

export const accountWords = {
  AccountOpened: word(z.object({ account: name, currency, limit: minor })),
  CreditLimitSet: word(z.object({ account: name, currency, limit: minor })),
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
    }),
  ),
  /** What is left of a hold when its license's term is over. */
  AllowanceReleased: moneyWord(z.object({ account: name, license: name, ...money })),
  RepaymentReceived: moneyWord(
    z.object({
      account: name,
      repayment: name,
      ...money,
      /** Where the money was told to have come in: `clearing:<source>` until the bank's file shows it. */
      source: name,
    }),
  ),
}

export type AccountEvent = FactOf<typeof accountWords>

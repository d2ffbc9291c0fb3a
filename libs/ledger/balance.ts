import type { Posting } from './ledger.ts'

/** A credit account's figures in one currency, minor units. */
export type Figures = {
  readonly limit: bigint
  /** Below zero: the payer has paid more than was owed. */
  readonly owed: bigint
  readonly inDispute: bigint
  /** Promised to phones and not yet drawn. */
  readonly held: bigint
  /** Does a credit balance count as more to spend? By the account's terms; not where they do not say so. */
  readonly creditCounts?: boolean
}

/**
 * What may still be promised or spent. Never clamped: below zero it is what the account is over its limit by. A credit
 * balance is the payer's own money, and more credit only where the account's terms say so.
 */
export const available = ({ limit, owed, inDispute, held, creditCounts }: Figures): bigint =>
  limit - (owed > 0n || creditCounts ? owed : 0n) - inDispute - held

/** What an account's postings add up to on its debit side; below zero it stands on the credit side. */
export const debitBalance = (postings: Iterable<Pick<Posting, 'side' | 'amount'>>): bigint => {
  let sum = 0n
  for (const { side, amount } of postings) sum += side === 'debit' ? amount : -amount
  return sum
}

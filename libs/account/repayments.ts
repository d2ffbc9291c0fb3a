import type { Refusal } from '#canonical/decider'
import { type Amount, type Currency, zero } from '#money'
import { otherCurrency } from './allowance.ts'
import type { AccountEvent } from './events.ts'
import { type Account, dealsIn, type Figures, inWords, owedIn, type Received } from './state.ts'

/**
 * Money between the payer and the house outside of payments: repaid, taken back by the bank, paid out of a credit
 * balance, and, once a debt was written off (`write-offs.ts`), recovered after all. What takes from the payer's side is
 * carried out by no one person: it is proposed and approved (`proposals.ts`).
 */

/* ------------------------------------------------------------------ words */

type Of = { readonly account: string }
type Money = { readonly currency: Currency; readonly amount: Amount; readonly source: string }

export type RepaymentCommand =
  | ({
      readonly type: 'ReceiveRepayment'
      readonly repayment: string
      /** Needed only in a currency without a limit: whether anything is owed there, the decider cannot see itself. */
      readonly figures?: Figures
    } & Of &
      Money)
  | ({ readonly type: 'RecoverDebt'; readonly recovery: string } & Of & Money)

export type RepaymentRefusal = Refusal & {
  readonly reason:
    | 'CurrencyMismatch'
    | 'RepaymentEmpty'
    | 'RepaymentDiffers'
    | 'RecoveryEmpty'
    | 'RecoveryDiffers'
    | 'RecoveryExceedsLoss'
}

export type TakingRefusal = Refusal & {
  readonly reason: 'CurrencyMismatch' | 'RepaymentUnknown' | 'PayoutEmpty' | 'PayoutExceedsCredit'
}

/* ----------------------------------------------------------------- decide */

export const decideRepayment = (
  command: RepaymentCommand,
  state: Account,
): readonly AccountEvent[] | RepaymentRefusal => {
  const { account, currency, amount, source } = command
  switch (command.type) {
    case 'ReceiveRepayment': {
      const { repayment, figures } = command
      const known = asBefore(command, state.repayments.get(repayment), kinds.repayment, repayment)
      if (known) return known
      // What is owed from a sale in a foreign currency can be settled, whether or not there may be more of it.
      const owes = figures !== undefined && owedIn(state, figures) > 0n
      if (!state.limits.has(currency) && !owes) return otherCurrency(state, currency)
      return [{ type: 'RepaymentReceived', data: { account, repayment, amount: amount.toString(), currency, source } }]
    }

    case 'RecoverDebt': {
      const { recovery } = command
      const known = asBefore(command, state.recoveries.get(recovery), kinds.recovery, recovery)
      if (known) return known
      const lost = state.lost.get(currency) ?? 0n
      if (amount > lost)
        return {
          reason: 'RecoveryExceedsLoss',
          message: `Of account ${account}, ${inWords({ amount: lost, currency })} was written off and not recovered: what is paid beyond that is a repayment.`,
          account,
          lost,
          asked: amount,
        }
      return [{ type: 'DebtRecovered', data: { account, recovery, amount: amount.toString(), currency, source } }]
    }
  }
}

const kinds = {
  repayment: { name: 'Repayment', differs: 'RepaymentDiffers', empty: 'RepaymentEmpty' },
  recovery: { name: 'Recovery', differs: 'RecoveryDiffers', empty: 'RecoveryEmpty' },
} as const

/** What money under an id comes to before anything else is looked at: the same again, another, or none at all. */
const asBefore = (
  { amount, currency, source }: Money,
  held: Received | undefined,
  { name, differs, empty }: (typeof kinds)[keyof typeof kinds],
  id: string,
): readonly [] | RepaymentRefusal | undefined => {
  if (held?.amount === amount && held.currency === currency && held.source === source) return []
  if (held)
    return {
      reason: differs,
      message: `${name} ${id} was of ${inWords(held)} by ${held.source}: another one needs an id of its own.`,
      id,
      held: held.amount,
      source: held.source,
    }
  if (amount > zero) return undefined
  return { reason: empty, message: `A ${name.toLowerCase()} of nothing changes nothing: give more than 0.` }
}

/** Who proposed what a person approved, and who approved it; under which proposal. */
export type Approval = { readonly proposal: string; readonly operators: [string, string] }

/** A repayment that the bank took back. */
export const returned = (
  asked: { readonly repayment: string; readonly why: string; readonly approval: Approval },
  state: Account,
): readonly AccountEvent[] | TakingRefusal => {
  const { repayment, why, approval } = asked
  const account = state.account as string
  const held = state.repayments.get(repayment)
  if (!held)
    return {
      reason: 'RepaymentUnknown',
      message: `Account ${account} received no repayment ${repayment}: its postings list those that it did.`,
      repayment,
    }
  if (held.isReturned) return []
  const { amount, currency, source } = held
  const data = { account, repayment, amount: amount.toString(), currency, source, why, approval }
  return [{ type: 'RepaymentReturned', data }]
}

/** A credit balance, or a part of it, that goes back to its payer. */
export const paidOut = (
  asked: Money & { readonly payout: string; readonly approval: Approval },
  figures: Figures,
  state: Account,
): readonly AccountEvent[] | TakingRefusal => {
  const { payout, currency, amount, source, approval } = asked
  const account = state.account as string
  if (amount === zero) return { reason: 'PayoutEmpty', message: 'A payout of nothing pays nobody: give more than 0.' }
  if (!dealsIn(state, figures)) return otherCurrency(state, currency)
  const owed = owedIn(state, figures)
  const credit = owed < 0n ? -owed : 0n
  if (amount > credit)
    return {
      reason: 'PayoutExceedsCredit',
      message: `Account ${account} has a credit balance of ${inWords({ amount: credit, currency })}: no more than that is paid out.`,
      account,
      credit,
      asked: amount,
    }
  return [{ type: 'PayerPaidOut', data: { account, payout, amount: amount.toString(), currency, source, approval } }]
}

import type { Refusal } from '#canonical/decider'
import { type Amount, type Currency, zero } from '#money'
import { otherCurrency } from './allowance.ts'
import type { AccountEvent } from './events.ts'
import { type Account, type Figures, inWords, owedIn, type Sum } from './state.ts'

/**
 * Money between the payer and the house outside of payments: repaid, taken back by the bank, paid out of a credit
 * balance, and, once a debt was written off (`write-offs.ts`), recovered after all.
 */

/* ------------------------------------------------------------------ words */

type Of = { readonly account: string }
type Money = { readonly currency: Currency; readonly amount: Amount; readonly source: string }

export type RepaymentCommand =
  | ({ readonly type: 'ReceiveRepayment'; readonly repayment: string } & Of & Money)
  | ({ readonly type: 'ReturnRepayment'; readonly repayment: string; readonly why: string } & Of)
  | ({ readonly type: 'PayOut'; readonly payout: string } & Of & Money & Figures)
  | ({ readonly type: 'RecoverDebt'; readonly recovery: string } & Of & Money)

export type RepaymentRefusal = Refusal & {
  readonly reason:
    | 'CurrencyMismatch'
    | 'RepaymentEmpty'
    | 'RepaymentDiffers'
    | 'RepaymentUnknown'
    | 'PayoutEmpty'
    | 'PayoutDiffers'
    | 'PayoutExceedsCredit'
    | 'RecoveryEmpty'
    | 'RecoveryDiffers'
    | 'RecoveryExceedsLoss'
}

/* ----------------------------------------------------------------- decide */

export const decideRepayment = (
  command: RepaymentCommand,
  state: Account,
): readonly AccountEvent[] | RepaymentRefusal => {
  const { account } = command
  switch (command.type) {
    case 'ReceiveRepayment': {
      const { repayment, currency, amount, source } = command
      const held = state.repayments.get(repayment)
      if (isSame(held, command)) return []
      if (held)
        return {
          reason: 'RepaymentDiffers',
          message: `Repayment ${repayment} was received as ${inWords(held)}: another payment needs an id of its own.`,
          repayment,
          received: held.amount,
        }
      if (amount === zero)
        return { reason: 'RepaymentEmpty', message: 'A repayment of nothing repays nothing: give more than 0.' }
      if (!state.limits.has(currency)) return otherCurrency(state, currency)
      const data = { account, repayment, amount: amount.toString(), currency, source }
      return [{ type: 'RepaymentReceived', data }]
    }

    case 'ReturnRepayment': {
      const { repayment, why } = command
      const held = state.repayments.get(repayment)
      if (!held)
        return {
          reason: 'RepaymentUnknown',
          message: `Account ${account} received no repayment ${repayment}: its postings list those that it did.`,
          repayment,
        }
      if (held.isReturned) return []
      const { amount, currency, source } = held
      const data = { account, repayment, amount: amount.toString(), currency, source, why }
      return [{ type: 'RepaymentReturned', data }]
    }

    case 'PayOut': {
      const { payout, currency, amount, source } = command
      const held = state.payouts.get(payout)
      if (isSame(held, command)) return []
      if (held)
        return {
          reason: 'PayoutDiffers',
          message: `Payout ${payout} was made of ${inWords(held)}: another payout needs an id of its own.`,
          payout,
          paid: held.amount,
        }
      if (amount === zero)
        return { reason: 'PayoutEmpty', message: 'A payout of nothing pays nobody: give more than 0.' }
      if (!state.limits.has(currency)) return otherCurrency(state, currency)
      const owed = owedIn(state, command)
      const credit = owed < 0n ? -owed : 0n
      if (amount > credit)
        return {
          reason: 'PayoutExceedsCredit',
          message: `Account ${account} has a credit balance of ${inWords({ amount: credit, currency })}: no more than that is paid out.`,
          account,
          credit,
          asked: amount,
        }
      return [{ type: 'PayerPaidOut', data: { account, payout, amount: amount.toString(), currency, source } }]
    }

    case 'RecoverDebt': {
      const { recovery, currency, amount, source } = command
      const held = state.recoveries.get(recovery)
      if (isSame(held, command)) return []
      if (held)
        return {
          reason: 'RecoveryDiffers',
          message: `Recovery ${recovery} was of ${inWords(held)}: another one needs an id of its own.`,
          recovery,
          recovered: held.amount,
        }
      if (amount === zero)
        return { reason: 'RecoveryEmpty', message: 'A recovery of nothing recovers nothing: give more than 0.' }
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

const isSame = (held: Sum | undefined, asked: Sum): boolean =>
  held?.amount === asked.amount && held.currency === asked.currency

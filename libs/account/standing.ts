import type { Refusal } from '#canonical/decider'
import { type Amount, type Currency, zero } from '#money'
import { notOpen, otherCurrency } from './allowance.ts'
import { usualBound } from './bound.ts'
import type { AccountEvent } from './events.ts'
import type { Approval } from './repayments.ts'
import { type Account, type Figures, heldIn, inWords, limitsInWords, owedIn, termsIn } from './state.ts'

/** Whether an account stands: opened, its limits and terms, suspended and reinstated, and closed in two steps. */

/* ------------------------------------------------------------------ words */

type Of = { readonly account: string }
/** What gives credit: how much of it one person may give, where the house has said so, or that two agreed. */
type Giving = {
  readonly account: string
  readonly currency: Currency
  readonly bound?: Amount
  readonly approval?: Approval
}

export type StandingCommand =
  | ({ readonly type: 'OpenAccount'; readonly limit: Amount } & Omit<Giving, 'approval'>)
  | ({ readonly type: 'SetCreditLimit'; readonly limit: Amount } & Giving)
  | ({
      readonly type: 'SetAccountTerms'
      readonly creditCounts: boolean
      readonly oversubscription: Amount
    } & Giving)
  | ({ readonly type: 'SuspendAccount'; readonly why: string } & Of)
  | ({ readonly type: 'ReinstateAccount'; readonly why: string } & Of)
  | ({ readonly type: 'BeginClosing'; readonly why: string } & Of)
  | ({
      readonly type: 'CloseAccount'
      /** For each of its currencies. */
      readonly figures: readonly Figures[]
    } & Of)
  | ({ readonly type: 'NoteErasure'; readonly why: string } & Of)

export type StandingRefusal = Refusal & {
  readonly reason:
    | 'AccountUnknown'
    | 'AccountExists'
    | 'CurrencyMismatch'
    | 'AccountNotOpen'
    | 'ClosingNotBegun'
    | 'AccountNotSettled'
    | 'CreditBeyondBound'
}

/* ----------------------------------------------------------------- decide */

export const decideStanding = (command: StandingCommand, state: Account): readonly AccountEvent[] | StandingRefusal => {
  const { account } = command
  const { standing } = state
  switch (command.type) {
    case 'OpenAccount': {
      const { currency, limit } = command
      if (state.account === undefined)
        return (
          beyondBound(command, state, { limit }) ?? [
            { type: 'AccountOpened', data: { account, currency, limit: limit.toString() } },
          ]
        )
      if (state.limits.get(currency) === limit) return []
      return {
        reason: 'AccountExists',
        message: `Account ${account} is ${standing}, with ${limitsInWords(state)}: set its credit limit, or open another account.`,
        account,
      }
    }

    case 'SetCreditLimit': {
      const { currency, limit } = command
      if (state.limits.get(currency) === limit) return []
      if (standing === 'closing' || standing === 'closed') return notOpen(state)
      const { approval } = command
      const beyond = beyondBound(command, state, { limit })
      if (beyond) return beyond
      const data = { account, currency, limit: limit.toString(), ...(approval ? { approval } : {}) }
      return [{ type: 'CreditLimitSet', data }]
    }

    case 'SetAccountTerms': {
      const { currency, creditCounts, oversubscription } = command
      const held = state.terms.get(currency) ?? { creditCounts: false, oversubscription: 0n }
      if (held.creditCounts === creditCounts && held.oversubscription === oversubscription) return []
      if (standing === 'closing' || standing === 'closed') return notOpen(state)
      if (!state.limits.has(currency)) return otherCurrency(state, currency)
      const { approval } = command
      const beyond = beyondBound(command, state, { oversubscription })
      if (beyond) return beyond
      const set = { account, currency, creditCounts, oversubscription: oversubscription.toString() }
      const data = { ...set, ...(approval ? { approval } : {}) }
      return [{ type: 'AccountTermsSet', data }]
    }

    case 'SuspendAccount':
      if (standing === 'suspended') return []
      if (standing !== 'open') return notOpen(state)
      return [{ type: 'AccountSuspended', data: { account, why: command.why } }]

    case 'ReinstateAccount':
      if (standing === 'open') return []
      // Its licenses ended, and its figures were told to be final.
      if (standing === 'closed') return notOpen(state)
      return [{ type: 'AccountReinstated', data: { account, why: command.why } }]

    case 'BeginClosing':
      if (standing === 'closing' || standing === 'closed') return []
      return [{ type: 'AccountClosing', data: { account, why: command.why } }]

    case 'CloseAccount': {
      if (standing === 'closed') return []
      if (standing !== 'closing')
        return {
          reason: 'ClosingNotBegun',
          message: `Account ${account} is ${standing}: begin its closing first, so that its licenses end and their terms run.`,
          account,
          standing,
        }
      const open = command.figures.flatMap(figures => unsettledIn(state, figures))
      if (open.length === 0) return [{ type: 'AccountClosed', data: { account } }]
      return {
        reason: 'AccountNotSettled',
        message: `Account ${account} cannot be closed: ${open.map(({ figure, ...sum }) => `${figure} ${inWords(sum)}`).join(', ')}. Have it repaid, paid out or written off; holds end with their terms.`,
        account,
        open,
      }
    }

    case 'NoteErasure':
      return state.isErased ? [] : [{ type: 'PersonErased', data: { account, why: command.why } }]
  }
}

/** Phones are promised the limit and what holds may exceed it by: more than the bound, and more than now, takes two. */
const beyondBound = (
  { account, currency, bound = usualBound(currency), approval }: Giving,
  state: Account,
  to: { readonly limit?: Amount; readonly oversubscription?: Amount },
): StandingRefusal | undefined => {
  if (approval) return undefined
  const now = { limit: state.limits.get(currency) ?? zero, oversubscription: termsIn(state, currency).oversubscription }
  const [credit, before] = [{ ...now, ...to }, now].map(each => each.limit + each.oversubscription) as [bigint, bigint]
  if (credit <= bound || credit <= before) return undefined
  return {
    reason: 'CreditBeyondBound',
    message: `Account ${account} would have ${inWords({ amount: credit, currency })} of credit, and one person gives ${inWords({ amount: bound, currency })} at most: ${state.account === undefined ? 'open it with less, and propose the rest to a second person' : 'propose it with a reason, and a second person approves it'}.`,
    account,
    bound,
    asked: credit,
  }
}

type Unsettled = { readonly figure: string; readonly amount: bigint; readonly currency: Currency }

const unsettledIn = (state: Account, figures: Figures): Unsettled[] => {
  const { currency, inDispute } = figures
  const owed = owedIn(state, figures)
  const of = [
    { figure: 'owed', amount: owed > 0n ? owed : 0n, currency },
    { figure: 'credit', amount: owed < 0n ? -owed : 0n, currency },
    { figure: 'in dispute', amount: inDispute, currency },
    { figure: 'held', amount: heldIn(state, figures), currency },
  ]
  return of.filter(({ amount }) => amount !== 0n)
}

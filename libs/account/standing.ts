import type { Refusal } from '#canonical/decider'
import type { Amount, Currency } from '#money'
import { notOpen, otherCurrency } from './allowance.ts'
import type { AccountEvent } from './events.ts'
import { type Account, type Figures, heldIn, inWords, limitsInWords, owedIn } from './state.ts'

/** Whether an account stands: opened, its limits and terms, suspended and reinstated, and closed in two steps. */

/* ------------------------------------------------------------------ words */

type Of = { readonly account: string }

export type StandingCommand =
  | ({ readonly type: 'OpenAccount'; readonly currency: Currency; readonly limit: Amount } & Of)
  | ({ readonly type: 'SetCreditLimit'; readonly currency: Currency; readonly limit: Amount } & Of)
  | ({
      readonly type: 'SetAccountTerms'
      readonly currency: Currency
      readonly creditCounts: boolean
      readonly oversubscription: Amount
    } & Of)
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
}

/* ----------------------------------------------------------------- decide */

export const decideStanding = (command: StandingCommand, state: Account): readonly AccountEvent[] | StandingRefusal => {
  const { account } = command
  const { standing } = state
  switch (command.type) {
    case 'OpenAccount': {
      const { currency, limit } = command
      if (state.account === undefined)
        return [{ type: 'AccountOpened', data: { account, currency, limit: limit.toString() } }]
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
      return [{ type: 'CreditLimitSet', data: { account, currency, limit: limit.toString() } }]
    }

    case 'SetAccountTerms': {
      const { currency, creditCounts, oversubscription } = command
      const held = state.terms.get(currency) ?? { creditCounts: false, oversubscription: 0n }
      if (held.creditCounts === creditCounts && held.oversubscription === oversubscription) return []
      if (standing === 'closing' || standing === 'closed') return notOpen(state)
      if (!state.limits.has(currency)) return otherCurrency(state, currency)
      const data = { account, currency, creditCounts, oversubscription: oversubscription.toString() }
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

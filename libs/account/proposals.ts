import { isRefusal, type Refusal } from '#canonical/decider'
import { formatAmount, minorUnits } from '#money'
import { otherCurrency } from './allowance.ts'
import type { AccountEvent } from './events.ts'
import { type Approval, paidOut, returned, type TakingRefusal } from './repayments.ts'
import { decideStanding, type StandingRefusal } from './standing.ts'
import type { Account, AccountOrder, Figures, Proposed } from './state.ts'

/**
 * What one person could rob the house by: credit beyond what one may give, a payout, a repayment that is called back.
 * One proposes it, another approves exactly that, and it is decided anew by the figures of then.
 */

/* ------------------------------------------------------------------ words */

type Asked = { readonly account: string; readonly proposal: string; readonly operator: string }
/** For a payout, in its currency. */
type Known = { readonly figures?: Figures | undefined }

export type ProposalCommand =
  | ({ readonly type: 'ProposeAccountOrder'; readonly order: AccountOrder; readonly why: string } & Asked & Known)
  | ({ readonly type: 'RejectAccountOrder'; readonly why: string } & Asked)
  | ({ readonly type: 'ApproveAccountOrder' } & Asked & Known)

export type ProposalRefusal =
  | (Refusal & {
      readonly reason:
        | 'ProposalUnknown'
        | 'ProposalDiffers'
        | 'ProposalNotOpen'
        | 'ProposalOvertaken'
        | 'SecondPersonRequired'
    })
  | TakingRefusal
  | StandingRefusal

/* ----------------------------------------------------------------- decide */

export const decideProposal = (command: ProposalCommand, state: Account): readonly AccountEvent[] | ProposalRefusal => {
  const { account, proposal, operator } = command
  const held = state.proposals.get(proposal)
  if (command.type === 'ProposeAccountOrder') {
    const { order, why, figures } = command
    if (held && isSame(held.order, order) && held.operator === operator) return []
    if (held)
      return {
        reason: 'ProposalDiffers',
        message: `Proposal ${proposal} of account ${account} is ${orderInWords(held.order)}${by(held)}: another one needs an id of its own.`,
        proposal,
      }
    // Whoever proposes hears now what the other would hear then.
    const then = carriedOut({ order, why }, { proposal, operators: [operator, operator] }, figures, state)
    if (isRefusal(then)) return then
    if (then.length === 0) return overtaken(account, proposal, order)
    return [{ type: 'AccountOrderProposed', data: { account, proposal, order, operator, why } }]
  }

  if (!held)
    return {
      reason: 'ProposalUnknown',
      message: `Nothing was proposed as ${proposal} for account ${account}: look at its page for what waits.`,
      proposal,
    }
  if (held.state === (command.type === 'RejectAccountOrder' ? 'rejected' : 'done')) return []
  if (held.state !== 'proposed')
    return {
      reason: 'ProposalNotOpen',
      message: `Proposal ${proposal}, ${orderInWords(held.order)}, was ${held.state === 'done' ? 'approved and is done' : 'rejected: propose it anew, with an id of its own'}.`,
      proposal,
      state: held.state,
    }
  switch (command.type) {
    case 'RejectAccountOrder':
      return [{ type: 'AccountOrderRejected', data: { account, proposal, operator, why: command.why } }]

    case 'ApproveAccountOrder': {
      if (operator === held.operator)
        return {
          reason: 'SecondPersonRequired',
          message: `${operator} proposed this and cannot approve it alone: another operator must.`,
          proposal,
          operator,
        }
      const done = carriedOut(held, { proposal, operators: [held.operator, operator] }, command.figures, state)
      return isRefusal(done) || done.length > 0 ? done : overtaken(account, proposal, held.order)
    }
  }
}

const by = ({ operator }: Pick<Proposed, 'operator'>): string => (operator === '' ? '' : `, proposed by ${operator}`)

const overtaken = (account: string, proposal: string, order: AccountOrder): ProposalRefusal => ({
  reason: 'ProposalOvertaken',
  message: `Account ${account} is already so: ${orderInWords(order)} needs no proposal ${proposal}; reject it, if it waits.`,
  proposal,
})

const carriedOut = (
  { order, why }: Pick<Proposed, 'order' | 'why'>,
  approval: Approval,
  figures: Figures | undefined,
  state: Account,
): readonly AccountEvent[] | StandingRefusal | TakingRefusal => {
  const account = state.account as string
  switch (order.kind) {
    case 'limit': {
      const { currency, limit } = order
      return decideStanding({ type: 'SetCreditLimit', account, currency, limit: minorUnits(limit), approval }, state)
    }
    case 'terms': {
      const { currency, creditCounts } = order
      const oversubscription = minorUnits(order.oversubscription)
      return decideStanding(
        { type: 'SetAccountTerms', account, currency, creditCounts, oversubscription, approval },
        state,
      )
    }
    case 'payout': {
      const { currency, source } = order
      if (figures?.currency !== currency) return otherCurrency(state, currency)
      const asked = { payout: approval.proposal, currency, amount: minorUnits(order.amount), source, approval }
      return paidOut(asked, figures, state)
    }
    case 'return':
      return returned({ repayment: order.repayment, why, approval }, state)
  }
}

const isSame = (one: AccountOrder, other: AccountOrder): boolean =>
  Object.keys({ ...one, ...other }).every(
    key => (one as Record<string, unknown>)[key] === (other as Record<string, unknown>)[key],
  )

/** What is asked, as a sentence has it. */
export const orderInWords = (order: AccountOrder): string => {
  const money = (text: string, currency: string) => `${formatAmount(minorUnits(text), currency)} ${currency}`
  switch (order.kind) {
    case 'limit':
      return `a limit of ${money(order.limit, order.currency)}`
    case 'terms':
      return `holds beyond what is available by ${money(order.oversubscription, order.currency)}${order.creditCounts ? ', and credit that counts' : ''}`
    case 'payout':
      return `a payout of ${money(order.amount, order.currency)}`
    case 'return':
      return `repayment ${order.repayment} called back`
  }
}

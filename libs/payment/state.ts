import { type Amount, amount, type Currency, minorUnits, zero } from '#money'
import type { Bears, DataOf, PaymentEvent } from './events.ts'

export type HeldReversal = DataOf<'ReversalHeld'>

/** What a payer was charged, and how much of it went back. */
export type Charged = {
  readonly account: string
  readonly terminal: string
  readonly transaction: string
  readonly merchant: string
  readonly currency: Currency
  readonly gross: Amount
  readonly fee: Amount
  readonly tax: Amount
  readonly returnsFee: boolean
  readonly reversed: Amount
}

export type Proposal =
  | { readonly about: 'decision'; readonly bears: Bears; readonly operator: string; readonly why: string }
  | {
      readonly about: 'refusal' | 'release'
      readonly reversal: string
      readonly operator: string
      readonly why: string
    }

export type Payment = {
  readonly standing: 'unjudged' | 'accepted' | 'held' | 'decided'
  readonly held: DataOf<'PaymentHeld'> | undefined
  /** Who bears it, by the word of two people. */
  readonly decided: Bears | undefined
  /** Their word, until it was carried out. */
  readonly approval: DataOf<'HeldDecisionApproved'> | undefined
  /** Undefined until a payer owes it. */
  readonly charged: Charged | undefined
  readonly heldReversals: ReadonlyMap<string, HeldReversal>
  readonly settledReversals: ReadonlySet<string>
  /** All that was ever proposed; and of them what waits for a second person. */
  readonly proposals: ReadonlyMap<string, Proposal>
  readonly open: ReadonlySet<string>
  /** What two people have done. */
  readonly approved: ReadonlySet<string>
  /** What is set aside of its license's hold. */
  readonly unclaimed: DataOf<'PaymentUnclaimed'> | undefined
  /** It was set free again: its terminal never recorded it. */
  readonly freed: boolean
}

export const unseen: Payment = {
  standing: 'unjudged',
  held: undefined,
  decided: undefined,
  approval: undefined,
  charged: undefined,
  heldReversals: new Map(),
  settledReversals: new Set(),
  proposals: new Map(),
  open: new Set(),
  approved: new Set(),
  unclaimed: undefined,
  freed: false,
}

export const evolve = (state: Payment, event: PaymentEvent): Payment => {
  switch (event.type) {
    case 'PaymentAccepted': {
      const charged = chargedBy(event.data, event.data.account)
      return { ...state, standing: 'accepted', charged, unclaimed: undefined }
    }
    case 'PaymentHeld':
      return { ...state, standing: 'held', held: event.data }
    case 'HeldDecisionProposed': {
      const { proposal, bears, operator, reason } = event.data
      return proposed(state, proposal, { about: 'decision', bears, operator, why: reason })
    }
    case 'HeldDecisionApproved': {
      const { proposal } = event.data
      // Only a decision is approved by this word.
      const { bears } = state.proposals.get(proposal) as Extract<Proposal, { readonly about: 'decision' }>
      const open = without(state, (_, each) => each.about === 'decision')
      return approved({ ...state, decided: bears, approval: event.data, open }, proposal)
    }
    case 'ReversalRefusalProposed': {
      const { proposal, reversal, operator, why } = event.data
      return proposed(state, proposal, { about: 'refusal', reversal, operator, why })
    }
    case 'ReversalReleaseProposed': {
      const { proposal, reversal, operator, why } = event.data
      return proposed(state, proposal, { about: 'release', reversal, operator, why })
    }
    case 'ProposalWithdrawn':
      return { ...state, open: without(state, id => id === event.data.proposal) }
    case 'HeldPaymentDecided': {
      const { bears, account, proposal } = event.data
      const isCharged = bears === 'payer' && account !== null
      const decided = {
        ...state,
        standing: 'decided' as const,
        decided: bears,
        approval: undefined,
        charged: isCharged ? chargedBy(event.data, account) : undefined,
        unclaimed: isCharged ? undefined : state.unclaimed,
        open: without(state, (_, each) => each.about === 'decision'),
      }
      return approved(decided, proposal)
    }
    case 'ReversalAccepted':
      return settled(state, event.data.reversal, minorUnits(event.data.amount))
    case 'ReversalReleased': {
      const { reversal, amount, proposal } = event.data
      return approved(settled(state, reversal, minorUnits(amount)), proposal)
    }
    case 'ReversalHeld': {
      const { reversal } = event.data
      return { ...state, heldReversals: new Map(state.heldReversals).set(reversal, event.data) }
    }
    case 'ReversalRefused':
      return approved(settled(state, event.data.reversal, zero), event.data.proposal)
    case 'PaymentUnclaimed':
      return { ...state, unclaimed: event.data }
    case 'UnclaimedReleased':
      return { ...state, unclaimed: undefined, freed: true }
  }
}

/** The open proposals but those. */
const without = (state: Payment, gone: (id: string, proposal: Proposal) => boolean): ReadonlySet<string> =>
  new Set([...state.open].filter(id => !gone(id, state.proposals.get(id) as Proposal)))

const subjectOf = (proposal: Proposal): string => (proposal.about === 'decision' ? '' : proposal.reversal)

const proposed = (state: Payment, id: string, proposal: Proposal): Payment => {
  const others = without(state, (_, each) => subjectOf(each) === subjectOf(proposal))
  return { ...state, proposals: new Map(state.proposals).set(id, proposal), open: new Set(others).add(id) }
}

const approved = (state: Payment, proposal: string | undefined): Payment =>
  proposal === undefined ? state : { ...state, approved: new Set(state.approved).add(proposal) }

type Shares = Pick<
  DataOf<'PaymentAccepted'>,
  'terminal' | 'transaction' | 'merchant' | 'currency' | 'gross' | 'fee' | 'tax' | 'returnsFee'
>

const chargedBy = (
  { terminal, transaction, merchant, currency, gross, fee, tax, returnsFee }: Shares,
  account: string,
): Charged => ({
  account,
  terminal,
  transaction,
  merchant,
  currency,
  gross: minorUnits(gross),
  fee: minorUnits(fee),
  tax: minorUnits(tax),
  returnsFee,
  reversed: zero,
})

const settled = (state: Payment, reversal: string, given: Amount): Payment => {
  const heldReversals = new Map(state.heldReversals)
  heldReversals.delete(reversal)
  const { charged } = state
  return {
    ...state,
    heldReversals,
    settledReversals: new Set(state.settledReversals).add(reversal),
    open: without(state, (_, each) => subjectOf(each) === reversal),
    charged: charged && { ...charged, reversed: amount(charged.reversed + given) },
  }
}

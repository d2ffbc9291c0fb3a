import type { Refusal } from '#canonical/decider'
import { minorUnits } from '#money'
import type { Bears, DataOf, PaymentEvent } from './events.ts'
import { obstacle, refusedReversal, released, releasedReversal } from './reversal.ts'
import { datesOf, drawable, excessExceptions, type Figures, nothingShared, placeOf, sharesOf } from './shares.ts'
import { type Charged, evolve, type HeldReversal, type Payment, type Proposal } from './state.ts'

/**
 * What waits for two people: who bears a held payment, and whether a held reversal is refused or let through. One proposes, another
 * approves exactly what was proposed; a new proposal takes the place of the last, and any may be withdrawn.
 */

type By = { readonly payment: string; readonly proposal: string; readonly operator: string }

export type TwoPeopleCommand =
  | ({ readonly type: 'ProposeDecision'; readonly bears: Bears; readonly reason: string } & By)
  | ({ readonly type: 'ProposeRefusal'; readonly reversal: string; readonly why: string } & By)
  | ({ readonly type: 'ProposeRelease'; readonly reversal: string; readonly why: string } & By)
  | ({ readonly type: 'Withdraw'; readonly why: string } & By)
  | ({ readonly type: 'ApproveDecision' } & By)
  /** In the order of verdicts, by whoever knows what is left of the hold there. */
  | ({ readonly type: 'CarryOutDecision'; readonly bookingDate: string } & Pick<By, 'payment'> & Figures)
  | ({ readonly type: 'ApproveRefusal'; readonly bookingDate: string } & By)
  | ({ readonly type: 'ApproveRelease'; readonly bookingDate: string } & By)

export type TwoPeopleRefusal = Refusal & {
  readonly reason:
    | 'PaymentNotHeld'
    | 'PaymentDecidedOtherwise'
    | 'SecondPersonRequired'
    | 'PayerUnknown'
    | 'ProposalUnknown'
    | 'ProposalDiffers'
    | 'ProposalNotOpen'
    | 'ReversalNotHeld'
    | 'ReversalHeldFirst'
    | 'ReversalObstructed'
}

export const decideByTwo = (command: TwoPeopleCommand, state: Payment): readonly PaymentEvent[] | TwoPeopleRefusal => {
  switch (command.type) {
    case 'ProposeDecision': {
      const { payment, proposal, bears, operator, reason } = command
      const known = knownAs(state, proposal, { about: 'decision', bears, operator, why: reason })
      if (known) return known
      const no = undecidable(command, state)
      if (no) return no
      return [{ type: 'HeldDecisionProposed', data: { payment, proposal, bears, operator, reason } }]
    }

    case 'ProposeRefusal': {
      const { payment, proposal, reversal, operator, why } = command
      const known = knownAs(state, proposal, { about: 'refusal', reversal, operator, why })
      if (known) return known
      if (!state.heldReversals.has(reversal)) return reversalNotHeld(reversal)
      return [{ type: 'ReversalRefusalProposed', data: { payment, proposal, reversal, operator, why } }]
    }

    case 'ProposeRelease': {
      const { payment, proposal, reversal, operator, why } = command
      const known = knownAs(state, proposal, { about: 'release', reversal, operator, why })
      if (known) return known
      const held = state.heldReversals.get(reversal)
      if (!held) return reversalNotHeld(reversal)
      const obstructed = unreleasable(state, held)
      if (obstructed) return obstructed
      return [{ type: 'ReversalReleaseProposed', data: { payment, proposal, reversal, operator, why } }]
    }

    case 'Withdraw': {
      const { payment, proposal, operator, why } = command
      if (!state.proposals.has(proposal)) return unknown(proposal)
      if (state.approved.has(proposal)) return notOpen(state, proposal)
      if (!state.open.has(proposal)) return []
      return [{ type: 'ProposalWithdrawn', data: { payment, proposal, operator, why } }]
    }

    case 'ApproveDecision': {
      const { payment, proposal, operator } = command
      if (state.approved.has(proposal)) return []
      const proposed = state.proposals.get(proposal)
      if (proposed?.about !== 'decision') return unknown(proposal)
      const no = notFor(state, command, proposed) ?? undecidable({ payment, bears: proposed.bears }, state)
      return no ?? [{ type: 'HeldDecisionApproved', data: { payment, proposal, operator } }]
    }

    case 'CarryOutDecision':
      return state.approval ? carriedOut(command, state, state.approval) : []

    case 'ApproveRefusal': {
      const { proposal, operator, bookingDate } = command
      if (state.approved.has(proposal)) return []
      const proposed = state.proposals.get(proposal)
      if (proposed?.about !== 'refusal') return unknown(proposal)
      const no = notFor(state, command, proposed)
      if (no) return no
      const { reversal, why } = proposed
      // A proposal about a reversal that is settled is open no more.
      const held = state.heldReversals.get(reversal) as HeldReversal
      return [refusedReversal(held, { operators: [proposed.operator, operator], proposal, why }, bookingDate)]
    }

    case 'ApproveRelease': {
      const { proposal, operator, bookingDate } = command
      if (state.approved.has(proposal)) return []
      const proposed = state.proposals.get(proposal)
      if (proposed?.about !== 'release') return unknown(proposal)
      const { reversal, why } = proposed
      const held = state.heldReversals.get(reversal)
      const no = notFor(state, command, proposed) ?? (held && unreleasable(state, held))
      if (no) return no
      const by: [string, string] = [proposed.operator, operator]
      // An open proposal is of a held reversal, and one that nothing obstructs is of a payment that was charged.
      const [charged, asked] = [state.charged as Charged, held as HeldReversal]
      return [releasedReversal(charged, asked, bookingDate, { operators: by, proposal, why })]
    }
  }
}

/** Two people had their say. What came between, as a reversal of it, is settled by itself. */
const carriedOut = (
  command: Extract<TwoPeopleCommand, { type: 'CarryOutDecision' }>,
  state: Payment,
  { proposal, operator }: DataOf<'HeldDecisionApproved'>,
): readonly PaymentEvent[] => {
  const { payment, bookingDate } = command
  // What was approved was proposed, of a payment that is held.
  const { bears, operator: first, why } = state.proposals.get(proposal) as Extract<Proposal, { about: 'decision' }>
  const held = state.held as DataOf<'PaymentHeld'>
  const gross = minorUnits(held.gross)
  const shares =
    bears === 'payer'
      ? sharesOf(gross, drawable(command, state), 'operator', state)
      : nothingShared(gross, command.terms)
  const exceptions = excessExceptions(shares, command)
  const { account, license, currency } = held
  const operators: [string, string] = [first, operator]
  const decided: PaymentEvent = {
    type: 'HeldPaymentDecided',
    data: {
      payment,
      bears,
      operators,
      proposal,
      reason: why,
      account,
      license,
      ...placeOf(held),
      currency,
      ...shares,
      ...datesOf(held, bookingDate),
      ...(exceptions.length > 0 ? { exceptions } : {}),
    },
  }
  const freed = bears === 'payer' ? [] : setFree(state, held.event, 'HeldPaymentDecided')
  // Nobody was charged, so there is nothing to give back: what the reversals took returns to the merchant.
  if (bears === 'merchant') {
    const waiting = [...state.heldReversals.values()]
    const by = { operators, proposal, why }
    return [decided, ...freed, ...waiting.map(reversal => refusedReversal(reversal, by, bookingDate))]
  }
  return [decided, ...freed, ...released(evolve(state, decided), bookingDate)]
}

/** What a phone told of is borne by nobody's hold: its part of it is free again. */
export const setFree = ({ unclaimed }: Payment, event: string, why: string): PaymentEvent[] => {
  if (!unclaimed || unclaimed.amount === '0') return []
  const { payment, account, license, currency, amount } = unclaimed
  return [{ type: 'UnclaimedReleased', data: { payment, event, account, license, currency, amount, why } }]
}

/** Why nobody can decide that these bear it. */
const undecidable = (
  { payment, bears }: { readonly payment: string; readonly bears: Bears },
  { held, standing, decided, heldReversals }: Payment,
): TwoPeopleRefusal | undefined => {
  const named = `Payment ${payment.slice(0, 12)}…`
  if (!held)
    return {
      reason: 'PaymentNotHeld',
      message: `${named} is ${standing}: only a held payment is decided.`,
      payment,
      standing,
    }
  if (decided)
    return {
      reason: 'PaymentDecidedOtherwise',
      message: `${named} was decided: the ${decided} bears it. Propose an adjustment to correct that.`,
      payment,
      bears: decided,
    }
  if (bears === 'payer' && (held.account === null || held.license === null))
    return {
      reason: 'PayerUnknown',
      message: `${named} names no license that can be read, so no payer can bear it: let the merchant or the operator bear it.`,
      payment,
    }
  const [first] = heldReversals.values()
  if (bears === 'operator' && first)
    return {
      reason: 'ReversalHeldFirst',
      message: `Reversal ${first.reversal} of this payment is held as well, so its goods may be back: let the merchant or the payer bear it, or refuse the reversal first.`,
      reversal: first.reversal,
    }
  return undefined
}

/** A proposal's id is minted by whoever makes it: told again it is the same one, and another one needs an id of its own. */
const knownAs = (
  state: Payment,
  id: string,
  asked: Proposal,
): readonly PaymentEvent[] | TwoPeopleRefusal | undefined => {
  const known = state.proposals.get(id)
  if (!known) return undefined
  if (JSON.stringify(known) === JSON.stringify(asked)) return []
  return {
    reason: 'ProposalDiffers',
    message: `Proposal ${id} was made by ${known.operator} with other content: another proposal needs an id of its own.`,
    proposal: id,
    operator: known.operator,
  }
}

/** Why this operator cannot approve what was proposed. */
const notFor = (state: Payment, { proposal, operator }: By, proposed: Proposal): TwoPeopleRefusal | undefined => {
  if (!state.open.has(proposal)) return notOpen(state, proposal)
  if (proposed.operator !== operator) return undefined
  return {
    reason: 'SecondPersonRequired',
    message: `${operator} proposed this and cannot approve it alone: another operator must.`,
    proposal,
    operator,
  }
}

const unknown = (proposal: string): TwoPeopleRefusal => ({
  reason: 'ProposalUnknown',
  message: `There is no proposal ${proposal} of this kind on this payment: look at its page for those that are open.`,
  proposal,
})

const notOpen = ({ approved }: Payment, proposal: string): TwoPeopleRefusal => ({
  reason: 'ProposalNotOpen',
  message: approved.has(proposal)
    ? `Proposal ${proposal} was approved: propose an adjustment to correct that.`
    : `Proposal ${proposal} was withdrawn, replaced or overtaken: read the payment again, and propose anew.`,
  proposal,
})

/** People may trust a terminal; they cannot give back what was not paid. */
const unreleasable = (state: Payment, held: HeldReversal): TwoPeopleRefusal | undefined => {
  const why = obstacle(state, held)
  return why === undefined
    ? undefined
    : {
        reason: 'ReversalObstructed',
        message: `Reversal ${held.reversal} cannot be let through now (${why}): refuse it, or wait until that is cleared.`,
        reversal: held.reversal,
        obstacle: why,
      }
}

const reversalNotHeld = (reversal: string): TwoPeopleRefusal => ({
  reason: 'ReversalNotHeld',
  message: `Reversal ${reversal} is not held, so there is nothing to decide about it.`,
  reversal,
})

import { z } from 'zod'
import type { Decider, Refusal } from '#canonical/decider'
import { type FactOf, word } from '#canonical/event'
import { name } from '#canonical/fields'
import { type Amount, amount, type Currency, exponentOf, formatAmount, minorUnits } from '#money'
import { currency, minor } from '#money/fields'

/**
 * `credit-bounds`: how much credit one person may give an account alone, in each currency. One person may lower it at
 * once; raising it takes two, or whoever may set it would have no second person over them either.
 */

/* ------------------------------------------------------------------ words */

const why = z.string().min(1).max(500)
const said = { proposal: name, currency, bound: minor, why }

export const boundWords = {
  CreditBoundProposed: word(z.object({ ...said, operator: name })),
  CreditBoundRejected: word(z.object({ proposal: name, operator: name, why })),
  /** By one where it went down, by two where it went up. */
  CreditBoundSet: word(z.object({ ...said, operators: z.array(name).min(1).max(2) })),
}

export type BoundEvent = FactOf<typeof boundWords>

type Asked = { readonly proposal: string; readonly operator: string }

export type BoundCommand =
  | ({ readonly type: 'SetBound'; readonly currency: Currency; readonly bound: Amount; readonly why: string } & Asked)
  | ({ readonly type: 'ApproveBound' } & Asked)
  | ({ readonly type: 'RejectBound'; readonly why: string } & Asked)

export type BoundRefusal = Refusal & {
  readonly reason: 'BoundUnknown' | 'BoundDiffers' | 'BoundNotOpen' | 'SecondPersonRequired'
}

/* ------------------------------------------------------------------ state */

type Proposed = {
  readonly currency: Currency
  readonly bound: Amount
  readonly operator: string
  readonly why: string
  readonly state: 'proposed' | 'rejected' | 'done'
}
export type Bounds = {
  readonly bounds: ReadonlyMap<Currency, Amount>
  readonly proposals: ReadonlyMap<string, Proposed>
}

/**
 * Where a house has said nothing: 500 000 of the smaller units, which is 5,000.00 of most currencies; beyond what the
 * customer of a corner shop has, and not worth a fraud by two. A currency of three places has ten times as many.
 */
export const usualBound = (currency: Currency): Amount =>
  amount(500_000n * 10n ** BigInt(Math.max(0, exponentOf(currency) - 2)))

export const boundIn = ({ bounds }: Bounds, currency: Currency): Amount => bounds.get(currency) ?? usualBound(currency)

/* ----------------------------------------------------------------- decide */

const decide = (command: BoundCommand, state: Bounds): readonly BoundEvent[] | BoundRefusal => {
  const { proposal, operator } = command
  const held = state.proposals.get(proposal)
  if (command.type === 'SetBound') {
    const { currency, bound, why } = command
    if (held?.currency === currency && held.bound === bound && held.operator === operator) return []
    if (held)
      return {
        reason: 'BoundDiffers',
        message: `Proposal ${proposal} is a bound of ${inWords(held)}, by ${held.operator}: another one needs an id of its own.`,
        proposal,
      }
    const now = boundIn(state, currency)
    if (bound === now) return []
    const data = { proposal, currency, bound: bound.toString(), why }
    return bound < now
      ? [{ type: 'CreditBoundSet', data: { ...data, operators: [operator] } }]
      : [{ type: 'CreditBoundProposed', data: { ...data, operator } }]
  }
  if (!held)
    return {
      reason: 'BoundUnknown',
      message: `No bound was proposed as ${proposal}: look at the list of those that wait.`,
      proposal,
    }
  if (held.state === (command.type === 'RejectBound' ? 'rejected' : 'done')) return []
  if (held.state !== 'proposed')
    return {
      reason: 'BoundNotOpen',
      message: `The bound of ${inWords(held)} was ${held.state === 'done' ? 'set' : 'rejected'}: propose another one, with an id of its own.`,
      proposal,
      state: held.state,
    }
  if (command.type === 'RejectBound')
    return [{ type: 'CreditBoundRejected', data: { proposal, operator, why: command.why } }]
  if (operator === held.operator)
    return {
      reason: 'SecondPersonRequired',
      message: `${operator} proposed this and cannot approve it alone: another operator must.`,
      proposal,
      operator,
    }
  const { currency, bound, why } = held
  const operators = [held.operator, operator]
  return [{ type: 'CreditBoundSet', data: { proposal, currency, bound: bound.toString(), why, operators } }]
}

const inWords = ({ bound, currency }: { readonly bound: Amount; readonly currency: Currency }): string =>
  `${formatAmount(bound, currency)} ${currency}`

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Bounds, event: BoundEvent): Bounds => {
  const proposals = new Map(state.proposals)
  const { proposal } = event.data
  switch (event.type) {
    case 'CreditBoundProposed': {
      const { currency, operator, why } = event.data
      proposals.set(proposal, { currency, bound: minorUnits(event.data.bound), operator, why, state: 'proposed' })
      return { ...state, proposals }
    }
    case 'CreditBoundRejected': {
      const held = proposals.get(proposal)
      return held ? { ...state, proposals: proposals.set(proposal, { ...held, state: 'rejected' }) } : state
    }
    case 'CreditBoundSet': {
      const { currency, why, operators } = event.data
      const bound = minorUnits(event.data.bound)
      proposals.set(proposal, { currency, bound, operator: operators[0] ?? '', why, state: 'done' })
      return { bounds: new Map(state.bounds).set(currency, bound), proposals }
    }
  }
}

export const creditBounds: Decider<Bounds, BoundCommand, BoundEvent, BoundRefusal> = {
  initialState: { bounds: new Map(), proposals: new Map() },
  decide,
  evolve,
}

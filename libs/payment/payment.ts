import type { Check } from '#canonical/check'
import type { Decider, Refusal } from '#canonical/decider'
import { type Amount, amount, type Currency, minorUnits, shareOf, smaller, zero } from '#money'
import type { DataOf, Occurred, PaymentEvent } from './events.ts'
import { verdictOn, verdictRule } from './verdict.ts'

/* ------------------------------------------------------------------ words */

export type Terms = {
  readonly version: number
  readonly feeBasisPoints: number
  /** Of the fee. */
  readonly taxBasisPoints: number
  readonly returnsFee: boolean
}

type Place = {
  readonly merchant: string
  readonly shop: string
  readonly terminal: string
  readonly transaction: string
}

type Dates = { readonly occurred: Occurred; readonly businessDate: string; readonly bookingDate: string }

/** What the decider must be told from above, as known where the verdict is caused. */
type Figures = {
  /** What is left of the license's hold; zero after its release. */
  readonly holdLeft: Amount
  /** The hold was let go when the license's term was over. */
  readonly holdReleased: boolean
  /** Of the account, before this payment; below zero where it is over its limit. */
  readonly available: bigint
  readonly terms: Terms
}

export type PaymentCommand =
  | ({
      readonly type: 'Judge'
      readonly payment: string
      readonly event: string
      readonly account: string | null
      readonly license: string | null
      readonly card: string | null
      readonly currency: Currency
      readonly gross: Amount
      readonly checks: readonly Check[]
      /** False where the payer's signature could not even be checked. */
      readonly signatureChecked: boolean
    } & Place &
      Dates &
      Figures)
  | ({
      readonly type: 'DecideHeld'
      readonly payment: string
      readonly bears: 'payer' | 'merchant' | 'operator'
      readonly operators: readonly [string, string]
      readonly reason: string
      readonly bookingDate: string
    } & Figures)
  | ({
      readonly type: 'Reverse'
      readonly reversal: string
      readonly payment: string
      readonly event: string
      readonly kind: 'void' | 'refund'
      readonly amount: Amount
      readonly currency: Currency
    } & Place &
      Dates)
  | {
      readonly type: 'RefuseReversal'
      readonly reversal: string
      readonly operators: readonly [string, string]
      readonly why: string
      readonly bookingDate: string
    }

export type PaymentRefusal = Refusal & {
  readonly reason:
    | 'PaymentNotHeld'
    | 'PaymentDecidedOtherwise'
    | 'SecondPersonRequired'
    | 'PayerUnknown'
    | 'ReversalNotHeld'
    | 'ReversalHeldFirst'
}

/* ------------------------------------------------------------------ state */

type HeldReversal = DataOf<'ReversalHeld'>

/** What a payer was charged, and how much of it went back. */
type Charged = {
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

export type Payment = {
  readonly standing: 'unjudged' | 'accepted' | 'held' | 'decided'
  readonly held: DataOf<'PaymentHeld'> | undefined
  readonly decided: DataOf<'HeldPaymentDecided'>['bears'] | undefined
  /** Undefined until a payer owes it. */
  readonly charged: Charged | undefined
  readonly heldReversals: ReadonlyMap<string, HeldReversal>
  readonly settledReversals: ReadonlySet<string>
}

const initialState: Payment = {
  standing: 'unjudged',
  held: undefined,
  decided: undefined,
  charged: undefined,
  heldReversals: new Map(),
  settledReversals: new Set(),
}

/* ----------------------------------------------------------------- decide */

const decide = (command: PaymentCommand, state: Payment): readonly PaymentEvent[] | PaymentRefusal => {
  switch (command.type) {
    case 'Judge': {
      if (state.standing !== 'unjudged') return []
      const { payment, event, account, license, card, currency, gross, checks, ...rest } = command
      const place = placeOf(command)
      const dates = datesOf(rest, rest.bookingDate)
      const verdict = verdictOn(checks, command.signatureChecked)
      // A payer whom nobody can name cannot owe: the reason is then the check that failed to find the license.
      const known = account !== null && license !== null && card !== null
      if (verdict.verdict === 'held' || !known) {
        const reason = verdict.verdict === 'held' ? verdict.reason : 'PayerUnknown'
        const who = { account, license, card }
        const data = { payment, event, ...who, ...place, currency, gross: gross.toString(), ...dates, reason }
        return [{ type: 'PaymentHeld', data: { ...data, checks: [...checks], rule: verdictRule } }]
      }
      const shares = sharesOf(gross, command, verdict.owner)
      const exceptions = new Set(verdict.exceptions)
      if (shares.excess !== '0') exceptions.add(command.holdReleased ? 'LateArrival' : 'OverAllowance')
      // The hold was already taken from what is available; only what is over it can break the limit.
      if (shares.excess !== '0' && command.available < minorUnits(shares.excess)) exceptions.add('OverLimit')
      const accepted: PaymentEvent = {
        type: 'PaymentAccepted',
        data: {
          payment,
          event,
          account,
          license,
          card,
          ...place,
          currency,
          ...shares,
          ...dates,
          exceptions: [...exceptions],
          rule: verdictRule,
        },
      }
      return [accepted, ...released(evolve(state, accepted), rest.bookingDate)]
    }

    case 'DecideHeld': {
      const { payment, bears, operators, reason, bookingDate } = command
      const held = state.held
      if (!held)
        return {
          reason: 'PaymentNotHeld',
          message: `Payment ${payment.slice(0, 12)}… is ${state.standing}: only a held payment is decided.`,
          payment,
          standing: state.standing,
        }
      if (state.decided === bears) return []
      if (state.decided)
        return {
          reason: 'PaymentDecidedOtherwise',
          message: `Payment ${payment.slice(0, 12)}… was decided: the ${state.decided} bears it. Propose an adjustment to correct that.`,
          payment,
          bears: state.decided,
        }
      const alone = samePerson(operators)
      if (alone) return alone
      if (bears === 'payer' && (held.account === null || held.license === null))
        return {
          reason: 'PayerUnknown',
          message: `Payment ${payment.slice(0, 12)}… names no license that can be read, so no payer can bear it: let the merchant or the operator bear it.`,
          payment,
        }
      const waiting = [...state.heldReversals.values()]
      const [first] = waiting
      if (bears === 'operator' && first)
        return {
          reason: 'ReversalHeldFirst',
          message: `Reversal ${first.reversal} of this payment is held as well, so its goods may be back: let the merchant or the payer bear it, or refuse the reversal first.`,
          reversal: first.reversal,
        }
      const gross = minorUnits(held.gross)
      const shares = bears === 'payer' ? sharesOf(gross, command, 'operator') : nothingShared(gross, command.terms)
      const { account, license, currency } = held
      const by = { operators: [...operators] as [string, string], reason }
      const place = placeOf(held)
      const decided: PaymentEvent = {
        type: 'HeldPaymentDecided',
        data: { payment, bears, ...by, account, license, ...place, currency, ...shares, ...datesOf(held, bookingDate) },
      }
      // Nobody was charged, so there is nothing to give back: what the reversals took returns to the merchant.
      if (bears === 'merchant')
        return [decided, ...waiting.map(reversal => refusedReversal(reversal, by.operators, reason, bookingDate))]
      return [decided, ...released(evolve(state, decided), bookingDate)]
    }

    case 'Reverse': {
      if (state.settledReversals.has(command.reversal) || state.heldReversals.has(command.reversal)) return []
      const data = askedOf({ ...command, amount: command.amount.toString() }, command.bookingDate)
      const why = obstacle(state, data)
      if (why) return [{ type: 'ReversalHeld', data: { ...data, reason: why } }]
      const charged = state.charged as Charged
      return [
        { type: 'ReversalAccepted', data: { ...data, account: charged.account, ...feeBack(charged, command.amount) } },
      ]
    }

    case 'RefuseReversal': {
      const held = state.heldReversals.get(command.reversal)
      if (!held)
        return {
          reason: 'ReversalNotHeld',
          message: `Reversal ${command.reversal} is not held, so there is nothing to refuse.`,
          reversal: command.reversal,
        }
      const alone = samePerson(command.operators)
      if (alone) return alone
      const operators = [...command.operators] as [string, string]
      return [refusedReversal(held, operators, command.why, command.bookingDate)]
    }
  }
}

const placeOf = ({ merchant, shop, terminal, transaction }: Place): Place => ({ merchant, shop, terminal, transaction })

type Asked = Omit<HeldReversal, 'reason' | 'bookingDate'>

/** What was asked to be reversed, as booked on a day. */
const askedOf = (asked: Asked, bookingDate: string): Asked & { readonly bookingDate: string } => {
  const { reversal, payment, event, kind, amount, currency } = asked
  return { reversal, payment, event, kind, ...placeOf(asked), amount, currency, ...datesOf(asked, bookingDate) }
}

const datesOf = ({ occurred, businessDate }: Omit<Dates, 'bookingDate'>, bookingDate: string): Dates => ({
  occurred,
  businessDate,
  bookingDate,
})

/** The payer owes gross; the hold gives what it has left, and the rest is excess, with an owner. */
const sharesOf = (gross: Amount, { holdLeft, terms }: Figures, owner: 'merchant' | 'operator') => {
  const within = smaller(gross, holdLeft)
  const excess = gross - within
  const fee = shareOf(gross, terms.feeBasisPoints)
  return {
    gross: gross.toString(),
    within: within.toString(),
    excess: excess.toString(),
    excessOwner: excess === 0n ? null : owner,
    fee: fee.toString(),
    tax: shareOf(fee, terms.taxBasisPoints).toString(),
    termsVersion: terms.version,
    returnsFee: terms.returnsFee,
  }
}

const nothingShared = (gross: Amount, terms: Terms) => ({
  gross: gross.toString(),
  within: '0',
  excess: '0',
  excessOwner: null,
  fee: '0',
  tax: '0',
  termsVersion: terms.version,
  returnsFee: terms.returnsFee,
})

const samePerson = ([first, second]: readonly [string, string]): PaymentRefusal | undefined =>
  first.trim().toLowerCase() === second.trim().toLowerCase()
    ? {
        reason: 'SecondPersonRequired',
        message: `${first} cannot approve alone: a second operator must name themselves.`,
        operators: [first, second],
      }
    : undefined

const refusedReversal = (
  held: HeldReversal,
  operators: [string, string],
  why: string,
  bookingDate: string,
): PaymentEvent => ({ type: 'ReversalRefused', data: { ...askedOf(held, bookingDate), operators, why } })

/** Why a reversal cannot be posted to the payer now; undefined where it can. */
const obstacle = (
  { standing, charged }: Payment,
  asked: Pick<HeldReversal, 'merchant' | 'currency' | 'amount' | 'kind' | 'terminal' | 'transaction'>,
): HeldReversal['reason'] | undefined => {
  if (standing === 'held') return 'OriginalHeld'
  if (standing === 'unjudged') return 'RefundWithoutOriginal'
  // Decided, and no payer was charged: there is nothing to give back.
  if (!charged) return 'RefundExceedsOriginal'
  if (charged.currency !== asked.currency) return 'CurrencyMismatch'
  // Any terminal of the merchant refunds; a void is for the terminal that took the payment.
  const here = asked.kind === 'refund' || charged.terminal === asked.terminal
  if (charged.merchant !== asked.merchant || charged.transaction !== asked.transaction || !here)
    return 'RefundWithoutOriginal'
  return charged.reversed + minorUnits(asked.amount) > charged.gross ? 'RefundExceedsOriginal' : undefined
}

/** After refunds of R in all, floor(f × R / g) of the fee is back: a full refund returns exactly f, however it was cut. */
const feeBack = ({ gross, fee, tax, returnsFee, reversed }: Charged, r: Amount) => {
  const back = (part: Amount) =>
    returnsFee && gross > 0n ? (part * (reversed + r)) / gross - (part * reversed) / gross : 0n
  return { feeBack: back(fee).toString(), taxBack: back(tax).toString() }
}

/** Reversals that waited for their original, in the order they came, as far as there is room for them. */
const released = (state: Payment, bookingDate: string): PaymentEvent[] => {
  const events: PaymentEvent[] = []
  let now = state
  for (const asked of state.heldReversals.values()) {
    if (!now.charged || obstacle(now, asked)) continue
    const { account } = now.charged
    const back = feeBack(now.charged, minorUnits(asked.amount))
    const event: PaymentEvent = { type: 'ReversalReleased', data: { ...askedOf(asked, bookingDate), account, ...back } }
    events.push(event)
    now = evolve(now, event)
  }
  return events
}

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Payment, event: PaymentEvent): Payment => {
  switch (event.type) {
    case 'PaymentAccepted':
      return { ...state, standing: 'accepted', charged: chargedBy(event.data, event.data.account) }
    case 'PaymentHeld':
      return { ...state, standing: 'held', held: event.data }
    case 'HeldPaymentDecided': {
      const { bears, account } = event.data
      const charged = bears === 'payer' && account !== null ? chargedBy(event.data, account) : undefined
      return { ...state, standing: 'decided', decided: bears, charged }
    }
    case 'ReversalAccepted':
    case 'ReversalReleased':
      return settled(state, event.data.reversal, minorUnits(event.data.amount))
    case 'ReversalHeld': {
      const { reversal } = event.data
      return { ...state, heldReversals: new Map(state.heldReversals).set(reversal, event.data) }
    }
    case 'ReversalRefused':
      return settled(state, event.data.reversal, zero)
  }
}

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
    charged: charged && { ...charged, reversed: amount(charged.reversed + given) },
  }
}

export const payment: Decider<Payment, PaymentCommand, PaymentEvent, PaymentRefusal> = { initialState, decide, evolve }

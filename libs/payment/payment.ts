import type { Check } from '#canonical/check'
import type { Decider } from '#canonical/decider'
import { type Amount, type Currency, smaller } from '#money'
import type { PaymentEvent } from './events.ts'
import { type Reverse, released, reverse } from './reversal.ts'
import {
  type Dates,
  datesOf,
  drawable,
  excessExceptions,
  type Figures,
  type Place,
  placeOf,
  sharesOf,
} from './shares.ts'
import { evolve, type Payment, unseen } from './state.ts'
import { decideByTwo, setFree, type TwoPeopleCommand, type TwoPeopleRefusal } from './two-people.ts'
import { verdictOn } from './verdict.ts'

/* ------------------------------------------------------------------ words */

type Judge = {
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
  /** The version of the verdict rule that is in force. */
  readonly rule: number
  /** Absent where its terminal's log brought it. */
  readonly via?: 'phone'
} & Place &
  Dates &
  Figures

/** A phone told of a payment that no terminal has brought. */
type SetAside = {
  readonly type: 'SetAside'
  readonly payment: string
  readonly event: string
  readonly account: string
  readonly license: string
  readonly card: string
  readonly currency: Currency
  readonly gross: Amount
  readonly holdLeft: Amount
} & Place

/** Its terminal's log says that it recorded none and never will. */
type SetFree = {
  readonly type: 'SetFree'
  readonly payment: string
  readonly event: string
  readonly why: string
}

export type PaymentCommand = Judge | Reverse | SetAside | SetFree | TwoPeopleCommand

export type PaymentRefusal = TwoPeopleRefusal

/* ----------------------------------------------------------------- decide */

const decide = (command: PaymentCommand, state: Payment): readonly PaymentEvent[] | PaymentRefusal => {
  switch (command.type) {
    case 'Judge':
      return state.standing === 'unjudged' ? judge(command, state) : []
    case 'Reverse':
      return reverse(command, state)
    case 'SetAside': {
      if (state.standing !== 'unjudged' || state.unclaimed || state.freed) return []
      const { payment, event, account, license, card, currency, gross, holdLeft } = command
      const who = { payment, event, account, license, card, ...placeOf(command), currency }
      const amount = smaller(gross, holdLeft).toString()
      return [{ type: 'PaymentUnclaimed', data: { ...who, gross: gross.toString(), amount } }]
    }
    case 'SetFree':
      return state.standing === 'unjudged' ? setFree(state, command.event, command.why) : []
    case 'ProposeDecision':
    case 'ProposeRefusal':
    case 'ProposeRelease':
    case 'Withdraw':
    case 'ApproveDecision':
    case 'CarryOutDecision':
    case 'ApproveRefusal':
    case 'ApproveRelease':
      return decideByTwo(command, state)
  }
}

const judge = (command: Judge, state: Payment): readonly PaymentEvent[] => {
  const { payment, event, account, license, card, currency, gross, checks, rule, via, ...rest } = command
  const place = placeOf(command)
  const dates = datesOf(rest, rest.bookingDate)
  const verdict = verdictOn(checks, command.signatureChecked, rule)
  const made = { rule, ...(via ? { via } : {}) }
  // A payer whom nobody can name cannot owe: the reason is then the check that failed to find the license.
  const known = account !== null && license !== null && card !== null
  if (verdict.verdict === 'held' || !known) {
    const reason = verdict.verdict === 'held' ? verdict.reason : 'PayerUnknown'
    const who = { account, license, card }
    const data = { payment, event, ...who, ...place, currency, gross: gross.toString(), ...dates, reason }
    return [{ type: 'PaymentHeld', data: { ...data, checks: [...checks], ...made } }]
  }
  const shares = sharesOf(gross, rule > 3 ? drawable(command, state) : command, verdict.owner, state)
  const exceptions = [...new Set([...verdict.exceptions, ...excessExceptions(shares, command)])]
  const who = { payment, event, account, license, card }
  const accepted: PaymentEvent = {
    type: 'PaymentAccepted',
    data: { ...who, ...place, currency, ...shares, ...dates, exceptions, ...made },
  }
  return [accepted, ...released(evolve(state, accepted), rest.bookingDate)]
}

/* ----------------------------------------------------------------- evolve */

export const payment: Decider<Payment, PaymentCommand, PaymentEvent, PaymentRefusal> = {
  initialState: unseen,
  decide,
  evolve,
}

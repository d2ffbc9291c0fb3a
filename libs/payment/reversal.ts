import { type Amount, type Currency, minorUnits } from '#money'
import type { PaymentEvent } from './events.ts'
import { type Dates, datesOf, feeBack, type Place, placeOf } from './shares.ts'
import { type Charged, evolve, type HeldReversal, type Payment } from './state.ts'

/** Money on its way back, bounded by its original in the order of the centre's log. */

export type Reverse = {
  readonly type: 'Reverse'
  readonly reversal: string
  readonly payment: string
  readonly event: string
  readonly kind: 'void' | 'refund'
  readonly amount: Amount
  readonly currency: Currency
  /** Its terminal was declared lost, or suspended, before the centre had this. */
  readonly outOfHand?: 'TerminalLost' | 'TerminalSuspended' | undefined
} & Place &
  Dates

export const reverse = (command: Reverse, state: Payment): readonly PaymentEvent[] => {
  if (state.settledReversals.has(command.reversal) || state.heldReversals.has(command.reversal)) return []
  const data = askedOf({ ...command, amount: command.amount.toString() }, command.bookingDate)
  const why = command.outOfHand ?? obstacle(state, data)
  if (why) return [{ type: 'ReversalHeld', data: { ...data, reason: why } }]
  const charged = state.charged as Charged
  const back = feeBack(charged, command.amount)
  return [{ type: 'ReversalAccepted', data: { ...data, account: charged.account, ...back } }]
}

type Asked = Omit<HeldReversal, 'reason' | 'bookingDate'>

/** What was asked to be reversed, as booked on a day. */
const askedOf = (asked: Asked, bookingDate: string): Asked & { readonly bookingDate: string } => {
  const { reversal, payment, event, kind, amount, currency } = asked
  return { reversal, payment, event, kind, ...placeOf(asked), amount, currency, ...datesOf(asked, bookingDate) }
}

/** Why a reversal cannot be posted to the payer now; undefined where it can. */
export const obstacle = (
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

/** Reversals that waited for their original, in the order they came, as far as there is room for them. */
export const released = (state: Payment, bookingDate: string): PaymentEvent[] => {
  const events: PaymentEvent[] = []
  let now = state
  for (const asked of state.heldReversals.values()) {
    if (!now.charged || isForTwo(asked) || obstacle(now, asked)) continue
    const event = releasedReversal(now.charged, asked, bookingDate)
    events.push(event)
    now = evolve(now, event)
  }
  return events
}

/** What came from a terminal out of our hands waits for people, not for its original. */
const isForTwo = ({ reason }: HeldReversal): boolean => reason === 'TerminalLost' || reason === 'TerminalSuspended'

type ByTwo = { readonly operators: [string, string]; readonly proposal: string; readonly why: string }

export const releasedReversal = (
  charged: Charged,
  held: HeldReversal,
  bookingDate: string,
  by?: ByTwo,
): PaymentEvent => ({
  type: 'ReversalReleased',
  data: {
    ...askedOf(held, bookingDate),
    account: charged.account,
    ...feeBack(charged, minorUnits(held.amount)),
    ...by,
  },
})

export const refusedReversal = (held: HeldReversal, by: ByTwo, bookingDate: string): PaymentEvent => ({
  type: 'ReversalRefused',
  data: { ...askedOf(held, bookingDate), ...by },
})

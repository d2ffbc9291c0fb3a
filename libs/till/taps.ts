import type { Check } from '#canonical/check'
import { isRefusal, type Refusal } from '#canonical/decider'
import type { Amount, Currency } from '#money'
import type { LicenseFacts, Order, TapStart } from './commands.ts'
import type { TillEvent } from './events.ts'
import { judgeTap } from './limits.ts'
import { minorMoney, recordOf } from './records.ts'
import { outOfService } from './service.ts'
import type { Till } from './state.ts'

/** A tap, from the phone's first answer to a record: paid, declined, torn, or asked again. */

export const requestDeduction = (till: Till, command: Order<'RequestDeduction'>): TillEvent[] | Refusal => {
  const { start, license, checks, policy, clock } = command
  if (till.recorded.has(start.transaction)) return []
  const refused = outOfService(till.assignment, clock)
  if (refused) return refused
  const allowed = judgeTap(till, { start, checks, license, policy, clock }, command.overrides ?? [])
  if (isRefusal(allowed)) return allowed
  const { transaction, tap, sale } = start
  const deduction = { transaction, sale: sale.sale, license: license.license, counter: license.counter + 1 }
  return [
    tapStarted(start),
    licenseVerified(start, license, checks),
    ...allowed.map(
      ({ rule, supervisor }): TillEvent => ({
        type: 'SupervisorOverrode',
        data: { transaction, rule, supervisor, sale: sale.sale },
      }),
    ),
    {
      type: 'DeductionRequested',
      data: { tap, ...deduction, ...minorMoney(sale), put: command.put, resent: false },
    },
  ]
}

export const resendDeduction = (till: Till, command: Order<'ResendDeduction'>): TillEvent[] | Refusal => {
  const open = till.open.get(command.transaction)
  const put = open?.attempts.at(-1)?.put
  if (!open || put === undefined) return notOpen(command.transaction)
  // Its limits were decided with the deduction; whether this till may ask anybody for money is decided each time.
  const refused = outOfService(till.assignment, command.clock)
  if (refused) return refused
  const { transaction, sale, license, counter } = open
  const deduction = { tap: command.tap, transaction, sale, license, counter }
  return [{ type: 'DeductionRequested', data: { ...deduction, ...minorMoney(open), put, resent: true } }]
}

export const askAgain = ({ start, license, checks }: Order<'AskAgain'>): TillEvent[] => [
  tapStarted(start),
  licenseVerified(start, license, checks),
]

export const declineTap = (till: Till, command: Order<'DeclineTap'>): TillEvent[] | Refusal => {
  const { start, checks, license, reason, message } = command
  const { tap, transaction } = start
  const judged: TillEvent = license
    ? licenseVerified(start, license, checks)
    : { type: 'LicenseRejected', data: { tap, transaction, reason, checks: [...checks] } }
  return [tapStarted(start), judged, declined(till, start.sale, transaction, reason, message)]
}

export const recordTap = (till: Till, command: Order<'RecordTap'>): TillEvent[] | Refusal => {
  // The field may drop after the phone paid and before we heard: the same sale is then asked again.
  if (till.recorded.has(command.transaction)) return []
  const open = till.open.get(command.transaction)
  if (!open) return notOpen(command.transaction)
  const { transaction, payment, tap, sealedIn, response, checks, roundTrip_ms, allowanceLeft } = command
  const { sale, card, license, counter, torn } = open
  const reference = till.sales.get(sale)?.reference
  const { amount, currency } = minorMoney(open)
  const events: TillEvent[] = [
    {
      type: 'PayloadDecrypted',
      data: { tap, transaction, payment, sealedIn, response, checks: [...checks], roundTrip_ms },
    },
    {
      type: 'TransactionRecorded',
      data: {
        transaction,
        sale,
        ...(reference === undefined ? {} : { reference }),
        ...recordOf(till),
        amount,
        currency,
        card,
        license,
        counter,
        payment,
        allowanceLeft: allowanceLeft.toString(),
        occurred: command.occurred,
      },
    },
  ]
  return torn ? [...events, { type: 'TapResolved', data: { transaction, sale, outcome: 'paid' } }] : events
}

export const rejectPayload = (till: Till, command: Order<'RejectPayload'>): TillEvent[] | Refusal => {
  const { transaction, tap, reason, response, checks, message } = command
  const open = till.open.get(transaction)
  if (!open) return notOpen(transaction)
  return [
    { type: 'PayloadRejected', data: { tap, transaction, reason, response, checks: [...checks] } },
    { type: 'TapResolved', data: { transaction, sale: open.sale, outcome: 'abandoned' } },
    declined(till, open, transaction, reason, message),
  ]
}

export const acceptDecline = (till: Till, command: Order<'AcceptDecline'>): TillEvent[] | Refusal => {
  const { transaction, reason, message } = command
  const open = till.open.get(transaction)
  if (!open) return notOpen(transaction)
  return [
    { type: 'TapResolved', data: { transaction, sale: open.sale, outcome: 'abandoned' } },
    declined(till, open, transaction, reason, message),
  ]
}

export const tearTap = (till: Till, command: Order<'TearTap'>): TillEvent[] | Refusal => {
  const open = till.open.get(command.transaction)
  if (!open?.live) return []
  const { transaction, tap, during } = command
  return [{ type: 'TapTorn', data: { tap, transaction, sale: open.sale, during } }]
}

export const abandonSale = (till: Till, command: Order<'AbandonSale'>): TillEvent[] | Refusal => {
  const sale = till.sales.get(command.sale)
  if (!sale || sale.state === 'cancelled' || sale.state === 'declined') return []
  if (sale.state === 'approved')
    return {
      reason: 'SaleApproved',
      message: `Sale ${command.sale} was paid: void it or refund it instead of cancelling.`,
      transaction: sale.transaction,
    }
  const open = sale.transaction === undefined ? undefined : till.open.get(sale.transaction)
  if (!open) return []
  return [{ type: 'TapResolved', data: { transaction: open.transaction, sale: open.sale, outcome: 'abandoned' } }]
}

const tapStarted = ({ tap, transaction, sale, radio, sealing, getRequest, getResponse }: TapStart): TillEvent => ({
  type: 'TapStarted',
  data: {
    tap,
    transaction,
    sale: sale.sale,
    ...(sale.reference === undefined ? {} : { reference: sale.reference }),
    ...(sale.idempotencyKey === undefined ? {} : { idempotencyKey: sale.idempotencyKey }),
    ...minorMoney(sale),
    radio,
    sealing,
    getRequest,
    getResponse,
  },
})

const licenseVerified = (
  { tap, transaction }: TapStart,
  { license, card, allowanceLeft }: Pick<LicenseFacts, 'license' | 'card' | 'allowanceLeft'>,
  checks: readonly Check[],
): TillEvent => ({
  type: 'LicenseVerified',
  data: { tap, transaction, license, card, allowanceBefore: allowanceLeft.toString(), checks: [...checks] },
})

const declined = (
  till: Till,
  sale: { readonly sale: string; readonly amount: Amount; readonly currency: Currency },
  transaction: string,
  reason: string,
  message: string,
): TillEvent => ({
  type: 'TransactionDeclined',
  data: { sale: sale.sale, transaction, reason, message, ...recordOf(till), ...minorMoney(sale) },
})

const notOpen = (transaction: string): Refusal => ({
  reason: 'DeductionNotOpen',
  message: `No deduction is open for transaction ${transaction}: it was settled or abandoned before.`,
  transaction,
})

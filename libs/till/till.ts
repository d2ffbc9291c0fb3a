import type { Refusal } from '#canonical/decider'
import { type Amount, minorUnits } from '#money'
import type { TillCommand } from './commands.ts'
import { closeDay, openDay, rollDayOver } from './day.ts'
import type { DayClosing, DayTotals, TillEvent } from './events.ts'
import {
  acknowledgeByCentre,
  adoptAssignment,
  adoptCertificate,
  adoptRules,
  commission,
  refuseCheckpoint,
} from './life.ts'
import { reprintReceipt } from './receipts.ts'
import { refundTransaction, voidTransaction } from './reversals.ts'
import { appointStaff, dismissStaff, signOff, signOn } from './staff.ts'
import { noTotals, type Recorded, recordedOf, type Sale, type Till } from './state.ts'
import {
  abandonSale,
  acceptDecline,
  askAgain,
  declineTap,
  recordTap,
  rejectPayload,
  requestDeduction,
  resendDeduction,
  tearTap,
} from './taps.ts'

/**
 * The till: what a terminal decides about its day, its limits, its taps and its reversals. It is fed by its own log
 * alone, and the log by it alone.
 */

/* ----------------------------------------------------------------- decide */

export const decide = (command: TillCommand, till: Till): TillEvent[] | Refusal => {
  switch (command.type) {
    case 'Commission':
      return commission(till, command)
    case 'AdoptRules':
      return adoptRules(till, command)
    case 'AdoptAssignment':
      return adoptAssignment(till, command)
    case 'AdoptCertificate':
      return adoptCertificate(till, command)
    case 'AcknowledgeByCentre':
      return acknowledgeByCentre(till, command)
    case 'RefuseCheckpoint':
      return refuseCheckpoint(till, command)
    case 'OpenDay':
      return openDay(till, command)
    case 'RollDayOver':
      return rollDayOver(till, command)
    case 'CloseDay':
      return closeDay(till, command)
    case 'AppointStaff':
      return appointStaff(till, command)
    case 'DismissStaff':
      return dismissStaff(till, command)
    case 'SignOn':
      return signOn(till, command)
    case 'SignOff':
      return signOff(till)
    case 'RequestDeduction':
      return requestDeduction(till, command)
    case 'ResendDeduction':
      return resendDeduction(till, command)
    case 'AskAgain':
      return askAgain(command)
    case 'DeclineTap':
      return declineTap(till, command)
    case 'RecordTap':
      return recordTap(till, command)
    case 'RejectPayload':
      return rejectPayload(till, command)
    case 'AcceptDecline':
      return acceptDecline(till, command)
    case 'TearTap':
      return tearTap(till, command)
    case 'AbandonSale':
      return abandonSale(till, command)
    case 'VoidTransaction':
      return voidTransaction(till, command)
    case 'RefundTransaction':
      return refundTransaction(till, command)
    case 'ReprintReceipt':
      return reprintReceipt(till, command)
  }
}

/* ----------------------------------------------------------------- evolve */

export type TillFact = TillEvent & { readonly revision: number }

export const evolve = (till: Till, event: TillFact): Till => {
  switch (event.type) {
    case 'TerminalCommissioned':
      till.commissioned = event.data
      return till
    case 'RulesAdopted':
      till.rules = event.data
      return till
    case 'AssignmentAdopted':
      till.assignment = event.data
      return till
    case 'CertificateAdopted':
      till.certificate = event.data.certificate
      return till
    case 'DayOpened':
      return dayBegun(till, event.data.businessDate, event.revision)
    case 'DayRolledOver':
      if (event.data.closed) dayEnded(till, event.data.closed, true)
      return dayBegun(till, event.data.businessDate, event.revision)
    case 'DayClosed':
      return dayEnded(till, event.data, false)
    case 'StaffAppointed':
      till.staff.set(event.data.staff, event.data.role)
      return till
    case 'StaffDismissed':
      till.staff.delete(event.data.staff)
      return till
    case 'CashierSignedOn':
      till.cashier = event.data.cashier
      return till
    case 'CashierSignedOff':
      till.cashier = undefined
      return till
    case 'TapStarted': {
      const { tap, transaction, sale, reference, idempotencyKey, sealing, getRequest, getResponse } = event.data
      till.tap = tap
      const open = till.open.get(transaction)
      if (open) till.open.set(transaction, { ...open, live: true })
      till.started.set(transaction, { tap, sealing, getRequest, getResponse })
      till.sales.set(sale, {
        sale,
        transaction,
        amount: minorUnits(event.data.amount),
        currency: event.data.currency,
        state: 'tapping',
        ...(reference === undefined ? {} : { reference }),
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      })
      if (idempotencyKey !== undefined) till.saleByKey.set(idempotencyKey, sale)
      return till
    }
    case 'LicenseVerified': {
      const { transaction, card, allowanceBefore } = event.data
      till.verified.set(transaction, { card, allowanceBefore: minorUnits(allowanceBefore) })
      return till
    }
    case 'DeductionRequested': {
      const { transaction, sale, license, counter, put } = event.data
      const started = till.started.get(transaction)
      const verified = till.verified.get(transaction)
      const before = till.open.get(transaction)
      if (!started || !verified) throw new Error(`DeductionRequested for ${transaction} without the tap it belongs to`)
      till.open.set(transaction, {
        transaction,
        sale,
        license,
        card: verified.card,
        counter,
        amount: minorUnits(event.data.amount),
        currency: event.data.currency,
        allowanceBefore: before?.allowanceBefore ?? verified.allowanceBefore,
        attempts: [...(before?.attempts ?? []), { ...started, put }],
        torn: before?.torn ?? false,
        live: true,
      })
      return till
    }
    case 'LicenseRejected':
    case 'PayloadDecrypted':
    case 'PayloadRejected':
      return till
    case 'TransactionRecorded': {
      const { transaction, sale, card, license, counter, payment, receiptNumber, businessDate, occurred } = event.data
      const { cashier, reference } = event.data
      const recorded: Recorded = {
        transaction,
        sale,
        card,
        license,
        payment,
        receiptNumber,
        businessDate,
        occurred,
        amount: minorUnits(event.data.amount),
        currency: event.data.currency,
        allowanceLeft: minorUnits(event.data.allowanceLeft),
        revision: event.revision,
        reversed: 0n as Amount,
        voided: false,
        counter,
        ...(cashier === undefined ? {} : { cashier }),
        ...(reference === undefined ? {} : { reference }),
        copies: 0,
      }
      till.recorded.set(transaction, recorded)
      if (event.revision > till.acknowledgedTo) till.waiting.push(recorded)
      till.spentByLicense.set(license, (till.spentByLicense.get(license) ?? 0n) + recorded.amount)
      // What is paid outside any day is at stake until the centre holds it.
      if (till.day) till.spentToday.set(license, (till.spentToday.get(license) ?? 0n) + recorded.amount)
      settle(till, transaction)
      setSale(till, sale, { state: 'approved', transaction })
      return counted(till, 'sales', receiptNumber, recorded.amount)
    }
    case 'TransactionDeclined': {
      const { sale, transaction, reason, message, receiptNumber } = event.data
      settle(till, transaction)
      setSale(till, sale, { state: 'declined', because: { reason, message } })
      return counted(till, 'declined', receiptNumber, minorUnits(event.data.amount))
    }
    case 'TapTorn': {
      const { transaction, sale } = event.data
      const open = till.open.get(transaction)
      if (open) {
        till.open.set(transaction, { ...open, torn: true, live: false })
        count(till, 'torn', open.amount)
      }
      setSale(till, sale, {
        state: 'torn',
        because: { reason: 'FieldLost', message: 'Not paid: the phone left too early. Let it tap again.' },
      })
      return till
    }
    case 'TapResolved':
      settle(till, event.data.transaction)
      if (event.data.outcome === 'abandoned') setSale(till, event.data.sale, { state: 'cancelled' })
      return till
    case 'TransactionVoided':
      return reversed(till, event, 'voids')
    case 'RefundRecorded':
      return reversed(till, event, 'refunds')
    case 'ReceiptReprinted': {
      const { transaction, reversal, receiptNumber } = event.data
      const printed = recordedOf(till, transaction)
      const reversing = reversal === undefined ? undefined : till.reversals.get(reversal)
      if (reversing) till.reversals.set(reversing.reversal, { ...reversing, copies: reversing.copies + 1 })
      else if (printed && reversal === undefined) keepRecorded(till, { ...printed, copies: printed.copies + 1 })
      till.receiptNumber = receiptNumber
      return till
    }
    case 'CentreAcknowledged':
      till.checkpoint = event.data.checkpoint
      return till
    case 'CheckpointRefused':
      till.refused = event.data.offered
      return till
    case 'ClockObserved':
    case 'SupervisorOverrode':
      return till
  }
}

/** Nothing is open any more for this transaction, and what was kept for opening it is let go. */
const settle = (till: Till, transaction: string): void => {
  till.open.delete(transaction)
  till.started.delete(transaction)
  till.verified.delete(transaction)
}

const setSale = (till: Till, sale: string, change: Partial<Sale>): void => {
  const held = till.sales.get(sale)
  if (held) till.sales.set(sale, { ...held, ...change })
}

/** Where it was: in mind, or called back. */
const keepRecorded = (till: Till, recorded: Recorded): void =>
  void (till.recorded.has(recorded.transaction) ? till.recorded : till.recalled).set(recorded.transaction, recorded)

const dayBegun = (till: Till, businessDate: string, firstRevision: number): Till => {
  // A day belongs to one shop: what was assigned while one was open is taken up by the next.
  till.place = till.assignment
  till.day = { businessDate, firstRevision, totals: noTotals, shifts: new Map() }
  till.lastDay = businessDate
  till.spentToday.clear()
  return till
}

const dayEnded = (till: Till, closing: DayClosing, rolledOver: boolean): Till => {
  const { receiptNumber, zNumber } = closing
  till.day = undefined
  till.lastClosing = { ...closing, rolledOver }
  till.receiptNumber = receiptNumber
  till.zNumber = zNumber ?? till.zNumber + 1
  till.spentToday.clear()
  return till
}

const added = (totals: DayTotals, type: keyof DayTotals, amount: Amount): DayTotals => {
  const line = totals[type]
  return { ...totals, [type]: { count: line.count + 1, sum: (BigInt(line.sum) + amount).toString() } }
}

const count = (till: Till, type: keyof DayTotals, amount: Amount): void => {
  if (!till.day) return
  const { totals, shifts } = till.day
  const cashier = till.cashier ?? ''
  shifts.set(cashier, added(shifts.get(cashier) ?? noTotals, type, amount))
  till.day = { ...till.day, totals: added(totals, type, amount) }
}

const counted = (till: Till, type: keyof DayTotals, receiptNumber: number, amount: Amount): Till => {
  till.receiptNumber = receiptNumber
  if (type === 'sales' || type === 'voids' || type === 'refunds')
    till.grandTotal = { ...till.grandTotal, [type]: till.grandTotal[type] + amount }
  count(till, type, amount)
  return till
}

const reversed = (
  till: Till,
  { data, revision }: Extract<TillFact, { type: 'RefundRecorded' | 'TransactionVoided' }>,
  type: 'voids' | 'refunds',
): Till => {
  const { reversal, transaction, payment, license, currency, receiptNumber, businessDate, occurred, cashier } = data
  const original = recordedOf(till, transaction)
  const amount = minorUnits(data.amount)
  const paidElsewhere = 'original' in data ? data.original : undefined
  if (!original) till.givenBackElsewhere.set(payment, (till.givenBackElsewhere.get(payment) ?? 0n) + amount)
  else
    keepRecorded(till, {
      ...original,
      reversed: (original.reversed + amount) as Amount,
      voided: original.voided || type === 'voids',
    })
  till.reversals.set(reversal, {
    reversal,
    kind: type === 'voids' ? 'void' : 'refund',
    ...{ transaction, payment, license, amount, currency, receiptNumber, businessDate, occurred, revision },
    ...(cashier === undefined ? {} : { cashier }),
    ...(paidElsewhere
      ? { original: { terminal: paidElsewhere.terminal, receiptNumber: paidElsewhere.receiptNumber } }
      : {}),
    copies: 0,
  })
  return counted(till, type, receiptNumber, amount)
}

import type { Refusal } from '#canonical/decider'
import { type Amount, minorUnits } from '#money'
import type { TillCommand } from './commands.ts'
import { closeDay, openDay } from './day.ts'
import type { DayTotals, TillEvent } from './events.ts'
import {
  acknowledgeByCentre,
  adoptAssignment,
  adoptCertificate,
  adoptRules,
  commission,
  refuseCheckpoint,
} from './life.ts'
import { refundTransaction, voidTransaction } from './reversals.ts'
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
    case 'CloseDay':
      return closeDay(till, command)
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
    case 'DayRolledOver':
      // A day belongs to one shop: what was assigned while one was open is taken up by the next.
      till.place = till.assignment
      till.day = { businessDate: event.data.businessDate, firstRevision: event.revision, totals: noTotals }
      till.lastDay = event.data.businessDate
      return till
    case 'DayClosed':
      till.day = undefined
      till.receiptNumber = event.data.receiptNumber
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
      const { transaction, sale, card, license, payment, receiptNumber, businessDate, occurred } = event.data
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
      }
      till.recorded.set(transaction, recorded)
      if (event.revision > till.acknowledgedTo) till.waiting.push(recorded)
      till.spentByLicense.set(license, (till.spentByLicense.get(license) ?? 0n) + recorded.amount)
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
      return reversed(till, event.data, 'voids', true)
    case 'RefundRecorded':
      return reversed(till, event.data, 'refunds', false)
    case 'ReceiptReprinted':
      till.receiptNumber = event.data.receiptNumber
      return till
    case 'CentreAcknowledged':
      till.checkpoint = event.data.checkpoint
      return till
    case 'CheckpointRefused':
      till.refused = event.data.offered
      return till
    case 'ClockObserved':
    case 'CashierSignedOn':
    case 'CashierSignedOff':
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

const count = (till: Till, type: keyof DayTotals, amount: Amount): void => {
  if (!till.day) return
  const line = till.day.totals[type]
  const sum = (BigInt(line.sum) + amount).toString()
  till.day = { ...till.day, totals: { ...till.day.totals, [type]: { count: line.count + 1, sum } } }
}

const counted = (till: Till, type: keyof DayTotals, receiptNumber: number, amount: Amount): Till => {
  till.receiptNumber = receiptNumber
  count(till, type, amount)
  return till
}

const reversed = (
  till: Till,
  data: Extract<TillEvent, { type: 'RefundRecorded' }>['data'],
  type: 'voids' | 'refunds',
  voided: boolean,
): Till => {
  const original = recordedOf(till, data.transaction)
  const amount = minorUnits(data.amount)
  if (original)
    (till.recorded.has(data.transaction) ? till.recorded : till.recalled).set(data.transaction, {
      ...original,
      reversed: (original.reversed + amount) as Amount,
      voided: original.voided || voided,
    })
  till.reversals.set(data.reversal, { kind: voided ? 'void' : 'refund', transaction: data.transaction, amount })
  return counted(till, type, data.receiptNumber, amount)
}

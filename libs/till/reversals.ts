import type { Refusal } from '#canonical/decider'
import { type Amount, type Currency, formatAmount } from '#money'
import type { Order, PaidElsewhere, Reversal } from './commands.ts'
import type { TillEvent } from './events.ts'
import { minorMoney, recordOf } from './records.ts'
import { outOfService } from './service.ts'
import { nobodySignedOn } from './staff.ts'
import { type Reversing, recordedOf, type Till } from './state.ts'

/** Voids and refunds: what a till can bound of them, by its own log or a signed receipt. The centre bounds for good. */

export const voidTransaction = (till: Till, command: Order<'VoidTransaction'>): TillEvent[] | Refusal => {
  const original = recordedOf(till, command.transaction)
  const before = till.reversals.get(command.reversal)
  if (before) return repeated(before, command, 'void', before.amount)
  const unfit = notInService(till)
  if (unfit) return unfit
  if (!original) return transactionUnknown(command.transaction)
  const unsigned = nobodySignedOn(till)
  if (unsigned) return unsigned
  if (original.voided || original.reversed > 0n)
    return {
      reason: 'AlreadyReversed',
      message: `Transaction ${original.transaction} has ${formatAmount(original.reversed, original.currency)} ${original.currency} given back already: refund what is left instead.`,
      reversed: formatAmount(original.reversed, original.currency),
    }
  if (till.day?.businessDate !== original.businessDate)
    return {
      reason: 'DayOver',
      message: `Transaction ${original.transaction} belongs to ${original.businessDate}, which is no longer open: refund it instead.`,
      businessDate: original.businessDate,
    }
  return [{ type: 'TransactionVoided', data: reversalOf(till, command, original, original.amount) }]
}

export const refundTransaction = (till: Till, command: Order<'RefundTransaction'>): TillEvent[] | Refusal => {
  const { amount, reversal, transaction } = command
  const before = till.reversals.get(reversal)
  if (before) return repeated(before, command, 'refund', amount)
  const unfit = notInService(till)
  if (unfit) return unfit
  const own = recordedOf(till, transaction)
  // What this log knows is worth more than a receipt.
  const elsewhere = own ? undefined : command.original
  const original = own ?? elsewhere
  if (!original) return transactionUnknown(transaction)
  if (!till.day) return { reason: 'DayNotOpen', message: 'No day is open: open the day, then refund.' }
  const unsigned = nobodySignedOn(till)
  if (unsigned) return unsigned
  const left = original.amount - (own ? own.reversed : (till.givenBackElsewhere.get(original.payment) ?? 0n))
  if (amount > left || amount === 0n)
    return {
      reason: amount === 0n ? 'AmountNotPositive' : 'RefundExceedsOriginal',
      message: `Of transaction ${transaction} ${formatAmount(left, original.currency)} ${original.currency} is left to give back; ${formatAmount(amount, original.currency)} was asked.`,
      left: formatAmount(left, original.currency),
    }
  const data = reversalOf(till, command, original, amount)
  return [{ type: 'RefundRecorded', data: elsewhere ? { ...data, original: originalOf(elsewhere) } : data }]
}

/** Who holds a till that the back office has taken out of service pays nobody out, either. Its certificate may end. */
const notInService = (till: Till): Refusal | undefined => outOfService(till.assignment, { now_ms: 0 })

const originalOf = ({ terminal, receiptNumber, amount, receipt }: PaidElsewhere) => ({
  terminal,
  receiptNumber,
  amount: amount.toString(),
  receipt,
})

/** The same act asked twice is done once; another act under its id was not done, and must not look so. */
const repeated = (
  before: Reversing,
  { reversal, transaction }: Reversal,
  kind: Reversing['kind'],
  amount: Amount,
): [] | Refusal =>
  before.kind === kind && before.transaction === transaction && before.amount === amount
    ? []
    : {
        reason: 'IdempotencyKeyReused',
        message: `Reversal ${reversal} is a ${before.kind} of transaction ${before.transaction}: send another id for another reversal.`,
        reversal,
        transaction: before.transaction,
      }

const reversalOf = (
  till: Till,
  { reversal, transaction, occurred }: Reversal,
  { payment, license, currency }: { readonly payment: string; readonly license: string; readonly currency: Currency },
  amount: Amount,
) => ({
  reversal,
  transaction,
  payment,
  license,
  ...recordOf(till),
  ...minorMoney({ amount, currency }),
  occurred,
})

export const transactionUnknown = (transaction: string): Refusal => ({
  reason: 'TransactionUnknown',
  message: `Transaction ${transaction} is not in this terminal's log: look for it on the terminal that took it, or read its receipt.`,
  transaction,
})

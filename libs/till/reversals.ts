import type { Refusal } from '#canonical/decider'
import { type Amount, formatAmount } from '#money'
import type { Order, Reversal } from './commands.ts'
import type { TillEvent } from './events.ts'
import { recordOf } from './records.ts'
import { type Recorded, type Reversing, recordedOf, type Till } from './state.ts'

/** Voids and refunds: what a till can bound of them, by its own log. The centre bounds them for good. */

export const voidTransaction = (till: Till, command: Order<'VoidTransaction'>): TillEvent[] | Refusal => {
  const original = recordedOf(till, command.transaction)
  const before = till.reversals.get(command.reversal)
  if (before) return repeated(before, command, 'void', before.amount)
  if (!original) return transactionUnknown(command.transaction)
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
  const original = recordedOf(till, command.transaction)
  const before = till.reversals.get(command.reversal)
  if (before) return repeated(before, command, 'refund', command.amount)
  if (!original) return transactionUnknown(command.transaction)
  if (!till.day) return { reason: 'DayNotOpen', message: 'No day is open: open the day, then refund.' }
  const left = original.amount - original.reversed
  if (command.amount > left || command.amount === 0n)
    return {
      reason: command.amount === 0n ? 'AmountNotPositive' : 'RefundExceedsOriginal',
      message: `Of transaction ${original.transaction} ${formatAmount(left, original.currency)} ${original.currency} is left to give back; ${formatAmount(command.amount, original.currency)} was asked.`,
      left: formatAmount(left, original.currency),
    }
  return [{ type: 'RefundRecorded', data: reversalOf(till, command, original, command.amount) }]
}

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

const reversalOf = (till: Till, { reversal, transaction, occurred }: Reversal, original: Recorded, amount: Amount) => ({
  reversal,
  transaction,
  payment: original.payment,
  license: original.license,
  ...recordOf(till),
  amount: amount.toString(),
  currency: original.currency,
  occurred,
})

const transactionUnknown = (transaction: string): Refusal => ({
  reason: 'TransactionUnknown',
  message: `Transaction ${transaction} is not in this terminal's log: look for it on the terminal that took it.`,
  transaction,
})

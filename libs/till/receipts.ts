import type { Refusal } from '#canonical/decider'
import type { Order } from './commands.ts'
import type { TillEvent } from './events.ts'
import { recordOf } from './records.ts'
import { transactionUnknown } from './reversals.ts'
import { recordedOf, type Till } from './state.ts'

/** A copy of a receipt is a record too: each is counted, and none passes for the first. */
export const reprintReceipt = (till: Till, command: Order<'ReprintReceipt'>): TillEvent[] | Refusal => {
  const { transaction, reversal } = command
  if (reversal === undefined)
    return recordedOf(till, transaction)
      ? [{ type: 'ReceiptReprinted', data: { transaction, ...recordOf(till) } }]
      : transactionUnknown(transaction)
  return till.reversals.get(reversal)?.transaction === transaction
    ? [{ type: 'ReceiptReprinted', data: { transaction, reversal, ...recordOf(till) } }]
    : reversalUnknown(reversal)
}

export const reversalUnknown = (reversal: string): Refusal => ({
  reason: 'ReversalUnknown',
  message: `Reversal ${reversal} is not in this terminal's log: look for it on the terminal where the money was given back.`,
  reversal,
})

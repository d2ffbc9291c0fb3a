import type { Refusal } from '#canonical/decider'
import type { Order } from './commands.ts'
import type { TillEvent } from './events.ts'
import { recordOf } from './records.ts'
import { transactionUnknown } from './reversals.ts'
import { recordedOf, type Till } from './state.ts'

/** A copy of a receipt is a record too: each is counted, and none passes for the first. */
export const reprintReceipt = (till: Till, { transaction }: Order<'ReprintReceipt'>): TillEvent[] | Refusal =>
  recordedOf(till, transaction)
    ? [{ type: 'ReceiptReprinted', data: { transaction, ...recordOf(till) } }]
    : transactionUnknown(transaction)

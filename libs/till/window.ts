import type { TillEvent } from './events.ts'
import type { Till } from './state.ts'
import { emptyTill } from './state.ts'
import { evolve, type TillFact } from './till.ts'

/**
 * A till has in mind its open day, what the centre does not hold yet, and the newest of what came before. All else is
 * in its log, and is called back when somebody names it: so a terminal's memory, its start and its decisions cost the
 * same after a year as after a day.
 */

/** What an old event must say to be found again: where the words stand in it, and of which types it may be. */
export const findable = [
  {
    name: 'transaction',
    path: '$.data.transaction',
    types: ['TransactionRecorded', 'TransactionVoided', 'RefundRecorded', 'ReceiptReprinted'],
  },
  { name: 'reversal', path: '$.data.reversal', types: ['TransactionVoided', 'RefundRecorded'] },
  {
    name: 'sale',
    path: '$.data.sale',
    types: ['TapStarted', 'TransactionRecorded', 'TransactionDeclined', 'TapTorn', 'TapResolved'],
  },
  { name: 'idempotencyKey', path: '$.data.idempotencyKey', types: ['TapStarted'] },
] as const satisfies readonly {
  readonly name: string
  readonly path: string
  readonly types: readonly TillEvent['type'][]
}[]
export type FindableBy = (typeof findable)[number]['name']

/**
 * Lets go of what the centre holds and no open day needs, but for so many of the newest transactions; of reversals and
 * sales with them.
 */
export const forget = (till: Till, inMind: number): void => {
  let old = till.recorded.size - inMind
  for (const { transaction, revision, businessDate } of till.recorded.values()) {
    if (old-- <= 0) break
    if (revision <= till.acknowledgedTo && businessDate !== till.day?.businessDate) till.recorded.delete(transaction)
  }
  till.recalled.clear()
  for (const [reversal, { transaction, revision, businessDate }] of till.reversals) {
    // Of a payment that another terminal took nothing else is in mind: its refund is shown on its day.
    const isDone = revision <= till.acknowledgedTo && businessDate !== till.day?.businessDate
    if (isDone && !till.recorded.has(transaction)) till.reversals.delete(reversal)
  }
  const isInMind = (transaction: string): boolean => till.recorded.has(transaction) || till.open.has(transaction)
  for (const [sale, { transaction, idempotencyKey, state }] of till.sales) {
    // What came to nothing is asked for on its own day.
    if (transaction === undefined || isInMind(transaction) || (till.day && state !== 'approved')) continue
    till.sales.delete(sale)
    if (idempotencyKey !== undefined) till.saleByKey.delete(idempotencyKey)
  }
}

/** Calls back what old events of this till's log say, found by one of the names above, in the order of the log. */
export const recall = (till: Till, events: readonly TillFact[]): void => {
  const then = emptyTill()
  for (const event of events) evolve(then, event)
  for (const [transaction, recorded] of then.recorded)
    if (!till.recorded.has(transaction)) till.recalled.set(transaction, recorded)
  for (const [reversal, reversing] of then.reversals) till.reversals.set(reversal, reversing)
  for (const [sale, held] of then.sales) if (!till.sales.has(sale)) till.sales.set(sale, held)
  for (const [key, sale] of then.saleByKey) till.saleByKey.set(key, sale)
}

/** The centre went back, and holds this log only up to this revision: what was recorded since waits again. */
export const takeBack = (till: Till, revision: number, since: readonly TillFact[]): void => {
  recall(till, since)
  const recorded = [...till.recorded.values(), ...till.recalled.values()].filter(each => each.revision > revision)
  till.acknowledgedTo = revision
  till.waiting = recorded.sort((a, b) => a.revision - b.revision)
  const kept = [...till.recorded.values()].filter(each => each.revision <= revision)
  till.recorded.clear()
  for (const each of [...kept, ...recorded]) till.recorded.set(each.transaction, each)
  till.recalled.clear()
}

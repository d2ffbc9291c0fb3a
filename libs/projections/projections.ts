import type { Projection, RowsReader } from '#eventstore/rows'
import { adjustments } from './adjustments.ts'
import { balances } from './balances.ts'
import { days } from './days.ts'
import { exceptions } from './exceptions.ts'
import { exposure } from './exposure.ts'
import { merchants } from './merchants.ts'
import { newer } from './newer.ts'
import { operators } from './operators.ts'
import { outbox } from './outbox.ts'
import { postings } from './postings.ts'
import { shops } from './shops.ts'
import { terminals } from './terminals.ts'
import { transactions } from './transactions.ts'
import { waiting } from './waiting.ts'

/** All that the centre keeps in rows. One read of the log feeds them. */
export const projections: readonly Projection[] = [
  balances,
  postings,
  transactions,
  merchants,
  exposure,
  shops,
  terminals,
  days,
  exceptions,
  adjustments,
  waiting,
  newer,
  outbox,
  operators,
]

/** Where a set of answers stands: the last log index that every one of these projections has applied. */
export const appliedTo = async (rows: Pick<RowsReader, 'checkpoint'>): Promise<number> =>
  Math.min(...(await Promise.all(projections.map(projection => rows.checkpoint(projection))))) - 1

import type { Projection } from '#eventstore/rows'
import { balances } from '#projections/balances'
import { postings } from '#projections/postings'

/** What this centre keeps rows of. */
export const projections: readonly Projection[] = [balances, postings]

import type { EventStore } from '#eventstore'
import type { FollowerStopped } from '#eventstore/follower'
import type { Projection, Rows } from '#eventstore/rows'
import { accountList, balanceOf, balanceTotals, grantFigures, notUnderstood } from '#projections/balances'
import { balanceAsOf, postingsOfAccount } from '#projections/postings'

type Parts = {
  readonly rows: Rows
  readonly projections: readonly Projection[]
  readonly store: EventStore
  readonly now: () => number
  readonly caughtUpAt: () => number
  readonly stopped: () => readonly FollowerStopped[]
}

export const questions = ({ rows, projections, now, caughtUpAt }: Parts) => {
  const age = () => ({ index: Math.min(...projections.map(projection => rows.checkpoint(projection))) - 1, age_ms: Math.max(0, Math.round(now() - caughtUpAt())) })
  return {
    age,
    figures: (account: string) => grantFigures(rows, { account }),
    overview: () => ({ ...age(), ...balanceTotals(rows) }),
    accounts: () => ({ ...accountList(rows), ...age() }),
    balance: ({ account, at, knownAt }: { account: string; at?: string | undefined; knownAt?: number | undefined }) => {
      const found = at === undefined && knownAt === undefined ? balanceOf(rows, { account }) : balanceAsOf(rows, { account, ...(at ? { at } : {}), ...(knownAt === undefined ? {} : { knownAt }) })
      if (!found) return { reason: 'AccountUnknown', message: `No account ${account} was opened here.`, account }
      return { ...found, ...age(), missing: { silentTerminals: [], openGaps: [], notUnderstood: notUnderstood(rows) } }
    },
    postings: (account: string) => ({ ...postingsOfAccount(rows, { account }), ...age() }),
    transactions: (_: object) => ({ transactions: [] as object[], ...age() }),
    transaction: (transaction: string) => ({ reason: 'TransactionUnknown', message: transaction }),
    terminals: () => ({ terminals: [] as { terminal: string; state: string }[], ...age() }),
    merchants: () => ({ merchants: [] as object[], ...age() }),
    reconciliation: () => ({ days: [], ...age() }),
  }
}

import type { Refusal } from '#canonical/decider'
import type { EventStore } from '#eventstore'
import type { Rows } from '#eventstore/rows'
import { appliedTo } from '#projections'
import { accountList, balanceOf, balanceTotals, grantFigures, notUnderstood } from '#projections/balances'
import { reconciledDays } from '#projections/days'
import { exceptionCount, exceptionList } from '#projections/exceptions'
import { feesEarned, merchantList } from '#projections/merchants'
import { balanceAsOf, postingsOfAccount } from '#projections/postings'
import { terminalCounts, terminalList } from '#projections/terminals'
import { takingsOf, transactionList, transactionOf, verdictCounts } from '#projections/transactions'

/** What the back office may ask. Every answer says up to which log index it was computed, and how old that is. */

const silentAfter_ms = 24 * 3_600_000

type Parts = {
  readonly rows: Rows
  readonly store: EventStore
  readonly now: () => number
  /** Does the projector run, and when were the rows last known to be all there is? */
  readonly freshness: { following: boolean; currentAt: number }
}

type TransactionsAsked = {
  readonly account?: string | undefined
  readonly terminal?: string | undefined
  readonly state?: string | undefined
  readonly limit?: number | undefined
  readonly before?: number | undefined
}

/** Without the keys whose value is undefined: "not asked" and "asked for nothing" are two things to a question. */
const asked = <Question extends object>(
  question: Question,
): { [Key in keyof Question]: Exclude<Question[Key], undefined> } =>
  Object.fromEntries(Object.entries(question).filter(([, value]) => value !== undefined)) as never

export const questions = ({ rows, store, now, freshness }: Parts) => {
  const age = async (): Promise<{ readonly index: number; readonly age_ms: number }> => {
    const index = appliedTo(rows)
    if (freshness.following && (await nothingFrom(store, index + 1))) freshness.currentAt = now()
    return { index, age_ms: Math.max(0, Math.round(now() - freshness.currentAt)) }
  }

  const counts = () => terminalCounts(rows, { silentSince: new Date(now() - silentAfter_ms).toISOString() })

  /** What a figure does not know: a question that cannot be answered in full says so. */
  const missing = () => {
    const { silent, openGaps } = counts()
    return { silentTerminals: silent, openGaps, notUnderstood: notUnderstood(rows) }
  }

  const unknownAccount = (account: string): Refusal => ({
    reason: 'AccountUnknown',
    message: `No account ${account} was opened here, as far as the rows have got: GET /api/accounts lists those that were.`,
    account,
  })

  return {
    age,
    figures: (account: string) => grantFigures(rows, { account }),
    overview: async () => {
      const { accounts, owed, available } = balanceTotals(rows)
      const { count, silent } = counts()
      return {
        accounts,
        owed,
        available,
        takingsToday: takingsOf(rows, new Date(now()).toISOString().slice(0, 10)),
        transactions: verdictCounts(rows),
        terminals: { count, silent },
        exceptions: exceptionCount(rows),
        fees: feesEarned(rows),
        recent: transactionList(rows, { limit: 10 }).transactions,
        ...(await age()),
      }
    },
    accounts: async () => ({ ...accountList(rows), ...(await age()) }),
    /** Now, as of a moment, as known at a log index, or both. */
    balance: async (question: { account: string; at?: string | undefined; knownAt?: number | undefined }) => {
      const { account, at, knownAt } = question
      const moment = at === undefined ? undefined : new Date(at).toISOString()
      const found =
        at === undefined && knownAt === undefined
          ? balanceOf(rows, { account })
          : balanceAsOf(rows, { account, ...asked({ at: moment, knownAt }) })
      if (!found) return unknownAccount(account)
      const { index, age_ms } = await age()
      return { ...found, index: knownAt === undefined ? index : found.index, age_ms, missing: missing() }
    },
    postings: async (account: string) =>
      balanceOf(rows, { account })
        ? { ...postingsOfAccount(rows, { account }), ...(await age()) }
        : unknownAccount(account),
    transactions: async (question: TransactionsAsked) => ({
      ...transactionList(rows, asked(question)),
      ...(await age()),
    }),
    transaction: async (transaction: string) => {
      const found = transactionOf(rows, transaction)
      if (found) return { ...found, ...(await age()), index: found.index }
      const message = `No verdict on transaction ${transaction} is here: it may wait on its terminal still.`
      return { reason: 'TransactionUnknown', message, transaction }
    },
    terminals: async () => ({ ...terminalList(rows), ...(await age()) }),
    merchants: async () => ({ ...merchantList(rows), ...(await age()) }),
    reconciliation: async () => ({ ...reconciledDays(rows), ...(await age()) }),
    exceptions: async () => ({ ...exceptionList(rows), ...(await age()) }),
  }
}

const nothingFrom = async (store: EventStore, index: number): Promise<boolean> => {
  for await (const page of store.readAll({ from: index, pageSize: 1 })) return page.length === 0
  return true
}

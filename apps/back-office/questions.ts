import { isRefusal, type Refusal } from '#canonical/decider'
import type { EventStore } from '#eventstore'
import type { Rows, RowsReader } from '#eventstore/rows'
import { endOf } from '#license/renewal'
import type { Currency } from '#money'
import { appliedTo } from '#projections'
import { adjustmentList } from '#projections/adjustments'
import { balanceAsOf } from '#projections/as-of'
import { accountList, balanceOf, balanceTotals } from '#projections/balances'
import { reconciledDays } from '#projections/days'
import { exceptionCount, exceptionList } from '#projections/exceptions'
import { type ExplainAsked, explainAccount, explainLedger } from '#projections/explain'
import { exposureNow, holdsOf } from '#projections/exposure'
import { feesEarned, merchantList } from '#projections/merchants'
import { newerEvents, notUnderstood } from '#projections/newer'
import { operatorList, otherAdministrators } from '#projections/operators'
import { postingsOfAccount } from '#projections/postings'
import { shopList } from '#projections/shops'
import { type TerminalAnswer, terminalCounts, terminalList } from '#projections/terminals'
import { takingsOf, transactionList, transactionOf, verdictCounts } from '#projections/transactions'
import { waitingList } from '#projections/waiting'
import { businessDateAt } from '#till/businessdate'
import { paymentFile } from './decisions.ts'
import { nothingFrom } from './office.ts'

/** What the back office may ask. Every answer says up to which log index it was computed, and how old that is. */

/** A terminal with a network asks for newer rules twice a minute. */
const silentAfter_ms = 2 * 60_000

type Parts = {
  readonly rows: Rows
  readonly store: EventStore
  readonly now: () => number
  /** When each terminal was last heard, by this process; what it has not heard, the log tells. */
  readonly heard: ReadonlyMap<string, number>
  /** The version of its software, as each terminal told this process last. */
  readonly software: ReadonlyMap<string, string>
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

type Paged = { readonly [Name in keyof ExplainAsked]: ExplainAsked[Name] | undefined }

const pageAsked = ({ at, ...question }: Paged): ExplainAsked => ({
  ...asked(question),
  ...(at === undefined ? {} : { at: new Date(at).toISOString() }),
})

export const questions = ({ rows, store, now, heard, software, freshness }: Parts) => {
  const age_ms = async (): Promise<number> => {
    if (freshness.following && (await nothingFrom(store, (await rows.snapshot(appliedTo)) + 1)))
      freshness.currentAt = now()
    return Math.max(0, Math.round(now() - freshness.currentAt))
  }

  /** Figures and the log index that they belong to, of one moment. */
  const answer = async <Figures extends object>(look: (rows: RowsReader) => Promise<Figures | Refusal>) => {
    const age = await age_ms()
    return rows.snapshot(async reader => {
      const figures = await look(reader)
      return isRefusal(figures) ? figures : { index: await appliedTo(reader), ...figures, age_ms: age }
    })
  }

  /** Who was not heard of at a moment may hold payments of before it, and the answer must say so. */
  const counts = (reader: RowsReader, at?: string) => {
    const silentSince = at ?? new Date(now() - silentAfter_ms).toISOString()
    return terminalCounts(reader, { silentSince, heard })
  }

  /** The newest date that it is at any shop: at midnight there the day's takings begin again. */
  const businessDateNow = async (reader: RowsReader): Promise<string> => {
    const zones = new Set((await shopList(reader)).shops.map(({ zone }) => zone))
    const dates = [...zones].map(zone => businessDateAt(now(), zone))
    return dates.sort().at(-1) ?? businessDateAt(now(), 'UTC')
  }

  const unknownAccount = (account: string): Refusal => ({
    reason: 'AccountUnknown',
    message: `No account ${account} was opened here, as far as the rows have got: GET /api/accounts lists those that were.`,
    account,
  })

  /** A terminal's row, with what is known of it now and in no row: when this process heard it, and how soon it must. */
  const terminalNow = (row: TerminalAnswer, newer: Awaited<ReturnType<typeof newerEvents>>) => {
    const { terminal, lastSeen, certificateEnds } = row
    const heard_ms = heard.get(terminal)
    const heardAt = heard_ms === undefined ? null : new Date(heard_ms).toISOString()
    const now_s = Math.floor(now() / 1000)
    return {
      ...row,
      lastSeen: heardAt !== null && heardAt > (lastSeen ?? '') ? heardAt : lastSeen,
      certificate:
        certificateEnds === null
          ? null
          : { ends: certificateEnds, ...endOf(Math.floor(Date.parse(certificateEnds) / 1000), now_s) },
      software: software.get(terminal) ?? null,
      notUnderstood: newer.reduce((sum, each) => sum + (each.terminal === terminal ? each.count : 0), 0),
    }
  }

  return {
    age: async () => ({ index: await rows.snapshot(appliedTo), age_ms: await age_ms() }),
    /** What newer writers wrote and this version cannot read, by who wrote it. */
    newer: () => newerEvents(rows),
    overview: () =>
      answer(async reader => {
        const { accounts, owed, credit, available } = await balanceTotals(reader)
        const { count, silent } = await counts(reader)
        const date = await businessDateNow(reader)
        return {
          accounts,
          owed,
          credit,
          available,
          businessDate: date,
          takingsToday: await takingsOf(reader, date),
          transactions: await verdictCounts(reader),
          terminals: { count, silent },
          exceptions: await exceptionCount(reader),
          notUnderstood: await notUnderstood(reader),
          fees: await feesEarned(reader),
          recent: (await transactionList(reader, { limit: 10 })).transactions,
        }
      }),
    accounts: () => answer(reader => accountList(reader)),
    /** Now, as of a moment, as known at a log index, or both; and what the figure does not know. */
    balance: (question: {
      account: string
      currency?: Currency | undefined
      at?: string | undefined
      knownAt?: number | undefined
    }) =>
      answer(async reader => {
        const { account, currency, at, knownAt } = question
        const moment = at === undefined ? undefined : new Date(at).toISOString()
        const found =
          moment === undefined && knownAt === undefined
            ? await balanceOf(reader, { account, ...asked({ currency }) })
            : await balanceAsOf(reader, { account, ...asked({ currency, at: moment, knownAt }) })
        if (!found) return unknownAccount(account)
        const { silent, openGaps } = await counts(reader, moment)
        return { ...found, missing: { silentTerminals: silent, openGaps, notUnderstood: await notUnderstood(reader) } }
      }),
    /** What phones may still spend offline. */
    exposure: () => answer(reader => exposureNow(reader)),
    holds: (account: string) => answer(reader => holdsOf(reader, account)),
    postings: (
      account: string,
      page: { readonly before?: number | undefined; readonly limit?: number | undefined } = {},
    ) =>
      answer(async reader =>
        (await balanceOf(reader, { account }))
          ? postingsOfAccount(reader, { account, ...asked(page) })
          : unknownAccount(account),
      ),
    adjustments: (question: { state?: string | undefined; before?: number | undefined; limit?: number | undefined }) =>
      answer(reader => adjustmentList(reader, asked(question))),
    /** What one person proposed and another has yet to approve. */
    waiting: () => answer(reader => waitingList(reader)),
    /** Every posting behind an account's figures, page by page. */
    explain: (account: string, question: Paged) =>
      answer(async reader => (await explainAccount(reader, account, pageAsked(question))) ?? unknownAccount(account)),
    /** The same of any account of the ledger, such as `merchant:m-1`. */
    explainLedger: (name: string, question: Paged) =>
      answer(async reader => {
        const message = `Nothing was posted to ${name}, as far as the rows have got: its name is a kind and an id, as in merchant:m-1.`
        const none: Refusal = { reason: 'LedgerAccountUnknown', message, account: name }
        return (await explainLedger(reader, name, pageAsked(question))) ?? none
      }),
    transactions: (question: TransactionsAsked) => answer(reader => transactionList(reader, asked(question))),
    transaction: (transaction: string) =>
      answer(async reader => {
        const message = `No verdict on transaction ${transaction} is here: it may wait on its terminal still.`
        const found = await transactionOf(reader, transaction)
        if (!found) return { reason: 'TransactionUnknown', message, transaction }
        return { ...found, ...(await paymentFile(store, found.payment)) }
      }),
    terminals: () =>
      answer(async reader => {
        const { terminals, index } = await terminalList(reader)
        const newer = await newerEvents(reader)
        return { terminals: terminals.map(each => terminalNow(each, newer)), index }
      }),
    terminal: (terminal: string) =>
      answer(async reader => {
        const [found] = (await terminalList(reader, terminal)).terminals
        const message = `No terminal ${terminal} was invited here, as far as the rows have got.`
        return found ? terminalNow(found, await newerEvents(reader)) : { reason: 'TerminalUnknown', message, terminal }
      }),
    shops: () => answer(reader => shopList(reader)),
    merchants: () => answer(reader => merchantList(reader)),
    operators: () => answer(reader => operatorList(reader)),
    otherAdministrators: (operator: string) => rows.snapshot(reader => otherAdministrators(reader, operator)),
    reconciliation: () => answer(reader => reconciledDays(reader)),
    exceptions: (
      asked: { readonly state?: 'open' | 'resolved' | undefined; readonly before?: number | undefined } = {},
    ) => answer(reader => exceptionList(reader, asked)),
  }
}

export type Questions = ReturnType<typeof questions>

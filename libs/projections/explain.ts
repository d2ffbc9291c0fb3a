import { intOf, type Row, type RowsReader, textOf, type Where } from '#eventstore/rows'
import type { Figures } from '#ledger/balance'
import { type Currency, formatAmount } from '#money'
import { type BalanceAnswer, balanceOf, balancesIndex, inWords } from './balances.ts'
import { merchantsIndex, payableOf } from './merchants.ts'
import { limitsOf, type PostingAnswer, postingAnswer, postings, postingsIndex, termsOf } from './postings.ts'

/**
 * A figure with every posting behind it, the newest first, with what stood after each; and the sum that proves it. The
 * figure is told by one fold (`balances`, `merchants`), the postings are another's: where they part, it does not hold.
 */

export type ExplainAsked = {
  readonly currency?: Currency
  /** ISO 8601 in UTC with milliseconds. */
  readonly at?: string
  readonly knownAt?: number
  /** A log index: the page that goes on below it. */
  readonly before?: number
  readonly limit?: number
}

/** One line: a posting, or a limit that was set; and what stood after it. */
export type ExplainedLine<After> = Omit<PostingAnswer, 'book' | 'posting' | 'side'> & {
  readonly posting: string
  readonly side: 'debit' | 'credit' | null
  readonly after: After
}

/** Debits and credits of one ledger account, how many they are, and what they come to. */
export type Sum = {
  readonly debits: string
  readonly credits: string
  readonly postings: number
  readonly sum: string
}

export type Explained<Figure, After> = {
  readonly currency: Currency
  /** In which it has postings, too. */
  readonly currencies: readonly Currency[]
  readonly index: number
  readonly figures: Figure
  readonly proof: {
    readonly sums: Readonly<Record<string, Sum>>
    /** Whether another fold than that of the postings told the figure. */
    readonly compared: boolean
    readonly holds: boolean
    readonly says: string
  }
  readonly lines: readonly ExplainedLine<After>[]
  /** Where the next page begins; null on the last. */
  readonly next: number | null
}

export type AccountStanding = Pick<BalanceAnswer, 'limit' | 'owed' | 'inDispute' | 'held' | 'available'>
export type ExplainedAccount = Explained<AccountStanding, AccountStanding> & { readonly account: string }
export type LedgerStanding = { readonly side: 'debit' | 'credit'; readonly balance: string }
export type ExplainedLedger = Explained<LedgerStanding, LedgerStanding> & { readonly account: string }

const linesAtOnce = 100
/** More postings than one event ever makes on the accounts of one figure: a page ends between events. */
const perEventMax = 512

type Totals = { readonly debit: bigint; readonly credit: bigint; readonly count: number }

const totalsOf = async (rows: RowsReader, where: Where): Promise<Totals> => {
  const sides = await rows.sums(postings, 'posting', { column: 'amount', by: ['side'], where })
  const of = (side: string, column: string): bigint => {
    const row = sides.find(each => each['side'] === side)
    return row ? intOf(row, column) : 0n
  }
  return {
    debit: of('debit', 'sum'),
    credit: of('credit', 'sum'),
    count: Number(of('debit', 'count') + of('credit', 'count')),
  }
}

const whereOf = ({ at, knownAt }: ExplainAsked, index: number): Where => ({
  index: { to: BigInt(Math.min(knownAt ?? index, index)) },
  ...(at === undefined ? {} : { occurred: { to: at } }),
})
/** The same below a log index: what had been posted when the page begins. */
const below = (where: Where, before: number | undefined): Where =>
  before === undefined
    ? where
    : { ...where, index: { to: minimum((where['index'] as { to: bigint }).to, BigInt(before) - 1n) } }
const minimum = (a: bigint, b: bigint): bigint => (a < b ? a : b)

const newestFirst = (a: Row, b: Row): number =>
  Number(intOf(b, 'index') - intOf(a, 'index')) || Number(intOf(b, 'place') - intOf(a, 'place'))

/** The newest rows of several accounts, so many at most, ending between events; and where the next page begins. */
const pageOf = async (rows: RowsReader, wheres: readonly Where[], extra: readonly Row[], limit: number) => {
  const order = [
    ['index', 'down'],
    ['place', 'down'],
  ] as const
  const found = await Promise.all(
    wheres.map(where => rows.select(postings, 'posting', { where, order, limit: limit + perEventMax })),
  )
  const all = [...found.flat(), ...extra].sort(newestFirst)
  if (all.length <= limit) return { page: all, next: null }
  const first = intOf(all[limit] as Row, 'index')
  const whole = all.slice(0, limit).filter(row => intOf(row, 'index') !== first)
  // One event that fills a page alone is shown whole.
  const page = whole.length > 0 ? whole : all.filter(row => intOf(row, 'index') === first)
  const last = intOf(page.at(-1) as Row, 'index')
  return { page, next: page.length < all.length ? Number(last) : null }
}

/* ----------------------------------------------------------- credit accounts */

/** An account's figures in a currency; undefined where no such account was opened. */
export const explainAccount = async (
  rows: RowsReader,
  account: string,
  asked: ExplainAsked,
): Promise<ExplainedAccount | undefined> => {
  const limits = await limitsOf(rows, account)
  const currencies = [...new Set(limits.map(row => textOf(row, 'currency')))]
  const currency = asked.currency ?? currencies[0]
  if (currency === undefined || !currencies.includes(currency)) return undefined
  const applied = await postingsIndex(rows)
  const where = whereOf(asked, applied)
  const index = Number((where['index'] as { to: bigint }).to)
  const books = { owed: `payer:${account}`, held: `commitment:${account}` }
  const of = (name: string): Where => ({ account: name, currency, ...where })
  const isKnown = (row: Row): boolean =>
    textOf(row, 'currency') === currency &&
    intOf(row, 'index') <= BigInt(index) &&
    (asked.at === undefined || textOf(row, 'occurred') <= asked.at)
  const known = { limits: limits.filter(isKnown), terms: (await termsOf(rows, account)).filter(isKnown) }
  const isBefore = (row: Row, index: number | undefined) => index === undefined || intOf(row, 'index') < BigInt(index)
  /** What was set before a log index: the last of each. */
  const setBefore = (index: number | undefined): Pick<Figures, 'limit' | 'creditCounts'> => {
    const limit = known.limits.findLast(row => isBefore(row, index))
    const terms = known.terms.findLast(row => isBefore(row, index))
    return {
      limit: limit ? intOf(limit, 'limit') : 0n,
      creditCounts: terms !== undefined && intOf(terms, 'credit_counts') === 1n,
    }
  }

  const [owed, held] = await Promise.all([totalsOf(rows, of(books.owed)), totalsOf(rows, of(books.held))])
  const summed: Figures = {
    ...setBefore(undefined),
    owed: owed.debit - owed.credit,
    inDispute: 0n,
    held: held.credit - held.debit,
  }
  const isNow = asked.at === undefined && asked.knownAt === undefined && (await balancesIndex(rows)) === applied
  const row = isNow ? await balanceOf(rows, { account, currency }) : undefined
  const told: AccountStanding = row ? standingOf(row) : inWords(account, currency, summed)
  const proved = standingOf(inWords(account, currency, summed))
  const wrong = (Object.keys(proved) as (keyof AccountStanding)[]).filter(name => told[name] !== proved[name])

  const { before } = asked
  const extra = [
    ...known.limits.map(row => ({ ...row, place: -1n, account: 'limit' })),
    ...known.terms.map(row => ({ ...row, place: -1n, account: 'terms' })),
  ].filter(row => isBefore(row, before))
  const wheres = [books.owed, books.held].map(name => below(of(name), before))
  const { page, next } = await pageOf(rows, wheres, extra, asked.limit ?? linesAtOnce)
  const [owedThen, heldThen] =
    before === undefined ? [owed, held] : await Promise.all(wheres.map(each => totalsOf(rows, each)))
  let standing: Figures = {
    ...summed,
    ...setBefore(before),
    owed: (owedThen as Totals).debit - (owedThen as Totals).credit,
    held: (heldThen as Totals).credit - (heldThen as Totals).debit,
  }
  const lines = page.map(row => {
    const after = standingOf(inWords(account, currency, standing))
    standing = beforeLine(standing, row, books, setBefore)
    return lineOf(row, currency, after)
  })
  const money = (minor: bigint) => formatAmount(minor, currency)
  const { limit, owed: owes, inDispute, held: holds, available } = proved
  return {
    account,
    currency,
    currencies,
    index,
    figures: standingOf(told),
    proof: {
      sums: {
        owed: sumOf(owed, summed.owed, money),
        held: sumOf(held, summed.held, money),
      },
      compared: row !== undefined,
      holds: wrong.length === 0,
      says:
        wrong.length === 0
          ? `${limit} − ${summed.owed < 0n && !summed.creditCounts ? `0 (a credit of ${owes.slice(1)} is no more credit)` : owes} − ${inDispute} − ${holds} = ${available}`
          : wrong.map(name => `${name} is told as ${told[name]}, and its postings come to ${proved[name]}`).join('; '),
    },
    lines,
    next,
  }
}

const standingOf = ({ limit, owed, inDispute, held, available }: AccountStanding): AccountStanding => ({
  limit,
  owed,
  inDispute,
  held,
  available,
})

/** What stood before a line: as the line's own side is taken back. */
const beforeLine = (
  standing: Figures,
  row: Row,
  books: { readonly owed: string; readonly held: string },
  setBefore: (index: number) => Pick<Figures, 'limit' | 'creditCounts'>,
): Figures => {
  const name = textOf(row, 'account')
  if (isSetting(name)) return { ...standing, ...setBefore(Number(intOf(row, 'index'))) }
  const by = textOf(row, 'side') === 'debit' ? intOf(row, 'amount') : -intOf(row, 'amount')
  if (name === books.owed) return { ...standing, owed: standing.owed - by }
  return { ...standing, held: standing.held + by }
}

/** A line that is no posting: what the account may spend was set anew. */
const isSetting = (name: string): boolean => name === 'limit' || name === 'terms'

const settingOf = (row: Row, currency: Currency) =>
  textOf(row, 'account') === 'limit'
    ? { type: 'limit set', posting: 'limit', amount: formatAmount(intOf(row, 'limit'), currency) }
    : {
        type: intOf(row, 'credit_counts') === 1n ? 'a credit balance counts' : 'a credit balance does not count',
        posting: 'terms',
        amount: formatAmount(0n, currency),
      }

const lineOf = <After>(row: Row, currency: Currency, after: After): ExplainedLine<After> => {
  if (!isSetting(textOf(row, 'account'))) {
    const { book: _, ...line } = postingAnswer(row)
    return { ...line, side: line.side as 'debit' | 'credit', after }
  }
  const occurred = textOf(row, 'occurred')
  const day = occurred.slice(0, 10)
  return {
    index: Number(intOf(row, 'index')),
    event: '',
    ...settingOf(row, currency),
    side: null,
    currency,
    occurred,
    businessDate: day,
    bookingDate: day,
    after,
  }
}

const sumOf = ({ debit, credit, count }: Totals, sum: bigint, money: (minor: bigint) => string): Sum => ({
  debits: money(debit),
  credits: money(credit),
  postings: count,
  sum: money(sum),
})

/* ----------------------------------------------------------- ledger accounts */

/** Accounts whose balance people read on the credit side: what we owe, or have earned, or have promised. */
const creditSide = /^(?:merchant|payable|reserve|withheld|commitment):|^(?:fees|tax|recoveries)$/

/** Any account of the ledger by its name (`merchant:m-1`, `fees`); undefined where nothing was ever posted to it. */
export const explainLedger = async (
  rows: RowsReader,
  account: string,
  asked: ExplainAsked,
): Promise<ExplainedLedger | undefined> => {
  const groups = await rows.sums(postings, 'posting', { column: 'amount', by: ['currency'], where: { account } })
  const currencies = groups.map(row => textOf(row, 'currency'))
  const currency = asked.currency ?? currencies[0]
  if (currency === undefined || !currencies.includes(currency)) return undefined
  const applied = await postingsIndex(rows)
  const where: Where = { account, currency, ...whereOf(asked, applied) }
  const side = creditSide.test(account) ? 'credit' : 'debit'
  const net = ({ debit, credit }: Totals): bigint => (side === 'credit' ? credit - debit : debit - credit)
  const money = (minor: bigint) => formatAmount(minor, currency)
  const all = await totalsOf(rows, where)
  const merchant = /^merchant:(.*)$/s.exec(account)?.[1]
  const isNow = asked.at === undefined && asked.knownAt === undefined && (await merchantsIndex(rows)) === applied
  const payable = merchant !== undefined && isNow ? await payableOf(rows, merchant, currency) : undefined
  const told = payable ?? net(all)

  const here = below(where, asked.before)
  const { page, next } = await pageOf(rows, [here], [], asked.limit ?? linesAtOnce)
  let standing = asked.before === undefined ? net(all) : net(await totalsOf(rows, here))
  const lines = page.map(row => {
    const after = { side, balance: money(standing) } as const
    standing -= textOf(row, 'side') === side ? intOf(row, 'amount') : -intOf(row, 'amount')
    return lineOf(row, currency, after)
  })
  const sum = sumOf(all, net(all), money)
  const holds = told === net(all)
  const [more, less] = side === 'credit' ? [sum.credits, sum.debits] : [sum.debits, sum.credits]
  return {
    account,
    currency,
    currencies,
    index: Number((where['index'] as { to: bigint }).to),
    figures: { side, balance: money(told) },
    proof: {
      sums: { [account]: sum },
      compared: payable !== undefined,
      holds,
      says: holds
        ? `${more} − ${less} = ${sum.sum}`
        : `the balance is told as ${money(told)}, and its postings come to ${sum.sum}`,
    },
    lines,
    next,
  }
}

import { intOf, type Projection, put, type Row, type RowsReader, textOf, type Where } from '#eventstore/rows'
import { postingsOf } from '#ledger'
import { datesOf } from '#ledger/dates'
import { type TradeEvent, tradeWords, understood } from '#ledger/vocabulary'
import { type Currency, formatAmount, minorUnits } from '#money'
import { ofAccounts } from './accounts.ts'
import { type BalanceAnswer, inWords } from './balances.ts'

/** Every posting with its three dates and the log index at which we knew it; and every limit and terms ever set. */

const types = new Set<string>(['AccountOpened', 'CreditLimitSet', 'AccountTermsSet'])
for (const [type, word] of Object.entries(tradeWords)) if (word.money) types.add(type)

const putPosting = put('posting', 'account', 'index', 'place')
const putLimit = put('limit', 'account', 'currency', 'index')
const putTerms = put('terms', 'account', 'currency', 'index')

/** The ledger's accounts of one payer. */
export const booksOf = (account: string): readonly string[] => [`payer:${account}`, `commitment:${account}`]

export const postings: Projection = {
  name: 'postings',
  version: 2,
  tables: [
    {
      name: 'posting',
      key: ['account', 'index', 'place'],
      grows: true,
      columns: {
        /** The ledger's account, such as `payer:acc-1`. */
        account: 'text',
        index: 'int',
        place: 'int',
        event: 'text',
        type: 'text',
        book: 'text',
        side: 'text',
        amount: 'int',
        currency: 'text',
        occurred: 'text',
        after: 'text',
        before: 'text',
        business_date: 'text',
        booking_date: 'text',
        payment: 'text',
      },
    },
    {
      name: 'limit',
      key: ['account', 'currency', 'index'],
      columns: { account: 'text', currency: 'text', index: 'int', occurred: 'text', limit: 'int' },
    },
    {
      name: 'terms',
      key: ['account', 'currency', 'index'],
      /** 1 where a credit balance counts as more to spend. */
      columns: { account: 'text', currency: 'text', index: 'int', occurred: 'text', credit_counts: 'int' },
    },
  ],
  wants: type => types.has(type),
  subjects: ofAccounts(account => [
    ...booksOf(account).map(name => ({ table: 'posting', where: { account: name } })),
    { table: 'limit', where: { account } },
    { table: 'terms', where: { account } },
  ]),
  apply: logged => {
    const event = understood(logged)
    if (!event) return []
    const index = BigInt(event.index)
    if (event.type === 'AccountOpened' || event.type === 'CreditLimitSet') {
      const { account, currency, limit } = event.data
      return [putLimit({ account, currency, index, occurred: event.at, limit: minorUnits(limit) })]
    }
    if (event.type === 'AccountTermsSet') {
      const { account, currency, creditCounts } = event.data
      const set = { account, currency, index, occurred: event.at }
      return [putTerms({ ...set, credit_counts: creditCounts ? 1n : 0n })]
    }
    const { occurred, businessDate, bookingDate } = datesOf(event)
    const common = {
      index,
      event: event.id,
      type: event.type,
      occurred: occurred.at,
      after: occurred.after,
      before: occurred.before,
      business_date: businessDate,
      booking_date: bookingDate,
      payment: paymentOf(event),
    }
    return postingsOf(event).map((posting, place) => putPosting({ ...common, ...posting, place: BigInt(place) }))
  },
}

const paymentOf = ({ data }: TradeEvent): string | null =>
  'payment' in data && typeof data.payment === 'string' ? data.payment : null

/* -------------------------------------------------------------- questions */

export const postingsIndex = async (rows: RowsReader): Promise<number> => (await rows.checkpoint(postings)) - 1

export type PostingAnswer = {
  readonly index: number
  readonly event: string
  readonly type: string
  readonly book: string
  readonly posting: string
  readonly side: string
  readonly amount: string
  readonly currency: Currency
  readonly occurred: string
  readonly businessDate: string
  readonly bookingDate: string
  readonly payment?: string
}

export const postingAnswer = (row: Row): PostingAnswer => {
  const currency = textOf(row, 'currency')
  return {
    index: Number(intOf(row, 'index')),
    event: textOf(row, 'event'),
    type: textOf(row, 'type'),
    book: textOf(row, 'book'),
    posting: textOf(row, 'account'),
    side: textOf(row, 'side'),
    amount: formatAmount(intOf(row, 'amount'), currency),
    currency,
    occurred: textOf(row, 'occurred'),
    businessDate: textOf(row, 'business_date'),
    bookingDate: textOf(row, 'booking_date'),
    ...(row['payment'] === null ? {} : { payment: textOf(row, 'payment') }),
  }
}

/** Every limit that an account was ever given, by currency, the oldest first. */
export const limitsOf = (rows: RowsReader, account: string): Promise<Row[]> =>
  rows.select(postings, 'limit', { where: { account } })

/** Every change of an account's terms, by currency, the oldest first. */
export const termsOf = (rows: RowsReader, account: string): Promise<Row[]> =>
  rows.select(postings, 'terms', { where: { account } })

/** An account's postings in both books, the newest first, and those of one event as it made them. */
export const postingsOfAccount = async (
  rows: RowsReader,
  asked: { readonly account: string; readonly before?: number; readonly limit?: number },
): Promise<{ readonly postings: PostingAnswer[]; readonly index: number }> => {
  const limit = asked.limit ?? 1000
  const below = asked.before === undefined ? {} : { index: { below: BigInt(asked.before) } }
  const found = await Promise.all(
    booksOf(asked.account).map(account =>
      rows.select(postings, 'posting', { where: { account, ...below }, order: [['index', 'down']], limit: limit + 1 }),
    ),
  )
  const order = (a: Row, b: Row): number =>
    Number(intOf(b, 'index') - intOf(a, 'index')) || Number(intOf(a, 'place') - intOf(b, 'place'))
  const sorted = found.flat().sort(order)
  // A page ends with an event's last posting, so that the next one begins below it; unless one event fills it.
  const beyond = sorted[limit]
  const whole = beyond ? sorted.slice(0, limit).filter(row => row['index'] !== beyond['index']) : sorted
  const page = whole.length > 0 ? whole : sorted.slice(0, limit)
  return { postings: page.map(postingAnswer), index: await postingsIndex(rows) }
}

/** A posting that may lie on either side of the instant asked for: its bracket spans it. */
export type Straddling = PostingAnswer & { readonly after: string; readonly before: string }

/**
 * A balance as of an instant (`at`, on the trade's clock), as known at a log index (`knownAt`), or both. The figure sums
 * what has its instant up to then; what has a bracket across it is listed beside, for it could be on the other side.
 */
export const balanceAsOf = async (
  rows: RowsReader,
  asked: {
    readonly account: string
    readonly currency?: Currency
    /** ISO 8601 in UTC with milliseconds. */
    readonly at?: string
    readonly knownAt?: number
  },
): Promise<(BalanceAnswer & { readonly index: number; readonly straddling: Straddling[] }) | undefined> => {
  const { account, at } = asked
  const applied = await postingsIndex(rows)
  const index = Math.min(asked.knownAt ?? applied, applied)
  const known: Where = { index: { to: BigInt(index) } }
  const then: Where = at === undefined ? {} : { occurred: { to: at } }
  const [first] = await rows.select(postings, 'limit', {
    where: asked.currency === undefined ? { account } : { account, currency: asked.currency },
    limit: 1,
  })
  if (!first) return undefined
  const currency = textOf(first, 'currency')
  const [limit] = await rows.select(postings, 'limit', {
    where: { account, currency, ...known, ...then },
    order: [['index', 'down']],
    limit: 1,
  })
  const [terms] = await rows.select(postings, 'terms', {
    where: { account, currency, ...known, ...then },
    order: [['index', 'down']],
    limit: 1,
  })
  const net = async (name: string): Promise<bigint> => {
    const where = { account: name, currency, ...known, ...then }
    const sides = await rows.sums(postings, 'posting', { column: 'amount', by: ['side'], where })
    return sides.reduce((sum, row) => sum + (row['side'] === 'debit' ? 1n : -1n) * intOf(row, 'sum'), 0n)
  }
  const figures = {
    limit: limit ? intOf(limit, 'limit') : 0n,
    owed: await net(`payer:${account}`),
    inDispute: 0n,
    held: -(await net(`commitment:${account}`)),
    creditCounts: terms !== undefined && intOf(terms, 'credit_counts') === 1n,
  }
  const straddling =
    at === undefined
      ? []
      : await Promise.all(
          booksOf(account).map(name =>
            rows.select(postings, 'posting', {
              where: { account: name, currency, ...known, after: { to: at }, before: { above: at } },
            }),
          ),
        )
  return {
    ...inWords(account, currency, figures),
    index,
    straddling: straddling.flat().map(row => ({
      ...postingAnswer(row),
      after: textOf(row, 'after'),
      before: textOf(row, 'before'),
    })),
  }
}

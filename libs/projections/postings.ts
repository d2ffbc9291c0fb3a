import { intOf, type Projection, put, type Row, type RowsReader, textOf } from '#eventstore/rows'
import { postingsOf } from '#ledger'
import { datesOf } from '#ledger/dates'
import { type TradeEvent, tradeWords, understood } from '#ledger/vocabulary'
import { type Currency, formatAmount, minorUnits } from '#money'
import { ofAccounts } from './accounts.ts'
import { blockTable, intoBlocks } from './blocks.ts'

/**
 * Every posting with its three dates and the log index at which we knew it, and payers' in blocks with their sums; and
 * every limit and terms ever set.
 */

const types = new Set<string>(['AccountOpened', 'CreditLimitSet', 'AccountTermsSet'])
for (const [type, word] of Object.entries(tradeWords)) if (word.money) types.add(type)

const putPosting = put('posting', 'account', 'index', 'place')
const putLimit = put('limit', 'account', 'currency', 'index')
const putTerms = put('terms', 'account', 'currency', 'index')

/** The ledger's accounts of one payer. */
export const booksOf = (account: string): readonly string[] => [`payer:${account}`, `commitment:${account}`]

export const postings: Projection = {
  name: 'postings',
  version: 3,
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
    blockTable,
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
    { table: 'block', where: { account } },
    { table: 'limit', where: { account } },
    { table: 'terms', where: { account } },
  ]),
  apply: (logged, look) => {
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
    const dates = datesOf(event)
    const { occurred, businessDate, bookingDate } = dates
    const posted = postingsOf(event)
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
    return [
      ...posted.map((posting, place) => putPosting({ ...common, ...posting, place: BigInt(place) })),
      ...intoBlocks(posted, index, dates, look),
    ]
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

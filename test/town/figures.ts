import { hex } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { isUuid } from '#canonical/ids'
import { intOf, type Row, type Rows, textOf } from '#eventstore/rows'
import { balances } from '#projections/balances'
import { days } from '#projections/days'
import { exceptions } from '#projections/exceptions'
import { merchants } from '#projections/merchants'
import { postings } from '#projections/postings'
import { transactions } from '#projections/transactions'

/** What the centre says at the end, as a stranger may compare it. */

/** Debits less credits of every account of the ledger that is not at nought. */
export const trialBalance = async (rows: Rows): Promise<Map<string, bigint>> => {
  const books = new Map<string, bigint>()
  for (const row of await rows.sums(postings, 'posting', { column: 'amount', by: ['account', 'currency', 'side'] })) {
    const key = `${textOf(row, 'account')} ${textOf(row, 'currency')}`
    books.set(key, (books.get(key) ?? 0n) + (textOf(row, 'side') === 'debit' ? 1n : -1n) * intOf(row, 'sum'))
  }
  return new Map([...books].filter(([, sum]) => sum !== 0n).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** What the order of arrival may change, by invariant 9; and where in its own log a centre knows a thing. */
const byArrival = new Set(['index', 'booking_date', 'within', 'excess', 'occurred', 'event', 'raised'])
/** Exceptions that say that something came late, twice, over what was left or not yet: others come in another order. */
const closing = new Set([
  'LateArrival',
  'OverAllowance',
  'OverLimit',
  'CounterReused',
  'CounterSkipped',
  'RefundWithoutOriginal',
])

/** A verdict's id comes of the batch that it was made on, and another centre has other batches. */
const concernsOf = (row: Row): string =>
  textOf(row, 'concerns')
    .split('\n')
    .filter(concerned => !isUuid(concerned))
    .join()

const shown = (row: Row): string =>
  JSON.stringify(
    Object.entries(row).filter(([column]) => !byArrival.has(column)),
    (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value),
  )

/**
 * A hash over all that the screens show of the month. Two centres that were given the same tills' logs and the same
 * orders have the same, whatever they keep it in and however it came.
 */
export const figuresOf = async (rows: Rows, crypto: Crypto): Promise<Record<string, string>> => {
  const fingerprint = (lines: readonly string[]): string =>
    hex(crypto.sha256([...lines].sort().join('\n'))).slice(0, 16)
  const all = async (...[projection, table]: Parameters<Rows['select']>): Promise<string[]> =>
    (await rows.select(projection, table)).map(shown)
  const payments = (await rows.select(transactions, 'payment')).map(({ exceptions, ...row }) =>
    shown({
      ...row,
      exceptions: String(exceptions ?? '')
        .split(',')
        .filter(kind => !closing.has(kind))
        .join(),
    }),
  )
  const open = (await rows.select(exceptions, 'exception', { where: { state: 'open' } })).filter(
    row => !closing.has(textOf(row, 'kind')),
  )
  return {
    books: fingerprint([...(await trialBalance(rows))].map(([account, sum]) => `${account} ${sum}`)),
    balances: fingerprint([...(await all(balances, 'balance')), ...(await all(balances, 'total'))]),
    merchants: fingerprint([...(await all(merchants, 'merchant')), ...(await all(merchants, 'fee'))]),
    payments: fingerprint(payments),
    days: fingerprint(await all(days, 'day')),
    exceptions: fingerprint(open.map(row => `${textOf(row, 'kind')} ${intOf(row, 'amount')} ${concernsOf(row)}`)),
  }
}

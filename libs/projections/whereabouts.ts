import { intOf, type RowsReader } from '#eventstore/rows'
import { booksOf, postings } from './postings.ts'
import { transactions } from './transactions.ts'

/**
 * Where the log holds what touches an account, without reading it: the account's own stream; that of each payment which
 * either of two projections knows of, so that a row that one of them lost hides nothing; and the events that its postings
 * cite, wherever they are. So no index is kept for it, and no event costs a row more.
 */
export const whereaboutsOf = async (
  rows: RowsReader,
  account: string,
): Promise<{ readonly streams: readonly string[]; readonly indices: readonly number[] }> => {
  const posted = await Promise.all(
    booksOf(account).map(name => rows.select(postings, 'posting', { where: { account: name } })),
  )
  const paid = await rows.select(transactions, 'payment', { where: { account } })
  const payments = new Set<string>()
  for (const { payment } of [...posted.flat(), ...paid]) if (typeof payment === 'string') payments.add(payment)
  return {
    streams: [`account-${account}`, ...[...payments].map(payment => `payment-${payment}`)],
    indices: [...new Set(posted.flat().map(row => Number(intOf(row, 'index'))))],
  }
}

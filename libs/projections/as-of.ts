import { intOf, type Row, type RowsReader, textOf, type Where } from '#eventstore/rows'
import type { Currency } from '#money'
import { type BalanceAnswer, inWords } from './balances.ts'
import { sifted } from './blocks.ts'
import { booksOf, type PostingAnswer, postingAnswer, postings, postingsIndex } from './postings.ts'

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
  const [filling, ...full] = await rows.select(postings, 'block', { where: { account, currency } })
  const blocks = sifted(filling ? [...full, filling] : [], BigInt(index), at)
  const net = async (name: string): Promise<bigint> => {
    let sum = 0n
    for (const stretch of blocks.cut) {
      const where = { account: name, currency, index: stretch, ...then }
      for (const row of await rows.sums(postings, 'posting', { column: 'amount', by: ['side'], where }))
        sum += (row['side'] === 'debit' ? 1n : -1n) * intOf(row, 'sum')
    }
    return sum
  }
  const figures = {
    limit: limit ? intOf(limit, 'limit') : 0n,
    owed: blocks.owed + (await net(`payer:${account}`)),
    inDispute: 0n,
    held: blocks.held - (await net(`commitment:${account}`)),
    creditCounts: terms !== undefined && intOf(terms, 'credit_counts') === 1n,
  }
  const straddling: Row[] = []
  if (at !== undefined)
    for (const name of booksOf(account))
      for (const index of blocks.straddling) {
        const where = { account: name, currency, index, after: { to: at }, before: { above: at } }
        straddling.push(...(await rows.select(postings, 'posting', { where })))
      }
  return {
    ...inWords(account, currency, figures),
    index,
    straddling: straddling.map(row => ({
      ...postingAnswer(row),
      after: textOf(row, 'after'),
      before: textOf(row, 'before'),
    })),
  }
}

import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { openRows, readAddress, rowsAddress } from '#eventstore/open'
import type { RowsReader } from '#eventstore/rows'
import { Usage } from '#machine/process'
import { isCurrency } from '#money'
import { balancesIndex } from '#projections/balances'
import {
  type AccountStanding,
  type Explained,
  explainAccount,
  explainLedger,
  type LedgerStanding,
  type Sum,
} from '#projections/explain'
import { postingsIndex } from '#projections/postings'
import { NoRows } from './rebuild.ts'
import { centreFolder, sourceOptions } from './source.ts'

/**
 * `tally explain balance ACCOUNT | merchant MERCHANT | ledger NAME`: every posting behind a figure, page by page, and the
 * sum that proves it. It reads a centre's rows, also while it runs. Exit 0 where it holds, 1 where it does not.
 */
export const explain = async (args: readonly string[]): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...sourceOptions,
      currency: { type: 'string' },
      at: { type: 'string' },
      'known-at': { type: 'string' },
      page: { type: 'string', default: '1' },
      lines: { type: 'string', default: '50' },
    },
  })
  const [what, name] = positionals
  if (!['balance', 'merchant', 'ledger'].includes(what ?? '') || name === undefined || positionals.length > 2)
    throw new Usage('explain takes balance ACCOUNT, merchant MERCHANT, or ledger NAME such as fees or suspense:….')
  const asked = momentOf(values)
  const limit = countOf('--lines', values.lines)
  const last = values.page === 'all' ? Number.POSITIVE_INFINITY : countOf('--page', values.page)

  const at = rowsAddress({ rows: values.rows, store: values.store, folder: centreFolder(values.data ?? './data') })
  const { engine, place } = readAddress(at)
  if (engine === 'sqlite' && !existsSync(place))
    throw new NoRows(`There are no rows at ${place}: start the centre once, or name them with --rows ADDRESS.`)
  const rows = await openRows(at)
  const say = (line: string): void => void process.stdout.write(`${line}\n`)
  try {
    const added = adding()
    let before: number | undefined
    for (let page = 1; ; page++) {
      const more = { ...asked, limit, ...(before === undefined ? {} : { before }) }
      const found = await settledRows<Found | undefined>(rows, async reader =>
        what === 'balance'
          ? explainAccount(reader, name, more)
          : explainLedger(reader, what === 'merchant' ? `merchant:${name}` : name, more),
      )
      if (!found) throw unknown(what as string, name, values.currency)
      added.add(found)
      const whole = found.next === null ? added.differs() : undefined
      const holds = found.proof.holds && whole === undefined
      const isShown = values.page === 'all' || page === last
      if (values.json && isShown) say(JSON.stringify({ ...found, page, holds }))
      else if (isShown) for (const line of printed(found, page, last)) say(line)
      if (!holds) {
        process.stderr.write(`DOES NOT HOLD: ${found.proof.holds ? whole : found.proof.says}\n`)
        return 1
      }
      if (found.next === null && Number.isFinite(last) && page < last)
        throw new Usage(`There are ${page} pages, and no page ${last}.`)
      if (page >= last || found.next === null) return 0
      before = found.next
    }
  } finally {
    await rows.close()
  }
}

const momentOf = (values: { currency?: string; at?: string; 'known-at'?: string }) => {
  const { currency, at } = values
  const knownAt = values['known-at'] === undefined ? undefined : Number(values['known-at'])
  if (currency !== undefined && !isCurrency(currency))
    throw new Usage(`--currency takes an ISO 4217 code, not ${String(currency)}.`)
  if (knownAt !== undefined && (!Number.isInteger(knownAt) || knownAt < 0))
    throw new Usage('--known-at takes a log index, such as 42.')
  const moment = at === undefined ? undefined : new Date(at)
  if (moment && Number.isNaN(moment.getTime()))
    throw new Usage(`--at takes a time such as 2026-11-23T10:00:00Z, not ${at}.`)
  return {
    ...(currency === undefined ? {} : { currency }),
    ...(moment === undefined ? {} : { at: moment.toISOString() }),
    ...(knownAt === undefined ? {} : { knownAt }),
  }
}

const countOf = (option: string, text: string): number => {
  const count = Number(text)
  if (Number.isInteger(count) && count > 0 && count <= 100_000) return count
  throw new Usage(`${option} takes a number from 1${option === '--page' ? ', or all' : ''}, not ${text}.`)
}

/** Rows of one moment. Two folds of a centre that runs may stand a page apart: then the figure waits for the other. */
const settledRows = async <Answer>(
  rows: Parameters<typeof explainAccount>[0] & { snapshot<A>(ask: (rows: RowsReader) => Promise<A>): Promise<A> },
  ask: (rows: RowsReader) => Promise<Answer>,
): Promise<Answer> => {
  for (let attempt = 1; ; attempt++) {
    const [answer, together] = await rows.snapshot(async reader => [
      await ask(reader),
      (await balancesIndex(reader)) === (await postingsIndex(reader)),
    ])
    if (together || attempt === 40) return answer
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

const unknown = (what: string, name: string, currency: string | undefined): Error & { code: string } => {
  const of = what === 'balance' ? `No account ${name} was opened` : `Nothing was posted to ${what} ${name}`
  const message = `${of}${currency === undefined ? '' : ` in ${currency}`}, as far as the rows have got.`
  return Object.assign(new Error(message), { code: 'AccountUnknown' })
}

type Found = Explained<AccountStanding | LedgerStanding, AccountStanding | LedgerStanding> & {
  readonly account: string
}

/** Adds up what is listed, line by line, beside the sums that the first page told: pages that leave one out do not hold. */
const adding = () => {
  let [debits, credits, count] = [0n, 0n, 0]
  let told: readonly Sum[] | undefined
  const minor = (text: string): bigint => BigInt(text.replace('.', ''))
  return {
    add: ({ lines, proof }: Found): void => {
      // A centre that runs may post more meanwhile: that is above the first page, and not in its sums.
      told ??= Object.values(proof.sums)
      for (const { side, amount } of lines) {
        if (side === null) continue
        count += 1
        if (side === 'debit') debits += minor(amount)
        else credits += minor(amount)
      }
    },
    differs: (): string | undefined => {
      const sums = told ?? []
      const all = sums.reduce((sum, { postings }) => sum + postings, 0)
      const debit = sums.reduce((sum, each) => sum + minor(each.debits), 0n)
      const credit = sums.reduce((sum, each) => sum + minor(each.credits), 0n)
      if (all === count && debit === debits && credit === credits) return undefined
      return `the pages list ${count} postings with debits ${debits} and credits ${credits}, and there are ${all} with ${debit} and ${credit} (minor units)`
    },
  }
}

const isAccount = (standing: AccountStanding | LedgerStanding): standing is AccountStanding => 'limit' in standing

const printed = (found: Found, page: number, last: number): string[] => {
  const { account, currency, currencies, index, figures, proof, lines, next } = found
  const others = currencies.filter(each => each !== currency)
  const also = others.length === 0 ? '' : `; also in ${others.join(', ')} (--currency)`
  const heads = isAccount(figures) ? ['limit', 'owed', 'held', 'available'] : ['balance']
  const cells = (standing: AccountStanding | LedgerStanding): string[] =>
    isAccount(standing) ? [standing.limit, standing.owed, standing.held, standing.available] : [standing.balance]
  const table = [
    ['index', 'occurred', 'business', 'booked', 'event', 'payment', 'posting', 'debit', 'credit', ...heads],
    ...lines.map(line => [
      String(line.index),
      line.occurred,
      line.businessDate,
      line.bookingDate,
      line.type,
      line.payment?.slice(0, 12) ?? '',
      line.posting.replace(/^(\w+:.{20}).+/, '$1…'),
      line.side === 'debit' ? line.amount : '',
      line.side === 'credit' ? line.amount : line.side === null ? line.amount : '',
      ...cells(line.after),
    ]),
  ]
  const widths = (table[0] as string[]).map((_, column) => Math.max(...table.map(row => (row[column] ?? '').length)))
  const aligned = table.map(row =>
    row
      .map((cell, column) =>
        column === 0 || column > 6 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
  const figure = isAccount(figures)
    ? `limit ${figures.limit} − owed ${figures.owed} − in dispute ${figures.inDispute} − held ${figures.held} = available ${figures.available}`
    : `balance ${figures.balance}, on the ${figures.side} side`
  const told = proof.compared ? 'another fold told the figure, and the postings prove it' : 'by the postings'
  return [
    ...(page === 1 || last === page ? [`${account}, ${currency}, at log index ${index}${also}`, figure, ''] : []),
    ...aligned,
    '',
    ...(next === null || last === page
      ? [
          ...Object.entries(proof.sums).map(
            ([name, { debits, credits, postings, sum }]) =>
              `${name}: ${postings} ${postings === 1 ? 'posting' : 'postings'}, debits ${debits}, credits ${credits}: ${sum}`,
          ),
          `${proof.holds ? 'HOLDS' : 'DOES NOT HOLD'}: ${proof.says} (${told})`,
        ]
      : []),
    ...(next === null ? [] : [`page ${page}; there are more: --page ${page + 1}, or --page all`]),
  ]
}

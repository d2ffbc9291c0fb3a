import type { Figures, Standing } from '#account/state'
import type { Event } from '#canonical/event'
import { type Change, intOf, type Projection, put, type Row, type RowsReader, textOf } from '#eventstore/rows'
import { postingsOf } from '#ledger'
import { available } from '#ledger/balance'
import { type TradeEvent, tradeWords, understood } from '#ledger/vocabulary'
import { amount, type Currency, formatAmount, minorUnits } from '#money'
import { ofAccounts } from './accounts.ts'

/** What each credit account may spend, owes and has promised, now; and the sums over all accounts. */

const moving = new Set<string>()
for (const [type, word] of Object.entries(tradeWords)) if (word.money) moving.add(type)

const standings: Readonly<Record<string, Standing>> = {
  AccountOpened: 'open',
  AccountSuspended: 'suspended',
  AccountReinstated: 'open',
  AccountClosing: 'closing',
  AccountClosed: 'closed',
}

const types = new Set<string>([...moving, ...Object.keys(standings), 'CreditLimitSet', 'AccountTermsSet'])

export const balances: Projection = {
  name: 'balances',
  version: 4,
  tables: [
    { name: 'account', key: ['account'], columns: { account: 'text', standing: 'text' } },
    {
      name: 'balance',
      key: ['account', 'currency'],
      columns: {
        account: 'text',
        currency: 'text',
        limit: 'int',
        owed: 'int',
        /** What of it came from elsewhere than the account's own stream: payments, reversals, adjustments. */
        charged: 'int',
        in_dispute: 'int',
        held: 'int',
        /** All that payments ever drew from holds. */
        drawn: 'int',
        /** The account's terms: 1 where a credit balance counts, and by how much holds may exceed what is available. */
        credit_counts: 'int',
        oversubscription: 'int',
      },
    },
    {
      name: 'total',
      key: ['currency'],
      columns: {
        currency: 'text',
        accounts: 'int',
        limit: 'int',
        /** What debtors owe; what payers paid beyond that is `credit`. The two are never netted. */
        owed: 'int',
        credit: 'int',
        in_dispute: 'int',
        held: 'int',
        available: 'int',
      },
    },
  ],
  wants: type => types.has(type),
  subjects: ofAccounts(account => [
    { table: 'balance', where: { account } },
    { table: 'account', where: { account } },
  ]),
  apply: (logged, look) => {
    const event = understood(logged)
    if (!event) return []
    const changes: Change[] = []
    const accounts = event.type === 'AccountOpened' ? 1n : 0n
    const standing = standings[event.type]
    if (standing && 'account' in event.data)
      changes.push(put('account', 'account')({ account: event.data.account, standing }))
    for (const { account, currency, by } of movesOf(event, look)) {
      const key = [account, currency]
      const before = look('balance', key) ?? nothing(account, currency)
      const after = movedBy(before, by)
      changes.push({ table: 'balance', key, row: after })
      const [was, is] = [intOf(before, 'owed'), intOf(after, 'owed')]
      const freed = availableOf(after) - availableOf(before)
      const shift = {
        limit: by.limit,
        held: by.held,
        owed: above0(is) - above0(was),
        credit: above0(-is) - above0(-was),
      }
      changes.push({
        table: 'total',
        key: [currency],
        change: row => summed(row ?? noTotal(currency), shift, accounts, freed),
      })
    }
    return changes
  },
}

/** What one event adds to an account's figures. */
type Shift = {
  limit: bigint
  owed: bigint
  charged: bigint
  held: bigint
  drawn: bigint
  /** Set anew, not moved. */
  terms?: { readonly creditCounts: boolean; readonly oversubscription: bigint }
}
type Move = { readonly account: string; readonly currency: Currency; readonly by: Shift }

const movesOf = (
  event: TradeEvent & Pick<Event, 'stream'>,
  look: (table: string, key: string[]) => Row | undefined,
): Move[] => {
  if (event.type === 'AccountOpened' || event.type === 'CreditLimitSet') {
    const { account, currency, limit } = event.data
    const held = look('balance', [account, currency])
    const by = { ...noShift, limit: minorUnits(limit) - (held ? intOf(held, 'limit') : 0n) }
    return [{ account, currency, by }]
  }
  if (event.type === 'AccountTermsSet') {
    const { account, currency, creditCounts } = event.data
    const terms = { creditCounts, oversubscription: minorUnits(event.data.oversubscription) }
    return [{ account, currency, by: { ...noShift, terms } }]
  }
  return postedMoves(event)
}

const postedMoves = (event: TradeEvent & Pick<Event, 'stream'>): Move[] => {
  const isOwn = event.stream.startsWith('account-')
  const moves: Move[] = []
  for (const posting of postingsOf(event)) {
    const { currency, side, amount } = posting
    const [kind, account = ''] = partsOf(posting.account)
    if (kind !== 'payer' && kind !== 'commitment') continue
    let move = moves.find(move => move.account === account && move.currency === currency)
    if (!move) {
      move = { account, currency, by: { ...noShift } }
      moves.push(move)
    }
    if (kind === 'payer') {
      const shift = side === 'debit' ? amount : -amount
      move.by.owed += shift
      if (!isOwn) move.by.charged += shift
    } else {
      move.by.held += side === 'credit' ? amount : -amount
      if (side === 'debit' && event.type !== 'AllowanceReleased') move.by.drawn += amount
    }
  }
  return moves
}

const noShift: Shift = { limit: 0n, owed: 0n, charged: 0n, held: 0n, drawn: 0n }

/* Column by column and not by `moved`: every payment of a rebuild passes here, twice. */

const movedBy = (row: Row, by: Shift): Row => ({
  ...row,
  limit: intOf(row, 'limit') + by.limit,
  owed: intOf(row, 'owed') + by.owed,
  charged: intOf(row, 'charged') + by.charged,
  held: intOf(row, 'held') + by.held,
  drawn: intOf(row, 'drawn') + by.drawn,
  credit_counts: by.terms ? (by.terms.creditCounts ? 1n : 0n) : intOf(row, 'credit_counts'),
  oversubscription: by.terms ? by.terms.oversubscription : intOf(row, 'oversubscription'),
})

const above0 = (figure: bigint): bigint => (figure > 0n ? figure : 0n)

type TotalShift = Pick<Shift, 'limit' | 'owed' | 'held'> & { readonly credit: bigint }

const summed = (row: Row, by: TotalShift, accounts: bigint, freed: bigint): Row => ({
  ...row,
  accounts: intOf(row, 'accounts') + accounts,
  limit: intOf(row, 'limit') + by.limit,
  owed: intOf(row, 'owed') + by.owed,
  credit: intOf(row, 'credit') + by.credit,
  held: intOf(row, 'held') + by.held,
  available: intOf(row, 'available') + freed,
})

/** `payer:acc-1` is `payer` and `acc-1`; `fees` has no name. */
const partsOf = (account: string): [kind: string, name?: string] => {
  const colon = account.indexOf(':')
  return colon < 0 ? [account] : [account.slice(0, colon), account.slice(colon + 1)]
}

const nothing = (account: string, currency: Currency): Row => ({
  account,
  currency,
  limit: 0n,
  owed: 0n,
  charged: 0n,
  in_dispute: 0n,
  held: 0n,
  drawn: 0n,
  credit_counts: 0n,
  oversubscription: 0n,
})

const noTotal = (currency: Currency): Row => ({
  currency,
  accounts: 0n,
  limit: 0n,
  owed: 0n,
  credit: 0n,
  in_dispute: 0n,
  held: 0n,
  available: 0n,
})

const figuresOf = (row: Row) => ({
  limit: intOf(row, 'limit'),
  owed: intOf(row, 'owed'),
  inDispute: intOf(row, 'in_dispute'),
  held: intOf(row, 'held'),
  creditCounts: intOf(row, 'credit_counts') === 1n,
})

const availableOf = (row: Row): bigint => available(figuresOf(row))

/* -------------------------------------------------------------- questions */

/** The log index that the rows are folded up to, -1 before the first event. */
export const balancesIndex = async (rows: RowsReader): Promise<number> => (await rows.checkpoint(balances)) - 1

export type BalanceAnswer = {
  readonly account: string
  readonly currency: Currency
  readonly limit: string
  readonly owed: string
  readonly inDispute: string
  readonly held: string
  readonly available: string
}

/** Figures of an account as people read them. */
export const inWords = (
  account: string,
  currency: Currency,
  figures: { limit: bigint; owed: bigint; inDispute: bigint; held: bigint; creditCounts?: boolean },
): BalanceAnswer => ({
  account,
  currency,
  limit: formatAmount(figures.limit, currency),
  owed: formatAmount(figures.owed, currency),
  inDispute: formatAmount(figures.inDispute, currency),
  held: formatAmount(figures.held, currency),
  available: formatAmount(available(figures), currency),
})

const answerOf = (row: Row): BalanceAnswer => inWords(textOf(row, 'account'), textOf(row, 'currency'), figuresOf(row))

/** An account's row: in the currency asked for, else in the first it has by alphabet. */
const rowOf = async (rows: RowsReader, account: string, currency?: Currency): Promise<Row | undefined> =>
  currency === undefined
    ? (await rows.select(balances, 'balance', { where: { account }, limit: 1 }))[0]
    : rows.get(balances, 'balance', [account, currency])

export const balanceOf = async (
  rows: RowsReader,
  asked: { readonly account: string; readonly currency?: Currency },
): Promise<(BalanceAnswer & { readonly index: number }) | undefined> => {
  const row = await rowOf(rows, asked.account, asked.currency)
  return row && { ...answerOf(row), index: await balancesIndex(rows) }
}

/** One line for each account and currency, by account. `after` and `limit` page through them. */
export const accountList = async (
  rows: RowsReader,
  asked: { readonly after?: string; readonly limit?: number } = {},
): Promise<{ readonly accounts: (BalanceAnswer & { readonly state: Standing })[]; readonly index: number }> => {
  const where = asked.after === undefined ? {} : { account: { above: asked.after } }
  const found = await rows.select(balances, 'balance', { where, limit: asked.limit ?? 1000 })
  const [first, last] = [found[0], found.at(-1)]
  const states = new Map<string, Standing>()
  if (first && last)
    for (const row of await rows.select(balances, 'account', {
      where: { account: { from: textOf(first, 'account'), to: textOf(last, 'account') } },
    }))
      states.set(textOf(row, 'account'), textOf(row, 'standing') as Standing)
  return {
    accounts: found.map(row => ({ ...answerOf(row), state: states.get(textOf(row, 'account')) ?? 'open' })),
    index: await balancesIndex(rows),
  }
}

/** What an account's own stream cannot say of it, one for each currency that it has, and the log index of it. */
export const figuresOfAccount = async (rows: RowsReader, account: string): Promise<Figures[]> => {
  const knownAt = await balancesIndex(rows)
  return (await rows.select(balances, 'balance', { where: { account } })).map(row => ({
    currency: textOf(row, 'currency'),
    charged: intOf(row, 'charged'),
    inDispute: amount(intOf(row, 'in_dispute')),
    drawn: amount(intOf(row, 'drawn')),
    knownAt,
  }))
}

/** Does an event of this type move what accounts owe and hold? */
export const movesAccounts = (type: string): boolean => moving.has(type)

/** The figures of an account after one more event of the log. */
export const figuresAfter = (
  figures: Figures,
  account: string,
  event: TradeEvent & Pick<Event, 'stream'> & { readonly index: number },
): Figures => {
  const move = postedMoves(event).find(move => move.account === account && move.currency === figures.currency)
  if (!move) return figures
  return {
    ...figures,
    charged: figures.charged + move.by.charged,
    drawn: amount(figures.drawn + move.by.drawn),
    knownAt: event.index,
  }
}

/** The currencies in which an event moves an account. */
export const currenciesMoved = (event: TradeEvent & Pick<Event, 'stream'>, account: string): Currency[] =>
  postedMoves(event).flatMap(move => (move.account === account ? [move.currency] : []))

export type Money = { readonly currency: Currency; readonly amount: string }

/** Sums over all accounts, by currency. */
export const balanceTotals = async (
  rows: RowsReader,
): Promise<{
  readonly accounts: number
  readonly owed: Money[]
  readonly credit: Money[]
  readonly held: Money[]
  readonly available: Money[]
}> => {
  const totals = await rows.select(balances, 'total')
  const each = (column: string): Money[] =>
    totals.map(row => {
      const currency = textOf(row, 'currency')
      return { currency, amount: formatAmount(intOf(row, column), currency) }
    })
  const accounts = totals.reduce((sum, row) => sum + Number(intOf(row, 'accounts')), 0)
  return {
    accounts,
    owed: each('owed'),
    credit: each('credit'),
    held: each('held'),
    available: each('available'),
  }
}

import { type Change, intOf, type Projection, type Row, type RowsReader, textOf } from '#eventstore/rows'
import { postingsOf } from '#ledger'
import { available } from '#ledger/balance'
import { type TradeEvent, tradeWords, understood } from '#ledger/vocabulary'
import { type Amount, amount, type Currency, formatAmount, minorUnits } from '#money'
import { ofAccounts } from './accounts.ts'

/** What each credit account may spend, owes and has promised, now; and the sums over all accounts. */

const types = new Set<string>(['AccountOpened', 'CreditLimitSet'])
for (const [type, word] of Object.entries(tradeWords)) if (word.money) types.add(type)

export const balances: Projection = {
  name: 'balances',
  version: 3,
  tables: [
    {
      name: 'balance',
      key: ['account', 'currency'],
      columns: {
        account: 'text',
        currency: 'text',
        limit: 'int',
        owed: 'int',
        in_dispute: 'int',
        held: 'int',
        /** All that payments ever drew from holds. */
        drawn: 'int',
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
  subjects: ofAccounts(account => [{ table: 'balance', where: { account } }]),
  apply: (logged, look) => {
    const event = understood(logged)
    if (!event) return []
    const changes: Change[] = []
    const accounts = event.type === 'AccountOpened' ? 1n : 0n
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
type Shift = { limit: bigint; owed: bigint; held: bigint; drawn: bigint }
type Move = { readonly account: string; readonly currency: Currency; readonly by: Shift }

const movesOf = (event: TradeEvent, look: (table: string, key: string[]) => Row | undefined): Move[] => {
  if (event.type === 'AccountOpened' || event.type === 'CreditLimitSet') {
    const { account, currency, limit } = event.data
    const held = look('balance', [account, currency])
    const by = { ...noShift, limit: minorUnits(limit) - (held ? intOf(held, 'limit') : 0n) }
    return [{ account, currency, by }]
  }
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
    if (kind === 'payer') move.by.owed += side === 'debit' ? amount : -amount
    else {
      move.by.held += side === 'credit' ? amount : -amount
      if (side === 'debit' && event.type !== 'AllowanceReleased') move.by.drawn += amount
    }
  }
  return moves
}

const noShift: Shift = { limit: 0n, owed: 0n, held: 0n, drawn: 0n }

/* Column by column and not by `moved`: every payment of a rebuild passes here, twice. */

const movedBy = (row: Row, by: Shift): Row => ({
  ...row,
  limit: intOf(row, 'limit') + by.limit,
  owed: intOf(row, 'owed') + by.owed,
  held: intOf(row, 'held') + by.held,
  drawn: intOf(row, 'drawn') + by.drawn,
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
  in_dispute: 0n,
  held: 0n,
  drawn: 0n,
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
  figures: { limit: bigint; owed: bigint; inDispute: bigint; held: bigint },
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
): Promise<{ readonly accounts: (BalanceAnswer & { readonly state: 'open' })[]; readonly index: number }> => {
  const where = asked.after === undefined ? {} : { account: { above: asked.after } }
  const found = await rows.select(balances, 'balance', { where, limit: asked.limit ?? 1000 })
  return { accounts: found.map(row => ({ ...answerOf(row), state: 'open' })), index: await balancesIndex(rows) }
}

/** What `GrantAllowance` must be told of an account, and the log index at which it was so. */
export const grantFigures = async (
  rows: RowsReader,
  asked: { readonly account: string; readonly currency?: Currency },
): Promise<{ currency: Currency; owed: bigint; inDispute: Amount; drawn: Amount; knownAt: number } | undefined> => {
  const row = await rowOf(rows, asked.account, asked.currency)
  return (
    row && {
      currency: textOf(row, 'currency'),
      owed: intOf(row, 'owed'),
      inDispute: amount(intOf(row, 'in_dispute')),
      drawn: amount(intOf(row, 'drawn')),
      knownAt: await balancesIndex(rows),
    }
  )
}

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

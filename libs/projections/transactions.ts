import {
  type Change,
  intOf,
  moved,
  type Projection,
  type Row,
  type RowsReader,
  textOf,
  type Where,
} from '#eventstore/rows'
import { type DataOf, understood } from '#ledger/vocabulary'
import { type Currency, formatAmount, minorUnits } from '#money'
import { ofAccounts } from './accounts.ts'

/** Every payment that the centre gave a verdict on, what became of it, and the takings of each business day. */

const types = new Set<string>([
  'PaymentAccepted',
  'PaymentHeld',
  'HeldPaymentDecided',
  'ReversalAccepted',
  'ReversalReleased',
])

const states = ['accepted', 'held', 'decided', 'partly reversed', 'reversed'] as const
export type TransactionState = (typeof states)[number]

export const transactions: Projection = {
  name: 'transactions',
  version: 1,
  tables: [
    {
      name: 'payment',
      key: ['payment'],
      columns: {
        payment: 'text',
        transaction: 'text',
        state: 'text',
        amount: 'int',
        reversed: 'int',
        within: 'int',
        excess: 'int',
        fee: 'int',
        tax: 'int',
        currency: 'text',
        account: 'text',
        license: 'text',
        merchant: 'text',
        shop: 'text',
        terminal: 'text',
        occurred: 'text',
        business_date: 'text',
        booking_date: 'text',
        /** Why it is, or was, held. */
        reason: 'text',
        bears: 'text',
        /** Exceptions that it was accepted with, separated by commas. */
        exceptions: 'text',
        /** Log index of its first verdict: the order in which payments are listed. */
        index: 'int',
      },
      indexes: [['index'], ['transaction'], ['account', 'index'], ['terminal', 'index'], ['state', 'index']],
    },
    {
      name: 'taking',
      key: ['business_date', 'currency'],
      columns: { business_date: 'text', currency: 'text', amount: 'int', count: 'int' },
    },
    { name: 'verdict', key: ['state'], columns: { state: 'text', count: 'int' } },
  ],
  wants: type => types.has(type),
  subjects: ofAccounts(account => [{ table: 'payment', where: { account } }]),
  apply: (logged, look) => {
    const event = understood(logged)
    if (!event) return []
    switch (event.type) {
      case 'PaymentAccepted': {
        const { data } = event
        const first = { ...firstRow(data, 'accepted', event.index), ...chargesOf(data) }
        return [
          put({ ...first, exceptions: data.exceptions.join(',') }),
          counted('accepted', 1n),
          taken(data.businessDate, data.currency, minorUnits(data.gross), 1n),
        ]
      }
      case 'PaymentHeld':
        return [put({ ...firstRow(event.data, 'held', event.index), reason: event.data.reason }), counted('held', 1n)]
      case 'HeldPaymentDecided': {
        const { data } = event
        const held = look('payment', [data.payment])
        if (!held) return []
        const changes = [
          put({ ...held, ...chargesOf(data), state: 'decided', bears: data.bears, booking_date: data.bookingDate }),
          counted('held', -1n),
          counted('decided', 1n),
        ]
        // Where the merchant bears it, the shop took nothing.
        if (data.bears === 'merchant') return changes
        return [...changes, taken(data.businessDate, data.currency, minorUnits(data.gross), 1n)]
      }
      case 'ReversalAccepted':
      case 'ReversalReleased': {
        const { data } = event
        const amount = minorUnits(data.amount)
        const held = look('payment', [data.payment])
        const changes = [taken(data.businessDate, data.currency, -amount, 0n)]
        if (!held) return changes
        const next = moved(held, { reversed: amount })
        const state = intOf(next, 'reversed') === intOf(next, 'amount') ? 'reversed' : 'partly reversed'
        return [...changes, put({ ...next, state })]
      }
      default:
        return []
    }
  },
}

const put = (row: Row): Change => ({ table: 'payment', key: [textOf(row, 'payment')], row })

const counted = (state: TransactionState, by: bigint): Change => ({
  table: 'verdict',
  key: [state],
  change: row => moved(row ?? { state, count: 0n }, { count: by }),
})

const taken = (business_date: string, currency: Currency, amount: bigint, count: bigint): Change => ({
  table: 'taking',
  key: [business_date, currency],
  change: row => moved(row ?? { business_date, currency, amount: 0n, count: 0n }, { amount, count }),
})

const firstRow = (
  data: DataOf<'PaymentAccepted'> | DataOf<'PaymentHeld'>,
  state: TransactionState,
  index: number,
): Row => {
  const { payment, transaction, currency, account, license, merchant, shop, terminal } = data
  return {
    payment,
    transaction,
    state,
    amount: minorUnits(data.gross),
    reversed: 0n,
    within: 0n,
    excess: 0n,
    fee: 0n,
    tax: 0n,
    currency,
    account,
    license,
    merchant,
    shop,
    terminal,
    occurred: data.occurred.at,
    business_date: data.businessDate,
    booking_date: data.bookingDate,
    reason: null,
    bears: null,
    exceptions: '',
    index: BigInt(index),
  }
}

const chargesOf = ({
  within,
  excess,
  fee,
  tax,
}: Pick<DataOf<'PaymentAccepted'>, 'within' | 'excess' | 'fee' | 'tax'>) => ({
  within: minorUnits(within),
  excess: minorUnits(excess),
  fee: minorUnits(fee),
  tax: minorUnits(tax),
})

/* -------------------------------------------------------------- questions */

export const transactionsIndex = async (rows: RowsReader): Promise<number> => (await rows.checkpoint(transactions)) - 1

export type TransactionAnswer = {
  readonly transaction: string
  readonly payment: string
  readonly state: TransactionState
  readonly amount: string
  readonly reversed: string
  readonly within: string
  readonly excess: string
  readonly fee: string
  readonly tax: string
  readonly currency: Currency
  /** Null where nobody can read whose license it was. */
  readonly account: string | null
  readonly merchant: string
  readonly shop: string
  readonly terminal: string
  readonly occurred: string
  readonly businessDate: string
  readonly bookingDate: string
  readonly reason?: string
  readonly bears?: string
  readonly exceptions: string[]
  readonly index: number
}

const answerOf = (row: Row): TransactionAnswer => {
  const currency = textOf(row, 'currency')
  const money = (column: string): string => formatAmount(intOf(row, column), currency)
  const exceptions = textOf(row, 'exceptions')
  return {
    transaction: textOf(row, 'transaction'),
    payment: textOf(row, 'payment'),
    state: textOf(row, 'state') as TransactionState,
    amount: money('amount'),
    reversed: money('reversed'),
    within: money('within'),
    excess: money('excess'),
    fee: money('fee'),
    tax: money('tax'),
    currency,
    account: row['account'] === null ? null : textOf(row, 'account'),
    merchant: textOf(row, 'merchant'),
    shop: textOf(row, 'shop'),
    terminal: textOf(row, 'terminal'),
    occurred: textOf(row, 'occurred'),
    businessDate: textOf(row, 'business_date'),
    bookingDate: textOf(row, 'booking_date'),
    ...(row['reason'] === null ? {} : { reason: textOf(row, 'reason') }),
    ...(row['bears'] === null ? {} : { bears: textOf(row, 'bears') }),
    exceptions: exceptions === '' ? [] : exceptions.split(','),
    index: Number(intOf(row, 'index')),
  }
}

/** The newest first. `before` is a log index: the answer's last one asks for the next page. */
export const transactionList = async (
  rows: RowsReader,
  asked: {
    readonly account?: string
    readonly terminal?: string
    readonly merchant?: string
    readonly state?: string
    readonly limit?: number
    readonly before?: number
  } = {},
): Promise<{ readonly transactions: TransactionAnswer[]; readonly index: number }> => {
  const { account, terminal, merchant, state, before } = asked
  const where: Where = {
    ...(account === undefined ? {} : { account }),
    ...(terminal === undefined ? {} : { terminal }),
    ...(merchant === undefined ? {} : { merchant }),
    ...(state === undefined ? {} : { state }),
    ...(before === undefined ? {} : { index: { below: BigInt(before) } }),
  }
  const order = [['index', 'down']] as const
  const found = await rows.select(transactions, 'payment', { where, order, limit: asked.limit ?? 100 })
  return { transactions: found.map(answerOf), index: await transactionsIndex(rows) }
}

/** By its transaction id or its payment hash. Of two payments under one transaction id, the one judged first. */
export const transactionOf = async (rows: RowsReader, id: string): Promise<TransactionAnswer | undefined> => {
  const asked = { where: { transaction: id }, order: [['index', 'up']], limit: 1 } as const
  const [first] = await rows.select(transactions, 'payment', asked)
  const row = first ?? (await rows.get(transactions, 'payment', [id]))
  return row && answerOf(row)
}

/** What shops took on a business day, by currency: payments less what was given back. */
export const takingsOf = async (
  rows: RowsReader,
  businessDate: string,
): Promise<{ readonly currency: Currency; readonly amount: string; readonly count: number }[]> =>
  (await rows.select(transactions, 'taking', { where: { business_date: businessDate } })).map(row => {
    const currency = textOf(row, 'currency')
    return { currency, amount: formatAmount(intOf(row, 'amount'), currency), count: Number(intOf(row, 'count')) }
  })

/** How many payments were accepted, and how many are held and not yet decided. */
export const verdictCounts = async (
  rows: RowsReader,
): Promise<{ readonly accepted: number; readonly held: number }> => {
  const count = async (state: string): Promise<number> =>
    Number((await rows.get(transactions, 'verdict', [state]))?.['count'] ?? 0n)
  return { accepted: await count('accepted'), held: await count('held') }
}

import {
  type Change,
  intOf,
  type LoggedEvent,
  type Look,
  moved,
  type Projection,
  put,
  type Row,
  type RowsReader,
  textOf,
} from '#eventstore/rows'
import { knownType, type TradeEvent, understood } from '#ledger/vocabulary'
import { type Currency, formatAmount, minorUnits } from '#money'
import { type Difference, type LineName, lineOf, lines, type Totals, totalsDifferences } from '#reconciliation/totals'
import { type DayClosing, type DayTotals, type TillEvent, tillWords } from '#till/events'
import { terminalOf } from './terminals.ts'

/**
 * The first reconciliation, kept up as events come: what the till counted in its own state against what the events held
 * here add up to, for each business day of each terminal. The thorough one, which verifies every hash, is in
 * `#reconciliation`.
 */

const putDay = put('day', 'terminal', 'business_date', 'first')
const putCursor = put('cursor', 'terminal')

const sums = lines.flatMap(line => [`${line}_count`, `${line}_sum`])

export const days: Projection = {
  name: 'days',
  version: 3,
  tables: [
    {
      name: 'day',
      // A day may be closed and opened again under the same date: each opening is counted by itself.
      key: ['terminal', 'business_date', 'first'],
      columns: {
        terminal: 'text',
        business_date: 'text',
        first: 'int',
        shop: 'text',
        currency: 'text',
        /** The till's own totals as it wrote them, JSON; null until the day is closed. */
        till: 'text',
        closed_by: 'text',
        gaps: 'int',
        /** Events in it that its figures may lack, because this version cannot read them. */
        unread: 'int',
        ...Object.fromEntries(sums.map(column => [column, 'int' as const])),
      },
      indexes: [['business_date']],
    },
    // Where each terminal's stream is: the next revision, and the day that is open.
    {
      name: 'cursor',
      key: ['terminal'],
      columns: {
        terminal: 'text',
        next: 'int',
        shop: 'text',
        /** Where its next day is to be, by the word of the centre that it adopted. */
        assigned: 'text',
        business_date: 'text',
        first: 'int',
        amid: 'text',
        /** Events since the last close that this version cannot read: the day to come cannot be complete. */
        unread: 'int',
      },
    },
    // What was asked of a phone and is not settled: a torn tap says no amount itself.
    {
      name: 'deduction',
      key: ['terminal', 'transaction'],
      columns: { terminal: 'text', transaction: 'text', amount: 'int' },
    },
    {
      name: 'difference',
      key: ['terminal', 'index', 'kind'],
      columns: {
        terminal: 'text',
        index: 'int',
        business_date: 'text',
        first: 'int',
        kind: 'text',
        amount: 'int',
        currency: 'text',
        message: 'text',
        event: 'text',
      },
    },
  ],
  wants: type => !knownType(type) || Object.hasOwn(tillWords, type),
  apply: (logged, look) => {
    if (!logged.stream.startsWith('terminal-') || logged.stream.includes('~')) return []
    const known = understood(logged)
    const event = known && isTill(known) ? known : undefined
    const terminal = terminalOf(logged.stream)
    const cursor = look('cursor', [terminal]) ?? noCursor(terminal)
    const next = intOf(cursor, 'next')
    const revision = BigInt(logged.revision)
    const amid = event && 'transaction' in event.data ? event.data.transaction : null
    if (revision < next) return [difference(logged, cursor, 'Duplicate', event, 'is here a second time')]
    // What a newer till wrote takes its place in the stream all the same: nothing is missing there.
    const at: Row = { ...cursor, next: revision + 1n, amid }
    const changes = event ? fold(event, at, look) : foldUnread(logged, at, look)
    if (revision === next) return changes
    const missing = look('deduction', [terminal, textOrNull(cursor, 'amid') ?? ''])
    const words = `follows revision ${next - 1n}: what was between is missing`
    const gap = difference(logged, cursor, 'Missing', event, words, missing ? intOf(missing, 'amount') : 0n)
    const day = dayOf(cursor, look)
    if (!day) return [gap, ...changes]
    const key = [terminal, textOf(day, 'business_date'), intOf(day, 'first')]
    return [
      gap,
      ...changes,
      { table: 'day', key, change: row => ({ ...(row ?? day), gaps: intOf(row ?? day, 'gaps') + 1n }) },
    ]
  },
}

type Placed = Pick<LoggedEvent, 'revision' | 'type' | 'schema' | 'id' | 'index'>
type TillLogged = TillEvent & Placed

const isTill = <E extends TradeEvent>(event: E): event is E & TillEvent => Object.hasOwn(tillWords, event.type)

const noCursor = (terminal: string): Row => ({
  terminal,
  next: 0n,
  shop: '',
  assigned: null,
  business_date: null,
  first: null,
  amid: null,
  unread: 0n,
})

const textOrNull = (row: Row, column: string): string | null => (row[column] === null ? null : textOf(row, column))

/** The day that is open at a terminal. */
const dayOf = (cursor: Row, look: Look): Row | undefined => {
  const date = textOrNull(cursor, 'business_date')
  return date === null ? undefined : look('day', [textOf(cursor, 'terminal'), date, intOf(cursor, 'first')])
}

const amountOf = ({ data }: TillEvent): bigint => ('amount' in data ? minorUnits(data.amount) : 0n)

const difference = (
  { index: at, revision, type, id }: Placed,
  cursor: Row,
  kind: Difference['kind'],
  event: TillEvent | undefined,
  what: string,
  amount = event ? amountOf(event) : 0n,
): Change => {
  const terminal = textOf(cursor, 'terminal')
  const index = BigInt(at)
  const { business_date = null, first = null } = cursor
  const currency = event && 'currency' in event.data ? event.data.currency : null
  const message = `Revision ${revision} of ${terminal}, ${type}, ${what}.`
  const row: Row = { terminal, index, business_date, first, kind, amount, currency, message, event: id }
  return { table: 'difference', key: [terminal, index, kind], row }
}

/** What moves money, and any newer shape of what a till counts, may be wanting in the day's figures. */
const foldUnread = (event: LoggedEvent, cursor: Row, look: Look): Change[] => {
  if (!event.money && !knownType(event.type)) return [putCursor(cursor)]
  const what = `in shape ${event.schema}, is not understood by this version`
  const named = difference(event, cursor, 'NotUnderstood', undefined, what)
  const day = dayOf(cursor, look)
  return day
    ? [putCursor(cursor), named, putDay(moved(day, { unread: 1n }))]
    : [putCursor(moved(cursor, { unread: 1n }))]
}

const fold = (event: TillLogged, cursor: Row, look: Look): Change[] => {
  const terminal = textOf(cursor, 'terminal')
  switch (event.type) {
    case 'TerminalCommissioned':
      return [putCursor({ ...cursor, shop: event.data.shop })]
    case 'AssignmentAdopted':
      return [putCursor({ ...cursor, assigned: event.data.shop })]
    case 'DayOpened':
    case 'DayRolledOver': {
      const at = { business_date: event.data.businessDate, first: BigInt(event.revision) }
      const zeros = Object.fromEntries(sums.map(column => [column, 0n]))
      const closed = event.type === 'DayRolledOver' ? event.data.closed : undefined
      const before = closed && dayOf(cursor, look)
      const shop = textOrNull(cursor, 'assigned') ?? textOf(cursor, 'shop')
      const unread = intOf(cursor, 'unread')
      const none = { currency: null, till: null, closed_by: null, gaps: 0n }
      const opened = [
        putCursor({ ...cursor, ...at, shop, unread: 0n }),
        ...(before ? [putDay(closedBy(event.id, before, closed))] : []),
        putDay({ terminal, ...at, shop, ...none, unread, ...zeros }),
      ]
      if (unread === 0n) return opened
      const what = `follows ${unread} events that are not understood by this version`
      return [...opened, difference(event, { ...cursor, ...at }, 'NotUnderstood', event, what)]
    }
    case 'DayClosed': {
      const day = dayOf(cursor, look)
      const changes = [putCursor({ ...cursor, business_date: null, first: null })]
      if (!day) return changes
      return [...changes, putDay(closedBy(event.id, day, event.data))]
    }
    case 'DeductionRequested': {
      const { transaction } = event.data
      const row: Row = { terminal, transaction, amount: amountOf(event) }
      return [putCursor(cursor), { table: 'deduction', key: [terminal, transaction], row }]
    }
    case 'TransactionRecorded':
    case 'TransactionDeclined':
    case 'TapResolved':
      return [putCursor(cursor), ...settled(terminal, event.data.transaction), ...counted(event, cursor, look)]
    default:
      return [putCursor(cursor), ...counted(event, cursor, look)]
  }
}

const closedBy = (id: string, day: Row, { totals, currency }: DayClosing): Row => ({
  ...day,
  till: JSON.stringify(totals),
  closed_by: id,
  currency,
})

const settled = (terminal: string, transaction: string): Change[] => [
  { table: 'deduction', key: [terminal, transaction], row: undefined },
]

const counted = (event: TillLogged, cursor: Row, look: Look): Change[] => {
  const line = lineOf(event)
  const day = dayOf(cursor, look)
  if (line === undefined || !day) return []
  let amount = amountOf(event)
  if (event.type === 'TapTorn') {
    const asked = look('deduction', [textOf(cursor, 'terminal'), event.data.transaction])
    if (!asked) return []
    amount = intOf(asked, 'amount')
  }
  const currency = 'currency' in event.data ? event.data.currency : (day['currency'] ?? null)
  return [
    putDay({
      ...day,
      currency,
      [`${line}_count`]: intOf(day, `${line}_count`) + 1n,
      [`${line}_sum`]: intOf(day, `${line}_sum`) + amount,
    }),
  ]
}

/* -------------------------------------------------------------- questions */

export type LineAnswer = { readonly count: number; readonly sum: string }
export type TotalsAnswer = Readonly<Record<LineName, LineAnswer>>
export type DifferenceAnswer = {
  readonly kind: Difference['kind']
  readonly amount: string
  readonly currency: Currency
  readonly message: string
  readonly events: readonly string[]
}
export type DayAnswer = {
  readonly terminal: string
  readonly shop: string
  readonly businessDate: string
  readonly currency: Currency | null
  readonly closed: boolean
  readonly till: TotalsAnswer | null
  readonly centre: TotalsAnswer
  readonly differences: DifferenceAnswer[]
  /** Closed, and nothing of its range is missing or not understood. */
  readonly complete: boolean
}

export const daysIndex = async (rows: RowsReader): Promise<number> => (await rows.checkpoint(days)) - 1

/** Totals of either side as people read them. */
export const totalsInWords = (totals: Totals | DayTotals, currency: Currency): TotalsAnswer => {
  const each = lines.map(line => {
    const { count, sum } = totals[line]
    return [line, { count, sum: formatAmount(BigInt(sum), currency) }]
  })
  return Object.fromEntries(each) as TotalsAnswer
}

export const differenceInWords = ({ kind, amount, currency, message, events }: Difference): DifferenceAnswer => ({
  kind,
  amount: formatAmount(amount, currency),
  currency,
  message,
  events,
})

const centreOf = (row: Row): Totals =>
  Object.fromEntries(
    lines.map(line => [line, { count: Number(intOf(row, `${line}_count`)), sum: intOf(row, `${line}_sum`) }]),
  ) as Totals

/** The newest business day first. A day without money has no currency yet; its zeros are written as euros. */
export const reconciledDays = async (
  rows: RowsReader,
  asked: { readonly limit?: number } = {},
): Promise<{ readonly days: DayAnswer[]; readonly index: number }> => {
  const found = await rows.select(days, 'day', { order: [['business_date', 'down']], limit: asked.limit ?? 400 })
  const dates = found.map(row => textOf(row, 'business_date'))
  const [to = '', from = ''] = [dates[0], dates.at(-1)]
  const differences = new Map<string, Row[]>()
  for (const row of await rows.select(days, 'difference', { where: { business_date: { from, to } } }))
    differences.set(keyOfDay(row), [...(differences.get(keyOfDay(row)) ?? []), row])
  return {
    days: found.map(row => dayAnswer(row, differences.get(keyOfDay(row)) ?? [])),
    index: await daysIndex(rows),
  }
}

const keyOfDay = (row: Row): string => JSON.stringify([row['terminal'], row['business_date'], String(row['first'])])

const dayAnswer = (row: Row, differences: readonly Row[]): DayAnswer => {
  const [terminal, businessDate] = [textOf(row, 'terminal'), textOf(row, 'business_date')]
  const currency = textOrNull(row, 'currency')
  const unit = currency ?? 'EUR'
  const till = row['till'] === null ? null : (JSON.parse(textOf(row, 'till')) as DayTotals)
  const centre = centreOf(row)
  const named = differences.map(
    (each): Difference => ({
      kind: textOf(each, 'kind') as Difference['kind'],
      amount: intOf(each, 'amount'),
      currency: textOrNull(each, 'currency') ?? unit,
      message: textOf(each, 'message'),
      events: [textOf(each, 'event')],
    }),
  )
  const totals = till
    ? totalsDifferences(`${terminal} on ${businessDate}`, till, centre, unit, textOf(row, 'closed_by'))
    : []
  return {
    terminal,
    shop: textOf(row, 'shop'),
    businessDate,
    currency,
    closed: till !== null,
    till: till && totalsInWords(till, unit),
    centre: totalsInWords(centre, unit),
    differences: [...named, ...totals].map(differenceInWords),
    complete: till !== null && intOf(row, 'gaps') === 0n && intOf(row, 'unread') === 0n,
  }
}

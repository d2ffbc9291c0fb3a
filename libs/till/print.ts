import { type Currency, formatAmount, minorUnits } from '#money'
import type { DayTotals, GrandTotal, Shifts } from './events.ts'
import { type Language, writtenDate, writtenInstant, writtenMoney } from './language.ts'
import type { Recorded, Reversing } from './state.ts'

/** Receipts and reports as lines of a roll of paper, 32 or 42 characters wide, in the till's language. */

export const widths = [32, 42] as const
export type Width = (typeof widths)[number]

export type Shop = {
  readonly merchantName: string
  readonly shop: string
  readonly terminal: string
  readonly zone: string
  readonly mode: 'test' | 'live'
}

const words = {
  en: {
    test: '*** TEST, NO VALUE ***',
    copy: 'COPY',
    receipt: 'Receipt',
    day: 'Business day',
    sale: 'Sale',
    givenBack: 'Given back',
    voided: 'VOIDED',
    card: 'Card ending',
    reference: 'Reference',
    cashier: 'Cashier',
    transaction: 'Transaction',
    payment: 'Payment',
    voidHead: 'VOID',
    refundHead: 'REFUND',
    ofReceipt: 'Of receipt',
    paidAt: 'Paid at',
    back: 'Given back',
    reversal: 'Reversal',
    unconfirmed: 'The centre confirms it.',
    nobody: 'Nobody signed on',
    offline: 'Paid on credit by phone.',
    check: 'The code proves this payment.',
    x: 'X REPORT, so far',
    z: 'Z REPORT',
    rolled: 'Nobody closed this day: it rolled over.',
    sales: 'Sales',
    voids: 'Voids',
    refunds: 'Refunds',
    declined: 'Declined',
    torn: 'Torn',
    net: 'Net',
    grand: 'Grand total',
    range: 'Log',
  },
  de: {
    test: '*** TEST, OHNE WERT ***',
    copy: 'KOPIE',
    receipt: 'Beleg',
    day: 'Geschäftstag',
    sale: 'Verkauf',
    givenBack: 'Zurückgegeben',
    voided: 'STORNIERT',
    card: 'Karte endet auf',
    reference: 'Referenz',
    cashier: 'Kassierer',
    transaction: 'Vorgang',
    payment: 'Zahlung',
    voidHead: 'STORNO',
    refundHead: 'ERSTATTUNG',
    ofReceipt: 'Zu Beleg',
    paidAt: 'Bezahlt an',
    back: 'Zurückgegeben',
    reversal: 'Rückgabe',
    unconfirmed: 'Die Zentrale bestätigt sie.',
    nobody: 'Niemand angemeldet',
    offline: 'Auf Kredit mit dem Telefon bezahlt.',
    check: 'Der Code beweist diese Zahlung.',
    x: 'X-BERICHT, bis jetzt',
    z: 'Z-BERICHT',
    rolled: 'Niemand schloss diesen Tag: er lief über.',
    sales: 'Verkäufe',
    voids: 'Stornos',
    refunds: 'Erstattungen',
    declined: 'Abgelehnt',
    torn: 'Abgerissen',
    net: 'Netto',
    grand: 'Gesamtsumme',
    range: 'Log',
  },
} as const satisfies Readonly<Record<Language, Readonly<Record<string, string>>>>

/** What a customer gets of a payment. `copy` is 0 for the first print. */
export const receiptLines = (
  { shop, recorded, copy }: { readonly shop: Shop; readonly recorded: Recorded; readonly copy: number },
  width: Width,
  language: Language,
): string[] => {
  const say = words[language]
  const { put, pair, rule, centred, lines } = paper(width)
  head(shop, { put, centred }, language)
  if (copy > 0) centred(`${say.copy} ${copy}`)
  rule()
  pair(`${say.receipt} ${recorded.receiptNumber}`, writtenInstant(recorded.occurred, shop.zone, language))
  pair(say.day, writtenDate(recorded.businessDate, language))
  rule()
  pair(say.sale, moneyOf(recorded.amount, recorded.currency, language))
  if (recorded.voided) centred(say.voided)
  else if (recorded.reversed > 0n) pair(say.givenBack, moneyOf(recorded.reversed, recorded.currency, language))
  rule()
  pair(say.card, recorded.card.slice(-4))
  if (recorded.reference !== undefined) pair(say.reference, recorded.reference)
  if (recorded.cashier !== undefined) pair(say.cashier, recorded.cashier)
  put(say.transaction)
  put(recorded.transaction)
  put(say.payment)
  put(recorded.payment)
  rule()
  put(say.offline)
  put(say.check)
  return lines
}

/** What a customer gets of a void or a refund; `of` is the receipt number of the sale, where this till took it. */
export const reversalLines = (
  { shop, reversing, of }: { readonly shop: Shop; readonly reversing: Reversing; readonly of: number | undefined },
  width: Width,
  language: Language,
): string[] => {
  const say = words[language]
  const { put, pair, rule, centred, lines } = paper(width)
  const { kind, copies, receiptNumber, occurred, businessDate, amount, currency, cashier, original } = reversing
  head(shop, { put, centred }, language)
  centred(kind === 'void' ? say.voidHead : say.refundHead)
  if (copies > 0) centred(`${say.copy} ${copies}`)
  rule()
  pair(`${say.receipt} ${receiptNumber}`, writtenInstant(occurred, shop.zone, language))
  pair(say.day, writtenDate(businessDate, language))
  rule()
  pair(say.back, moneyOf(amount, currency, language))
  rule()
  const paid = original?.receiptNumber ?? of
  if (paid !== undefined) pair(say.ofReceipt, `${paid}`)
  if (original) pair(say.paidAt, original.terminal)
  if (cashier !== undefined) pair(say.cashier, cashier)
  put(say.transaction)
  put(reversing.transaction)
  put(say.reversal)
  put(reversing.reversal)
  rule()
  put(say.unconfirmed)
  return lines
}

export type DayFigures = {
  readonly businessDate: string
  readonly currency: Currency
  readonly totals: DayTotals
  readonly shifts?: Shifts | undefined
  readonly grandTotal?: GrandTotal | undefined
  /** Absent for an X report: it counts nothing and resets nothing. */
  readonly zNumber?: number | undefined
  readonly receiptNumber?: number | undefined
  readonly cashier?: string | undefined
  readonly rolledOver?: boolean
  readonly firstRevision: number
  readonly lastRevision: number
  readonly head: string
}

export const dayLines = (shop: Shop, day: DayFigures, width: Width, language: Language): string[] => {
  const say = words[language]
  const { put, pair, rule, centred, lines } = paper(width)
  const money = (minor: bigint) => moneyOf(minor, day.currency, language)
  head(shop, { put, centred }, language)
  centred(day.zNumber === undefined ? say.x : `${say.z} ${day.zNumber}`)
  rule()
  pair(say.day, writtenDate(day.businessDate, language))
  if (day.receiptNumber !== undefined) pair(say.receipt, `${day.receiptNumber}`)
  if (day.cashier !== undefined) pair(say.cashier, day.cashier)
  if (day.rolledOver) put(say.rolled)
  rule()
  for (const line of ['sales', 'voids', 'refunds', 'declined', 'torn'] as const)
    pair(`${day.totals[line].count} ${say[line]}`, money(minorUnits(day.totals[line].sum)))
  rule()
  pair(say.net, money(netOf(day.totals)))
  if (day.grandTotal) pair(say.grand, money(BigInt(day.grandTotal.sales)))
  for (const { cashier, totals } of day.shifts ?? []) {
    rule()
    put(cashier === undefined ? say.nobody : `${say.cashier} ${cashier}`)
    for (const line of ['sales', 'voids', 'refunds'] as const)
      if (totals[line].count > 0) pair(`  ${totals[line].count} ${say[line]}`, money(minorUnits(totals[line].sum)))
    pair(`  ${say.net}`, money(netOf(totals)))
  }
  rule()
  pair(say.range, `${day.firstRevision}-${day.lastRevision}`)
  put(day.head)
  return lines
}

/** Below zero on a day that gave back more than it took. */
export const netOf = ({ sales, voids, refunds }: DayTotals): bigint =>
  BigInt(sales.sum) - BigInt(voids.sum) - BigInt(refunds.sum)

const moneyOf = (minor: bigint, currency: Currency, language: Language): string =>
  writtenMoney(formatAmount(minor, currency), currency, language)

const head = (
  { merchantName, shop, terminal, mode }: Shop,
  { put, centred }: Pick<ReturnType<typeof paper>, 'put' | 'centred'>,
  language: Language,
): void => {
  centred(merchantName)
  centred(`${shop} / ${terminal}`)
  if (mode === 'test') centred(words[language].test)
  put('')
}

/** Nothing is cut off: what is too long for a line goes on in the next. */
const paper = (width: Width) => {
  const lines: string[] = []
  const put = (text: string): void => {
    // A printer's control characters are no part of a name or a reference.
    const plain = Array.from(text.replace(/\p{Cc}/gu, ' '))
    do lines.push(plain.splice(0, width).join(''))
    while (plain.length > 0)
  }
  return {
    lines,
    put,
    rule: () => put('-'.repeat(width)),
    centred: (text: string) => {
      const room = width - Array.from(text).length
      put(room > 0 ? `${' '.repeat(Math.floor(room / 2))}${text}` : text)
    },
    pair: (left: string, right: string) => {
      const room = width - Array.from(left).length - Array.from(right).length
      if (room > 0) return put(`${left}${' '.repeat(room)}${right}`)
      put(left)
      put(right.padStart(Math.max(width, right.length)))
    },
  }
}

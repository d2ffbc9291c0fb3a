import type { Refusal } from '#canonical/decider'
import { type Currency, formatAmount, minorUnits } from '#money'
import { shiftsOf } from '#till/day'
import type { DayClosing, DayTotals, GrandTotal, Shifts } from '#till/events'
import type { Language } from '#till/language'
import { netOf } from '#till/print'
import { inWords, reasons } from '#till/reasons'
import type { Recorded, Reversing } from '#till/state'
import type { SaleView } from './desk.ts'
import type { Terminal } from './terminal.ts'

/** What the till's page asks, as functions of the node. */

export const saleAnswer = (
  { amount, currency, because, idempotencyKey: _, ...sale }: SaleView,
  language: Language,
) => ({
  ...sale,
  amount: formatAmount(amount, currency),
  currency,
  ...(because ? spokenReason(because, currency, language) : {}),
})

/**
 * A reason as the cashier reads it: what is so and what to do next, by the table. `message` is the sentence that says
 * both, with the figures; in English it is the one that the log has.
 */
export const spokenReason = (
  because: { readonly reason: string; readonly message: string; readonly [figure: string]: unknown },
  currency: Currency,
  language: Language,
) => {
  const { reason } = because
  const { say, figures, next } = inWords(reason, because, currency, language)
  const message = language === 'en' ? because.message : [say, figures, next].filter(each => each !== '').join(' ')
  return { reason, message, say, ...(figures === '' ? {} : { figures }), next }
}

/** What the centre alone says stays in its own words: the table speaks of payments where it does not know a reason. */
const syncError = (because: Refusal, currency: Currency, language: Language): Refusal =>
  Object.hasOwn(reasons, because.reason)
    ? { ...because, message: spokenReason(because, currency, language).message }
    : because

export const totalsAnswer = (totals: DayTotals, currency: Currency) =>
  Object.fromEntries(
    Object.entries(totals).map(([type, { count, sum }]) => [
      type,
      { count, sum: formatAmount(minorUnits(sum), currency) },
    ]),
  )

const iso = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString())

/** Everything the till's page asks, as functions of the node. */
export const views = (node: Terminal) => {
  const currency = (): Currency => node.status().currency
  const waiting = () => {
    const { count, sum } = node.status().waiting
    return { count, sum: formatAmount(sum, currency()) }
  }
  /** How far a record has got on its way, and what the centre has made of it: accepted is a signed word of the centre. */
  const standing = (revision: number) => {
    const { sentTo, online } = node.status()
    const { verdict, reason } = node.verdictOf(revision) ?? {}
    if (reason !== undefined && reason !== '') {
      const { say, next } = inWords(reason, {}, currency(), node.paper.language(), 'verdict')
      return { state: verdict as 'held' | 'refused', because: { reason, say, next } }
    }
    if (verdict) return { state: verdict }
    if (revision <= node.till.acknowledgedTo) return { state: 'sent' as const }
    if (!online) return { state: 'recorded' as const }
    return { state: revision <= sentTo ? ('sent' as const) : ('queued' as const) }
  }
  const reversal = (reversing: Reversing) => {
    const { reversal, kind, transaction, receiptNumber, occurred, businessDate, currency, original } = reversing
    return {
      reversal,
      kind,
      transaction,
      receiptNumber,
      occurred,
      businessDate,
      amount: formatAmount(reversing.amount, currency),
      currency,
      ...(original ? { original } : {}),
      ...standing(reversing.revision),
    }
  }
  const reversals = (count: number) => [...node.till.reversals.values()].slice(-count).reverse().map(reversal)
  const transaction = (recorded: Recorded) => {
    const { transaction, sale, occurred, receiptNumber, card, businessDate, payment } = recorded
    return {
      transaction,
      sale,
      amount: formatAmount(recorded.amount, recorded.currency),
      currency: recorded.currency,
      occurred,
      receiptNumber,
      card,
      businessDate,
      payment,
      ...standing(recorded.revision),
      reversed: formatAmount(recorded.reversed, recorded.currency),
      voided: recorded.voided,
    }
  }
  const recent = (count: number) => [...node.till.recorded.values()].slice(-count).reverse().map(transaction)
  const report = () => {
    const { day } = node.till
    if (!day) return null
    const { zNumber, grandTotal, cashier } = node.till
    const { sales, voids, refunds } = grandTotal
    const figures = {
      businessDate: day.businessDate,
      currency: currency(),
      totals: day.totals,
      ...shiftsOf(day),
      grandTotal: { sales: `${sales}`, voids: `${voids}`, refunds: `${refunds}` },
      cashier,
      firstRevision: day.firstRevision,
      lastRevision: node.status().revision,
      head: node.status().hash,
    }
    return {
      ...reportAnswer(figures),
      closed: false,
      nextZ: zNumber + 1,
      forgotten: day.businessDate < node.today(),
      text: node.paper.day(figures),
    }
  }
  /** The Z report of a day that ended. */
  const closing = (closed: DayClosing, rolledOver: boolean) => ({
    ...reportAnswer(closed),
    closed: true,
    rolledOver,
    receiptNumber: closed.receiptNumber,
    zNumber: closed.zNumber ?? null,
    text: node.paper.day({ ...closed, rolledOver }),
  })
  const lastReport = () => {
    const last = node.till.lastClosing
    return last ? closing(last, last.rolledOver) : null
  }
  const torn = () =>
    [...node.till.open.values()]
      .map(open => node.saleOf(open.sale))
      .filter(sale => sale !== undefined)
      .map(sale => saleAnswer(sale, node.paper.language()))

  return {
    health: () => {
      const { online, refusal } = node.status()
      const status = refusal ? 'degraded' : 'ok'
      return { status, role: 'terminal', id: node.id, online, waiting: waiting(), ...(refusal ? { refusal } : {}) }
    },
    till: () => {
      const { online, lastSync_ms, lastSyncError, skew_ms, rules, reader, now_ms, certificate, outOfService } =
        node.status()
      const sale = node.currentSale()
      const first = node.till.waiting[0]
      return {
        terminal: node.id,
        mode: node.place.certified().mode,
        merchantName: node.place.certified().merchantName,
        shop: node.place.shop(),
        shopName: node.place.shopName() ?? null,
        certificate,
        /** Why no payment is taken here at all; null while it serves. */
        outOfService: outOfService ? spokenReason(outOfService, currency(), node.paper.language()) : null,
        currency: currency(),
        online,
        day: node.till.day
          ? { state: 'open', businessDate: node.till.day.businessDate }
          : node.till.lastDay
            ? { state: 'closed', businessDate: node.till.lastDay }
            : null,
        waiting: { ...waiting(), since: first?.occurred ?? null },
        sale: sale ? saleAnswer(sale, node.paper.language()) : null,
        torn: torn(),
        recent: recent(20),
        reversals: reversals(20),
        reader,
        rules: {
          policy: rules.policy?.version ?? null,
          denyList: rules.denyList?.version ?? null,
          keySet: rules.keySet?.version ?? null,
        },
        lastSync: iso(lastSync_ms),
        lastSyncError: lastSyncError ? syncError(lastSyncError, currency(), node.paper.language()) : null,
        now: iso(now_ms),
        skew_ms: skew_ms ?? null,
        today: node.today(),
        zone: node.place.zone(),
        language: node.paper.language(),
        people: node.people.list(),
      }
    },
    sale: (sale: string) => {
      const held = node.saleOf(sale)
      return (
        held ?? {
          reason: 'SaleUnknown',
          message: `Sale ${sale} is not known on this till: it was never keyed here, or a restart came before any phone tapped.`,
        }
      )
    },
    transactions: () => ({ transactions: recent(1000), reversals: reversals(1000) }),
    report,
    closing,
    lastReport,
  }
}

type Figures = {
  readonly businessDate: string
  readonly currency: Currency
  readonly totals: DayTotals
  readonly shifts?: Shifts | undefined
  readonly grandTotal?: GrandTotal | undefined
  readonly cashier?: string | undefined
  readonly firstRevision: number
  readonly lastRevision: number
  readonly head: string
}

const reportAnswer = ({ totals, shifts, grandTotal, cashier, ...figures }: Figures) => {
  const { businessDate, currency, firstRevision, lastRevision, head } = figures
  const money = (minor: bigint) => formatAmount(minor, currency)
  return {
    businessDate,
    currency,
    totals: totalsAnswer(totals, currency),
    net: money(netOf(totals)),
    /** By cashier; empty where the till has no staff. */
    shifts: (shifts ?? []).map(shift => ({
      cashier: shift.cashier ?? null,
      totals: totalsAnswer(shift.totals, currency),
      net: money(netOf(shift.totals)),
    })),
    grandTotal: grandTotal
      ? {
          sales: money(minorUnits(grandTotal.sales)),
          voids: money(minorUnits(grandTotal.voids)),
          refunds: money(minorUnits(grandTotal.refunds)),
        }
      : null,
    cashier: cashier ?? null,
    firstRevision,
    lastRevision,
    head,
  }
}

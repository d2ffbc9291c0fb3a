import { isRefusal, type Refusal } from '#canonical/decider'
import { uuid7 } from '#canonical/ids'
import { type Amount, type Currency, formatAmount } from '#money'
import type { Sale } from '#till/state'
import type { OwnLog } from './own-log.ts'
import type { News, TerminalParts } from './ports.ts'

/** The cashier's desk: the sale on the screen, and those keyed before it. A sale is several taps, and one payment. */
export type Desk = ReturnType<typeof desk>

export type SaleView = Sale & { readonly receiptNumber?: number; readonly allowanceLeft?: string }

type Because = { readonly reason: string; readonly message: string }

export const desk = (parts: TerminalParts, own: OwnLog, news: News) => {
  const { crypto } = parts
  const { till } = own

  /** Sales keyed and not yet tapped: forgotten at a restart, as nobody has paid. */
  const keyed = new Map<string, Sale>()
  /** Why the last tap of a sale came to nothing, where the log has no word of it. */
  const hints = new Map<string, Because>()
  let tapping: string | undefined
  let current: string | undefined = own.refusal() ? undefined : [...till.open.values()].at(-1)?.sale

  const saleOf = (sale: string): SaleView | undefined => {
    const held = own.sale(sale) ?? keyed.get(sale)
    if (!held) return undefined
    if (tapping === sale) return { ...held, state: 'tapping' }
    const recorded = held.transaction === undefined ? undefined : own.recorded(held.transaction)
    if (recorded && held.state === 'approved')
      return {
        ...held,
        receiptNumber: recorded.receiptNumber,
        allowanceLeft: formatAmount(recorded.allowanceLeft, recorded.currency),
      }
    // A tap that began and could not be put on disk is torn for the cashier, whatever the phone thinks.
    const state = held.state === 'tapping' ? ('torn' as const) : held.state
    const because = hints.get(sale) ?? held.because
    return { ...held, state, ...(because ? { because } : {}) }
  }

  const startSale = (amount: Amount, currency: Currency, reference?: string, key?: string): SaleView | Refusal => {
    const before =
      key === undefined
        ? undefined
        : (own.saleByKey(key) ?? [...keyed.values()].find(sale => sale.idempotencyKey === key)?.sale)
    if (before !== undefined) {
      const sale = saleOf(before) as SaleView
      if (sale.amount !== amount || sale.currency !== currency || sale.reference !== reference)
        return {
          reason: 'IdempotencyKeyReused',
          message: `The key ${JSON.stringify(key)} belongs to sale ${before} of ${formatAmount(sale.amount, sale.currency)} ${sale.currency}: send another key for another sale.`,
          sale: before,
        }
      return sale
    }
    const newer = own.refusal()
    if (newer) return newer
    // Whoever keys a sale hears of it now, and not when the customer holds out a phone.
    const unfit = own.place.outOfService(own.time())
    if (unfit) return unfit
    if (amount === 0n) return { reason: 'AmountNotPositive', message: 'A sale is of more than nothing.' }
    if (!till.day) return { reason: 'DayNotOpen', message: 'No day is open on this till: open the day first.' }
    if (currency !== own.currency())
      return { reason: 'CurrencyMismatch', message: `This till takes ${own.currency()}, not ${currency}.` }
    const busy = tapping === undefined ? undefined : saleOf(tapping)
    if (busy)
      return {
        reason: 'TapUnderWay',
        message: `Sale ${busy.sale} is being tapped: wait for its outcome.`,
        sale: busy.sale,
      }
    // A sale that was keyed and never tapped is what the cashier just thought better of.
    const waiting = current === undefined ? undefined : keyed.get(current)
    if (waiting?.state === 'waiting' && !till.sales.has(waiting.sale))
      keyed.set(waiting.sale, { ...waiting, state: 'cancelled' })
    const sale: Sale = {
      sale: uuid7(own.time(), crypto.random(16)),
      amount,
      currency,
      state: 'waiting',
      ...(reference === undefined ? {} : { reference }),
      ...(key === undefined ? {} : { idempotencyKey: key }),
    }
    keyed.set(sale.sale, sale)
    current = sale.sale
    parts.passing?.('sale keyed')
    news.next({ kind: 'sale' })
    return sale
  }

  const cancelSale = async (sale: string): Promise<SaleView | Refusal> => {
    const held = saleOf(sale)
    if (!held) return saleUnknown(sale)
    if (tapping === sale) return { reason: 'TapUnderWay', message: 'The phone is in the field: wait for the outcome.' }
    const answer = await own.write({ type: 'AbandonSale', sale })
    if (isRefusal(answer)) return answer
    const waiting = keyed.get(sale)
    if (waiting && !till.sales.has(sale)) keyed.set(sale, { ...waiting, state: 'cancelled' })
    hints.delete(sale)
    if (current === sale) current = undefined
    news.next({ kind: 'sale' })
    return saleOf(sale) as SaleView
  }

  const resumeSale = (sale: string): SaleView | Refusal => {
    const newer = own.refusal()
    if (newer) return newer
    const held = saleOf(sale)
    if (!held) return saleUnknown(sale)
    if (held.state !== 'torn' && held.state !== 'waiting')
      return { reason: 'SaleNotOpen', message: `Sale ${sale} is ${held.state}: key a new one.`, state: held.state }
    current = sale
    news.next({ kind: 'sale' })
    return held
  }

  const tell = (): void => news.next({ kind: 'sale' })

  return {
    saleOf,
    startSale,
    cancelSale,
    resumeSale,
    current: (): SaleView | undefined => (current === undefined ? undefined : saleOf(current)),
    /** A phone is in the field for this sale. */
    beginTap: (sale: string): void => {
      tapping = sale
      hints.delete(sale)
      tell()
    },
    endTap: (): void => {
      tapping = undefined
      tell()
    },
    hint: (sale: string, because: Because): void => void hints.set(sale, because),
  }
}

const saleUnknown = (sale: string): Refusal => ({
  reason: 'SaleUnknown',
  message: `Sale ${sale} is not known on this till: it was never keyed here, or a restart came before any phone tapped.`,
  sale,
})

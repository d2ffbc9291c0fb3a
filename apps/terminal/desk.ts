import { isRefusal, type Refusal } from '#canonical/decider'
import { uuid7 } from '#canonical/ids'
import { type Amount, type Currency, formatAmount } from '#money'
import type { Override } from '#till/commands'
import { refuseOverride } from '#till/override'
import { nobodySignedOn } from '#till/staff'
import type { Sale } from '#till/state'
import type { OwnLog } from './own-log.ts'
import type { News, TerminalParts } from './ports.ts'

/** The cashier's desk: the sale on the screen, and those keyed before it. A sale is several taps, and one payment. */
export type Desk = ReturnType<typeof desk>

export type SaleView = Sale & {
  readonly receiptNumber?: number
  readonly allowanceLeft?: string
  /** Rules that a supervisor let pass for this sale. */
  readonly overridden?: readonly string[]
  /** A supervisor may let pass what it was declined for. */
  readonly overridable?: boolean
}

/** With the figures of the refusal, where there are any: the log keeps the reason and its English sentence. */
type Because = Refusal

export const desk = (parts: TerminalParts, own: OwnLog, news: News) => {
  const { crypto } = parts
  const { till } = own

  /** Sales keyed that the log has no word of: forgotten at a restart, as nobody has paid. */
  const keyed = new Map<string, Sale>()
  /** Why the last tap of a sale came to nothing, where the log has no word of it. */
  const hints = new Map<string, Because>()
  /** What a supervisor let pass, by sale: for the taps of that sale, and on disk only with the deduction it allows. */
  const approvals = new Map<string, readonly Override[]>()
  let tapping: string | undefined
  let current: string | undefined = own.refusal() ? undefined : [...till.open.values()].at(-1)?.sale

  const saleOf = (sale: string): SaleView | undefined => {
    // The disk is asked for what this till wrote and has no more in mind, and never for what it has not written.
    const held = till.sales.has(sale) ? own.sale(sale) : (keyed.get(sale) ?? own.sale(sale))
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
    const view = { ...held, state, ...(because ? { because } : {}) }
    const passed = approvals.get(sale)?.map(({ rule }) => rule)
    if (state !== 'declined' || !because) return passed ? { ...view, overridden: passed } : view
    // What it was declined for is let pass: it waits for the phone again.
    if (passed?.includes(because.reason)) {
      const { because: _, ...waiting } = view
      return { ...waiting, state: 'waiting', overridden: passed }
    }
    const overridable = isLawful(because.reason)
    return { ...view, ...(passed ? { overridden: passed } : {}), overridable }
  }

  /** The policy lets somebody pass this rule, and somebody is there who may. */
  const isLawful = (rule: string): boolean =>
    [...till.staff].some(
      ([supervisor, role]) => role === 'supervisor' && !refuseOverride(till, own.rules().policy, { rule, supervisor }),
    )

  /** A supervisor whose PIN was checked lets pass what this sale was declined for. */
  const override = (sale: string, supervisor: string): SaleView | Refusal => {
    const newer = own.refusal()
    if (newer) return newer
    const held = saleOf(sale)
    if (!held) return saleUnknown(sale)
    if (held.state !== 'declined' || !held.because)
      return {
        reason: 'SaleNotDeclined',
        message: `Sale ${sale} is ${held.state}: there is nothing on it to let pass.`,
        state: held.state,
      }
    const approval = { rule: held.because.reason, supervisor }
    const refused = refuseOverride(till, own.rules().policy, approval)
    if (refused) return refused
    approvals.set(sale, [...(approvals.get(sale) ?? []), approval])
    current = sale
    news.next({ kind: 'sale' })
    return saleOf(sale) as SaleView
  }

  const startSale = (amount: Amount, currency: Currency, reference?: string, key?: string): SaleView | Refusal => {
    const before =
      key === undefined
        ? undefined
        : ([...keyed.values()].find(sale => sale.idempotencyKey === key)?.sale ?? own.saleByKey(key))
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
    const unsigned = nobodySignedOn(till)
    if (unsigned) return unsigned
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
    approvals.delete(sale)
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
    override,
    approvals: (sale: string): readonly Override[] => approvals.get(sale) ?? [],
    current: (): SaleView | undefined => (current === undefined ? undefined : saleOf(current)),
    /** A phone is in the field for this sale. */
    beginTap: (sale: string): void => {
      tapping = sale
      hints.delete(sale)
      tell()
    },
    endTap: (): void => {
      // An approval is for one sale: it ends with it.
      if (tapping !== undefined && till.sales.get(tapping)?.state === 'approved') approvals.delete(tapping)
      if (tapping !== undefined && till.sales.has(tapping)) keyed.delete(tapping)
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

import { Subject } from 'rxjs'
import type { Amount } from '#money'
import { businessDateAt } from '#till/businessdate'
import type { DayEnd, PaidElsewhere } from '#till/commands'
import { waitingOf } from '#till/state'
import { desk } from './desk.ts'
import { iso, type OwnLog, ownLog } from './own-log.ts'
import { ModesMixed, type TerminalParts } from './ports.ts'
import { receipts } from './receipts.ts'
import { staff } from './staff.ts'
import { centreLink } from './sync.ts'
import { taps } from './tap.ts'
import { verdicts } from './verdicts.ts'

/**
 * The till in the shop as a plain function: its own log, the cashier's desk, its taps, its way to the centre. Nest, HTTP
 * and SQLite come from outside; the simulation hands in a seeded world instead.
 */
export type Terminal = Awaited<ReturnType<typeof terminal>>

export const terminal = async (parts: TerminalParts) => {
  const { identity } = parts
  const news = new Subject<{ readonly kind: string }>()
  const own = await ownLog(parts, news)
  await commission(parts, own)
  own.onTrusted(() => commission(parts, own))
  const heard = verdicts(parts, own)
  const sync = centreLink(parts, own, heard, news)
  const counter = desk(parts, own, news)
  const { prepare, meet, takeTaps } = taps(parts, own, counter, sync.lastSync_ms)
  const { till, write } = own
  const people = staff(parts, own, news)
  const paper = receipts(parts, own, news)
  prepare()

  /** Where the log stands, for a day that ends there. */
  const dayEnd = (): DayEnd => {
    const { revision, hash } = own.head()
    return { currency: own.currency(), revision, head: hash }
  }
  /** The day as the shop counts it now: a bar's Saturday lasts until the policy's hour of Sunday. */
  const today = (): string => businessDateAt(own.time(), own.place.zone(), own.rules().policy?.rollOver_hour)
  /** A forgotten day ends at the policy's hour, before the first sale after it; without one, when the next is opened. */
  const rollOverIfDue = async (): Promise<void> => {
    if (own.rules().policy?.rollOver_hour === undefined || !till.day || own.refusal()) return
    const now = today()
    if (till.day.businessDate < now) await write(() => ({ type: 'RollDayOver', today: now, end: dayEnd() }))
  }

  return {
    id: identity.terminal,
    place: own.place,
    today,
    till,
    news,
    /** The parts as they stand, for views. */
    status: () => ({
      ...sync.status(),
      ...own.head(),
      waiting: waitingOf(till),
      refusal: own.refusal(),
      rules: own.rules(),
      currency: own.currency(),
      certificate: own.place.end(own.time()),
      outOfService: own.refusal() ?? own.place.outOfService(own.time()),
      reader: parts.readerState?.() ?? { state: 'ready' as const },
      now_ms: own.time(),
    }),
    currentSale: counter.current,
    saleOf: counter.saleOf,
    startSale: counter.startSale,
    rollOverIfDue,
    /** A supervisor lets pass what a sale was declined for, once and for that sale. */
    overrideSale: async (sale: string, by: { readonly staff: string; readonly pin: string }) =>
      (await people.check(by.staff, by.pin)) ?? counter.override(sale, by.staff),
    people,
    paper,
    cancelSale: counter.cancelSale,
    resumeSale: counter.resumeSale,
    setNetwork: sync.setNetwork,
    syncNow: sync.syncNow,
    openDay: (businessDate?: string) => {
      const now = today()
      // A policy or a zone that came since may have set the shop's date back: the day that was is opened again.
      const { lastDay = now } = till
      const asked = businessDate ?? (lastDay > now ? lastDay : now)
      return write(() => ({ type: 'OpenDay', businessDate: asked, today: now, end: dayEnd() }))
    },
    closeDay: async () => {
      await sync.tellAcknowledgement()
      return write(() => ({ type: 'CloseDay', ...dayEnd() }))
    },
    /** A transaction of this terminal, however old. */
    recorded: own.recorded,
    /** A void or a refund of this terminal, however old. */
    reversal: own.reversal,
    voidTransaction: (reversal: string, transaction: string) =>
      write(() => {
        own.recorded(transaction)
        own.reversal(reversal)
        return { type: 'VoidTransaction', reversal, transaction, occurred: iso(own.time()) }
      }),
    /** `original` is what a signed receipt says of a payment that another terminal took. */
    refundTransaction: (reversal: string, transaction: string, amount: Amount, original?: PaidElsewhere) =>
      write(() => {
        own.recorded(transaction)
        own.reversal(reversal)
        const asked = { reversal, transaction, amount, occurred: iso(own.time()) }
        return { type: 'RefundTransaction', ...asked, ...(original ? { original } : {}) }
      }),
    reprintReceipt: (transaction: string) =>
      write(() => {
        own.recorded(transaction)
        return { type: 'ReprintReceipt', transaction }
      }),
    reprintReversal: (reversal: string) =>
      write(() => ({
        type: 'ReprintReceipt',
        transaction: own.reversal(reversal)?.transaction ?? '',
        reversal,
      })),
    /** What the centre has said, signed, of a record of this log. */
    verdictOf: heard.of,
    meet,
    /** Takes taps and syncs until the signal. */
    run: async (signal: AbortSignal): Promise<void> => {
      await Promise.all([takeTaps(signal), sync.sync(signal)])
      news.complete()
    },
  }
}

/** What a terminal writes before anything else: who it is, its first rules, and what a kill left open as torn. */
const commission = async ({ identity, firstRules, notes, log }: TerminalParts, own: OwnLog): Promise<void> => {
  const { till } = own
  const { terminal, certificate } = identity
  const { merchant, merchantName, shop, mode } = own.place.certified()
  const others = { log: till.commissioned?.mode ?? mode, enrolment: identity.mode }
  for (const [what, other] of Object.entries(others))
    if (other !== mode)
      throw new ModesMixed(
        `Terminal ${terminal} has a ${mode} certificate, and its ${what} is ${other}: test and live are kept apart. Start it on the folder that belongs together, or enrol a terminal anew in an empty one.`,
      )
  const newer = own.refusal()
  if (newer) return log.error(newer.message)
  if (!till.commissioned)
    await own.writeSurely({ type: 'Commission', terminal, merchant, merchantName, shop, mode, certificate })
  if (!till.rules) {
    // The enrolment was the first meeting with the centre.
    if (notes.note('lastSync') === undefined) notes.setNote('lastSync', `${own.time()}`)
    const refused = await own.adopt(firstRules)
    if (refused) throw new Error(`The rules of the enrolment do not hold: ${refused.message}`)
  }
  // What a kill left open may have been paid: it is torn until the phone says so.
  for (const open of [...till.open.values()])
    if (open.live) {
      const tap = open.attempts.at(-1)?.tap ?? till.tap
      await own.writeSurely({ type: 'TearTap', transaction: open.transaction, tap, during: 'restart' })
    }
}

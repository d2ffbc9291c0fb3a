import type { Crypto } from '#canonical/crypto'
import { type Event, EventMalformed, upcast, verifyEvent } from '#canonical/event'
import { type Currency, formatAmount, isCurrency, isMinorUnits } from '#money'
import { type DayClosing, type DayTotals, type TillEvent, tillWords } from '#till/events'
import { counted, type Difference, type LineName, lineOf, noTotals, type Totals, totalsDifferences } from './totals.ts'

/**
 * A terminal's stream as some store holds it, laid beside what the till counted and what the centre judged. It trusts
 * neither the store's order nor its uniqueness, for the store may be a copy that someone had in hands: an event that is
 * missing, doubled or altered is named with its amount.
 */

/** An event as a store gave it: its columns, and the text that its maker wrote. */
export type Held = {
  readonly revision: number
  readonly id: string
  readonly type: string
  readonly text: string
}

/** A verdict on an event of this terminal: a second witness of what the stream must hold. */
export type Witness = {
  /** The id of the terminal's event. */
  readonly event: string
  readonly transaction: string
  readonly line: LineName
  /** Minor units. */
  readonly amount: bigint
  readonly currency: Currency
}

/** A head that the terminal signed: the hash that its stream has at a revision. */
export type Head = { readonly revision: number; readonly hash: string }

export type DayReport = {
  readonly businessDate: string
  readonly firstRevision: number
  readonly currency: Currency | undefined
  readonly closed: boolean
  /** As the till counted in its own state; null until it closed the day. */
  readonly till: DayTotals | null
  /** As the events held here add up. */
  readonly centre: Totals
  /** Closed, and nothing of its range is missing or not understood. */
  readonly complete: boolean
  readonly differences: readonly Difference[]
}

export type Report = {
  readonly terminal: string
  readonly shop: string | undefined
  readonly days: readonly DayReport[]
  /** All of them, those outside any day included, in the order in which they were found. */
  readonly differences: readonly Difference[]
}

type Day = {
  readonly businessDate: string
  readonly firstRevision: number
  currency: Currency | undefined
  till: DayTotals | null
  centre: Totals
  gap: boolean
  unread: boolean
  readonly differences: Difference[]
}

type Gap = {
  readonly from: number
  readonly to: number
  readonly day: Day | undefined
  /** The transaction that its neighbours were in the middle of. */
  readonly amid: string | undefined
}

/** An append goes on after these, and went on before those: what is missing between belongs to their transaction. */
const unfinished = new Set(['TapStarted', 'LicenseVerified', 'PayloadDecrypted'])
const continuing = new Set(['LicenseVerified', 'LicenseRejected', 'TransactionRecorded'])

export const reconcile = (
  crypto: Crypto,
  terminal: string,
  stream: Iterable<Held>,
  beside: { readonly witnesses?: readonly Witness[]; readonly heads?: readonly Head[] } = {},
): Report => {
  const reconciling = reconciliation(crypto, terminal, beside)
  for (const held of stream) reconciling.take(held)
  return reconciling.report()
}

/** The same for a stream that comes in pages: `take` in the order of the store, and at the end, once, `report`. */
export const reconciliation = (
  crypto: Crypto,
  terminal: string,
  { witnesses = [], heads = [] }: { readonly witnesses?: readonly Witness[]; readonly heads?: readonly Head[] } = {},
) => {
  const witnessOf = new Map(witnesses.map(witness => [witness.event, witness]))
  const headAt = new Map(heads.map(({ revision, hash }) => [revision, hash]))
  const days: Day[] = []
  const all: Difference[] = []
  const gaps: Gap[] = []
  const ids = new Set<string>()
  const recorded = new Map<string, string>()
  /** What was asked of the phone, by transaction; and which of them may still be counted as torn. */
  const asked = new Map<string, bigint>()
  const open = new Set<string>()
  let shop: string | undefined
  let currency: Currency | undefined
  let day: Day | undefined
  let next = 0
  /** All that this stream sold, voided and refunded; and whether nothing of it is missing or unread so far. */
  let sold = noTotals
  let whole = true
  /** The event before, where it could be read at all. */
  let last: Event | undefined

  const name = (
    kind: Difference['kind'],
    amount: bigint,
    message: (amount: string) => string,
    events: readonly string[],
    at: Day | undefined = day,
  ): void => {
    const of = at?.currency ?? currency ?? 'EUR'
    const difference = { kind, amount, currency: of, message: message(`${formatAmount(amount, of)} ${of}`), events }
    all.push(difference)
    at?.differences.push(difference)
  }

  const take = (held: Held): void => {
    const { event, fault } = read(crypto, `terminal-${terminal}`, held)
    const revision = event?.revision ?? held.revision
    const id = event?.id ?? held.id
    if (ids.has(id)) {
      const where = `Revision ${held.revision} of ${terminal}`
      return name('Duplicate', amountOf(event), of => `${where} is ${held.type} of ${of} a second time.`, [id])
    }
    ids.add(id)
    const doubled = event && recordedBefore(event)
    if (doubled) {
      const { transaction } = doubled
      name(
        'Duplicate',
        amountOf(event),
        of =>
          `Revision ${revision} of ${terminal} records transaction ${transaction} of ${of} again, under another id.`,
        [doubled.by, id],
      )
    } else if (revision < next) {
      const message = `Revision ${revision} of ${terminal} is here twice, with other content`
      name('Fork', amountOf(event), of => `${message}: ${held.type} of ${of}.`, [id])
    }
    if (revision > next) {
      whole = false
      gaps.push({ from: next, to: revision - 1, day, amid: transactionAmid(last, event) })
      if (day) day.gap = true
    }
    if (fault !== undefined) nameAltered(held, event, fault)
    else if (event && revision === next && last && event.prev !== last.hash) nameRewritten(event, last)
    const signed = headAt.get(revision)
    if (event && fault === undefined && signed !== undefined && signed !== event.hash)
      nameAltered(held, event, `${terminal} signed ${signed.slice(0, 12)}… as its head here`)
    if (revision >= next) {
      next = revision + 1
      last = event
    }
    if (!event) return
    const known = readAs(event, fault !== undefined)
    if (known) learn(known, doubled !== undefined)
    else if (fault === undefined) nameUnread(event)
  }

  /** A newer till's word. What moves money, and any newer shape of what a till counts, may be wanting in the figures. */
  const nameUnread = ({ type, schema, revision, money, id }: Event): void => {
    if (!money && !Object.hasOwn(tillWords, type)) return
    if (day) day.unread = true
    whole = false
    const message = `Revision ${revision} of ${terminal}, ${type} in shape ${schema}, is not understood by this version.`
    name('NotUnderstood', 0n, () => message, [id])
  }

  const recordedBefore = (event: Event): { readonly transaction: string; readonly by: string } | undefined => {
    if (event.type !== 'TransactionRecorded') return undefined
    const { transaction } = event.data as { readonly transaction?: unknown }
    if (typeof transaction !== 'string') return undefined
    const by = recorded.get(transaction)
    recorded.set(transaction, by ?? event.id)
    return by === undefined ? undefined : { transaction, by }
  }

  /** What the amount should be, by the verdict or by what was asked of the phone. */
  const expectedOf = (event: Event | undefined): bigint | undefined => {
    if (!event) return undefined
    const { transaction } = event.data as { readonly transaction?: string }
    const byTap = transaction === undefined || event.type !== 'TransactionRecorded' ? undefined : asked.get(transaction)
    return witnessOf.get(event.id)?.amount ?? byTap
  }

  const nameAltered = (held: Omit<Held, 'text'>, event: Event | undefined, fault: string): void => {
    const found = amountOf(event)
    const expected = expectedOf(event)
    const differs = expected !== undefined && expected !== found
    const amount = differs ? (expected > found ? expected - found : found - expected) : found
    const of = currency ?? 'EUR'
    const message = (words: string) => {
      const says = differs
        ? `It says ${formatAmount(found, of)}, and was ${formatAmount(expected, of)}: ${words} between them.`
        : `It is about ${words}.`
      return `Revision ${held.revision} of ${terminal}, ${held.type}, was altered: ${fault}. ${says}`
    }
    name('AmountMismatch', amount, message, [event?.id ?? held.id])
  }

  /** Both are sound by themselves, and one does not follow from the other: one was written anew. */
  const nameRewritten = (event: Event, before: Event | undefined): void => {
    const suspect = [before, event].find(each => each && (expectedOf(each) ?? amountOf(each)) !== amountOf(each))
    const about = suspect ?? (amountOf(before) > 0n ? before : event) ?? event
    nameAltered(
      about,
      about,
      `revision ${event.revision} names ${event.prev.slice(0, 12)}… as the hash before it, and that is ${before?.hash.slice(0, 12)}…`,
    )
  }

  const learn = (event: Event & TillEvent, twice: boolean): void => {
    const line = lineOf(event)
    switch (event.type) {
      case 'TerminalCommissioned':
        shop = event.data.shop
        break
      case 'DayOpened':
      case 'DayRolledOver':
        if (event.type === 'DayRolledOver' && event.data.closed) closeDay(event.id, event.data.closed)
        day = {
          businessDate: event.data.businessDate,
          firstRevision: event.revision,
          currency,
          till: null,
          centre: noTotals,
          gap: false,
          unread: false,
          differences: [],
        }
        days.push(day)
        break
      case 'DayClosed':
        closeDay(event.id, event.data)
        break
      case 'TapStarted':
        asked.set(event.data.transaction, amountOf(event))
        break
      case 'DeductionRequested':
        asked.set(event.data.transaction, amountOf(event))
        open.add(event.data.transaction)
        break
      case 'TapResolved':
        open.delete(event.data.transaction)
        break
      // The rest is counted by its line below, or tells nothing of days and amounts.
      default:
        break
    }
    if ('currency' in event.data && isCurrency(event.data.currency)) {
      currency = event.data.currency
      if (day) day.currency ??= currency
    }
    if (line === undefined || twice) return
    const { transaction } = event.data as { readonly transaction: string }
    if (line === 'torn') {
      if (day && open.has(transaction)) day.centre = counted(day.centre, line, asked.get(transaction) ?? 0n)
      return
    }
    sold = counted(sold, line, amountOf(event))
    if (day) day.centre = counted(day.centre, line, amountOf(event))
    if (line === 'sales' || line === 'declined') open.delete(transaction)
  }

  const closeDay = (id: string, data: DayClosing): void => {
    // A copy may have lost the opening: the close says itself which day it was, and where it began.
    const closing =
      day ??
      ({
        businessDate: data.businessDate,
        firstRevision: data.firstRevision,
        currency: data.currency,
        till: null,
        centre: noTotals,
        gap: true,
        unread: false,
        differences: [],
      } satisfies Day)
    if (!day) days.push(closing)
    closing.till = data.totals
    closing.currency = data.currency
    const where = `${terminal} on ${data.businessDate}`
    for (const difference of totalsDifferences(where, data.totals, closing.centre, data.currency, id)) {
      all.push(difference)
      closing.differences.push(difference)
    }
    const grand = data.grandTotal && whole ? grandDifference(where, data, sold) : undefined
    if (grand) {
      const difference: Difference = { kind: 'TotalsMismatch', ...grand, currency: data.currency, events: [id] }
      all.push(difference)
      closing.differences.push(difference)
    }
    day = undefined
  }

  /** Gaps are named last: what is missing is told by its neighbours and by the verdicts on it. */
  const nameGaps = (): void => {
    const end = Math.max(-1, ...heads.map(head => head.revision))
    if (end >= next) gaps.push({ from: next, to: end, day, amid: transactionAmid(last, undefined) })
    const unseen = witnesses.filter(witness => !ids.has(witness.event))
    const claim = (fits: (witness: Witness) => boolean): Witness | undefined => {
      const at = unseen.findIndex(fits)
      return at < 0 ? undefined : unseen.splice(at, 1)[0]
    }
    const told = gaps.map(({ amid }) =>
      amid === undefined ? undefined : claim(({ transaction }) => transaction === amid),
    )
    for (const [place, { from, to, day, amid }] of gaps.entries()) {
      const witness = told[place] ?? (amid === undefined ? claim(() => true) : undefined)
      const amount = witness?.amount ?? (amid === undefined ? 0n : (asked.get(amid) ?? 0n))
      const transaction = witness?.transaction ?? amid
      const which =
        from === to
          ? `Revision ${from} of ${terminal} is missing`
          : `Revisions ${from} to ${to} of ${terminal} are missing`
      const of = transaction === undefined ? '' : `, of transaction ${transaction}`
      name('Missing', amount, words => `${which}${of}: ${words}.`, witness ? [witness.event] : [], day)
    }
    for (const { event, transaction, amount } of unseen) {
      const message = (words: string) =>
        `${terminal} does not hold event ${event} of transaction ${transaction}, on which a verdict was given: ${words}.`
      name('Missing', amount, message, [event], undefined)
    }
    gaps.length = 0
  }

  const report = (): Report => {
    nameGaps()
    return {
      terminal,
      shop,
      days: days.map(({ gap, unread, ...each }) => ({
        ...each,
        closed: each.till !== null,
        complete: each.till !== null && !gap && !unread,
      })),
      differences: all,
    }
  }

  return { take, report }
}

/** Where a till's grand total, which is never reset, is not what its log ever sold and gave back. */
const grandDifference = (
  where: string,
  { grandTotal, currency }: DayClosing,
  sold: Totals,
): { readonly amount: bigint; readonly message: string } | undefined => {
  const line = (['sales', 'voids', 'refunds'] as const).find(
    each => grandTotal && BigInt(grandTotal[each]) !== sold[each].sum,
  )
  if (!line || !grandTotal) return undefined
  const [told, held] = [BigInt(grandTotal[line]), sold[line].sum]
  const inWords = (minor: bigint) => `${formatAmount(minor, currency)} ${currency}`
  return {
    amount: told > held ? told - held : held - told,
    message: `${where}: the till's grand total of ${line} is ${inWords(told)}, its log holds ${inWords(held)}.`,
  }
}

/** The transaction that a gap between two events cuts, if it cuts one. */
const transactionAmid = (before: Event | undefined, after: Event | undefined): string | undefined => {
  const cut = before && unfinished.has(before.type) ? before : after && continuing.has(after.type) ? after : undefined
  return (cut?.data as { readonly transaction?: string } | undefined)?.transaction
}

/** An event as this version reads it, if it does; of an altered one, if it still has the shape of its type. */
const readAs = (event: Event, altered: boolean): (Event & TillEvent) | undefined => {
  if (!altered) return upcast(event, tillWords)
  try {
    const known = upcast(event, tillWords)
    return known && tillWords[known.type].data.safeParse(known.data).success ? known : undefined
  } catch {
    // An upcaster may rest on what the old shape never left out.
    return undefined
  }
}

/** The event in a text, and what is wrong with it. An altered text is read as far as it can be. */
const read = (crypto: Crypto, stream: string, held: Held): { readonly event?: Event; readonly fault?: string } => {
  try {
    const event = verifyEvent(crypto, held.text)
    const fault = (
      [
        ['stream', event.stream, stream],
        ['revision', event.revision, held.revision],
        ['id', event.id, held.id],
        ['type', event.type, held.type],
      ] as const
    ).find(([, says, stands]) => says !== stands)
    return fault ? { event, fault: `its ${fault[0]} is ${fault[1]}, and it is kept as ${fault[2]}` } : { event }
  } catch (error) {
    if (!(error instanceof EventMalformed)) throw error
    const event = readAnyway(held)
    return event ? { event, fault: error.found } : { fault: error.found }
  }
}

const readAnyway = (held: Held): Event | undefined => {
  try {
    const event = JSON.parse(held.text) as Partial<Event> | null
    const whole = typeof event?.data === 'object' && event.data !== null && typeof event.hash === 'string'
    // The columns say where it stands; what it says of itself is no longer evidence.
    return whole ? ({ ...event, revision: held.revision, id: held.id, type: held.type } as Event) : undefined
  } catch {
    return undefined
  }
}

const amountOf = (event: Event | undefined): bigint => {
  const { amount } = (event?.data ?? {}) as { readonly amount?: unknown }
  return typeof amount === 'string' && isMinorUnits(amount) ? BigInt(amount) : 0n
}

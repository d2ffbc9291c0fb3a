import type { Holds } from './laws.ts'
import { rules } from './laws.ts'
import { figure, type Said, said, sum, word } from './oracle.ts'
import type { World } from './world.ts'

/** The terminals' own logs, read line by line as they grow, each line held against those before it. */
const hour_ms = 3_600_000

type Asked = { readonly sale: string; readonly amount: bigint; torn: boolean; end?: 'recorded' | 'abandoned' }
type Line = { count: number; sum: bigint }
type Totals = Record<'sales' | 'voids' | 'refunds' | 'declined' | 'torn', Line>
const noTotals = (): Totals => {
  const none = () => ({ count: 0, sum: 0n })
  return { sales: none(), voids: none(), refunds: none(), declined: none(), torn: none() }
}

const emptyBook = () => ({
  read: 0,
  /** Whose log it is: of two devices with one identity each has a book. */
  terminal: '',
  denyList: 0,
  last: undefined as Said | undefined,
  receipts: 0,
  asked: new Map<string, Asked>(),
  recorded: new Map<string, Said>(),
  recordedOf: new Map<string, string>(),
  /** By license, in the day that is open. */
  paidToday: new Map<string, bigint>(),
  sold: 0n,
  givenBack: new Map<string, Said>(),
  cancelled: new Set<string>(),
  day: undefined as Totals | undefined,
  /** Sales that were keyed, with the transaction under which each was shown as approved. */
  keyed: new Map<string, string | undefined>(),
})

export const tillBooks = (
  { shops }: World,
  holds: Holds,
  reads: (event: string | undefined) => void,
  /** Licenses that were revoked, with the version of the deny list since which each stands on it. */
  denied: ReadonlyMap<string, number>,
  /** Terminals of which there are two: both may hear the rest of one torn tap. */
  copied: ReadonlySet<string>,
) => {
  const books = new Map<string, ReturnType<typeof emptyBook>>()
  /** By terminal and revision, the hashes of what any device of that name wrote there. */
  const texts = new Map<string, Set<string>>()
  const nothing: ReadonlySet<string> = new Set()
  /** By payment, the event that recorded it. */
  const records = new Map<string, string>()
  const of = (id: string) => {
    const book = books.get(id) ?? emptyBook()
    books.set(id, book)
    return book
  }

  const counted = (totals: Totals | undefined, line: keyof Totals, amount: bigint): void => {
    if (!totals) return
    totals[line].count += 1
    totals[line].sum += amount
  }

  const numbered = (id: string, event: Said): void => {
    const book = of(id)
    const number = figure(event, 'receiptNumber')
    holds('receipts are whole', number === book.receipts + 1, () => `${id} went from ${book.receipts} to ${number}`)
    book.receipts = number
  }

  const beginDay = (book: ReturnType<typeof emptyBook>): void => {
    book.day = noTotals()
    book.paidToday.clear()
  }

  const endDay = (id: string, closing: Said): void => {
    const book = of(id)
    numbered(id, closing)
    const told = closing.data['totals'] as Record<keyof Totals, { count: number; sum: string }>
    for (const [line, { count, sum }] of Object.entries(book.day ?? noTotals()) as [keyof Totals, Line][]) {
      const is = told[line].count === count && told[line].sum === sum.toString()
      holds(
        'day totals',
        is,
        () => `${id} closed on ${JSON.stringify(told[line])} ${line}; there were ${count} of ${sum}`,
      )
    }
    const grand = (closing.data['grandTotal'] as { sales: string }).sales
    holds('day totals', grand === `${book.sold}`, () => `${id} says it ever sold ${grand}; it sold ${book.sold}`)
    book.day = undefined
  }

  const readEvent = (id: string, event: Said): void => {
    const book = of(id)
    const { last } = book
    const follows = last === undefined || (event.revision === last.revision + 1 && event.prev === last.hash)
    holds('revisions are whole', follows, () => `${id} wrote ${event.revision} after ${last?.revision}`)
    holds('time goes forward', last === undefined || event.at >= last.at, () => `${id}: ${event.at} after ${last?.at}`)
    book.last = event
    switch (event.type) {
      case 'DayOpened':
        beginDay(book)
        return
      case 'DayRolledOver': {
        const closed = event.data['closed'] as Said['data']
        endDay(id, { ...event, data: closed })
        beginDay(book)
        return
      }
      case 'DayClosed':
        endDay(id, event)
        return
      case 'TapStarted': {
        const before = book.asked.get(word(event, 'transaction'))
        if (before) before.torn = false
        return
      }
      case 'DeductionRequested': {
        const [transaction, license, amount] = [word(event, 'transaction'), word(event, 'license'), sum(event)]
        if (event.data['resent'] === true) return
        book.asked.set(transaction, { sale: word(event, 'sale'), amount, torn: false })
        const silent_ms = Date.parse(event.at) - (shops.get(id)?.heard_ms ?? 0)
        const here = (book.paidToday.get(license) ?? 0n) + amount
        const listed = denied.get(license)
        const isListed = listed !== undefined && listed <= book.denyList
        holds('rules were kept', !isListed, () => `${id} asked license ${license}, which its deny list names`)
        holds('rules were kept', amount <= rules.perTransaction, () => `${id} asked for ${amount} at once`)
        holds('rules were kept', here <= rules.perPhoneOnTerminal, () => `${id} asked one phone for ${here} in a day`)
        // An hour of grace: a clock that was set back makes a terminal's time stand still.
        const within = silent_ms <= (rules.hoursSinceSync + 1) * hour_ms
        holds(
          'rules were kept',
          within,
          () => `${id} took a payment ${silent_ms / hour_ms} hours after it met the centre`,
        )
        return
      }
      case 'RulesAdopted':
        book.denyList = (event.data['denyList'] as { version: number }).version
        return
      case 'TransactionRecorded': {
        numbered(id, event)
        const [transaction, sale, payment] = [word(event, 'transaction'), word(event, 'sale'), word(event, 'payment')]
        const license = word(event, 'license')
        const first = !book.recordedOf.has(sale) && !book.recorded.has(transaction)
        holds('one sale, one payment', first, () => `${id} recorded sale ${sale} again, as ${transaction}`)
        // A copy of a till has what it was copied from, too.
        const before = records.get(payment)
        const again = before !== undefined && before !== event.hash && !copied.has(book.terminal)
        holds('one sale, one payment', !again, () => `payment ${payment} was recorded twice, at last by ${id}`)
        records.set(payment, event.hash)
        const asked = book.asked.get(transaction)
        const open = asked?.end === undefined && asked?.amount === sum(event)
        holds(
          'one sale, one payment',
          open,
          () => `${id} recorded ${transaction}, which was ${asked?.end ?? 'never asked for'}`,
        )
        if (asked) asked.end = 'recorded'
        book.recorded.set(transaction, event)
        book.recordedOf.set(sale, transaction)
        book.paidToday.set(license, (book.paidToday.get(license) ?? 0n) + sum(event))
        book.sold += sum(event)
        counted(book.day, 'sales', sum(event))
        return
      }
      case 'TransactionDeclined':
        numbered(id, event)
        counted(book.day, 'declined', sum(event))
        return
      case 'TapTorn': {
        const asked = book.asked.get(word(event, 'transaction'))
        holds(
          'asked before paid',
          asked !== undefined,
          () => `${id} tore ${word(event, 'transaction')}, never asked for`,
        )
        if (!asked) return
        asked.torn = true
        counted(book.day, 'torn', asked.amount)
        return
      }
      case 'TapResolved': {
        const asked = book.asked.get(word(event, 'transaction'))
        if (asked && word(event, 'outcome') === 'abandoned') asked.end = 'abandoned'
        return
      }
      case 'TransactionVoided':
      case 'RefundRecorded':
        numbered(id, event)
        book.givenBack.set(word(event, 'reversal'), event)
        counted(book.day, event.type === 'RefundRecorded' ? 'refunds' : 'voids', sum(event))
        return
    }
  }

  return {
    of,
    texts: (terminal: string, revision: number): ReadonlySet<string> => texts.get(`${terminal} ${revision}`) ?? nothing,
    all: (): IterableIterator<[string, ReturnType<typeof emptyBook>]> => books.entries(),
    /** What was written since. */
    read: (): void => {
      for (const [id, { store, identity }] of shops)
        for (
          const book = Object.assign(of(id), { terminal: identity.terminal });
          book.read < store.events.length;
          book.read++
        ) {
          const event = said(store.events[book.read]?.text as string)
          const place = `${book.terminal} ${event.revision}`
          texts.set(place, (texts.get(place) ?? new Set()).add(event.hash))
          reads(`${event.type} at revision ${event.revision} of ${id}'s own log`)
          readEvent(id, event)
        }
      reads(undefined)
    },
  }
}

import { isRefusal } from '#canonical/decider'
import { type Rows, textOf } from '#eventstore/rows'
import { exceptions } from '#projections/exceptions'
import { licenseOf, type PhoneMemory } from '#tap/phone'
import { type Law, questions, rules } from './laws.ts'
import { figure, oracle, type Said, type Signed, said, sum, word } from './oracle.ts'
import { askRows, reactAgain, refold } from './rows-audit.ts'
import { tillBooks } from './till-books.ts'
import type { World } from './world.ts'
import { type PaymentSeen, wrongs } from './wrongs.ts'

/** The merchant's, in this world. */
const terms = { feeBasisPoints: 150n, taxBasisPoints: 2000n }

export type Phone = { readonly phone: string; readonly account: string }
type Seen = {
  readonly amount: bigint
  readonly payment: string
  readonly counter: number
  readonly receipt: number | undefined
}
/** A phone's memory is of so many payments. */
const remembered = 64

type Balance = { readonly owed: string; readonly held: string }
type Merchants = { readonly merchants: readonly { readonly payable: string }[] }

const major = (text: string): bigint => {
  const [, sign, whole, cents] = /^(-?)(\d+)\.(\d\d)$/.exec(text) as unknown as [string, string, string, string]
  return BigInt(`${sign}${whole}${cents}`)
}

/**
 * An auditor beside the world. It believes what it saw from outside: what tills showed, what lies in phones, what lies
 * on disks. After each step it asks what can be asked, at the end all of it, and counts every question.
 */
export const auditor = (world: World, phones: readonly Phone[]) => {
  const { checked, breaches, holds, reads } = questions()
  const wrong = wrongs()
  const tills = tillBooks(world, holds, reads, wrong.denied, wrong.copied)
  const { of: till } = tills
  const signed = new Map<string, Signed & { readonly terminal: string; readonly counter: number }>()
  /** What each phone held when it was looked at last. */
  const seen = new Map<string, { license: string; left: bigint; readonly payments: Map<string, Seen> }>()
  let restores = 0
  /** How often each till had heard of the centre when that was restored. */
  const unaware = new Map<string, number>()
  let before = { records: 0 }
  const accounts = (): ReadonlySet<string> => new Set(phones.map(({ account }) => account))
  const money = oracle(terms)

  /** The till's own word on each sale that is not settled; on all of them where it was restarted. */
  const askTill = (id: string, all: boolean): void => {
    if (!world.shops.has(id)) return
    const book = till(id)
    const node = world.till(id)
    for (const [sale, shown] of book.keyed) {
      if (shown !== undefined && !all) continue
      const view = node.saleOf(sale)
      const record = book.recorded.get(book.recordedOf.get(sale) ?? '')
      if (view?.state === 'approved' || shown !== undefined) {
        const is =
          view?.state === 'approved' && record !== undefined && view.transaction === word(record, 'transaction')
        const right = is && view.amount === sum(record) && (shown ?? view.transaction) === view.transaction
        holds(
          'approved is on disk',
          right,
          () => `${id} shows sale ${sale} as ${view?.state}; its log has ${record?.type ?? 'nothing'}`,
        )
        book.keyed.set(sale, view?.transaction ?? shown)
      }
    }
    for (const [transaction, { sale, end }] of book.asked) {
      if (end !== undefined) continue
      const state = node.saleOf(sale)?.state
      holds(
        'torn in sight',
        state === 'torn',
        () => `${id} shows sale ${sale} as ${state}, while ${transaction} is open`,
      )
    }
    // Of two devices with one name, what the centre holds may be the other's.
    if (wrong.copied.has(book.terminal)) return
    // The centre lost what it had said it held, and this till has not heard of it.
    if (unaware.get(id) === world.shops.get(id)?.heard) return
    const known = held(id)
    const waiting = [...book.recorded.values()].filter(({ revision }) => revision > known)
    const waits = waiting.reduce((all, event) => all + sum(event), 0n)
    const told = node.status().waiting
    const enough = told.count >= waiting.length && told.sum >= waits
    holds('waiting is counted', enough, () => `${id} shows ${told.count} waiting; the centre lacks ${waiting.length}`)
  }

  /* ---- what lies in phones */

  /** Every device that bears this terminal's name, or has borne it. */
  const booksOf = (terminal: string) => [...tills.all()].flatMap(([, book]) => (book.terminal === terminal ? book : []))
  const askedOf = (terminal: string, transaction: string) =>
    booksOf(terminal).flatMap(book => book.asked.get(transaction) ?? [])
  const recordsOf = (terminal: string, transaction: string) =>
    booksOf(terminal).flatMap(book => book.recorded.get(transaction) ?? [])

  const readPhones = (): void => {
    for (const memory of world.phones.memories()) {
      const { phone, account, payments } = memory
      const left = BigInt(memory.allowanceLeft)
      const license = licenseOf(memory)
      const last = seen.get(phone)
      if (last?.license !== license.id) {
        // What it had left under the license before is promised under that no more.
        money.promises(license.id, account, license.credit.allowance)
        if (last) money.frees(last.license, last.left)
      }
      const before = last?.payments ?? new Map<string, Seen>()
      seen.set(phone, { license: license.id, left, payments: before })
      const newest = payments.at(-1)
      const isNews = payments.some(paid => before.get(paid.transaction)?.receipt !== paid.receipt?.number)
      if (last && !isNews && (newest === undefined || before.has(newest.transaction))) continue
      const whole = payments.every(({ counter }, place) => counter === memory.counter - payments.length + 1 + place)
      holds(
        'counters are whole',
        whole && payments.length === Math.min(memory.counter, remembered),
        () => `${phone} has ${payments.length} payments, and is at ${memory.counter}`,
      )
      for (const [transaction, { payment, counter }] of before) {
        if (counter <= memory.counter - remembered) continue
        const kept = payments.some(paid => paid.transaction === transaction && paid.payment === payment)
        holds('counters are whole', kept, () => `${phone} forgot ${transaction}`)
      }
      const own = payments.filter(paid => paid.license === license.id)
      const spent = own.reduce((all, { amount }) => all + BigInt(amount), 0n)
      const { allowance } = license.credit
      const within = own.length === remembered || (spent <= allowance && left === allowance - spent)
      holds('phone within its license', within, () => `${phone} spent ${spent} of ${allowance}`)
      const offline = spent <= rules.sinceSeen && own.length <= rules.consecutive
      const modest = offline && own.every(({ amount }) => BigInt(amount) <= rules.perTransaction)
      holds('phone within its license', modest, () => `${phone} paid ${own.length} times, ${spent} in all`)
      for (const paid of payments) {
        const { transaction, payment, terminal, receipt, counter } = paid
        const amount = BigInt(paid.amount)
        const asked = askedOf(terminal, transaction)
        if (!before.has(transaction)) {
          holds(
            'asked before paid',
            asked.some(each => each.amount === amount),
            () => `${phone} paid ${transaction}, which ${terminal} asked for as ${asked[0]?.amount}`,
          )
          signed.set(payment, { account, license: paid.license ?? license.id, amount, terminal, counter })
        }
        if (receipt && before.get(transaction)?.receipt !== receipt.number) {
          const right = recordsOf(terminal, transaction).some(
            record =>
              figure(record, 'receiptNumber') === receipt.number &&
              word(record, 'payment') === payment &&
              sum(record) === amount,
          )
          holds(
            'receipt is on disk',
            right,
            () => `${phone} holds receipt ${receipt.number} for ${transaction}; ${terminal} has none such`,
          )
        }
        before.set(transaction, { amount, payment, counter, receipt: receipt?.number })
      }
    }
  }

  /* ---- what lies at the centre */

  const emptyCentre = () => ({
    read: 0,
    /** The last index of what people decided, or phones told: a backup is made after it. */
    decided: -1,
    forks: new Set<string>(),
    lost: new Set<string>(),
    told: new Map<string, { readonly terminal: string; readonly withReceipt: boolean }>(),
    counters: new Map<string, Set<string>>(),
    exceptions: new Map<string, Set<string>>(),
    lasts: new Map<string, Said>(),
    copies: new Map<string, Said[]>(),
    covered: new Map<string, number>(),
    applied: new Map<string, number>(),
    verdicts: new Map<string, Said[]>(),
  })
  let centre = emptyCentre()
  const held = (id: string): number => centre.lasts.get(`terminal-${id}`)?.revision ?? -1

  const readCentre = (): boolean => {
    const { events } = world.log
    const news = centre.read < events.length
    for (; centre.read < events.length; centre.read++) {
      const stored = events[centre.read] as (typeof events)[number]
      const event = said(stored.text)
      const { stream } = stored
      reads(`${event.type} in ${stream} at revision ${event.revision}, index ${centre.read} of the centre's log`)
      const last = centre.lasts.get(stream)
      const follows = event.revision === (last?.revision ?? -1) + 1 && (last === undefined || event.prev === last.hash)
      const placed = stored.index === centre.read && stored.revision === event.revision && event.stream === stream
      holds(
        'revisions are whole',
        follows && placed,
        () => `${stream} goes from ${last?.revision} to ${event.revision} at index ${stored.index}`,
      )
      if (stream === 'calendar') {
        const [at, before] = [Date.parse(event.at), last === undefined ? undefined : Date.parse(last.at)]
        const inOrder = before === undefined || at === before + 3_600_000
        holds('hours are whole', inOrder && at <= world.clock.at, () => `${event.at} was struck after ${last?.at}`)
      }
      centre.lasts.set(stream, event)
      if (stream.startsWith('terminal-')) {
        const id = stream.slice('terminal-'.length)
        const isOwn = tills.texts(id, event.revision).has(event.hash)
        holds('byte for byte', isOwn, () => `${stream} at ${event.revision} differs from the terminal's`)
        const copies = centre.copies.get(id) ?? []
        copies[event.revision] = event
        centre.copies.set(id, copies)
      } else if (event.type === 'BatchAccepted') {
        const id = word(event, 'terminal')
        const to = figure(event, 'from') + figure(event, 'count')
        centre.covered.set(id, Math.max(to, centre.covered.get(id) ?? 0))
      } else if (event.type === 'PaymentAccepted' || event.type === 'PaymentHeld') judged(event)
      else if (event.type === 'RepaymentReceived') money.repays(word(event, 'account'), sum(event))
      else if (event.type === 'ReversalHeld')
        money.holdsBack(word(event, 'reversal'), word(event, 'payment'), sum(event))
      else if (event.type === 'ForkDetected') centre.forks.add(word(event, 'terminal'))
      else if (event.type === 'TerminalSuspended') wrong.suspended.add(word(event, 'terminal'))
      else if (event.type === 'PhoneTestified') testified(event)
      else if (event.type === 'TerminalLost') {
        centre.lost.add(word(event, 'terminal'))
        for (const [payment, told] of centre.told) takeFromPhone(payment, told)
      } else if (event.type === 'UnclaimedReleased') {
        const phone = signed.get(word(event, 'payment'))
        if (phone) money.frees(phone.license, phone.amount)
        // The terminal's own log says that it never will be its record; that it is lost afterwards changes nothing.
        centre.told.delete(word(event, 'payment'))
      } else if (event.type === 'ExceptionRaised')
        for (const concern of event.data['concerns'] as readonly string[])
          centre.exceptions.set(concern, (centre.exceptions.get(concern) ?? new Set()).add(word(event, 'kind')))
      if (event.type === 'ExceptionRaised' && word(event, 'kind') === 'CounterSkipped')
        raised.set(word(event, 'key'), event)
      const gap = event.type === 'ExceptionResolved' ? raised.get(word(event, 'key')) : undefined
      if (gap && !isOfCopies(gap))
        // What its phone told of is told as that from there on.
        holds('gaps are named', lackingIn(gap, centre.told).length === 0, () => `${stream} closed too early`)
      if (isDecided(event)) centre.decided = centre.read
      holds(
        'no false alarm',
        wrong.isReal(event, paymentSeen) || isGap(event),
        () => `${event.type} in ${stream}: ${JSON.stringify(event.data).slice(0, 300)}`,
      )
    }
    reads(undefined)
    for (const [id, to] of centre.covered) takeIn(id, to)
    return news
  }

  const raised = new Map<string, Said>()
  type Counters = { readonly license: string; readonly from: number; readonly to: number }
  /** What the license's phone paid under these counters, and the centre has no verdict on. */
  const lackingIn = ({ data }: Said, told: ReadonlyMap<string, unknown> = new Map()): bigint[] => {
    const { license, from, to } = data['counters'] as Counters
    const paid = world.phones.memories().flatMap(({ payments }) => payments.filter(each => each.license === license))
    const lacking = paid.filter(
      ({ counter, payment }) => from <= counter && counter <= to && !centre.verdicts.has(payment) && !told.has(payment),
    )
    // A cloned phone remembers what its first one paid.
    return [...new Map(lacking.map(({ payment, amount }) => [payment, BigInt(amount)])).values()]
  }
  /** Of two phones with one license, either fills what the other left out. */
  const isOfCopies = ({ data }: Said): boolean => wrong.doubled.has((data['counters'] as Counters).license)
  /** A gap that a phone's memory fills is none that anybody made up. */
  const isGap = (event: Said): boolean => {
    if (word(event, 'kind') !== 'CounterSkipped') return false
    const { from, to } = event.data['counters'] as Counters
    const lacking = lackingIn(event)
    const spent = lacking.reduce((all, amount) => all + amount, 0n)
    return lacking.length === to - from + 1 && spent === sum(event)
  }

  /** Each payment before one that the centre has, and that it has not, is named by an open exception; and each of these names one. */
  const askGaps = async (place: number, rows: Rows): Promise<void> => {
    const found = await rows.select(exceptions, 'exception', { where: { state: 'open' } })
    const open = found.flatMap(row => raised.get(textOf(row, 'key')) ?? [])
    for (const event of open) {
      const isReal = lackingIn(event).length > 0 || isOfCopies(event)
      holds('gaps are named', isReal, () => `centre ${place}: ${word(event, 'key')} is open still`)
    }
    for (const { phone, payments } of world.phones.memories()) {
      const isHere = ({ payment }: { readonly payment: string }) => centre.verdicts.has(payment)
      for (const paid of payments) {
        const { counter, license } = paid
        const top = payments.findLast(each => each.license === license && isHere(each))?.counter ?? 0
        // Of two phones with one license, either fills what the other left out.
        if (counter >= top || isHere(paid) || wrong.doubled.has(license ?? '')) continue
        const isNamed = open.some(({ data }) => {
          const { license: of, from, to } = data['counters'] as Counters
          return of === license && from <= counter && counter <= to
        })
        holds(
          'gaps are named',
          isNamed || centre.exceptions.has(paid.payment),
          () => `centre ${place}: payment ${counter} of ${phone} is nowhere, and nobody is told`,
        )
      }
    }
  }
  const paymentSeen = (payment: string): PaymentSeen | undefined => {
    const phone = signed.get(payment)
    if (!phone) return undefined
    const isRecorded = booksOf(phone.terminal).some(book =>
      [...book.recorded.values()].some(record => word(record, 'payment') === payment),
    )
    return { ...phone, isIn: money.payments.has(payment), isRecorded }
  }
  type Told = { readonly terminal: string; readonly withReceipt: boolean }
  /** A payment comes home with its phone where the terminal gave a receipt for it, or is lost. */
  const takeFromPhone = (payment: string, { terminal, withReceipt }: Told): void => {
    const phone = signed.get(payment)
    if (phone && (withReceipt || centre.lost.has(terminal))) money.pays(payment, phone)
  }
  const testified = (event: Said): void => {
    for (const each of event.data['payments'] as readonly { payment: string; terminal: string; receipt?: string }[]) {
      const withReceipt = each.receipt !== undefined || centre.told.get(each.payment)?.withReceipt === true
      const told = { terminal: each.terminal, withReceipt }
      centre.told.set(each.payment, told)
      takeFromPhone(each.payment, told)
    }
  }
  /** Comes again by itself after a restore: from terminals, from reactors, from the clock, from the bank. */
  const comesAgain = /^(?:terminal-|intake-|payment-|exception-|calendar$|follower-)/
  const isDecided = ({ stream, type, by }: Said): boolean =>
    !comesAgain.test(stream) && type !== 'RepaymentReceived' && !by.startsWith('reactor:')

  const judged = (event: Said): void => {
    const payment = word(event, 'payment')
    const verdicts = [...(centre.verdicts.get(payment) ?? []), event]
    centre.verdicts.set(payment, verdicts)
    holds('one payment, one verdict', verdicts.length === 1, () => `payment ${payment} has ${verdicts.length} verdicts`)
    const phone = signed.get(payment)
    const right =
      phone !== undefined && phone.account === word(event, 'account') && phone.amount === sum(event, 'gross')
    if (phone) {
      const counter = `${phone.license} ${phone.counter}`
      centre.counters.set(counter, (centre.counters.get(counter) ?? new Set()).add(payment))
    }
    holds(
      'the payer signed',
      right,
      () =>
        `${word(event, 'account')} was debited ${word(event, 'gross')} for ${payment}; their phones say ${phone?.amount ?? 'nothing'}`,
    )
  }

  /** What a terminal sent and the centre said yes to moves money: here by hand. */
  const takeIn = (id: string, to: number): void => {
    for (let at = centre.applied.get(id) ?? 0; at < to; at++) {
      const event = centre.copies.get(id)?.[at]
      centre.applied.set(id, at + 1)
      if (event?.type === 'TransactionRecorded') {
        const phone = signed.get(word(event, 'payment'))
        if (phone) money.pays(word(event, 'payment'), phone)
      } else if (event?.type === 'TransactionVoided' || event?.type === 'RefundRecorded')
        money.givesBack(word(event, 'reversal'), word(event, 'payment'), sum(event))
    }
  }

  const isDoubled = (payment: string): boolean => wrong.doubled.has(signed.get(payment)?.license ?? '')
  const askMoney = async (law: Law): Promise<void> => {
    for (const [place, { life }] of world.centres.entries()) {
      for (const account of accounts()) {
        const told = (await life.node.ask.balance({ account })) as Balance
        const is = major(told.owed) === money.owed(account)
        holds(law, is, () => `centre ${place}: ${account} owes ${told.owed}`)
      }
      const { merchants } = (await life.node.ask.merchants()) as Merchants
      const payable = major(merchants[0]?.payable ?? '0.00')
      holds(law, payable === money.merchant(), () => `centre ${place}: the merchant is owed ${payable}`)
    }
  }
  /** One device's log of a terminal that had two: what the centre has not, it has said, and the phones brought it. */
  const branch = (id: string, terminal: string): void => {
    for (const [transaction, event] of till(id).recorded) {
      const isHeld = centre.copies.get(terminal)?.[event.revision]?.hash === event.hash
      const payment = word(event, 'payment')
      const isGone = !world.shops.has(id)
      if (!isHeld && !isGone)
        holds(
          'forks are declared',
          centre.forks.has(terminal) || centre.lost.has(terminal),
          () => `${transaction} is on a branch of ${terminal} that nobody named`,
        )
      const phone = signed.get(payment)
      const isRemembered = world.phones
        .memories()
        .some(({ payments }) => payments.some(each => each.payment === payment))
      // What a stolen key certified is not taken from a phone, whenever it was.
      const isHome = isRemembered && centre.lost.has(terminal) && !wrong.stolen.has('certificate')
      if (isHeld || (isHome && phone))
        holds(
          'approved reaches the centre',
          centre.verdicts.has(payment),
          () => `${transaction} of a branch of ${terminal} never came to the centre`,
        )
    }
  }

  const askCentre = async (): Promise<void> => {
    for (const [place, { life }] of world.centres.entries()) {
      for (const account of accounts()) {
        const told = (await life.node.ask.balance({ account })) as Balance
        const [owed, held] = [money.owed(account), money.held(account)]
        holds(
          'owed by hand',
          major(told.owed) === owed,
          () => `centre ${place}: ${account} owes ${told.owed}; by hand ${owed}`,
        )
        // What of an allowance spent twice was set aside for which payment is a matter of what came first.
        const isTangled = [...centre.told.keys()].some(payment => isDoubled(payment) && !money.payments.has(payment))
        holds(
          'held by hand',
          isTangled || major(told.held) === held,
          () => `centre ${place}: ${told.held} are held for ${account}; by hand ${held}`,
        )
      }
      const { merchants } = (await life.node.ask.merchants()) as Merchants
      const payable = major(merchants[0]?.payable ?? '0.00')
      holds(
        'merchant by hand',
        payable === money.merchant(),
        () => `centre ${place}: the merchant is owed ${payable}; by hand ${money.merchant()}`,
      )
    }
  }

  const look = async (): Promise<void> => {
    tills.read()
    readPhones()
    if (readCentre()) await askCentre()
    holds('no surprise', world.surprises.length === 0, () => world.surprises.join('\n'))
  }

  return {
    checked,
    breaches,
    /** What tills wrote up to now; for those that are scrapped next. */
    readTills: (): void => tills.read(),
    licenseOf: (phone: string): string => seen.get(phone)?.license ?? '',
    /** Terminals that the centre knows to have two histories, and that nobody declared lost yet. */
    forked: (): string[] => [...centre.forks].filter(terminal => !centre.lost.has(terminal)),
    isCopied: (terminal: string): boolean => wrong.copied.has(terminal),
    decidedTo: async (): Promise<number> => {
      await look()
      return centre.decided
    },
    copied: (terminal: string): void => void wrong.copied.add(terminal),
    clockWrong: (terminal: string): void => void wrong.clocks.add(terminal),
    stolen: (purpose: string): void => void wrong.stolen.add(purpose),
    denied: (license: string, version: number): void => void wrong.denied.set(license, version),
    /** A till whose disk went back sells nothing before it has met the centre. */
    rewound: async (id: string, to: number): Promise<void> => {
      const answer = await world.key(100n, id)
      holds('a disk that went back', isRefusal(answer), () => `${id} went back to ${to} events, and took a sale`)
    },
    /** And then it has its own log again, octet for octet. */
    regained: (id: string, before: readonly { readonly text: string }[]): void => {
      const { events } = world.shops.get(id)?.store ?? { events: [] }
      const isSame = before.every(({ text }, place) => events[place]?.text === text)
      holds('a disk that went back', isSame, () => `${id} has ${events.length} of its ${before.length} events again`)
    },
    /** From here on this phone's memory lies in two phones. */
    copiedPhone: (memory: PhoneMemory, copy: string): void => {
      wrong.doubled.add(licenseOf(memory).id)
      const known = seen.get(memory.phone)
      if (!known) return
      seen.set(copy, { ...known, payments: new Map(known.payments) })
    },
    rolledBack: (phone: string, memory: PhoneMemory): void => {
      const known = seen.get(phone)
      if (!known) return
      wrong.doubled.add(known.license)
      const kept = memory.payments.flatMap(({ transaction }) => {
        const payment = known.payments.get(transaction)
        return payment ? [[transaction, payment] as const] : []
      })
      seen.set(phone, { license: known.license, left: BigInt(memory.allowanceLeft), payments: new Map(kept) })
    },
    /** The centre's log is an older one: all of it is read again. */
    restored: (): void => {
      restores += 1
      for (const [id, { heard }] of world.shops) unaware.set(id, heard)
      centre = emptyCentre()
      money.forget()
    },
    recorded: (id: string): string[] => [...till(id).recorded.keys()],
    tornSales: (id: string): string[] => [...till(id).asked.values()].filter(({ end }) => !end).map(({ sale }) => sale),
    keyed: (id: string, sale: string): void => void till(id).keyed.set(sale, till(id).keyed.get(sale)),
    /** A node failed where no fault was. */
    surprised: (error: unknown): void =>
      holds('no surprise', false, () => (error instanceof Error ? (error.stack ?? error.message) : String(error))),
    /** Before a tap: from here on what this till records is of it. */
    tapping: (id: string): void => {
      tills.read()
      before = { records: till(id).recorded.size }
    },
    tapped: (id: string, outcome: object): void => {
      tills.read()
      const { delay_ms, isReplay } = world.air()
      if (delay_ms > rules.roundTrip_ms || isReplay)
        holds(
          'no tap from afar',
          till(id).recorded.size === before.records,
          () => `${id} took a payment ${isReplay ? 'from old answers' : `over a relay of ${delay_ms} ms`}`,
        )
      if (!('outcome' in outcome) || outcome.outcome !== 'paid' || !('transaction' in outcome)) return
      const transaction = String(outcome.transaction)
      // Of two devices with one name, the other may have recorded it: the phone holds its receipt, and says so to both.
      const name = world.shops.get(id)?.identity.terminal
      const stored = [...world.shops.values()]
        .filter(({ identity }) => identity.terminal === name)
        .flatMap(({ store }) => store.events)
      const record = stored.some(
        ({ type, text }) => type === 'TransactionRecorded' && word(said(text), 'transaction') === transaction,
      )
      holds('paid is recorded', record, () => `a phone says ${transaction} is paid; ${id} has no record of it`)
    },
    /** A cashier gives this sale up, whatever a phone has paid for it. */
    cancels: (id: string, sale: string): void => void till(id).cancelled.add(sale),
    /** A till said that this was given back. */
    gaveBack: async (id: string, reversal: string, transaction: string, amount?: bigint): Promise<void> => {
      await look()
      const event = till(id).givenBack.get(reversal)
      const right =
        event !== undefined && word(event, 'transaction') === transaction && (amount ?? sum(event)) === sum(event)
      holds(
        'given back is on disk',
        right,
        () =>
          `${id} says ${reversal} of ${transaction} is done; its log has ${event ? word(event, 'transaction') : 'nothing'}`,
      )
    },
    /** After a step at a terminal; `restarted` where it lost its memory in it. */
    after: async (id: string, restarted: boolean): Promise<void> => {
      await look()
      if (restarted)
        for (const [transaction, { torn, end }] of till(id).asked)
          if (!end)
            holds('torn in sight', torn, () => `${id} was restarted and did not write that ${transaction} is torn`)
      askTill(id, restarted)
    },
    finish: async (): Promise<void> => {
      await look()
      await askCentre()
      for (const [id, book] of tills.all()) {
        if (wrong.copied.has(book.terminal)) {
          branch(id, book.terminal)
          continue
        }
        if (!world.shops.has(id)) continue
        askTill(id, true)
        const { count } = world.till(id).status().waiting
        // A log that begins anew continues a checkpoint; of a stolen key's, who was away then believes none.
        const isCutOff = restores > 0 && wrong.stolen.has('log')
        holds(
          'nothing waits',
          count === 0 || isCutOff,
          () => `${count} payments still wait on ${id}: ${JSON.stringify(world.till(id).status().lastSyncError)}`,
        )
        for (const [transaction, event] of book.recorded) {
          const there = centre.copies.get(id)?.[event.revision]
          holds(
            'approved reaches the centre',
            there?.hash === event.hash,
            () => `${transaction} of ${id} never came to the centre`,
          )
          const verdicts = centre.verdicts.get(word(event, 'payment')) ?? []
          holds(
            'one payment, one verdict',
            verdicts.length === 1,
            () => `${transaction} of ${id} has ${verdicts.length} verdicts`,
          )
        }
      }
      const recorded = new Set(
        [...tills.all()].flatMap(([, book]) => [...book.recorded.values()].map(event => word(event, 'payment'))),
      )
      for (const { memory, paid } of world.phones
        .memories()
        .flatMap(memory => memory.payments.map(paid => ({ memory, paid })))) {
        if (recorded.has(paid.payment)) continue
        const explained =
          money.payments.has(paid.payment) ||
          // Of two phones with one key, the till that heard the one may have had the answer of the other.
          wrong.doubled.has(paid.license ?? '') ||
          booksOf(paid.terminal).some(({ asked, cancelled }) => {
            const tap = asked.get(paid.transaction)
            return tap && (tap.end === undefined || (tap.end === 'abandoned' && cancelled.has(tap.sale)))
          })
        holds(
          'gaps are explained',
          explained,
          () => `payment ${paid.counter} of ${memory.phone} is nowhere at ${paid.terminal}`,
        )
      }
      for (const [counter, payments] of centre.counters)
        if (payments.size > 1)
          holds(
            'copies are named',
            [...payments].some(payment => centre.exceptions.get(payment)?.has('CounterReused')),
            () => `${counter} has ${payments.size} payments, and no exception names them`,
          )
      if (restores > 0) await askMoney('money after a restore')
      // A gap is told of when it has stood for a day.
      world.clock.at += 25 * 3_600_000
      await world.settle()
      readCentre()
      for (const [place, { rows }] of world.centres.entries()) {
        await askGaps(place, rows)
        await askRows(holds, rows, place, money.payments)
        await refold(holds, world, rows, place)
      }
      await reactAgain(holds, world)
    },
  }
}

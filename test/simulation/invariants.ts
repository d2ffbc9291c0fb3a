import { type Rows, textOf } from '#eventstore/rows'
import { exceptions } from '#projections/exceptions'
import { questions, rules } from './laws.ts'
import { figure, oracle, type Said, said, sum, word } from './oracle.ts'
import { askRows, reactAgain, refold } from './rows-audit.ts'
import { tillBooks } from './till-books.ts'
import type { World } from './world.ts'

/** The merchant's, in this world. */
const terms = { feeBasisPoints: 150n, taxBasisPoints: 2000n }

export type Phone = {
  readonly phone: string
  readonly account: string
  readonly allowance: bigint
}
type Seen = { readonly amount: bigint; readonly payment: string; receipt: number | undefined }

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
  const tills = tillBooks(world, holds, reads)
  const { of: till } = tills
  const signed = new Map<string, { readonly account: string; readonly amount: bigint }>()
  const seen = new Map<string, Map<string, Seen>>(phones.map(({ phone }) => [phone, new Map()]))
  let before = { records: 0 }
  const accounts = [...new Set(phones.map(({ account }) => account))]
  const money = oracle(terms)
  for (const { account, allowance } of phones) money.promises(account, allowance)

  /** The till's own word on each sale that is not settled; on all of them where it was restarted. */
  const askTill = (id: string, all: boolean): void => {
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
    const known = held(id)
    const waiting = [...book.recorded.values()].filter(({ revision }) => revision > known)
    const waits = waiting.reduce((all, event) => all + sum(event), 0n)
    const told = node.status().waiting
    const enough = told.count >= waiting.length && told.sum >= waits
    holds('waiting is counted', enough, () => `${id} shows ${told.count} waiting; the centre lacks ${waiting.length}`)
  }

  /* ---- what lies in phones */

  const readPhones = (): void => {
    for (const memory of world.phones.memories()) {
      const known = phones.find(({ phone }) => phone === memory.phone) as Phone
      const before = seen.get(memory.phone) as Map<string, Seen>
      if (memory.payments.length === before.size && !memory.payments.some(isNews(before))) continue
      const { payments } = memory
      const whole = payments.length >= before.size && payments.every(({ counter }, place) => counter === place + 1)
      holds(
        'counters are whole',
        whole && memory.counter === payments.length,
        () => `${memory.phone} has ${payments.length} payments, the last under ${memory.counter}`,
      )
      for (const [transaction, { payment }] of before) {
        const kept = payments.some(paid => paid.transaction === transaction && paid.payment === payment)
        holds('counters are whole', kept, () => `${memory.phone} forgot ${transaction}`)
      }
      const spent = payments.reduce((all, { amount }) => all + BigInt(amount), 0n)
      const within = spent <= known.allowance && BigInt(memory.allowanceLeft) === known.allowance - spent
      holds('phone within its license', within, () => `${memory.phone} spent ${spent} of ${known.allowance}`)
      const offline = spent <= rules.sinceSeen && payments.length <= rules.consecutive
      const modest = offline && payments.every(({ amount }) => BigInt(amount) <= rules.perTransaction)
      holds('phone within its license', modest, () => `${memory.phone} paid ${payments.length} times, ${spent} in all`)
      for (const paid of payments) {
        const { transaction, payment, terminal, receipt } = paid
        const amount = BigInt(paid.amount)
        const asked = till(terminal).asked.get(transaction)
        if (!before.has(transaction)) {
          holds(
            'asked before paid',
            asked?.amount === amount,
            () => `${memory.phone} paid ${transaction}, which ${terminal} asked for as ${asked?.amount}`,
          )
          signed.set(payment, { account: known.account, amount })
        }
        if (receipt && before.get(transaction)?.receipt !== receipt.number) {
          const record = till(terminal).recorded.get(transaction)
          const is = record !== undefined && figure(record, 'receiptNumber') === receipt.number
          const right = is && word(record, 'payment') === payment && sum(record) === amount
          holds(
            'receipt is on disk',
            right,
            () => `${memory.phone} holds receipt ${receipt.number} for ${transaction}; ${terminal} has none such`,
          )
        }
        before.set(transaction, { amount, payment, receipt: receipt?.number })
      }
    }
  }
  const isNews = (before: Map<string, Seen>) => (paid: { transaction: string; receipt?: { number: number } }) =>
    before.get(paid.transaction)?.receipt !== paid.receipt?.number

  /* ---- what lies at the centre */

  const centre = {
    read: 0,
    lasts: new Map<string, Said>(),
    copies: new Map<string, Said[]>(),
    covered: new Map<string, number>(),
    applied: new Map<string, number>(),
    verdicts: new Map<string, Said[]>(),
  }
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
        const own = world.shops.get(id)?.store.events[event.revision]
        holds(
          'byte for byte',
          own?.text === stored.text,
          () => `${stream} at ${event.revision} differs from the terminal's`,
        )
        const copies = centre.copies.get(id) ?? []
        copies[event.revision] = event
        centre.copies.set(id, copies)
      } else if (event.type === 'BatchAccepted') {
        const id = word(event, 'terminal')
        const to = figure(event, 'from') + figure(event, 'count')
        centre.covered.set(id, Math.max(to, centre.covered.get(id) ?? 0))
      } else if (event.type === 'PaymentAccepted' || event.type === 'PaymentHeld') judged(event)
      else if (event.type === 'RepaymentReceived') money.repays(word(event, 'account'), sum(event))
      if (event.type === 'LicenseIssued') keyOf.set(word(event, 'license'), word(event, 'publicKey'))
      const calm =
        event.type !== 'PaymentHeld' &&
        event.type !== 'ReversalHeld' &&
        (event.type !== 'ExceptionRaised' || isGap(event)) &&
        event.type !== 'ForkDetected'
      if (event.type === 'ExceptionRaised') raised.set(word(event, 'key'), event)
      const gap = event.type === 'ExceptionResolved' ? raised.get(word(event, 'key')) : undefined
      if (event.type === 'ExceptionResolved')
        holds('gaps are named', gap !== undefined && lackingIn(gap).length === 0, () => `${stream} closed too early`)
      holds('no false alarm', calm, () => `${event.type} in ${stream}: ${JSON.stringify(event.data).slice(0, 300)}`)
    }
    reads(undefined)
    for (const [id, to] of centre.covered) takeIn(id, to)
    return news
  }

  const raised = new Map<string, Said>()
  /** The keys that licenses name: two phones of one account count alike. */
  const keyOf = new Map<string, string>()
  type Counters = { readonly license: string; readonly from: number; readonly to: number }
  /** What the license's phone paid under these counters, and the centre has no verdict on. */
  const lackingIn = ({ data }: Said): bigint[] => {
    const { license, from, to } = data['counters'] as Counters
    return world.phones
      .memories()
      .flatMap(memory => (memory.publicKey === keyOf.get(license) ? memory.payments : []))
      .filter(({ counter, payment }) => from <= counter && counter <= to && !centre.verdicts.has(payment))
      .map(({ amount }) => BigInt(amount))
  }
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
    for (const event of open)
      holds('gaps are named', lackingIn(event).length > 0, () => `centre ${place}: ${word(event, 'key')} is open still`)
    for (const { phone, payments, publicKey } of world.phones.memories()) {
      const isHere = ({ payment }: { readonly payment: string }) => centre.verdicts.has(payment)
      const top = payments.findLast(isHere)?.counter ?? 0
      for (const { counter } of payments.filter(paid => paid.counter < top && !isHere(paid))) {
        const isNamed = open.some(({ data }) => {
          const { license, from, to } = data['counters'] as Counters
          return keyOf.get(license) === publicKey && from <= counter && counter <= to
        })
        holds(
          'gaps are named',
          isNamed,
          () => `centre ${place}: payment ${counter} of ${phone} is nowhere, and nobody is told`,
        )
      }
    }
  }

  const judged = (event: Said): void => {
    const payment = word(event, 'payment')
    const verdicts = [...(centre.verdicts.get(payment) ?? []), event]
    centre.verdicts.set(payment, verdicts)
    holds('one payment, one verdict', verdicts.length === 1, () => `payment ${payment} has ${verdicts.length} verdicts`)
    const phone = signed.get(payment)
    const right =
      phone !== undefined && phone.account === word(event, 'account') && phone.amount === sum(event, 'gross')
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

  const askCentre = async (): Promise<void> => {
    for (const [place, { life }] of world.centres.entries()) {
      for (const account of accounts) {
        const told = (await life.node.ask.balance({ account })) as Balance
        const [owed, held] = [money.owed(account), money.held(account)]
        holds(
          'owed by hand',
          major(told.owed) === owed,
          () => `centre ${place}: ${account} owes ${told.owed}; by hand ${owed}`,
        )
        holds(
          'held by hand',
          major(told.held) === held,
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
      const stored = world.shops.get(id)?.store.events ?? []
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
        askTill(id, true)
        const { count } = world.till(id).status().waiting
        holds('nothing waits', count === 0, () => `${count} payments still wait on ${id}`)
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
        const asked = till(paid.terminal).asked.get(paid.transaction)
        const cancelled = asked?.end === 'abandoned' && till(paid.terminal).cancelled.has(asked.sale)
        const explained = (asked !== undefined && asked.end === undefined) || cancelled
        holds(
          'gaps are explained',
          explained,
          () => `payment ${paid.counter} of ${memory.phone} is nowhere at ${paid.terminal}`,
        )
      }
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

import { project } from '#eventstore/follower'
import { memoryRows } from '#eventstore/memory/rows'
import { intOf, type Rows, textOf } from '#eventstore/rows'
import { projections } from '#projections'
import { postings } from '#projections/postings'
import { figure, oracle, type Said, said, sum, word } from './oracle.ts'
import type { World } from './world.ts'

/**
 * An auditor beside the world. It believes what it saw from outside: what tills showed, what lies in phones, what lies
 * on disks. After each step it asks what can be asked, at the end all of it, and counts every question.
 */
const laws = {
  'approved is on disk': 'What a till shows as approved is in its log, and stays approved.',
  'receipt is on disk': 'A phone that holds a receipt paid what the terminal has in its log under that number.',
  'paid is recorded': 'A phone that says "paid" was recorded.',
  'given back is on disk': 'A reversal that a till says is done is in its log, of that transaction and amount.',
  'approved reaches the centre': 'At the end the centre holds all that any terminal approved.',
  'asked before paid': 'No phone paid what its terminal had not put on disk before.',
  'torn in sight': 'A till shows every sale with an open deduction as torn; after a restart its log says so, too.',
  'waiting is counted': 'A till counts as waiting whatever the centre does not hold.',
  'nothing waits': 'At the end nothing waits on any till.',
  'one sale, one payment': 'A sale has at most one recorded payment, and a payment at most one record.',
  'one payment, one verdict': 'The centre judges each recorded payment once, and no other.',
  'one payment, one posting': 'A payment debits its payer by what the phone signed, once.',
  'the payer signed': 'Nobody is debited without a payment that lies in their own phone.',
  'byte for byte': 'The centre\u2019s copy of a terminal\u2019s stream is a prefix of the terminal\u2019s.',
  'owed by hand': 'Every payer owes what their phones signed, less what was given back and repaid.',
  'held by hand': 'Every hold is what was promised less what was drawn.',
  'merchant by hand': 'The merchant is owed the payments less fees and tax, fees given back included.',
  'books balance': 'Debits equal credits in each book and currency.',
  'rows are a fold': 'Rows equal a fresh fold of the log, in another adapter.',
  'rules were kept': 'No terminal asked for a payment that the rules it had adopted forbade.',
  'phone within its license': 'No phone pays more, or more often, than its license allows.',
  'revisions are whole': 'Revisions and log indices are contiguous and each event names the one before.',
  'time goes forward': 'No terminal writes an earlier time after a later one.',
  'receipts are whole': 'Receipt numbers of a terminal are gapless over every kind of record.',
  'day totals': 'A day closes on totals that a count of its events gives.',
  'counters are whole': 'A phone\u2019s counters are contiguous, and it forgets no payment.',
  'gaps are explained': 'A payment that the centre lacks belongs to a tap that is torn, or that a cashier cancelled.',
  'no false alarm': 'In a world without fraud no payment is held and no exception raised.',
  'no surprise': 'No node fails in a way that no fault explains.',
} as const
export type Law = keyof typeof laws
export const lawNames = Object.keys(laws) as Law[]
export type Breach = { readonly law: Law; readonly sentence: string; readonly found: string }

/** The rules that the authority publishes in this world, as people would say them. */
const rules = {
  perTransaction: 15_000n,
  sinceSeen: 50_000n,
  consecutive: 50,
  perPhoneOnTerminal: 30_000n,
  hoursSinceSync: 72,
}
const hour_ms = 3_600_000
const terms = { feeBasisPoints: 150n, taxBasisPoints: 2000n }

type Asked = { readonly sale: string; readonly amount: bigint; torn: boolean; end?: 'recorded' | 'abandoned' }
type Line = { count: number; sum: bigint }
type Totals = Record<'sales' | 'voids' | 'refunds' | 'declined' | 'torn', Line>
const noTotals = (): Totals => {
  const none = () => ({ count: 0, sum: 0n })
  return { sales: none(), voids: none(), refunds: none(), declined: none(), torn: none() }
}

/** What a terminal's own log says, read line by line. */
const tillBook = () => ({
  last: undefined as Said | undefined,
  receipts: 0,
  asked: new Map<string, Asked>(),
  recorded: new Map<string, Said>(),
  recordedOf: new Map<string, string>(),
  paidBy: new Map<string, bigint>(),
  givenBack: new Map<string, Said>(),
  cancelled: new Set<string>(),
  day: undefined as Totals | undefined,
  /** Sales that were keyed, with the transaction under which each was shown as approved. */
  keyed: new Map<string, string | undefined>(),
})

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

export const auditor = (world: World, phones: readonly Phone[]) => {
  const checked = new Map<Law, number>(lawNames.map(law => [law, 0]))
  const breaches: Breach[] = []
  const holds = (law: Law, is: boolean, found: () => string): void => {
    checked.set(law, (checked.get(law) as number) + 1)
    if (!is) breaches.push({ law, sentence: laws[law], found: found() })
  }

  const tills = new Map([...world.shops.keys()].map(id => [id, { read: 0, ...tillBook() }]))
  const till = (id: string) => tills.get(id) as ReturnType<typeof tillBook> & { read: number }
  const signed = new Map<string, { readonly account: string; readonly amount: bigint }>()
  const seen = new Map<string, Map<string, Seen>>(phones.map(({ phone }) => [phone, new Map()]))
  const accounts = [...new Set(phones.map(({ account }) => account))]
  const money = oracle(terms)
  for (const { account, allowance } of phones) money.promises(account, allowance)

  /* ---- what terminals wrote */

  const counted = (totals: Totals | undefined, line: keyof Totals, amount: bigint): void => {
    if (!totals) return
    totals[line].count += 1
    totals[line].sum += amount
  }

  const numbered = (id: string, event: Said): void => {
    const book = till(id)
    const number = figure(event, 'receiptNumber')
    holds('receipts are whole', number === book.receipts + 1, () => `${id} went from ${book.receipts} to ${number}`)
    book.receipts = number
  }

  const readTill = (id: string, event: Said): void => {
    const book = till(id)
    const { last } = book
    const follows = last === undefined || (event.revision === last.revision + 1 && event.prev === last.hash)
    holds('revisions are whole', follows, () => `${id} wrote ${event.revision} after ${last?.revision}`)
    holds('time goes forward', last === undefined || event.at >= last.at, () => `${id}: ${event.at} after ${last?.at}`)
    book.last = event
    switch (event.type) {
      case 'DayOpened':
        book.day = noTotals()
        return
      case 'DayClosed': {
        numbered(id, event)
        const told = event.data['totals'] as Record<keyof Totals, { count: number; sum: string }>
        for (const [line, { count, sum }] of Object.entries(book.day ?? noTotals()) as [keyof Totals, Line][]) {
          const is = told[line].count === count && told[line].sum === sum.toString()
          holds(
            'day totals',
            is,
            () => `${id} closed on ${JSON.stringify(told[line])} ${line}; there were ${count} of ${sum}`,
          )
        }
        book.day = undefined
        return
      }
      case 'TapStarted': {
        const before = book.asked.get(word(event, 'transaction'))
        if (before) before.torn = false
        return
      }
      case 'DeductionRequested': {
        const [transaction, license, amount] = [word(event, 'transaction'), word(event, 'license'), sum(event)]
        if (event.data['resent'] === true) return
        book.asked.set(transaction, { sale: word(event, 'sale'), amount, torn: false })
        const silent_ms = Date.parse(event.at) - (world.shops.get(id)?.heard_ms ?? 0)
        const here = (book.paidBy.get(license) ?? 0n) + amount
        holds('rules were kept', amount <= rules.perTransaction, () => `${id} asked for ${amount} at once`)
        holds('rules were kept', here <= rules.perPhoneOnTerminal, () => `${id} asked one phone for ${here} in all`)
        // An hour of grace: a clock that was set back makes a terminal's time stand still.
        const within = silent_ms <= (rules.hoursSinceSync + 1) * hour_ms
        holds(
          'rules were kept',
          within,
          () => `${id} took a payment ${silent_ms / hour_ms} hours after it met the centre`,
        )
        return
      }
      case 'TransactionRecorded': {
        numbered(id, event)
        const [transaction, sale, payment] = [word(event, 'transaction'), word(event, 'sale'), word(event, 'payment')]
        const license = word(event, 'license')
        const first = !book.recordedOf.has(sale) && !book.recorded.has(transaction)
        holds('one sale, one payment', first, () => `${id} recorded sale ${sale} again, as ${transaction}`)
        const elsewhere = [...tills.values()].some(({ recorded }) =>
          [...recorded.values()].some(other => word(other, 'payment') === payment),
        )
        holds('one sale, one payment', !elsewhere, () => `payment ${payment} was recorded twice, at last by ${id}`)
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
        book.paidBy.set(license, (book.paidBy.get(license) ?? 0n) + sum(event))
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
      const last = centre.lasts.get(stream)
      const follows = event.revision === (last?.revision ?? -1) + 1 && (last === undefined || event.prev === last.hash)
      const placed = stored.index === centre.read && stored.revision === event.revision && event.stream === stream
      holds(
        'revisions are whole',
        follows && placed,
        () => `${stream} goes from ${last?.revision} to ${event.revision} at index ${stored.index}`,
      )
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
      const calm =
        event.type !== 'PaymentHeld' &&
        event.type !== 'ReversalHeld' &&
        event.type !== 'ExceptionRaised' &&
        event.type !== 'ForkDetected'
      holds('no false alarm', calm, () => `${event.type} in ${stream}: ${JSON.stringify(event.data).slice(0, 300)}`)
    }
    for (const [id, to] of centre.covered) takeIn(id, to)
    return news
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

  /* ---- at the end */

  const askRows = (rows: Rows, place: number): void => {
    const all = rows.select(postings, 'posting')
    const balance = new Map<string, bigint>()
    const debits = new Map<string, bigint[]>()
    for (const row of all) {
      const [book, currency, side] = [textOf(row, 'book'), textOf(row, 'currency'), textOf(row, 'side')]
      const amount = intOf(row, 'amount')
      balance.set(
        `${book} ${currency}`,
        (balance.get(`${book} ${currency}`) ?? 0n) + (side === 'debit' ? amount : -amount),
      )
      if (textOf(row, 'account').startsWith('payer:') && side === 'debit') {
        const payment = String(row['payment'])
        debits.set(payment, [...(debits.get(payment) ?? []), amount])
      }
    }
    for (const [book, sum] of balance)
      holds('books balance', sum === 0n, () => `centre ${place}: ${book} is off by ${sum}`)
    for (const payment of new Set([...debits.keys(), ...money.payments.keys()])) {
      const [found, due] = [debits.get(payment) ?? [], money.payments.get(payment)?.amount]
      holds(
        'one payment, one posting',
        found.length === 1 && found[0] === due,
        () => `centre ${place}: payment ${payment} of ${due} was debited as ${found.join(' and ') || 'nothing'}`,
      )
    }
  }

  const refold = async (rows: Rows, place: number): Promise<void> => {
    const fresh = memoryRows()
    const stop = new AbortController()
    const onProgress = ({ caughtUp }: { caughtUp: boolean }) => caughtUp && stop.abort()
    await project({ store: world.log, rows: fresh, projections, signal: stop.signal, pageSize: 100, onProgress })
    for (const projection of projections) {
      const equal = rows.fingerprint(projection, world.crypto) === fresh.fingerprint(projection, world.crypto)
      holds(
        'rows are a fold',
        equal,
        () => `centre ${place}: rows of ${projection.name} differ from a fold of ${world.log.events.length} events`,
      )
    }
  }

  const look = async (): Promise<void> => {
    for (const [id, shop] of world.shops) {
      const book = till(id)
      for (; book.read < shop.store.events.length; book.read++)
        readTill(id, said(shop.store.events[book.read]?.text as string))
    }
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
    tapped: (id: string, outcome: object): void => {
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
      for (const [id, book] of tills) {
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
        [...tills.values()].flatMap(book => [...book.recorded.values()].map(event => word(event, 'payment'))),
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
      for (const [place, { rows }] of world.centres.entries()) {
        askRows(rows, place)
        await refold(rows, place)
      }
    },
  }
}

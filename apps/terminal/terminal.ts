import { Subject } from 'rxjs'
import { base64url, fromBase64url, fromHex, hex } from '#canonical/bytes'
import type { Clock } from '#canonical/clock'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { type Act, chain, type Event, trustEvent } from '#canonical/event'
import { uuid7 } from '#canonical/ids'
import { Malformed } from '#canonical/malformed'
import { type EventStore, StoreFailed } from '#eventstore'
import { certificateHash, readCertificate } from '#license/certificate'
import { makeDeduction, makeHello, makeReceipt } from '#license/records'
import { type Amount, type Currency, formatAmount } from '#money'
import { FieldLost, type Meeting, PeerUnfit, type Reader } from '#nfc/reader'
import { makeBatch } from '#sync/batch'
import { idleDrain, next as nextDrain } from '#sync/drain'
import { single, statusRequest } from '#tap/messages'
import type { Deduction } from '#tap/redo'
import { adoptable, type RuleDocuments, type Rules, rulesFrom } from '#tap/rules'
import {
  attemptFrom,
  type Decision,
  type Ended,
  type Offer,
  type Prepared,
  type Reply,
  type Step,
  sealingText,
  takeTap,
} from '#tap/terminal'
import {
  acknowledge,
  decide,
  emptyTill,
  evolve,
  type LicenseFacts,
  type OpenDeduction,
  type Recorded,
  type Sale,
  type TapStart,
  type TillCommand,
  type TillFact,
  waitingOf,
} from '#till'
import { tillWords } from '#till/events'

/**
 * The till in the shop as a plain function: its log, its reader, its conversation with phones and with the centre.
 * Nest, HTTP and SQLite come from outside; the simulation hands in a seeded world instead.
 */

export type Identity = {
  readonly terminal: string
  /** The centre's name for its log: a batch for one centre is nothing to another. */
  readonly origin: string
  readonly mode: 'test' | 'live'
  readonly rootPublicKey: string
  readonly keys: { readonly p256: KeyPair; readonly ed25519: KeyPair }
  readonly certificate: string
}

/** Rows beside the log, durable when the call returns. */
export type Notes = { note(key: string): string | undefined; setNote(key: string, text: string): void }

export type LinkAnswer = {
  readonly acceptedTo: number
  readonly rules: { readonly policy: number; readonly denyList: number; readonly keySet: number }
  readonly at: string
}

/** The way to the centre. Both throw `LinkDown` where there is no answer. */
export type Link = {
  send(batch: ReturnType<typeof makeBatch>): Promise<LinkAnswer | Refusal>
  rules(): Promise<(RuleDocuments & { readonly at: string }) | Refusal>
}

/** No answer from the centre. The drain waits and tries again; a tap never notices. */
export class LinkDown extends Error {
  readonly code = 'LinkDown'
  readonly retryAfter_s: number | undefined
  constructor(message: string, retryAfter_s?: number, options?: ErrorOptions) {
    super(message, options)
    this.retryAfter_s = retryAfter_s
  }
}

/** The moments between a sale and its receipt at which a terminal may be killed; told as they pass. */
export const moments = [
  'sale keyed',
  'field entered',
  'GET #1 answered',
  'deduction decided',
  'deduction on disk',
  'PUT answered',
  'GET #2 answered',
  'payment opened',
  'transaction on disk',
  'receipt handed over',
] as const
export type Moment = (typeof moments)[number]

export type TerminalParts = {
  readonly clock: Clock
  readonly crypto: Crypto
  readonly store: EventStore
  readonly notes: Notes
  readonly reader: Reader
  readonly readerState?: () => { readonly state: 'ready' | 'fault'; readonly message?: string }
  readonly link: Link
  readonly identity: Identity
  /** The documents of the enrolment, adopted if the log holds none yet. */
  readonly firstRules: RuleDocuments
  readonly sleep: (wait_ms: number, signal: AbortSignal) => Promise<void>
  readonly passing?: (moment: Moment) => void
  readonly log: { info(line: string): void; warn(line: string): void; error(line: string): void }
}

export type SaleView = Sale & { readonly receiptNumber?: number; readonly allowanceLeft?: string }

const idleContact_ms = 30_000
const lifeTypes = new Set(['CentreAcknowledged', 'ClockObserved', 'RulesAdopted'])
const iso = (ms: number): string => new Date(ms).toISOString()
const skewTold_ms = 2 * 60_000

export type Terminal = Awaited<ReturnType<typeof terminal>>

export const terminal = async (parts: TerminalParts) => {
  const { clock, crypto, store, notes, reader, link, identity, log, sleep } = parts
  const passing = parts.passing ?? (() => {})
  const { p256 } = identity.keys
  const stream = `terminal-${identity.terminal}`
  const certificate = fromBase64url(identity.certificate)
  const certified = readCertificate(certificate)
  const seed = certificateHash(crypto, certificate)
  const news = new Subject<{ readonly kind: string }>()

  const till = emptyTill()
  let last: Pick<Event, 'revision' | 'hash' | 'at'> | undefined
  for await (const page of store.read(stream, { from: 0, direction: 'forward' }))
    for (const stored of page) {
      const event = trustEvent(stored.text)
      evolve(till, { ...event, revision: stored.revision } as unknown as TillFact)
      last = event
    }
  acknowledge(till, Number(notes.note('acknowledgedTo') ?? -1))
  let lastSync_ms = notes.note('lastSync') === undefined ? undefined : Number(notes.note('lastSync'))
  let sentTo = till.acknowledgedTo
  let lastSyncError: Refusal | undefined
  let online = notes.note('online') !== 'false'

  /** The newest time that somebody signed for this terminal: of the rules it adopted. */
  let signed_ms = 0
  /** A terminal's time never goes back: not behind its clock, what it wrote before, or a signed time it has seen. */
  const time = (): number => Math.max(clock.now(), signed_ms, last === undefined ? 0 : Date.parse(last.at))
  const clockBehind_ms = (): number => time() - clock.now()

  /** Wakes the sync loop; it sleeps otherwise. */
  let wakeUp: () => void = () => {}
  const wake = (): void => wakeUp()

  let turn: Promise<unknown> = Promise.resolve()
  /** One append at a time: the till decides on what is on disk, and nothing else writes this stream. */
  const exclusive = <T>(act: () => Promise<T>): Promise<T> => {
    const mine = turn.then(act)
    turn = mine.catch(() => {})
    return mine
  }

  const write = (
    command: TillCommand | (() => TillCommand),
    correlation?: string,
  ): Promise<readonly Event[] | Refusal> =>
    exclusive(async () => {
      const order = typeof command === 'function' ? command() : command
      const facts = decide(order, till)
      if (isRefusal(facts)) return facts
      if (facts.length === 0) return []
      const now = time()
      const id = uuid7(now, crypto.random(16))
      const by = `terminal:${identity.terminal}`
      const act: Act = { id, at: iso(now), by, correlation: correlation ?? id, causation: id }
      const salt = () => base64url(crypto.random(16))
      const written = chain(crypto, tillWords, stream, last, facts, act, salt, seed)
      const toAppend = written.map(({ event: { id, type }, text }) => ({ id, type, text }))
      await store.append(stream, last?.revision ?? 'NoStream', toAppend)
      for (const { event } of written) evolve(till, event as unknown as TillFact)
      last = written.at(-1)?.event
      news.next({ kind: 'log' })
      if (facts.some(fact => !lifeTypes.has(fact.type))) wake()
      return written.map(({ event }) => event)
    })

  const expect = (answer: readonly Event[] | Refusal): readonly Event[] => {
    if (isRefusal(answer)) throw new Error(`The till refused what must hold: ${answer.message}`)
    return answer
  }

  /* ---- rules */

  let rules: Rules = { keySet: undefined, denyList: undefined, policy: undefined }
  const readRules = () => {
    if (!till.rules) return
    rules = rulesFrom(crypto, fromBase64url(identity.rootPublicKey), till.rules)
    const issued_s = [rules.policy, rules.denyList, rules.keySet].map(document => document?.issued ?? 0)
    signed_ms = Math.max(signed_ms, ...issued_s.map(seconds => seconds * 1000))
  }
  const adopt = async (documents: RuleDocuments): Promise<Refusal | undefined> => {
    const offered = adoptable(crypto, fromBase64url(identity.rootPublicKey), documents)
    if (isRefusal(offered)) return offered
    const answer = await write({ type: 'AdoptRules', ...offered })
    if (isRefusal(answer)) return answer
    readRules()
    return undefined
  }

  if (!till.commissioned)
    expect(
      await write({
        type: 'Commission',
        terminal: identity.terminal,
        merchant: certified.merchant,
        merchantName: certified.merchantName,
        shop: certified.shop,
        mode: certified.mode,
        certificate: identity.certificate,
      }),
    )
  if (!till.rules) {
    // The enrolment was the first meeting with the centre.
    lastSync_ms ??= time()
    notes.setNote('lastSync', `${lastSync_ms}`)
    const refused = await adopt(parts.firstRules)
    if (refused) throw new Error(`The rules of the enrolment do not hold: ${refused.message}`)
  }
  readRules()
  // What a kill left open may have been paid: it is torn until the phone says so.
  for (const open of [...till.open.values()])
    if (open.live) {
      const tap = open.attempts.at(-1)?.tap ?? till.tap
      expect(await write({ type: 'TearTap', transaction: open.transaction, tap, during: 'restart' }))
    }

  /* ---- sales */

  /** Sales keyed and not yet tapped: forgotten at a restart, as nobody has paid. */
  const keyed = new Map<string, Sale>()
  const hints = new Map<string, { readonly reason: string; readonly message: string }>()
  let tapping: string | undefined
  let current: string | undefined = [...till.open.values()].at(-1)?.sale

  const saleOf = (sale: string): SaleView | undefined => {
    const held = till.sales.get(sale) ?? keyed.get(sale)
    if (!held) return undefined
    if (tapping === sale) return { ...held, state: 'tapping' }
    const recorded = held.transaction === undefined ? undefined : till.recorded.get(held.transaction)
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
        : (till.saleByKey.get(key) ?? [...keyed.values()].find(sale => sale.idempotencyKey === key)?.sale)
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
    if (amount === 0n) return { reason: 'AmountNotPositive', message: 'A sale is of more than nothing.' }
    if (!till.day) return { reason: 'DayNotOpen', message: 'No day is open on this till: open the day first.' }
    if (rules.policy && currency !== rules.policy.currency)
      return { reason: 'CurrencyMismatch', message: `This till takes ${rules.policy.currency}, not ${currency}.` }
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
      sale: uuid7(time(), crypto.random(16)),
      amount,
      currency,
      state: 'waiting',
      ...(reference === undefined ? {} : { reference }),
      ...(key === undefined ? {} : { idempotencyKey: key }),
    }
    keyed.set(sale.sale, sale)
    current = sale.sale
    prepare()
    passing('sale keyed')
    news.next({ kind: 'sale' })
    return sale
  }

  const cancelSale = async (sale: string): Promise<SaleView | Refusal> => {
    const held = saleOf(sale)
    if (!held) return saleUnknown(sale)
    if (tapping === sale) return { reason: 'TapUnderWay', message: 'The phone is in the field: wait for the outcome.' }
    const answer = await write({ type: 'AbandonSale', sale })
    if (isRefusal(answer)) return answer
    const waiting = keyed.get(sale)
    if (waiting && !till.sales.has(sale)) keyed.set(sale, { ...waiting, state: 'cancelled' })
    hints.delete(sale)
    if (current === sale) current = undefined
    news.next({ kind: 'sale' })
    return saleOf(sale) as SaleView
  }

  const resumeSale = (sale: string): SaleView | Refusal => {
    const held = saleOf(sale)
    if (!held) return saleUnknown(sale)
    if (held.state !== 'torn' && held.state !== 'waiting')
      return { reason: 'SaleNotOpen', message: `Sale ${sale} is ${held.state}: key a new one.`, state: held.state }
    current = sale
    news.next({ kind: 'sale' })
    return held
  }

  /* ---- taps */

  let prepared: Prepared | undefined
  const prepare = (): Prepared => {
    if (prepared) return prepared
    const sealing = crypto.keyPair('P-256')
    const hello = makeHello(
      crypto,
      {
        versions: [1],
        terminal: identity.terminal,
        currency: rules.policy?.currency ?? 'EUR',
        authorityKeys: (rules.keySet?.keys ?? [])
          .filter(key => key.purpose === 'license' && key.status === 'active')
          .map(key => key.kid),
        sealing: sealing.publicKey,
        time: Math.floor(time() / 1000),
      },
      p256,
    )
    prepared = { tap: till.tap + 1, sealing, getRequest: statusRequest(hello, certificate) }
    return prepared
  }

  const deductionOf = (open: OpenDeduction): Deduction => ({
    transaction: open.transaction,
    amount: open.amount,
    currency: open.currency,
    card: open.card,
    license: open.license,
    counter: open.counter,
    allowanceBefore: open.allowanceBefore,
    attempts: open.attempts.map(attemptFrom),
  })

  const factsOf = ({ license, status }: Offer): LicenseFacts | undefined =>
    license &&
    status && {
      license: license.id,
      card: license.card,
      allowance: license.credit.allowance,
      allowanceLeft: status.allowanceLeft,
      perTransaction: license.credit.perTransaction,
      consecutive: license.credit.consecutive,
      counterAtIssue: license.credit.counter,
      counter: status.counter,
    }

  const decideTap = async (sale: SaleView, prepared: Prepared, offer: Offer): Promise<Decision> => {
    passing('GET #1 answered')
    const { tap, sealing, getRequest } = prepared
    const open = sale.transaction === undefined ? undefined : till.open.get(sale.transaction)
    const start = (transaction: string): TapStart => ({
      tap,
      transaction,
      sale,
      radio: reader.radio,
      sealing: sealingText(sealing),
      getRequest: base64url(getRequest),
      getResponse: base64url(offer.getResponse),
    })
    const facts = factsOf(offer)
    if (open) {
      // The first phone may have paid: until that is settled, no other phone pays this sale.
      const refused =
        offer.refused ??
        (facts?.license === open.license
          ? undefined
          : {
              reason: 'SaleTornByAnotherPhone',
              message:
                'Another phone may have paid this sale. Let that phone tap again, or cancel the sale and key it anew.',
            })
      if (refused) {
        hints.set(sale.sale, refused)
        return { type: 'refused', ...refused }
      }
      const license = facts as LicenseFacts
      expect(
        await write({ type: 'AskAgain', start: start(open.transaction), license, checks: offer.checks }, sale.sale),
      )
      return { type: 'resume', deduction: deductionOf(open) }
    }
    const transaction = hex(crypto.random(16))
    const decline = async (refused: { readonly reason: string; readonly message: string }): Promise<Decision> => {
      const { reason, message } = refused
      const license = offer.refused ? {} : { license: facts as LicenseFacts }
      const declined = { start: start(transaction), checks: offer.checks, ...license, reason, message }
      expect(await write({ type: 'DeclineTap', ...declined }, sale.sale))
      return { type: 'refused', reason, message }
    }
    if (offer.refused) return decline(offer.refused)
    const behind = clockBehind_ms()
    if (behind > (rules.policy?.clockTolerance_s ?? 0) * 1000)
      return decline({
        reason: 'ClockBehind',
        message: `This terminal's clock is ${Math.round(behind / 60_000)} minutes behind what it has recorded: set the clock, then tap again.`,
      })
    const license = facts as LicenseFacts
    const put = single(
      'deduction',
      makeDeduction(
        crypto,
        {
          transaction: fromHex(transaction),
          license: license.license,
          counter: license.counter + 1,
          amount: sale.amount,
          currency: sale.currency,
          time: Math.floor(time() / 1000),
          place: certified.shop,
          head: fromHex(last?.hash ?? seed),
        },
        p256,
      ),
    )
    passing('deduction decided')
    const answer = await write(
      {
        type: 'RequestDeduction',
        start: start(transaction),
        checks: offer.checks,
        license,
        put: base64url(put),
        policy: rules.policy,
        clock: { now_ms: time(), lastSync_ms },
      },
      sale.sale,
    )
    if (isRefusal(answer)) return decline(answer)
    passing('deduction on disk')
    return { type: 'deduct', deduction: deductionOf(till.open.get(transaction) as OpenDeduction) }
  }

  /** The phone's half of the stick: the head it names is the terminal's newest, and the revision is that head's. */
  const receiptOf = ({ transaction, payment, receiptNumber }: Recorded): Uint8Array<ArrayBuffer> =>
    makeReceipt(
      crypto,
      {
        transaction: fromHex(transaction),
        payment: fromHex(payment),
        receiptNumber,
        revision: last?.revision ?? 0,
        head: fromHex(last?.hash ?? seed),
      },
      p256,
    )

  const carryOut = async (
    step: Step,
    sale: SaleView,
    prepared: Prepared,
    meeting: Meeting,
    signal: AbortSignal,
  ): Promise<Reply> => {
    switch (step.do) {
      case 'exchange': {
        const began = clock.now()
        const response = await meeting.exchange(step.request)
        if (step.message === 'PUT') passing('PUT answered')
        if (step.message === 'GET #2') passing('GET #2 answered')
        if (step.message === 'PUT receipt') passing('receipt handed over')
        return { type: 'Answered', response, roundTrip_ms: Math.max(0, Math.round(clock.now() - began)) }
      }
      case 'decide':
        return { type: 'Decided', decision: await decideTap(sale, prepared, step.offer) }
      case 'resend':
        expect(await write({ type: 'ResendDeduction', transaction: step.transaction, tap: prepared.tap }, sale.sale))
        return { type: 'Done' }
      case 'record': {
        passing('payment opened')
        const { opened } = step
        const occurred = iso(time())
        const allowanceLeft = opened.allowanceLeft as Amount
        const recorded = { ...opened, tap: prepared.tap, response: base64url(opened.response), occurred, allowanceLeft }
        const answer = await write({ type: 'RecordTap', ...recorded }, sale.sale)
        expect(answer)
        passing('transaction on disk')
        tapping = undefined
        hints.delete(sale.sale)
        news.next({ kind: 'sale' })
        return { type: 'Receipt', receipt: receiptOf(till.recorded.get(opened.transaction) as Recorded) }
      }
      case 'reject': {
        const { rejected } = step
        const response = base64url(rejected.response)
        expect(await write({ type: 'RejectPayload', ...rejected, response, tap: prepared.tap }, sale.sale))
        return { type: 'Done' }
      }
      case 'declined': {
        const { transaction, reason, message } = step
        expect(await write({ type: 'AcceptDecline', transaction, reason, message }, sale.sale))
        return { type: 'Done' }
      }
      case 'earlier': {
        const recorded = till.recorded.get(step.transaction)
        return { type: 'Receipt', receipt: recorded ? receiptOf(recorded) : undefined }
      }
      case 'pause':
        await sleep(step.wait_ms, signal)
        return { type: 'Done' }
    }
  }

  const tearIfOpen = async (sale: SaleView, prepared: Prepared, during: string): Promise<void> => {
    const transaction = till.sales.get(sale.sale)?.transaction
    if (transaction === undefined || !till.open.get(transaction)?.live) return
    await write({ type: 'TearTap', transaction, tap: prepared.tap, during }, sale.sale)
  }

  /** One meeting from field entry to field exit. It never throws for what a phone or the radio did. */
  const meet = async (meeting: Meeting, signal: AbortSignal): Promise<Ended | { outcome: 'torn' | 'none' }> => {
    const sale = current === undefined ? undefined : saleOf(current)
    if (!sale || sale.state === 'approved' || sale.state === 'cancelled') {
      await meeting.leave()
      return { outcome: 'none' }
    }
    const mine = prepare()
    prepared = undefined
    tapping = sale.sale
    hints.delete(sale.sale)
    news.next({ kind: 'sale' })
    let doing = 'GET #1'
    try {
      passing('field entered')
      const conversation = takeTap(crypto, mine, rules, sale.currency, Math.floor(time() / 1000))
      let step = conversation.next()
      while (!step.done) {
        if (step.value.do === 'exchange') doing = step.value.message
        step = conversation.next(await carryOut(step.value, sale, mine, meeting, signal))
      }
      return step.value
    } catch (error) {
      if (
        !(
          error instanceof FieldLost ||
          error instanceof PeerUnfit ||
          error instanceof Malformed ||
          error instanceof StoreFailed
        )
      )
        throw error
      const approved = till.sales.get(sale.sale)?.state === 'approved'
      if (!approved) {
        const because = tapFailure(error)
        if (because) hints.set(sale.sale, because)
        if (error instanceof StoreFailed) log.error(error.message)
        else await tearIfOpen(sale, mine, doing)
      }
      return approved ? { outcome: 'approved', transaction: sale.transaction ?? '' } : { outcome: 'torn' }
    } finally {
      tapping = undefined
      prepare()
      news.next({ kind: 'sale' })
      await meeting.leave()
    }
  }

  const takeTaps = async (signal: AbortSignal): Promise<void> => {
    for await (const meeting of reader.taps(signal)) {
      try {
        await meet(meeting, signal)
      } catch (error) {
        // A bug in one tap must not close the shop; the sale shows as torn, and the next tap asks the phone again.
        log.error(`a tap failed: ${(error as Error).stack ?? String(error)}`)
      }
    }
  }

  /* ---- sync */

  let drain = idleDrain

  const answeredAt = (at: string): void => {
    lastSync_ms = time()
    notes.setNote('lastSync', `${lastSync_ms}`)
    const skew_ms = clock.now() - Date.parse(at)
    if (Math.abs(skew_ms) > skewTold_ms)
      log.warn(`this clock differs from the centre's by ${Math.round(skew_ms / 1000)} s`)
  }

  /** Sends one batch; true where more waits. */
  const sendOne = async (): Promise<boolean> => {
    const from = till.acknowledgedTo + 1
    const texts: string[] = []
    let head = ''
    let octets = 0
    let types = 0
    outer: for await (const page of store.read(stream, { from, direction: 'forward', pageSize: 200 }))
      for (const stored of page) {
        octets += Buffer.byteLength(stored.text) + 8
        if (texts.length === batchEvents || (octets > batchOctets && texts.length > 0)) break outer
        texts.push(stored.text)
        if (!lifeTypes.has(stored.type)) types++
        head = trustEvent(stored.text).hash
      }
    if (types === 0) return false
    const { terminal, origin, mode } = identity
    sentTo = from + texts.length - 1
    const after = till.waiting.filter(recorded => recorded.revision > sentTo)
    const waiting = {
      count: after.length,
      sum: after.reduce((sum, recorded) => sum + recorded.amount, 0n).toString(),
      currency: rules.policy?.currency ?? 'EUR',
    }
    const batch = makeBatch(crypto, p256, { origin, terminal, mode, from, count: texts.length, head, waiting }, texts)
    const answer = await link.send(batch)
    if (isRefusal(answer)) {
      // The centre holds less than it once said: what it misses is sent again from there.
      if (answer.reason === 'BatchGap' && typeof answer['acceptedTo'] === 'number' && answer['acceptedTo'] < from - 1) {
        till.acknowledgedTo = answer['acceptedTo']
        log.warn(answer.message)
        return true
      }
      lastSyncError = answer
      throw new LinkDown(answer.message)
    }
    acknowledge(till, answer.acceptedTo)
    notes.setNote('acknowledgedTo', `${till.acknowledgedTo}`)
    lastSyncError = undefined
    answeredAt(answer.at)
    await adoptNewer(answer.rules)
    news.next({ kind: 'sync' })
    return (last?.revision ?? -1) > till.acknowledgedTo
  }

  const adoptNewer = async (versions: LinkAnswer['rules']): Promise<void> => {
    const held = till.rules
    if (
      held &&
      versions.policy <= held.policy.version &&
      versions.denyList <= held.denyList.version &&
      versions.keySet <= held.keySet.version
    )
      return
    await fetchRules()
  }

  const fetchRules = async (): Promise<void> => {
    const answer = await link.rules()
    if (isRefusal(answer)) {
      lastSyncError = answer
      return
    }
    answeredAt(answer.at)
    const refused = await adopt(answer)
    if (refused) {
      lastSyncError = refused
      log.warn(refused.message)
    } else lastSyncError = undefined
  }

  /** Until the signal: send what waits, obey back-off, look for newer rules now and then. Never in a tap's way. */
  const sync = async (signal: AbortSignal): Promise<void> => {
    let wait_ms: number | undefined = 0
    while (!signal.aborted) {
      if (wait_ms !== 0) {
        const napping = new AbortController()
        const stop = () => napping.abort()
        signal.addEventListener('abort', stop)
        wakeUp = stop
        const nap_ms = wait_ms ?? (online ? idleContact_ms : 2 ** 30)
        await sleep(nap_ms, napping.signal)
        signal.removeEventListener('abort', stop)
        wakeUp = () => {}
      }
      if (signal.aborted) return
      if (!online) {
        wait_ms = undefined
        continue
      }
      try {
        const more = await sendOne()
        if (!more && wait_ms === undefined && time() - (lastSync_ms ?? 0) >= idleContact_ms) await fetchRules()
        ;({ drain, wait_ms } = nextDrain(drain, { type: 'Sent', more }))
      } catch (error) {
        const fault = error as LinkDown
        if (!lastSyncError)
          lastSyncError = { reason: 'CentreUnreachable', message: `The centre does not answer: ${fault.message}` }
        const jitter = (crypto.random(1)[0] as number) / 255
        const retry = fault.retryAfter_s === undefined ? {} : { retryAfter_s: fault.retryAfter_s }
        ;({ drain, wait_ms } = nextDrain(drain, { type: 'Failed', jitter, ...retry }))
        if (drain.failures === 1) log.warn(`sync: ${fault.message}`)
        news.next({ kind: 'sync' })
      }
    }
  }

  const syncNow = async (): Promise<{ acceptedTo: number } | Refusal> => {
    if (!online) return { reason: 'Offline', message: 'The network is switched off on this till: switch it on first.' }
    try {
      while (await sendOne()) {
        // Until nothing waits.
      }
      return { acceptedTo: till.acknowledgedTo }
    } catch (error) {
      return (
        lastSyncError ?? {
          reason: 'CentreUnreachable',
          message: `The centre does not answer: ${(error as Error).message}. What waits here stays on disk and is sent later.`,
        }
      )
    }
  }

  const setNetwork = (on: boolean): void => {
    online = on
    notes.setNote('online', `${on}`)
    drain = nextDrain(drain, { type: 'NetworkSet', online: on }).drain
    wake()
    news.next({ kind: 'network' })
  }

  prepare()

  return {
    id: identity.terminal,
    certified,
    till,
    news,
    /** The parts as they stand, for views. */
    status: () => ({
      online,
      lastSync_ms,
      lastSyncError,
      waiting: waitingOf(till),
      sentTo,
      rules,
      revision: last?.revision ?? -1,
      head: last?.hash ?? seed,
      reader: parts.readerState?.() ?? { state: 'ready' as const },
      now_ms: time(),
    }),
    currentSale: () => (current === undefined ? undefined : saleOf(current)),
    saleOf,
    startSale,
    cancelSale,
    resumeSale,
    setNetwork,
    syncNow,
    openDay: (businessDate?: string) =>
      write({ type: 'OpenDay', businessDate: businessDate ?? iso(time()).slice(0, 10) }),
    closeDay: () =>
      write(() => ({
        type: 'CloseDay',
        currency: rules.policy?.currency ?? 'EUR',
        revision: last?.revision ?? 0,
        head: last?.hash ?? seed,
      })),
    voidTransaction: (reversal: string, transaction: string) =>
      write({ type: 'VoidTransaction', reversal, transaction, occurred: iso(time()) }),
    refundTransaction: (reversal: string, transaction: string, amount: Amount) =>
      write({ type: 'RefundTransaction', reversal, transaction, amount, occurred: iso(time()) }),
    meet,
    /** Takes taps and syncs until the signal. */
    run: async (signal: AbortSignal): Promise<void> => {
      await Promise.all([takeTaps(signal), sync(signal)])
      news.complete()
    },
  }
}

/** A cashier's words for what went wrong; undefined where the log says it all. */
const tapFailure = (
  error: FieldLost | PeerUnfit | Malformed | StoreFailed,
): { reason: string; message: string } | undefined => {
  if (error instanceof PeerUnfit)
    return { reason: 'NotATallystickPhone', message: `Not a Tallystick phone: it answered ${error.found}.` }
  if (error instanceof Malformed)
    return {
      reason: 'PhoneMisunderstood',
      message: `The phone's answer made no sense (${error.message}). Let it tap again.`,
    }
  if (error instanceof StoreFailed)
    return {
      reason: 'StoreFailed',
      message: `This terminal cannot write its log: ${error.message} Nothing was recorded; call for help.`,
    }
  return undefined
}

/** Under the limits of the exchange (1,000 events, 1 MiB), so that a page's overshoot stays within them. */
const batchEvents = 500
const batchOctets = 900 * 1024

const saleUnknown = (sale: string): Refusal => ({
  reason: 'SaleUnknown',
  message: `Sale ${sale} is not known on this till: it was never keyed here, or a restart came before any phone tapped.`,
  sale,
})

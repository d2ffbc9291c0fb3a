import { type Bytes, base64url, equal, fromBase64url, hex, utf8 } from '#canonical/bytes'
import { type Check, failed } from '#canonical/check'
import type { Crypto } from '#canonical/crypto'
import { isRefusal } from '#canonical/decider'
import { type Act, chain, type Event, trustEvent } from '#canonical/event'
import { idOf } from '#canonical/ids'
import { type EventStore, WrongExpectedRevision } from '#eventstore'
import { postingsOf } from '#ledger'
import { available } from '#ledger/balance'
import { knownType, type TradeEvent, understood } from '#ledger/vocabulary'
import { type License, readLicense } from '#license'
import type { TerminalCertificate } from '#license/certificate'
import { type TacMaster, tacKeys } from '#license/tac'
import { type Amount, amount, formatAmount, minorUnits, zero } from '#money'
import { type PaymentCommand, payment as paymentDecider } from '#payment'
import { type PaymentEvent, paymentWords } from '#payment/events'
import { verdictRules } from '#payment/rule'
import type { Terms } from '#payment/shares'
import { type ExceptionEvent, exceptionKinds, exceptionWords } from '#reconciliation/events'
import type { IntakeEvent } from '#sync/events'
import { type AdoptedRules, rulesFrom } from '#tap/rules'
import type { TillEvent } from '#till/events'
import { NewerThanKnown, readHeld } from './held.ts'
import { certificateFrom, checkTerminalCertificate, shopAt } from './place.ts'
import { releases } from './release.ts'
import { checkRecorded, redoTap, type TapRecord, type TapsOfTerminal, tapsOfTerminal } from './taps.ts'
import { testifiedPayments } from './testified.ts'

/**
 * The reactor that judges: caused by `BatchAccepted`, it makes each payment's checks again from its raw octets and
 * writes the verdict. It decides from the log up to its cause and from its own verdicts in the order of their causes,
 * never from the clock or a projection: two of them, or one started twice, write the same octets.
 */
export const verdictsBy = 'reactor:verdicts'
const by = verdictsBy
const beginning = '1970-01-01T00:00:00.000Z'
/** Of the year 9999: beyond it, a time has no ISO 8601 form of four digits. */
const lastSecond = 253_402_300_799
const attemptsMax = 8

type Parts = {
  readonly store: Pick<EventStore, 'read' | 'append'>
  readonly crypto: Crypto
  /** Whom the phones' licenses lead back to, and what makes the TAC keys. */
  readonly keys: {
    readonly root: { readonly publicKey: Uint8Array }
    readonly tacMaster: TacMaster
    readonly later: { readonly tacMasters: readonly TacMaster[] }
  }
  readonly salt: (eventId: string) => string
  /** Awaited before each tap is judged: a node that does other things gives them their turn. */
  readonly between?: () => Promise<void>
}

type Recorded = Event<Extract<TillEvent, { type: 'TransactionRecorded' }>['data']>
type Reversing = Event<Extract<TillEvent, { type: 'RefundRecorded' }>['data']>
type Forked = Event<Extract<IntakeEvent, { type: 'ForkDetected' }>['data']>
type Enrolled = {
  readonly terminal: string
  readonly merchant: string
  readonly shop: string
  readonly terminalKey: Uint8Array
  /** The first; what stands in for it, the terminal's own log names. */
  readonly certificate: TerminalCertificate | undefined
}
type Batch = Event<Extract<IntakeEvent, { type: 'BatchAccepted' }>['data']>

/** A license as this centre issued it. */
type Issued = {
  readonly account: string
  readonly octets: Bytes
  readonly counters: Map<number, string>
  /** It was logged after the key that signed it was named as compromised. */
  readonly isByStolenKey: boolean
}

/** A terminal's log as far as it was judged. */
type Judged = {
  readonly taps: TapsOfTerminal
  next: number
  /** Transactions of which a newer till wrote something in a shape that is not known here: they wait. */
  readonly unread: Set<string>
  /** It adopted rules that cannot be read here: so do all its payments, until it adopts others. */
  rulesUnread: boolean
}

/** What a reactor salts its events with: it follows from the event's id, so that two of them write the same octets. */
export const reactorSalt =
  (crypto: Crypto, saltKey: Uint8Array) =>
  (eventId: string): string =>
    base64url(crypto.hmac(saltKey, utf8(eventId)).slice(0, 16))

/** A stored verdict and the one that follows from the log are not the same: the log was edited, or a rule changed. */
export class ReactionDiverged extends Error {
  readonly code = 'ReactionDiverged'
}

export const verdicts = ({ store, crypto, keys, salt, between }: Parts) => {
  const balances = new Map<string, bigint>()
  const limits = new Map<string, Amount>()
  /** Accounts, by currency, whose terms have a credit balance count. */
  const crediting = new Set<string>()
  const licenses = new Map<string, Issued>()
  /** Keys of the authority that somebody else may have, and the masters that licenses name. */
  const compromised = new Set<string>()
  const tacMasters = new Set<string>()
  /** Each merchant's terms in the order in which they were set: a sale is under those of its own time. */
  const terms = new Map<string, (Terms & { readonly since: string })[]>()
  const released = new Set<string>()
  const terminals = new Map<string, Judged>()
  /** Who a terminal is, by the centre's own word: what it says of itself is only its claim. */
  const enrolled = new Map<string, Enrolled>()

  /** Accounts that do not stand, since when, and whether they are closed. */
  const barred = new Map<string, { readonly since: string; readonly closed: boolean }>()
  /** Terminals that somebody else may have in hand, by the log up to here. */
  const outOfHand = new Map<string, 'TerminalLost' | 'TerminalSuspended'>()
  /** The version of the verdict rule that the log has come to. */
  let rule = verdictRules.initialState

  const balance = (account: string, currency: string): bigint => balances.get(`${account}|${currency}`) ?? 0n

  const holdLeft = (license: string, currency: string): bigint => balance(`allowance:${license}`, currency)
  const ending = releases({ store, crypto, salt, by, holdLeft })

  /** What an event changes in what the next verdict must know. */
  const learn = (event: Event & TradeEvent): void => {
    ending.learn(event)
    for (const { account, currency, side, amount } of postingsOf(event)) {
      const key = `${account}|${currency}`
      balances.set(key, (balances.get(key) ?? 0n) + (side === 'debit' ? amount : -amount))
    }
    switch (event.type) {
      case 'AccountOpened':
      case 'CreditLimitSet':
        limits.set(`${event.data.account}|${event.data.currency}`, minorUnits(event.data.limit))
        return
      case 'AccountSuspended':
      case 'AccountClosing':
      case 'AccountClosed': {
        const { account } = event.data
        const since = barred.get(account)?.since ?? event.at
        barred.set(account, { since, closed: event.type === 'AccountClosed' })
        return
      }
      case 'AccountReinstated':
        barred.delete(event.data.account)
        return
      case 'AccountTermsSet': {
        const { account, currency, creditCounts } = event.data
        if (creditCounts) crediting.add(`${account}|${currency}`)
        else crediting.delete(`${account}|${currency}`)
        return
      }
      case 'AllowanceReleased':
        // A part that is let go before leaves the rest to wait for payments.
        if (!event.data.keeps) released.add(event.data.license)
        return
      case 'LicenseIssued': {
        const octets = fromBase64url(event.data.document)
        const isByStolenKey = compromised.size > 0 && compromised.has(hex(readLicense(octets).kid))
        licenses.set(event.data.license, { account: event.data.account, octets, counters: new Map(), isByStolenKey })
        return
      }
      case 'KeyCompromised':
        compromised.add(event.data.kid)
        return
      case 'TacMasterIntroduced':
        tacMasters.add(event.data.id)
        return
      case 'MerchantTermsSet':
        terms.set(event.data.merchant, [...(terms.get(event.data.merchant) ?? []), { ...event.data, since: event.at }])
        return
      case 'VerdictRuleAdopted':
        rule = event.data.version
        return
      case 'TerminalSuspended':
        // What is lost stays lost.
        if (!outOfHand.has(event.data.terminal)) outOfHand.set(event.data.terminal, event.type)
        return
      case 'TerminalReinstated':
        outOfHand.delete(event.data.terminal)
        return
      case 'TerminalEnrolled': {
        const { terminal, merchant, shop, keys, certificate } = event.data
        enrolled.set(terminal, {
          terminal,
          merchant,
          shop,
          terminalKey: fromBase64url(keys.p256),
          certificate: certificateFrom(certificate),
        })
        return
      }
      default:
        // Everything else says what it must by its postings alone.
        return
    }
  }

  /** The terms of the sale's own time, whenever it arrives; a shop is opened only under terms, so there are some. */
  const termsOf = (merchant: string, at: string): Terms => {
    const set = terms.get(merchant) ?? []
    const known = set.findLast(({ since }) => since <= at) ?? set[0]
    if (!known) throw new ReactionDiverged(`Merchant ${merchant} has no terms in this log`)
    return known
  }

  const figuresFor = (
    account: string | null,
    license: string | undefined,
    merchant: string,
    currency: string,
    occurredAt: string,
  ) => {
    const of = account ?? ''
    const limit = limits.get(`${of}|${currency}`) ?? zero
    const owed = balance(`payer:${of}`, currency)
    const held = -balance(`commitment:${of}`, currency)
    const hold = license === undefined ? 0n : holdLeft(license, currency)
    return {
      holdLeft: amount(hold < 0n ? 0n : hold),
      available: available({ limit, owed, inDispute: 0n, held, creditCounts: crediting.has(`${of}|${currency}`) }),
      holdReleased: license !== undefined && released.has(license),
      terms: termsOf(merchant, occurredAt),
    }
  }

  /** Reads the target, decides, appends; a verdict that is there already is the answer. */
  const settle = async (
    command: PaymentCommand & { readonly payment: string },
    cause: Event,
    batch: Event,
    step?: string,
  ): Promise<readonly (Event & PaymentEvent)[]> => {
    const stream = `payment-${command.payment}`
    const act = reactionTo(batch, cause, step)
    for (let attempt = 1; ; attempt++) {
      const { events: held, last, newer } = await readHeld(store, stream, paymentWords)
      const before = held.filter(
        event =>
          event.by === by &&
          event.correlation === act.correlation &&
          event.causation === act.causation &&
          event.id === idOf(crypto, act.id, stream, 0),
      )
      // A verdict that was made stands beside whatever came after it; a new one is not made on half of the facts.
      if (newer && (before.length === 0 || newer.causation === act.causation)) throw new NewerThanKnown(newer)
      if (before.length > 0) {
        // The events of one reaction were one append: those that follow with the same cause belong to it.
        const first = (before[0] as Event).revision
        return held.filter(
          event => event.revision >= first && event.id === idOf(crypto, act.id, stream, event.revision - first),
        )
      }
      const state = held.reduce((state, event) => paymentDecider.evolve(state, event), paymentDecider.initialState)
      const facts = paymentDecider.decide(command, state)
      if (isRefusal(facts))
        throw new ReactionDiverged(`The verdict on ${command.payment} was refused: ${facts.message}`)
      if (facts.length === 0) return []
      const written = chain(crypto, paymentWords, stream, last, facts, act, salt)
      try {
        const toAppend = written.map(({ event: { id, type }, text }) => ({ id, type, text }))
        await store.append(stream, last?.revision ?? 'NoStream', toAppend)
        return written.map(({ event }) => event as Event & PaymentEvent)
      } catch (error) {
        if (!(error instanceof WrongExpectedRevision) || attempt === attemptsMax) throw error
      }
    }
  }

  /** A step tells apart what one cause makes of one payment in two appends. */
  const reactionTo = (batch: Event, cause: Event, step?: string): Act => ({
    id: idOf(crypto, batch.id, by, step === undefined ? cause.id : `${cause.id} ${step}`),
    at: batch.at,
    by,
    correlation: cause.correlation,
    causation: batch.id,
  })

  const raise = async (
    kind: (typeof exceptionKinds)[number],
    of: readonly string[],
    about: {
      readonly amount: bigint
      readonly currency: string
      readonly concerns: string[]
      readonly message: string
    },
    cause: Event,
    batch: Event,
  ): Promise<void> => {
    // What it is of may be long, or chosen by a terminal: the key is its hash.
    const key = `${kind}-${hex(crypto.sha256(of.join('\n'))).slice(0, 32)}`
    const stream = `exception-${key}`
    const data = { key, kind, ...about, amount: about.amount.toString() }
    const fact: ExceptionEvent = { type: 'ExceptionRaised', data }
    const [written] = chain(crypto, exceptionWords, stream, undefined, [fact], reactionTo(batch, cause), salt)
    if (!written) return
    const { event, text } = written
    try {
      await store.append(stream, 'NoStream', [{ id: event.id, type: event.type, text }])
    } catch (error) {
      // It was raised before, for another cause: one difference is one exception.
      if (!(error instanceof WrongExpectedRevision)) throw error
    }
  }

  const tacKeyFor = (license: License): Uint8Array => {
    const masters = [keys.tacMaster, ...keys.later.tacMasters] as const
    const { tacKey } = license.credit
    // To hold an honest payment for want of its key would be for good.
    if (tacMasters.has(tacKey) && !masters.some(({ id }) => id === tacKey))
      throw new Error(
        `The TAC master key ${tacKey} lies not with this node's keys: hand it those of the node that made it.`,
      )
    return tacKeys(crypto, masters)(license)
  }

  /** Of one adoption, asked again at each of its taps. */
  const signedTimes = new WeakMap<AdoptedRules, string>()
  /** The newest signed time that the terminal's chain names: of the rules it had adopted, where they are signed. */
  const signedBefore = (taps: TapsOfTerminal): string => {
    const adopted = taps.rules()
    if (!adopted) return beginning
    const known = signedTimes.get(adopted)
    if (known !== undefined) return known
    const { policy, denyList, keySet } = rulesFrom(crypto, keys.root.publicKey, adopted)
    const issued_s = Math.max(...[policy, denyList, keySet].map(document => document?.issued ?? 0))
    const signed = new Date(Math.min(issued_s, lastSecond) * 1000).toISOString()
    signedTimes.set(adopted, signed)
    return signed
  }

  const whoIs = (batch: Batch): Enrolled => {
    const known = enrolled.get(batch.data.terminal)
    if (!known) throw new ReactionDiverged(`BatchAccepted ${batch.id} is of a terminal that was never enrolled`)
    return known
  }

  /** The account stood when the tap was made, as far as that is known; one that is closed does not come back. */
  const checkStanding = (account: string | null, occurredAt: string): Check[] => {
    const bar = account === null ? undefined : barred.get(account)
    if (!bar) return []
    if (bar.closed) return [failed('account open', 'AccountClosed', 'an open account', `closed since ${bar.since}`)]
    if (occurredAt < bar.since) return []
    return [failed('account open', 'AccountBarred', `a tap before ${bar.since}`, occurredAt)]
  }

  /** One key, one counter, two contents: somebody copied the phone. */
  const checkCounter = (license: string, counter: number, payment: string): Check[] => {
    const usedBy = licenses.get(license)?.counters.get(counter)
    if (usedBy === undefined || usedBy === payment) return []
    return [failed('payment counter unused', 'CounterReused', `a counter not used before ${counter}`, usedBy)]
  }
  const keepCounter = (license: string, counter: number, payment: string): void => {
    const counters = licenses.get(license)?.counters
    if (counters && !counters.has(counter)) counters.set(counter, payment)
  }

  const checkOverride = (transaction: string, taps: TapsOfTerminal): Check[] => {
    const by = taps.overridden(transaction)
    return by === undefined ? [] : [failed('limits kept', 'SupervisorOverrode', 'no override', by)]
  }

  const judge = async (
    recorded: Recorded,
    tap: TapRecord | undefined,
    taps: TapsOfTerminal,
    batch: Batch,
  ): Promise<void> => {
    const who = whoIs(batch)
    const { terminal, merchant, terminalKey } = who
    const shop = shopAt(crypto, keys.root.publicKey, who, tap ? tap.place : taps.place())
    const { data } = recorded
    const {
      checks: redone,
      opened,
      license,
      licenseBytes,
    } = tap
      ? redoTap(crypto, tap, { rootPublicKey: keys.root.publicKey, terminalKey, tacKeyFor })
      : { checks: [failed('tap before record', 'TapMissing', 'a tap before its record', 'none')] }
    const checks = [...redone]
    // The first rule knew no such reason: what was judged under it is judged again as it was.
    const uncertified = tap && rule > 1 && checkTerminalCertificate(crypto, keys.root.publicKey, who, tap)
    if (uncertified) checks.push(uncertified)
    const own = !checks.some(({ check, pass }) => check === 'deduction signature' && !pass)
    const issued = license ? licenses.get(license.id) : undefined
    if (license && !issued)
      checks.push(failed('license issued', 'LicenseUnknown', 'a license that this centre issued', license.id))
    // Who has the authority's key can sign another license under an id that we issued: the id alone charges nobody.
    if (license && issued && !isSameLicense(license, licenseBytes, issued))
      checks.push(failed('license as issued', 'LicenseNotAsIssued', 'the license that this centre issued', license.id))
    if (license && issued?.isByStolenKey)
      checks.push(failed('license key at issue', 'LicenseKeyCompromised', 'a key that only we have', hex(license.kid)))
    const paid = opened ? hex(opened.paymentHash) : undefined
    if (opened) checks.push(checkRecorded(opened, data))
    if (opened && license && paid !== undefined) checks.push(...checkCounter(license.id, opened.payment.counter, paid))
    const account = issued?.account ?? null
    // What the payer signed is what is posted; what the terminal wrote beside it only where nothing opens.
    const currency = opened?.payment.currency ?? data.currency
    const dates = datesOf(recorded, signedBefore(taps), batch)
    const figures = figuresFor(account, license?.id, merchant, currency, dates.occurred.at)
    // Of what the first rule did not know.
    if (rule > 1) checks.push(...checkStanding(account, dates.occurred.at), ...checkOverride(data.transaction, taps))
    // A record that does not open, or is not this terminal's own, must not stand in the way of the real payment.
    const payment = own && paid !== undefined ? paid : hex(crypto.sha256(`tallystick-unopened-1\n${recorded.id}`))
    const events = await settle(
      {
        type: 'Judge',
        payment,
        event: recorded.id,
        account,
        license: license?.id ?? null,
        card: license?.card ?? null,
        currency,
        gross: opened ? opened.payment.amount : minorUnits(data.amount),
        checks,
        signatureChecked: opened !== undefined,
        rule,
        merchant,
        shop,
        terminal,
        transaction: data.transaction,
        ...dates,
        ...figures,
      },
      recorded,
      batch,
    )
    if (opened && license && paid !== undefined) keepCounter(license.id, opened.payment.counter, paid)
    await follow(events, recorded, batch)
    const wasTold = phoned.brought(terminal, data.transaction, payment)
    if (events.length === 0 && !wasTold) await noteDuplicate(payment, recorded, batch)
    taps.forget(data.transaction)
  }

  const phoned = testifiedPayments({
    store,
    crypto,
    tacKeyFor,
    settle,
    follow: (...asked) => follow(...asked),
    raise,
    terminalOf: terminal => enrolled.get(terminal),
    figuresFor,
    checkKnown: (account, license, { counter }, payment, occurredAt) => {
      const checks = [...checkCounter(license, counter, payment), ...checkStanding(account, occurredAt)]
      keepCounter(license, counter, payment)
      return checks
    },
    rule: () => rule,
  })

  const noteDuplicate = async (payment: string, recorded: Recorded, batch: Batch): Promise<void> => {
    const { amount, currency, transaction } = recorded.data
    const message = `Transaction ${transaction} records payment ${payment.slice(0, 12)}…, which was judged before; it posts once.`
    const about = { amount: minorUnits(amount), currency, concerns: [recorded.id, payment], message }
    await raise('Duplicate', [recorded.id], about, recorded, batch)
  }

  const reverse = async (
    event: Reversing,
    kind: 'void' | 'refund',
    taps: TapsOfTerminal,
    batch: Batch,
  ): Promise<void> => {
    const who = whoIs(batch)
    const { terminal, merchant } = who
    const shop = shopAt(crypto, keys.root.publicKey, who, taps.place())
    const { reversal, payment, transaction, amount, currency } = event.data
    const events = await settle(
      {
        type: 'Reverse',
        reversal,
        payment,
        event: event.id,
        kind,
        amount: minorUnits(amount),
        currency,
        merchant,
        shop,
        terminal,
        transaction,
        ...datesOf(event, signedBefore(taps), batch),
        // A thief with the terminal has its keys, too; what it recorded before came in before, or two people look at it.
        ...(rule > 2 ? { outOfHand: outOfHand.get(terminal) } : {}),
      },
      event,
      batch,
    )
    await follow(events, event, batch)
    if (events.length === 0 && rule > 2) await noteRepeated(event, kind, batch)
  }

  /** A till mints an id for each reversal: a second record of one is not this till's doing, and moves no money. */
  const noteRepeated = async (event: Reversing, kind: 'void' | 'refund', batch: Batch): Promise<void> => {
    const { reversal, payment, amount, currency } = event.data
    const { terminal } = batch.data
    const message = `Terminal ${terminal} records a ${kind} of ${formatAmount(minorUnits(amount), currency)} ${currency} as ${reversal}, and payment ${payment.slice(0, 12)}… has a reversal of that id: it counts once. Ask the shop whether money was given twice.`
    const about = { amount: minorUnits(amount), currency, concerns: [event.id, payment, terminal], message }
    await raise('Duplicate', [event.id], about, event, batch)
  }

  /** Learns from a verdict, and raises what someone must look at. */
  const follow = async (events: readonly (Event & PaymentEvent)[], cause: Event, batch: Event): Promise<void> => {
    for (const event of events) {
      learn(event)
      switch (event.type) {
        case 'PaymentAccepted':
          await noteExceptions(event.data, cause, batch)
          break
        case 'PaymentHeld':
          await raise(
            kindOf(event.data.reason),
            [event.data.payment, 'held'],
            aboutPayment(event.data, event.data.reason, event.data.gross),
            cause,
            batch,
          )
          break
        case 'ReversalHeld': {
          const { reversal, payment, amount, currency, reason } = event.data
          const message = `Reversal ${reversal} of ${formatAmount(minorUnits(amount), currency)} ${currency} is held: ${reason}.`
          await raise(
            kindOf(reason),
            [payment, reversal],
            { amount: minorUnits(amount), currency, concerns: [event.id, payment], message },
            cause,
            batch,
          )
          break
        }
        case 'HeldDecisionProposed':
        case 'HeldPaymentDecided':
        case 'PaymentUnclaimed':
        case 'ProposalWithdrawn':
        case 'ReversalAccepted':
        case 'ReversalRefusalProposed':
        case 'ReversalReleaseProposed':
        case 'ReversalReleased':
        case 'ReversalRefused':
        case 'UnclaimedReleased':
          break
      }
    }
  }

  const noteExceptions = async (data: Excepted, cause: Event, batch: Event): Promise<void> => {
    for (const kind of data.exceptions ?? [])
      await raise(kindOf(kind), [data.payment], aboutPayment(data, kind, stakeOf(data)), cause, batch)
  }

  const noteFork = async (event: Forked): Promise<void> => {
    const { terminal, revision, held, foreign } = event.data
    const message = `Terminal ${terminal} has two histories from revision ${revision} on: ${held.slice(0, 12)}… is held, ${foreign.slice(0, 12)}… came. Stop it and look at it.`
    const about = { amount: 0n, currency: 'EUR', concerns: [event.id, terminal], message }
    await raise('Fork', [terminal, `${revision}`, foreign], about, event, event)
  }

  /** What a newer till wrote moves nothing here. It is kept, and someone is told, once for each type and shape. */
  const noteUnread = async (event: Event, known: Judged, batch: Batch): Promise<void> => {
    const { terminal } = batch.data
    const { type, schema, revision, id } = event
    if (knownType(type)) {
      const { transaction } = event.data as { readonly transaction?: unknown }
      if (typeof transaction === 'string') known.unread.add(transaction)
      if (type === 'RulesAdopted') known.rulesUnread = true
    }
    const message = `Terminal ${terminal} wrote ${type} in shape ${schema} at revision ${revision}, which this version does not know: it is kept, and nothing is made of it. Start a version that knows it here.`
    const about = { amount: 0n, currency: 'EUR', concerns: [id, terminal], message }
    await raise('NotUnderstood', [terminal, type, `${schema}`], about, event, batch)
  }

  /** A verdict on half of a tap would hold an honest payment for good: it waits for a version that reads it all. */
  const noteWaiting = async (recorded: Recorded, known: Judged, batch: Batch): Promise<void> => {
    const { terminal } = batch.data
    const { transaction, amount, currency } = recorded.data
    const message = `Transaction ${transaction} of ${formatAmount(minorUnits(amount), currency)} ${currency} waits for its verdict: terminal ${terminal} wrote of it in a shape that this version does not know.`
    const about = { amount: minorUnits(amount), currency, concerns: [recorded.id, terminal], message }
    await raise('NotUnderstood', [terminal, transaction], about, recorded, batch)
    known.taps.forget(transaction)
  }

  const handleBatch = async (batch: Batch): Promise<void> => {
    const { terminal, from, count } = batch.data
    const known: Judged = terminals.get(terminal) ?? {
      taps: tapsOfTerminal(),
      next: 0,
      unread: new Set(),
      rulesUnread: false,
    }
    terminals.set(terminal, known)
    const end = from + count
    if (known.next >= end) return
    outer: for await (const page of store.read(`terminal-${terminal}`, {
      from: known.next,
      direction: 'forward',
      pageSize: 500,
    }))
      for (const stored of page) {
        if (stored.revision >= end) break outer
        const told = trustEvent(stored.text)
        known.next = stored.revision + 1
        const event = understood(told)
        if (!event) {
          await noteUnread(told, known, batch)
          continue
        }
        known.taps.apply(event)
        if (event.type === 'RulesAdopted') known.rulesUnread = false
        if (event.type === 'TapResolved' && event.data.outcome === 'abandoned')
          await phoned.ended(terminal, event.data.transaction, 'TapAbandoned', event, batch)
        if (event.type === 'PayloadRejected')
          await phoned.ended(terminal, event.data.transaction, 'PayloadRejected', event, batch)
        if (event.type === 'TransactionRecorded') {
          const { transaction } = event.data
          // The checks of one tap are as long as everything else may have to wait.
          await between?.()
          if (known.rulesUnread || known.unread.has(transaction)) await noteWaiting(event, known, batch)
          else await judge(event, known.taps.tap(transaction), known.taps, batch)
        } else if (event.type === 'TransactionVoided') await reverse(event, 'void', known.taps, batch)
        else if (event.type === 'RefundRecorded') await reverse(event, 'refund', known.taps, batch)
      }
  }

  return {
    name: 'verdicts',
    wants: (type: string): boolean => inputs.has(type) || !knownType(type),
    handle: async (told: Event): Promise<void> => {
      if (told.by === by) return
      const event = understood(told)
      if (!event) {
        // A terminal's come with its batch. One of the centre's own may be what the next verdict rests on.
        if (!told.stream.startsWith('terminal-') && (told.money || inputs.has(told.type)))
          throw new NewerThanKnown(told)
        return
      }
      if (event.type === 'BatchAccepted') return handleBatch(event)
      if (event.type === 'ForkDetected') return noteFork(event)
      if (event.type === 'PhoneTestified') return phoned.testified(event)
      if (event.type === 'TerminalLost') {
        outOfHand.set(event.data.terminal, event.type)
        return phoned.lost(event)
      }
      // Logs of before this version released nothing, and verdicts in them rest on that.
      if (event.type === 'HourStruck')
        return rule < releasingSince ? undefined : ending.strike(event, event.data.instant, learn)
      learn(event)
      // Two people had a payer bear it; what of it is over the hold is an exception like any other.
      if (event.type === 'HeldPaymentDecided') await noteExceptions(event.data, event, event)
    },
    /** For commands that must know what verdicts know: decided in the order of this reactor. */
    figuresFor,
  }
}

/** The version of the verdict rule with which holds began to end. */
const releasingSince = 2

const inputs = new Set<string>([
  'AccountOpened',
  'CreditLimitSet',
  'AccountTermsSet',
  'AllowanceGranted',
  'AllowanceReleased',
  'RepaymentReceived',
  'RepaymentReturned',
  'PayerPaidOut',
  'DebtWrittenOff',
  'AdjustmentApproved',
  'AccountSuspended',
  'AccountReinstated',
  'AccountClosing',
  'AccountClosed',
  'DebtRecovered',
  'HourStruck',
  'LicenseIssued',
  'KeyCompromised',
  'TacMasterIntroduced',
  'MerchantTermsSet',
  'TerminalEnrolled',
  'BatchAccepted',
  'ForkDetected',
  'PhoneTestified',
  'TerminalLost',
  'TerminalReinstated',
  'TerminalSuspended',
  'HeldPaymentDecided',
  'ReversalReleased',
  'ReversalRefused',
  // Two people decided that the payer bears nothing of what was set aside.
  'UnclaimedReleased',
  'VerdictRuleAdopted',
])

/** In every field: a signature has a twin, and two of one content are one license. */
const isSameLicense = (license: License, octets: Bytes | undefined, { octets: issued }: Issued): boolean =>
  (octets !== undefined && equal(octets, issued)) || licenseText(license) === licenseText(readLicense(issued))
const licenseText = (license: License): string =>
  JSON.stringify(license, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}` : value instanceof Uint8Array ? hex(value) : value,
  )

/** When it happened: the terminal's word, held within what is certain. */
const datesOf = (event: Event<{ occurred: string; businessDate: string }>, signed: string, batch: Batch) => {
  const before = batch.at
  const after = signed
  const { occurred, businessDate } = event.data
  const at = occurred > before ? before : occurred < after ? (after > before ? before : after) : occurred
  return {
    occurred: { at, after: after > before ? before : after, before },
    businessDate,
    bookingDate: before.slice(0, 10),
  }
}

const kindOf = (reason: string): (typeof exceptionKinds)[number] =>
  (exceptionKinds as readonly string[]).includes(reason) ? (reason as (typeof exceptionKinds)[number]) : 'Held'

type Excepted = Pick<
  Extract<PaymentEvent, { type: 'HeldPaymentDecided' }>['data'],
  'payment' | 'transaction' | 'currency' | 'gross' | 'excess' | 'exceptions'
>

/** What is at stake: what is over the hold, or all of it. */
const stakeOf = ({ gross, excess }: Excepted): string => (excess === '0' ? gross : excess)

const aboutPayment = (
  data: { readonly payment: string; readonly transaction: string; readonly currency: string; readonly gross: string },
  why: string,
  at: string,
) => ({
  amount: minorUnits(at),
  currency: data.currency,
  concerns: [data.payment, data.transaction],
  message: `Transaction ${data.transaction} of ${formatAmount(minorUnits(data.gross), data.currency)} ${data.currency}: ${why}.`,
})

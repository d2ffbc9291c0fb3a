import { fromBase64url, hex } from '#canonical/bytes'
import { type Check, failed, firstFailure, passed } from '#canonical/check'
import type { Crypto } from '#canonical/crypto'
import { type Event, EventMalformed, streamSeed, trustEvent, verifyEvent } from '#canonical/event'
import type { EventStore, StoredEvent } from '#eventstore'
import { type Posting, postingsOf } from '#ledger'
import { available } from '#ledger/balance'
import { datesOf } from '#ledger/dates'
import { knownType, type TradeEvent, touchesMoney, tradeWords, understood } from '#ledger/vocabulary'
import type { License } from '#license'
import { certificateHash, readCertificate } from '#license/certificate'
import { formatAmount } from '#money'
import { verifyStatement } from '#sync/batch'
import { redoTap, type TapsOfTerminal, tapsOfTerminal } from './taps.ts'

/**
 * Replay runs the fold again and shows it. For each tap it makes every check anew from the raw octets under the rules in
 * force at the tap; a stored result is only compared. It stops at the first thing that does not hold, and names it.
 */
export type ReplayLine =
  | { readonly line: 'event'; readonly event: Shown; readonly check: Check }
  | { readonly line: 'check'; readonly check: Check; readonly stored: 'pass' | 'fail' | 'not stored' }
  | { readonly line: 'posting'; readonly event: Shown; readonly posting: Posting; readonly balance: string }
  | { readonly line: 'balance'; readonly account: string; readonly figures: FiguresShown; readonly missing: number }
  | { readonly line: 'finding'; readonly holds: boolean; readonly says: string }

export type Shown = {
  readonly index: number
  readonly stream: string
  readonly revision: number
  readonly type: string
  readonly id: string
  readonly at: string
  readonly by: string
  readonly says: string
}

export type FiguresShown = {
  readonly currency: string
  readonly limit: string
  readonly owed: string
  readonly held: string
  readonly available: string
}

type Trusted = {
  /** The authority's root key, from a file of the reader's own; without one, the log's own word is taken and told. */
  readonly rootPublicKey?: Uint8Array
  readonly tacKeyFor?: (license: License) => Uint8Array
}

/** Nothing in this log bears that name. */
export class NothingToReplay extends Error {
  readonly code = 'NothingToReplay'
}

const shown = (event: Event, index: number, says = ''): Shown => {
  const { stream, revision, type, id, at, by } = event
  return { index, stream, revision, type, id, at, by, says }
}

/** Checks one stored event's own hash, and its link where that is asked; what fails is named by stream and revision. */
const checkEvent = (
  crypto: Crypto,
  stored: StoredEvent,
  prev?: string,
): { readonly event?: Event; readonly check: Check } => {
  const name = `${stored.stream} ${stored.revision} ${stored.type}`
  try {
    const event = verifyEvent(crypto, stored.text)
    if (prev !== undefined && event.prev !== prev)
      return {
        event,
        check: failed('chain', 'ChainBroken', `${name} after ${prev.slice(0, 16)}`, event.prev.slice(0, 16)),
      }
    if (event.stream !== stored.stream || event.revision !== stored.revision)
      return { event, check: failed('chain', 'ChainBroken', name, `${event.stream} ${event.revision}`) }
    return { event, check: passed('event hash and chain') }
  } catch (error) {
    if (!(error instanceof EventMalformed)) throw error
    return { check: failed('event hash', 'EventMalformed', `${name} as its maker wrote it`, error.found) }
  }
}

/** The root key as the log itself names it. */
const rootOf = async (store: EventStore): Promise<Uint8Array | undefined> => {
  for await (const page of store.read('authority', { from: 0, direction: 'forward' }))
    for (const { text } of page) {
      const { type, data } = JSON.parse(text) as Event<{ purpose?: string; publicKey?: string }>
      if (type === 'KeyIntroduced' && data.purpose === 'root' && data.publicKey) return fromBase64url(data.publicKey)
    }
  return undefined
}

/** One transaction: its events, every check again, its verdicts, its postings and the balance after each. */
export async function* replayTransaction(
  crypto: Crypto,
  store: EventStore,
  transaction: string,
  trusted: Trusted = {},
): AsyncGenerator<ReplayLine> {
  const { terminalStream, verdictStreams, balanceAfter, broken } = await survey(crypto, store, transaction)
  if (terminalStream === undefined)
    throw new NothingToReplay(
      `No event of this log names transaction ${transaction}: it may wait on its terminal still.`,
    )
  const rootPublicKey = trusted.rootPublicKey ?? (await rootOf(store))
  if (!rootPublicKey)
    throw new NothingToReplay('This log names no root key, and none was given: nothing can be trusted.')

  const taps = tapsOfTerminal()
  const storedChecks = new Map<string, boolean>()
  const hashes: string[] = []
  let lastRevision = -1
  let prev: string | undefined
  for await (const page of store.read(terminalStream, { from: 0, direction: 'forward' }))
    for (const stored of page) {
      prev ??= seedOf(crypto, stored)
      const { event, check } = checkEvent(crypto, stored, prev)
      if (!check.pass || !event) {
        yield { line: 'event', event: nameless(stored), check }
        yield { line: 'finding', holds: false, says: `${terminalStream} does not hold at revision ${stored.revision}.` }
        return
      }
      prev = event.hash
      hashes.push(event.hash)
      taps.apply(event)
      const { data } = event as Event<{ transaction?: string; checks?: readonly Check[] }>
      if (data.transaction !== transaction) continue
      lastRevision = stored.revision
      if (!understood(event)) {
        yield { line: 'event', event: shown(event, stored.index), check }
        yield { line: 'finding', holds: false, says: notKnown(event) }
        return
      }
      for (const { check, pass } of data.checks ?? []) storedChecks.set(check, pass)
      yield { line: 'event', event: shown(event, stored.index, summary(event)), check }
    }

  let failure = yield* redone(crypto, taps, transaction, storedChecks, { ...trusted, rootPublicKey })
  if (!failure && verdictStreams.size > 0) {
    const check = await signedHead(crypto, store, taps, hashes, lastRevision)
    yield { line: 'check', check, stored: 'not stored' }
    if (!check.pass) failure = check
  }
  // A check that failed then as well is part of the story: the verdict says what the centre made of it.
  const known = failure && (await knownToCentre(store, verdictStreams, failure))
  if (failure && !known) {
    yield { line: 'finding', holds: false, says: stoppedAt(failure) }
    return
  }
  if (broken) {
    const { stored, check } = broken
    yield { line: 'event', event: nameless(stored), check }
    yield { line: 'finding', holds: false, says: `${stored.stream} does not hold at revision ${stored.revision}.` }
    return
  }
  const recorded = taps.tap(transaction)?.recorded?.data
  let count = 0
  for (const stream of verdictStreams) {
    let before = streamSeed(crypto, stream)
    for await (const page of store.read(stream, { from: 0, direction: 'forward' }))
      for (const stored of page) {
        const { event, check } = checkEvent(crypto, stored, before)
        if (!check.pass || !event) {
          yield { line: 'event', event: nameless(stored), check }
          yield { line: 'finding', holds: false, says: `${stream} does not hold at revision ${stored.revision}.` }
          return
        }
        before = event.hash
        const about = shown(event, stored.index, summary(event))
        yield { line: 'event', event: about, check }
        const known = understood(event)
        if (!known) {
          yield { line: 'finding', holds: false, says: notKnown(event) }
          return
        }
        const judged = verdictFits(known, recorded)
        if (judged) yield { line: 'check', check: judged, stored: 'not stored' }
        if (judged && !judged.pass) {
          yield { line: 'finding', holds: false, says: stoppedAt(judged) }
          return
        }
        const after = balanceAfter.get(event.id) ?? []
        for (const [place, posting] of postingsOf(known).entries()) {
          count += 1
          yield { line: 'posting', event: about, posting, balance: inWords(after[place] ?? 0n, posting.currency) }
        }
      }
  }
  const word = trusted.rootPublicKey ? 'under the root key given' : 'under the root key that this log itself names'
  const says = failure
    ? `The check "${failure.check}" fails (${failure.reason}), and the centre judged it so; every other holds ${word}; ${count} postings follow from its verdicts.`
    : count === 0
      ? `Every check holds ${word}; the centre has made no verdict on it yet.`
      : `Every check holds ${word}; ${count} postings follow from its verdicts.`
  yield { line: 'finding', holds: true, says }
}

/** Did the centre hold the payment for this very reason, or accept it with an exception to look at? */
const knownToCentre = async (
  store: EventStore,
  verdictStreams: ReadonlySet<string>,
  { reason }: Check,
): Promise<boolean> => {
  for (const stream of verdictStreams)
    for await (const page of store.read(stream, { from: 0, direction: 'forward' }))
      for (const { text } of page) {
        const event = understood(trustEvent(text))
        if (event?.type === 'PaymentHeld' && event.data.reason === reason) return true
        if (event?.type === 'PaymentAccepted' && event.data.exceptions.length > 0) return true
      }
  return false
}

/** All postings of an account with the balance after each, by any moment and as known at any index. */
export async function* replayAccount(
  crypto: Crypto,
  store: EventStore,
  account: string,
  options: { readonly at?: string; readonly knownAt?: number } & Trusted,
): AsyncGenerator<ReplayLine> {
  const rootPublicKey = options.rootPublicKey ?? (await rootOf(store))
  const mine = new Set([`payer:${account}`, `commitment:${account}`])
  const limits = new Map<string, bigint>()
  const balances = new Map<string, bigint>()
  const terminals = new Map<string, TapsOfTerminal>()
  const heads = new Map<string, string>()
  let notUnderstood = 0
  let known = false
  if (!rootPublicKey)
    throw new NothingToReplay('This log names no root key, and none was given: nothing can be trusted.')
  reading: for await (const page of store.readAll({ from: 0 }))
    for (const stored of page) {
      if (options.knownAt !== undefined && stored.index > options.knownAt) break reading
      const { event: checked, check } = checkEvent(crypto, stored, heads.get(stored.stream) ?? seedOf(crypto, stored))
      if (!checked || !check.pass) {
        yield { line: 'event', event: nameless(stored), check }
        yield { line: 'finding', holds: false, says: `${stored.stream} does not hold at revision ${stored.revision}.` }
        return
      }
      heads.set(stored.stream, checked.hash)
      const event = understood(checked)
      if (!event) {
        if (touchesMoney(checked)) notUnderstood += 1
        continue
      }
      if (stored.stream.startsWith('terminal-')) {
        const taps = terminals.get(stored.stream) ?? tapsOfTerminal()
        terminals.set(stored.stream, taps)
        taps.apply(event)
        continue
      }
      const dates = datesOf(event)
      if (options.at !== undefined && dates.occurred.at > options.at) continue
      if ((event.type === 'AccountOpened' || event.type === 'CreditLimitSet') && event.data.account === account) {
        limits.set(event.data.currency, BigInt(event.data.limit))
        known = true
        yield { line: 'event', event: shown(event, stored.index, summary(event)), check: passed('event hash') }
        continue
      }
      const postings = postingsOf(event).filter(posting => mine.has(posting.account))
      if (postings.length === 0) continue
      const about = shown(event, stored.index, summary(event))
      yield { line: 'event', event: about, check: passed('event hash') }
      if (event.type === 'PaymentAccepted') {
        const { terminal, transaction } = event.data
        const taps = terminals.get(`terminal-${terminal}`)
        if (taps) {
          const failure = yield* redone(crypto, taps, transaction, new Map(), { ...options, rootPublicKey }, true)
          taps.forget(transaction)
          if (failure && event.data.exceptions.length === 0) {
            const says = `Transaction ${transaction} was accepted, and its check "${failure.check}" fails (${failure.reason}).`
            yield { line: 'finding', holds: false, says }
            return
          }
        }
      }
      for (const posting of postings)
        yield { line: 'posting', event: about, posting, balance: inWords(posted(balances, posting), posting.currency) }
    }
  if (!known) throw new NothingToReplay(`No account ${account} was opened in this log, as far as it was read.`)
  for (const [currency, limit] of limits) {
    const owed = balances.get(`payer:${account}|${currency}`) ?? 0n
    const held = -(balances.get(`commitment:${account}|${currency}`) ?? 0n)
    const figures = { limit, owed, inDispute: 0n, held }
    const left = available(figures)
    const say = (minor: bigint) => formatAmount(minor, currency)
    yield {
      line: 'balance',
      account,
      figures: { currency, limit: say(limit), owed: say(owed), held: say(held), available: say(left) },
      missing: notUnderstood,
    }
  }
  yield { line: 'finding', holds: true, says: `The balance of ${account} follows from the postings above.` }
}

/** Makes a tap's checks again; the first failure, if there is one. */
function* redone(
  crypto: Crypto,
  taps: TapsOfTerminal,
  transaction: string,
  storedChecks: ReadonlyMap<string, boolean>,
  trusted: Trusted & { readonly rootPublicKey: Uint8Array },
  failuresOnly = false,
): Generator<ReplayLine, Check | undefined> {
  const tap = taps.tap(transaction)
  const commissioned = taps.commissioned()
  if (!tap || !commissioned) {
    const check = failed('tap', 'TapMissing', 'a tap before its record', 'none')
    yield { line: 'check', check, stored: 'not stored' }
    return check
  }
  const terminalKey = readCertificate(fromBase64url(commissioned.certificate)).keys.p256
  const { checks, opened } = redoTap(crypto, tap, { ...trusted, terminalKey })
  const all = [...checks]
  if (opened && tap.recorded) {
    const payment = hex(opened.paymentHash)
    const { data } = tap.recorded
    const same = payment === data.payment && `${opened.payment.amount}` === data.amount
    all.push(
      same
        ? passed('recorded payment')
        : failed(
            'recorded payment',
            'PaymentMismatch',
            `${opened.payment.amount} as ${payment}`,
            `${data.amount} as ${data.payment}`,
          ),
    )
  }
  for (const check of all) {
    const held = storedChecks.get(check.check)
    if (!failuresOnly || !check.pass)
      yield { line: 'check', check, stored: held === undefined ? 'not stored' : held ? 'pass' : 'fail' }
    if (!check.pass) return check
  }
  return firstFailure(all)
}

const notKnown = ({ stream, revision, type, schema }: Event): string =>
  `${stream} holds ${type} in shape ${schema} at revision ${revision}, which this version does not know: replay with the version that wrote it.`

const stoppedAt = ({ check, reason }: Check): string => `Stopped at the first check that fails: ${check} (${reason}).`

/** The centre's own word against what the phone signed: by now the record is known to say what that was. */
const verdictFits = (event: TradeEvent, recorded: { readonly amount: string } | undefined): Check | undefined => {
  if ((event.type !== 'PaymentAccepted' && event.type !== 'PaymentHeld') || !recorded) return undefined
  const { gross } = event.data
  const check = 'verdict amount'
  return gross === recorded.amount ? passed(check) : failed(check, 'AmountMismatch', recorded.amount, gross)
}

/**
 * The head that the terminal signed when it sent these events. Whoever alters one can compute the chain anew; the
 * signature over its head needs the terminal's key.
 */
const signedHead = async (
  crypto: Crypto,
  store: EventStore,
  taps: TapsOfTerminal,
  hashes: readonly string[],
  revision: number,
): Promise<Check> => {
  const check = 'signed head'
  const expected = `a head that the terminal signed, at revision ${revision} or after`
  const { terminal = '', certificate = '' } = taps.commissioned() ?? {}
  const terminalKey = readCertificate(fromBase64url(certificate)).keys.p256
  for await (const page of store.read(`intake-${terminal}`, { from: 0, direction: 'forward' }))
    for (const { text } of page) {
      const event = understood(trustEvent(text))
      if (event?.type !== 'BatchAccepted' || event.data.from + event.data.count <= revision) continue
      const { data } = event
      const statement = verifyStatement(crypto, data.statement, terminalKey)
      if (!statement) return failed(check, 'BatchSignatureInvalid', expected, 'another signature')
      const at = statement.from + statement.count - 1
      return statement.head === hashes[at]
        ? passed(check)
        : failed(check, 'HeadMismatch', `${statement.head} at revision ${at}`, hashes[at] ?? 'no event')
    }
  return failed(check, 'BatchMissing', expected, 'none')
}

/**
 * One read of the whole log: where the transaction is told of, and each ledger account's balance after each posting of
 * its verdicts, all that came before included.
 */
const survey = async (crypto: Crypto, store: EventStore, transaction: string) => {
  const named = `"transaction":"${transaction}"`
  let terminalStream: string | undefined
  const verdictStreams = new Set<string>()
  const balances = new Map<string, bigint>()
  const balanceAfter = new Map<string, readonly bigint[]>()
  /** The first event that moves money and is not as its maker wrote it: no balance after it is worth a word. */
  let broken: { readonly stored: StoredEvent; readonly check: Check } | undefined
  for await (const page of store.readAll({ from: 0 }))
    for (const stored of page) {
      const { stream, text, type } = stored
      const mine = text.includes(named)
      if (stream.startsWith('terminal-')) {
        if (mine) terminalStream ??= stream
        continue
      }
      if (mine && stream.startsWith('payment-')) verdictStreams.add(stream)
      if (broken || !knownType(type) || !tradeWords[type].money) continue
      const { event, check } = checkEvent(crypto, stored)
      if (!event || !check.pass) broken = { stored, check }
      else {
        const known = understood(event)
        // Skipped and told below, where it is one of the transaction's own.
        if (!known) continue
        const after = postingsOf(known).map(posting => posted(balances, posting))
        if (mine) balanceAfter.set(event.id, after)
      }
    }
  return { terminalStream, verdictStreams, balanceAfter, broken }
}

/** Adds a posting to the balances; the balance after it, debits above zero. */
const posted = (balances: Map<string, bigint>, { account, currency, side, amount }: Posting): bigint => {
  const key = `${account}|${currency}`
  const balance = (balances.get(key) ?? 0n) + (side === 'debit' ? amount : -amount)
  balances.set(key, balance)
  return balance
}

/** A terminal's first event follows the hash of its certificate, which it carries itself. */
const seedOf = (crypto: Crypto, { text, stream }: StoredEvent): string => {
  try {
    const { data } = JSON.parse(text) as Event<{ certificate?: string }>
    return data.certificate === undefined
      ? streamSeed(crypto, stream)
      : certificateHash(crypto, fromBase64url(data.certificate))
  } catch {
    return streamSeed(crypto, stream)
  }
}

const nameless = ({ index, stream, revision, type, id, storedAt }: StoredEvent): Shown => ({
  index,
  stream,
  revision,
  type,
  id,
  at: storedAt,
  by: 'unknown',
  says: '',
})

const inWords = (minor: bigint, currency: string): string => `${formatAmount(minor, currency)} ${currency}`

/** The few words of an event that a reader looks for first. */
const summary = ({ data }: Event): string => {
  const { amount, gross, limit, currency, reason, counter, receiptNumber, transaction } = data as Record<
    string,
    unknown
  >
  const sum = amount ?? gross ?? limit
  const parts: string[] = []
  if (typeof sum === 'string' && typeof currency === 'string') parts.push(inWords(BigInt(sum), currency))
  if (typeof reason === 'string') parts.push(reason)
  if (typeof counter === 'number') parts.push(`counter ${counter}`)
  if (typeof receiptNumber === 'number') parts.push(`receipt ${receiptNumber}`)
  if (typeof transaction === 'string') parts.push(`transaction ${transaction.slice(0, 8)}`)
  return parts.join(', ')
}

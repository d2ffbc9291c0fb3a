import { type Bytes, base64url, fromBase64url, hex } from '#canonical/bytes'
import { type Check, firstFailure } from '#canonical/check'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import type { License } from '#license'
import { encodePaymentRequest, readDecline } from '#license/records'
import { decodeMessage, findRecord } from '#nfc/ndef'
import { FieldLost } from '#nfc/reader'
import { decodeResponse, encodeRequest, SERVICE_LIMIT, type SnepResponse } from '#nfc/snep'
import { paymentAnswer, single } from './messages.ts'
import { type Attempt, type Deduction, judgeLicense, judgePayment, type OfferedStatus } from './redo.ts'
import type { Rules } from './rules.ts'

/**
 * The terminal's side of a tap, in its published order, without I/O: it yields what it needs done and is told what came
 * of it. Whoever drives it may stop at any yield; what was on disk by then is what is true.
 *
 *     GET #1 → license verified → decide, on disk → PUT → GET #2 → opened → on disk, approved → PUT receipt
 */
export type Step =
  | { readonly do: 'exchange'; readonly message: Message; readonly request: Bytes }
  /** The till decides; with `deduct` or `resume` what it answers is on disk already. */
  | { readonly do: 'decide'; readonly offer: Offer }
  /** The phone does not know the deduction: the till says whether the same PUT is sent again; if so, it is on disk. */
  | { readonly do: 'resend'; readonly transaction: string }
  /** Put the opened payment on disk; the answer is the receipt to hand over. */
  | { readonly do: 'record'; readonly opened: Opened }
  | { readonly do: 'reject'; readonly rejected: Rejected }
  | { readonly do: 'declined'; readonly transaction: string; readonly reason: string; readonly message: string }
  /** The phone holds back for an earlier payment to this terminal; a receipt, if we have one, settles that. */
  | { readonly do: 'earlier'; readonly transaction: string }
  | { readonly do: 'pause'; readonly wait_ms: number }

export type Message = 'GET #1' | 'PUT' | 'GET #2' | 'PUT receipt'

export type Reply =
  | { readonly type: 'Answered'; readonly response: Bytes; readonly roundTrip_ms: number }
  | { readonly type: 'Decided'; readonly decision: Decision }
  | { readonly type: 'Receipt'; readonly receipt: Bytes | undefined }
  /** Undefined where the PUT goes out again. */
  | { readonly type: 'Resend'; readonly refused: { readonly reason: string; readonly message: string } | undefined }
  | { readonly type: 'Done' }

export type Offer = {
  readonly getResponse: Bytes
  readonly checks: readonly Check[]
  /** Absent where the answer had no license in it. */
  readonly license?: License
  readonly status?: OfferedStatus
  /** Present where the tap ends here, whatever the till thinks. */
  readonly refused?: { readonly reason: string; readonly message: string }
}

export type Decision =
  | { readonly type: 'refused'; readonly reason: string; readonly message: string }
  | { readonly type: 'deduct'; readonly deduction: Deduction }
  /** The same phone in the same sale: it is asked for the same transaction first. */
  | { readonly type: 'resume'; readonly deduction: Deduction }

export type Opened = {
  readonly transaction: string
  readonly payment: string
  readonly sealedIn: number
  readonly response: Bytes
  readonly checks: readonly Check[]
  readonly allowanceLeft: bigint
  readonly roundTrip_ms: number
}

export type Rejected = {
  readonly transaction: string
  readonly response: Bytes
  readonly checks: readonly Check[]
  readonly reason: string
  readonly message: string
}

/** What is made before the phone comes: this tap's key, and GET #1 with it. */
export type Prepared = { readonly tap: number; readonly sealing: KeyPair; readonly getRequest: Bytes }

export type Ended =
  | { readonly outcome: 'approved'; readonly transaction: string }
  | { readonly outcome: 'declined'; readonly reason: string; readonly message: string }

const consentAsk_ms = 250
/** Half a minute: a phone that says "pending" for ever must not hold the till. */
const consentAsksMax = 120
const noChecks: readonly Check[] = []

export function* takeTap(
  crypto: Crypto,
  prepared: Prepared,
  rules: Rules,
  currency: string,
  now_s: number,
  /** Reasons that a supervisor let pass for this sale: the till decides whether that was lawful. */
  waived: readonly string[] = [],
): Generator<Step, Ended, Reply> {
  const asked = yield* exchange('GET #1', {
    code: 'GET',
    acceptableLength: SERVICE_LIMIT,
    information: prepared.getRequest,
  })
  if (asked.response.code === 'NOT FOUND')
    return yield* refuse({ getResponse: asked.response.information, checks: noChecks, refused: noAccount })
  assertSuccess(asked.response)
  const getResponse = asked.response.information
  const offer = readOffer(crypto, prepared, getResponse, rules, currency, now_s, waived)
  if (offer.refused) return yield* refuse(offer)

  const decision = yield* decide(offer)
  if (decision.type === 'refused') return { outcome: 'declined', ...message(decision) }
  const license = offer.license as License

  if (decision.type === 'resume') {
    const { transaction } = decision.deduction
    const ended = yield* fetchPayment(crypto, decision.deduction, license, rules)
    if (ended !== 'unknown') return ended
    // What the phone has paid was fetched, whatever stands against this till now. To ask anew is to take a payment.
    const refused = yield* resend(transaction)
    if (refused) {
      yield { do: 'declined', transaction, ...message(refused) }
      return { outcome: 'declined', ...message(refused) }
    }
    const here: Attempt = {
      ...attemptOf(prepared),
      getResponse,
      put: (decision.deduction.attempts.at(-1) as Attempt).put,
    }
    const again = { ...decision.deduction, attempts: [...decision.deduction.attempts, here] }
    return yield* payAndFetch(crypto, again, license, rules)
  }
  return yield* payAndFetch(crypto, decision.deduction, license, rules)
}

/** PUT, then GET #2. The deduction is on disk before this begins. */
function* payAndFetch(
  crypto: Crypto,
  deduction: Deduction,
  license: License,
  rules: Rules,
): Generator<Step, Ended, Reply> {
  const { transaction } = deduction
  const { put } = deduction.attempts.at(-1) as Attempt
  for (let tries = 0; ; tries++) {
    const { response, roundTrip_ms } = yield* exchange('PUT', { code: 'PUT', information: put })
    const declined = declineIn(response) ?? relayed(roundTrip_ms, rules.policy?.roundTrip_ms)
    if (!declined) {
      const ended = yield* fetchPayment(crypto, deduction, license, rules, roundTrip_ms)
      if (ended !== 'unknown') return ended
    }
    // A phone that took the PUT and then knows nothing of it has made no payment.
    const decline: PhoneDecline = declined ?? {
      reason: 'TransactionUnknown',
      message: declineMessage('unknown transaction'),
    }
    if (decline.earlier !== undefined && tries === 0) {
      const receipt = yield* settleEarlier(decline.earlier)
      if (receipt) {
        yield* exchange('PUT receipt', { code: 'PUT', information: single('receipt', receipt) })
        continue
      }
    }
    yield { do: 'declined', transaction, ...message(decline) }
    return { outcome: 'declined', ...message(decline) }
  }
}

/** The PUT waits for no person: an answer that took longer than the policy's bound may have come from far away. */
const relayed = (roundTrip_ms: number, max_ms: number | undefined): PhoneDecline | undefined =>
  // Without a bound nothing is within it: a policy that was lost meanwhile allows nothing.
  max_ms !== undefined && roundTrip_ms <= max_ms
    ? undefined
    : {
        reason: 'RoundTripExceeded',
        message: `The phone took ${roundTrip_ms} ms to answer; ${max_ms ?? 0} ms are allowed. Let it tap again, held close.`,
      }

/**
 * The phone of a torn tap answered from too far away. It may have paid, so nothing is settled: the tap is torn again, and
 * what was paid is fetched when the phone is held close.
 */
export class AnsweredLate extends Error {
  readonly code = 'AnsweredLate'
}

/**
 * GET #2 until the holder has consented; then open, check, record, and hand over the receipt. In a tap that is resumed
 * no PUT was answered: its round trip is that of the GET #2 that brought the payment, which waits for no person either.
 */
function* fetchPayment(
  crypto: Crypto,
  deduction: Deduction,
  license: License,
  { policy }: Rules,
  putRoundTrip_ms?: number,
): Generator<Step, Ended | 'unknown', Reply> {
  const { transaction } = deduction
  const information = single('payment-request', encodePaymentRequest({ transaction: fromHexId(transaction) }))
  let asks = 0
  for (;;) {
    const { response, roundTrip_ms } = yield* exchange('GET #2', {
      code: 'GET',
      acceptableLength: SERVICE_LIMIT,
      information,
    })
    const decline = declineIn(response)
    if (decline?.reason === 'TransactionUnknown') return 'unknown'
    if (decline?.reason === 'ConsentPending') {
      asks += 1
      if (asks > consentAsksMax) throw new FieldLost('the holder did not consent in time')
      yield { do: 'pause', wait_ms: consentAsk_ms }
      continue
    }
    if (decline) {
      yield { do: 'declined', transaction, ...message(decline) }
      return { outcome: 'declined', ...message(decline) }
    }
    const far = putRoundTrip_ms === undefined ? relayed(roundTrip_ms, policy?.roundTrip_ms) : undefined
    if (far) throw new AnsweredLate(far.message)
    // An answer that cannot be read may hide a payment: the tap is torn, and the phone is asked again.
    paymentAnswer(response.information)
    const judged = judgePayment(crypto, deduction, license, response.information)
    const failure = firstFailure(judged.checks)
    // What does not open under the payer's key proves nothing of the payer: octets may have been spoiled on their way,
    // and the phone may have paid. Only what that key sealed or signed can be refused for good.
    if (failure && !judged.checks.some(({ pass }) => pass))
      throw new Malformed('payment', 0, failure.found ?? 'octets that do not open')
    if (failure || !judged.opened) {
      const rejected = {
        transaction,
        response: response.information,
        checks: judged.checks,
        reason: failure?.reason ?? 'PaymentMalformed',
        message:
          'The phone answered with a payment that does not hold. Nothing was recorded as paid; the phone must see its issuer.',
      }
      yield { do: 'reject', rejected }
      return { outcome: 'declined', ...message(rejected) }
    }
    const receipt = yield* record({
      transaction,
      payment: hex(judged.opened.paymentHash),
      sealedIn: judged.opened.sealedIn,
      response: response.information,
      checks: judged.checks,
      allowanceLeft: judged.opened.payment.allowanceAfter,
      roundTrip_ms: putRoundTrip_ms ?? roundTrip_ms,
    })
    if (receipt) yield* exchange('PUT receipt', { code: 'PUT', information: single('receipt', receipt) })
    return { outcome: 'approved', transaction }
  }
}

/**
 * Reads and checks the first answer; every way in which it can be wrong has its reason. One that cannot be read at all
 * is dropped (`Malformed`), and the phone may tap again.
 */
const readOffer = (
  crypto: Crypto,
  prepared: Prepared,
  getResponse: Bytes,
  rules: Rules,
  currency: string,
  now_s: number,
  waived: readonly string[],
): Offer => {
  const judged = judgeLicense(crypto, { ...attemptOf(prepared), getResponse }, rules, currency, now_s, waived)
  if (judged.malformed) throw judged.malformed
  const { checks, license, status, decline } = judged
  const failure = firstFailure(checks.filter(({ reason }) => !waived.includes(reason ?? '')))
  const refused = decline
    ? { reason: phoneReason(decline.reason), message: declineMessage(decline.reason) }
    : failure
      ? { reason: failure.reason as string, message: refusalWords(failure) }
      : undefined
  return {
    getResponse,
    checks,
    ...(license ? { license } : {}),
    ...(status ? { status } : {}),
    ...(refused ? { refused } : {}),
  }
}

const refusalWords = ({ check, expected, found }: Check): string =>
  `The phone's license does not hold (${check}: expected ${expected}, found ${found}). Ask for another means of payment.`

const attemptOf = ({ tap, sealing, getRequest }: Prepared) => ({ tap, sealing, getRequest })

const message = ({ reason, message }: { readonly reason: string; readonly message: string }) => ({ reason, message })

const fromHexId = (transaction: string): Bytes =>
  Uint8Array.from(transaction.match(/../g) ?? [], octet => Number.parseInt(octet, 16))

const noAccount = {
  reason: 'NoAccount',
  message: 'This phone has no account with this authority. Ask for another means of payment.',
}

/**
 * A refusal in the trade is a success that carries a `decline`. Any other code says that the radio did not work, and
 * nothing of what the phone has paid: a tap that it ends is torn, never declined.
 */
const assertSuccess = ({ code }: SnepResponse): void => {
  if (code !== 'SUCCESS') throw new Malformed('snep', 1, `the phone answered ${code}`)
}

type PhoneDecline = { readonly reason: string; readonly message: string; readonly earlier?: string }

/** The phone's own "no"; undefined where it said yes. */
const declineIn = (response: SnepResponse): PhoneDecline | undefined => {
  assertSuccess(response)
  if (response.information.length === 0) return undefined
  const record = findRecord(decodeMessage(response.information), 'decline')
  if (!record) return undefined
  const { reason, transaction } = readDecline(record.payload)
  const said = { reason: phoneReason(reason), message: declineMessage(reason) }
  return transaction === undefined ? said : { ...said, earlier: hex(transaction) }
}

/** The phone's words on the air and what they mean to a cashier: one table for both sides. */
export const phoneDeclines = {
  'unknown terminal': [
    'TerminalUnknown',
    'The phone does not know this terminal. Let the terminal reach the centre, which renews its certificate.',
  ],
  'terminal clock': [
    'TerminalClockOff',
    'The phone’s clock and this terminal’s differ by more than an hour: set the terminal’s clock, then let the phone tap again.',
  ],
  locked: ['PhoneLocked', 'The phone is locked: let its holder unlock it and tap again.'],
  renewing: [
    'PhoneRenewing',
    'The phone has asked for a new license and waits for the answer: let it go online once, then tap again.',
  ],
  pending: ['ConsentPending', 'The phone waits for its holder to consent.'],
  'unknown transaction': ['TransactionUnknown', 'The phone does not know this transaction.'],
  'earlier payment open': [
    'EarlierPaymentOpen',
    'An earlier payment of this phone to this terminal has no receipt: its holder must look at it and consent on the phone.',
  ],
  'license unknown': [
    'LicenseMismatch',
    'The deduction names a license that the phone does not hold. Let it tap again.',
  ],
  'counter differs': [
    'CounterMismatch',
    'The deduction names another payment than the phone\u2019s next. Let it tap again.',
  ],
  currency: ['CurrencyMismatch', 'The phone pays in another currency.'],
  'per transaction': ['PhoneLimitExceeded', 'The amount is more than the phone pays offline at once.'],
  allowance: [
    'AllowanceExceeded',
    'The phone has not that much left to use offline. Ask for another means of payment.',
  ],
  consecutive: ['OfflineCountExceeded', 'The phone must go online once before it pays offline again.'],
  'bad deduction': ['DeductionRefused', 'The phone did not accept the terminal\u2019s request. Let it tap again.'],
  refused: ['HolderRefused', 'The holder refused on the phone.'],
} as const satisfies Record<string, readonly [string, string]>
export type PhoneDeclineWord = keyof typeof phoneDeclines

const known = (reason: string): readonly [string, string] | undefined =>
  Object.hasOwn(phoneDeclines, reason) ? phoneDeclines[reason as PhoneDeclineWord] : undefined
const phoneReason = (reason: string): string => known(reason)?.[0] ?? 'PhoneDeclined'
const declineMessage = (reason: string): string => known(reason)?.[1] ?? `The phone declined: ${reason.slice(0, 80)}.`

/* Typed yields: each asks one thing and gives the reply that belongs to it. */

function* exchange(
  message: Message,
  request: Parameters<typeof encodeRequest>[0],
): Generator<Step, { response: SnepResponse; roundTrip_ms: number }, Reply> {
  const reply = yield { do: 'exchange', message, request: encodeRequest(request) }
  if (reply.type !== 'Answered') throw new TypeError(`An exchange was answered with ${reply.type}`)
  const response = decodeResponse(reply.response)
  if (response.information.length > SERVICE_LIMIT)
    throw new Malformed('snep', 2, `${response.information.length} octets are more than this service takes`)
  return { response, roundTrip_ms: reply.roundTrip_ms }
}

function* decide(offer: Offer): Generator<Step, Decision, Reply> {
  const reply = yield { do: 'decide', offer }
  if (reply.type !== 'Decided') throw new TypeError(`A decision was answered with ${reply.type}`)
  return reply.decision
}

function* refuse(offer: Offer): Generator<Step, Ended, Reply> {
  yield { do: 'decide', offer }
  return { outcome: 'declined', ...message(offer.refused as { reason: string; message: string }) }
}

function* record(opened: Opened): Generator<Step, Bytes | undefined, Reply> {
  const reply = yield { do: 'record', opened }
  if (reply.type !== 'Receipt') throw new TypeError(`A record was answered with ${reply.type}`)
  return reply.receipt
}

function* resend(
  transaction: string,
): Generator<Step, { readonly reason: string; readonly message: string } | undefined, Reply> {
  const reply = yield { do: 'resend', transaction }
  if (reply.type !== 'Resend') throw new TypeError(`A PUT to be sent again was answered with ${reply.type}`)
  return reply.refused
}

function* settleEarlier(transaction: string): Generator<Step, Bytes | undefined, Reply> {
  const reply = yield { do: 'earlier', transaction }
  if (reply.type !== 'Receipt') throw new TypeError(`An earlier payment was answered with ${reply.type}`)
  return reply.receipt
}

/** Attempts as the log has them, in octets again. */
export const attemptFrom = (stored: {
  readonly tap: number
  readonly sealing: { readonly publicKey: string; readonly privateKey: string }
  readonly getRequest: string
  readonly getResponse: string
  readonly put?: string
}): Attempt => ({
  tap: stored.tap,
  sealing: {
    curve: 'P-256',
    publicKey: fromBase64url(stored.sealing.publicKey),
    privateKey: fromBase64url(stored.sealing.privateKey),
  },
  getRequest: fromBase64url(stored.getRequest),
  getResponse: fromBase64url(stored.getResponse),
  put: fromBase64url(stored.put ?? ''),
})

export const sealingText = (key: KeyPair) => ({
  publicKey: base64url(key.publicKey),
  privateKey: base64url(key.privateKey),
})

import { type Bytes, fromBase64url, hex } from '#canonical/bytes'
import { type Check, failed, firstFailure, passed } from '#canonical/check'
import type { Crypto } from '#canonical/crypto'
import { type Event, upcast } from '#canonical/event'
import { Malformed } from '#canonical/malformed'
import type { License } from '#license'
import { checkTac } from '#license/checks'
import type { OpenedPayment } from '#license/payment'
import { verifyDeduction } from '#license/records'
import { minorUnits, zero } from '#money'
import { recordOf } from '#tap/messages'
import { type Attempt, type Deduction, judgeLicense, judgePayment } from '#tap/redo'
import { type AdoptedRules, rulesFrom } from '#tap/rules'
import { attemptFrom } from '#tap/terminal'
import { type TillEvent, tillWords } from '#till/events'

/**
 * A terminal's log read as taps: for each transaction the frames of every meeting, the rules in force, and what was
 * recorded. From these every check can be made again, by the centre before its verdict and by a replay at any time.
 */
export type TapRecord = {
  readonly transaction: string
  readonly sale: string
  readonly rules: AdoptedRules | undefined
  /** Where the terminal stood at the last meeting, by the centre's signed word; none before the first. */
  readonly place: AdoptedPlace | undefined
  /** The one that stood in for its first. */
  readonly certificate: AdoptedCertificate | undefined
  /** The terminal's time at the last meeting: under which dates were checked. */
  readonly startedAt: string
  readonly amount: string
  readonly currency: string
  readonly attempts: readonly StoredAttempt[]
  readonly deduction: DataOf<'DeductionRequested'> | undefined
  readonly allowanceBefore: string | undefined
  readonly response: string | undefined
  readonly recorded: TillEventOf<'TransactionRecorded'> | undefined
  /** Ids of the events that made it, in order. */
  readonly events: readonly string[]
}

type StoredAttempt = Parameters<typeof attemptFrom>[0]
type DataOf<Type extends TillEvent['type']> = Extract<TillEvent, { type: Type }>['data']
type TillEventOf<Type extends TillEvent['type']> = Event<DataOf<Type>> & { readonly type: Type }

/** As the terminal recorded it, under the rules of that time: whoever relies on it verifies the document by them. */
export type AdoptedPlace = { readonly word: DataOf<'AssignmentAdopted'>; readonly rules: AdoptedRules | undefined }
export type AdoptedCertificate = { readonly text: string; readonly rules: AdoptedRules | undefined }

export type TapsOfTerminal = {
  /** What a newer till wrote is passed over: the reader says so. */
  apply(event: Event): void
  tap(transaction: string): TapRecord | undefined
  /** What the terminal said of itself at its commissioning. */
  commissioned(): DataOf<'TerminalCommissioned'> | undefined
  rules(): AdoptedRules | undefined
  /** The centre's word on where it stands, that was adopted before its day was opened. */
  place(): AdoptedPlace | undefined
  /** Which rule a supervisor had this transaction pass, and who it was. */
  overridden(transaction: string): string | undefined
  /** Lets go of a transaction that nothing more will be asked of. */
  forget(transaction: string): void
}

export const tapsOfTerminal = (): TapsOfTerminal => {
  const taps = new Map<string, TapRecord>()
  const overrides = new Map<string, string>()
  let commissioned: DataOf<'TerminalCommissioned'> | undefined
  let rules: AdoptedRules | undefined
  let assigned: AdoptedPlace | undefined
  let place: AdoptedPlace | undefined
  let certificate: AdoptedCertificate | undefined

  const change = (transaction: string, event: Event, next: (held: TapRecord) => Partial<TapRecord>): void => {
    const held = taps.get(transaction)
    if (held) taps.set(transaction, { ...held, ...next(held), events: [...held.events, event.id] })
  }

  return {
    apply: stored => {
      const event = upcast(stored, tillWords)
      if (!event) return
      switch (event.type) {
        case 'TerminalCommissioned':
          commissioned = event.data
          return
        case 'RulesAdopted':
          rules = event.data
          return
        case 'AssignmentAdopted':
          assigned = { word: event.data, rules }
          return
        case 'DayOpened':
        case 'DayRolledOver':
          place = assigned
          return
        case 'TapStarted': {
          const { transaction, sale, amount, currency, tap, sealing, getRequest, getResponse } = event.data
          const held = taps.get(transaction)
          const attempt: StoredAttempt = { tap, sealing, getRequest, getResponse }
          taps.set(transaction, {
            transaction,
            sale,
            amount,
            currency,
            rules,
            place,
            certificate,
            startedAt: event.at,
            attempts: [...(held?.attempts ?? []), attempt],
            deduction: held?.deduction,
            allowanceBefore: held?.allowanceBefore,
            response: held?.response,
            recorded: held?.recorded,
            events: [...(held?.events ?? []), event.id],
          })
          return
        }
        case 'LicenseVerified':
          change(event.data.transaction, event, held => ({
            allowanceBefore: held.allowanceBefore ?? event.data.allowanceBefore,
          }))
          return
        case 'DeductionRequested':
          change(event.data.transaction, event, held => ({
            deduction: event.data,
            attempts: held.attempts.map(attempt =>
              attempt.tap === event.data.tap ? { ...attempt, put: event.data.put } : attempt,
            ),
          }))
          return
        case 'PayloadDecrypted':
        case 'PayloadRejected':
          change(event.data.transaction, event, () => ({ response: event.data.response }))
          return
        case 'TransactionRecorded':
          change(event.data.transaction, event, () => ({ recorded: event }))
          return
        case 'LicenseRejected':
        case 'TapTorn':
        case 'TapResolved':
        case 'TransactionVoided':
        case 'RefundRecorded':
          change(event.data.transaction, event, () => ({}))
          return
        case 'TransactionDeclined':
          change(event.data.transaction, event, () => ({}))
          return
        case 'CertificateAdopted':
          certificate = { text: event.data.certificate, rules }
          return
        case 'SupervisorOverrode':
          overrides.set(event.data.transaction, `${event.data.rule} by ${event.data.supervisor}`)
          return
        case 'ClockObserved':
        case 'CentreAcknowledged':
        case 'CheckpointRefused':
        case 'DayClosed':
        case 'CashierSignedOn':
        case 'CashierSignedOff':
        case 'StaffAppointed':
        case 'StaffDismissed':
        case 'ReceiptReprinted':
          return
      }
    },
    tap: transaction => taps.get(transaction),
    commissioned: () => commissioned,
    rules: () => rules,
    place: () => place,
    overridden: transaction => overrides.get(transaction),
    forget: transaction => {
      overrides.delete(transaction)
      taps.delete(transaction)
    },
  }
}

export const deductionOf = (tap: TapRecord): Deduction | undefined => {
  const { deduction, allowanceBefore, transaction } = tap
  if (!deduction) return undefined
  const { counter, license, currency, amount } = deduction
  return {
    transaction,
    amount: minorUnits(amount),
    currency,
    card: tap.recorded?.data.card ?? '',
    license,
    counter,
    allowanceBefore: allowanceBefore === undefined ? zero : minorUnits(allowanceBefore),
    attempts: tap.attempts.map(attemptFrom),
  }
}

export type RedoneTap = {
  readonly checks: readonly Check[]
  readonly license?: License
  /** The octets that it was read from. */
  readonly licenseBytes?: Bytes
  readonly opened?: OpenedPayment
  /** The rules that the checks were made under, by version. */
  readonly rules: { readonly policy?: number; readonly denyList?: number; readonly keySet?: number }
}

/**
 * Every check of the tap again, in the protocol's order, from the raw octets under the rules in force at the tap. The
 * TAC is checked where the key for it is given: only the authority has it.
 */
export const redoTap = (crypto: Crypto, tap: TapRecord, trusted: TrustedKeys): RedoneTap => {
  try {
    return redo(crypto, tap, trusted)
  } catch (error) {
    // What a hostile terminal wrote must hold its own payment, and never stop the judging of others.
    const found = error instanceof Error ? error.message : String(error)
    return { checks: [failed('tap readable', 'TapMalformed', 'frames and keys of a tap', found)], rules: {} }
  }
}

export type TrustedKeys = {
  readonly rootPublicKey: Uint8Array
  /** The terminal's P-256 key, as its certificate has it. */
  readonly terminalKey: Uint8Array
  readonly tacKeyFor?: (license: License) => Uint8Array
}

const redo = (crypto: Crypto, tap: TapRecord, trusted: TrustedKeys): RedoneTap => {
  const { rootPublicKey, terminalKey, tacKeyFor } = trusted
  const rules = tap.rules
    ? rulesFrom(crypto, rootPublicKey, tap.rules)
    : { keySet: undefined, denyList: undefined, policy: undefined }
  const versions = {
    ...(rules.policy ? { policy: rules.policy.version } : {}),
    ...(rules.denyList ? { denyList: rules.denyList.version } : {}),
    ...(rules.keySet ? { keySet: rules.keySet.version } : {}),
  }
  const attempts = tap.attempts.map(attemptFrom)
  const now_s = Math.floor(Date.parse(tap.startedAt) / 1000)
  const { checks, license, licenseBytes } = judgeLicense(crypto, attempts.at(-1) as Attempt, rules, tap.currency, now_s)
  const named = license && licenseBytes ? { license, licenseBytes } : {}
  const deduction = deductionOf(tap)
  if (!license || !deduction || tap.response === undefined) return { checks, ...named, rules: versions }
  const judged = judgePayment(crypto, deduction, license, fromBase64url(tap.response))
  const all = [...checks, checkDeduction(crypto, deduction, terminalKey), ...judged.checks]
  if (judged.opened && tacKeyFor && !firstFailure(judged.checks))
    all.push(checkTac(crypto, judged.opened.payment, tacKeyFor(license)))
  return { checks: all, ...named, rules: versions, ...(judged.opened ? { opened: judged.opened } : {}) }
}

/** What the terminal recorded is what the payer signed: payment, amount and currency. */
export const checkRecorded = (
  { payment, paymentHash }: OpenedPayment,
  recorded: { readonly payment: string; readonly amount: string; readonly currency: string },
): Check => {
  const [expected, found] = [
    `${payment.amount} ${payment.currency} as ${hex(paymentHash)}`,
    `${recorded.amount} ${recorded.currency} as ${recorded.payment}`,
  ]
  const check = 'recorded payment'
  return expected === found ? passed(check) : failed(check, 'PaymentMismatch', expected, found)
}

/** A log may be copied: the PUT must be this terminal's own word, for this transaction. */
const checkDeduction = (
  crypto: Crypto,
  { attempts, transaction, amount }: Deduction,
  terminalKey: Uint8Array,
): Check => {
  const puts = attempts.filter(({ put }) => put.length > 0)
  const check = 'deduction signature'
  const expected = `a deduction of ${amount} for ${transaction}, signed by this terminal`
  for (const { put } of puts) {
    try {
      const asked = verifyDeduction(crypto, recordOf(put, 'deduction'), terminalKey)
      if (!asked) return failed(check, 'DeductionForeign', expected, 'another signature')
      if (hex(asked.transaction) !== transaction || asked.amount !== amount)
        return failed(check, 'DeductionForeign', expected, `${asked.amount} for ${hex(asked.transaction)}`)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      return failed(check, 'DeductionForeign', expected, error.message)
    }
  }
  return puts.length > 0 ? passed(check) : failed(check, 'DeductionForeign', expected, 'none')
}

import type { Check } from '#canonical/check'
import type { Refusal } from '#canonical/decider'
import type { Policy } from '#license/rules'
import { type Amount, type Currency, formatAmount, minorUnits } from '#money'
import type { DayTotals, TillEvent } from './events.ts'

/**
 * The till: what a terminal decides about its day, its limits, its taps and its reversals. It is fed by its own log
 * alone, and the log by it alone.
 */

/* ------------------------------------------------------------------ words */

export type Attempt = {
  readonly tap: number
  readonly sealing: { readonly publicKey: string; readonly privateKey: string }
  readonly getRequest: string
  readonly getResponse: string
  /** Present once the PUT is on disk, that is, may have reached the phone. */
  readonly put?: string
}

/** A deduction that a phone may have granted and that nothing has settled yet. */
export type OpenDeduction = {
  readonly transaction: string
  readonly sale: string
  readonly license: string
  readonly card: string
  readonly counter: number
  readonly amount: Amount
  readonly currency: Currency
  readonly allowanceBefore: Amount
  readonly attempts: readonly Attempt[]
  /** A tap of it was torn at least once. */
  readonly torn: boolean
  /** A tap of it is going on, or was when the terminal stopped. */
  readonly live: boolean
}

export type Recorded = {
  readonly transaction: string
  readonly sale: string
  readonly amount: Amount
  readonly currency: Currency
  readonly card: string
  readonly license: string
  readonly payment: string
  readonly receiptNumber: number
  readonly businessDate: string
  readonly occurred: string
  readonly allowanceLeft: Amount
  readonly revision: number
  readonly reversed: Amount
  readonly voided: boolean
}

export type SaleState = 'waiting' | 'tapping' | 'approved' | 'declined' | 'torn' | 'cancelled'

export type Sale = {
  readonly sale: string
  readonly amount: Amount
  readonly currency: Currency
  readonly state: SaleState
  readonly reference?: string
  readonly idempotencyKey?: string
  readonly transaction?: string
  /** Why it is declined or torn. */
  readonly because?: { readonly reason: string; readonly message: string }
}

export type TapStart = {
  readonly tap: number
  readonly transaction: string
  readonly sale: Sale
  readonly radio: 'loopback' | 'iso-dep' | 'nfc-dep'
  readonly sealing: { readonly publicKey: string; readonly privateKey: string }
  readonly getRequest: string
  readonly getResponse: string
}

export type LicenseFacts = {
  readonly license: string
  readonly card: string
  readonly allowance: Amount
  readonly allowanceLeft: Amount
  readonly perTransaction: Amount
  readonly consecutive: number
  readonly counterAtIssue: number
  /** The phone's own count so far; the payment must bear the next. */
  readonly counter: number
}

/** An act of giving back: its id stands for this and nothing else. */
type Reversing = { readonly kind: 'void' | 'refund'; readonly transaction: string; readonly amount: Amount }

type Reversal = {
  readonly reversal: string
  readonly transaction: string
  readonly occurred: string
}

export type TillCommand =
  | ({ readonly type: 'Commission' } & Extract<TillEvent, { type: 'TerminalCommissioned' }>['data'])
  | ({ readonly type: 'AdoptRules' } & Extract<TillEvent, { type: 'RulesAdopted' }>['data'])
  | ({ readonly type: 'AcknowledgeByCentre' } & Extract<TillEvent, { type: 'CentreAcknowledged' }>['data'])
  | ({ readonly type: 'RefuseCheckpoint' } & Extract<TillEvent, { type: 'CheckpointRefused' }>['data'])
  | { readonly type: 'OpenDay'; readonly businessDate: string; readonly today: string }
  | { readonly type: 'CloseDay'; readonly currency: Currency; readonly revision: number; readonly head: string }
  | {
      readonly type: 'RequestDeduction'
      readonly start: TapStart
      readonly checks: readonly Check[]
      readonly license: LicenseFacts
      readonly put: string
      readonly policy: Policy | undefined
      readonly clock: TillClock
    }
  | { readonly type: 'ResendDeduction'; readonly transaction: string; readonly tap: number }
  | {
      readonly type: 'DeclineTap'
      readonly start: TapStart
      readonly checks: readonly Check[]
      /** Absent where the license itself was refused. */
      readonly license?: Pick<LicenseFacts, 'license' | 'card' | 'allowanceLeft'>
      readonly reason: string
      readonly message: string
    }
  | {
      readonly type: 'AskAgain'
      readonly start: TapStart
      readonly checks: readonly Check[]
      readonly license: Pick<LicenseFacts, 'license' | 'card' | 'allowanceLeft'>
    }
  | {
      readonly type: 'RecordTap'
      readonly transaction: string
      readonly tap: number
      readonly sealedIn: number
      readonly response: string
      readonly payment: string
      readonly allowanceLeft: Amount
      readonly checks: readonly Check[]
      readonly roundTrip_ms: number
      readonly occurred: string
    }
  | {
      readonly type: 'RejectPayload'
      readonly transaction: string
      readonly tap: number
      readonly response: string
      readonly checks: readonly Check[]
      readonly reason: string
      readonly message: string
    }
  | { readonly type: 'AcceptDecline'; readonly transaction: string; readonly reason: string; readonly message: string }
  | { readonly type: 'TearTap'; readonly transaction: string; readonly tap: number; readonly during: string }
  | { readonly type: 'AbandonSale'; readonly sale: string }
  | ({ readonly type: 'VoidTransaction' } & Reversal)
  | ({ readonly type: 'RefundTransaction'; readonly amount: Amount } & Reversal)

export type TillClock = {
  readonly now_ms: number
  /** When the centre last answered; undefined if it never did. */
  readonly lastSync_ms: number | undefined
}

/* ------------------------------------------------------------------ state */

export type Till = {
  commissioned: Extract<TillEvent, { type: 'TerminalCommissioned' }>['data'] | undefined
  rules: Extract<TillEvent, { type: 'RulesAdopted' }>['data'] | undefined
  day: { readonly businessDate: string; readonly firstRevision: number; readonly totals: DayTotals } | undefined
  lastDay: string | undefined
  tap: number
  receiptNumber: number
  readonly recorded: Map<string, Recorded>
  readonly open: Map<string, OpenDeduction>
  readonly sales: Map<string, Sale>
  readonly saleByKey: Map<string, string>
  /** What each reversal's id stands for. */
  readonly reversals: Map<string, Reversing>
  /** Attempts by transaction that have no deduction yet: between `TapStarted` and what follows in the same append. */
  readonly started: Map<string, Attempt>
  readonly verified: Map<string, { readonly card: string; readonly allowanceBefore: Amount }>
  /** Recorded on this terminal and not yet acknowledged by the centre, oldest first. */
  waiting: Recorded[]
  readonly spentByLicense: Map<string, bigint>
  acknowledgedTo: number
  /** The newest checkpoint of the centre's log that this log names. */
  checkpoint: string | undefined
  /** The one that was refused last. */
  refused: string | undefined
}

const nothing: DayTotals['sales'] = { count: 0, sum: '0' }
const noTotals: DayTotals = { sales: nothing, voids: nothing, refunds: nothing, declined: nothing, torn: nothing }

/** A till that has no log yet. Its maps grow in place: copying them for every tap would cost more with each tap. */
export const emptyTill = (): Till => ({
  commissioned: undefined,
  rules: undefined,
  day: undefined,
  lastDay: undefined,
  tap: 0,
  receiptNumber: 0,
  recorded: new Map(),
  open: new Map(),
  sales: new Map(),
  saleByKey: new Map(),
  reversals: new Map(),
  started: new Map(),
  verified: new Map(),
  waiting: [],
  spentByLicense: new Map(),
  acknowledgedTo: -1,
  checkpoint: undefined,
  refused: undefined,
})

/** What the till shows as waiting for the centre. */
export const waitingOf = (till: Till): { count: number; sum: bigint } => ({
  count: till.waiting.length,
  sum: till.waiting.reduce((sum, recorded) => sum + recorded.amount, 0n),
})

/** The centre holds everything up to this revision. Kept beside the log, not in it. */
export const acknowledge = (till: Till, revision: number): void => {
  if (revision <= till.acknowledgedTo) return
  till.acknowledgedTo = revision
  till.waiting = till.waiting.filter(recorded => recorded.revision > revision)
}

/** The centre went back, and holds this terminal's log only up to this revision: what comes after waits again. */
export const takeBack = (till: Till, revision: number): void => {
  till.acknowledgedTo = revision
  till.waiting = [...till.recorded.values()].filter(recorded => recorded.revision > revision)
}

/* ----------------------------------------------------------------- decide */

export const decide = (command: TillCommand, till: Till): TillEvent[] | Refusal => {
  switch (command.type) {
    case 'Commission': {
      if (till.commissioned) return []
      const { type: _, ...data } = command
      return [{ type: 'TerminalCommissioned', data }]
    }

    case 'AdoptRules': {
      const { type: _, ...rules } = command
      const held = till.rules
      if (held) {
        for (const kind of ['policy', 'denyList', 'keySet'] as const)
          if (rules[kind].version < held[kind].version)
            return {
              reason: 'RulesWentBack',
              message: `The ${kind} offered is version ${rules[kind].version}; this terminal holds ${held[kind].version}. A version never goes down: the centre was restored from an old copy, or somebody replays one.`,
              kind,
              offered: rules[kind].version,
              held: held[kind].version,
            }
        if ((['policy', 'denyList', 'keySet'] as const).every(kind => rules[kind].hash === held[kind].hash)) return []
      }
      return [{ type: 'RulesAdopted', data: rules }]
    }

    case 'AcknowledgeByCentre': {
      const { type: _, ...data } = command
      return command.checkpoint === till.checkpoint ? [] : [{ type: 'CentreAcknowledged', data }]
    }

    case 'RefuseCheckpoint': {
      const { type: _, ...data } = command
      return command.offered === till.refused ? [] : [{ type: 'CheckpointRefused', data }]
    }

    case 'OpenDay':
      if (till.day?.businessDate === command.businessDate) return []
      if (till.day)
        return {
          reason: 'DayStillOpen',
          message: `The day of ${till.day.businessDate} is still open: close it first.`,
          businessDate: till.day.businessDate,
        }
      if (till.lastDay !== undefined && command.businessDate < till.lastDay)
        return {
          reason: 'DayInThePast',
          message: `The day of ${till.lastDay} was the last one open; ${command.businessDate} is before it. Look at the terminal's clock.`,
          lastDay: till.lastDay,
        }
      if (Date.parse(command.businessDate) > Date.parse(command.today) + 86_400_000)
        return {
          reason: 'DayInTheFuture',
          message: `Today is ${command.today}; a day of ${command.businessDate} would shut this till until then. Look at the date, or at the terminal's clock.`,
          today: command.today,
        }
      return [{ type: 'DayOpened', data: { businessDate: command.businessDate } }]

    case 'CloseDay': {
      if (!till.day) return { reason: 'DayNotOpen', message: 'No day is open, so there is nothing to close.' }
      const torn = [...till.open.values()][0]
      if (torn)
        return {
          reason: 'TapUnresolved',
          message: `The sale of ${formatAmount(torn.amount, torn.currency)} ${torn.currency} was torn and may have been paid: let the phone tap again, or cancel the sale, then close the day.`,
          sale: torn.sale,
          transaction: torn.transaction,
        }
      const { businessDate, firstRevision, totals } = till.day
      const record = { receiptNumber: till.receiptNumber + 1, businessDate }
      const range = { firstRevision, lastRevision: command.revision, head: command.head }
      return [{ type: 'DayClosed', data: { ...record, currency: command.currency, totals, ...range } }]
    }

    case 'RequestDeduction': {
      const { start, license, checks, policy, clock } = command
      if (till.recorded.has(start.transaction)) return []
      const refused = refuseTap(till, start, license, policy, clock)
      if (refused) return refused
      const { transaction, tap, sale } = start
      const deduction = { transaction, sale: sale.sale, license: license.license, counter: license.counter + 1 }
      return [
        tapStarted(start),
        licenseVerified(start, license, checks),
        {
          type: 'DeductionRequested',
          data: { tap, ...deduction, ...minorMoney(sale), put: command.put, resent: false },
        },
      ]
    }

    case 'ResendDeduction': {
      const open = till.open.get(command.transaction)
      const put = open?.attempts.at(-1)?.put
      if (!open || put === undefined) return notOpen(command.transaction)
      const { transaction, sale, license, counter } = open
      const deduction = { tap: command.tap, transaction, sale, license, counter }
      return [{ type: 'DeductionRequested', data: { ...deduction, ...minorMoney(open), put, resent: true } }]
    }

    case 'AskAgain':
      return [tapStarted(command.start), licenseVerified(command.start, command.license, command.checks)]

    case 'DeclineTap': {
      const { start, checks, license, reason, message } = command
      const { tap, transaction } = start
      const judged: TillEvent = license
        ? licenseVerified(start, license, checks)
        : { type: 'LicenseRejected', data: { tap, transaction, reason, checks: [...checks] } }
      return [tapStarted(start), judged, declined(till, start.sale, transaction, reason, message)]
    }

    case 'RecordTap': {
      // The field may drop after the phone paid and before we heard: the same sale is then asked again.
      if (till.recorded.has(command.transaction)) return []
      const open = till.open.get(command.transaction)
      if (!open) return notOpen(command.transaction)
      const { transaction, payment, tap, sealedIn, response, checks, roundTrip_ms, allowanceLeft } = command
      const { sale, card, license, counter, torn } = open
      const reference = till.sales.get(sale)?.reference
      const { amount, currency } = minorMoney(open)
      const events: TillEvent[] = [
        {
          type: 'PayloadDecrypted',
          data: { tap, transaction, payment, sealedIn, response, checks: [...checks], roundTrip_ms },
        },
        {
          type: 'TransactionRecorded',
          data: {
            transaction,
            sale,
            ...(reference === undefined ? {} : { reference }),
            ...recordOf(till),
            amount,
            currency,
            card,
            license,
            counter,
            payment,
            allowanceLeft: allowanceLeft.toString(),
            occurred: command.occurred,
          },
        },
      ]
      return torn ? [...events, { type: 'TapResolved', data: { transaction, sale, outcome: 'paid' } }] : events
    }

    case 'RejectPayload': {
      const { transaction, tap, reason, response, checks, message } = command
      const open = till.open.get(transaction)
      if (!open) return notOpen(transaction)
      return [
        { type: 'PayloadRejected', data: { tap, transaction, reason, response, checks: [...checks] } },
        { type: 'TapResolved', data: { transaction, sale: open.sale, outcome: 'abandoned' } },
        declined(till, open, transaction, reason, message),
      ]
    }

    case 'AcceptDecline': {
      const { transaction, reason, message } = command
      const open = till.open.get(transaction)
      if (!open) return notOpen(transaction)
      return [
        { type: 'TapResolved', data: { transaction, sale: open.sale, outcome: 'abandoned' } },
        declined(till, open, transaction, reason, message),
      ]
    }

    case 'TearTap': {
      const open = till.open.get(command.transaction)
      if (!open?.live) return []
      const { transaction, tap, during } = command
      return [{ type: 'TapTorn', data: { tap, transaction, sale: open.sale, during } }]
    }

    case 'AbandonSale': {
      const sale = till.sales.get(command.sale)
      if (!sale || sale.state === 'cancelled' || sale.state === 'declined') return []
      if (sale.state === 'approved')
        return {
          reason: 'SaleApproved',
          message: `Sale ${command.sale} was paid: void it or refund it instead of cancelling.`,
          transaction: sale.transaction,
        }
      const open = sale.transaction === undefined ? undefined : till.open.get(sale.transaction)
      if (!open) return []
      return [{ type: 'TapResolved', data: { transaction: open.transaction, sale: open.sale, outcome: 'abandoned' } }]
    }

    case 'VoidTransaction': {
      const original = till.recorded.get(command.transaction)
      const before = till.reversals.get(command.reversal)
      if (before) return repeated(before, command, 'void', before.amount)
      if (!original) return transactionUnknown(command.transaction)
      if (original.voided || original.reversed > 0n)
        return {
          reason: 'AlreadyReversed',
          message: `Transaction ${original.transaction} has ${formatAmount(original.reversed, original.currency)} ${original.currency} given back already: refund what is left instead.`,
          reversed: formatAmount(original.reversed, original.currency),
        }
      if (till.day?.businessDate !== original.businessDate)
        return {
          reason: 'DayOver',
          message: `Transaction ${original.transaction} belongs to ${original.businessDate}, which is no longer open: refund it instead.`,
          businessDate: original.businessDate,
        }
      return [{ type: 'TransactionVoided', data: reversalOf(till, command, original, original.amount) }]
    }

    case 'RefundTransaction': {
      const original = till.recorded.get(command.transaction)
      const before = till.reversals.get(command.reversal)
      if (before) return repeated(before, command, 'refund', command.amount)
      if (!original) return transactionUnknown(command.transaction)
      if (!till.day) return { reason: 'DayNotOpen', message: 'No day is open: open the day, then refund.' }
      const left = original.amount - original.reversed
      if (command.amount > left || command.amount === 0n)
        return {
          reason: command.amount === 0n ? 'AmountNotPositive' : 'RefundExceedsOriginal',
          message: `Of transaction ${original.transaction} ${formatAmount(left, original.currency)} ${original.currency} is left to give back; ${formatAmount(command.amount, original.currency)} was asked.`,
          left: formatAmount(left, original.currency),
        }
      return [{ type: 'RefundRecorded', data: reversalOf(till, command, original, command.amount) }]
    }
  }
}

/** The rules a terminal enforces offline, in the order of the protocol paper; the first that bites is the answer. */
const refuseTap = (
  till: Till,
  start: TapStart,
  license: LicenseFacts,
  policy: Policy | undefined,
  clock: TillClock,
): Refusal | undefined => {
  const { sale } = start
  const say = (amount: bigint) => `${formatAmount(amount, sale.currency)} ${sale.currency}`
  if (!policy)
    return { reason: 'PolicyMissing', message: 'This terminal holds no policy: let it reach the centre once.' }
  if (!till.day) return { reason: 'DayNotOpen', message: 'No day is open: open the day, then let the phone tap again.' }
  if (sale.currency !== policy.currency)
    return { reason: 'CurrencyMismatch', message: `This till takes ${policy.currency}, not ${sale.currency}.` }
  const spentHere = till.spentByLicense.get(license.license) ?? 0n
  if (license.allowanceLeft > license.allowance - spentHere || license.counter < license.counterAtIssue)
    return {
      reason: 'StatusImplausible',
      message: `The phone says it has ${say(license.allowanceLeft)} left at payment ${license.counter}; its license and this till's own log know better. Ask for another means of payment.`,
      allowanceLeft: formatAmount(license.allowanceLeft, sale.currency),
    }
  if (sale.amount > license.allowanceLeft)
    return {
      reason: 'AllowanceExceeded',
      message: `The phone has ${say(license.allowanceLeft)} left to use offline; ${say(sale.amount)} was asked. Ask for another means of payment.`,
      allowanceLeft: formatAmount(license.allowanceLeft, sale.currency),
    }
  const perTransaction = policy.perTransaction < license.perTransaction ? policy.perTransaction : license.perTransaction
  if (sale.amount > perTransaction)
    return {
      reason: 'TransactionLimitExceeded',
      message: `One payment may be at most ${say(perTransaction)} offline.`,
      max: formatAmount(perTransaction, sale.currency),
    }
  const count = license.counter - license.counterAtIssue
  if (count >= license.consecutive || count >= policy.sinceSeen.count)
    return {
      reason: 'OfflineCountExceeded',
      message: `The phone has made ${count} payments since the authority last saw it: it must go online once.`,
      count,
    }
  const spent = license.allowance - license.allowanceLeft
  if (spent + sale.amount > policy.sinceSeen.sum)
    return {
      reason: 'OfflineSumExceeded',
      message: `The phone has spent ${say(spent)} since the authority last saw it: it must go online once.`,
      spent: formatAmount(spent, sale.currency),
    }
  if (spentHere + sale.amount > policy.perKeyOnTerminal)
    return {
      reason: 'FloorLimitExceeded',
      message: `This phone has paid ${say(spentHere)} on this terminal under its license; with this sale that is over ${say(policy.perKeyOnTerminal)}.`,
      here: formatAmount(spentHere, sale.currency),
    }
  const stored = waitingOf(till)
  if (stored.count >= policy.stored.count)
    return {
      reason: 'StoredCountExceeded',
      message: `${stored.count} payments wait on this terminal: let it reach the centre before it takes more.`,
      stored: stored.count,
    }
  if (stored.sum + sale.amount > policy.stored.sum)
    return {
      reason: 'StoredSumExceeded',
      message: `Payments of ${say(stored.sum)} wait on this terminal: let it reach the centre before it takes more.`,
      stored: formatAmount(stored.sum, sale.currency),
    }
  const hours = clock.lastSync_ms === undefined ? Infinity : (clock.now_ms - clock.lastSync_ms) / 3_600_000
  if (hours > policy.hoursSinceSync)
    return {
      reason: 'SyncTooLongAgo',
      message: `This terminal last met the centre ${Number.isFinite(hours) ? `${Math.floor(hours)} hours ago` : 'never'}; the policy allows ${policy.hoursSinceSync} hours. Bring it online.`,
      max_hours: policy.hoursSinceSync,
    }
  return undefined
}

const minorMoney = ({ amount, currency }: { readonly amount: Amount; readonly currency: Currency }) => ({
  amount: amount.toString(),
  currency,
})

const recordOf = (till: Till) => ({
  receiptNumber: till.receiptNumber + 1,
  // A record outside any day is the next day's, and the centre marks it late.
  businessDate: till.day?.businessDate ?? till.lastDay ?? '1970-01-01',
})

const tapStarted = ({ tap, transaction, sale, radio, sealing, getRequest, getResponse }: TapStart): TillEvent => ({
  type: 'TapStarted',
  data: {
    tap,
    transaction,
    sale: sale.sale,
    ...(sale.reference === undefined ? {} : { reference: sale.reference }),
    ...(sale.idempotencyKey === undefined ? {} : { idempotencyKey: sale.idempotencyKey }),
    ...minorMoney(sale),
    radio,
    sealing,
    getRequest,
    getResponse,
  },
})

const licenseVerified = (
  { tap, transaction }: TapStart,
  { license, card, allowanceLeft }: Pick<LicenseFacts, 'license' | 'card' | 'allowanceLeft'>,
  checks: readonly Check[],
): TillEvent => ({
  type: 'LicenseVerified',
  data: { tap, transaction, license, card, allowanceBefore: allowanceLeft.toString(), checks: [...checks] },
})

const declined = (
  till: Till,
  sale: { readonly sale: string; readonly amount: Amount; readonly currency: Currency },
  transaction: string,
  reason: string,
  message: string,
): TillEvent => ({
  type: 'TransactionDeclined',
  data: { sale: sale.sale, transaction, reason, message, ...recordOf(till), ...minorMoney(sale) },
})

/** The same act asked twice is done once; another act under its id was not done, and must not look so. */
const repeated = (
  before: Reversing,
  { reversal, transaction }: Reversal,
  kind: Reversing['kind'],
  amount: Amount,
): [] | Refusal =>
  before.kind === kind && before.transaction === transaction && before.amount === amount
    ? []
    : {
        reason: 'IdempotencyKeyReused',
        message: `Reversal ${reversal} is a ${before.kind} of transaction ${before.transaction}: send another id for another reversal.`,
        reversal,
        transaction: before.transaction,
      }

const reversalOf = (till: Till, { reversal, transaction, occurred }: Reversal, original: Recorded, amount: Amount) => ({
  reversal,
  transaction,
  payment: original.payment,
  license: original.license,
  ...recordOf(till),
  amount: amount.toString(),
  currency: original.currency,
  occurred,
})

const notOpen = (transaction: string): Refusal => ({
  reason: 'DeductionNotOpen',
  message: `No deduction is open for transaction ${transaction}: it was settled or abandoned before.`,
  transaction,
})

const transactionUnknown = (transaction: string): Refusal => ({
  reason: 'TransactionUnknown',
  message: `Transaction ${transaction} is not in this terminal's log: look for it on the terminal that took it.`,
  transaction,
})

/* ----------------------------------------------------------------- evolve */

export type TillFact = TillEvent & { readonly revision: number }

export const evolve = (till: Till, event: TillFact): Till => {
  switch (event.type) {
    case 'TerminalCommissioned':
      till.commissioned = event.data
      return till
    case 'RulesAdopted':
      till.rules = event.data
      return till
    case 'DayOpened':
    case 'DayRolledOver':
      till.day = { businessDate: event.data.businessDate, firstRevision: event.revision, totals: noTotals }
      till.lastDay = event.data.businessDate
      return till
    case 'DayClosed':
      till.day = undefined
      till.receiptNumber = event.data.receiptNumber
      return till
    case 'TapStarted': {
      const { tap, transaction, sale, reference, idempotencyKey, sealing, getRequest, getResponse } = event.data
      till.tap = tap
      const open = till.open.get(transaction)
      if (open) till.open.set(transaction, { ...open, live: true })
      till.started.set(transaction, { tap, sealing, getRequest, getResponse })
      till.sales.set(sale, {
        sale,
        transaction,
        amount: minorUnits(event.data.amount),
        currency: event.data.currency,
        state: 'tapping',
        ...(reference === undefined ? {} : { reference }),
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      })
      if (idempotencyKey !== undefined) till.saleByKey.set(idempotencyKey, sale)
      return till
    }
    case 'LicenseVerified': {
      const { transaction, card, allowanceBefore } = event.data
      till.verified.set(transaction, { card, allowanceBefore: minorUnits(allowanceBefore) })
      return till
    }
    case 'DeductionRequested': {
      const { transaction, sale, license, counter, put } = event.data
      const started = till.started.get(transaction)
      const verified = till.verified.get(transaction)
      const before = till.open.get(transaction)
      if (!started || !verified) throw new Error(`DeductionRequested for ${transaction} without the tap it belongs to`)
      till.open.set(transaction, {
        transaction,
        sale,
        license,
        card: verified.card,
        counter,
        amount: minorUnits(event.data.amount),
        currency: event.data.currency,
        allowanceBefore: before?.allowanceBefore ?? verified.allowanceBefore,
        attempts: [...(before?.attempts ?? []), { ...started, put }],
        torn: before?.torn ?? false,
        live: true,
      })
      return till
    }
    case 'LicenseRejected':
    case 'PayloadDecrypted':
    case 'PayloadRejected':
      return till
    case 'TransactionRecorded': {
      const { transaction, sale, card, license, payment, receiptNumber, businessDate, occurred } = event.data
      const recorded: Recorded = {
        transaction,
        sale,
        card,
        license,
        payment,
        receiptNumber,
        businessDate,
        occurred,
        amount: minorUnits(event.data.amount),
        currency: event.data.currency,
        allowanceLeft: minorUnits(event.data.allowanceLeft),
        revision: event.revision,
        reversed: 0n as Amount,
        voided: false,
      }
      till.recorded.set(transaction, recorded)
      if (event.revision > till.acknowledgedTo) till.waiting.push(recorded)
      till.spentByLicense.set(license, (till.spentByLicense.get(license) ?? 0n) + recorded.amount)
      settle(till, transaction)
      setSale(till, sale, { state: 'approved', transaction })
      return counted(till, 'sales', receiptNumber, recorded.amount)
    }
    case 'TransactionDeclined': {
      const { sale, transaction, reason, message, receiptNumber } = event.data
      settle(till, transaction)
      setSale(till, sale, { state: 'declined', because: { reason, message } })
      return counted(till, 'declined', receiptNumber, minorUnits(event.data.amount))
    }
    case 'TapTorn': {
      const { transaction, sale } = event.data
      const open = till.open.get(transaction)
      if (open) {
        till.open.set(transaction, { ...open, torn: true, live: false })
        count(till, 'torn', open.amount)
      }
      setSale(till, sale, {
        state: 'torn',
        because: { reason: 'FieldLost', message: 'Not paid: the phone left too early. Let it tap again.' },
      })
      return till
    }
    case 'TapResolved':
      settle(till, event.data.transaction)
      if (event.data.outcome === 'abandoned') setSale(till, event.data.sale, { state: 'cancelled' })
      return till
    case 'TransactionVoided':
      return reversed(till, event.data, 'voids', true)
    case 'RefundRecorded':
      return reversed(till, event.data, 'refunds', false)
    case 'ReceiptReprinted':
      till.receiptNumber = event.data.receiptNumber
      return till
    case 'CentreAcknowledged':
      till.checkpoint = event.data.checkpoint
      return till
    case 'CheckpointRefused':
      till.refused = event.data.offered
      return till
    case 'ClockObserved':
    case 'CashierSignedOn':
    case 'CashierSignedOff':
    case 'SupervisorOverrode':
      return till
  }
}

/** Nothing is open any more for this transaction, and what was kept for opening it is let go. */
const settle = (till: Till, transaction: string): void => {
  till.open.delete(transaction)
  till.started.delete(transaction)
  till.verified.delete(transaction)
}

const setSale = (till: Till, sale: string, change: Partial<Sale>): void => {
  const held = till.sales.get(sale)
  if (held) till.sales.set(sale, { ...held, ...change })
}

const count = (till: Till, type: keyof DayTotals, amount: Amount): void => {
  if (!till.day) return
  const line = till.day.totals[type]
  const sum = (BigInt(line.sum) + amount).toString()
  till.day = { ...till.day, totals: { ...till.day.totals, [type]: { count: line.count + 1, sum } } }
}

const counted = (till: Till, type: keyof DayTotals, receiptNumber: number, amount: Amount): Till => {
  till.receiptNumber = receiptNumber
  count(till, type, amount)
  return till
}

const reversed = (
  till: Till,
  data: Extract<TillEvent, { type: 'RefundRecorded' }>['data'],
  type: 'voids' | 'refunds',
  voided: boolean,
): Till => {
  const original = till.recorded.get(data.transaction)
  const amount = minorUnits(data.amount)
  if (original)
    till.recorded.set(data.transaction, {
      ...original,
      reversed: (original.reversed + amount) as Amount,
      voided: original.voided || voided,
    })
  till.reversals.set(data.reversal, { kind: voided ? 'void' : 'refund', transaction: data.transaction, amount })
  return counted(till, type, data.receiptNumber, amount)
}

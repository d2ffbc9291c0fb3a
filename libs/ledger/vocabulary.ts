import { type ActivationEvent, activationWords } from '#account/activation'
import { type BoundEvent, boundWords } from '#account/bound'
import { type DecreeEvent, decreeWords } from '#account/decrees'
import { type AccountEvent, accountWords } from '#account/events'
import { type LicenseEvent, licenseWords } from '#account/licensing'
import { type AdjustmentEvent, adjustmentWords } from '#adjustment'
import { type Event, upcast, type Vocabulary, type Word } from '#canonical/event'
import { type OperatorEvent, operatorWords } from '#operator'
import { type PaymentEvent, paymentWords } from '#payment/events'
import { type VerdictRuleEvent, verdictRuleWords } from '#payment/rule'
import { type ExceptionEvent, exceptionWords } from '#reconciliation/events'
import { type MerchantEvent, merchantWords } from '#settlement/merchant'
import { type ShopEvent, shopWords } from '#settlement/shop'
import {
  type EnrolmentEvent,
  enrolmentWords,
  type IntakeEvent,
  intakeWords,
  type QuarantinedEvent,
  type QuarantineEvent,
  quarantinedWords,
  quarantineWords,
} from '#sync/events'
import { type TillEvent, tillWords } from '#till/events'
import { type FollowerEvent, followerWords } from '#upkeep'
import { type DeliveryEvent, deliveryWords } from '#upkeep/delivery'
import { type ModeEvent, modeWords } from '#upkeep/mode'
import { type OriginEvent, originWords } from '#upkeep/origin'

/** Every fact that this version of the house can read: what the centre writes, and what terminals bring. */
export type TradeEvent =
  | AccountEvent
  | AdjustmentEvent
  | ActivationEvent
  | BoundEvent
  | DecreeEvent
  | DeliveryEvent
  | EnrolmentEvent
  | ExceptionEvent
  | FollowerEvent
  | IntakeEvent
  | LicenseEvent
  | MerchantEvent
  | ModeEvent
  | OperatorEvent
  | OriginEvent
  | PaymentEvent
  | QuarantinedEvent
  | QuarantineEvent
  | ShopEvent
  | TillEvent
  | VerdictRuleEvent

export const tradeWords: Readonly<Record<TradeEvent['type'], Word>> = {
  ...accountWords,
  ...adjustmentWords,
  ...activationWords,
  ...boundWords,
  ...decreeWords,
  ...deliveryWords,
  ...enrolmentWords,
  ...exceptionWords,
  ...followerWords,
  ...intakeWords,
  ...licenseWords,
  ...merchantWords,
  ...modeWords,
  ...operatorWords,
  ...originWords,
  ...paymentWords,
  ...quarantinedWords,
  ...quarantineWords,
  ...shopWords,
  ...tillWords,
  ...verdictRuleWords,
}

export type DataOf<Type extends TradeEvent['type']> = Extract<TradeEvent, { type: Type }>['data']

export const knownType = (type: string): type is TradeEvent['type'] => Object.hasOwn(tradeWords, type)

/**
 * How a reader of these words takes an event: in the newest shape of its type, or undefined for the type, or the newer
 * shape of a type, of a writer that knows more. Such an event is skipped and counted; if it moves money, no balance
 * that it may touch is given without saying so.
 */
export const reading =
  (words: Vocabulary) =>
  <E extends Event>(event: E): (E & TradeEvent) | undefined =>
    // A terminal speaks a till's words and no others: the centre's own, in its stream, are nobody's.
    event.stream.startsWith('terminal-') === Object.hasOwn(tillWords, event.type)
      ? (upcast(event, words) as (E & TradeEvent) | undefined)
      : undefined

export const understood = reading(tradeWords)

/** What a verdict is made of, beside the records that cause it. */
const judged: ReadonlySet<string> = new Set<TillEvent['type']>([
  'RulesAdopted',
  'TapStarted',
  'LicenseVerified',
  'DeductionRequested',
  'PayloadDecrypted',
  'PayloadRejected',
  'TransactionRecorded',
  'TransactionVoided',
  'RefundRecorded',
])

/** Of an event that is not understood: may a balance lack something by it, by its own word or for want of a verdict? */
export const touchesMoney = ({ money, type }: Pick<Event, 'money' | 'type'>): boolean => money || judged.has(type)

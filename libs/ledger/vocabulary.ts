import { type DecreeEvent, decreeWords } from '#account/decrees'
import { type AccountEvent, accountWords } from '#account/events'
import { type LicenseEvent, licenseWords } from '#account/licensing'
import type { Event, Word } from '#canonical/event'
import { type PaymentEvent, paymentWords } from '#payment/events'
import { type ExceptionEvent, exceptionWords } from '#reconciliation/events'
import { type MerchantEvent, merchantWords } from '#settlement/merchant'
import { type ShopEvent, shopWords } from '#settlement/shop'
import { type EnrolmentEvent, enrolmentWords, type IntakeEvent, intakeWords } from '#sync/events'
import { type TillEvent, tillWords } from '#till/events'

/** Every fact that this version of the house can read: what the centre writes, and what terminals bring. */
export type TradeEvent =
  | AccountEvent
  | DecreeEvent
  | EnrolmentEvent
  | ExceptionEvent
  | IntakeEvent
  | LicenseEvent
  | MerchantEvent
  | PaymentEvent
  | ShopEvent
  | TillEvent

export const tradeWords: Readonly<Record<TradeEvent['type'], Word>> = {
  ...accountWords,
  ...decreeWords,
  ...enrolmentWords,
  ...exceptionWords,
  ...intakeWords,
  ...licenseWords,
  ...merchantWords,
  ...paymentWords,
  ...shopWords,
  ...tillWords,
}

export type DataOf<Type extends TradeEvent['type']> = Extract<TradeEvent, { type: Type }>['data']

/**
 * False for the type, or the newer shape of a type, of a writer that knows more than this reader. Such an event is
 * skipped and counted; if it moves money, no balance that it may touch is given without saying so.
 */
export const understood = <E extends Pick<Event, 'type' | 'schema' | 'stream'>>(event: E): event is E & TradeEvent =>
  knownType(event.type) &&
  event.schema <= tradeWords[event.type].schema &&
  // A terminal speaks a till's words and no others: the centre's own, in its stream, are nobody's.
  event.stream.startsWith('terminal-') === Object.hasOwn(tillWords, event.type)

export const knownType = (type: string): type is TradeEvent['type'] => Object.hasOwn(tradeWords, type)

import type { Check } from '#canonical/check'
import type { Policy } from '#license/rules'
import type { Amount, Currency } from '#money'
import type { TillEvent } from './events.ts'
import type { AdoptedAssignment } from './service.ts'
import type { Sale } from './state.ts'

/** What a terminal may be ordered to do. Time, ids and what was checked come in with the order. */

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

/** A supervisor, by a PIN that was checked, lets one rule pass for one sale. */
export type Override = { readonly rule: string; readonly supervisor: string }

/** Where the log stands when a day is closed. */
export type DayEnd = { readonly currency: Currency; readonly revision: number; readonly head: string }

/** A payment that another terminal of the merchant took, as its signed receipt says. */
export type PaidElsewhere = {
  readonly terminal: string
  readonly receiptNumber: number
  readonly amount: Amount
  readonly currency: Currency
  readonly payment: string
  readonly license: string
  /** The receipt's octets, base64url. */
  readonly receipt: string
}

/** An act of giving back, under the id that whoever asks for it minted. */
export type Reversal = {
  readonly reversal: string
  readonly transaction: string
  readonly occurred: string
}

export type TillCommand =
  | ({ readonly type: 'Commission' } & Extract<TillEvent, { type: 'TerminalCommissioned' }>['data'])
  | ({ readonly type: 'AdoptRules' } & Extract<TillEvent, { type: 'RulesAdopted' }>['data'])
  | ({ readonly type: 'AdoptAssignment' } & AdoptedAssignment)
  | ({ readonly type: 'AdoptCertificate' } & Extract<TillEvent, { type: 'CertificateAdopted' }>['data'])
  | ({ readonly type: 'AcknowledgeByCentre' } & Extract<TillEvent, { type: 'CentreAcknowledged' }>['data'])
  | ({ readonly type: 'RefuseCheckpoint' } & Extract<TillEvent, { type: 'CheckpointRefused' }>['data'])
  /** With `end`, a day that was left open is closed by it; without, it stands in the way. */
  | { readonly type: 'OpenDay'; readonly businessDate: string; readonly today: string; readonly end?: DayEnd }
  /** The day as the shop counts it now is `today`: one that is still open from before is over. */
  | { readonly type: 'RollDayOver'; readonly today: string; readonly end: DayEnd }
  | ({ readonly type: 'CloseDay' } & DayEnd)
  /** `by` is a supervisor whose PIN was checked; absent for the first one. */
  | {
      readonly type: 'AppointStaff'
      readonly staff: string
      readonly role: 'cashier' | 'supervisor'
      readonly by?: string
    }
  | { readonly type: 'DismissStaff'; readonly staff: string; readonly by: string }
  | { readonly type: 'SignOn'; readonly cashier: string }
  | { readonly type: 'SignOff' }
  | {
      readonly type: 'RequestDeduction'
      readonly start: TapStart
      readonly checks: readonly Check[]
      readonly license: LicenseFacts
      readonly put: string
      readonly policy: Policy | undefined
      readonly clock: TillClock
      readonly overrides?: readonly Override[]
    }
  | {
      readonly type: 'ResendDeduction'
      readonly transaction: string
      readonly tap: number
      readonly clock: TillClock
    }
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
  | ({ readonly type: 'RefundTransaction'; readonly amount: Amount; readonly original?: PaidElsewhere } & Reversal)
  | { readonly type: 'ReprintReceipt'; readonly transaction: string; readonly reversal?: string }

export type TillClock = {
  readonly now_ms: number
  /** When the centre last answered; undefined if it never did. */
  readonly lastSync_ms: number | undefined
  /** When its own certificate runs out. */
  readonly certificateEnds_ms?: number
}

export type Order<Type extends TillCommand['type']> = Extract<TillCommand, { type: Type }>

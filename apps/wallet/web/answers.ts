/** What the phone's server answers, as the page reads it. Amounts are major-unit strings ("12.50"). */

export interface PhoneInList {
  readonly id: string
  readonly account: string
  readonly mode: 'test' | 'live'
  /** 16 to 19 digits. */
  readonly card: string
  readonly currency: string
  readonly allowance: string
  readonly allowanceLeft: string
  readonly locked: boolean
}

export interface Payment {
  readonly transaction: string
  readonly payment: string
  readonly amount: string
  readonly currency: string
  readonly time: string
  readonly merchant: string
  readonly terminal: string
  /** The terminal's half of the stick; null until the terminal handed it over. */
  readonly receipt: number | null
}

export interface Consent {
  readonly merchant: string
  readonly amount: string
  readonly currency: string
  readonly transaction: string
}

export type Suite = 'P256-AUTH' | 'RSA-RECOVERY'

export interface Phone extends PhoneInList {
  readonly counter: number
  readonly suite: Suite
  /** A new license was asked for, and the answer is not here: the phone pays by none until it is. */
  readonly renewing: boolean
  /** Payments that the authority was not told of yet. */
  readonly untold: number
  readonly license: {
    readonly id: string
    readonly from: string
    readonly expires: string
    readonly isPastHalf: boolean
  }
  readonly payments: readonly Payment[]
  readonly pendingConsent: Consent | null
}

export interface TerminalInReach {
  readonly terminal: string
  readonly address: string
}

export interface TapOutcome {
  readonly outcome: 'paid' | 'declined' | 'torn'
  readonly reason?: string
  readonly message?: string
  readonly amount?: string
  readonly currency?: string
}

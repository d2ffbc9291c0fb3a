/** What the till's server answers, as the page reads it. Amounts are major-unit strings ("12.50"). */

export interface CountAndSum {
  readonly count: number
  readonly sum: string
}

export interface Sale {
  readonly sale: string
  readonly state: 'waiting' | 'tapping' | 'approved' | 'declined' | 'torn' | 'cancelled'
  readonly amount: string
  readonly currency: string
  readonly transaction?: string
  readonly reason?: string
  readonly message?: string
  /** What is so, and what the cashier does next, in the till's language. */
  readonly say?: string
  /** The numbers behind it, as a sentence. */
  readonly figures?: string
  readonly next?: string
  /** Rules that a supervisor let pass for it; and whether one may let pass what it was declined for. */
  readonly overridden?: readonly string[]
  readonly overridable?: boolean
  readonly receiptNumber?: number
  readonly allowanceLeft?: string
}

/** How far a record has got; held and refused are the centre's signed word, with what is so and what to do. */
export interface OnItsWay {
  readonly state: 'recorded' | 'queued' | 'sent' | 'accepted' | 'held' | 'refused'
  readonly because?: { readonly reason: string; readonly say: string; readonly next: string }
}

export interface Reversal extends OnItsWay {
  readonly reversal: string
  readonly kind: 'void' | 'refund'
  readonly transaction: string
  readonly receiptNumber: number
  readonly occurred: string
  readonly amount: string
  readonly currency: string
}

export interface Transaction extends OnItsWay {
  readonly transaction: string
  readonly sale: string
  readonly amount: string
  readonly currency: string
  readonly occurred: string
  readonly receiptNumber: number
  readonly card: string
  /** How much of it was voided or refunded. */
  readonly reversed: string
}

export interface Till {
  readonly terminal: string
  readonly mode: 'test' | 'live'
  readonly merchantName: string
  readonly shop: string
  readonly shopName: string | null
  readonly certificate: { readonly ends: string; readonly daysLeft: number; readonly warning: 14 | 7 | 1 | 0 | null }
  /** Why no payment is taken here at all; null while it serves. */
  readonly outOfService: {
    readonly reason: string
    readonly message: string
    readonly say: string
    readonly next: string
  } | null
  readonly currency: string
  readonly online: boolean
  readonly day: { readonly state: 'open' | 'closed'; readonly businessDate: string } | null
  readonly waiting: CountAndSum & { readonly since: string | null }
  /** The one that the next tap belongs to; null where none is keyed. */
  readonly sale: Sale | null
  /** Sales whose tap broke off after the phone may have paid: each waits for the same phone. */
  readonly torn: readonly Sale[]
  readonly recent: readonly Transaction[]
  readonly reversals: readonly Reversal[]
  readonly now: string
  /** How far this till's clock is before the centre's, in milliseconds; null before they met. */
  readonly skew_ms: number | null
  readonly reader: { readonly state: 'ready' | 'fault'; readonly message?: string }
  readonly language: 'en' | 'de'
  readonly today: string
  readonly people: {
    readonly staff: readonly {
      readonly staff: string
      readonly name: string
      readonly role: 'cashier' | 'supervisor'
    }[]
    readonly cashier: { readonly staff: string; readonly name: string } | null
    /** No supervisor is set up yet. */
    readonly first: boolean
  }
  readonly lastSync: string | null
  readonly lastSyncError?: { readonly reason: string; readonly message: string } | null
}

export interface DayReport {
  readonly businessDate: string
  readonly closed: boolean
  readonly totals: {
    readonly sales: CountAndSum
    readonly voids: CountAndSum
    readonly refunds: CountAndSum
    readonly declined: CountAndSum
    readonly torn: CountAndSum
  }
  readonly net: string
  /** By cashier; empty where the till has no staff. */
  readonly shifts: readonly {
    readonly cashier: string | null
    readonly totals: DayReport['totals']
    readonly net: string
  }[]
  readonly grandTotal: { readonly sales: string } | null
  readonly cashier: string | null
  readonly zNumber?: number | null
  readonly nextZ?: number
  readonly rolledOver?: boolean
  /** Nobody closed it, and its date is over. */
  readonly forgotten?: boolean
  readonly firstRevision: number | null
  readonly lastRevision: number | null
  readonly head: string | null
}

export interface Receipt {
  readonly transaction: string
  readonly reversal?: string
  readonly receiptNumber: number
  readonly copy: number
  /** What the square code says. */
  readonly code: string
  readonly text: { readonly '32': string; readonly '42': string }
}

/** What a receipt says that a customer brought. */
export interface PaidReceipt {
  readonly transaction: string
  readonly terminal: string
  readonly receiptNumber: number
  readonly amount: string
  readonly currency: string
  readonly left: string
}

import { type UseQueryResult, useQuery } from '@tanstack/react-query'
import { ask } from '#screens/api'

/** What the centre answers, as the page reads it. Amounts are major-unit strings ("12.50"). */

export interface Aged {
  readonly index: number
  readonly age_ms: number
}

export interface Sum {
  readonly amount: string
  readonly currency: string
}

export const transactionStates = ['accepted', 'held', 'decided', 'partly reversed', 'reversed'] as const
export type TransactionState = (typeof transactionStates)[number]

export interface Transaction {
  readonly transaction: string
  /** The payment hash. */
  readonly payment: string
  readonly state: TransactionState
  readonly amount: string
  readonly reversed: string
  readonly within: string
  readonly excess: string
  readonly fee: string
  readonly currency: string
  readonly account: string
  readonly merchant: string
  readonly shop: string
  readonly terminal: string
  readonly occurred: string
  readonly businessDate: string
  readonly bookingDate: string
  readonly reason?: string | null
  readonly index: number
}

export const bearers = ['payer', 'merchant', 'operator'] as const
export type Bearer = (typeof bearers)[number]

/** What one operator said, and another must approve. */
export interface Proposal {
  readonly proposal: string
  readonly operator: string
  readonly why: string
}

export interface HeldReversal {
  readonly reversal: string
  readonly kind: 'void' | 'refund'
  readonly amount: string
  readonly reason: string
  readonly terminal: string
  readonly proposal: (Proposal & { readonly about: 'refusal' | 'release' }) | null
}

/** One payment with what its row does not have. */
export interface PaymentFile extends Transaction, Aged {
  readonly tax: string
  readonly bears?: Bearer
  readonly exceptions: readonly string[]
  readonly rule: number | null
  readonly via: 'terminal' | 'phone'
  readonly excessOwner: 'merchant' | 'operator' | null
  readonly proposal: (Proposal & { readonly bears: Bearer }) | null
  readonly heldReversals: readonly HeldReversal[]
  readonly reversals: readonly {
    readonly reversal: string
    readonly kind: 'void' | 'refund'
    readonly amount: string
    readonly feeBack: string
    readonly terminal: string
    readonly occurred: string
  }[]
}

export interface Adjustment {
  readonly adjustment: string
  readonly state: 'proposed' | 'approved' | 'rejected'
  readonly lines: readonly {
    readonly account: string
    readonly side: 'debit' | 'credit'
    readonly amount: string
    readonly currency: string
  }[]
  readonly reason: string
  readonly proposedBy: string
  readonly decidedBy?: string
  readonly decided?: string
  readonly why?: string
}

export interface Merchant {
  readonly merchant: string
  readonly name: string
  readonly currency: string
  /** Below zero, it owes us. */
  readonly payable: string
  readonly terms: {
    readonly version: number
    readonly feeBasisPoints: number
    readonly taxBasisPoints: number
    readonly returnsFee: boolean
  } | null
}

/** A posting, or a limit or terms that were set; and what stood after it, by name. */
export interface ExplainedLine {
  readonly index: number
  readonly event: string
  readonly type: string
  readonly posting: string
  readonly side: 'debit' | 'credit' | null
  readonly amount: string
  readonly occurred: string
  readonly bookingDate: string
  readonly payment?: string
  readonly after: Readonly<Record<string, string>>
}

/** A page of what is behind a figure, and the sum that proves it. */
export interface Explained extends Aged {
  readonly currency: string
  readonly figures: Readonly<Record<string, string>>
  readonly proof: {
    readonly sums: Readonly<Record<string, { readonly postings: number }>>
    readonly holds: boolean
    readonly says: string
  }
  readonly lines: readonly ExplainedLine[]
  readonly next: number | null
}

export interface Follower {
  readonly follower: string
  readonly kind: 'projector' | 'reactor'
  readonly state: 'following' | 'stopped'
  readonly lag: { readonly events: number; readonly seconds: number }
  readonly stopped?: { readonly index: number; readonly event: string | null; readonly message: string }
}

export interface Overview extends Aged {
  readonly accounts: number
  readonly owed: readonly Sum[]
  readonly available: readonly Sum[]
  /** The date that it is at the shops, which the takings are of. */
  readonly businessDate: string
  readonly takingsToday: readonly (Sum & { readonly count: number })[]
  readonly transactions: { readonly accepted: number; readonly held: number }
  readonly terminals: { readonly count: number; readonly silent: number }
  readonly exceptions: number
  /** Events that a balance may lack something by, because this version cannot read them. */
  readonly notUnderstood: number
  readonly fees: readonly Sum[]
  readonly recent: readonly Transaction[]
}

export interface Account {
  readonly account: string
  readonly currency: string
  readonly limit: string
  readonly owed: string
  readonly inDispute: string
  readonly held: string
  readonly available: string
  readonly state: string
}

export interface Balance extends Omit<Account, 'state'>, Aged {
  readonly missing: {
    readonly silentTerminals: number
    readonly openGaps: number
    readonly notUnderstood: number
  }
  /** Postings whose time bracket lies across the asked moment: each could be on its other side. */
  readonly straddling?: readonly Posting[]
}

export interface Posting {
  readonly index: number
  readonly event: string
  readonly type: string
  readonly book: string
  readonly posting: string
  readonly side: 'debit' | 'credit'
  readonly amount: string
  readonly currency: string
  readonly occurred: string
  readonly businessDate: string
  readonly bookingDate: string
  readonly payment?: string | null
}

export interface CountAndSum {
  readonly count: number
  readonly sum: string
}

export interface Shop {
  readonly shop: string
  readonly merchant: string
  readonly name: string
  readonly zone: string
}

export interface CertificateEnd {
  readonly daysLeft: number
  /** The nearest day on which people are warned; 0 once it has run out. */
  readonly warning: 14 | 7 | 1 | 0 | null
}

/** A batch of a terminal that was refused and is kept, until it is let in or rejected for good. */
export interface QuarantinedBatch {
  readonly batch: string
  readonly from: number
  readonly count: number
  readonly octets: number
  readonly refused: string
  readonly message: string
  /** What it says was sold, by currency; nobody has judged it. */
  readonly sales: readonly (CountAndSum & { readonly currency: string })[]
  readonly receivedAt: string
  readonly standing: 'kept' | 'released' | 'rejected'
  readonly decided: { readonly by: string; readonly at: string; readonly reason: string } | null
}

export interface Terminal {
  readonly terminal: string
  readonly shop: string
  readonly merchant: string
  /** What people call it; null where they call it by its id. */
  readonly label: string | null
  readonly state: 'invited' | 'cancelled' | 'enrolled' | 'suspended' | 'replaced' | 'lost' | 'retired'
  /** Why it is not in service. */
  readonly because: string | null
  readonly certificate: (CertificateEnd & { readonly ends: string }) | null
  /** Has it adopted the newest word on its shop and standing? */
  readonly told: boolean
  /** The version of its software, where it told this process. */
  readonly software: string | null
  readonly lastSeen: string | null
  readonly revision: number | null
  readonly waiting: (CountAndSum & { readonly currency: string }) | null
  readonly gaps: number
  /** Two contents seen for one revision: somebody copied the terminal, or turned it back. */
  readonly forks: number
  /** Batches that were refused, and wait for a decision. */
  readonly quarantined: number
  /** Events of a newer version in its log, which this one cannot read. */
  readonly notUnderstood: number
  readonly policyVersion: number | null
  readonly denyListVersion: number | null
  readonly keySetVersion: number | null
}

/** A line of a day's totals: some are only counted, others have a sum as well. */
export type Line = number | CountAndSum

export interface Totals {
  readonly sales: Line
  readonly voids: Line
  readonly refunds: Line
  readonly declined: Line
  readonly torn: Line
}

export interface Day {
  readonly terminal: string
  readonly shop: string
  readonly businessDate: string
  readonly closed: boolean
  readonly till: Totals | null
  readonly centre: Totals
  readonly differences: readonly {
    readonly kind: string
    readonly amount: string
    readonly currency: string
    readonly message: string
    readonly events: readonly string[]
  }[]
  readonly complete: boolean
}

/** One question to the centre; every one is asked again when something happened there. */
export const useAnswer = <Answer>(
  path: string,
  search: Readonly<Record<string, string | number | undefined>> = {},
): UseQueryResult<Answer> =>
  useQuery({ queryKey: [path, search], queryFn: ({ signal }) => ask<Answer>(path, search, signal) })

/** What one person proposed, wherever it was, and another has yet to approve. */
export interface Waiting {
  readonly kind: 'account order' | 'write-off' | 'adjustment' | 'decision' | 'refusal' | 'release' | 'bound'
  /** The account, payment, adjustment or currency. */
  readonly subject: string
  readonly proposal: string
  readonly asks: string
  readonly operator: string
  readonly why: string
  readonly proposed: string
  readonly index: number
  /** Why the one who asks cannot be the second person. */
  readonly hindrance?: { readonly reason: string; readonly message: string }
}

export const useApprovals = () => useAnswer<Aged & { readonly waiting: readonly Waiting[] }>('/api/approvals')

/** How far the centre's log is signed, and why not further. */
export interface SignedLog {
  readonly origin: string
  readonly size: number
  readonly signed?: number
  readonly silence?: { readonly reason: string; readonly message: string }
}

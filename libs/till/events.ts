import { z } from 'zod'
import { type FactOf, word } from '#canonical/event'
import { businessDate, check, instant, name, octets, sha256, transactionId } from '#canonical/fields'
import { currency, minor } from '#money/fields'

/**
 * What a terminal writes into its own stream. It is the only author, and none of these moves money: money moves by
 * the centre's verdicts. Frames are kept as they were on the air, so that a replay redoes every check.
 */

const count = z.int().nonnegative()
const line = z.object({ count, sum: minor })

/** Totals of a business day by type; sums in minor units of the till's currency. */
export const totals = z.object({ sales: line, voids: line, refunds: line, declined: line, torn: line })
export type DayTotals = z.infer<typeof totals>

const document = z.object({ version: z.int().nonnegative(), hash: sha256, document: octets })
const money = { amount: minor, currency }
/** The number on a badge. Whose it is, the till's own list says, which is no part of the log. */
const staff = name
/** `cashier` is who was signed on; absent where the till has no staff. */
const record = { receiptNumber: z.int().positive(), businessDate, cashier: staff.optional() }
/** All that was ever sold, voided and refunded on this terminal, in minor units. It is never reset. */
const grandTotal = z.object({ sales: minor, voids: minor, refunds: minor })
export type GrandTotal = z.infer<typeof grandTotal>
/** What each cashier took, gave back and turned away; nobody's name stands for what was done with nobody signed on. */
const shifts = z.array(z.object({ cashier: staff.optional(), totals })).max(1000)
export type Shifts = z.infer<typeof shifts>
const closing = z.object({
  ...record,
  currency,
  totals,
  /** Absent where the till has no staff. */
  shifts: shifts.optional(),
  /** Revisions from the opening of the day to the event before this one, and the head there. */
  firstRevision: count,
  lastRevision: count,
  head: sha256,
  /** Consecutive over the terminal's life; a till of 0.2.0 wrote neither of these. */
  zNumber: z.int().positive().optional(),
  grandTotal: grandTotal.optional(),
})
export type DayClosing = z.infer<typeof closing>

const tap = z.int().positive()
/** C2SP `tlog-checkpoint`, as the centre signed it. */
const checkpoint = z.string().min(1).max(8192)

export const tillWords = {
  TerminalCommissioned: word(
    z.object({
      terminal: name,
      merchant: name,
      merchantName: name,
      shop: name,
      mode: z.enum(['test', 'live']),
      certificate: octets,
    }),
  ),
  RulesAdopted: word(
    z.object({ policy: document, denyList: document, keySet: document, fareTable: document.optional() }),
  ),
  /** The centre's signed word on where it stands and whether it serves; the place holds from the next day on. */
  AssignmentAdopted: word(
    z.object({
      issued: count,
      shop: name,
      shopName: name,
      zone: name,
      standing: z.enum(['enrolled', 'suspended', 'replaced', 'lost', 'retired']),
      reason: name.optional(),
      document: octets,
    }),
  ),
  /** It stands in for the one before; the stream goes on from the first one's hash. */
  CertificateAdopted: word(z.object({ shop: name, expires: instant, certificate: octets })),
  ClockObserved: word(z.object({ terminal: instant, centre: instant, skew_ms: z.int() })),
  /** History of what is kept beside the log: this far the centre's own log held this one, under this checkpoint. */
  CentreAcknowledged: word(z.object({ acceptedTo: count, checkpoint })),
  /** The centre offered a checkpoint that does not hold; `seen` is the one that this terminal had verified. */
  CheckpointRefused: word(z.object({ reason: name, message: z.string(), offered: checkpoint, seen: checkpoint })),
  DayOpened: word(z.object({ businessDate })),
  /** Nobody closed the day before: it ends here with its totals, as it would have by hand, and this one begins. */
  DayRolledOver: word(z.object({ businessDate, closed: closing.optional() })),
  DayClosed: word(closing),
  /** Who may sign on, and who may approve. The PIN is kept beside the log; setting it anew is told again. */
  StaffAppointed: word(z.object({ staff, role: z.enum(['cashier', 'supervisor']), by: staff.optional() })),
  StaffDismissed: word(z.object({ staff, by: staff })),
  CashierSignedOn: word(z.object({ cashier: staff })),
  CashierSignedOff: word(z.object({ cashier: staff })),
  TapStarted: word(
    z.object({
      tap,
      transaction: transactionId,
      sale: name,
      reference: name.optional(),
      idempotencyKey: z.string().min(1).max(200).optional(),
      ...money,
      radio: z.enum(['loopback', 'iso-dep', 'nfc-dep']),
      /** This tap's own key pair: on disk before PUT, so that the sealed payment can be opened again by anyone. */
      sealing: z.object({ publicKey: octets, privateKey: octets }),
      getRequest: octets,
      getResponse: octets,
    }),
  ),
  LicenseVerified: word(
    z.object({
      tap,
      transaction: transactionId,
      license: name,
      card: name,
      allowanceBefore: minor,
      checks: z.array(check),
    }),
  ),
  LicenseRejected: word(z.object({ tap, transaction: transactionId, reason: name, checks: z.array(check) })),
  DeductionRequested: word(
    z.object({
      tap,
      transaction: transactionId,
      sale: name,
      license: name,
      counter: count,
      ...money,
      put: octets,
      /** True when the same PUT, octet for octet, is sent again to a phone that did not know it. */
      resent: z.boolean(),
    }),
  ),
  PayloadDecrypted: word(
    z.object({
      tap,
      transaction: transactionId,
      /** The payment hash. */
      payment: sha256,
      /** The tap in which the phone took the PUT: its key opens the seal. */
      sealedIn: tap,
      response: octets,
      checks: z.array(check),
      roundTrip_ms: count,
    }),
  ),
  PayloadRejected: word(
    z.object({ tap, transaction: transactionId, reason: name, response: octets, checks: z.array(check) }),
  ),
  TransactionRecorded: word(
    z.object({
      transaction: transactionId,
      sale: name,
      reference: name.optional(),
      ...record,
      ...money,
      card: name,
      license: name,
      counter: count,
      payment: sha256,
      allowanceLeft: minor,
      occurred: instant,
    }),
  ),
  TransactionDeclined: word(
    z.object({ sale: name, transaction: transactionId, reason: name, message: z.string(), ...record, ...money }),
  ),
  TapTorn: word(z.object({ tap, transaction: transactionId, sale: name, during: name })),
  TapResolved: word(z.object({ transaction: transactionId, sale: name, outcome: z.enum(['paid', 'abandoned']) })),
  TransactionVoided: word(
    z.object({
      reversal: name,
      transaction: transactionId,
      payment: sha256,
      license: name,
      ...record,
      ...money,
      occurred: instant,
    }),
  ),
  RefundRecorded: word(
    z.object({
      reversal: name,
      transaction: transactionId,
      payment: sha256,
      license: name,
      ...record,
      ...money,
      occurred: instant,
      /** What another terminal's signed receipt said, with the receipt: absent where this log has the original. */
      original: z.object({ terminal: name, receiptNumber: count, amount: minor, receipt: octets }).optional(),
    }),
  ),
  /** For one sale and one rule, in one append with the deduction that it allows. */
  SupervisorOverrode: word(
    z.object({ transaction: transactionId, rule: name, supervisor: staff, sale: name.optional() }),
  ),
  /** `reversal` where it was the receipt of a void or a refund. */
  ReceiptReprinted: word(z.object({ transaction: transactionId, reversal: name.optional(), ...record })),
}

export type TillEvent = FactOf<typeof tillWords>

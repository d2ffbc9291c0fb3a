import type { Policy } from '#license/rules'
import type { LicenseFacts } from '#till/commands'
import { tillWords } from '#till/events'
import { matrix } from '../matrix.ts'
import { eur, id, now_ms, occurred, phone, policy, start, today } from './sales.ts'
import { tillDecider } from './tills.ts'

const hash = 'a'.repeat(64)

const document = (version: number) => ({ version, hash: `${version}`.repeat(64), document: 'cnVsZXM' })
const rules = (version: number) =>
  ({
    type: 'AdoptRules',
    policy: document(version),
    denyList: document(version),
    keySet: document(version),
  }) as const
const commission = {
  type: 'Commission',
  terminal: 'T-1',
  merchant: 'm-1',
  merchantName: 'Corner & Co.',
  shop: 's-1',
  mode: 'test',
  certificate: 'Y2VydA',
} as const
const word = {
  type: 'AdoptAssignment',
  issued: 1_764_000_000,
  shop: 's-1',
  shopName: 'Main Street',
  zone: 'Europe/Vienna',
  standing: 'enrolled',
  document: 'd29yZA',
} as const
const standing = (standing: 'suspended' | 'replaced' | 'lost' | 'retired') =>
  ({ ...word, issued: word.issued + 60, standing, reason: 'seen elsewhere' }) as const
const renewed = {
  type: 'AdoptCertificate',
  shop: 's-1',
  expires: '2027-02-21T09:00:00.000Z',
  certificate: 'bmV3',
} as const
const acknowledged = { type: 'AcknowledgeByCentre', acceptedTo: 3, checkpoint: 'log\n4\nroot\n' } as const
const refusedCheckpoint = {
  type: 'RefuseCheckpoint',
  reason: 'LogForked',
  message: 'Two histories.',
  offered: 'log\n5\nroot\n',
  seen: 'log\n4\nroot\n',
} as const
const openDay = (businessDate: string) => ({ type: 'OpenDay', businessDate, today }) as const
const end = { currency: 'EUR', revision: 7, head: hash } as const
const overDay = (day: string) => ({ type: 'RollDayOver', today: day, end }) as const
const closeDay = { type: 'CloseDay', currency: 'EUR', revision: 7, head: hash } as const

/** What it says of itself when it has paid `a`. */
const after = { allowanceLeft: eur(16_000n), counter: 1 }
type Asking = {
  readonly policy?: Partial<Policy>
  readonly phone?: Partial<LicenseFacts>
  readonly hours?: number
  /** The rule that number 1 or 2 let pass. */
  readonly over?: readonly [rule: string, supervisor: string]
}
const ask = (letter: string, minor: bigint, asking: Asking = {}) =>
  ({
    type: 'RequestDeduction',
    start: start(letter, minor),
    checks: [],
    license: { ...phone, ...asking.phone },
    put: 'UFVU',
    policy: { ...policy, ...asking.policy },
    clock: { now_ms, lastSync_ms: now_ms - (asking.hours ?? 1) * 3_600_000 },
    overrides: asking.over === undefined ? [] : [{ rule: asking.over[0], supervisor: asking.over[1] }],
  }) as const
const record = (letter: string) =>
  ({
    type: 'RecordTap',
    transaction: id(letter),
    tap: 1,
    sealedIn: 1,
    response: 'UEFJRA',
    payment: hash,
    allowanceLeft: eur(15_000n),
    checks: [],
    roundTrip_ms: 40,
    occurred,
  }) as const
const why = { reason: 'SealInvalid', message: 'The seal does not open.' }
const tear = { type: 'TearTap', transaction: id('a'), tap: 1, during: 'PUT' } as const
const abandon = { type: 'AbandonSale', sale: 'sale a' } as const
const reversal = (name: string) => ({ reversal: name, transaction: id('a'), occurred })
const refund = (name: string, minor: bigint) =>
  ({ type: 'RefundTransaction', ...reversal(name), amount: eur(minor) }) as const
const voiding = (name: string) => ({ type: 'VoidTransaction', ...reversal(name) }) as const

const appoint = (staff: string, role: 'cashier' | 'supervisor', by?: string) =>
  ({ type: 'AppointStaff', staff, role, ...(by === undefined ? {} : { by }) }) as const
const dismiss = (staff: string, by: string) => ({ type: 'DismissStaff', staff, by }) as const
const signOn = (cashier: string) => ({ type: 'SignOn', cashier }) as const
const elsewhere = {
  terminal: 'T-9',
  receiptNumber: 4,
  amount: eur(3_000n),
  currency: 'EUR',
  payment: 'c'.repeat(64),
  license: 'l-9',
  receipt: 'cmVjZWlwdA',
} as const
const refundElsewhere = (name: string, minor: bigint) =>
  ({ ...refund(name, minor), transaction: id('z'), original: elsewhere }) as const

const day = [openDay(today)]
const staffed = [...day, appoint('1', 'supervisor'), appoint('2', 'cashier', '1')]
const tight = { perTransaction: eur(999n), overridable: ['TransactionLimitExceeded', 'StatusImplausible'] }
const paid = [...day, ask('a', 4_000n), record('a')]

matrix('a till', tillDecider, tillWords, {
  states: {
    new: [],
    'in service': [commission, rules(2), acknowledged, refusedCheckpoint],
    'at its place': [commission, rules(2), word, renewed],
    'day open': day,
    'day open, suspended': [...day, word, standing('suspended')],
    'day open, replaced': [...day, standing('replaced')],
    'day open, lost': [...day, standing('lost')],
    'day open, retired': [...day, standing('retired')],
    'day open, reinstated': [...day, standing('suspended'), { ...word, issued: word.issued + 120 }],
    'asked a': [...day, ask('a', 4_000n)],
    'torn a': [...day, ask('a', 4_000n), tear],
    'torn a, suspended': [...day, ask('a', 4_000n), tear, word, standing('suspended')],
    'paid a': paid,
    'paid a after a tear': [...day, ask('a', 4_000n), tear, record('a')],
    'given up a': [...day, ask('a', 4_000n), tear, abandon],
    'voided a': [...paid, voiding('r-1')],
    'gave 10.00 of a back': [...paid, refund('r-1', 1_000n)],
    'paid a, day over': [...paid, closeDay],
    'paid a, next day': [...paid, closeDay, openDay('2026-11-24')],
    staffed,
    'signed on': [...staffed, signOn('2')],
    'paid a, staffed': [...paid, appoint('1', 'supervisor')],
    'gave 20.00 of z back': [...day, refundElsewhere('r-1', 2_000n)],
    'yesterday still open': [{ ...openDay('2026-11-22'), today: '2026-11-22' }],
  },
  commands: {
    Commission: { commission },
    AdoptRules: { 'rules 2': rules(2), 'rules 1': rules(1), 'rules 3': rules(3) },
    AdoptAssignment: {
      'the word on it': word,
      'the same word later': { ...word, issued: word.issued + 3600 },
      'an older word': { ...word, issued: word.issued - 1 },
      'it is suspended': standing('suspended'),
    },
    AdoptCertificate: {
      'a new certificate': renewed,
      'the first certificate': { ...renewed, certificate: commission.certificate },
    },
    AcknowledgeByCentre: { acknowledged },
    RefuseCheckpoint: { 'a checkpoint refused': refusedCheckpoint },
    OpenDay: {
      'open today': openDay(today),
      'open tomorrow': openDay('2026-11-24'),
      'open in a week': openDay('2026-11-30'),
      'open yesterday': openDay('2026-11-22'),
      'open today over another': { ...openDay(today), end },
      'open tomorrow over another': { ...openDay('2026-11-24'), end },
    },
    RollDayOver: { 'the day turns': overDay('2026-11-24'), 'the day goes on': overDay(today) },
    CloseDay: { 'close the day': closeDay },
    AppointStaff: {
      'first supervisor': appoint('1', 'supervisor'),
      'first cashier': appoint('2', 'cashier'),
      'a name': appoint('anna', 'supervisor'),
      '3 by 1': appoint('3', 'cashier', '1'),
      '3 by 2': appoint('3', 'cashier', '2'),
      '1 is a cashier now': appoint('1', 'cashier', '1'),
    },
    DismissStaff: { 'dismiss 2': dismiss('2', '1'), 'dismiss 1': dismiss('1', '1'), '2 dismisses': dismiss('1', '2') },
    SignOn: { '2 signs on': signOn('2'), '1 signs on': signOn('1'), '3 signs on': signOn('3') },
    SignOff: { 'signs off': { type: 'SignOff' } },
    ReprintReceipt: { 'print a again': { type: 'ReprintReceipt', transaction: id('a') } },
    RequestDeduction: {
      'ask a': ask('a', 4_000n),
      'ask b': ask('b', 1_000n),
      'ask b without a policy': { ...ask('b', 1_000n), policy: undefined },
      'ask b in CHF': { ...ask('b', 1_000n), policy: { ...policy, currency: 'CHF' } },
      'ask b of a phone that lies': ask('b', 1_000n, { phone: { allowanceLeft: eur(20_001n) } }),
      'ask b over the allowance': ask('b', 1_000n, { phone: { allowanceLeft: eur(999n) } }),
      'ask b over one payment': ask('b', 5_001n),
      'ask b at the count': ask('b', 1_000n, { phone: { counter: 9 } }),
      'ask b over the sum': ask('b', 1_000n, { phone: { allowanceLeft: eur(11_999n) } }),
      'ask b of the same key': ask('b', 2_001n, { phone: after }),
      'ask b, too many wait': ask('b', 1_000n, { phone: after, policy: { stored: { count: 1, sum: eur(9_500n) } } }),
      'ask b, too much waits': ask('b', 1_000n, { phone: after, policy: { stored: { count: 5, sum: eur(4_999n) } } }),
      'ask b with its certificate over': {
        ...ask('b', 1_000n),
        clock: { now_ms, lastSync_ms: now_ms, certificateEnds_ms: now_ms },
      },
      'ask b three days alone': ask('b', 1_000n, { hours: 73 }),
      'ask b too much': ask('b', 1_000n, { policy: tight }),
      'ask b too much, by 1': ask('b', 1_000n, { policy: tight, over: ['TransactionLimitExceeded', '1'] }),
      'ask b too much, by 2': ask('b', 1_000n, { policy: tight, over: ['TransactionLimitExceeded', '2'] }),
      'ask b too much, no policy of it': ask('b', 5_001n, { over: ['TransactionLimitExceeded', '1'] }),
      'ask b that lies, by 1': ask('b', 1_000n, {
        policy: tight,
        phone: { allowanceLeft: eur(20_001n) },
        over: ['StatusImplausible', '1'],
      }),
      'ask b, 1 for nothing': ask('b', 900n, { policy: tight, over: ['TransactionLimitExceeded', '1'] }),
    },
    ResendDeduction: {
      'resend a': { type: 'ResendDeduction', transaction: id('a'), tap: 2, clock: { now_ms, lastSync_ms: now_ms } },
      'resend a with its certificate over': {
        type: 'ResendDeduction',
        transaction: id('a'),
        tap: 2,
        clock: { now_ms, lastSync_ms: now_ms, certificateEnds_ms: now_ms },
      },
    },
    DeclineTap: { 'decline b': { type: 'DeclineTap', start: start('b', 1_000n), checks: [], ...why } },
    AskAgain: {
      'ask a again': { type: 'AskAgain', start: start('a', 4_000n, { tap: 2 }), checks: [], license: phone },
    },
    RecordTap: { 'record a': record('a') },
    RejectPayload: {
      'reject a': { type: 'RejectPayload', transaction: id('a'), tap: 1, response: 'UEFJRA', checks: [], ...why },
    },
    AcceptDecline: { 'the phone declines a': { type: 'AcceptDecline', transaction: id('a'), ...why } },
    TearTap: { 'tear a': tear },
    AbandonSale: { 'give up a': abandon },
    VoidTransaction: { 'void a as r-1': voiding('r-1'), 'void a as r-2': voiding('r-2') },
    RefundTransaction: {
      'refund r-1 10.00': refund('r-1', 1_000n),
      'refund r-1 other': refund('r-1', 1_001n),
      'refund r-2 all': refund('r-2', 4_000n),
      'refund nothing': refund('r-2', 0n),
      'refund z r-1 20.00': refundElsewhere('r-1', 2_000n),
      'refund z r-2 10.00': refundElsewhere('r-2', 1_000n),
      'refund z r-2 10.01': refundElsewhere('r-2', 1_001n),
    },
  },
  refusals: {
    RulesWentBack: true,
    AssignmentWentBack: true,
    TerminalSuspended: true,
    TerminalReplaced: true,
    TerminalLost: true,
    TerminalRetired: true,
    CertificateExpired: true,
    DayStillOpen: true,
    DayInThePast: true,
    DayInTheFuture: true,
    DayNotOpen: true,
    TapUnresolved: true,
    PolicyMissing: true,
    CurrencyMismatch: true,
    StatusImplausible: true,
    AllowanceExceeded: true,
    TransactionLimitExceeded: true,
    OfflineCountExceeded: true,
    OfflineSumExceeded: true,
    FloorLimitExceeded: true,
    StoredCountExceeded: true,
    StoredSumExceeded: true,
    SyncTooLongAgo: true,
    DeductionNotOpen: true,
    SaleApproved: true,
    AlreadyReversed: true,
    DayOver: true,
    TransactionUnknown: true,
    IdempotencyKeyReused: true,
    RefundExceedsOriginal: true,
    AmountNotPositive: true,
    OverrideNotAllowed: true,
    NotASupervisor: true,
    StaffNumberMalformed: true,
    SupervisorFirst: true,
    LastSupervisor: true,
    StaffUnknown: true,
    NoCashier: true,
  },
  rows: `
    new                  | commission                 | TerminalCommissioned
                         | rules 2                    | RulesAdopted
                         | acknowledged               | CentreAcknowledged
                         | a checkpoint refused       | CheckpointRefused
                         | open today                 | DayOpened
                         | open tomorrow              | DayOpened
                         | open in a week             | refused DayInTheFuture
                         | close the day              | refused DayNotOpen
                         | ask b                      | refused DayNotOpen
                         | ask b without a policy     | refused PolicyMissing
                         | resend a                   | refused DeductionNotOpen
                         | record a                   | refused DeductionNotOpen
                         | tear a                     | already so
                         | give up a                  | already so
                         | void a as r-1              | refused TransactionUnknown
                         | refund r-1 10.00           | refused TransactionUnknown
    in service           | commission                 | already so
                         | rules 2                    | already so
                         | rules 1                    | refused RulesWentBack
                         | rules 3                    | RulesAdopted
                         | acknowledged               | already so
                         | a checkpoint refused       | already so
                         | the word on it             | AssignmentAdopted
                         | a new certificate          | CertificateAdopted
                         | the first certificate      | already so
    at its place         | the word on it             | already so
                         | the same word later        | already so
                         | an older word              | refused AssignmentWentBack
                         | it is suspended            | AssignmentAdopted
                         | a new certificate          | already so
    day open, suspended  | ask b                      | refused TerminalSuspended
                         | close the day              | DayClosed
    day open, replaced   | ask b                      | refused TerminalReplaced
    day open, lost       | ask b                      | refused TerminalLost
    day open, retired    | ask b                      | refused TerminalRetired
    day open, reinstated | ask b                      | TapStarted + LicenseVerified + DeductionRequested
    day open             | open today                 | already so
                         | ask b with its certificate over | refused CertificateExpired
                         | open tomorrow              | refused DayStillOpen
                         | close the day              | DayClosed
                         | ask a                      | TapStarted + LicenseVerified + DeductionRequested
                         | ask b without a policy     | refused PolicyMissing
                         | ask b in CHF               | refused CurrencyMismatch
                         | ask b of a phone that lies | refused StatusImplausible
                         | ask b over the allowance   | refused AllowanceExceeded
                         | ask b over one payment     | refused TransactionLimitExceeded
                         | ask b at the count         | refused OfflineCountExceeded
                         | ask b over the sum         | refused OfflineSumExceeded
                         | ask b three days alone     | refused SyncTooLongAgo
                         | decline b                  | TapStarted + LicenseRejected + TransactionDeclined
                         | record a                   | refused DeductionNotOpen
    asked a              | close the day              | refused TapUnresolved
                         | resend a                   | DeductionRequested
                         | ask a again                | TapStarted + LicenseVerified
                         | record a                   | PayloadDecrypted + TransactionRecorded
                         | reject a                   | PayloadRejected + TapResolved + TransactionDeclined
                         | the phone declines a       | TapResolved + TransactionDeclined
                         | tear a                     | TapTorn
                         | give up a                  | TapResolved
    torn a               | close the day              | refused TapUnresolved
                         | resend a                   | DeductionRequested
                         | resend a with its certificate over | refused CertificateExpired
                         | record a                   | PayloadDecrypted + TransactionRecorded + TapResolved
                         | the phone declines a       | TapResolved + TransactionDeclined
                         | tear a                     | already so
                         | give up a                  | TapResolved
    torn a, suspended    | resend a                   | refused TerminalSuspended
                         | record a                   | PayloadDecrypted + TransactionRecorded + TapResolved
                         | the phone declines a       | TapResolved + TransactionDeclined
    paid a               | close the day              | DayClosed
                         | ask a                      | already so
                         | ask b of a phone that lies | refused StatusImplausible
                         | ask b of the same key      | refused FloorLimitExceeded
                         | ask b, too many wait       | refused StoredCountExceeded
                         | ask b, too much waits      | refused StoredSumExceeded
                         | resend a                   | refused DeductionNotOpen
                         | record a                   | already so
                         | reject a                   | refused DeductionNotOpen
                         | the phone declines a       | refused DeductionNotOpen
                         | tear a                     | already so
                         | give up a                  | refused SaleApproved
                         | void a as r-1              | TransactionVoided
                         | refund r-1 10.00           | RefundRecorded
                         | refund r-2 all             | RefundRecorded
                         | refund nothing             | refused AmountNotPositive
    paid a after a tear  | close the day              | DayClosed
                         | record a                   | already so
    given up a           | close the day              | DayClosed
                         | record a                   | refused DeductionNotOpen
                         | give up a                  | already so
    voided a             | void a as r-1              | already so
                         | void a as r-2              | refused AlreadyReversed
                         | refund r-1 10.00           | refused IdempotencyKeyReused
                         | refund r-2 all             | refused RefundExceedsOriginal
    gave 10.00 of a back | refund r-1 10.00           | already so
                         | refund r-1 other           | refused IdempotencyKeyReused
                         | refund r-2 all             | refused RefundExceedsOriginal
                         | void a as r-2              | refused AlreadyReversed
    paid a, day over     | open today                 | DayOpened
                         | open yesterday             | refused DayInThePast
                         | close the day              | refused DayNotOpen
                         | void a as r-1              | refused DayOver
                         | refund r-1 10.00           | refused DayNotOpen
    paid a, next day     | void a as r-1              | refused DayOver
                         | refund r-1 10.00           | RefundRecorded
                         | open today                 | refused DayStillOpen
                         | print a again              | ReceiptReprinted
    new                  | first supervisor           | StaffAppointed
                         | first cashier              | refused SupervisorFirst
                         | a name                     | refused StaffNumberMalformed
                         | 2 signs on                 | refused StaffUnknown
                         | signs off                  | already so
                         | print a again              | refused TransactionUnknown
                         | the day turns              | already so
                         | refund z r-1 20.00         | refused DayNotOpen
    day open             | open tomorrow over another | refused DayStillOpen
                         | the day goes on            | already so
                         | the day turns              | DayRolledOver
                         | refund z r-1 20.00         | RefundRecorded
                         | ask b too much             | refused TransactionLimitExceeded
                         | ask b too much, by 1       | refused NotASupervisor
    yesterday still open | open today                 | refused DayStillOpen
                         | open today over another    | DayRolledOver
                         | the day goes on            | DayRolledOver
    torn a               | the day turns              | DayRolledOver
    staffed              | ask b too much, by 1       | TapStarted + LicenseVerified + SupervisorOverrode + DeductionRequested
                         | ask b too much, by 2       | refused NotASupervisor
                         | ask b too much, no policy of it | refused OverrideNotAllowed
                         | ask b that lies, by 1      | refused OverrideNotAllowed
                         | ask b, 1 for nothing       | TapStarted + LicenseVerified + DeductionRequested
                         | first supervisor           | refused NotASupervisor
                         | 3 by 1                     | StaffAppointed
                         | 3 by 2                     | refused NotASupervisor
                         | 1 is a cashier now         | refused LastSupervisor
                         | dismiss 1                  | refused LastSupervisor
                         | dismiss 2                  | StaffDismissed
                         | 2 dismisses                | refused NotASupervisor
                         | 2 signs on                 | CashierSignedOn
                         | 3 signs on                 | refused StaffUnknown
                         | refund z r-1 20.00         | refused NoCashier
    signed on            | 2 signs on                 | already so
                         | 1 signs on                 | CashierSignedOff + CashierSignedOn
                         | signs off                  | CashierSignedOff
                         | dismiss 2                  | CashierSignedOff + StaffDismissed
                         | close the day              | DayClosed + CashierSignedOff
                         | the day turns              | DayRolledOver
                         | refund z r-1 20.00         | RefundRecorded
    paid a, staffed      | void a as r-1              | refused NoCashier
                         | refund r-1 10.00           | refused NoCashier
    gave 20.00 of z back | refund z r-1 20.00         | already so
                         | refund z r-2 10.00         | RefundRecorded
                         | refund z r-2 10.01         | refused RefundExceedsOriginal
  `,
})

import { account } from '#account'
import { accountWords } from '#account/events'
import { licenseWords, licensing } from '#account/licensing'
import type { AccountOrder } from '#account/state'
import { amount } from '#money'
import { matrix } from '../matrix.ts'

const acc = { account: 'acc-1' }
const eur = (minor: bigint) => ({ amount: amount(minor), currency: 'EUR' })
const open = { type: 'OpenAccount', ...acc, currency: 'EUR', limit: amount(500n) } as const
const known = (charged = 0n, drawn = charged) => ({
  charged,
  inDispute: amount(0n),
  drawn: amount(drawn),
  knownAt: 7,
})
const grant = (license: string, minor: bigint, owed = 0n) =>
  ({ type: 'GrantAllowance', ...acc, license, ...eur(minor), ...known(owed) }) as const
const release = (license: string) => ({ type: 'ReleaseAllowance', ...acc, license, drawn: amount(100n) }) as const
const free = (license: string, minor: bigint) =>
  ({ type: 'FreeAllowance', ...acc, license, amount: amount(minor), drawn: amount(0n), why: 'renewed' }) as const
const cover = (license: string) =>
  ({ type: 'CoverAllowance', ...acc, license, overdrawn: amount(50n), why: 'set back' }) as const
const limit = (minor: bigint, currency = 'EUR') =>
  ({ type: 'SetCreditLimit', ...acc, currency, limit: amount(minor) }) as const
const terms = (creditCounts: boolean, oversubscription: bigint, currency = 'EUR') =>
  ({ type: 'SetAccountTerms', ...acc, currency, creditCounts, oversubscription: amount(oversubscription) }) as const
const suspend = { type: 'SuspendAccount', ...acc, why: 'phone lost' } as const
const reinstate = { type: 'ReinstateAccount', ...acc, why: 'phone found' } as const
const beginClosing = { type: 'BeginClosing', ...acc, why: 'moves away' } as const
const close = (charged = 0n, drawn = charged) =>
  ({ type: 'CloseAccount', ...acc, figures: [{ currency: 'EUR', ...known(charged, drawn) }] }) as const
const closeDisputed = {
  type: 'CloseAccount',
  ...acc,
  figures: [{ currency: 'EUR', ...known(), inDispute: amount(1n) }],
} as const
const erase = { type: 'NoteErasure', ...acc, why: 'asked for' } as const
const repay = (repayment: string, minor: bigint, source = 'bank') =>
  ({ type: 'ReceiveRepayment', ...acc, repayment, ...eur(minor), source }) as const
const figures = { currency: 'EUR', ...known() }
const propose = (proposal: string, order: AccountOrder) =>
  ({ type: 'ProposeAccountOrder', ...acc, proposal, order, operator: 'ada', why: 'asked for', figures }) as const
const approve = (proposal: string, operator = 'bob') =>
  ({ type: 'ApproveAccountOrder', ...acc, proposal, operator, figures }) as const
const reject = (proposal: string) =>
  ({ type: 'RejectAccountOrder', ...acc, proposal, operator: 'bob', why: 'no' }) as const
const giveBack = (repayment: string) => propose(`back-${repayment}`, { kind: 'return', repayment })
const payOut = (proposal: string, minor: string, currency = 'EUR') =>
  ({
    ...propose(proposal, { kind: 'payout', amount: minor, currency, source: 'bank' }),
    figures: { ...figures, currency },
  }) as const
const raise = propose('to-9000', { kind: 'limit', currency: 'EUR', limit: '900000' })
const widen = propose('wide', { kind: 'terms', currency: 'EUR', creditCounts: false, oversubscription: '900000' })
const proposeOff = (writeOff: string, minor: bigint, charged: bigint) =>
  ({
    type: 'ProposeWriteOff',
    ...acc,
    writeOff,
    ...eur(minor),
    operator: 'operator:ada',
    why: 'gone',
    ...known(charged),
  }) as const
const rejectOff = (writeOff: string) =>
  ({ type: 'RejectWriteOff', ...acc, writeOff, operator: 'operator:bob', why: 'will pay' }) as const
const approveOff = (writeOff: string, operator: string, charged: bigint) =>
  ({
    type: 'ApproveWriteOff',
    ...acc,
    writeOff,
    operator,
    ...known(charged),
    charges: [{ merchant: 'm-1', amount: 300n, merchantBears: 50n }],
  }) as const
const recover = (recovery: string, minor: bigint) =>
  ({ type: 'RecoverDebt', ...acc, recovery, ...eur(minor), source: 'bank' }) as const
const off = [proposeOff('w-1', 300n, 300n), approveOff('w-1', 'operator:bob', 300n)]

matrix('an account', account, accountWords, {
  states: {
    nothing: [],
    'opened at 5.00': [open],
    'granted 3.00': [open, grant('l-1', 300n)],
    'freed 1.00 of 3.00': [open, grant('l-1', 300n), free('l-1', 100n)],
    'let go, 1.00 spent': [open, grant('l-1', 300n), release('l-1')],
    'limit cut to 2.00': [open, grant('l-1', 300n), limit(200n)],
    'may exceed by 1.00': [open, terms(false, 100n)],
    'repaid 1.00': [open, repay('r-1', 100n)],
    'return of it waits': [open, repay('r-1', 100n), giveBack('r-1')],
    'returned meanwhile': [
      open,
      repay('r-1', 100n),
      giveBack('r-1'),
      propose('p-2', { kind: 'return', repayment: 'r-1' }),
      approve('p-2'),
    ],
    'repaid and returned': [open, repay('r-1', 100n), giveBack('r-1'), approve('back-r-1')],
    'payout of 1.00 waits': [open, repay('r-1', 100n), payOut('p-1', '100')],
    'payout rejected': [open, repay('r-1', 100n), payOut('p-1', '100'), reject('p-1')],
    'paid out': [open, repay('r-1', 100n), payOut('p-1', '100'), approve('p-1')],
    'limit of 9000 waits': [open, raise],
    'limit of 9000': [open, raise, approve('to-9000')],
    'wider terms wait': [open, widen],
    suspended: [open, suspend],
    erased: [open, erase],
    closing: [open, beginClosing],
    'closing, 1.00 paid': [open, repay('r-1', 100n), beginClosing],
    'closing, 3.00 out': [open, grant('l-1', 300n), beginClosing],
    closed: [open, beginClosing, close()],
    'write-off of 3.00 waits': [open, proposeOff('w-1', 300n, 300n)],
    'write-off rejected': [open, proposeOff('w-1', 300n, 300n), rejectOff('w-1')],
    'written off 3.00': [open, ...off],
    'recovered 1.00 of it': [open, ...off, recover('c-1', 100n)],
  },
  commands: {
    OpenAccount: {
      open,
      'open otherwise': { ...open, limit: amount(1n) },
      'open beyond': { ...open, limit: amount(500_001n) },
    },
    SetCreditLimit: {
      'limit 5.00': limit(500n),
      'limit 6.00': limit(600n),
      'limit in CHF': limit(9n, 'CHF'),
      'limit 5000.01': limit(500_001n),
      'limit 6.00, one gives 5.99': { ...limit(600n), bound: amount(599n) },
    },
    SetAccountTerms: {
      'terms as they are': terms(false, 0n),
      'credit counts': terms(true, 0n),
      'terms in USD': terms(true, 0n, 'USD'),
      'terms beyond': terms(false, 499_501n),
    },
    SuspendAccount: { suspend },
    ReinstateAccount: { reinstate },
    BeginClosing: { 'begin closing': beginClosing },
    CloseAccount: { close: close(), 'close, 1.00 owed': close(100n, 0n), 'close, in dispute': closeDisputed },
    NoteErasure: { erase },
    GrantAllowance: {
      'grant l-1 3.00': grant('l-1', 300n),
      'grant l-1 other': grant('l-1', 299n),
      'grant l-2 2.00': grant('l-2', 200n),
      'grant l-2 4.00, 1.00 owed': grant('l-2', 400n, 100n),
      'grant l-2 6.00': grant('l-2', 600n),
      'grant nothing': grant('l-2', 0n),
      'grant in USD': { ...grant('l-2', 1n), currency: 'USD' },
    },
    FreeAllowance: {
      'free 1.00 of l-1': free('l-1', 100n),
      'free 4.00 of l-1': free('l-1', 400n),
      'free of l-9': free('l-9', 100n),
    },
    CoverAllowance: { 'cover 0.50 of l-1': cover('l-1'), 'cover of l-9': cover('l-9') },
    ReleaseAllowance: { 'release l-1': release('l-1'), 'release l-9': release('l-9') },
    ReceiveRepayment: {
      'repay r-1 1.00': repay('r-1', 100n),
      'repay r-1 other': repay('r-1', 101n),
      'repay r-1 elsewhere': repay('r-1', 100n, 'till'),
      'repay nothing': repay('r-2', 0n),
      'repay in USD': { ...repay('r-2', 1n), currency: 'USD' },
      'repay what is owed in USD': {
        ...repay('r-2', 1n),
        currency: 'USD',
        figures: { currency: 'USD', ...known(1n, 0n) },
      },
    },
    ProposeAccountOrder: {
      'return r-1': giveBack('r-1'),
      'return r-9': giveBack('r-9'),
      'pay out p-1 1.00': payOut('p-1', '100'),
      'pay out p-1 other': payOut('p-1', '99'),
      'pay out nothing': payOut('p-2', '0'),
      'pay out in USD': payOut('p-2', '1', 'USD'),
      'propose 9000': raise,
      'propose wider terms': widen,
    },
    ApproveAccountOrder: {
      'approve p-1': approve('p-1'),
      'approve p-1 as its proposer': approve('p-1', 'ada'),
      'approve back-r-1': approve('back-r-1'),
      'approve to-9000': approve('to-9000'),
      'approve wide': approve('wide'),
    },
    RejectAccountOrder: { 'reject p-1': reject('p-1') },
    ProposeWriteOff: {
      'propose w-1 3.00': proposeOff('w-1', 300n, 300n),
      'propose w-1 other': proposeOff('w-1', 299n, 300n),
      'propose more than owed': proposeOff('w-2', 301n, 300n),
      'propose nothing': proposeOff('w-2', 0n, 300n),
      'propose in USD': { ...proposeOff('w-2', 1n, 300n), currency: 'USD' },
    },
    RejectWriteOff: { 'reject w-1': rejectOff('w-1'), 'reject w-9': rejectOff('w-9') },
    ApproveWriteOff: {
      'approve w-1': approveOff('w-1', 'operator:bob', 300n),
      'approve one’s own': approveOff('w-1', 'operator:ada', 300n),
      'approve, repaid since': approveOff('w-1', 'operator:bob', 299n),
      'approve w-9': approveOff('w-9', 'operator:bob', 300n),
    },
    RecoverDebt: {
      'recover c-1 1.00': recover('c-1', 100n),
      'recover c-1 other': recover('c-1', 101n),
      'recover 3.01': recover('c-2', 301n),
      'recover nothing': recover('c-2', 0n),
    },
  },
  refusals: {
    AccountUnknown: true,
    AccountExists: true,
    AccountNotOpen: true,
    AccountNotSettled: true,
    ClosingNotBegun: true,
    CurrencyMismatch: true,
    AllowanceExceedsAvailable: true,
    AllowanceEmpty: true,
    AllowanceUnknown: true,
    AllowanceReleased: true,
    AllowanceNotLeft: true,
    LicenseAlreadyGranted: true,
    RepaymentEmpty: true,
    RepaymentDiffers: true,
    RepaymentUnknown: true,
    PayoutEmpty: true,
    PayoutExceedsCredit: true,
    RecoveryEmpty: true,
    RecoveryDiffers: true,
    RecoveryExceedsLoss: true,
    WriteOffEmpty: true,
    WriteOffDiffers: true,
    WriteOffExceedsOwed: true,
    WriteOffUnknown: true,
    WriteOffNotOpen: true,
    SecondPersonRequired: true,
    CreditBeyondBound: true,
    ProposalUnknown: true,
    ProposalDiffers: true,
    ProposalNotOpen: true,
    ProposalOvertaken: true,
  },
  rows: `
    nothing                 | open                      | AccountOpened
                            | open beyond               | refused CreditBeyondBound
                            | approve p-1               | refused AccountUnknown
                            | limit 5.00                | refused AccountUnknown
                            | credit counts             | refused AccountUnknown
                            | suspend                   | refused AccountUnknown
                            | reinstate                 | refused AccountUnknown
                            | begin closing             | refused AccountUnknown
                            | close                     | refused AccountUnknown
                            | erase                     | refused AccountUnknown
                            | grant l-1 3.00            | refused AccountUnknown
                            | free 1.00 of l-1          | refused AccountUnknown
                            | release l-1               | refused AccountUnknown
                            | repay r-1 1.00            | refused AccountUnknown
                            | return r-1                | refused AccountUnknown
                            | pay out p-1 1.00          | refused AccountUnknown
                            | propose w-1 3.00          | refused AccountUnknown
                            | approve w-1               | refused AccountUnknown
                            | reject w-1                | refused AccountUnknown
                            | recover c-1 1.00          | refused AccountUnknown
    opened at 5.00          | open                      | already so
                            | open otherwise            | refused AccountExists
                            | limit 5.00                | already so
                            | limit 6.00                | CreditLimitSet
                            | limit in CHF              | CreditLimitSet
                            | limit 5000.01             | refused CreditBeyondBound
                            | limit 6.00, one gives 5.99 | refused CreditBeyondBound
                            | terms beyond              | refused CreditBeyondBound
                            | propose 9000              | AccountOrderProposed
                            | propose wider terms       | AccountOrderProposed
                            | approve p-1               | refused ProposalUnknown
                            | reject p-1                | refused ProposalUnknown
                            | repay what is owed in USD | RepaymentReceived
                            | terms as they are         | already so
                            | credit counts             | AccountTermsSet
                            | terms in USD              | refused CurrencyMismatch
                            | suspend                   | AccountSuspended
                            | reinstate                 | already so
                            | begin closing             | AccountClosing
                            | close                     | refused ClosingNotBegun
                            | erase                     | PersonErased
                            | grant l-1 3.00            | AllowanceGranted
                            | grant l-2 4.00, 1.00 owed | AllowanceGranted
                            | grant l-2 6.00            | refused AllowanceExceedsAvailable
                            | grant nothing             | refused AllowanceEmpty
                            | grant in USD              | refused CurrencyMismatch
                            | free 1.00 of l-1          | refused AllowanceUnknown
                            | release l-1               | refused AllowanceUnknown
                            | repay r-1 1.00            | RepaymentReceived
                            | repay nothing             | refused RepaymentEmpty
                            | repay in USD              | refused CurrencyMismatch
                            | return r-1                | refused RepaymentUnknown
                            | pay out p-1 1.00          | refused PayoutExceedsCredit
                            | pay out nothing           | refused PayoutEmpty
                            | pay out in USD            | refused CurrencyMismatch
                            | propose w-1 3.00          | WriteOffProposed
                            | propose more than owed    | refused WriteOffExceedsOwed
                            | propose nothing           | refused WriteOffEmpty
                            | propose in USD            | WriteOffProposed
                            | approve w-1               | refused WriteOffUnknown
                            | reject w-1                | refused WriteOffUnknown
                            | recover c-1 1.00          | refused RecoveryExceedsLoss
                            | recover nothing           | refused RecoveryEmpty
    granted 3.00            | open                      | already so
                            | grant l-1 3.00            | already so
                            | grant l-1 other           | refused LicenseAlreadyGranted
                            | grant l-2 2.00            | AllowanceGranted
                            | grant l-2 4.00, 1.00 owed | refused AllowanceExceedsAvailable
                            | free 1.00 of l-1          | AllowanceReleased
                            | free 4.00 of l-1          | refused AllowanceNotLeft
                            | free of l-9               | refused AllowanceUnknown
                            | release l-1               | AllowanceReleased
                            | release l-9               | refused AllowanceUnknown
                            | cover of l-9              | refused AllowanceUnknown
                            | repay r-1 1.00            | RepaymentReceived
    freed 1.00 of 3.00      | free 1.00 of l-1          | already so
                            | cover 0.50 of l-1         | AllowanceReleased
                            | grant l-1 3.00            | already so
                            | release l-1               | AllowanceReleased
    let go, 1.00 spent      | grant l-1 3.00            | refused AllowanceReleased
                            | grant l-2 4.00, 1.00 owed | AllowanceGranted
                            | free 1.00 of l-1          | already so
                            | release l-1               | already so
                            | cover 0.50 of l-1         | already so
    limit cut to 2.00       | open                      | refused AccountExists
                            | limit 5.00                | CreditLimitSet
                            | grant l-2 2.00            | refused AllowanceExceedsAvailable
                            | release l-1               | AllowanceReleased
                            | repay r-1 1.00            | RepaymentReceived
    may exceed by 1.00      | terms as they are         | AccountTermsSet
                            | grant l-2 6.00            | AllowanceGranted
    repaid 1.00             | repay r-1 1.00            | already so
                            | repay r-1 other           | refused RepaymentDiffers
                            | repay r-1 elsewhere       | refused RepaymentDiffers
                            | return r-1                | AccountOrderProposed
                            | return r-9                | refused RepaymentUnknown
                            | pay out p-1 1.00          | AccountOrderProposed
                            | grant l-2 2.00            | AllowanceGranted
    return of it waits      | return r-1                | already so
                            | approve back-r-1          | RepaymentReturned
    returned meanwhile      | approve back-r-1          | refused ProposalOvertaken
    repaid and returned     | return r-1                | already so
                            | repay r-1 1.00            | already so
                            | pay out p-1 1.00          | refused PayoutExceedsCredit
    payout of 1.00 waits    | pay out p-1 1.00          | already so
                            | pay out p-1 other         | refused ProposalDiffers
                            | approve p-1               | PayerPaidOut
                            | approve p-1 as its proposer | refused SecondPersonRequired
                            | reject p-1                | AccountOrderRejected
    payout rejected         | approve p-1               | refused ProposalNotOpen
                            | reject p-1                | already so
    paid out                | pay out p-1 1.00          | already so
                            | pay out p-1 other         | refused ProposalDiffers
                            | approve p-1               | already so
                            | reject p-1                | refused ProposalNotOpen
    limit of 9000 waits     | approve to-9000           | CreditLimitSet
                            | limit 6.00                | CreditLimitSet
    limit of 9000           | limit 5000.01             | CreditLimitSet
                            | approve to-9000           | already so
    wider terms wait        | approve wide              | AccountTermsSet
    suspended               | suspend                   | already so
                            | reinstate                 | AccountReinstated
                            | begin closing             | AccountClosing
                            | close                     | refused ClosingNotBegun
                            | limit 6.00                | CreditLimitSet
                            | grant l-1 3.00            | refused AccountNotOpen
                            | repay r-1 1.00            | RepaymentReceived
    erased                  | erase                     | already so
    closing                 | suspend                   | refused AccountNotOpen
                            | reinstate                 | AccountReinstated
                            | begin closing             | already so
                            | close                     | AccountClosed
                            | close, 1.00 owed          | refused AccountNotSettled
                            | close, in dispute         | refused AccountNotSettled
                            | limit 6.00                | refused AccountNotOpen
                            | credit counts             | refused AccountNotOpen
                            | grant l-1 3.00            | refused AccountNotOpen
                            | repay r-1 1.00            | RepaymentReceived
    closing, 1.00 paid      | close                     | refused AccountNotSettled
                            | close, 1.00 owed          | AccountClosed
                            | pay out p-1 1.00          | AccountOrderProposed
    closing, 3.00 out       | close                     | refused AccountNotSettled
                            | release l-1               | AllowanceReleased
    closed                  | open                      | already so
                            | open otherwise            | refused AccountExists
                            | suspend                   | refused AccountNotOpen
                            | reinstate                 | refused AccountNotOpen
                            | begin closing             | already so
                            | close                     | already so
                            | limit 6.00                | refused AccountNotOpen
                            | grant l-1 3.00            | refused AccountNotOpen
                            | repay r-1 1.00            | RepaymentReceived
                            | propose w-1 3.00          | WriteOffProposed
                            | erase                     | PersonErased
    write-off of 3.00 waits | propose w-1 3.00          | already so
                            | propose w-1 other         | refused WriteOffDiffers
                            | approve w-1               | DebtWrittenOff
                            | approve one’s own         | refused SecondPersonRequired
                            | approve, repaid since     | refused WriteOffExceedsOwed
                            | approve w-9               | refused WriteOffUnknown
                            | reject w-1                | WriteOffRejected
                            | reject w-9                | refused WriteOffUnknown
    write-off rejected      | reject w-1                | already so
                            | approve w-1               | refused WriteOffNotOpen
                            | propose w-1 3.00          | already so
    written off 3.00        | approve w-1               | already so
                            | reject w-1                | refused WriteOffNotOpen
                            | recover c-1 1.00          | DebtRecovered
                            | recover 3.01              | refused RecoveryExceedsLoss
                            | close                     | refused ClosingNotBegun
    recovered 1.00 of it    | recover c-1 1.00          | already so
                            | recover c-1 other         | refused RecoveryDiffers
  `,
})

const license = { license: 'l-1' }
const expires = '2026-12-23T00:00:00.000Z'
const issue = {
  type: 'IssueLicense',
  ...license,
  ...acc,
  card: '9250000000000017',
  currency: 'EUR',
  allowance: amount(200n),
  document: 'hEOh',
  publicKey: 'BGsX',
  expires,
} as const
const revoke = { type: 'RevokeLicense', ...license, why: 'phone lost' } as const
const expire = { type: 'ExpireLicense', ...license, at: expires } as const
const testified = {
  payment: 'a'.repeat(64),
  transaction: '0f'.repeat(16),
  counter: 1,
  amount: '100',
  currency: 'EUR',
  terminal: 'T-1',
  merchant: 'm-1',
  shop: 's-1',
  signed: 'UEFJRA',
  getRequest: 'R0VU',
  getResponse: 'U1RBVFVT',
  put: 'UFVU',
} as const
const testify = { type: 'TestifyPayments', ...license, payments: [testified] } as const
const withReceipt = { ...testify, payments: [{ ...testified, receipt: 'UkVDRUlQVA' }] } as const

matrix('a license', licensing, licenseWords, {
  states: {
    nothing: [],
    issued: [issue],
    revoked: [issue, revoke],
    expired: [issue, expire],
    'expired, then revoked': [issue, expire, revoke],
    testified: [issue, testify],
    'testified, receipt and all': [issue, withReceipt],
  },
  commands: {
    IssueLicense: { issue, 'issue other content': { ...issue, document: 'hEOi' } },
    RevokeLicense: { revoke },
    ExpireLicense: { expire, 'expire too early': { ...expire, at: '2026-12-22T23:59:59.999Z' } },
    TestifyPayments: { testify, 'testify with the receipt': withReceipt },
  },
  refusals: { LicenseUnknown: true, LicenseExists: true, LicenseStillRuns: true },
  rows: `
    nothing                    | issue                    | LicenseIssued
                               | revoke                   | refused LicenseUnknown
                               | expire                   | refused LicenseUnknown
                               | expire too early         | refused LicenseUnknown
                               | testify                  | refused LicenseUnknown
    issued                     | issue                    | already so
                               | issue other content      | refused LicenseExists
                               | revoke                   | LicenseRevoked
                               | expire                   | LicenseExpired
                               | expire too early         | refused LicenseStillRuns
                               | testify                  | PhoneTestified
    revoked                    | issue                    | already so
                               | issue other content      | refused LicenseExists
                               | revoke                   | already so
                               | expire                   | already so
                               | expire too early         | already so
                               | testify                  | PhoneTestified
    expired                    | issue                    | already so
                               | issue other content      | refused LicenseExists
                               | revoke                   | LicenseRevoked
                               | expire                   | already so
    expired, then revoked      | issue                    | already so
                               | revoke                   | already so
                               | expire                   | already so
    testified                  | testify                  | already so
                               | testify with the receipt | PhoneTestified
                               | revoke                   | LicenseRevoked
    testified, receipt and all | testify with the receipt | already so
                               | testify                  | already so
  `,
})

import { account } from '#account'
import { accountWords } from '#account/events'
import { licenseWords, licensing } from '#account/licensing'
import { amount } from '#money'
import { matrix } from '../matrix.ts'

const acc = { account: 'acc-1' }
const eur = (minor: bigint) => ({ amount: amount(minor), currency: 'EUR' })
const open = { type: 'OpenAccount', ...acc, currency: 'EUR', limit: amount(500n) } as const
const grant = (license: string, minor: bigint, owed = 0n) =>
  ({
    type: 'GrantAllowance',
    ...acc,
    license,
    ...eur(minor),
    owed,
    inDispute: amount(0n),
    drawn: amount(owed),
    knownAt: 7,
  }) as const
const release = (license: string) => ({ type: 'ReleaseAllowance', ...acc, license, drawn: amount(100n) }) as const
const limit = (minor: bigint, currency = 'EUR') =>
  ({ type: 'SetCreditLimit', ...acc, currency, limit: amount(minor) }) as const
const repay = (repayment: string, minor: bigint) =>
  ({ type: 'ReceiveRepayment', ...acc, repayment, ...eur(minor), source: 'bank' }) as const

matrix('an account', account, accountWords, {
  states: {
    nothing: [],
    'opened at 5.00': [open],
    'granted 3.00': [open, grant('l-1', 300n)],
    'let go, 1.00 spent': [open, grant('l-1', 300n), release('l-1')],
    'limit cut to 2.00': [open, grant('l-1', 300n), limit(200n)],
    'repaid 1.00': [open, repay('r-1', 100n)],
  },
  commands: {
    OpenAccount: { open, 'open otherwise': { ...open, limit: amount(1n) } },
    SetCreditLimit: { 'limit 5.00': limit(500n), 'limit 6.00': limit(600n), 'limit in CHF': limit(9n, 'CHF') },
    GrantAllowance: {
      'grant l-1 3.00': grant('l-1', 300n),
      'grant l-1 other': grant('l-1', 299n),
      'grant l-2 2.00': grant('l-2', 200n),
      'grant l-2 4.00, 1.00 owed': grant('l-2', 400n, 100n),
      'grant nothing': grant('l-2', 0n),
      'grant in USD': { ...grant('l-2', 1n), currency: 'USD' },
    },
    ReleaseAllowance: { 'release l-1': release('l-1'), 'release l-9': release('l-9') },
    ReceiveRepayment: {
      'repay r-1 1.00': repay('r-1', 100n),
      'repay r-1 other': repay('r-1', 101n),
      'repay nothing': repay('r-2', 0n),
      'repay in USD': { ...repay('r-2', 1n), currency: 'USD' },
    },
  },
  refusals: {
    AccountUnknown: true,
    AccountExists: true,
    CurrencyMismatch: true,
    AllowanceExceedsAvailable: true,
    AllowanceEmpty: true,
    AllowanceUnknown: true,
    LicenseAlreadyGranted: true,
    RepaymentEmpty: true,
    RepaymentDiffers: true,
  },
  rows: `
    nothing            | open                      | AccountOpened
                       | limit 5.00                | refused AccountUnknown
                       | grant l-1 3.00            | refused AccountUnknown
                       | release l-1               | refused AccountUnknown
                       | repay r-1 1.00            | refused AccountUnknown
    opened at 5.00     | open                      | already so
                       | open otherwise            | refused AccountExists
                       | limit 5.00                | already so
                       | limit 6.00                | CreditLimitSet
                       | limit in CHF              | CreditLimitSet
                       | grant l-1 3.00            | AllowanceGranted
                       | grant l-2 4.00, 1.00 owed | AllowanceGranted
                       | grant nothing             | refused AllowanceEmpty
                       | grant in USD              | refused CurrencyMismatch
                       | release l-1               | refused AllowanceUnknown
                       | repay r-1 1.00            | RepaymentReceived
                       | repay nothing             | refused RepaymentEmpty
                       | repay in USD              | refused CurrencyMismatch
    granted 3.00       | open                      | already so
                       | grant l-1 3.00            | already so
                       | grant l-1 other           | refused LicenseAlreadyGranted
                       | grant l-2 2.00            | AllowanceGranted
                       | grant l-2 4.00, 1.00 owed | refused AllowanceExceedsAvailable
                       | release l-1               | AllowanceReleased
                       | release l-9               | refused AllowanceUnknown
                       | repay r-1 1.00            | RepaymentReceived
    let go, 1.00 spent | grant l-1 3.00            | already so
                       | grant l-1 other           | refused LicenseAlreadyGranted
                       | grant l-2 4.00, 1.00 owed | AllowanceGranted
                       | release l-1               | already so
    limit cut to 2.00  | open                      | refused AccountExists
                       | limit 5.00                | CreditLimitSet
                       | grant l-2 2.00            | refused AllowanceExceedsAvailable
                       | release l-1               | AllowanceReleased
                       | repay r-1 1.00            | RepaymentReceived
    repaid 1.00        | repay r-1 1.00            | already so
                       | repay r-1 other           | refused RepaymentDiffers
                       | grant l-2 2.00            | AllowanceGranted
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

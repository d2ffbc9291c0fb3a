import { type ActivationEvent, activation, activationWords } from '#account/activation'
import { licenseWords, licensing, type Testified } from '#account/licensing'
import { amount } from '#money'
import { matrix } from '../matrix.ts'
import { paymentAt, receiptedAt } from './phone-payments.ts'

const code = 'c0'.repeat(32)
const at = (hour: string) => `2026-11-${hour}:00:00.000Z`
const terms = { activation: code, account: 'anna', currency: 'EUR', expires: at('24T10') }
const say = (publicKey: string, hour: string) =>
  ({ type: 'ActivatePhone', activation: code, license: 'l-1', publicKey, at: at(hour) }) as const
const invite = { type: 'InvitePhone', ...terms, allowance: amount(20000n) } as const
const used: ActivationEvent = {
  type: 'PhoneActivated',
  data: { activation: code, account: 'anna', license: 'l-1', publicKey: 'BGsX' },
}

matrix('an activation code', activation, activationWords, {
  states: { nothing: [], given: [invite], used: [invite, used] },
  commands: {
    InvitePhone: { give: invite, 'give for nothing': { ...invite, allowance: amount(0n) } },
    ActivatePhone: {
      say: say('BGsX', '23T10'),
      'say late': say('BGsX', '24T10'),
      'say by another': say('BGsY', '23T10'),
      'say late by another': say('BGsY', '24T10'),
    },
  },
  refusals: { ActivationUnknown: true, ActivationExpired: true, ActivationUsed: true, AllowanceEmpty: true },
  rows: `
    nothing      | give                | PhoneInvited
                 | give for nothing    | refused AllowanceEmpty
                 | say                 | refused ActivationUnknown
                 | say late            | refused ActivationUnknown
                 | say by another      | refused ActivationUnknown
                 | say late by another | refused ActivationUnknown
    given        | give                | already so
                 | give for nothing    | already so
                 | say                 | PhoneActivated
                 | say late            | refused ActivationExpired
                 | say by another      | PhoneActivated
                 | say late by another | refused ActivationExpired
    used         | give                | already so
                 | give for nothing    | already so
                 | say                 | already so
                 | say late            | already so
                 | say by another      | refused ActivationUsed
                 | say late by another | refused ActivationUsed
  `,
})

const license = {
  license: 'l-1',
  account: 'anna',
  card: '9250000000000017',
  currency: 'EUR',
  document: 'hEOh',
  publicKey: 'BGsX',
  expires: at('23T10'),
}
const issue = { type: 'IssueLicense', ...license, allowance: amount(20000n) } as const
const revoke = { type: 'RevokeLicense', license: 'l-1', why: 'phone lost' } as const
const expire = (hour: string) => ({ type: 'ExpireLicense', license: 'l-1', at: at(hour) }) as const
const tell = (...payments: Testified[]) => ({ type: 'TestifyPayments', license: 'l-1', payments }) as const

matrix('a license', licensing, licenseWords, {
  states: {
    nothing: [],
    issued: [issue],
    revoked: [issue, revoke],
    expired: [issue, expire('23T10')],
    told: [issue, tell(paymentAt(1))],
    'told with its receipt': [issue, tell(receiptedAt(1))],
  },
  commands: {
    IssueLicense: { issue, 'issue with other content': { ...issue, document: 'hEOi' } },
    RevokeLicense: { revoke },
    ExpireLicense: { 'expire in time': expire('23T10'), 'expire early': expire('23T09') },
    TestifyPayments: { tell: tell(paymentAt(1)), 'tell with a receipt': tell(receiptedAt(1)), 'tell nothing': tell() },
  },
  refusals: { LicenseUnknown: true, LicenseExists: true, LicenseStillRuns: true },
  rows: `
    nothing               | issue                    | LicenseIssued
                          | revoke                   | refused LicenseUnknown
                          | expire in time           | refused LicenseUnknown
                          | tell                     | refused LicenseUnknown
                          | tell with a receipt      | refused LicenseUnknown
    issued                | issue                    | already so
                          | issue with other content | refused LicenseExists
                          | revoke                   | LicenseRevoked
                          | expire in time           | LicenseExpired
                          | expire early             | refused LicenseStillRuns
                          | tell                     | PhoneTestified
                          | tell with a receipt      | PhoneTestified
                          | tell nothing             | already so
    revoked               | issue                    | already so
                          | issue with other content | refused LicenseExists
                          | revoke                   | already so
                          | expire in time           | already so
                          | expire early             | already so
                          | tell                     | PhoneTestified
    expired               | issue                    | already so
                          | revoke                   | LicenseRevoked
                          | expire in time           | already so
                          | tell                     | PhoneTestified
    told                  | tell                     | already so
                          | tell with a receipt      | PhoneTestified
                          | revoke                   | LicenseRevoked
    told with its receipt | tell                     | already so
                          | tell with a receipt      | already so
  `,
})

import { describe, it } from 'vitest'
import { type LicenseEvent, licenseWords, licensing, type Testified } from '#account/licensing'
import { amount } from '#money'
import { deciding, refused } from '../given.ts'
import { paymentAt, receiptedAt } from './phone-payments.ts'

const given = deciding(licensing, licenseWords)

const terms = {
  license: 'l-1',
  account: 'acc-1',
  card: '9250000000000017',
  currency: 'EUR',
  document: 'hEOh',
  publicKey: 'BGsX',
  expires: '2026-12-23T00:00:00.000Z',
}
const issue = { type: 'IssueLicense', ...terms, allowance: amount(20000n) } as const
const issued: LicenseEvent = { type: 'LicenseIssued', data: { ...terms, allowance: '20000' } }
const revoke = { type: 'RevokeLicense', license: 'l-1', why: 'phone lost' } as const
const revoked: LicenseEvent = {
  type: 'LicenseRevoked',
  data: { license: 'l-1', account: 'acc-1', why: 'phone lost' },
}
const expire = (at: string) => ({ type: 'ExpireLicense', license: 'l-1', at }) as const
const expired: LicenseEvent = { type: 'LicenseExpired', data: { license: 'l-1', account: 'acc-1' } }

const testify = (...payments: Testified[]) => ({ type: 'TestifyPayments', license: 'l-1', payments }) as const
const testified = (...payments: Testified[]): LicenseEvent => ({
  type: 'PhoneTestified',
  data: { license: 'l-1', account: 'acc-1', payments },
})

describe('a license', () => {
  it('is issued', () => given().when(issue).then(issued))
  it('the same document issued again is the same license', () => given(issued).when(issue).then())
  it('a renewal takes a new id', () =>
    given(issued)
      .when({ ...issue, document: 'hEOi' })
      .then(refused('LicenseExists', { license: 'l-1' })))
  it('is revoked once', () => given(issued).when(revoke).then(revoked))
  it('is revoked, and stays so', () => given(issued, revoked).when(revoke).then())
  it('nobody revokes what was not issued', () => given().when(revoke).then(refused('LicenseUnknown')))
  it('expires when its hour strikes', () => given(issued).when(expire(terms.expires)).then(expired))
  it('not a millisecond before', () =>
    given(issued)
      .when(expire('2026-12-22T23:59:59.999Z'))
      .then(refused('LicenseStillRuns', { expires: terms.expires })))
  it('expires once', () => given(issued, expired).when(expire('2027-01-01T00:00:00.000Z')).then())
  it('a revoked one does not expire too', () => given(issued, revoked).when(expire('2027-01-01T00:00:00.000Z')).then())
  it('an expired one may still be revoked', () => given(issued, expired).when(revoke).then(revoked))
  it('a renewal says which license it follows', () =>
    given()
      .when({ ...issue, renews: 'l-0' })
      .then({ type: 'LicenseIssued', data: { ...terms, allowance: '20000', renews: 'l-0' } }))
})

describe('a phone’s testimony', () => {
  it('is taken', () =>
    given(issued)
      .when(testify(paymentAt(1), receiptedAt(2)))
      .then(testified(paymentAt(1), receiptedAt(2))))
  it('is taken once', () =>
    given(issued, testified(paymentAt(1)))
      .when(testify(paymentAt(1)))
      .then())
  it('of what is new only', () =>
    given(issued, testified(paymentAt(1)))
      .when(testify(paymentAt(1), paymentAt(2)))
      .then(testified(paymentAt(2))))
  it('a payment told twice at once is one', () =>
    given(issued)
      .when(testify(paymentAt(1), paymentAt(1)))
      .then(testified(paymentAt(1))))
  it('a receipt that came later is news', () =>
    given(issued, testified(paymentAt(1)))
      .when(testify(receiptedAt(1)))
      .then(testified(receiptedAt(1))))
  it('and is not lost again', () =>
    given(issued, testified(receiptedAt(1)))
      .when(testify(paymentAt(1)))
      .then())
  it('of a license that has ended is heard all the same', () =>
    given(issued, revoked)
      .when(testify(paymentAt(1)))
      .then(testified(paymentAt(1))))
  it('of no license is nobody’s', () =>
    given()
      .when(testify(paymentAt(1)))
      .then(refused('LicenseUnknown')))
})

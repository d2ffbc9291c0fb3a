import { describe, expect, it } from 'vitest'
import type { Bytes } from '#canonical/bytes'
import { firstFailure } from '#canonical/check'
import { issueLicense, type License } from '#license'
import { issueCertificate, type TerminalCertificate } from '#license/certificate'
import { checkCertificate, checkLicense } from '#license/checks'
import { parse1, sign1 } from '#license/cose'
import type { AuthorityKey, KeySet } from '#license/keyset'
import type { Policy } from '#license/rules'
import { nodeCrypto } from '#machine/crypto'
import { flipped, now_s, twin, world } from './fixture.ts'

const { keySet, denyList, policy, phone, terminal, licenseKey, certificateKey, ...here } = world()
const stranger = world('another authority')
const node = nodeCrypto()
const hour_s = 3_600
const day_s = 24 * hour_s

const asked = { license: phone.licenseBytes, keySet, denyList, policy, now_s, currency: 'EUR' }
type Asked = Parameters<typeof checkLicense>[1]

const judged = (change: Partial<Asked> = {}) => checkLicense(node, { ...asked, ...change })
const reasonOf = (change: Partial<Asked> = {}) => firstFailure(judged(change))?.reason

const licensed = (change: Partial<License>): Bytes =>
  issueLicense(here.crypto, { ...phone.license, ...change }, licenseKey)
const credited = (change: Partial<License['credit']>): Bytes =>
  licensed({ credit: { ...phone.license.credit, ...change } })
const keySetWith = (purpose: AuthorityKey['purpose'], change: Partial<AuthorityKey>): KeySet => ({
  ...keySet,
  keys: keySet.keys.map(key => (key.purpose === purpose ? { ...key, ...change } : key)),
})
const ruled = (change: Partial<Policy>): Policy => ({ ...policy, ...change })

describe('a license', () => {
  it('that holds passes every check, in the protocol’s order, each under its rules', () => {
    expect(judged().map(({ check, pass, rule }) => [check, pass, rule])).toEqual([
      ['license structure', true, undefined],
      ['license key', true, 'keySet 3'],
      ['license key purpose', true, 'keySet 3'],
      ['license key status', true, 'keySet 3'],
      ['license signature', true, 'keySet 3'],
      ['license start', true, undefined],
      ['license end', true, undefined],
      ['license currency', true, undefined],
      ['license not denied', true, 'denyList 7'],
      ['deny list age', true, 'denyList 7'],
      ['policy age', true, 'policy 2'],
    ])
  })

  const refused: readonly [string, Partial<Asked>, string, number][] = [
    ['that is none', { license: new Uint8Array(0) }, 'LicenseMalformed', 1],
    ['where no key set is', { keySet: undefined }, 'LicenseKeyUnknown', 2],
    ['of another authority', { license: stranger.phone.licenseBytes }, 'LicenseKeyUnknown', 2],
    [
      'by the key for certificates',
      { license: issueLicense(here.crypto, { ...phone.license, kid: terminal.certificate.kid }, certificateKey) },
      'LicenseKeyNotForLicenses',
      3,
    ],
    [
      'by a key whose time is over',
      { keySet: keySetWith('license', { expires: now_s - day_s }) },
      'LicenseKeyNotForLicenses',
      3,
    ],
    [
      'by a key whose time is to come',
      { keySet: keySetWith('license', { notBefore: now_s + day_s }) },
      'LicenseKeyNotForLicenses',
      3,
    ],
    ['by a compromised key', { keySet: keySetWith('license', { status: 'compromised' }) }, 'LicenseKeyCompromised', 4],
    [
      'of another authority, in our name',
      { license: issueLicense(here.crypto, phone.license, stranger.licenseKey) },
      'LicenseSignatureInvalid',
      5,
    ],
    [
      'by a key that is no point',
      { keySet: keySetWith('license', { publicKey: new Uint8Array(65).fill(4) }) },
      'LicenseSignatureInvalid',
      5,
    ],
    ['that starts tomorrow', { license: licensed({ notBefore: now_s + day_s }) }, 'LicenseNotYetValid', 6],
    ['that ended yesterday', { license: licensed({ expires: now_s - day_s }) }, 'LicenseExpired', 7],
    ['in another currency', { license: credited({ currency: 'CHF' }) }, 'CurrencyMismatch', 8],
    ['where no deny list is', { denyList: undefined }, 'DenyListMissing', 9],
    ['that is denied', { denyList: { ...denyList, licenses: [phone.license.id] } }, 'LicenseDenied', 9],
    ['whose card is denied', { denyList: { ...denyList, cards: [phone.license.card] } }, 'LicenseDenied', 9],
    ['where no policy is', { policy: undefined }, 'PolicyMissing', 10],
    ['under a deny list that is too old', { policy: ruled({ denyListAge_hours: 0 }) }, 'DenyListTooOld', 10],
    ['under a policy that is too old', { policy: ruled({ policyAge_hours: 23 }) }, 'PolicyTooOld', 11],
  ]
  it.each(refused)('%s', (_, change, reason, place) => {
    const checks = judged(change)
    expect(checks).toHaveLength(place)
    expect(checks.slice(0, -1).every(({ pass }) => pass)).toBe(true)
    expect(checks.at(-1)).toMatchObject({ pass: false, reason })
  })

  it('says what was expected and what was found', () => {
    expect(firstFailure(judged({ license: licensed({ expires: now_s - day_s }) }))).toEqual({
      check: 'license end',
      pass: false,
      reason: 'LicenseExpired',
      expected: 'before 2026-11-22T09:00:00.000Z',
      found: '2026-11-23T09:00:00.000Z',
    })
    expect(firstFailure(judged({ denyList: { ...denyList, licenses: [phone.license.id] } }))).toMatchObject({
      found: `license ${phone.license.id}`,
      rule: 'denyList 7',
    })
  })

  it('by a retired key holds still', () =>
    expect(reasonOf({ keySet: keySetWith('license', { status: 'retired' }) })).toBeUndefined())

  it('is granted the policy’s tolerance at both ends, to the second', () => {
    const { clockTolerance_s } = policy
    expect(reasonOf({ license: licensed({ notBefore: now_s + clockTolerance_s }) })).toBeUndefined()
    expect(reasonOf({ license: licensed({ notBefore: now_s + clockTolerance_s + 1 }) })).toBe('LicenseNotYetValid')
    expect(reasonOf({ license: licensed({ expires: now_s - clockTolerance_s + 1 }) })).toBeUndefined()
    expect(reasonOf({ license: licensed({ expires: now_s - clockTolerance_s }) })).toBe('LicenseExpired')
    // Without a policy there is no tolerance either.
    expect(reasonOf({ policy: undefined, license: licensed({ expires: now_s }) })).toBe('LicenseExpired')
  })

  it('is held against rules as old as they may be, and no older', () => {
    expect(reasonOf({ denyList: { ...denyList, issued: now_s - 72 * hour_s } })).toBeUndefined()
    expect(reasonOf({ denyList: { ...denyList, issued: now_s - 72 * hour_s - 1 } })).toBe('DenyListTooOld')
    expect(reasonOf({ policy: ruled({ issued: now_s - 720 * hour_s }) })).toBeUndefined()
    expect(reasonOf({ policy: ruled({ issued: now_s - 720 * hour_s - 1 }) })).toBe('PolicyTooOld')
  })

  it('signed as another kind of statement is not one', () => {
    const { payload, kid } = parse1(phone.licenseBytes)
    for (const type of ['payment', 'terminal-certificate', 'policy', ''])
      expect(reasonOf({ license: sign1(here.crypto, { payload, type, key: licenseKey, ...(kid && { kid }) }) })).toBe(
        'LicenseSignatureInvalid',
      )
  })

  it('with the twin of its signature holds as well', () =>
    expect(reasonOf({ license: twin(phone.licenseBytes) })).toBeUndefined())

  it('cut at any octet fails its first check', () => {
    for (let size = 0; size < phone.licenseBytes.length; size++)
      expect(reasonOf({ license: phone.licenseBytes.slice(0, size) })).toBe('LicenseMalformed')
  })

  it('with one bit turned over in any octet fails a named check', () => {
    const reasons = new Set<string | undefined>()
    for (let at = 0; at < phone.licenseBytes.length; at++)
      reasons.add(reasonOf({ license: flipped(phone.licenseBytes, at) }))
    expect(reasons).toEqual(new Set(['LicenseKeyUnknown', 'LicenseMalformed', 'LicenseSignatureInvalid']))
  })

  it('is judged alike over @noble', () => expect(checkLicense(here.crypto, asked)).toEqual(judged()))
})

describe('a terminal’s certificate', () => {
  const asked = { certificate: terminal.certificateBytes, keySet, mode: 'test', now_s } as const
  type Asked = Parameters<typeof checkCertificate>[1]
  const judged = (change: Partial<Asked> = {}) => checkCertificate(node, { ...asked, ...change })
  const reasonOf = (change: Partial<Asked> = {}) => firstFailure(judged(change))?.reason
  const certified = (change: Partial<TerminalCertificate>) =>
    issueCertificate(here.crypto, { ...terminal.certificate, ...change }, certificateKey)

  it('that holds passes every check', () =>
    expect(judged().map(({ check, pass }) => [check, pass])).toEqual([
      ['certificate structure', true],
      ['certificate key', true],
      ['certificate key purpose', true],
      ['certificate key status', true],
      ['certificate signature', true],
      ['certificate start', true],
      ['certificate end', true],
      ['certificate mode', true],
    ]))

  const refused: readonly [string, Partial<Asked>, string][] = [
    ['that is none', { certificate: phone.licenseBytes }, 'CertificateMalformed'],
    ['where no key set is', { keySet: undefined }, 'CertificateKeyUnknown'],
    ['of another authority', { certificate: stranger.terminal.certificateBytes }, 'CertificateKeyUnknown'],
    [
      'by the key for licenses',
      { certificate: issueCertificate(here.crypto, { ...terminal.certificate, kid: phone.license.kid }, licenseKey) },
      'CertificateKeyNotForCertificates',
    ],
    [
      'by a compromised key',
      { keySet: keySetWith('certificate', { status: 'compromised' }) },
      'CertificateKeyCompromised',
    ],
    [
      'of another authority, in our name',
      { certificate: issueCertificate(here.crypto, terminal.certificate, stranger.certificateKey) },
      'CertificateSignatureInvalid',
    ],
    ['that starts tomorrow', { certificate: certified({ notBefore: now_s + day_s }) }, 'CertificateNotYetValid'],
    ['that ended yesterday', { certificate: certified({ expires: now_s - day_s }) }, 'CertificateExpired'],
    ['of a live terminal, met by a test phone', { certificate: certified({ mode: 'live' }) }, 'ModeMismatch'],
    ['of a test terminal, met by a live phone', { mode: 'live' }, 'ModeMismatch'],
  ]
  it.each(refused)('%s', (_, change, reason) => expect(judged(change).at(-1)).toMatchObject({ pass: false, reason }))

  it('cut at any octet, or with one bit turned over in any, fails a named check', () => {
    const reasons = new Set<string | undefined>()
    for (let at = 0; at < terminal.certificateBytes.length; at++) {
      expect(reasonOf({ certificate: terminal.certificateBytes.slice(0, at) })).toBe('CertificateMalformed')
      reasons.add(reasonOf({ certificate: flipped(terminal.certificateBytes, at) }))
    }
    expect(reasons).toEqual(new Set(['CertificateKeyUnknown', 'CertificateMalformed', 'CertificateSignatureInvalid']))
  })
})

import { equal, hex } from '#canonical/bytes'
import { type Check, failed, passed } from '#canonical/check'
import type { Crypto } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import type { Amount, Currency } from '#money'
import { certificateOf } from './certificate.ts'
import { parse1, type Signed, verify1 } from './cose.ts'
import { type KeySet, keyOf, type Purpose } from './keyset.ts'
import { type License, readSignedLicense, type SignedLicense } from './license.ts'
import type { OpenedPayment, Payment, UnopenedPayment } from './payment.ts'
import type { Deduction } from './records.ts'
import type { DenyList, Policy } from './rules.ts'
import { tacOf } from './tac.ts'

/**
 * What a terminal, the centre, a replay and a stranger check, in the protocol's order, each with its own reason. A
 * list ends at its first failure, and what is missing fails: nothing is passed over in silence.
 */

/* ---- the license */

export const checkLicense = (
  crypto: Crypto,
  asked: {
    readonly license: Uint8Array | SignedLicense | Malformed
    readonly keySet: KeySet | undefined
    readonly denyList?: DenyList | undefined
    readonly policy?: Policy | undefined
    readonly now_s: number
    readonly currency: Currency
    /** Reasons that somebody let pass: such a failure is told, and does not end the list. */
    readonly waived?: readonly string[] | undefined
  },
): Check[] => untilFailure(licenseChecks(crypto, asked), asked.waived)

function* licenseChecks(crypto: Crypto, asked: Parameters<typeof checkLicense>[1]): Generator<Check> {
  const { keySet, denyList, policy, now_s, currency } = asked
  const read = asked.license instanceof Uint8Array ? readSignedLicense(asked.license) : asked.license
  if (read instanceof Malformed) {
    yield failed('license structure', 'LicenseMalformed', 'a license', read.message)
    return
  }
  yield passed('license structure')
  const { signed, license } = read
  const tolerance_s = policy?.clockTolerance_s ?? 0
  yield* authorityChecks(crypto, signed, license.kid, keySet, now_s, tolerance_s, licenseWords)
  yield* dateChecks(license, now_s, tolerance_s, licenseWords)
  yield holds(
    license.credit.currency === currency,
    'license currency',
    'CurrencyMismatch',
    currency,
    license.credit.currency,
  )

  if (!denyList) {
    yield failed('license not denied', 'DenyListMissing', 'a deny list', 'none')
    return
  }
  const denyRule = `denyList ${denyList.version}`
  const denied = denyList.licenses.includes(license.id)
    ? `license ${license.id}`
    : denyList.cards.includes(license.card)
      ? `card ${license.card}`
      : undefined
  yield holds(
    denied === undefined,
    'license not denied',
    'LicenseDenied',
    'not on the deny list',
    denied ?? '',
    denyRule,
  )

  if (!policy) {
    yield failed('policy age', 'PolicyMissing', 'a policy', 'none')
    return
  }
  const { denyListAge_hours, policyAge_hours } = policy
  const policyRule = `policy ${policy.version}`
  // A policy of before the second suite names none, and its checks are in logs: they are made as they were.
  const { suite } = license.credit
  if (policy.suites || suite !== 'P256-AUTH') {
    const allowed = policy.suites ?? ['P256-AUTH']
    yield holds(
      allowed.includes(suite),
      'license suite',
      'SuiteNotAllowed',
      allowed.join(' or ') || 'none',
      suite,
      policyRule,
    )
  }
  yield ageCheck('deny list age', 'DenyListTooOld', denyList.issued, now_s, denyListAge_hours, denyRule)
  yield ageCheck('policy age', 'PolicyTooOld', policy.issued, now_s, policyAge_hours, policyRule)
}

/* ---- the terminal's certificate, which the phone checks */

/** A phone holds no policy: how far its clock may be off is its own affair. */
const phoneTolerance_s = 300

export const checkCertificate = (
  crypto: Crypto,
  asked: {
    readonly certificate: Uint8Array
    readonly keySet: KeySet | undefined
    readonly mode: 'test' | 'live'
    readonly now_s: number
  },
): Check[] => untilFailure(certificateChecks(crypto, asked))

function* certificateChecks(crypto: Crypto, asked: Parameters<typeof checkCertificate>[1]): Generator<Check> {
  const { keySet, mode, now_s } = asked
  const read = reading(() => {
    const signed = parse1(asked.certificate)
    return { signed, certificate: certificateOf(signed) }
  })
  if (read instanceof Malformed) {
    yield failed('certificate structure', 'CertificateMalformed', 'a certificate', read.message)
    return
  }
  yield passed('certificate structure')
  const { signed, certificate } = read
  yield* authorityChecks(crypto, signed, certificate.kid, keySet, now_s, phoneTolerance_s, certificateWords)
  yield* dateChecks(certificate, now_s, phoneTolerance_s, certificateWords)
  yield holds(certificate.mode === mode, 'certificate mode', 'ModeMismatch', mode, certificate.mode)
}

/* ---- the payment */

/** What `openPayment` found, held against what was asked of the phone and what its status said. */
export const checkPayment = (asked: {
  readonly opened: OpenedPayment | UnopenedPayment
  readonly deduction: Pick<Deduction, 'transaction' | 'amount' | 'currency' | 'counter'>
  readonly license: Pick<License, 'id' | 'card'>
  readonly tapHash: Uint8Array
  /** The allowance before this payment, as the phone's status had it. */
  readonly allowanceLeft: Amount
}): Check[] => untilFailure(paymentChecks(asked))

function* paymentChecks(asked: Parameters<typeof checkPayment>[0]): Generator<Check> {
  const { opened, deduction, license, tapHash, allowanceLeft } = asked
  yield* opened.checks
  if ('failure' in opened) return
  const { payment } = opened
  yield same('payment transaction', 'TransactionMismatch', deduction.transaction, payment.transaction)
  yield same('payment amount', 'AmountMismatch', `${deduction.amount}`, `${payment.amount}`)
  yield same('payment currency', 'CurrencyMismatch', deduction.currency, payment.currency)
  yield same('payment card', 'CardMismatch', license.card, payment.card)
  yield same('payment license', 'LicenseMismatch', license.id, payment.license)
  yield same('payment counter', 'CounterMismatch', `${deduction.counter}`, `${payment.counter}`)
  yield same('payment tap hash', 'TapHashMismatch', tapHash, payment.tapHash)
  const left = `${allowanceLeft - payment.amount}`
  yield same('payment allowance', 'AllowanceMismatch', left, `${payment.allowanceAfter}`)
}

/** At the centre, which alone has the TAC key. */
export const checkTac = (crypto: Crypto, payment: Payment, tacKey: Uint8Array): Check => {
  const expected = tacOf(crypto, tacKey, payment)
  return holds(equal(expected, payment.tac), 'payment TAC', 'TacInvalid', hex(expected), hex(payment.tac))
}

/* ---- what license and certificate have in common */

type Words = {
  readonly subject: string
  readonly purpose: Purpose
  readonly keyUnknown: string
  readonly otherPurpose: string
  readonly compromised: string
  readonly signature: string
  readonly notYetValid: string
  readonly expired: string
}

const licenseWords: Words = {
  subject: 'license',
  purpose: 'license',
  keyUnknown: 'LicenseKeyUnknown',
  otherPurpose: 'LicenseKeyNotForLicenses',
  compromised: 'LicenseKeyCompromised',
  signature: 'LicenseSignatureInvalid',
  notYetValid: 'LicenseNotYetValid',
  expired: 'LicenseExpired',
}

const certificateWords: Words = {
  subject: 'certificate',
  purpose: 'certificate',
  keyUnknown: 'CertificateKeyUnknown',
  otherPurpose: 'CertificateKeyNotForCertificates',
  compromised: 'CertificateKeyCompromised',
  signature: 'CertificateSignatureInvalid',
  notYetValid: 'CertificateNotYetValid',
  expired: 'CertificateExpired',
}

/** The key that a statement names: in the set, for this purpose, in its dates, not compromised; and its signature. */
function* authorityChecks(
  crypto: Crypto,
  signed: Signed,
  kid: Uint8Array,
  keySet: KeySet | undefined,
  now_s: number,
  tolerance_s: number,
  words: Words,
): Generator<Check> {
  const { subject, purpose } = words
  const key = keySet && keyOf(keySet, kid)
  if (!keySet || !key) {
    const expected = keySet ? `a key of key set ${keySet.version}` : 'a key set'
    yield failed(`${subject} key`, words.keyUnknown, expected, keySet ? hex(kid) : 'none')
    return
  }
  const rule = `keySet ${keySet.version}`
  yield passed(`${subject} key`, rule)
  const runs = now_s + tolerance_s >= key.notBefore && now_s - tolerance_s < key.expires
  const found = `a ${key.purpose} key from ${instant(key.notBefore)} to ${instant(key.expires)}`
  const check = `${subject} key purpose`
  yield holds(
    key.purpose === purpose && runs,
    check,
    words.otherPurpose,
    `a ${purpose} key at ${instant(now_s)}`,
    found,
    rule,
  )
  const sound = key.status !== 'compromised'
  yield holds(sound, `${subject} key status`, words.compromised, 'active or retired', key.status, rule)
  const type = subject === 'certificate' ? 'terminal-certificate' : subject
  const valid = verify1(crypto, { bytes: signed, type, curve: key.curve, publicKey: key.publicKey }) !== null
  yield holds(valid, `${subject} signature`, words.signature, `a signature by key ${hex(kid)}`, 'another', rule)
}

function* dateChecks(
  { notBefore, expires }: { readonly notBefore: number; readonly expires: number },
  now_s: number,
  tolerance_s: number,
  { subject, notYetValid, expired }: Words,
): Generator<Check> {
  const [now, from, to] = [instant(now_s), instant(notBefore), instant(expires)]
  yield holds(now_s + tolerance_s >= notBefore, `${subject} start`, notYetValid, `from ${from}`, now)
  yield holds(now_s - tolerance_s < expires, `${subject} end`, expired, `before ${to}`, now)
}

const ageCheck = (
  check: string,
  reason: string,
  issued: number,
  now_s: number,
  max_hours: number,
  rule: string,
): Check =>
  holds(
    now_s - issued <= max_hours * 3600,
    check,
    reason,
    `issued within ${max_hours} hours`,
    `issued ${instant(issued)}`,
    rule,
  )

const holds = (pass: boolean, check: string, reason: string, expected: string, found: string, rule?: string): Check =>
  pass ? passed(check, rule) : failed(check, reason, expected, found, rule)

const untilFailure = (checks: Iterable<Check>, waived: readonly string[] = []): Check[] => {
  const made: Check[] = []
  for (const check of checks) {
    made.push(check)
    if (!check.pass && !waived.includes(check.reason ?? '')) break
  }
  return made
}

const reading = <Value>(read: () => Value): Value | Malformed => {
  try {
    return read()
  } catch (error) {
    if (error instanceof Malformed) return error
    throw error
  }
}

const same = (check: string, reason: string, expected: string | Uint8Array, found: string | Uint8Array): Check => {
  const [wanted, had] = [word(expected), word(found)]
  return holds(wanted === had, check, reason, wanted, had)
}

const word = (value: string | Uint8Array): string => (typeof value === 'string' ? value : hex(value))

/** Beyond the year 9999 there is only the number. */
const instant = (time_s: number): string =>
  time_s < 253_402_300_800 ? new Date(time_s * 1000).toISOString() : `${time_s} s`

import type { Check } from '#canonical/check'

/**
 * Accepted or held: the one table. A payment that bears the payer's signature and breaks a limit is a debt with an
 * exception: the goods are gone, and the payer said yes. One that does not bear it never touches a payer.
 */
export const verdictRule = 1

type Breach = {
  /** The exception that an accepted payment carries for it. */
  readonly exception: string
  /** Who bears what is over the allowance if it is written off. */
  readonly owner: 'merchant' | 'operator'
}

/**
 * Reasons of failed checks that leave a payment accepted. Whatever is not here holds it, a reason that nobody knew when
 * this was written included.
 */
const breaches: Readonly<Record<string, Breach>> = {
  LicenseExpired: { exception: 'LicenseInvalidAtTap', owner: 'merchant' },
  LicenseNotYetValid: { exception: 'LicenseInvalidAtTap', owner: 'merchant' },
  LicenseDenied: { exception: 'DenyListedAtTap', owner: 'operator' },
  DenyListMissing: { exception: 'DenyListedAtTap', owner: 'merchant' },
  DenyListTooOld: { exception: 'DenyListedAtTap', owner: 'merchant' },
  PolicyMissing: { exception: 'LateArrival', owner: 'merchant' },
  PolicyTooOld: { exception: 'LateArrival', owner: 'merchant' },
  AllowanceExceeded: { exception: 'OverAllowance', owner: 'operator' },
  TransactionLimitExceeded: { exception: 'OverAllowance', owner: 'operator' },
  OfflineCountExceeded: { exception: 'OverAllowance', owner: 'operator' },
  OfflineSumExceeded: { exception: 'OverAllowance', owner: 'operator' },
  CounterReused: { exception: 'CounterReused', owner: 'operator' },
}

export type Verdict =
  | { readonly verdict: 'accepted'; readonly exceptions: readonly string[]; readonly owner: 'merchant' | 'operator' }
  | { readonly verdict: 'held'; readonly reason: string }

/** `signatureChecked` is false where no check of the payer's signature was made: missing data is a failed check. */
export const verdictOn = (checks: readonly Check[], signatureChecked: boolean): Verdict => {
  const failures = checks.filter(check => !check.pass)
  const holds = failures.find(check => breaches[check.reason ?? ''] === undefined)
  if (holds) return { verdict: 'held', reason: holds.reason ?? 'CheckFailed' }
  if (!signatureChecked) return { verdict: 'held', reason: 'PaymentSignatureMissing' }
  const found = failures.map(check => breaches[check.reason ?? ''] as Breach)
  return {
    verdict: 'accepted',
    exceptions: [...new Set(found.map(breach => breach.exception))],
    owner: found.some(breach => breach.owner === 'merchant') ? 'merchant' : 'operator',
  }
}

import type { Check } from '#canonical/check'

/**
 * Accepted or held: the one table. A payment that bears the payer's signature and breaks a limit is a debt with an
 * exception: the goods are gone, and the payer said yes. One that does not bear it never touches a payer.
 */

type Breach = {
  /** The exception that an accepted payment carries for it; null where it only says who owns the excess. */
  readonly exception: string | null
  /** Who bears what is over the allowance if it is written off. */
  readonly owner: 'merchant' | 'operator'
}

/**
 * Reasons of failed checks that leave a payment accepted, by version of the rule. Whatever is not here holds it, a reason
 * that nobody knew when this was written included. A version that a log has adopted is never edited: write the next one.
 */
type Breaches = Readonly<Record<string, Breach>>

const first: Breaches = {
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

const second: Breaches = {
  ...first,
  // A shop that took what its list forbade owns it; before the list reached it, the operator does (AccountBarred).
  LicenseDenied: { exception: 'DenyListedAtTap', owner: 'merchant' },
  // Only a license that was issued before the compromise was known gets this far: any other is LicenseUnknown.
  LicenseKeyCompromised: { exception: 'LicenseInvalidAtTap', owner: 'merchant' },
  SupervisorOverrode: { exception: null, owner: 'merchant' },
  AccountBarred: { exception: 'DenyListedAtTap', owner: 'operator' },
  AccountClosed: { exception: 'LateArrival', owner: 'operator' },
  // No phone pays to such a terminal that looks at its own clock: the merchant let it go on.
  TerminalCertificateExpired: { exception: 'CertificateExpiredAtTap', owner: 'merchant' },
}

// The third and the fourth judge payments as the second; reversals, counters and holds otherwise (libs/evidence).
const rules: readonly Breaches[] = [first, second, second, second]

/** The newest version. */
export const verdictRule = rules.length

export type Verdict =
  | { readonly verdict: 'accepted'; readonly exceptions: readonly string[]; readonly owner: 'merchant' | 'operator' }
  | { readonly verdict: 'held'; readonly reason: string }

/** `signatureChecked` is false where no check of the payer's signature was made: missing data is a failed check. */
export const verdictOn = (checks: readonly Check[], signatureChecked: boolean, rule: number): Verdict => {
  const breaches = rules[rule - 1]
  if (!breaches) throw new RangeError(`There is no version ${rule} of the verdict rule`)
  const failures = checks.filter(check => !check.pass)
  const holds = failures.find(check => !Object.hasOwn(breaches, check.reason ?? ''))
  if (holds) return { verdict: 'held', reason: holds.reason ?? 'CheckFailed' }
  if (!signatureChecked) return { verdict: 'held', reason: 'PaymentSignatureMissing' }
  const found = failures.map(check => breaches[check.reason ?? ''] as Breach)
  return {
    verdict: 'accepted',
    exceptions: [...new Set(found.flatMap(({ exception }) => exception ?? []))],
    owner: found.some(breach => breach.owner === 'merchant') ? 'merchant' : 'operator',
  }
}

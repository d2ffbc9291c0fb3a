import type { TerminalCertificate } from './certificate.ts'
import { type KeySet, keyFor } from './keyset.ts'

/** When a terminal's certificate is renewed, and how its end comes near: alike for the terminal that asks and the centre. */

/** Why a certificate is to be renewed; undefined while it is as it should be. */
export const renewalDue = (
  certificate: Pick<TerminalCertificate, 'notBefore' | 'expires' | 'shop' | 'kid'>,
  asked: { readonly now_s: number; readonly shop: string; readonly keySet: KeySet | undefined },
): 'half-life' | 'shop' | 'key' | undefined => {
  const { notBefore, expires, shop, kid } = certificate
  // What was signed with a key that is named as stolen holds for nobody, however long it still runs.
  if (asked.keySet && !keyFor(asked.keySet, kid, 'certificate')) return 'key'
  if (shop !== asked.shop) return 'shop'
  return asked.now_s >= notBefore + (expires - notBefore) / 2 ? 'half-life' : undefined
}

const day_s = 86_400
/** The days before its end on which people are warned. */
export const warnings_days = [14, 7, 1] as const

export type CertificateEnd = {
  /** Whole days, rounded up; 0 once it has run out. */
  readonly daysLeft: number
  /** The nearest of the days on which people are warned; 0 once it has run out, null while there is time. */
  readonly warning: 14 | 7 | 1 | 0 | null
}

export const endOf = (expires_s: number, now_s: number): CertificateEnd => {
  const left_s = expires_s - now_s
  if (left_s <= 0) return { daysLeft: 0, warning: 0 }
  const warning = warnings_days.findLast(days => left_s <= days * day_s) ?? null
  return { daysLeft: Math.ceil(left_s / day_s), warning }
}

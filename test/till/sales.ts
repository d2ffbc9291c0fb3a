import type { Policy } from '#license/rules'
import { type Amount, amount } from '#money'
import type { LicenseFacts, TapStart } from '#till/commands'

/** One morning at a till: its policy, a phone that comes, and the sale that it is asked to pay. */

export const today = '2026-11-23'
export const occurred = `${today}T09:00:00.000Z`
export const now_ms = Date.parse(occurred)

export const eur = (minor: bigint): Amount => amount(minor)
/** A transaction's id by a word that a reader can follow. */
export const id = (word: string): string => Buffer.from(word).toString('hex').padEnd(32, '0')

export const policy: Policy = {
  version: 1,
  issued: now_ms / 1000,
  currency: 'EUR',
  perTransaction: eur(5_000n),
  sinceSeen: { count: 9, sum: eur(9_000n) },
  perKeyOnTerminal: eur(6_000n),
  stored: { count: 5, sum: eur(9_500n) },
  hoursSinceSync: 72,
  denyListAge_hours: 96,
  policyAge_hours: 720,
  clockTolerance_s: 300,
  roundTrip_ms: 1500,
  overridable: [],
}
export const phone: LicenseFacts = {
  license: 'l-1',
  card: 'card 1',
  allowance: eur(20_000n),
  allowanceLeft: eur(20_000n),
  perTransaction: eur(5_000n),
  consecutive: 10,
  counterAtIssue: 0,
  counter: 0,
}

/** What passes between phone and till before anything is paid. */
export const frames = {
  radio: 'loopback',
  sealing: { publicKey: 'cHVi', privateKey: 'cHJpdg' },
  getRequest: 'R0VU',
  getResponse: 'U1RBVFVT',
} as const

export const start = (
  word: string,
  gross: bigint,
  { sale = `sale ${word}`, tap = 1 }: { readonly sale?: string; readonly tap?: number } = {},
): TapStart => ({
  tap,
  transaction: id(word),
  sale: { sale, amount: eur(gross), currency: 'EUR', state: 'waiting' },
  ...frames,
})

import { describe, expect, it } from 'vitest'
import type { Policy } from '#license/rules'
import { type Amount, amount } from '#money'
import { decide, evolve } from '#till'
import type { LicenseFacts, TapStart } from '#till/commands'
import { emptyTill } from '#till/state'

/** Each rule of the policy with each datum that it rests on missing: what is not known is not allowed. */

const now_ms = Date.parse('2026-11-23T09:00:00.000Z')
const eur = (minor: bigint): Amount => amount(minor)
const policy: Policy = {
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
const license: LicenseFacts = {
  license: 'l-1',
  card: 'card 1',
  allowance: eur(20_000n),
  allowanceLeft: eur(20_000n),
  perTransaction: eur(5_000n),
  consecutive: 10,
  counterAtIssue: 0,
  counter: 0,
}
const start: TapStart = {
  tap: 1,
  transaction: 'a'.repeat(32),
  sale: { sale: 'sale a', amount: eur(1_000n), currency: 'EUR', state: 'waiting' },
  radio: 'loopback',
  sealing: { publicKey: 'cHVi', privateKey: 'cHJpdg' },
  getRequest: 'R0VU',
  getResponse: 'U1RBVFVT',
}
const whole = { policy, license, clock: { now_ms, lastSync_ms: now_ms } }
type Asked = { policy: unknown; license: unknown; clock: unknown }

/** Without what the path names, as a document would be that lost it on its way. */
const without = (path: string): Asked => {
  const asked = structuredClone(whole) as unknown as Record<string, unknown>
  const names = path.split('.')
  const last = names.pop() as string
  const at = names.reduce((held, name) => held[name] as Record<string, unknown>, asked)
  delete at[last]
  return asked as Asked
}
const ask = ({ policy, license, clock }: Asked) => {
  const till = evolve(emptyTill(), { type: 'DayOpened', data: { businessDate: '2026-11-23' }, revision: 0 })
  return decide({ type: 'RequestDeduction', start, checks: [], put: 'UFVU', policy, license, clock } as never, till)
}

describe('a rule of which a datum is missing', () => {
  it('nothing missing, nothing broken', () => expect(ask(whole)).toHaveLength(3))

  it.each([
    ['policy', 'PolicyMissing'],
    ['policy.currency', 'CurrencyMismatch'],
    ['policy.perTransaction', 'TransactionLimitExceeded'],
    ['license.perTransaction', 'TransactionLimitExceeded'],
    ['license.allowance', 'StatusImplausible'],
    ['license.allowanceLeft', 'StatusImplausible'],
    ['license.counter', 'StatusImplausible'],
    ['license.counterAtIssue', 'StatusImplausible'],
    ['license.consecutive', 'OfflineCountExceeded'],
    ['policy.sinceSeen', 'OfflineCountExceeded'],
    ['policy.sinceSeen.count', 'OfflineCountExceeded'],
    ['policy.sinceSeen.sum', 'OfflineSumExceeded'],
    ['policy.perKeyOnTerminal', 'FloorLimitExceeded'],
    ['policy.stored', 'StoredCountExceeded'],
    ['policy.stored.count', 'StoredCountExceeded'],
    ['policy.stored.sum', 'StoredSumExceeded'],
    ['policy.hoursSinceSync', 'SyncTooLongAgo'],
    ['clock.lastSync_ms', 'SyncTooLongAgo'],
    ['clock.now_ms', 'SyncTooLongAgo'],
  ])('%s is refused as %s', (path, reason) => {
    const answer = ask(without(path))
    expect(answer).toMatchObject({ reason })
    expect((answer as { message: string }).message).toMatch(/^.{20,}\.$/s)
  })
})

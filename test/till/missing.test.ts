import { describe, expect, it } from 'vitest'
import { decide, evolve } from '#till'
import { emptyTill } from '#till/state'
import { now_ms, phone, policy, start, today } from './sales.ts'

/** Each rule of the policy with each datum that it rests on missing: what is not known is not allowed. */

const whole = { policy, license: phone, clock: { now_ms, lastSync_ms: now_ms } }
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
  const till = evolve(emptyTill(), { type: 'DayOpened', data: { businessDate: today }, revision: 0 })
  return decide(
    { type: 'RequestDeduction', start: start('a', 1_000n), checks: [], put: 'UFVU', policy, license, clock } as never,
    till,
  )
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

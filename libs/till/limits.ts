import type { Check } from '#canonical/check'
import type { Refusal } from '#canonical/decider'
import type { Policy } from '#license/rules'
import { formatAmount } from '#money'
import type { LicenseFacts, Override, TapStart, TillClock } from './commands.ts'
import { refuseOverride } from './override.ts'
import { atStake, type Till, waitingOf } from './state.ts'

/** The rules that a terminal enforces offline, each with its own reason, in the order of the protocol paper. */

type Asked = {
  readonly start: TapStart
  readonly checks: readonly Check[]
  readonly license: LicenseFacts
  readonly policy: Policy | undefined
  readonly clock: TillClock
}

/** What a supervisor let pass of the rules that this tap breaks; or the first broken rule that nobody let pass. */
export const judgeTap = (till: Till, asked: Asked, overrides: readonly Override[]): readonly Override[] | Refusal => {
  const used: Override[] = []
  for (const broken of brokenRules(till, asked)) {
    const override = overrides.find(({ rule }) => rule === broken.reason)
    if (!override) return broken
    const unlawful = refuseOverride(till, asked.policy, override)
    if (unlawful) return unlawful
    used.push(override)
  }
  return used
}

/**
 * Each rule is written as what must hold, so that a figure that is missing breaks it: no comparison with nothing is
 * true. A rule without which the others cannot be asked ends the list.
 */
function* brokenRules(till: Till, { start, checks, license, policy, clock }: Asked): Generator<Refusal> {
  const { sale } = start
  const figure = (amount: bigint | undefined) =>
    amount === undefined ? undefined : formatAmount(amount, sale.currency)
  const say = (amount: bigint | undefined) => (amount === undefined ? 'nothing' : `${figure(amount)} ${sale.currency}`)
  if (!policy)
    return yield { reason: 'PolicyMissing', message: 'This terminal holds no policy: let it reach the centre once.' }
  if (!till.day)
    return yield { reason: 'DayNotOpen', message: 'No day is open: open the day, then let the phone tap again.' }
  if (sale.currency !== policy.currency)
    return yield { reason: 'CurrencyMismatch', message: `This till takes ${policy.currency}, not ${sale.currency}.` }
  // A check of the license that failed comes here only where somebody may let it pass.
  for (const { pass, reason, check, expected, found } of checks)
    if (!pass)
      yield {
        reason: reason ?? 'CheckFailed',
        message: `The phone's license does not hold (${check}: expected ${expected}, found ${found}). Ask for another means of payment.`,
      }
  const spentHere = till.spentByLicense.get(license.license) ?? 0n
  const left = spentHere <= license.allowance ? license.allowance - spentHere : undefined
  if (!(left !== undefined && license.allowanceLeft <= left && license.counter >= license.counterAtIssue))
    return yield {
      reason: 'StatusImplausible',
      message: `The phone says it has ${say(license.allowanceLeft)} left at payment ${license.counter}; its license and this till's own log know better. Ask for another means of payment.`,
      allowanceLeft: figure(license.allowanceLeft),
    }
  if (!(sale.amount <= license.allowanceLeft))
    yield {
      reason: 'AllowanceExceeded',
      message: `The phone has ${say(license.allowanceLeft)} left to use offline; ${say(sale.amount)} was asked. Ask for another means of payment.`,
      allowanceLeft: figure(license.allowanceLeft),
    }
  if (!(sale.amount <= policy.perTransaction && sale.amount <= license.perTransaction)) {
    // The lower one binds; one that is missing binds most of all.
    const max = license.perTransaction < policy.perTransaction ? license.perTransaction : policy.perTransaction
    yield {
      reason: 'TransactionLimitExceeded',
      message: `One payment may be at most ${say(max)} offline.`,
      max: figure(max),
    }
  }
  const count = license.counter - license.counterAtIssue
  if (!(count < license.consecutive && count < policy.sinceSeen?.count))
    yield {
      reason: 'OfflineCountExceeded',
      message: `The phone has made ${count} payments since the authority last saw it: it must go online once.`,
      count,
    }
  const spent = license.allowance - license.allowanceLeft
  if (!(spent + sale.amount <= policy.sinceSeen?.sum))
    yield {
      reason: 'OfflineSumExceeded',
      message: `The phone has spent ${say(spent)} since the authority last saw it: it must go online once.`,
      spent: figure(spent),
    }
  const here = atStake(till, license.license)
  if (!(here + sale.amount <= policy.perKeyOnTerminal))
    yield {
      reason: 'FloorLimitExceeded',
      message: `This phone has paid ${say(here)} on this terminal today or unsent under its license; with this sale that is over ${say(policy.perKeyOnTerminal)}.`,
      here: figure(here),
      max: figure(policy.perKeyOnTerminal),
    }
  const stored = waitingOf(till)
  if (!(stored.count < policy.stored?.count))
    yield {
      reason: 'StoredCountExceeded',
      message: `${stored.count} payments wait on this terminal: let it reach the centre before it takes more.`,
      stored: stored.count,
    }
  if (!(stored.sum + sale.amount <= policy.stored?.sum))
    yield {
      reason: 'StoredSumExceeded',
      message: `Payments of ${say(stored.sum)} wait on this terminal: let it reach the centre before it takes more.`,
      stored: figure(stored.sum),
    }
  const hours = clock.lastSync_ms === undefined ? undefined : (clock.now_ms - clock.lastSync_ms) / 3_600_000
  if (!(hours !== undefined && hours <= policy.hoursSinceSync))
    yield {
      reason: 'SyncTooLongAgo',
      message: `This terminal last met the centre ${hours === undefined ? 'never' : `${Math.floor(hours)} hours ago`}; the policy allows ${policy.hoursSinceSync} hours. Bring it online.`,
      max_hours: policy.hoursSinceSync,
    }
}

import type { Refusal } from '#canonical/decider'
import type { Policy } from '#license/rules'
import { formatAmount } from '#money'
import type { LicenseFacts, TapStart, TillClock } from './commands.ts'
import { type Till, waitingOf } from './state.ts'

/** The rules a terminal enforces offline, in the order of the protocol paper; the first that bites is the answer. */
export const refuseTap = (
  till: Till,
  start: TapStart,
  license: LicenseFacts,
  policy: Policy | undefined,
  clock: TillClock,
): Refusal | undefined => {
  const { sale } = start
  const say = (amount: bigint) => `${formatAmount(amount, sale.currency)} ${sale.currency}`
  if (!policy)
    return { reason: 'PolicyMissing', message: 'This terminal holds no policy: let it reach the centre once.' }
  if (!till.day) return { reason: 'DayNotOpen', message: 'No day is open: open the day, then let the phone tap again.' }
  if (sale.currency !== policy.currency)
    return { reason: 'CurrencyMismatch', message: `This till takes ${policy.currency}, not ${sale.currency}.` }
  const spentHere = till.spentByLicense.get(license.license) ?? 0n
  if (license.allowanceLeft > license.allowance - spentHere || license.counter < license.counterAtIssue)
    return {
      reason: 'StatusImplausible',
      message: `The phone says it has ${say(license.allowanceLeft)} left at payment ${license.counter}; its license and this till's own log know better. Ask for another means of payment.`,
      allowanceLeft: formatAmount(license.allowanceLeft, sale.currency),
    }
  if (sale.amount > license.allowanceLeft)
    return {
      reason: 'AllowanceExceeded',
      message: `The phone has ${say(license.allowanceLeft)} left to use offline; ${say(sale.amount)} was asked. Ask for another means of payment.`,
      allowanceLeft: formatAmount(license.allowanceLeft, sale.currency),
    }
  const perTransaction = policy.perTransaction < license.perTransaction ? policy.perTransaction : license.perTransaction
  if (sale.amount > perTransaction)
    return {
      reason: 'TransactionLimitExceeded',
      message: `One payment may be at most ${say(perTransaction)} offline.`,
      max: formatAmount(perTransaction, sale.currency),
    }
  const count = license.counter - license.counterAtIssue
  if (count >= license.consecutive || count >= policy.sinceSeen.count)
    return {
      reason: 'OfflineCountExceeded',
      message: `The phone has made ${count} payments since the authority last saw it: it must go online once.`,
      count,
    }
  const spent = license.allowance - license.allowanceLeft
  if (spent + sale.amount > policy.sinceSeen.sum)
    return {
      reason: 'OfflineSumExceeded',
      message: `The phone has spent ${say(spent)} since the authority last saw it: it must go online once.`,
      spent: formatAmount(spent, sale.currency),
    }
  if (spentHere + sale.amount > policy.perKeyOnTerminal)
    return {
      reason: 'FloorLimitExceeded',
      message: `This phone has paid ${say(spentHere)} on this terminal under its license; with this sale that is over ${say(policy.perKeyOnTerminal)}.`,
      here: formatAmount(spentHere, sale.currency),
    }
  const stored = waitingOf(till)
  if (stored.count >= policy.stored.count)
    return {
      reason: 'StoredCountExceeded',
      message: `${stored.count} payments wait on this terminal: let it reach the centre before it takes more.`,
      stored: stored.count,
    }
  if (stored.sum + sale.amount > policy.stored.sum)
    return {
      reason: 'StoredSumExceeded',
      message: `Payments of ${say(stored.sum)} wait on this terminal: let it reach the centre before it takes more.`,
      stored: formatAmount(stored.sum, sale.currency),
    }
  const hours = clock.lastSync_ms === undefined ? Infinity : (clock.now_ms - clock.lastSync_ms) / 3_600_000
  if (hours > policy.hoursSinceSync)
    return {
      reason: 'SyncTooLongAgo',
      message: `This terminal last met the centre ${Number.isFinite(hours) ? `${Math.floor(hours)} hours ago` : 'never'}; the policy allows ${policy.hoursSinceSync} hours. Bring it online.`,
      max_hours: policy.hoursSinceSync,
    }
  return undefined
}

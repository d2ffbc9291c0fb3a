import type { Crypto } from '#canonical/crypto'
import type { Rows } from '#eventstore/rows'
import { projections } from '#projections'
import { foldAnew } from '../simulation/rows-audit.ts'
import { trialBalance } from './figures.ts'
import type { Month } from './month.ts'

/** Where a centre's books and the oracle's differ, one line an account; none where they agree to the cent. */
export const differences = (centre: ReadonlyMap<string, bigint>, { money }: Pick<Month, 'money'>): string[] => {
  const oracle = money.books()
  return [...new Set([...centre.keys(), ...oracle.keys()])]
    .filter(account => centre.get(account) !== oracle.get(account))
    .map(account => `${account}: ${centre.get(account) ?? 0n} at the centre, ${oracle.get(account) ?? 0n} by hand`)
}

/** The control equations of the month's own centre, its books against the oracle and its rows against a fresh fold. */
export const audit = async (month: Month): Promise<string[]> => {
  const books = await trialBalance(month.rows)
  const sums = new Map<string, bigint>()
  for (const [account, sum] of books) {
    const [name, currency] = account.split(' ') as [string, string]
    const book = /^(allowance|commitment|unclaimed):/.test(name) ? 'commitments' : 'money'
    sums.set(`${book} ${currency}`, (sums.get(`${book} ${currency}`) ?? 0n) + sum)
  }
  return [
    ...differences(books, month),
    ...[...sums].filter(([, sum]) => sum !== 0n).map(([book, sum]) => `${book} is off by ${sum}`),
    ...(await staleRows(month.rows, month)),
  ]
}

const staleRows = async (
  rows: Rows,
  { store, crypto }: { store: Month['store']; crypto: Crypto },
): Promise<string[]> => {
  const fresh = await foldAnew(store)
  const found: string[] = []
  for (const projection of projections)
    if ((await rows.fingerprint(projection, crypto)) !== (await fresh.fingerprint(projection, crypto)))
      found.push(`the rows of ${projection.name} are not a fold of the log`)
  return found
}

/** What a month must hold to prove anything. A name ends in … where any that begin so will do. */
export const mustHappen = [
  'approved',
  'void',
  'refund',
  'refund in part',
  'refund refused: RefundExceedsOriginal',
  'torn, tapped again',
  'cancelled',
  'day closed',
  'terminal enrolled',
  'license issued',
  'license refused: AllowanceExceedsAvailable',
  'declined: AllowanceExceeded',
  'declined: TransactionLimitExceeded',
  'declined: OfflineCountExceeded',
  'declined: OfflineSumExceeded',
  'declined: FloorLimitExceeded',
  'declined: StoredSumExceeded',
  'declined: SyncTooLongAgo',
  'declined: DenyListTooOld',
  'declined: CurrencyMismatch',
  'declined: StatusImplausible',
  'declined: ClockBehind',
  'phone cloned',
  'exception: CounterReused',
  'exception: OverAllowance',
  'exception: TacInvalid',
  'held, payer bears it',
  'held, merchant bears it',
  'held, operator bears it',
  'repayment returned',
  'paid out',
  'debt written off',
  'adjustment',
  'account suspended and reinstated',
  'repayment in EUR',
  'repayment in CHF',
  'away for two weeks',
  'burnt',
  'terminal declared lost',
  'came home from a phone',
  'refund at another till',
  'license revoked',
  'declined: LicenseDenied',
  'terminal moved',
  'terminal suspended and reinstated',
  'key rotated',
  'license renewed',
  'key compromised',
  'declined: LicenseKeyCompromised',
  'lost with the burnt terminal',
  'day rolled over',
  'overridden: FloorLimitExceeded',
  'overridden: StoredCountExceeded',
  'overridden: SyncTooLongAgo',
  'declined: StoredCountExceeded',
  'declined: RoundTripExceeded',
  'account closing',
  'closing refused: AccountNotSettled',
  'account closed',
  'refund under an expired license',
  'held reversal refused by two',
  'held reversal released',
  'held reversal left open',
] as const

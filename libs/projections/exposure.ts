import { type Change, intOf, type Projection, put, type Row, type RowsReader, textOf } from '#eventstore/rows'
import { postingsOf } from '#ledger'
import { type TradeEvent, tradeWords, understood } from '#ledger/vocabulary'
import { type Currency, formatAmount, minorUnits } from '#money'
import { ofAccounts } from './accounts.ts'

/**
 * Allowances that are out: what phones may still spend offline, by license, and summed by the month in which licenses
 * were issued and by the shop where each phone paid last. A license that ended counts until its hold is released.
 */

const types = new Set<string>(['LicenseIssued', 'LicenseRevoked', 'LicenseExpired'])
for (const [type, word] of Object.entries(tradeWords)) if (word.money) types.add(type)

const putHold = put('hold', 'license')
const nowhere = ''

export const exposure: Projection = {
  name: 'exposure',
  version: 1,
  tables: [
    {
      name: 'hold',
      key: ['license'],
      columns: {
        license: 'text',
        account: 'text',
        currency: 'text',
        granted: 'int',
        drawn: 'int',
        released: 'int',
        oversubscribed: 'int',
        state: 'text',
        granted_at: 'text',
        expires: 'text',
        /** Where its phone was last seen to pay. */
        shop: 'text',
        last_paid: 'text',
      },
      indexes: [['account']],
    },
    {
      name: 'outstanding',
      key: ['by', 'of', 'currency'],
      columns: { by: 'text', of: 'text', currency: 'text', amount: 'int', licenses: 'int' },
    },
  ],
  wants: type => types.has(type),
  subjects: ofAccounts(account => [{ table: 'hold', where: { account } }]),
  apply: (logged, look) => {
    const event = understood(logged)
    if (!event) return []
    if (event.type === 'AllowanceGranted') {
      const { license, account, currency, amount, oversubscribed } = event.data
      return changed(undefined, {
        license,
        account,
        currency,
        granted: minorUnits(amount),
        drawn: 0n,
        released: 0n,
        oversubscribed: minorUnits(oversubscribed ?? '0'),
        state: 'granted',
        granted_at: event.at,
        expires: null,
        shop: nowhere,
        last_paid: null,
      })
    }
    const license = 'license' in event.data ? event.data.license : undefined
    if (typeof license !== 'string') return []
    const before = look('hold', [license])
    if (!before) return []
    if (event.type === 'LicenseIssued')
      return changed(before, { ...before, state: 'issued', expires: event.data.expires })
    if (event.type === 'LicenseRevoked' || event.type === 'LicenseExpired')
      return changed(before, { ...before, state: event.type === 'LicenseRevoked' ? 'revoked' : 'expired' })
    let [drawn, released] = [intOf(before, 'drawn'), intOf(before, 'released')]
    if (event.type === 'AllowanceReleased') released += creditedTo(event, license)
    else drawn += creditedTo(event, license)
    const paid = event.type === 'PaymentAccepted' ? { shop: event.data.shop, last_paid: event.data.occurred.at } : {}
    return changed(before, { ...before, drawn, released, ...paid })
  },
}

const creditedTo = (event: TradeEvent, license: string): bigint =>
  postingsOf(event)
    .filter(({ account }) => account === `allowance:${license}`)
    .reduce((sum, { side, amount }) => sum + (side === 'credit' ? amount : -amount), 0n)

/** What a payment, or a part set aside for one, draws from a license's hold. */
export const drawnBy = (event: TradeEvent, license: string): bigint =>
  event.type === 'AllowanceGranted' || event.type === 'AllowanceReleased' ? 0n : creditedTo(event, license)

const leftOf = (row: Row): bigint => {
  const left = intOf(row, 'granted') - intOf(row, 'drawn') - intOf(row, 'released')
  return left > 0n ? left : 0n
}

/** The row, and the two sums that it is in. */
const changed = (before: Row | undefined, after: Row): Change[] => {
  const changes: Change[] = [putHold(after)]
  const move = (by: string, of: string, currency: string, amount: bigint, licenses: bigint): void => {
    if (amount === 0n && licenses === 0n) return
    const change = (row: Row | undefined): Row => ({
      by,
      of,
      currency,
      amount: (row ? intOf(row, 'amount') : 0n) + amount,
      licenses: (row ? intOf(row, 'licenses') : 0n) + licenses,
    })
    changes.push({ table: 'outstanding', key: [by, of, currency], change })
  }
  const currency = textOf(after, 'currency')
  const is = (row: Row): bigint => (leftOf(row) > 0n ? 1n : 0n)
  for (const [by, of] of [
    ['month', monthOf],
    ['shop', shopOf],
  ] as const) {
    if (before && of(before) !== of(after)) {
      move(by, of(before), currency, -leftOf(before), -is(before))
      move(by, of(after), currency, leftOf(after), is(after))
    } else
      move(
        by,
        of(after),
        currency,
        leftOf(after) - (before ? leftOf(before) : 0n),
        is(after) - (before ? is(before) : 0n),
      )
  }
  return changes
}

const monthOf = (row: Row): string => textOf(row, 'granted_at').slice(0, 7)
const shopOf = (row: Row): string => textOf(row, 'shop')

/* -------------------------------------------------------------- questions */

export type HoldAnswer = {
  readonly license: string
  readonly account: string
  readonly currency: Currency
  /** `granted` where no license was issued on it. */
  readonly state: 'granted' | 'issued' | 'revoked' | 'expired'
  readonly granted: string
  readonly drawn: string
  readonly left: string
  readonly grantedAt: string
  readonly expires: string | null
  readonly shop: string | null
  readonly lastPaid: string | null
}

const holdAnswer = (row: Row): HoldAnswer => {
  const currency = textOf(row, 'currency')
  const text = (column: string): string | null => (row[column] ? textOf(row, column) : null)
  return {
    license: textOf(row, 'license'),
    account: textOf(row, 'account'),
    currency,
    state: textOf(row, 'state') as HoldAnswer['state'],
    granted: formatAmount(intOf(row, 'granted'), currency),
    drawn: formatAmount(intOf(row, 'drawn'), currency),
    left: formatAmount(leftOf(row), currency),
    grantedAt: textOf(row, 'granted_at'),
    expires: text('expires'),
    shop: text('shop'),
    lastPaid: text('last_paid'),
  }
}

export const exposureIndex = async (rows: RowsReader): Promise<number> => (await rows.checkpoint(exposure)) - 1

/** The holds of an account, the newest first; those that are over as well. */
export const holdsOf = async (
  rows: RowsReader,
  account: string,
): Promise<{ readonly holds: HoldAnswer[]; readonly index: number }> => {
  const found = await rows.select(exposure, 'hold', { where: { account } })
  const newest = (a: Row, b: Row): number => (textOf(a, 'granted_at') < textOf(b, 'granted_at') ? 1 : -1)
  return { holds: found.sort(newest).map(holdAnswer), index: await exposureIndex(rows) }
}

/** What was drawn from a license's hold, as far as the rows have got. */
export const drawnOfHold = async (rows: RowsReader, license: string): Promise<bigint> => {
  const row = await rows.get(exposure, 'hold', [license])
  return row ? intOf(row, 'drawn') : 0n
}

export type Outstanding = {
  readonly of: string
  readonly currency: Currency
  readonly amount: string
  readonly licenses: number
}

/** What is out in all, by the month of issue and by the shop where the phones paid last (none is the empty name). */
export const exposureNow = async (
  rows: RowsReader,
): Promise<{
  readonly total: Outstanding[]
  readonly byMonth: Outstanding[]
  readonly byShop: Outstanding[]
  readonly index: number
}> => {
  const found = (await rows.select(exposure, 'outstanding')).filter(row => intOf(row, 'licenses') > 0n)
  const by = (kind: string): Row[] => found.filter(row => row['by'] === kind)
  const line = (of: string, currency: Currency, amount: bigint, licenses: bigint): Outstanding => ({
    of,
    currency,
    amount: formatAmount(amount, currency),
    licenses: Number(licenses),
  })
  const lines = (rows: readonly Row[]): Outstanding[] =>
    rows.map(row => line(textOf(row, 'of'), textOf(row, 'currency'), intOf(row, 'amount'), intOf(row, 'licenses')))
  const months = by('month')
  const sum = (rows: readonly Row[], column: string): bigint => rows.reduce((sum, row) => sum + intOf(row, column), 0n)
  const total = [...new Set(months.map(row => textOf(row, 'currency')))].map(currency => {
    const those = months.filter(row => row['currency'] === currency)
    return line('all', currency, sum(those, 'amount'), sum(those, 'licenses'))
  })
  return { total, byMonth: lines(months), byShop: lines(by('shop')), index: await exposureIndex(rows) }
}

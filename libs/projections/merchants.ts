import { type Change, intOf, moved, type Projection, type Row, type RowsReader, textOf } from '#eventstore/rows'
import { postingsOf } from '#ledger'
import { tradeWords, understood } from '#ledger/vocabulary'
import { formatAmount } from '#money'
import type { Money } from './balances.ts'

/** Each merchant: the terms, and what we owe; and what the operator has earned in fees. */

const types = new Set<string>(['MerchantOpened', 'MerchantTermsSet'])
for (const [type, word] of Object.entries(tradeWords)) if (word.money) types.add(type)

export const merchants: Projection = {
  name: 'merchants',
  version: 1,
  tables: [
    {
      name: 'merchant',
      key: ['merchant'],
      columns: {
        merchant: 'text',
        name: 'text',
        currency: 'text',
        terms: 'int',
        fee_basis_points: 'int',
        tax_basis_points: 'int',
        returns_fee: 'int',
      },
    },
    {
      name: 'payable',
      key: ['merchant', 'currency'],
      columns: { merchant: 'text', currency: 'text', amount: 'int' },
    },
    { name: 'fee', key: ['currency'], columns: { currency: 'text', amount: 'int' } },
  ],
  wants: type => types.has(type),
  apply: (logged, look) => {
    const event = understood(logged)
    if (!event) return []
    if (event.type === 'MerchantOpened') {
      const { merchant, name, currency } = event.data
      const terms = { terms: null, fee_basis_points: null, tax_basis_points: null, returns_fee: null }
      return [{ table: 'merchant', key: [merchant], row: { merchant, name, currency, ...terms } }]
    }
    if (event.type === 'MerchantTermsSet') {
      const { merchant, version, feeBasisPoints, taxBasisPoints, returnsFee } = event.data
      const row = look('merchant', [merchant])
      if (!row) return []
      const terms = {
        terms: BigInt(version),
        fee_basis_points: BigInt(feeBasisPoints),
        tax_basis_points: BigInt(taxBasisPoints),
        returns_fee: returnsFee ? 1n : 0n,
      }
      return [{ table: 'merchant', key: [merchant], row: { ...row, ...terms } }]
    }
    return postingsOf(event).flatMap(({ account, currency, side, amount }): Change[] => {
      const by = { amount: side === 'credit' ? amount : -amount }
      if (account === 'fees')
        return [{ table: 'fee', key: [currency], change: row => moved(row ?? { currency, amount: 0n }, by) }]
      if (!account.startsWith('merchant:')) return []
      const merchant = account.slice('merchant:'.length)
      const change = (row: Row | undefined): Row => moved(row ?? { merchant, currency, amount: 0n }, by)
      return [{ table: 'payable', key: [merchant, currency], change }]
    })
  },
}

/* -------------------------------------------------------------- questions */

export type MerchantAnswer = {
  readonly merchant: string
  readonly name: string
  readonly currency: string
  /** In the merchant's own currency; below zero, the merchant owes us. */
  readonly payable: string
  readonly terms: {
    readonly version: number
    readonly feeBasisPoints: number
    readonly taxBasisPoints: number
    readonly returnsFee: boolean
  } | null
}

export const merchantsIndex = async (rows: RowsReader): Promise<number> => (await rows.checkpoint(merchants)) - 1

export const merchantList = async (
  rows: RowsReader,
): Promise<{ readonly merchants: MerchantAnswer[]; readonly index: number }> => {
  const found = await rows.select(merchants, 'merchant')
  const owed = await rows.select(merchants, 'payable')
  const payable = new Map(owed.map(row => [`${textOf(row, 'currency')} ${textOf(row, 'merchant')}`, row]))
  return {
    merchants: found.map(row => {
      const [merchant, currency] = [textOf(row, 'merchant'), textOf(row, 'currency')]
      const owed = payable.get(`${currency} ${merchant}`)
      return {
        merchant,
        name: textOf(row, 'name'),
        currency,
        payable: formatAmount(owed ? intOf(owed, 'amount') : 0n, currency),
        terms:
          row['terms'] === null
            ? null
            : {
                version: Number(intOf(row, 'terms')),
                feeBasisPoints: Number(intOf(row, 'fee_basis_points')),
                taxBasisPoints: Number(intOf(row, 'tax_basis_points')),
                returnsFee: intOf(row, 'returns_fee') === 1n,
              },
      }
    }),
    index: await merchantsIndex(rows),
  }
}

/** What we owe a merchant in a currency, minor units. */
export const payableOf = async (rows: RowsReader, merchant: string, currency: string): Promise<bigint | undefined> => {
  const row = await rows.get(merchants, 'payable', [merchant, currency])
  return row && intOf(row, 'amount')
}

export const feesEarned = async (rows: RowsReader): Promise<Money[]> =>
  (await rows.select(merchants, 'fee')).map(row => {
    const currency = textOf(row, 'currency')
    return { currency, amount: formatAmount(intOf(row, 'amount'), currency) }
  })

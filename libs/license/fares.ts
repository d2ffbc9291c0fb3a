import type { Bytes } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import type { Amount, Currency } from '#money'
import { parse1 } from './cose.ts'
import { amount, count, currency, list, map, text } from './fields.ts'
import { type KeySet, keyFor, kidOf } from './keyset.ts'
import { statement } from './statement.ts'

/**
 * What a ride costs in a merchant's vehicles, signed by the authority's rules key: its stations, each in a zone, and a
 * price for so many zones ridden through. The last price holds for every longer ride.
 */
export type FareTable = {
  readonly version: number
  readonly issued: number
  readonly merchant: string
  readonly currency: Currency
  readonly stations: readonly { readonly station: string; readonly zone: number }[]
  readonly fares: readonly { readonly zones: number; readonly amount: Amount }[]
}

const fareTable = statement<FareTable>('fare-table', {
  version: count,
  issued: count,
  merchant: text,
  currency,
  stations: list(map<FareTable['stations'][number]>({ station: text, zone: count })),
  fares: list(map<FareTable['fares'][number]>({ zones: count, amount })),
})

/** What keeps a table from giving each ride one price, in words; undefined where nothing does. */
export const fareTableFault = ({ stations, fares }: FareTable): string | undefined => {
  const names = new Set<string>()
  for (const { station } of stations) {
    if (names.has(station)) return `station ${station} stands twice`
    names.add(station)
  }
  if (stations.length === 0) return 'no station'
  if (fares.length === 0) return 'no fare'
  for (const [place, { zones, amount }] of fares.entries()) {
    const before = fares[place - 1]
    if (zones < 1 || (before && zones <= before.zones)) return 'fares are not in the order of their zones, from 1 on'
    if (before && amount < before.amount) return `${zones} zones cost less than ${before.zones}`
  }
  return undefined
}

const sound = (value: FareTable): FareTable => {
  const fault = fareTableFault(value)
  if (fault !== undefined) throw new Malformed('fare-table', 0, fault)
  return value
}

export const signFareTable = (crypto: Crypto, value: FareTable, key: KeyPair): Bytes =>
  fareTable.make(crypto, value, key, kidOf(crypto, key.publicKey))
/** What a fare table says, whoever signed it. Throws `Malformed`. */
export const readFareTable = (bytes: Uint8Array): FareTable => sound(fareTable.read(bytes))
/** Null where no rules key of the set signed it. Throws `Malformed`. */
export const verifyFareTable = (crypto: Crypto, bytes: Uint8Array, keySet: KeySet): FareTable | null => {
  const { kid } = parse1(bytes)
  const key = kid && keyFor(keySet, kid, 'rules')
  const value = key ? fareTable.verify(crypto, bytes, key.curve, key.publicKey) : null
  return value && sound(value)
}

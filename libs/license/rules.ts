import type { Bytes } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import type { Amount, Currency } from '#money'
import { type Suite, suites } from './appkey.ts'
import { parse1 } from './cose.ts'
import { amount, cardNumber, count, currency, list, map, oneOf, optional, text, uuid } from './fields.ts'
import { type KeySet, keyFor, kidOf } from './keyset.ts'
import { statement } from './statement.ts'

/** What a terminal enforces while it is offline, signed by the authority's rules key. Each check names the version. */
export type Policy = {
  readonly version: number
  readonly issued: number
  readonly currency: Currency
  readonly perTransaction: Amount
  /** Lowers the silent limits of licenses. */
  readonly silentMax?: Amount
  /** Since the authority last saw the phone: payments made, and allowance used. */
  readonly sinceSeen: CountAndSum
  /** Of one APP key on one terminal. */
  readonly perKeyOnTerminal: Amount
  /** Taken by the terminal and not yet at the centre. */
  readonly stored: CountAndSum
  readonly hoursSinceSync: number
  readonly denyListAge_hours: number
  readonly policyAge_hours: number
  readonly clockTolerance_s: number
  readonly roundTrip_ms: number
  /** The hour of the shop's day at which a day that nobody closed rolls over; without one, when the next is opened. */
  readonly rollOver_hour?: number
  /** The reasons that a supervisor may override. */
  readonly overridable: readonly string[]
  /** The suites that a phone may pay by; without it P256-AUTH alone. */
  readonly suites?: readonly Suite[]
}

export type CountAndSum = { readonly count: number; readonly sum: Amount }

export type DenyList = {
  readonly version: number
  readonly issued: number
  /** License ids. */
  readonly licenses: readonly string[]
  readonly cards: readonly string[]
}

const countAndSum = map<CountAndSum>({ count, sum: amount })

const policy = statement<Policy>('policy', {
  version: count,
  issued: count,
  currency,
  perTransaction: amount,
  silentMax: optional(amount),
  sinceSeen: countAndSum,
  perKeyOnTerminal: amount,
  stored: countAndSum,
  hoursSinceSync: count,
  denyListAge_hours: count,
  policyAge_hours: count,
  clockTolerance_s: count,
  roundTrip_ms: count,
  rollOver_hour: optional(count),
  overridable: list(text),
  suites: optional(list(oneOf(...suites))),
})

const denyList = statement<DenyList>('deny-list', {
  version: count,
  issued: count,
  licenses: list(uuid),
  cards: list(cardNumber),
})

type Statement<Value> = ReturnType<typeof statement<Value & object>>

const sign = <Value extends object>(crypto: Crypto, kind: Statement<Value>, value: Value, key: KeyPair): Bytes =>
  kind.make(crypto, value, key, kidOf(crypto, key.publicKey))

const verify = <Value extends object>(
  crypto: Crypto,
  kind: Statement<Value>,
  bytes: Uint8Array,
  keySet: KeySet,
): Value | null => {
  const { kid } = parse1(bytes)
  const key = kid && keyFor(keySet, kid, 'rules')
  return key ? kind.verify(crypto, bytes, key.curve, key.publicKey) : null
}

export const signPolicy = (crypto: Crypto, value: Policy, key: KeyPair): Bytes => sign(crypto, policy, value, key)
/** What a policy says, whoever signed it. Throws `Malformed`. */
export const readPolicy = policy.read
/** Null where no rules key of the set signed it. Throws `Malformed`. */
export const verifyPolicy = (crypto: Crypto, bytes: Uint8Array, keySet: KeySet): Policy | null =>
  verify(crypto, policy, bytes, keySet)

export const signDenyList = (crypto: Crypto, value: DenyList, key: KeyPair): Bytes => sign(crypto, denyList, value, key)
/** What a deny list says, whoever signed it. Throws `Malformed`. */
export const readDenyList = denyList.read
/** Null where no rules key of the set signed it. Throws `Malformed`. */
export const verifyDenyList = (crypto: Crypto, bytes: Uint8Array, keySet: KeySet): DenyList | null =>
  verify(crypto, denyList, bytes, keySet)

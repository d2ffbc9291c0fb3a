import { type Bytes, hex, utf8 } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { parse1 } from './cose.ts'
import { count, oneOf, optional, text } from './fields.ts'
import { type KeySet, keyFor, kidOf } from './keyset.ts'
import { statement } from './statement.ts'

/**
 * The centre's word to one terminal, signed by its rules key: where it stands, in which zone its days turn, and whether
 * it may take payments. A terminal adopts it as it adopts its rules, and a tap belongs to the shop that was adopted then.
 */
export type Assignment = {
  readonly terminal: string
  /** Seconds since 1970; a terminal takes none that is older than the one it holds. */
  readonly issued: number
  readonly shop: string
  readonly shopName: string
  /** IANA name. */
  readonly zone: string
  readonly standing: 'enrolled' | 'suspended' | 'replaced' | 'lost' | 'retired'
  /** Why it is in no service, in an operator's words. */
  readonly reason?: string
}

const assignment = statement<Assignment>('assignment', {
  terminal: text,
  issued: count,
  shop: text,
  shopName: text,
  zone: text,
  standing: oneOf('enrolled', 'suspended', 'replaced', 'lost', 'retired'),
  reason: optional(text),
})

export const signAssignment = (crypto: Crypto, value: Assignment, key: KeyPair): Bytes =>
  assignment.make(crypto, value, key, kidOf(crypto, key.publicKey))

/** Null where no rules key of the set signed it. Throws `Malformed`. */
export const verifyAssignment = (crypto: Crypto, bytes: Uint8Array, keySet: KeySet): Assignment | null => {
  const { kid } = parse1(bytes)
  const key = kid && keyFor(keySet, kid, 'rules')
  return key ? assignment.verify(crypto, bytes, key.curve, key.publicKey) : null
}

/** What it says, whenever it was said: two of one mark say the same. */
export const markOf = (crypto: Crypto, value: Omit<Assignment, 'issued'>): string => {
  const { terminal, shop, shopName, zone, standing, reason = '' } = value
  return hex(crypto.sha256(utf8([terminal, shop, shopName, zone, standing, reason].join('\n')))).slice(0, 32)
}

import { type Bytes, concat, equal, hex, utf8 } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import type { Amount } from '#money'
import { type AppKey, signAs, signedBy } from './appkey.ts'
import { amount, count, octets, record, uuid } from './fields.ts'

/**
 * What a phone asks of its authority, signed by the key that the license is to name: so nobody takes out a license for
 * a key that somebody else holds. The statements name code and keys by their hashes, and so fit a block too.
 */

/** The keys that a request is about. `transport` is where a phone whose APP key only makes blocks has its TAC key sent. */
export type AskedFor = { readonly publicKey: Uint8Array; readonly transport?: Uint8Array | undefined }

/** Crockford's base 32: no I, L, O, U, so that nobody reads one for another. */
const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** 128 bits as people copy them: 26 letters and digits in groups of four. */
export const writeCode = (random: Uint8Array): string => {
  let rest = BigInt(`0x${hex(random)}`)
  let code = ''
  for (let place = 0; place < 26; place++) {
    code = letters[Number(rest & 31n)] + code
    rest >>= 5n
  }
  return code.replace(/(.{4})(?=.)/g, '$1-')
}

/** The code as it is in the log: however it was grouped, in letters of either size, and with O for 0 or I for 1. */
export const activationOf = (crypto: Crypto, code: string): Bytes =>
  crypto.sha256(utf8(code.replaceAll(/[\s-]/g, '').toUpperCase().replaceAll('O', '0').replaceAll(/[IL]/g, '1')))

const keysOf = (crypto: Crypto, { publicKey, transport }: AskedFor): Bytes =>
  crypto.sha256(concat(publicKey, transport ?? new Uint8Array(0)))

type Activating = { readonly activation: Bytes; readonly keys: Bytes }
const activating = record<Activating>('license-request', { activation: octets(32), keys: octets(32) })

/** Signed by the new key, over the code: who has seen the request cannot use the code for a key of their own. */
export const askToActivate = (crypto: Crypto, code: string, key: AppKey, transport?: Uint8Array): Bytes =>
  signAs(crypto, key, 'license-request', requestOf(crypto, code, { publicKey: key.publicKey, transport }))

/** Throws `Malformed`. */
export const mayActivate = (crypto: Crypto, code: string, asked: AskedFor, proof: Uint8Array): boolean =>
  same(signedBy(crypto, asked.publicKey, 'license-request', proof), requestOf(crypto, code, asked))

const requestOf = (crypto: Crypto, code: string, asked: AskedFor): Bytes =>
  activating.encode({ activation: activationOf(crypto, code), keys: keysOf(crypto, asked) })

/** How a phone stands that asks for a new license, by its own word. */
export type Standing = {
  readonly license: string
  readonly counter: number
  readonly allowanceLeft: Amount
  /** What it asks to have left when it is renewed. */
  readonly allowance: Amount
}

const renewing = record<Standing & { readonly keys: Bytes }>('license-renewal', {
  license: uuid,
  counter: count,
  allowanceLeft: amount,
  allowance: amount,
  keys: octets(32),
})

export type RenewalProofs = { readonly present: Bytes; readonly next: Bytes }

/** Signed by both keys: the present one says how the phone stands, the next one that the phone holds it. */
export const askToRenew = (
  crypto: Crypto,
  standing: Standing,
  keys: { readonly present: AppKey; readonly next: AppKey; readonly transport?: Uint8Array | undefined },
): RenewalProofs => {
  const { present, next, transport } = keys
  const said = renewing.encode({ ...standing, keys: keysOf(crypto, { publicKey: next.publicKey, transport }) })
  return {
    present: signAs(crypto, present, 'license-renewal', said),
    next: signAs(crypto, next, 'license-request', said),
  }
}

/** How the phone stands; null where a key did not sign it, or signed it for other keys. Throws `Malformed`. */
export const mayRenew = (
  crypto: Crypto,
  present: Uint8Array,
  asked: AskedFor,
  proofs: RenewalProofs,
): Standing | null => {
  const said = signedBy(crypto, present, 'license-renewal', proofs.present)
  if (said === null || !same(signedBy(crypto, asked.publicKey, 'license-request', proofs.next), said)) return null
  const { keys, ...standing } = renewing.read(said)
  return same(keys, keysOf(crypto, asked)) ? standing : null
}

const same = (one: Uint8Array | null, other: Uint8Array): boolean => one !== null && equal(one, other)

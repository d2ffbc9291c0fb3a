import type { Bytes } from '#canonical/bytes'
import type { Crypto, KeyPair, RsaKeyPair } from '#canonical/crypto'
import { type BlockKind, makeBlock, readBlock } from './block.ts'
import { parse1, sign1, verify1 } from './cose.ts'

/**
 * The APP key: made on a phone, named by its license, and good for the phone's own statements only. Its form says which
 * suite it belongs to: a point of P-256 signs COSE_Sign1, a modulus of 2,048 bits makes blocks.
 */
export const suites = ['P256-AUTH', 'RSA-RECOVERY'] as const
export type Suite = (typeof suites)[number]
export type AppKey = KeyPair | RsaKeyPair

export const makeAppKey = (crypto: Crypto, suite: Suite): AppKey =>
  suite === 'RSA-RECOVERY' ? crypto.rsaKeyPair() : crypto.keyPair('P-256')

/** Of a public key in the form in which a license names it. */
export const suiteOf = (publicKey: Uint8Array): Suite => (publicKey.length === 256 ? 'RSA-RECOVERY' : 'P256-AUTH')

/** A pair again from its two halves, as a phone keeps them. */
export const appKeyOf = (publicKey: Bytes, privateKey: Bytes): AppKey =>
  suiteOf(publicKey) === 'RSA-RECOVERY'
    ? { rsa: 2048, publicKey, privateKey }
    : { curve: 'P-256', publicKey, privateKey }

export const signAs = (crypto: Crypto, key: AppKey, type: BlockKind, payload: Bytes): Bytes =>
  'rsa' in key ? makeBlock(crypto, key, type, payload) : sign1(crypto, { payload, type, key })

/** The payload, or null where this key did not sign it as a statement of this kind. Throws `Malformed`. */
export const signedBy = (crypto: Crypto, publicKey: Uint8Array, type: BlockKind, signed: Uint8Array): Bytes | null =>
  suiteOf(publicKey) === 'RSA-RECOVERY'
    ? readBlock(crypto, publicKey, type, signed)
    : verify1(crypto, { bytes: parse1(signed), type, curve: 'P-256', publicKey })

import type { Bytes } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import type { Amount, Currency } from '#money'
import { type Suite, suiteOf, suites } from './appkey.ts'
import { parse1, type Signed, sign1 } from './cose.ts'
import { holder } from './cosekey.ts'
import { amount, cardNumber, count, currency, labelled, map, oneOf, record, text, uuid } from './fields.ts'

/**
 * The license: the authority's word that the holder of a key may spend up to an allowance offline. A CWT (RFC 8392),
 * its holder's key in `cnf` (RFC 8747). It names an account by an opaque number and no person.
 */
export type License = {
  /** A UUID. */
  readonly id: string
  /** The account's reference on the air: 16 to 19 digits. */
  readonly card: string
  readonly issuer: string
  /** Seconds since 1970; valid from `notBefore`, and no longer at `expires`. */
  readonly issuedAt: number
  readonly notBefore: number
  readonly expires: number
  /** The APP public key: 65 octets, a point of P-256; or 256 octets, the modulus of RSA-RECOVERY. */
  readonly publicKey: Bytes
  readonly credit: Credit
  /** Names the authority's license key, see `kidOf`. */
  readonly kid: Bytes
}

export type Credit = {
  readonly currency: Currency
  readonly allowance: Amount
  readonly perTransaction: Amount
  /** Above it the holder must consent. */
  readonly silent: Amount
  /** So many payments may follow each other without the authority seeing the phone. */
  readonly consecutive: number
  /** The phone's counter at issue: its first payment under this license bears the next. */
  readonly counter: number
  /** Names the master key from which the TAC key is derived. */
  readonly tacKey: string
  readonly suite: Suite
}

type Claims = Omit<License, 'kid' | 'publicKey'> & { readonly holder: { readonly key: Bytes } }

const claims = record<Claims>('license', {
  issuer: labelled(1, text),
  card: labelled(2, cardNumber),
  expires: labelled(4, count),
  notBefore: labelled(5, count),
  issuedAt: labelled(6, count),
  id: labelled(7, uuid),
  holder: labelled(8, holder),
  credit: map<Credit>({
    currency,
    allowance: amount,
    perTransaction: amount,
    silent: amount,
    consecutive: count,
    counter: count,
    tacKey: text,
    suite: oneOf(...suites),
  }),
})

export const issueLicense = (crypto: Crypto, license: License, key: KeyPair): Bytes => {
  const { kid, publicKey, ...said } = license
  if (suiteOf(publicKey) !== license.credit.suite)
    throw new TypeError(`license: ${license.credit.suite} is of another key`)
  return sign1(crypto, { payload: claims.encode({ ...said, holder: { key: publicKey } }), type: 'license', key, kid })
}

/** What a license says, whoever signed it: `checkLicense` tells whether it holds. Throws `Malformed`. */
export const readLicense = (bytes: Uint8Array): License => licenseOf(parse1(bytes))

/** A license beside the statement that it was read from: whoever checks it and goes on with it reads it once. */
export type SignedLicense = { readonly signed: Signed; readonly license: License }

/** The same for whoever goes on where it cannot be read. */
export const readSignedLicense = (bytes: Uint8Array): SignedLicense | Malformed => {
  try {
    const signed = parse1(bytes)
    return { signed, license: licenseOf(signed) }
  } catch (error) {
    if (error instanceof Malformed) return error
    throw error
  }
}

const licenseOf = ({ payload, kid }: Signed): License => {
  if (kid === undefined) throw new Malformed('license', 0, 'no key id')
  const { holder, ...said } = claims.read(payload)
  const { suite } = said.credit
  if (suiteOf(holder.key) !== suite) throw new Malformed('license', 0, `${suite} is not the suite of the key it names`)
  return { ...said, publicKey: holder.key, kid }
}

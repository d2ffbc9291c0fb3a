import { type Bytes, hex } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { parse1, type Signed, sign1 } from './cose.ts'
import { confirmation, ed25519Key } from './cosekey.ts'
import { count, labelled, oneOf, record, text } from './fields.ts'

/** A terminal's certificate: the authority's word on whose terminal this is and which two keys it holds. A CWT. */
export type TerminalCertificate = {
  readonly terminal: string
  readonly merchant: string
  readonly merchantName: string
  readonly shop: string
  /** A test terminal and a live phone have nothing to say to each other, nor the other way round. */
  readonly mode: 'test' | 'live'
  /** P-256 signs what the terminal says; Ed25519 cosigns log checkpoints, and nothing else. */
  readonly keys: { readonly p256: Bytes; readonly ed25519: Bytes }
  readonly notBefore: number
  readonly expires: number
  /** Names the authority's certificate key. */
  readonly kid: Bytes
}

type Claims = Omit<TerminalCertificate, 'keys' | 'kid'> & {
  readonly holder: { readonly key: Bytes }
  readonly cosigner: Bytes
}

const claims = record<Claims>('terminal-certificate', {
  terminal: labelled(2, text),
  expires: labelled(4, count),
  notBefore: labelled(5, count),
  holder: labelled(8, confirmation),
  cosigner: ed25519Key,
  merchant: text,
  merchantName: text,
  shop: text,
  mode: oneOf('test', 'live'),
})

export const issueCertificate = (crypto: Crypto, certificate: TerminalCertificate, key: KeyPair): Bytes => {
  const { kid, keys, ...said } = certificate
  const payload = claims.encode({ ...said, holder: { key: keys.p256 }, cosigner: keys.ed25519 })
  return sign1(crypto, { payload, type: 'terminal-certificate', key, kid })
}

/** What a certificate says, whoever signed it: `checkCertificate` tells whether it holds. Throws `Malformed`. */
export const readCertificate = (bytes: Uint8Array): TerminalCertificate => certificateOf(parse1(bytes))

export const certificateOf = ({ payload, kid }: Signed): TerminalCertificate => {
  if (kid === undefined) throw new Malformed('terminal-certificate', 0, 'no key id')
  const { holder, cosigner, ...said } = claims.read(payload)
  return { ...said, keys: { p256: holder.key, ed25519: cosigner }, kid }
}

/** The seed of the terminal's stream. Of what was signed, as a signature has a twin. Throws `Malformed`. */
export const certificateHash = (crypto: Crypto, bytes: Uint8Array): string => hex(crypto.sha256(parse1(bytes).payload))

import { base45, fromBase45 } from '#canonical/base45'
import type { Bytes } from '#canonical/bytes'
import { decode, encode } from '#canonical/cbor'
import { firstFailure } from '#canonical/check'
import type { Crypto, KeyPair } from '#canonical/crypto'
import type { Refusal } from '#canonical/decider'
import { Malformed } from '#canonical/malformed'
import { readCertificate } from './certificate.ts'
import { checkCertificate } from './checks.ts'
import type { Table } from './fields.ts'
import type { KeySet } from './keyset.ts'
import { statement } from './statement.ts'

/** A certificate and a receipt come to about 700 octets; more is nobody's receipt. */
const longest = 4096

type Signer = { readonly terminal: string; readonly merchant: string; readonly shop: string }

/**
 * What a terminal hands out on paper: its word, signed, with the certificate that says whose terminal it is. `prefix`
 * tells a reader of codes what kind it is, in characters of the alphanumeric mode.
 */
export const signedReceipt = <Value extends { readonly time: number }>(
  type: string,
  prefix: string,
  table: Table<Value>,
) => {
  const receipt = statement<Value>(type, table)
  return {
    make: (crypto: Crypto, value: Value, certificate: Bytes, key: KeyPair): Bytes =>
      encode([certificate, receipt.make(crypto, value, key)]),
    text: (bytes: Uint8Array): string => prefix + base45(bytes),
    /** What a reader of codes gave, as octets; undefined where it is no receipt of this kind. */
    fromText: (text: string): Bytes | undefined => {
      if (!text.startsWith(prefix) || text.length > longest) return undefined
      try {
        return fromBase45(text.slice(prefix.length))
      } catch (error) {
        if (error instanceof SyntaxError) return undefined
        throw error
      }
    },
    /** What it says, if a terminal of this authority signed it while its certificate ran; or why not. */
    verify: (
      crypto: Crypto,
      bytes: Uint8Array,
      { keySet, mode }: { readonly keySet: KeySet | undefined; readonly mode: 'test' | 'live' },
    ): (Value & Signer) | Refusal => {
      try {
        const parts = decode(bytes)
        const [certificate, signed] = Array.isArray(parts) && parts.length === 2 ? parts : []
        if (!(certificate instanceof Uint8Array && signed instanceof Uint8Array)) return malformed
        const { terminal, merchant, shop, keys, notBefore } = readCertificate(certificate)
        const said = receipt.verify(crypto, signed, 'P-256', keys.p256)
        // The certificate need not run any more. A renewed one began after the act, and ran when this was printed.
        const now_s = Math.max(receipt.read(signed).time, notBefore)
        const failure = firstFailure(checkCertificate(crypto, { certificate, keySet, mode, now_s }))
        if (failure) return refused('ReceiptCertificateInvalid', `${failure.check}: found ${failure.found}`)
        return said
          ? { ...said, terminal, merchant, shop }
          : refused('ReceiptSignatureInvalid', `it is not signed by the key of ${terminal}`)
      } catch (error) {
        if (error instanceof Malformed) return malformed
        throw error
      }
    },
  }
}

const refused = (reason: string, why: string): Refusal => ({
  reason,
  message: `This receipt does not hold (${why}): give nothing back on it.`,
})
const malformed: Refusal = refused('ReceiptMalformed', 'it is not a receipt of this system')

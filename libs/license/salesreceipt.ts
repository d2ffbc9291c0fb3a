import { base45, fromBase45 } from '#canonical/base45'
import type { Bytes } from '#canonical/bytes'
import { decode, encode } from '#canonical/cbor'
import { firstFailure } from '#canonical/check'
import type { Crypto, KeyPair } from '#canonical/crypto'
import type { Refusal } from '#canonical/decider'
import { Malformed } from '#canonical/malformed'
import type { Amount, Currency } from '#money'
import { readCertificate } from './certificate.ts'
import { checkCertificate } from './checks.ts'
import { amount, count, currency, date, octets, uuid } from './fields.ts'
import type { KeySet } from './keyset.ts'
import { statement } from './statement.ts'

/**
 * What a customer takes home of a payment: the terminal's word on it, signed, with the certificate that says whose
 * terminal it is. Whoever holds the authority's key set can check it, with no network: another terminal before it gives
 * money back, and a stranger.
 */
export type SalesReceipt = {
  readonly transaction: Bytes
  readonly payment: Bytes
  readonly license: string
  readonly amount: Amount
  readonly currency: Currency
  /** Seconds since 1970. */
  readonly time: number
  readonly receiptNumber: number
  readonly businessDate: string
}

const salesReceipt = statement<SalesReceipt>('sales-receipt', {
  transaction: octets(16),
  payment: octets(32),
  license: uuid,
  amount,
  currency,
  time: count,
  receiptNumber: count,
  businessDate: date,
})

/** Tells a reader of QR codes what this is, in characters of the alphanumeric mode. */
const prefix = 'TALLY1:'
/** A certificate and a receipt come to about 700 octets; more is nobody's receipt. */
const longest = 4096

export const makeSalesReceipt = (crypto: Crypto, receipt: SalesReceipt, certificate: Bytes, key: KeyPair): Bytes =>
  encode([certificate, salesReceipt.make(crypto, receipt, key)])

export const salesReceiptText = (bytes: Uint8Array): string => prefix + base45(bytes)

/** What a reader of codes gave, as octets; undefined where it is no receipt of ours. */
export const fromSalesReceiptText = (text: string): Bytes | undefined => {
  if (!text.startsWith(prefix) || text.length > longest) return undefined
  try {
    return fromBase45(text.slice(prefix.length))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

export type ReadReceipt = SalesReceipt & { readonly terminal: string; readonly merchant: string; readonly shop: string }

/** What the receipt says, if a terminal of this authority signed it while its certificate ran; or why not. */
export const verifySalesReceipt = (
  crypto: Crypto,
  bytes: Uint8Array,
  { keySet, mode }: { readonly keySet: KeySet | undefined; readonly mode: 'test' | 'live' },
): ReadReceipt | Refusal => {
  try {
    const parts = decode(bytes)
    const [certificate, signed] = Array.isArray(parts) && parts.length === 2 ? parts : []
    if (!(certificate instanceof Uint8Array && signed instanceof Uint8Array)) return malformed
    const { terminal, merchant, shop, keys, notBefore } = readCertificate(certificate)
    const receipt = salesReceipt.verify(crypto, signed, 'P-256', keys.p256)
    // The certificate need not run any more. A renewed one began after the payment, and ran when this was printed.
    const now_s = Math.max(salesReceipt.read(signed).time, notBefore)
    const failure = firstFailure(checkCertificate(crypto, { certificate, keySet, mode, now_s }))
    if (failure) return refused('ReceiptCertificateInvalid', `${failure.check}: found ${failure.found}`)
    return receipt
      ? { ...receipt, terminal, merchant, shop }
      : refused('ReceiptSignatureInvalid', `it is not signed by the key of ${terminal}`)
  } catch (error) {
    if (error instanceof Malformed) return malformed
    throw error
  }
}

const refused = (reason: string, why: string): Refusal => ({
  reason,
  message: `This receipt does not hold (${why}): give nothing back on it.`,
})
const malformed: Refusal = refused('ReceiptMalformed', 'it is not a receipt of this system')

import type { Testified } from '#account/licensing'
import { type Bytes, base64url, hex } from '#canonical/bytes'
import { type Check, failed, passed } from '#canonical/check'
import type { Crypto } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import type { License } from '#license'
import { readCertificate } from '#license/certificate'
import { checkCertificate } from '#license/checks'
import type { KeySet } from '#license/keyset'
import { type Payment, readSigned } from '#license/payment'
import { verifyDeduction, verifyReceipt } from '#license/records'
import { recordOf, tapHashOf } from '#tap/messages'

/**
 * A payment as its phone tells it. The phone has no key that opens its seal again, so it hands over what the seal hid
 * and the three messages that the payment's tap hash covers. What a phone merely says of itself is no testimony: each
 * word taken here is signed, by the phone's key or by the terminal's.
 */
export type Told = {
  readonly signed: Bytes
  readonly getRequest: Bytes
  readonly getResponse: Bytes
  readonly put: Bytes
  readonly receipt?: Bytes | undefined
}

/** The list ends at its first failure; `testified` is there where all of it holds. */
export type JudgedTestimony = { readonly checks: readonly Check[]; readonly testified?: Testified }

/** The same where the centre knows the terminal's key: without the certificate that the terminal showed. */
export const checkTold = (
  crypto: Crypto,
  told: Told,
  { license, terminalKey }: { readonly license: License; readonly terminalKey: Uint8Array },
): {
  readonly checks: readonly Check[]
  /** There where all of it holds. */
  readonly payment?: Payment
  readonly hash?: string
  /** Did the terminal say that it has the payment? */
  readonly receipt: boolean
} => {
  const opened = readSigned(crypto, told.signed, license.publicKey)
  if ('failure' in opened) return { checks: opened.checks, receipt: false }
  const { payment } = opened
  const hash = hex(opened.paymentHash)
  const checks = [...opened.checks]
  try {
    for (const each of [
      phoneChecks(crypto, told, payment, license),
      terminalChecks(crypto, told, payment, hash, terminalKey),
    ])
      for (const check of each) {
        checks.push(check)
        if (!check.pass) return { checks, receipt: false }
      }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    const failure = failed('testimony structure', 'TestimonyMalformed', 'the messages of a tap', error.message)
    return { checks: [...checks, failure], receipt: false }
  }
  return { checks, payment, hash, receipt: told.receipt !== undefined }
}

type Standing = { readonly license: License; readonly keySet: KeySet; readonly mode: 'test' | 'live' }

export const checkTestimony = (crypto: Crypto, told: Told, by: Standing): JudgedTestimony => {
  const opened = readSigned(crypto, told.signed, by.license.publicKey)
  if ('failure' in opened) return { checks: opened.checks }
  const { payment } = opened
  const checks = [...opened.checks]
  const hash = hex(opened.paymentHash)
  try {
    for (const check of frameChecks(crypto, told, payment, hash, by)) {
      checks.push(check)
      if (!check.pass) return { checks }
    }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    const failure = failed('testimony structure', 'TestimonyMalformed', 'the messages of a tap', error.message)
    return { checks: [...checks, failure] }
  }
  const { terminal, merchant, shop } = certificateIn(told)
  return {
    checks,
    testified: {
      payment: hash,
      transaction: hex(payment.transaction),
      counter: payment.counter,
      amount: payment.amount.toString(),
      currency: payment.currency,
      terminal,
      merchant,
      shop,
      signed: base64url(told.signed),
      getRequest: base64url(told.getRequest),
      getResponse: base64url(told.getResponse),
      put: base64url(told.put),
      ...(told.receipt ? { receipt: base64url(told.receipt) } : {}),
    },
  }
}

/** What the messages of the tap must say, so that the payment is one of this license to a terminal of this authority. */
function* frameChecks(
  crypto: Crypto,
  told: Told,
  payment: Payment,
  hash: string,
  { license, keySet, mode }: Standing,
): Generator<Check> {
  yield* phoneChecks(crypto, told, payment, license)
  // The phone's own time: it is the one that the phone held the certificate against when it paid.
  const certificate = recordOf(told.getRequest, 'terminal-certificate')
  yield* checkCertificate(crypto, { certificate, keySet, mode, now_s: payment.time })
  yield* terminalChecks(crypto, told, payment, hash, certificateIn(told).keys.p256)
}

function* phoneChecks(crypto: Crypto, told: Told, payment: Payment, license: License): Generator<Check> {
  yield same('payment license', 'LicenseMismatch', license.id, payment.license)
  yield same('payment card', 'CardMismatch', license.card, payment.card)
  const tapHash = tapHashOf(crypto, told.getRequest, told.getResponse, told.put)
  yield same('payment tap hash', 'TapHashMismatch', hex(tapHash), hex(payment.tapHash))
}

function* terminalChecks(
  crypto: Crypto,
  told: Told,
  payment: Payment,
  hash: string,
  terminalKey: Uint8Array,
): Generator<Check> {
  const asked = verifyDeduction(crypto, recordOf(told.put, 'deduction'), terminalKey)
  const signature = 'deduction signature'
  if (!asked) {
    yield failed(signature, 'DeductionSignatureInvalid', 'a signature by the terminal’s key', 'another')
    return
  }
  yield passed(signature)
  yield same('deduction content', 'DeductionMismatch', askedOf(asked), askedOf(payment))

  if (told.receipt === undefined) return
  const receipt = verifyReceipt(crypto, told.receipt, terminalKey)
  const given = receipt && `payment ${hex(receipt.payment)}, transaction ${hex(receipt.transaction)}`
  const expected = `payment ${hash}, transaction ${hex(payment.transaction)}`
  yield same('receipt', 'ReceiptInvalid', expected, given ?? 'a receipt that the terminal did not sign')
}

const certificateIn = ({ getRequest }: Told) => readCertificate(recordOf(getRequest, 'terminal-certificate'))

const askedOf = (of: Pick<Payment, 'transaction' | 'license' | 'counter' | 'amount' | 'currency'>): string =>
  [hex(of.transaction), of.license, of.counter, of.amount, of.currency].join(' ')

const same = (check: string, reason: string, expected: string, found: string): Check =>
  expected === found ? passed(check) : failed(check, reason, expected, found)

import { type Bytes, concat, utf8 } from '#canonical/bytes'
import { type Check, failed, passed } from '#canonical/check'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { parse1, sign1, verify1 } from './cose.ts'
import { openAuth, sealAuth } from './hpke.ts'
import { type Payment, payload as payloadRecord, type Unproved } from './payload.ts'
import { tacOf } from './tac.ts'

export type { Payment } from './payload.ts'

/**
 * The sealed payment, suite P256-AUTH: COSE_Sign1 by the APP key inside HPKE Auth from the APP key to the sealing key
 * of the tap. The seal keeps the air private and opens under the APP public key alone; the signature inside is the
 * proof, and is checked always, because whoever holds the sealing key can forge a seal (RFC 9180, 9.1.1).
 */
const infoOf = (tapHash: Uint8Array): Bytes => concat(utf8('tallystick.dev:payment/1'), tapHash)
const noAad = new Uint8Array(0)

type Content = {
  readonly payment: Payment
  /** The signed octets. */
  readonly payload: Bytes
  /** SHA-256 of the payload: by this a payment is known everywhere, never by its signature or its seal. */
  readonly paymentHash: Bytes
  /** The COSE_Sign1 that the seal hides. */
  readonly signed: Bytes
}

export type MadePayment = Content & { readonly sealed: Bytes }
export type OpenedPayment = Content & { readonly checks: readonly Check[] }
/** The last of `checks` is the failure. */
export type UnopenedPayment = { readonly checks: readonly Check[]; readonly failure: Check }

export const paymentHashOf = (crypto: Crypto, payload: Uint8Array): Bytes => crypto.sha256(payload)

/** On the phone: proves (TAC), signs and seals. Sealed anew it has other octets: keep these, and answer with them. */
export const makePayment = (
  crypto: Crypto,
  making: {
    readonly payment: Unproved
    /** The APP key. */
    readonly key: KeyPair
    readonly tacKey: Uint8Array
    /** The sealing key of the tap, from the terminal's hello. */
    readonly sealing: Uint8Array
  },
): MadePayment => {
  const { key, tacKey, sealing } = making
  const payment = { ...making.payment, tac: tacOf(crypto, tacKey, making.payment) }
  const payload = payloadRecord.encode(payment)
  const signed = sign1(crypto, { payload, type: 'payment', key })
  const info = infoOf(payment.tapHash)
  const sealed = sealAuth(crypto, { sender: key, recipient: sealing, info, aad: noAad, plaintext: signed })
  return { payment, payload, paymentHash: paymentHashOf(crypto, payload), signed, sealed }
}

/**
 * At the terminal, at the centre, in a replay and for a stranger: opens the seal under the APP public key that the
 * license names, and checks what can be known without the sale. `checkPayment` does the rest.
 */
export const openPayment = (
  crypto: Crypto,
  sealed: Uint8Array,
  keys: { readonly sealing: KeyPair; readonly appPublicKey: Uint8Array; readonly tapHash: Uint8Array },
): OpenedPayment | UnopenedPayment => {
  const { sealing, appPublicKey, tapHash } = keys
  const info = infoOf(tapHash)
  const signed = openAuth(crypto, { sender: appPublicKey, recipient: sealing, info, aad: noAad, sealed })
  if (signed === null) {
    const found = `${sealed.length} octets that do not open`
    return unopened([], failed('payment seal', 'SealInvalid', 'a seal by the license’s key for this tap', found))
  }
  return readSigned(crypto, signed, appPublicKey, [passed('payment seal')])
}

/**
 * What the seal hid: whoever was handed it without the seal, as a phone hands it over, checks it the same way. `before`
 * are the checks that were made of it so far.
 */
export const readSigned = (
  crypto: Crypto,
  signed: Bytes,
  appPublicKey: Uint8Array,
  before: readonly Check[] = [],
): OpenedPayment | UnopenedPayment => {
  const checks = [...before]
  try {
    const payload = verify1(crypto, { bytes: parse1(signed), type: 'payment', curve: 'P-256', publicKey: appPublicKey })
    if (payload === null)
      return unopened(
        checks,
        failed('payment signature', 'PaymentSignatureInvalid', 'a signature by the license’s key', 'another'),
      )
    checks.push(passed('payment signature'))
    const payment = payloadRecord.read(payload)
    checks.push(passed('payment structure'))
    return { checks, payment, payload, paymentHash: paymentHashOf(crypto, payload), signed }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return unopened(checks, failed('payment structure', 'PaymentMalformed', 'a payment', error.message))
  }
}

const unopened = (before: readonly Check[], failure: Check): UnopenedPayment => ({
  checks: [...before, failure],
  failure,
})

import { type Bytes, concat, utf8 } from '#canonical/bytes'
import { type Check, failed, passed } from '#canonical/check'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { type AppKey, signAs, signedBy, suiteOf } from './appkey.ts'
import { payloadMax } from './block.ts'
import { openAuth, sealAuth } from './hpke.ts'
import type { Credit } from './license.ts'
import { type Payment, payload as payloadRecord, type Unproved } from './payload.ts'
import { tacOf } from './tac.ts'

export type { Payment } from './payload.ts'

/**
 * The sealed payment. P256-AUTH: COSE_Sign1 by the APP key inside HPKE Auth from the APP key to the sealing key of the
 * tap. The seal keeps the air private and opens under the APP public key alone; the signature inside is the proof, and
 * is checked always, because whoever holds the sealing key can forge a seal (RFC 9180, 9.1.1). RSA-RECOVERY: the block
 * of the APP key, which is seal and signature in one and hides nothing.
 */
const infoOf = (tapHash: Uint8Array): Bytes => concat(utf8('tallystick.dev:payment/1'), tapHash)
const noAad = new Uint8Array(0)

/** Does every payment that may be made under such a license fit its suite? A block holds so many octets and no more. */
export const fitsSuite = ({ suite, allowance, counter, consecutive, currency }: Credit): boolean => {
  if (suite === 'P256-AUTH') return true
  const zeros = (size: number): Bytes => new Uint8Array(size)
  const largest = payloadRecord.encode({
    amount: allowance,
    currency,
    time: 2 ** 32 - 1,
    transaction: zeros(16),
    card: '0'.repeat(19),
    license: '00000000-0000-0000-0000-000000000000',
    counter: counter + consecutive,
    allowanceAfter: allowance,
    previous: zeros(32),
    tapHash: zeros(32),
    tac: zeros(8),
  })
  return largest.length <= payloadMax
}

type Content = {
  readonly payment: Payment
  /** The signed octets. */
  readonly payload: Bytes
  /** SHA-256 of the payload: by this a payment is known everywhere, never by its signature or its seal. */
  readonly paymentHash: Bytes
  /** What the seal hides: a COSE_Sign1. Of RSA-RECOVERY the block, which is all there is. */
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
    readonly key: AppKey
    readonly tacKey: Uint8Array
    /** The sealing key of the tap, from the terminal's hello. */
    readonly sealing: Uint8Array
  },
): MadePayment => {
  const { key, tacKey, sealing } = making
  const payment = { ...making.payment, tac: tacOf(crypto, tacKey, making.payment) }
  const payload = payloadRecord.encode(payment)
  const signed = signAs(crypto, key, 'payment', payload)
  const paymentHash = paymentHashOf(crypto, payload)
  if ('rsa' in key) return { payment, payload, paymentHash, signed, sealed: signed }
  const info = infoOf(payment.tapHash)
  const sealed = sealAuth(crypto, { sender: key, recipient: sealing, info, aad: noAad, plaintext: signed })
  return { payment, payload, paymentHash, signed, sealed }
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
  if (suiteOf(appPublicKey) === 'RSA-RECOVERY') return readSigned(crypto, new Uint8Array(sealed), appPublicKey)
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
    const payload = signedBy(crypto, appPublicKey, 'payment', signed)
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

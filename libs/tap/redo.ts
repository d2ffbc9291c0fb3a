import { type Bytes, fromHex } from '#canonical/bytes'
import { type Check, failed, passed } from '#canonical/check'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { type License, readSignedLicense } from '#license'
import { checkLicense, checkPayment } from '#license/checks'
import { type OpenedPayment, openPayment } from '#license/payment'
import type { Decline, Status } from '#license/records'
import type { Amount, Currency } from '#money'
import { openStatus, paymentAnswer, tapHashOf } from './messages.ts'
import type { Rules } from './rules.ts'

/**
 * The checks of a tap, made from the octets as they were on the air. The terminal makes them at the counter, the centre
 * before its verdict, a replay whenever somebody asks: one code, so that they cannot differ.
 */

export type OfferedStatus = Status

/** The frames of one meeting of phone and terminal, and the key that this meeting was sealed to. */
export type Attempt = {
  readonly tap: number
  readonly sealing: KeyPair
  readonly getRequest: Bytes
  readonly getResponse: Bytes
  /** Empty where no PUT was sent in this meeting. */
  readonly put: Bytes
}

/** What the terminal asked of the phone, and every meeting in which it asked. */
export type Deduction = {
  readonly transaction: string
  readonly amount: Amount
  readonly currency: Currency
  readonly card: string
  readonly license: string
  readonly counter: number
  readonly allowanceBefore: Amount
  readonly attempts: readonly Attempt[]
}

export type JudgedLicense = {
  readonly checks: readonly Check[]
  readonly license?: License
  readonly licenseBytes?: Bytes
  readonly status?: Status
  readonly decline?: Decline
  /** Present where the answer could not be read at all. */
  readonly malformed?: Malformed
}

/** Opens the phone's first answer and checks its license under the rules given. */
export const judgeLicense = (
  crypto: Crypto,
  { sealing, getRequest, getResponse }: Omit<Attempt, 'put' | 'tap'>,
  rules: Rules,
  currency: Currency,
  now_s: number,
  waived: readonly string[] = [],
): JudgedLicense => {
  try {
    const answer = openStatus(crypto, getRequest, getResponse, sealing)
    if (!answer)
      return {
        checks: [
          failed('status seal', 'StatusSealInvalid', 'an answer sealed to this tap’s key', 'octets that do not open'),
        ],
      }
    if ('decline' in answer) return { checks: [], decline: answer.decline }
    const { license: licenseBytes, status } = answer
    const read = readSignedLicense(licenseBytes)
    const checks = [
      passed('status seal'),
      ...checkLicense(crypto, { license: read, ...rules, now_s, currency, waived }),
    ]
    if (read instanceof Malformed) return { checks }
    const { license } = read
    if (checks.every(({ pass, reason }) => pass || waived.includes(reason ?? '')))
      checks.push(
        status.card === license.card
          ? passed('status card')
          : failed('status card', 'CardMismatch', license.card, status.card),
      )
    return { checks, license, licenseBytes, status }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    const check = failed('status structure', 'StatusMalformed', 'a license and a status', error.message)
    return { checks: [check], malformed: error }
  }
}

export type JudgedPayment = {
  readonly checks: readonly Check[]
  readonly opened?: OpenedPayment & { readonly sealedIn: number }
}

/**
 * Opens the phone's answer to GET #2 and holds it against what was asked. A torn tap may have been sealed to the key of
 * any meeting in which the PUT was sent, so each is tried, the newest first.
 */
export const judgePayment = (
  crypto: Crypto,
  deduction: Deduction,
  license: Pick<License, 'id' | 'card' | 'publicKey'>,
  response: Bytes,
): JudgedPayment => {
  try {
    const answer = paymentAnswer(response)
    if ('decline' in answer)
      return {
        checks: [failed('payment structure', 'PaymentMissing', 'a payment', `decline: ${answer.decline.reason}`)],
      }
    let first: JudgedPayment | undefined
    for (const attempt of deduction.attempts.toReversed()) {
      if (attempt.put.length === 0) continue
      const judged = judgeAttempt(crypto, deduction, license, answer.sealed, attempt)
      if (judged.opened) return judged
      first ??= judged
    }
    return first ?? { checks: [failed('payment seal', 'SealInvalid', 'a tap in which a PUT was sent', 'none')] }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return { checks: [failed('payment structure', 'PaymentMalformed', 'a payment', error.message)] }
  }
}

const judgeAttempt = (
  crypto: Crypto,
  deduction: Deduction,
  license: Pick<License, 'id' | 'card' | 'publicKey'>,
  sealed: Bytes,
  { tap, sealing, getRequest, getResponse, put }: Attempt,
): JudgedPayment => {
  const tapHash = tapHashOf(crypto, getRequest, getResponse, put)
  const opened = openPayment(crypto, sealed, { sealing, appPublicKey: license.publicKey, tapHash })
  const asked = { ...deduction, transaction: fromHex(deduction.transaction) }
  const checks = checkPayment({ opened, deduction: asked, license, tapHash, allowanceLeft: deduction.allowanceBefore })
  return 'failure' in opened ? { checks } : { checks, opened: { ...opened, sealedIn: tap } }
}

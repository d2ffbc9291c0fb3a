import { type Bytes, concat, u32be, utf8 } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { openBase, sealBase } from '#license/hpke'
import { type Decline, encodeDecline, encodeStatus, readDecline, readStatus, type Status } from '#license/records'
import { decodeMessage, encodeMessage, externalRecord, findRecord } from '#nfc/ndef'

/**
 * The conversation's messages as NDEF: which records travel together, and how the phone's first answer is sealed. Both
 * sides, the centre's verdicts and a replay read them here.
 */

export const recordOf = (message: Uint8Array, name: string): Bytes => {
  const record = findRecord(decodeMessage(message), name)
  if (!record) throw new Malformed('ndef', 0, `no ${name} record in the message`)
  return record.payload
}

const optionalRecord = (message: Uint8Array, name: string): Bytes | undefined =>
  findRecord(decodeMessage(message), name)?.payload

export const single = (name: string, payload: Bytes): Bytes => encodeMessage([externalRecord(name, payload)])

/** GET #1: who asks, and the key that this tap's answers are sealed to. Made before the phone comes. */
export const statusRequest = (hello: Bytes, certificate: Bytes): Bytes =>
  encodeMessage([externalRecord('hello', hello), externalRecord('terminal-certificate', certificate)])

const statusInfo = utf8('tallystick.dev:status/1')

export type StatusAnswer = { readonly license: Bytes; readonly status: Status } | { readonly decline: Decline }

/** The phone's answer to GET #1, sealed so that only the terminal that asked can read whose phone it is. */
export const sealStatus = (crypto: Crypto, request: Bytes, sealing: Uint8Array, answer: StatusAnswer): Bytes => {
  const plaintext =
    'decline' in answer
      ? single('decline', encodeDecline(answer.decline))
      : encodeMessage([
          externalRecord('license', answer.license),
          externalRecord('status', encodeStatus(answer.status)),
        ])
  const aad = crypto.sha256(request)
  return single('sealed', sealBase(crypto, { recipient: sealing, info: statusInfo, aad, plaintext }))
}

/** A phone that does not know the terminal says so openly, and alike from every phone. */
export const plainDecline = (decline: Decline): Bytes => single('decline', encodeDecline(decline))

/** Null where the seal does not open under this tap's key. Throws `Malformed`. */
export const openStatus = (crypto: Crypto, request: Bytes, response: Bytes, sealing: KeyPair): StatusAnswer | null => {
  const open = optionalRecord(response, 'decline')
  if (open) return { decline: readDecline(open) }
  const sealed = recordOf(response, 'sealed')
  const plaintext = openBase(crypto, { recipient: sealing, info: statusInfo, aad: crypto.sha256(request), sealed })
  if (!plaintext) return null
  const decline = optionalRecord(plaintext, 'decline')
  if (decline) return { decline: readDecline(decline) }
  return { license: recordOf(plaintext, 'license'), status: readStatus(recordOf(plaintext, 'status')) }
}

/** What the payment covers of the tap in which the phone took the PUT: three messages, each with its length. */
export const tapHashOf = (crypto: Crypto, getRequest: Bytes, getResponse: Bytes, put: Bytes): Bytes =>
  crypto.sha256(concat(...[getRequest, getResponse, put].flatMap(message => [u32be(message.length), message])))

/** The phone's answer to GET #2: the sealed payment, or why there is none. */
export const paymentAnswer = (message: Bytes): { readonly sealed: Bytes } | { readonly decline: Decline } => {
  const decline = optionalRecord(message, 'decline')
  return decline ? { decline: readDecline(decline) } : { sealed: recordOf(message, 'payment') }
}

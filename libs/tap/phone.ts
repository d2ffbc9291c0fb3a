import type { Bytes } from '#canonical/bytes'
import { base64url, equal, fromBase64url, fromHex, hex } from '#canonical/bytes'
import { firstFailure } from '#canonical/check'
import type { Crypto } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { type License, readLicense } from '#license'
import { type AppKey, appKeyOf } from '#license/appkey'
import { readCertificate, type TerminalCertificate } from '#license/certificate'
import { checkCertificate } from '#license/checks'
import { readKeySet } from '#license/keyset'
import { makePayment } from '#license/payment'
import {
  type Deduction,
  type Hello,
  readPaymentRequest,
  verifyDeduction,
  verifyHello,
  verifyReceipt,
} from '#license/records'
import { amount, minorUnits } from '#money'
import { decodeMessage, findRecord } from '#nfc/ndef'
import { bareResponse, decodeRequest, encodeResponse, refusalFor, SERVICE_LIMIT } from '#nfc/snep'
import { plainDecline, recordOf, sealStatus, single, tapHashOf } from './messages.ts'
import { type PhoneDeclineWord, phoneDeclines } from './terminal.ts'

/**
 * The phone's side of a tap and the phone's own memory. One request in, one answer out; where the answer comes with a
 * new memory, that memory is on disk before the answer leaves. Keys and counter are in no backup.
 */

/** Octets as base64url, hashes in hexadecimal, amounts in minor units as decimal strings: it is kept as JSON. */
export type PhoneMemory = {
  readonly phone: string
  readonly account: string
  readonly mode: 'test' | 'live'
  readonly publicKey: string
  readonly privateKey: string
  readonly license: string
  readonly tacKey: string
  readonly keySet: string
  /** Whose key sets the phone adopts; a phone of before 0.3.0 keeps the one it has. */
  readonly rootPublicKey?: string
  readonly locked: boolean
  readonly counter: number
  readonly allowanceLeft: string
  /** The payment hash before the next payment; 64 zeros before the first. */
  readonly previous: string
  readonly day: { readonly date: string; readonly sum: string }
  /** The last 64, oldest first. */
  readonly payments: readonly Paid[]
  /** Asked for and not answered: the phone pays by no license until it knows by which. */
  readonly renewal?: { readonly keys: KeyText; readonly present: string; readonly next: string }
}

/** An APP key; of RSA-RECOVERY with the key to which its TAC key is sent. */
export type KeyText = {
  readonly publicKey: string
  readonly privateKey: string
  readonly transport?: { readonly publicKey: string; readonly privateKey: string }
}

export type Paid = {
  readonly transaction: string
  readonly payment: string
  readonly counter: number
  readonly amount: string
  readonly currency: string
  readonly time_s: number
  readonly terminal: string
  readonly merchant: string
  /** The deduction that asked for it and the answer to GET #2, as they were on the air. */
  readonly put: string
  readonly answer: string
  /** What the seal of the answer hides, and the two messages before the PUT: with them the phone can testify. */
  readonly signed?: string
  readonly getRequest?: string
  readonly getResponse?: string
  /** The license that it was made under. */
  readonly license?: string
  /** What the authority made of it when it was handed over. */
  readonly told?: 'with receipt' | 'without receipt' | 'refused'
  readonly receipt?: { readonly number: number; readonly document: string }
}

/** What the phone knows of the tap that is going on; forgotten with the field. */
export type Field = {
  readonly getRequest?: Bytes
  readonly getResponse?: Bytes
  readonly certificate?: TerminalCertificate
  readonly deduction?: { readonly put: Bytes; readonly asked: Deduction }
  /** A payment was made in this meeting: the next one needs the holder's consent, whatever its amount. */
  readonly paidHere?: boolean
  /** The payment that this tap is about: one just asked for, or one of an earlier tap that was given again. */
  readonly transaction?: string
}

export const emptyField: Field = {}

export type Answer = {
  readonly response: Bytes
  readonly field: Field
  /** To be on disk before the response leaves. */
  readonly memory?: PhoneMemory
  /** What the phone said no with, for its holder. */
  readonly declined?: { readonly reason: string; readonly message: string }
}

export type Holder = {
  readonly now_s: number
  /**
   * Has the holder consented, refused, or not been heard? Asked of a deduction by its `consentKey`, so that consent to
   * one amount is none to another; and of an earlier payment without a receipt by its transaction.
   */
  readonly consent: (of: string) => 'given' | 'refused' | 'none'
}

const remembered = 64
/** Between a phone's clock and a till's that has been offline for long. */
const helloAge_s = 3600

/** What a holder consents to: this request, octet for octet. */
export const consentKey = (crypto: Crypto, put: Bytes): string => hex(crypto.sha256(put))

/** The answer to one SNEP request. Never throws for what came over the air. */
export const answer = (crypto: Crypto, memory: PhoneMemory, field: Field, request: Bytes, holder: Holder): Answer => {
  try {
    const snep = decodeRequest(request)
    if (snep.information.length > SERVICE_LIMIT) return { response: bareResponse('REJECT'), field }
    switch (snep.code) {
      case 'GET': {
        const told = isPaymentRequest(snep.information)
          ? pay(crypto, memory, field, snep.information, holder)
          : introduce(crypto, memory, field, snep.information, holder)
        const { information, ...rest } = told
        if (information.length > snep.acceptableLength) return { response: bareResponse('EXCESS DATA'), field }
        return { ...rest, response: encodeResponse({ code: 'SUCCESS', information }) }
      }
      case 'PUT': {
        const { information, ...rest } = isReceipt(snep.information)
          ? keepReceipt(crypto, memory, field, snep.information)
          : takeDeduction(crypto, memory, field, snep.information, holder)
        return { ...rest, response: encodeResponse({ code: 'SUCCESS', information }) }
      }
      case 'CONTINUE':
      case 'REJECT':
        return { response: bareResponse('BAD REQUEST'), field }
    }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return { response: error.layer === 'snep' ? refusalFor(request) : bareResponse('BAD REQUEST'), field }
  }
}

type Told = Omit<Answer, 'response'> & { readonly information: Bytes }

const isPaymentRequest = (message: Bytes): boolean =>
  findRecord(decodeMessage(message), 'payment-request') !== undefined
const isReceipt = (message: Bytes): boolean => findRecord(decodeMessage(message), 'receipt') !== undefined
const nothing = new Uint8Array(0)

const declinedBy = (word: PhoneDeclineWord): NonNullable<Told['declined']> => {
  const [reason, message] = phoneDeclines[word]
  return { reason, message }
}

/** The phone's own "no". One that ends the tap is told to the holder too. */
const no = (field: Field, word: PhoneDeclineWord, transaction?: string): Told => {
  const information = plainDecline(
    transaction === undefined ? { reason: word } : { reason: word, transaction: fromHex(transaction) },
  )
  return word === 'pending' || word === 'unknown transaction'
    ? { information, field }
    : { information, field, declined: declinedBy(word) }
}

export const licenseOf = (memory: PhoneMemory): License => readLicense(fromBase64url(memory.license))

const keyOf = (memory: PhoneMemory): AppKey =>
  appKeyOf(fromBase64url(memory.publicKey), fromBase64url(memory.privateKey))

/** GET #1: the license and the status, sealed to this tap's key, and only for a terminal that the authority knows. */
const introduce = (
  crypto: Crypto,
  memory: PhoneMemory,
  { paidHere = false }: Field,
  getRequest: Bytes,
  { now_s }: Holder,
): Told => {
  // Whatever a terminal asks first, what was paid in this meeting stays known to the end of it.
  const meeting: Field = paidHere ? { paidHere } : emptyField
  const certificate = recordOf(getRequest, 'terminal-certificate')
  const signedHello = recordOf(getRequest, 'hello')
  const keySet = readKeySet(fromBase64url(memory.keySet))
  const checks = checkCertificate(crypto, { certificate, keySet, mode: memory.mode, now_s })
  const certified = firstFailure(checks) ? undefined : readCertificate(certificate)
  const hello: Hello | null = certified ? verifyHello(crypto, signedHello, certified.keys.p256) : null
  if (!certified || !hello || hello.terminal !== certified.terminal) return no(meeting, 'unknown terminal')
  // The sealing key of an old tap is in logs: a hello from long ago is somebody who has read one.
  if (Math.abs(now_s - hello.time) > helloAge_s) return no(meeting, 'terminal clock')
  const last = memory.payments.at(-1)
  const license = licenseOf(memory)
  const getResponse = memory.locked
    ? sealStatus(crypto, getRequest, hello.sealing, { decline: { reason: 'locked' } })
    : sealStatus(crypto, getRequest, hello.sealing, {
        license: fromBase64url(memory.license),
        status: {
          card: license.card,
          allowanceLeft: minorUnits(memory.allowanceLeft),
          counter: memory.counter,
          ...(last
            ? {
                last: {
                  payment: fromHex(last.payment),
                  terminal: last.terminal,
                  time: last.time_s,
                  amount: minorUnits(last.amount),
                },
              }
            : {}),
          day: { date: memory.day.date, sum: minorUnits(memory.day.sum) },
          place: { flag: 'none' },
        },
      })
  const told = { information: getResponse, field: { ...meeting, getRequest, getResponse, certificate: certified } }
  return memory.locked ? { ...told, declined: declinedBy('locked') } : told
}

/** PUT: the request is checked and kept; nothing is paid yet. */
const takeDeduction = (crypto: Crypto, memory: PhoneMemory, field: Field, put: Bytes, { consent }: Holder): Told => {
  const { certificate } = field
  const signed = recordOf(put, 'deduction')
  const asked = certificate ? verifyDeduction(crypto, signed, certificate.keys.p256) : null
  if (!certificate || !asked || asked.amount === 0n) return no(field, 'bad deduction')
  if (memory.locked) return no(field, 'locked')
  if (memory.renewal) return no(field, 'renewing')
  const transaction = hex(asked.transaction)
  // One transaction is one request: what the holder consented to is not exchanged for another amount.
  const pending = field.deduction
  if (pending && hex(pending.asked.transaction) === transaction && !equal(pending.put, put))
    return no(field, 'bad deduction')
  const before = memory.payments.find(paid => paid.transaction === transaction)
  // The same deduction again: it was paid once, and GET #2 gives the same octets.
  if (before)
    return before.put === base64url(put)
      ? { information: nothing, field: { ...field, transaction } }
      : no(field, 'bad deduction')
  const license = licenseOf(memory)
  const { credit } = license
  const earlier = memory.payments.findLast(paid => paid.terminal === certificate.terminal)
  const refused: [PhoneDeclineWord, string?] | undefined =
    asked.license !== license.id
      ? ['license unknown']
      : earlier && !earlier.receipt && consent(earlier.transaction) !== 'given'
        ? ['earlier payment open', earlier.transaction]
        : asked.counter !== memory.counter + 1
          ? ['counter differs']
          : asked.currency !== credit.currency
            ? ['currency']
            : asked.amount > credit.perTransaction
              ? ['per transaction']
              : asked.amount > BigInt(memory.allowanceLeft)
                ? ['allowance']
                : memory.counter - credit.counter >= credit.consecutive
                  ? ['consecutive']
                  : undefined
  if (refused) return no(field, ...refused)
  return { information: nothing, field: { ...field, deduction: { put, asked }, transaction } }
}

/** GET #2: consent, then the payment is made, kept, and only then answered. */
const pay = (crypto: Crypto, memory: PhoneMemory, field: Field, request: Bytes, holder: Holder): Told => {
  const transaction = hex(readPaymentRequest(recordOf(request, 'payment-request')).transaction)
  const before = memory.payments.find(paid => paid.transaction === transaction)
  if (before) return { information: fromBase64url(before.answer), field: { ...field, transaction } }
  const { deduction, certificate, getRequest, getResponse } = field
  if (!deduction || hex(deduction.asked.transaction) !== transaction || !certificate || !getRequest || !getResponse)
    return no(field, 'unknown transaction', transaction)
  if (memory.renewal) return no(field, 'renewing', transaction)
  const { asked, put } = deduction
  const license = licenseOf(memory)
  const consent = holder.consent(consentKey(crypto, put))
  if (consent === 'refused') return no(field, 'refused', transaction)
  // A phone held to a till pays once without a word; a second payment in the same meeting is asked for.
  const silently = asked.amount <= license.credit.silent && !field.paidHere
  if (!silently && consent !== 'given') return no(field, 'pending', transaction)

  const allowanceAfter = amount(BigInt(memory.allowanceLeft) - asked.amount)
  const payment = {
    amount: asked.amount,
    currency: asked.currency,
    time: holder.now_s,
    transaction: asked.transaction,
    card: license.card,
    license: license.id,
    counter: asked.counter,
    allowanceAfter,
    previous: fromHex(memory.previous),
    tapHash: tapHashOf(crypto, getRequest, getResponse, put),
  }
  const made = makePayment(crypto, {
    payment,
    key: keyOf(memory),
    tacKey: fromBase64url(memory.tacKey),
    sealing: sealingOf(crypto, getRequest, certificate),
  })
  const answer = single('payment', made.sealed)
  const paymentHash = hex(made.paymentHash)
  const date = new Date(holder.now_s * 1000).toISOString().slice(0, 10)
  const sum = (memory.day.date === date ? BigInt(memory.day.sum) : 0n) + asked.amount
  const paid: Paid = {
    transaction,
    payment: paymentHash,
    counter: asked.counter,
    amount: asked.amount.toString(),
    currency: asked.currency,
    time_s: holder.now_s,
    terminal: certificate.terminal,
    merchant: certificate.merchantName,
    put: base64url(put),
    answer: base64url(answer),
    signed: base64url(made.signed),
    getRequest: base64url(getRequest),
    getResponse: base64url(getResponse),
    license: license.id,
  }
  return {
    information: answer,
    field: { ...field, paidHere: true },
    memory: {
      ...memory,
      counter: asked.counter,
      allowanceLeft: allowanceAfter.toString(),
      previous: paymentHash,
      day: { date, sum: sum.toString() },
      payments: [...memory.payments, paid].slice(-remembered),
    },
  }
}

const sealingOf = (crypto: Crypto, getRequest: Bytes, { keys }: TerminalCertificate): Bytes =>
  (verifyHello(crypto, recordOf(getRequest, 'hello'), keys.p256) as Hello).sealing

/** PUT receipt: the phone's half of the stick. A receipt that does not hold is thanked for and not kept. */
const keepReceipt = (crypto: Crypto, memory: PhoneMemory, field: Field, put: Bytes): Told => {
  const document = recordOf(put, 'receipt')
  const { certificate } = field
  const receipt = certificate ? verifyReceipt(crypto, document, certificate.keys.p256) : null
  const place = receipt ? memory.payments.findIndex(paid => paid.transaction === hex(receipt.transaction)) : -1
  const paid = memory.payments[place]
  if (!receipt || !paid || !equal(receipt.payment, fromHex(paid.payment)) || paid.terminal !== certificate?.terminal)
    return { information: nothing, field }
  const kept: Paid = { ...paid, receipt: { number: receipt.receiptNumber, document: base64url(document) } }
  return { information: nothing, field, memory: { ...memory, payments: memory.payments.with(place, kept) } }
}

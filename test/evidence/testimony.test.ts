import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bytes, fromBase64url } from '#canonical/bytes'
import { firstFailure } from '#canonical/check'
import { checkTestimony, type Told } from '#evidence/testimony'
import { readLicense } from '#license'
import { appKeyOf } from '#license/appkey'
import { readKeySet } from '#license/keyset'
import { makePayment, type Payment, readSigned } from '#license/payment'
import { makeDeduction, makeReceipt, readDeduction } from '#license/records'
import { amount } from '#money'
import { recordOf, single, tapHashOf } from '#tap/messages'
import type { Paid, PhoneMemory } from '#tap/phone'
import { type Counter, counter } from '../tap/counter.ts'

/** Two payments of one phone, as it keeps them, and what can be wrong with what it hands over. */
let here: Counter
let memory: PhoneMemory
let first: Told
let second: Told

const toldOf = (paid: Paid | undefined): Told => ({
  signed: fromBase64url(paid?.signed ?? ''),
  getRequest: fromBase64url(paid?.getRequest ?? ''),
  getResponse: fromBase64url(paid?.getResponse ?? ''),
  put: fromBase64url(paid?.put ?? ''),
  receipt: fromBase64url(paid?.receipt?.document ?? ''),
})

const judge = (told: Told, change: Partial<Parameters<typeof checkTestimony>[2]> = {}) =>
  checkTestimony(here.world.crypto, told, {
    license: readLicense(fromBase64url(memory.license)),
    keySet: readKeySet(fromBase64url(memory.keySet)),
    mode: 'test',
    ...change,
  })

const refusedFor = (told: Told, change?: Partial<Parameters<typeof checkTestimony>[2]>) => {
  const { checks, testified } = judge(told, change)
  expect(testified).toBeUndefined()
  expect(checks.at(-1)).toBe(firstFailure(checks))
  return firstFailure(checks)?.reason
}

const flipped = (octets: Uint8Array, at: number) => octets.map((octet, place) => (place === at ? octet ^ 1 : octet))

beforeAll(async () => {
  here = await counter('testimony')
  const phone = here.phoneOf('anna')
  for (const sum of [1250n, 300n]) {
    await here.key(sum)
    await here.touch(phone)
  }
  memory = phone.memory
  first = toldOf(memory.payments[0])
  second = toldOf(memory.payments[1])
})
afterAll(() => here.end())

describe('what a phone hands over', () => {
  it('is taken as it was paid', () => {
    const { checks, testified } = judge(first)
    expect(firstFailure(checks)).toBeUndefined()
    const { payment, transaction, counter } = memory.payments[0] as Paid
    expect(testified).toMatchObject({ payment, transaction, counter, amount: '1250', currency: 'EUR', terminal: 'T-1' })
    expect(testified?.receipt).toBe(memory.payments[0]?.receipt?.document)
  })
  it('is taken without a receipt too', () => {
    const { testified } = judge({ ...first, receipt: undefined })
    expect(testified?.payment).toBe(memory.payments[0]?.payment)
    expect(testified).not.toHaveProperty('receipt')
  })
  it('is another phone’s word under another license', () => {
    const license = { ...readLicense(fromBase64url(memory.license)), id: '0'.repeat(8) }
    expect(refusedFor(first, { license })).toBe('LicenseMismatch')
  })
  it('is of this card', () => {
    const license = { ...readLicense(fromBase64url(memory.license)), card: '9'.repeat(19) }
    expect(refusedFor(first, { license })).toBe('CardMismatch')
  })
  it('bears the license’s key', () => {
    const license = {
      ...readLicense(fromBase64url(memory.license)),
      publicKey: here.world.crypto.keyPair('P-256').publicKey,
    }
    expect(refusedFor(first, { license })).toBe('PaymentSignatureInvalid')
  })
  it.each(['getRequest', 'getResponse', 'put'] as const)('is of one tap: another’s %s is found', part =>
    expect(refusedFor({ ...first, [part]: second[part] })).toBe('TapHashMismatch'),
  )
  it('whose terminal the authority knows', () => {
    const keySet = { ...readKeySet(fromBase64url(memory.keySet)), keys: [] }
    expect(refusedFor(first, { keySet })).toBe('CertificateKeyUnknown')
  })
  it('of test and live apart', () => expect(refusedFor(first, { mode: 'live' })).toBe('ModeMismatch'))
  it('with the receipt of this payment', () =>
    expect(refusedFor({ ...first, receipt: second.receipt })).toBe('ReceiptInvalid'))
  it('which the terminal signed', () => {
    const { crypto } = here.world
    const forged = makeReceipt(
      crypto,
      {
        transaction: new Uint8Array(16),
        payment: new Uint8Array(32),
        receiptNumber: 1,
        revision: 1,
        head: new Uint8Array(32),
      },
      crypto.keyPair('P-256'),
    )
    expect(refusedFor({ ...first, receipt: forged })).toBe('ReceiptInvalid')
  })
  /** What a phone that lies could sign with its own key, over the messages of a tap as it tells them. */
  const lied = (change: Partial<Payment>, put: Bytes = first.put): Told => {
    const { crypto } = here.world
    const opened = readSigned(crypto, first.signed, readLicense(fromBase64url(memory.license)).publicKey)
    if ('failure' in opened) throw new Error(opened.failure.reason)
    const tapHash = tapHashOf(crypto, first.getRequest, first.getResponse, put)
    const { signed } = makePayment(crypto, {
      payment: { ...opened.payment, tapHash, ...change },
      key: appKeyOf(fromBase64url(memory.publicKey), fromBase64url(memory.privateKey)),
      tacKey: fromBase64url(memory.tacKey),
      sealing: crypto.keyPair('P-256').publicKey,
    })
    return { ...first, signed, put, receipt: undefined }
  }
  it('asked for by the terminal, of which the phone makes no other', () => {
    expect(judge(lied({})).testified?.amount).toBe('1250')
    expect(refusedFor(lied({ amount: amount(1n) }))).toBe('DeductionMismatch')
    expect(refusedFor(lied({ counter: 7 }))).toBe('DeductionMismatch')
    expect(refusedFor(lied({ transaction: new Uint8Array(16) }))).toBe('DeductionMismatch')
  })
  it('and not by the phone in the terminal’s name', () => {
    const { crypto } = here.world
    const asked = readDeduction(recordOf(first.put, 'deduction'))
    const own = makeDeduction(crypto, { ...asked, amount: amount(99_999n) }, crypto.keyPair('P-256'))
    expect(refusedFor(lied({ amount: amount(99_999n) }, single('deduction', own)))).toBe('DeductionSignatureInvalid')
  })
  it('in messages that can be read', () => {
    const { crypto } = here.world
    const [getRequest, put] = [single('hello', new Uint8Array(1)), first.put]
    const tapHash = tapHashOf(crypto, getRequest, first.getResponse, put)
    expect(refusedFor({ ...lied({ tapHash }), getRequest })).toBe('TestimonyMalformed')
  })
  it('and every octet of it counts', () => {
    for (const part of ['signed', 'getRequest', 'getResponse', 'put', 'receipt'] as const) {
      const octets = first[part] as Uint8Array<ArrayBuffer>
      for (let at = 0; at < octets.length; at += 37)
        expect(judge({ ...first, [part]: flipped(octets, at) }).testified, `${part} at ${at}`).toBeUndefined()
    }
  })
  it('nothing at all is nothing', () => {
    const nothing = new Uint8Array(0)
    expect(refusedFor({ signed: nothing, getRequest: nothing, getResponse: nothing, put: nothing })).toBe(
      'PaymentMalformed',
    )
    expect(refusedFor({ ...first, getRequest: single('hello', nothing) })).toBe('TapHashMismatch')
  })
})

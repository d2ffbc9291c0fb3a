import { describe, expect, it } from 'vitest'
import { fromHex } from '#canonical/bytes'
import { type CborMap, decode, encode } from '#canonical/cbor'
import { Malformed } from '#canonical/malformed'
import { certificateHash, readCertificate } from '#license/certificate'
import { parse1, sign1 } from '#license/cose'
import {
  type Deduction,
  encodeDecline,
  encodePaymentRequest,
  encodeStatus,
  type Hello,
  makeDeduction,
  makeHello,
  makeReceipt,
  type Receipt,
  readDecline,
  readDeduction,
  readHello,
  readPaymentRequest,
  readReceipt,
  readStatus,
  type Status,
  verifyDeduction,
  verifyHello,
  verifyReceipt,
} from '#license/records'
import { amount } from '#money'
import { caught, flipped, now_s, tap, twin, world } from './fixture.ts'

const here = world()
const { crypto, terminal, phone } = here
const { sealing, deduction, made } = tap(here)

const hello: Hello = {
  versions: [1],
  terminal: 'T-1',
  currency: 'EUR',
  authorityKeys: [phone.license.kid],
  sealing: sealing.publicKey,
  time: now_s,
}
const status: Status = {
  card: phone.license.card,
  allowanceLeft: amount(18_750n),
  counter: 1,
  last: { payment: made.paymentHash, terminal: 'T-1', time: now_s, amount: amount(1_250n) },
  day: { date: '2026-11-23', sum: amount(1_250n) },
  place: { flag: 'in', station: 'North' },
}
const receipt: Receipt = {
  transaction: deduction.transaction,
  payment: made.paymentHash,
  receiptNumber: 1,
  revision: 12,
  head: crypto.sha256('head'),
}

describe('what a terminal signs', () => {
  const { p256 } = terminal.keys
  const kinds = [
    ['hello', hello, makeHello(crypto, hello, p256), readHello, verifyHello],
    ['deduction', deduction, makeDeduction(crypto, deduction, p256), readDeduction, verifyDeduction],
    ['receipt', receipt, makeReceipt(crypto, receipt, p256), readReceipt, verifyReceipt],
  ] as const

  it.each(kinds)('%s comes back, under its key alone', (_, value, bytes, read, verify) => {
    expect(read(bytes)).toEqual(value)
    expect(verify(crypto, bytes, p256.publicKey)).toEqual(value)
    expect(verify(crypto, bytes, sealing.publicKey)).toBeNull()
    expect(verify(crypto, twin(bytes), p256.publicKey)).toEqual(value)
  })

  it.each(kinds)('%s signed as anything else is none', (name, _, bytes, __, verify) => {
    const { payload } = parse1(bytes)
    for (const type of ['hello', 'deduction', 'receipt', 'payment', 'batch'])
      if (type !== name) expect(verify(crypto, sign1(crypto, { payload, type, key: p256 }), p256.publicKey)).toBeNull()
  })

  it.each(kinds)(
    '%s cut at any octet is malformed; with one bit turned over, malformed or not signed',
    (_, __, bytes, read, verify) => {
      for (let at = 0; at < bytes.length; at += 2) {
        expect(() => read(bytes.subarray(0, at))).toThrow(Malformed)
        const error = caught(() => expect(verify(crypto, flipped(bytes, at), p256.publicKey)).toBeNull())
        expect(error === undefined || error instanceof Malformed).toBe(true)
      }
    },
  )
})

describe('what goes in the clear', () => {
  it('status comes back, with its last payment and without', () => {
    expect(readStatus(encodeStatus(status))).toEqual(status)
    const { last: _, ...fresh } = status
    expect(readStatus(encodeStatus({ ...fresh, place: { flag: 'none' } }))).toEqual({
      ...fresh,
      place: { flag: 'none' },
    })
  })

  it('decline and payment request come back', () => {
    expect(readDecline(encodeDecline({ reason: 'locked' }))).toEqual({ reason: 'locked' })
    const open = { reason: 'earlier payment open', transaction: deduction.transaction }
    expect(readDecline(encodeDecline(open))).toEqual(open)
    expect(readPaymentRequest(encodePaymentRequest({ transaction: deduction.transaction }))).toEqual({
      transaction: deduction.transaction,
    })
  })

  it('a field that is not known is ignored, of the record and of a map in it', () => {
    const fields = new Map(decode(encodeStatus(status)) as CborMap)
    fields.set('battery', 80).set('day', new Map(fields.get('day') as CborMap).set('count', 3))
    expect(readStatus(encode(fields))).toEqual(status)
  })

  const shapes: readonly [string, () => unknown, string, string][] = [
    ['octets that are no CBOR', () => readDecline(fromHex('ff')), 'cbor', 'indefinite'],
    ['octets after the record', () => readDecline(fromHex('a166726561736f6e626e6f00')), 'cbor', 'terminals'],
    ['a decline without a reason', () => readDecline(fromHex('a0')), 'decline', 'reason is not there'],
    ['a reason that is no text', () => readDecline(fromHex('a166726561736f6e01')), 'decline', 'reason is not text'],
    [
      'a reason without end',
      () => readDecline(encode(new Map([['reason', 'a'.repeat(121)]]))),
      'decline',
      'reason is not text',
    ],
    [
      'a transaction of 15 octets',
      () => readPaymentRequest(encode(new Map([['transaction', new Uint8Array(15)]]))),
      'payment-request',
      'transaction is not 16 octets',
    ],
    [
      'a flag that is none',
      () =>
        readStatus(encode(new Map(decode(encodeStatus(status)) as CborMap).set('place', new Map([['flag', 'up']])))),
      'status',
      'place.flag is not one of none, in, out',
    ],
    [
      'a last payment that is half there',
      () => readStatus(encode(new Map(decode(encodeStatus(status)) as CborMap).set('last', new Map([['time', 1]])))),
      'status',
      'last.payment is not there',
    ],
  ]
  it.each(shapes)('%s is malformed', (_, read, layer, found) => {
    const error = caught(read)
    expect(error).toMatchObject({ code: 'Malformed', layer })
    expect((error as Malformed).found).toContain(found)
  })
})

it('a hello whose sealing key is no uncompressed point is malformed', () => {
  const payload = encode(
    new Map(decode(parse1(makeHello(crypto, hello, terminal.keys.p256)).payload) as CborMap).set(
      'sealing',
      new Uint8Array(65),
    ),
  )
  const bytes = sign1(crypto, { payload, type: 'hello', key: terminal.keys.p256 })
  expect(() => readHello(bytes)).toThrow('sealing is not a point')
})

it('what could not be read again is not written, and the error names the field', () => {
  const bad = (change: Partial<Deduction>) => () =>
    makeDeduction(crypto, { ...deduction, ...change }, terminal.keys.p256)
  expect(bad({ license: 'license-1' })).toThrow('deduction: license must be a UUID')
  expect(bad({ head: new Uint8Array(31) })).toThrow('deduction: head must be 32 octets')
  expect(bad({ counter: -1 })).toThrow('deduction: counter must be a count')
  expect(bad({ counter: 1.5 })).toThrow(TypeError)
  expect(bad({ place: '' })).toThrow('deduction: place must be text')
})

describe('a terminal’s certificate', () => {
  it('comes back, with both keys', () =>
    expect(readCertificate(terminal.certificateBytes)).toEqual(terminal.certificate))

  it('gives the seed of the terminal’s stream, the same for both of its signatures', () => {
    expect(certificateHash(crypto, terminal.certificateBytes)).toMatch(/^[0-9a-f]{64}$/)
    expect(certificateHash(crypto, twin(terminal.certificateBytes))).toBe(
      certificateHash(crypto, terminal.certificateBytes),
    )
    expect(certificateHash(crypto, world('other').terminal.certificateBytes)).not.toBe(
      certificateHash(crypto, terminal.certificateBytes),
    )
  })
})

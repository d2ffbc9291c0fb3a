import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bytes, base64url, fromBase64url, utf8 } from '#canonical/bytes'
import { decode } from '#canonical/cbor'
import type { KeyPair } from '#canonical/crypto'
import { trustEvent } from '#canonical/event'
import { Malformed } from '#canonical/malformed'
import { deductionOf, tapsOfTerminal } from '#evidence/taps'
import { parse1, sign1 } from '#license/cose'
import { openAuth, openBase, sealAuth, sealBase } from '#license/hpke'
import { readDeduction, readHello, readPaymentRequest, readReceipt, readStatus } from '#license/records'
import { nodeCrypto } from '#machine/crypto'
import { decodeMessage, encodeMessage, externalRecord, type NdefRecord } from '#nfc/ndef'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '#nfc/snep'
import { plainDecline, tapHashOf } from '#tap/messages'
import { answer, emptyField, type Field, licenseOf } from '#tap/phone'
import type { Deduction } from '#tap/redo'
import { attemptFrom, type Message, type Prepared, type Reply, takeTap } from '#tap/terminal'
import { caught } from '../license/fixture.ts'
import { type Counter, counter, type Heard, type Phone } from './counter.ts'

/**
 * Every message of a tap, in both directions, cut at every octet, and at every layer: the lengths of the layers around
 * the cut are mended, so that the cut is found by the layer it was made in. Who hears it drops it; nothing changes.
 */

const node = nodeCrypto()
let here: Counter
let anna: Phone
let before: Phone['memory']
let heard: Heard[]
beforeAll(async () => {
  here = await counter('truncated')
  anna = here.phoneOf('anna')
  before = anna.memory
  await here.key(1250n)
  heard = await here.touch(anna)
})
afterAll(() => here.end())

const of = (message: Message): Heard => heard.find(one => one.message === message) as Heard
const cutsOf = (octets: Bytes): Bytes[] => Array.from(octets, (_, size) => octets.slice(0, size))
/** One record of a message cut, the others and all lengths around it whole. */
const cutRecord = (message: Bytes, place: number): Bytes[] => {
  const records = decodeMessage(message)
  const { payload } = records[place] as NdefRecord
  return cutsOf(payload).map(cut =>
    encodeMessage(records.with(place, { ...(records[place] as NdefRecord), payload: cut })),
  )
}
const payloadOf = (message: Bytes, place = 0): Bytes => (decodeMessage(message)[place] as NdefRecord).payload
const information = (request: Bytes): Bytes => decodeRequest(request).information
const withInformation = (request: Bytes, cut: Bytes): Bytes =>
  encodeRequest({ ...decodeRequest(request), information: cut })
const success = (cut: Bytes): Bytes => encodeResponse({ code: 'SUCCESS', information: cut })

/** Where each CBOR item begins, read by a decoder of our own: RFC 8949, 3. */
const itemStarts = (octets: Uint8Array): number[] => {
  const starts: number[] = []
  let at = 0
  const item = (): void => {
    starts.push(at)
    const head = octets[at] as number
    const short = head & 31
    const size = short < 24 ? 0 : 2 ** (short - 24)
    let value = short < 24 ? short : 0
    for (let place = 1; place <= size; place++) value = value * 256 + (octets[at + place] as number)
    at += 1 + size
    const major = head >> 5
    if (major === 2 || major === 3) at += value
    const items = major === 4 ? value : major === 5 ? 2 * value : 0
    for (let place = 0; place < items; place++) item()
  }
  item()
  return starts
}
/** A cut is found at the item that it falls into. */
const cborOffset = (whole: Uint8Array, cut: number): number =>
  itemStarts(whole).findLast(start => start <= cut) as number
const atTheCut = (_: Uint8Array, cut: number): number => cut

const malformedAt = (layer: string, offset: number) => ({ code: 'Malformed', layer, offset })
const told = (error: unknown) =>
  error instanceof Malformed ? { code: error.code, layer: error.layer, offset: error.offset } : error

describe('what the phone hears', () => {
  type Row = readonly [
    message: Message,
    what: string,
    layer: string,
    /** The requests, cut; and what its layer reads, whole and cut. */
    family: () => { requests: Bytes[]; whole: Bytes; cuts: Bytes[] },
    read: (octets: Bytes) => unknown,
    offset: (whole: Uint8Array, cut: number) => number,
  ]
  const all: readonly Message[] = ['GET #1', 'PUT', 'GET #2', 'PUT receipt']
  const key = (): KeyPair => here.world.shops.get('T-1')?.identity.keys.p256 as KeyPair

  const snep = (message: Message): Row => [
    message,
    'the SNEP message',
    'snep',
    () => ({ requests: cutsOf(of(message).request), whole: of(message).request, cuts: cutsOf(of(message).request) }),
    decodeRequest,
    atTheCut,
  ]
  const ndef = (message: Message): Row => [
    message,
    'the NDEF message',
    'ndef',
    () => {
      const whole = information(of(message).request)
      const cuts = cutsOf(whole)
      return { requests: cuts.map(cut => withInformation(of(message).request, cut)), whole, cuts }
    },
    decodeMessage,
    atTheCut,
  ]
  const record = (message: Message, place: number, name: string, read: (octets: Bytes) => unknown): Row => [
    message,
    `the ${name}`,
    'cbor',
    () => {
      const whole = payloadOf(information(of(message).request), place)
      const requests = cutRecord(information(of(message).request), place)
      return { requests: requests.map(cut => withInformation(of(message).request, cut)), whole, cuts: cutsOf(whole) }
    },
    read,
    cborOffset,
  ]
  /** What the terminal's key signed, cut and signed anew: only a terminal that went mad can send it. */
  const signed = (message: Message, name: string, read: (octets: Bytes) => unknown): Row => [
    message,
    `what the ${name} says, signed anew`,
    'cbor',
    () => {
      const [first, ...rest] = decodeMessage(information(of(message).request)) as [NdefRecord, ...NdefRecord[]]
      const whole = parse1(first.payload).payload
      const made = cutsOf(whole).map(payload => sign1(node, { payload, type: name, key: key() }))
      const requests = made.map(payload =>
        withInformation(of(message).request, encodeMessage([{ ...first, payload }, ...rest])),
      )
      return { requests, whole, cuts: made }
    },
    read,
    cborOffset,
  ]
  const rows: readonly Row[] = [
    ...all.map(snep),
    ...all.map(ndef),
    record('GET #1', 0, 'hello', readHello),
    record('PUT', 0, 'deduction', readDeduction),
    record('GET #2', 0, 'payment-request', readPaymentRequest),
    record('PUT receipt', 0, 'receipt', readReceipt),
    signed('GET #1', 'hello', readHello),
    signed('PUT', 'deduction', readDeduction),
    signed('PUT receipt', 'receipt', readReceipt),
  ]

  /** The phone as it was when this message came. */
  const standing = (message: Message): { memory: Phone['memory']; field: Field } => {
    let memory = before
    let field: Field = emptyField
    for (const one of heard) {
      if (one.message === message) break
      const given = answer(node, memory, field, one.request, { now_s: now_s(), consent: () => 'given' })
      memory = given.memory ?? memory
      field = given.field
    }
    return { memory, field }
  }
  const now_s = () => Math.floor(here.world.clock.at / 1000)

  it.each(rows)('%s, %s cut at every octet: Malformed by %s', (message, _, layer, family, read, offset) => {
    const { memory, field } = standing(message)
    const { requests, whole, cuts } = family()
    expect(requests.length).toBeGreaterThan(layer === 'snep' ? 10 : 1)
    for (const [size, request] of requests.entries()) {
      expect(told(caught(() => read(cuts[size] as Bytes)))).toEqual(malformedAt(layer, offset(whole, size)))
      const given = answer(node, memory, field, request, { now_s: now_s(), consent: () => 'given' })
      expect(decodeResponse(given.response).code).toBe('BAD REQUEST')
      expect(given.memory).toBeUndefined()
      expect(given.field).toBe(field)
    }
  })

  it('a certificate cut at every octet is an unknown terminal, and the phone shows nothing', () => {
    const { memory, field } = standing('GET #1')
    const message = information(of('GET #1').request)
    for (const cut of cutRecord(message, 1)) {
      const request = withInformation(of('GET #1').request, cut)
      const given = answer(node, memory, field, request, { now_s: now_s(), consent: () => 'given' })
      expect(decodeResponse(given.response).information).toEqual(plainDecline({ reason: 'unknown terminal' }))
      expect(given.memory).toBeUndefined()
      expect(given.field.certificate).toBeUndefined()
      expect(given.field.getResponse).toBeUndefined()
    }
  })
})

describe('what the terminal hears', () => {
  let prepared: Prepared
  let deduction: Deduction
  let sealing: KeyPair
  let app: KeyPair
  beforeAll(() => {
    const taps = tapsOfTerminal()
    for (const { text } of here.log()) taps.apply(trustEvent(text))
    const [{ transaction } = { transaction: '' }] = here.event<{ transaction: string }>('TransactionRecorded')
    const tap = taps.tap(transaction)
    deduction = deductionOf(tap as NonNullable<typeof tap>) as Deduction
    const attempt = attemptFrom((tap as NonNullable<typeof tap>).attempts[0] as Parameters<typeof attemptFrom>[0])
    ;({ sealing } = attempt)
    prepared = { tap: attempt.tap, sealing, getRequest: attempt.getRequest }
    const { publicKey } = licenseOf(before)
    app = { curve: 'P-256', publicKey, privateKey: fromBase64url(before.privateKey) }
  })

  /** The terminal's machine with the phone's answers as given: what it wanted done, and how it ended. */
  const run = (answers: Partial<Record<Message, Bytes>>) => {
    const { rules } = here.till().status()
    const now_s = Math.floor(here.world.clock.at / 1000)
    const conversation = takeTap(node, prepared, rules, 'EUR', now_s)
    const steps: string[] = []
    const replyTo = (step: ReturnType<typeof conversation.next>['value']): Reply => {
      if (!('do' in step)) throw new TypeError('the conversation has ended')
      switch (step.do) {
        case 'exchange': {
          steps.push(step.message)
          return { type: 'Answered', response: answers[step.message] ?? of(step.message).response, roundTrip_ms: 1 }
        }
        case 'decide':
          if (step.offer.refused) steps.push(`refused ${step.offer.refused.reason}`)
          return { type: 'Decided', decision: { type: 'deduct', deduction } }
        case 'record':
          steps.push('record')
          return { type: 'Receipt', receipt: payloadOf(information(of('PUT receipt').request)) }
        case 'reject':
          steps.push(`reject ${step.rejected.reason}`)
          return { type: 'Done' }
        case 'resend':
          steps.push(step.do)
          return { type: 'Resend', refused: undefined }
        case 'declined':
        case 'earlier':
        case 'pause':
          steps.push(step.do)
          return { type: 'Done' }
      }
    }
    const error = caught(() => {
      let step = conversation.next()
      while (!step.done) step = conversation.next(replyTo(step.value))
    })
    return { steps, error: told(error) }
  }

  it('whole, is an approved tap', () =>
    expect(run({})).toEqual({
      steps: ['GET #1', 'PUT', 'GET #2', 'record', 'PUT receipt'],
      error: undefined,
    }))

  const heardUntil: Readonly<Record<Message, readonly string[]>> = {
    'GET #1': ['GET #1'],
    PUT: ['GET #1', 'PUT'],
    'GET #2': ['GET #1', 'PUT', 'GET #2'],
    'PUT receipt': ['GET #1', 'PUT', 'GET #2', 'record', 'PUT receipt'],
  }
  const wholeInformation = (message: Message): Bytes => decodeResponse(of(message).response).information
  const decline = () => plainDecline({ reason: 'earlier payment open', transaction: here.world.crypto.random(16) })

  /** Seals what the phone said at first anew, cut. */
  const resealStatus = (plaintext: Bytes): Bytes => {
    const { crypto } = here.world
    const aad = crypto.sha256(prepared.getRequest)
    const info = utf8('tallystick.dev:status/1')
    const sealed = sealBase(node, { recipient: sealing.publicKey, info, aad, plaintext })
    return success(encodeMessage([externalRecord('sealed', sealed)]))
  }
  const statusMessage = (): Bytes => {
    const { crypto } = here.world
    const info = utf8('tallystick.dev:status/1')
    const aad = crypto.sha256(prepared.getRequest)
    return openBase(crypto, { recipient: sealing, info, aad, sealed: payloadOf(wholeInformation('GET #1')) }) as Bytes
  }
  const paymentInfo = (): Bytes => {
    const { getRequest, getResponse, put } = deduction.attempts[0] as Deduction['attempts'][number]
    const tapHash = tapHashOf(here.world.crypto, getRequest, getResponse, put)
    return Uint8Array.from([...utf8('tallystick.dev:payment/1'), ...tapHash])
  }
  const none = new Uint8Array(0)
  const signedPayment = (): Bytes => {
    const sealed = payloadOf(wholeInformation('GET #2'))
    const opening = { sender: app.publicKey, recipient: sealing, info: paymentInfo(), aad: none, sealed }
    return openAuth(here.world.crypto, opening) as Bytes
  }
  const resealPayment = (plaintext: Bytes): Bytes => {
    const sealed = sealAuth(node, {
      sender: app,
      recipient: sealing.publicKey,
      info: paymentInfo(),
      aad: none,
      plaintext,
    })
    return success(encodeMessage([externalRecord('payment', sealed)]))
  }

  type Row = readonly [
    message: Message,
    what: string,
    layer: string,
    family: () => { whole: Bytes; responses: Bytes[] },
    offset: (whole: Uint8Array, cut: number) => number,
  ]
  const snep = (message: Message): Row => [
    message,
    'the SNEP message',
    'snep',
    () => ({ whole: of(message).response, responses: cutsOf(of(message).response) }),
    atTheCut,
  ]
  const ndef = (message: Message, what: string, whole: () => Bytes): Row => [
    message,
    what,
    'ndef',
    // Of a PUT's answer, no information at all is a yes: it has no octet to be cut.
    () => ({ whole: whole(), responses: cutsOf(whole()).map(success) }),
    atTheCut,
  ]
  const declined = (message: Message): Row => [
    message,
    'a decline',
    'cbor',
    () => {
      const whole = decline()
      return { whole: payloadOf(whole), responses: cutRecord(whole, 0).map(success) }
    },
    cborOffset,
  ]
  const rows: readonly Row[] = [
    snep('GET #1'),
    snep('PUT'),
    snep('GET #2'),
    snep('PUT receipt'),
    ndef('GET #1', 'the NDEF message', () => wholeInformation('GET #1')),
    ndef('GET #1', 'a decline as NDEF', decline),
    ndef('GET #2', 'the NDEF message', () => wholeInformation('GET #2')),
    ndef('GET #2', 'a decline as NDEF', decline),
    declined('GET #1'),
    declined('PUT'),
    declined('GET #2'),
    [
      'GET #1',
      'what the seal hides',
      'ndef',
      () => ({ whole: statusMessage(), responses: cutsOf(statusMessage()).map(resealStatus) }),
      atTheCut,
    ],
    [
      'GET #1',
      'the status, sealed',
      'cbor',
      () => ({ whole: payloadOf(statusMessage(), 1), responses: cutRecord(statusMessage(), 1).map(resealStatus) }),
      cborOffset,
    ],
  ]

  it.each(rows)(
    '%s, %s cut at every octet: Malformed by %s, and nothing is put on disk',
    (message, _, layer, family, offset) => {
      const { whole, responses } = family()
      expect(responses.length).toBeGreaterThan(5)
      for (const [size, response] of responses.entries())
        expect([size, run({ [message]: response })]).toEqual([
          size,
          { steps: heardUntil[message], error: malformedAt(layer, offset(whole, size)) },
        ])
    },
  )

  it('PUT, a decline as NDEF cut at every octet but before the first, where it is a plain yes', () => {
    const whole = decline()
    const outcomes = cutsOf(whole).map(cut => run({ PUT: success(cut) }))
    expect(outcomes[0]?.error).toBeUndefined()
    for (const [size, outcome] of outcomes.entries())
      if (size > 0) expect(outcome).toEqual({ steps: heardUntil.PUT, error: malformedAt('ndef', size) })
  })

  it('GET #2, the seal cut at every octet: nobody knows whether the phone paid, and it is asked again', () => {
    for (const response of cutRecord(wholeInformation('GET #2'), 0).map(success))
      expect(run({ 'GET #2': response })).toEqual({ steps: heardUntil['GET #2'], error: malformedAt('payment', 0) })
  })

  /* What was sealed or signed by the phone fails by the check that it does not pass: it was not the radio. */
  const checked: readonly [Message, string, string, () => Bytes[]][] = [
    ['GET #1', 'the seal', 'StatusSealInvalid', () => cutRecord(wholeInformation('GET #1'), 0).map(success)],
    ['GET #1', 'the license, sealed', 'LicenseMalformed', () => cutRecord(statusMessage(), 0).map(resealStatus)],
    ['GET #2', 'the signed payment, sealed', 'PaymentMalformed', () => cutsOf(signedPayment()).map(resealPayment)],
    [
      'GET #2',
      'what the payment says, signed anew',
      'PaymentMalformed',
      () =>
        cutsOf(parse1(signedPayment()).payload)
          .map(payload => sign1(node, { payload, type: 'payment', key: app }))
          .map(resealPayment),
    ],
  ]
  it.each(checked)('%s, %s cut at every octet: %s', (message, _, reason, family) => {
    const responses = family()
    expect(responses.length).toBeGreaterThan(100)
    const end = message === 'GET #1' ? `refused ${reason}` : `reject ${reason}`
    for (const response of responses)
      expect(run({ [message]: response })).toEqual({ steps: [...heardUntil[message], end], error: undefined })
  })

  it('the octets of a license or a status read by themselves name the item that is cut', () => {
    const license = fromBase64url(before.license)
    const status = payloadOf(statusMessage(), 1)
    for (const [whole, read] of [
      [license, parse1],
      [status, readStatus],
      [parse1(license).payload, decode],
    ] as const)
      for (const [size, cut] of cutsOf(whole).entries())
        expect(told(caught(() => read(cut)))).toEqual(malformedAt('cbor', cborOffset(whole, size)))
  })
})

describe('at the counter, where disks are', () => {
  /** All that the terminal knows: its log to the last octet, and the state it decides on. */
  const standing = () => ({
    log: here.log().map(({ text }) => text),
    till: structuredClone(here.till().till),
  })
  /** Not at every octet again, which is done above: at the first, the last, and some between. */
  const some = (octets: Bytes): Bytes[] =>
    cutsOf(octets).filter((_, size) => size % 53 === 0 || size === octets.length - 1)
  const reframed = {
    'the SNEP message': (octets: Bytes): Bytes[] => some(octets),
    'the NDEF message': (octets: Bytes): Bytes[] => {
      const response = octets[1] === 0x81
      const whole = response ? decodeResponse(octets).information : information(octets)
      return some(whole).map(cut => (response ? success(cut) : withInformation(octets, cut)))
    },
  } as const
  const families = Object.keys(reframed) as (keyof typeof reframed)[]
  const asking = ['TapStarted', 'LicenseVerified', 'DeductionRequested']

  describe.each(['request', 'response'] as const)('a cut %s', direction => {
    const cutAt = (message: Message, family: keyof typeof reframed): Bytes[] => reframed[family](of(message)[direction])
    const garble = (message: Message, cut: Bytes) => ({
      [direction]: (at: Message, octets: Bytes) => (at === message ? cut : octets),
    })

    it.each(families)('of GET #1 changes nothing on either side: %s', async family => {
      const sale = await here.key(100n)
      const [till, memory] = [standing(), anna.memory]
      const cuts = cutAt('GET #1', family)
      for (const cut of cuts) {
        await here.touch(anna, garble('GET #1', cut))
        expect(here.saleOf(sale)).toEqual({ state: 'waiting', reason: 'PhoneMisunderstood' })
        expect(standing()).toEqual(till)
        expect(anna.memory).toEqual(memory)
      }
      expect(cuts.length).toBeGreaterThan(8)
      await here.touch(anna)
      expect(here.saleOf(sale)).toEqual({ state: 'approved' })
    })

    it.each(families.filter(family => direction === 'request' || family === 'the SNEP message'))(
      'of PUT leaves a deduction torn, that was on disk before, and nothing at the phone: %s',
      async family => {
        for (const cut of cutAt('PUT', family)) {
          const sale = await here.key(100n)
          const from = here.log().length
          const { memory } = anna
          await here.touch(anna, garble('PUT', cut))
          expect(here.told(from)).toEqual([...asking, 'TapTorn'])
          expect(here.saleOf(sale)).toEqual({ state: 'torn', reason: 'PhoneMisunderstood' })
          expect(anna.memory).toEqual(memory)
          await here.till().cancelSale(sale)
        }
      },
    )

    it.each(families)('of GET #2 leaves the tap torn, and the next tap pays once: %s', async family => {
      for (const cut of cutAt('GET #2', family)) {
        const sale = await here.key(10n)
        const from = here.log().length
        const { counter: made } = anna.memory
        await here.touch(anna, garble('GET #2', cut))
        expect(here.told(from)).toEqual([...asking, 'TapTorn'])
        expect(here.saleOf(sale)).toEqual({ state: 'torn', reason: 'PhoneMisunderstood' })
        // A phone that did not hear GET #2 has paid nothing; one that was not heard has.
        expect(anna.memory.counter).toBe(direction === 'request' ? made : made + 1)
        await here.touch(anna)
        expect(here.saleOf(sale)).toEqual({ state: 'approved' })
        expect(anna.memory.counter).toBe(made + 1)
      }
    })

    it.each(families.filter(family => direction === 'request' || family === 'the SNEP message'))(
      'of the receipt costs nothing: %s',
      async family => {
        for (const cut of cutAt('PUT receipt', family)) {
          const sale = await here.key(10n)
          const from = here.log().length
          await here.touch(anna, garble('PUT receipt', cut))
          expect(here.saleOf(sale)).toEqual({ state: 'approved' })
          expect(here.told(from)).toEqual([...asking, 'PayloadDecrypted', 'TransactionRecorded'])
          expect(anna.memory.payments.at(-1)?.receipt === undefined).toBe(direction === 'request')
        }
      },
    )
  })

  it('an answer without any octet is no payment: the tap is torn, for the phone may have paid', async () => {
    const sale = await here.key(10n)
    const from = here.log().length
    await here.touch(anna, { response: (at, octets) => (at === 'GET #2' ? success(new Uint8Array(0)) : octets) })
    expect(here.told(from)).toEqual([...asking, 'TapTorn'])
    expect(anna.memory.payments.at(-1)?.put).toBe(base64url(deductionSent(from)))
    await here.touch(anna)
    expect(here.saleOf(sale)).toEqual({ state: 'approved' })
  })
  const deductionSent = (from: number): Bytes => {
    const { data } = trustEvent(here.log()[from + 2]?.text ?? '') as { data: { put: string } }
    return fromBase64url(data.put)
  }
})

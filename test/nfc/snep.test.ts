import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concat, fromHex, hex, u32be } from '#canonical/bytes'
import { decodeMessage } from '#nfc/ndef'
import {
  bareResponse,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  messageLength,
  refusalFor,
  SNEP_LIMIT,
  type SnepRequest,
  type SnepResponse,
} from '#nfc/snep'
import { anyOctets, beginnings, malformedBy, vectorsOf } from './octets.ts'

const anyRequest: fc.Arbitrary<SnepRequest> = fc.oneof(
  fc.record({ code: fc.constantFrom('CONTINUE', 'PUT', 'REJECT'), information: anyOctets({ maxLength: 300 }) }),
  fc.record({
    code: fc.constant('GET' as const),
    acceptableLength: fc.nat({ max: 0xffffffff }),
    information: anyOctets({ maxLength: 300 }),
  }),
)
const anyResponse: fc.Arbitrary<SnepResponse> = fc.record({
  code: fc.constantFrom(
    'CONTINUE',
    'SUCCESS',
    'NOT FOUND',
    'EXCESS DATA',
    'BAD REQUEST',
    'NOT IMPLEMENTED',
    'UNSUPPORTED VERSION',
    'REJECT',
  ),
  information: anyOctets({ maxLength: 300 }),
})

const vector = (id: string) => {
  const found = [...vectorsOf('snep', 'decode'), ...vectorsOf('snep', 'exchange')].find(one => one.id === id)
  if (!found) throw new Error(`no vector ${id}`)
  return fromHex(found.hex)
}

describe('messages of another implementation', () => {
  it('GET, with the acceptable length before the message', () => {
    const octets = vector('snep-get-live')
    const request = decodeRequest(octets)
    expect(request).toMatchObject({ code: 'GET', acceptableLength: 1024 })
    expect(decodeMessage(request.information)).toEqual([
      { tnf: 2, type: 'application/vnd.test.order', payload: fromHex('6f') },
    ])
    expect(encodeRequest(request)).toEqual(octets)
  })

  it('PUT', () => {
    const request = decodeRequest(vector('snep-put-live'))
    expect(request.code).toBe('PUT')
    expect(request.information).toHaveLength(30)
    expect(encodeRequest(request)).toEqual(vector('snep-put-live'))
  })

  it('SUCCESS with a message', () => {
    const octets = vector('snep-success-live')
    const response = decodeResponse(octets)
    expect(response.code).toBe('SUCCESS')
    expect(decodeMessage(response.information)[0]?.id).toBe('1')
    expect(encodeResponse(response)).toEqual(octets)
  })

  it('CONTINUE, of either side', () => {
    expect(decodeRequest(vector('snep-continue-req'))).toEqual({ code: 'CONTINUE', information: new Uint8Array(0) })
    expect(decodeResponse(vector('snep-continue-res'))).toEqual({ code: 'CONTINUE', information: new Uint8Array(0) })
  })

  it.each([
    ['snep-major-version-live', 0],
    ['snep-badcode-live', 1],
  ])('%s is refused as there', (id, offset) => {
    const { hex: octets, expect: wanted } = vectorsOf('snep', 'exchange').find(one => one.id === id) ?? {}
    expect(malformedBy(() => decodeRequest(fromHex(octets ?? '')))).toMatchObject({ layer: 'snep', offset })
    expect(hex(refusalFor(fromHex(octets ?? '')))).toBe(wanted?.response)
  })
})

describe('codes (SNEP 1.0, 3.1 and 4.1)', () => {
  it.each([
    ['100000000000', 'CONTINUE'],
    ['100200000000', 'PUT'],
    ['107f00000000', 'REJECT'],
  ])('request %s is %s', (octets, code) => expect(decodeRequest(fromHex(octets)).code).toBe(code))

  it.each([
    ['108000000000', 'CONTINUE'],
    ['108100000000', 'SUCCESS'],
    ['10c000000000', 'NOT FOUND'],
    ['10c100000000', 'EXCESS DATA'],
    ['10c200000000', 'BAD REQUEST'],
    ['10e000000000', 'NOT IMPLEMENTED'],
    ['10e100000000', 'UNSUPPORTED VERSION'],
    ['10ff00000000', 'REJECT'],
  ] as const)('response %s is %s', (octets, code) => {
    expect(decodeResponse(fromHex(octets)).code).toBe(code)
    expect(hex(bareResponse(code))).toBe(octets)
  })

  it('a minor version that we do not know is read as ours (2.2.1)', () =>
    expect(decodeRequest(fromHex('1f0200000001aa'))).toEqual({ code: 'PUT', information: fromHex('aa') }))
})

const put = (size: number) => concat(fromHex('1002'), u32be(size), new Uint8Array(size))

describe('what is malformed, and where', () => {
  it.each([
    ['', 0],
    ['20', 0],
    ['1002', 2],
    ['100200000001', 6],
    ['1002000000ff', 6],
    ['100200000001aabb', 7],
    ['100100000003aabbcc', 9],
    ['100200010001', 2],
    ['1002ffffffff', 2],
    ['108100000000', 1],
  ])('request %s at octet %i', (octets, offset) =>
    expect(malformedBy(() => decodeRequest(fromHex(octets)))).toMatchObject({ layer: 'snep', offset }),
  )

  it('response with the code of a request', () =>
    expect(malformedBy(() => decodeResponse(fromHex('100200000000')))).toMatchObject({ layer: 'snep', offset: 1 }))

  it('64 KiB are taken, one octet more is not', () => {
    expect(decodeRequest(put(SNEP_LIMIT)).information).toHaveLength(SNEP_LIMIT)
    expect(malformedBy(() => decodeRequest(put(SNEP_LIMIT + 1)))).toMatchObject({ offset: 2 })
  })

  it('a message cut at any octet, at that octet', () => {
    for (const cut of beginnings(vector('snep-get-live')))
      expect(malformedBy(() => decodeRequest(cut))).toMatchObject({ layer: 'snep', offset: cut.length })
    for (const cut of beginnings(vector('snep-success-live')))
      expect(malformedBy(() => decodeResponse(cut))).toMatchObject({ layer: 'snep', offset: cut.length })
  })
})

it('the header tells how long the message will be', () => {
  expect(messageLength(fromHex('1002000000'))).toBeNull()
  expect(messageLength(fromHex('100200000102'))).toBe(264)
})

it('what is written is read', () => {
  fc.assert(
    fc.property(anyRequest, request => {
      expect(decodeRequest(encodeRequest(request))).toEqual(request)
    }),
  )
  fc.assert(
    fc.property(anyResponse, response => {
      expect(decodeResponse(encodeResponse(response))).toEqual(response)
    }),
  )
})

it('any octets are a message or malformed', () =>
  fc.assert(
    fc.property(
      fc.oneof(
        anyOctets({ maxLength: 40 }),
        anyOctets({ maxLength: 40 }).map(tail => concat(fromHex('10'), tail)),
      ),
      bytes => {
        malformedBy(() => decodeRequest(bytes))
        malformedBy(() => decodeResponse(bytes))
        expect(refusalFor(bytes)).toHaveLength(6)
      },
    ),
    { numRuns: 1000 },
  ))

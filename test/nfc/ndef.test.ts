import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concat, fromHex, hex, u32be, utf8 } from '#canonical/bytes'
import { decodeMessage, encodeMessage, externalRecord, findRecord, NDEF_LIMIT, type NdefRecord } from '#nfc/ndef'
import { anyOctets, beginnings, malformedBy, vectorsOf } from './octets.ts'

const characters = (minLength: number) =>
  anyOctets({ minLength, maxLength: 255 }).map(bytes => String.fromCharCode(...bytes))
const anyRecord: fc.Arbitrary<NdefRecord> = fc.oneof(
  fc.constant<NdefRecord>({ tnf: 0, type: '', payload: new Uint8Array(0) }),
  fc
    .record(
      {
        tnf: fc.constantFrom(1, 2, 3, 4, 5),
        type: characters(1),
        id: characters(0),
        payload: fc.oneof(anyOctets({ maxLength: 20 }), anyOctets({ minLength: 250, maxLength: 300 })),
      },
      { requiredKeys: ['tnf', 'type', 'payload'] },
    )
    .map(record => (record.tnf === 5 ? { ...record, type: '' } : record) as NdefRecord),
)

describe('messages of other implementations', () => {
  it.each(vectorsOf('ndef', 'decode'))('$id: $meaning', ({ hex: octets, expect: wanted }) => {
    const message = decodeMessage(fromHex(octets))
    expect(message).toHaveLength(wanted.count ?? wanted.records?.length ?? Number.NaN)
    if (wanted.ids) expect(message.map(record => record.id)).toEqual(wanted.ids)
    wanted.records?.forEach((record, at) => {
      expect(message[at]?.tnf).toBe(record.tnf)
      if ('type' in record) expect(message[at]?.type).toBe(record.type)
    })
    expect(hex(encodeMessage(message))).toBe(octets)
  })

  it('two records with ids, all fields', () =>
    // ndeflib docs/ndef.rst
    expect(decodeMessage(fromHex('99030301414243316162635903030144454632646566'))).toEqual([
      { tnf: 1, type: 'ABC', id: '1', payload: utf8('abc') },
      { tnf: 1, type: 'DEF', id: '2', payload: utf8('def') },
    ]))
})

describe('what is malformed, and where', () => {
  it.each([
    // octets, offset, what is found; the first five as nfcpy/ndeflib@2afb429d tests/test_message.py has them
    ['150000160000560000', 0, 'no message begin'],
    ['950000960000560000', 3, 'a second message begin'],
    ['b50000160000760000', 6, 'a message end inside a chunked record'],
    ['19010101aabb', 6, 'octets missing, 1 wanted from octet 6'],
    ['', 0, 'octets missing, 1 wanted from octet 0'],
    // NDEF 1.0, 3.2.1 to 3.2.6
    ['91010055910100555101005500', 4, 'a second message begin'],
    ['d1010055ff', 4, 'octets after the message end'],
    ['d0000161', 0, 'an empty record (TNF 0) with contents'],
    ['d5010055', 0, 'a type in a record of TNF 5'],
    ['d1000161', 0, 'no type in a record of TNF 1'],
    ['d60000', 0, 'a chunk (TNF 6) of no record'],
    ['b00000560000', 0, 'an empty record (TNF 0) in chunks'],
    ['b101015561f1010055', 5, 'a second message begin'],
    ['b1010155615e00000000', 5, 'a new record inside a chunked one'],
    ['c10155ffffffff55', 8, 'octets missing'],
  ])('%s at octet %i: %s', (message, offset, found) => {
    const malformed = malformedBy(() => decodeMessage(fromHex(message)))
    expect(malformed).toMatchObject({ layer: 'ndef', offset })
    expect(malformed?.found).toContain(found)
  })

  it.each(vectorsOf('ndef', 'decode-fail'))('$id: $meaning', ({ hex: octets }) =>
    expect(malformedBy(() => decodeMessage(fromHex(octets)))).toMatchObject({ layer: 'ndef' }),
  )

  it('a message cut at any octet, at that octet', () => {
    const payload = new Uint8Array(300).fill(7)
    const message = encodeMessage([externalRecord('hello', payload), { tnf: 1, type: 'U', id: 'x', payload }])
    for (const cut of beginnings(message))
      expect(malformedBy(() => decodeMessage(cut))).toMatchObject({ layer: 'ndef', offset: cut.length })
  })

  it('more than 64 KiB, before anything is read', () => {
    const long = concat(fromHex('c501'), u32be(NDEF_LIMIT), new Uint8Array(NDEF_LIMIT))
    expect(malformedBy(() => decodeMessage(long))).toMatchObject({ layer: 'ndef', offset: NDEF_LIMIT })
  })
})

const header = (size: number) => hex(encodeMessage([{ tnf: 5, type: '', payload: new Uint8Array(size) }]).slice(0, 6))

describe('records', () => {
  it('a payload is short up to 255 octets', () => {
    expect(header(255)).toBe('d500ff000000')
    expect(header(256)).toBe('c50000000100')
  })

  it('chunks are one record: type and id of the first, payloads in order', () =>
    // NDEF 1.0, 2.3.3: initial, middle and terminating chunk, short and long
    expect(decodeMessage(fromHex(['bc030201743a7831aabb', '360001cc', '460000000002ddee'].join('')))).toEqual([
      { tnf: 4, type: 't:x', id: '1', payload: fromHex('aabbccddee') },
    ]))

  it('a reserved TNF is read, and not written', () => {
    const [record] = decodeMessage(fromHex('d701015561'))
    expect(record).toEqual({ tnf: 7, type: 'U', payload: fromHex('61') })
    expect(() => encodeMessage(record === undefined ? [] : [record])).toThrow(RangeError)
  })

  it('ours are external types of our own domain, found in either case', () => {
    const payload = fromHex('a0')
    const message = [externalRecord('status', payload), externalRecord('hello', payload)]
    expect(message[1]?.type).toBe('tallystick.dev:hello')
    expect(findRecord(message, 'hello')).toBe(message[1])
    expect(findRecord(message, 'payment')).toBeUndefined()
    expect(findRecord([{ tnf: 4, type: 'TallyStick.dev:Hello', payload }], 'hello')).toBeDefined()
    expect(findRecord([{ tnf: 2, type: 'tallystick.dev:hello', payload }], 'hello')).toBeUndefined()
  })

  it.each([
    ['no record', []],
    ['a type over 255 octets', [{ tnf: 4, type: 'x'.repeat(256), payload: new Uint8Array(0) }]],
    ['a type beyond octets', [{ tnf: 4, type: 'tallystick.dev:€', payload: new Uint8Array(0) }]],
    ['a record without its type', [{ tnf: 4, type: '', payload: new Uint8Array(0) }]],
    ['more than 64 KiB', [{ tnf: 5, type: '', payload: new Uint8Array(NDEF_LIMIT) }]],
  ] satisfies [string, NdefRecord[]][])('%s is not written', (_, records) =>
    expect(() => encodeMessage(records)).toThrow(RangeError),
  )

  it('what is written is read', () =>
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 6 }), records => {
        expect(decodeMessage(encodeMessage(records))).toEqual(records)
      }),
    ))

  it('any octets are a message or malformed', () =>
    fc.assert(
      fc.property(anyOctets({ maxLength: 80 }), bytes => {
        malformedBy(() => decodeMessage(bytes))
      }),
      { numRuns: 2000 },
    ))
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concat, fromHex, hex } from '#canonical/bytes'
import { type Command, decodeAnswer, decodeCommand, encodeAnswer, encodeCommand } from '#nfc/apdu'
import { anyOctets, beginnings, malformedBy } from './octets.ts'

const long = (size: number) => 'ab'.repeat(size)
const header = { cla: 0, ins: 0xc3, p1: 1, p2: 2 }
const command = (data: string, le?: number): Command =>
  le === undefined ? { ...header, data: fromHex(data) } : { ...header, data: fromHex(data), le }

describe('the seven forms (ISO/IEC 7816-4, 5.1, table 1)', () => {
  it.each([
    ['1', '00c30102', command('')],
    ['2 short', '00c3010210', command('', 16)],
    ['2 short, 256', '00c3010200', command('', 256)],
    ['3 short', '00c3010203aabbcc', command('aabbcc')],
    ['3 short, 255', `00c30102ff${long(255)}`, command(long(255))],
    ['4 short', '00c3010203aabbcc10', command('aabbcc', 16)],
    ['4 short, 255 and 256', `00c30102ff${long(255)}00`, command(long(255), 256)],
    ['2 extended', '00c30102000101', command('', 257)],
    ['2 extended, 65536', '00c30102000000', command('', 65536)],
    ['3 extended', `00c30102000100${long(256)}`, command(long(256))],
    ['4 extended by its data', `00c30102000100${long(256)}0010`, command(long(256), 16)],
    ['4 extended by its Ne', '00c30102000003aabbcc0101', command('aabbcc', 257)],
    ['4 extended, 65536', '00c30102000003aabbcc0000', command('aabbcc', 65536)],
  ])('case %s', (_, octets, meant) => {
    expect(hex(encodeCommand(meant))).toBe(octets)
    expect(decodeCommand(fromHex(octets))).toEqual(meant)
  })

  it('an extended form that would fit a short one is read too', () =>
    expect(decodeCommand(fromHex('00c30102000003aabbcc0010'))).toEqual(command('aabbcc', 16)))
})

describe('what is malformed, and where', () => {
  it.each([
    ['', 0],
    ['00c301', 3],
    ['00c3010203aa', 6],
    ['00c3010203aabbcc1000', 9],
    ['00c301020001', 6],
    ['00c301020000000000', 5],
    ['00c30102000003aabb', 9],
    ['00c30102000003aabbcc00', 11],
    ['00c30102000003aabbcc000000', 12],
  ])('command %s at octet %i', (octets, offset) =>
    expect(malformedBy(() => decodeCommand(fromHex(octets)))).toMatchObject({ layer: 'apdu', offset }),
  )

  it('a command cut at any octet, but where the cut is a command itself', () => {
    const whole = encodeCommand(command('aabbcc', 16))
    const read = beginnings(whole).map(cut => malformedBy(() => decodeCommand(cut))?.offset ?? 'a command')
    // Case 1 ends after four octets, an Lc alone reads as Le, and Le may be absent.
    expect(read).toEqual([0, 1, 2, 3, 'a command', 'a command', 6, 7, 'a command'])
  })

  it('an answer shorter than its status words', () => {
    expect(decodeAnswer(fromHex('aa9000'))).toEqual({ data: fromHex('aa'), sw: 0x9000 })
    for (const cut of beginnings(fromHex('9000')))
      expect(malformedBy(() => decodeAnswer(cut))).toMatchObject({ layer: 'apdu', offset: cut.length })
  })
})

const anyCommand: fc.Arbitrary<Command> = fc.record(
  {
    cla: fc.nat(255),
    ins: fc.nat(255),
    p1: fc.nat(255),
    p2: fc.nat(255),
    data: fc.oneof(anyOctets({ maxLength: 3 }), anyOctets({ minLength: 250, maxLength: 300 })),
    le: fc.oneof(fc.integer({ min: 1, max: 260 }), fc.integer({ min: 1, max: 65536 })),
  },
  { requiredKeys: ['cla', 'ins', 'p1', 'p2', 'data'] },
)

it('what is written is read', () => {
  fc.assert(
    fc.property(anyCommand, any => {
      expect(decodeCommand(encodeCommand(any))).toEqual(any)
    }),
  )
  fc.assert(
    fc.property(anyOctets({ maxLength: 300 }), fc.nat(0xffff), (data, sw) => {
      expect(decodeAnswer(encodeAnswer({ data, sw }))).toEqual({ data, sw })
    }),
  )
})

it('any octets are a command or malformed', () =>
  fc.assert(
    fc.property(
      anyOctets({ maxLength: 20 }),
      anyOctets({ maxLength: 3 }).map(tail => concat(fromHex('00c30000'), tail)),
      (one, other) => {
        for (const bytes of [one, other]) {
          malformedBy(() => decodeCommand(bytes))
          malformedBy(() => decodeAnswer(bytes))
        }
      },
    ),
    { numRuns: 1000 },
  ))

it.each([[{ le: 0 }], [{ le: 65537 }], [{ data: new Uint8Array(65536) }]])('%o is not written', trouble =>
  expect(() => encodeCommand({ ...command(''), ...trouble })).toThrow(RangeError),
)

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bytes, fromHex, hex, utf8 } from '#canonical/bytes'
import { type Cbor, decode, encode } from '#canonical/cbor'
import { Malformed } from '#canonical/malformed'

const map = (...entries: [number | string, Cbor][]) => new Map(entries)

// RFC 8949, appendix A: of its examples those whose types are used here.
const examples: readonly [string, Cbor][] = [
  ['00', 0],
  ['01', 1],
  ['0a', 10],
  ['17', 23],
  ['1818', 24],
  ['1819', 25],
  ['1864', 100],
  ['1903e8', 1000],
  ['1a000f4240', 1_000_000],
  ['1b000000e8d4a51000', 1_000_000_000_000],
  ['1bffffffffffffffff', 18446744073709551615n],
  ['3bffffffffffffffff', -18446744073709551616n],
  ['20', -1],
  ['29', -10],
  ['3863', -100],
  ['3903e7', -1000],
  ['f4', false],
  ['f5', true],
  ['f6', null],
  ['40', fromHex('')],
  ['4401020304', fromHex('01020304')],
  ['60', ''],
  ['6161', 'a'],
  ['6449455446', 'IETF'],
  ['62225c', '"\\'],
  ['62c3bc', '\u00fc'],
  ['63e6b0b4', '\u6c34'],
  ['64f0908591', '\u{10151}'],
  ['80', []],
  ['83010203', [1, 2, 3]],
  ['8301820203820405', [1, [2, 3], [4, 5]]],
  ['98190102030405060708090a0b0c0d0e0f101112131415161718181819', Array.from({ length: 25 }, (_, at) => at + 1)],
  ['a0', map()],
  ['a201020304', map([1, 2], [3, 4])],
  ['a26161016162820203', map(['a', 1], ['b', [2, 3]])],
  ['826161a161626163', ['a', map(['b', 'c'])]],
  ['a56161614161626142616361436164614461656145', map(['a', 'A'], ['b', 'B'], ['c', 'C'], ['d', 'D'], ['e', 'E'])],
]

it('what is read is written again as it was, whichever octet was changed on the way', () => {
  const bomb = map(
    ['a', '\ufeffab'],
    ['b', map([1, '\u6c34'], [24, fromHex('01')], [-1, 2n ** 60n])],
    ['c', 'x'.repeat(130)],
  )
  for (const whole of [...examples.map(([octets]) => fromHex(octets)), encode(bomb)])
    for (let at = 0; at < whole.length; at++)
      for (let octet = 0; octet < 256; octet++) {
        const changed = whole.slice()
        changed[at] = octet
        try {
          expect(hex(encode(decode(changed)))).toBe(hex(changed))
        } catch (error) {
          if (!(error instanceof Malformed)) throw error
        }
      }
})

it.each(examples)('%s is read and written', (octets, value) => {
  expect(decode(fromHex(octets))).toEqual(value)
  expect(hex(encode(value))).toBe(octets)
})

const refused: readonly [string, string, number][] = [
  // RFC 8949, appendix A: examples of what is not used here.
  ['a float', 'f90000', 0],
  ['a float in an array', '8201fb3ff199999999999a', 2],
  ['infinity', 'f97c00', 0],
  ['undefined', 'f7', 0],
  ['an unassigned simple value', 'f0', 0],
  ['a simple value of two octets', 'f8ff', 0],
  ['a tag', 'c11a514b67b0', 0],
  ['a bignum', 'c249010000000000000000', 0],
  ['an array of indefinite length', '9fff', 0],
  ['a text of indefinite length', '7f657374726561646d696e67ff', 0],
  ['octets of indefinite length', '5f42010243030405ff', 0],
  ['a map of indefinite length', 'bf6161019fff', 0],
  // 4.2.1: preferred serialization, and keys in bytewise order of their encodings.
  ['an integer in more octets than it needs', '1800', 0],
  ['the same in two octets', '19007f', 0],
  ['the same in eight octets', '1b0000000000000001', 0],
  ['a length in more octets than it needs', '780161', 0],
  ['an array length in more octets than it needs', '980101', 0],
  ['keys out of order', 'a203040102', 1],
  ['the order of RFC 7049, shorter keys first', 'a220011818' + '02', 1],
  ['text keys out of order', 'a2616201616101', 2],
  ['a key given twice', 'a201020103', 4],
  ['a text key given twice', 'a2616101616102', 6],
  ['octets as a key', 'a1410101', 1],
  ['an array as a key', 'a1800' + '1', 1],
  ['a boolean as a key', 'a1f501', 1],
  ['an integer key beyond 2^53 - 1', 'a11b002000000000000001', 1],
  // 5.1 and 5.3: what is not well-formed or not valid.
  ['nothing', '', 0],
  ['one item more', '0000', 1],
  ['a break', 'ff', 0],
  ['a reserved length', '1c', 0],
  ['an array that ends early', '8201', 2],
  ['a map that ends early', 'a2010203', 4],
  ['text that is not UTF-8', '61ff', 0],
  ['text with half a surrogate pair', '63eda080', 0],
  ['an array of 2^64 - 1 items', '9bffffffffffffffff01', 0],
  ['text of 2^32 - 1 octets', '7affffffff61', 0],
  ['seventeen levels', '81'.repeat(17) + '01', 16],
  ['sixty thousand levels', '81'.repeat(60_000), 16],
]

it.each(refused)('refuses %s', (_, octets, offset) => {
  const error = catching(() => decode(fromHex(octets)))
  expect(error).toMatchObject({ code: 'Malformed', layer: 'cbor' })
  expect((error as Malformed).offset).toBe(offset)
})

it('sixteen levels are read', () => expect(decode(fromHex('81'.repeat(16) + '01'))).toBeDefined())

it('sorts integer and text keys bytewise, as RFC 8949, 4.2.1 shows', () => {
  const value = map([100, 1], ['z', 3], [-1, 2], ['aa', 4], [10, 0])
  expect([...(decode(encode(value)) as Map<unknown, unknown>).keys()]).toEqual([10, 100, -1, 'z', 'aa'])
})

describe('what has no form', () => {
  const bad: readonly [string, unknown][] = [
    ['a fraction', 1.5],
    ['an unsafe integer', 2 ** 53],
    ['not a number', Number.NaN],
    ['undefined', undefined],
    ['undefined in a map', map(['a', undefined as unknown as Cbor])],
    ['a plain object', { a: 1 }],
    ['a lone surrogate', '\ud800'],
    ['an integer beyond 64 bits', 2n ** 64n],
  ]
  it.each(bad)('%s', (_, value) => expect(() => encode(value as Cbor)).toThrow())
})

const value = fc.letrec<{ item: Cbor }>(tie => ({
  item: fc.oneof(
    { depthSize: 'small' },
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.string({ unit: 'binary' }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array().map(bytes => new Uint8Array(bytes)),
    fc.array(tie('item'), { maxLength: 4 }),
    fc
      .uniqueArray(fc.tuple(fc.oneof(fc.maxSafeInteger(), fc.string({ unit: 'binary' })), tie('item')), {
        maxLength: 4,
        selector: ([key]) => key,
      })
      .map(entries => new Map(entries)),
  ),
})).item

it('every value comes back, whatever the order its keys were put in', () => {
  fc.assert(
    fc.property(value, item => {
      const octets = encode(item)
      expect(encode(decode(octets))).toEqual(octets)
      if (item instanceof Map) expect(encode(new Map([...item].reverse()))).toEqual(octets)
    }),
  )
})

it('random octets are read or refused, and never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), octets => {
      const error = catching(() => expect(encode(decode(octets))).toEqual(octets))
      expect(error === undefined || error instanceof Malformed).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

it('every cut of a record is refused', () => {
  const octets = encode(
    map([1, 'authority'], [7, fromHex('00ff')], ['credit', map(['currency', 'EUR'], ['allowance', 20_000])]),
  )
  for (let size = 0; size < octets.length; size++)
    expect(catching(() => decode(octets.subarray(0, size)))).toBeInstanceOf(Malformed)
})

it.each([
  ['a Uint8Array', (octets: Bytes) => octets],
  ['a Buffer', (octets: Bytes) => Buffer.from(octets)],
])('what was read from %s does not share its octets', (_, as) => {
  const octets = as(encode([utf8('tally')]))
  const [read] = decode(octets) as [Bytes]
  octets.fill(0)
  expect(read).toEqual(utf8('tally'))
})

it('what was written is octets of its own, and no Buffer', () => {
  const octets = encode(utf8('a'.repeat(400)))
  expect(Object.getPrototypeOf(octets)).toBe(Uint8Array.prototype)
  expect(octets.buffer.byteLength).toBe(octets.length)
})

const catching = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

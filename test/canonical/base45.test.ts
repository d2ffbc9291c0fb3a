import fc from 'fast-check'
import { expect, it } from 'vitest'
import { base45, fromBase45 } from '#canonical/base45'
import { fromUtf8, utf8 } from '#canonical/bytes'

// RFC 9285, 4.3 and 4.4.
it.each([
  ['AB', 'BB8'],
  ['Hello!!', '%69 VD92EX0'],
  ['base-45', 'UJCLQE7W581'],
  ['ietf!', 'QED8WEX0'],
])('%s is %s', (plain, text) => {
  expect(base45(utf8(plain))).toBe(text)
  expect(fromUtf8(fromBase45(text))).toBe(plain)
})

// RFC 9285, 6: "GGW" is 65,536, which two octets cannot hold.
it.each(['GGW', ':::', '::', 'A', 'ABCD', 'ab', 'Ä00'])('%s is nobody’s octets', text =>
  expect(() => fromBase45(text)).toThrow(SyntaxError),
)

it('brings all octets back', () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), octets => {
      expect(fromBase45(base45(octets))).toEqual(octets)
    }),
  ))

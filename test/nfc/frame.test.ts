import fc from 'fast-check'
import { expect, it } from 'vitest'
import { concat, fromHex, hex } from '#canonical/bytes'
import { frame, unframer } from '#nfc/frame'
import { anyOctets, malformedBy } from './octets.ts'

it('a length, then the message', () => expect(hex(frame(fromHex('aabb')))).toBe('00000002aabb'))

it('messages come out as they went in, however the stream is cut', () =>
  fc.assert(
    fc.property(
      fc.array(anyOctets({ maxLength: 30 }), { maxLength: 5 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      (messages, cuts) => {
        const stream = concat(...messages.map(frame))
        const take = unframer(30)
        const out = []
        for (let at = 0; at < stream.length; ) {
          const size: number = cuts.next().value
          out.push(...take(stream.slice(at, at + size)))
          at += size
        }
        expect(out).toEqual(messages)
      },
    ),
  ))

it('a message over the limit is malformed as soon as its length is known', () => {
  const take = unframer(16)
  expect(take(fromHex('000000'))).toEqual([])
  expect(malformedBy(() => take(fromHex('11')))).toMatchObject({ layer: 'frame' })
})

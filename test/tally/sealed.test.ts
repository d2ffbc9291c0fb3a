import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { newSalt, SealBroken, seal, sealKey, unseal } from '../../apps/tally/sealed.ts'

/** A backup under a passphrase: opened whole, or not at all; and where not, one line says why. */

const about = Buffer.from('a backup\n')
const key = octetsOf(32)
/** Octets that no two places share. */
function octetsOf(length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, place) =>
    createHash('sha256').update(`${place}`).digest(),
  )
  return Buffer.concat(blocks).subarray(0, length)
}
const inParts = (all: Buffer, size: number): Readable =>
  Readable.from(
    (function* () {
      for (let from = 0; from < all.length; from += size) yield all.subarray(from, from + size)
    })(),
  )
const whole = async (parts: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part)
  return Buffer.concat(all)
}
const sealed = (plain: Buffer, size = 10_000) => whole(seal(inParts(plain, size), key, about))
const opened = (from: Buffer, size = 9_999, other: { readonly key?: Buffer; readonly about?: Buffer } = {}) =>
  whole(unseal(inParts(from, size), other.key ?? key, other.about ?? about))

describe('what was sealed', () => {
  it.each([0, 1, 65_535, 65_536, 65_537, 131_072, 200_001])(
    '%i octets open again, cut into any parts',
    async length => {
      const plain = octetsOf(length)
      const from = await sealed(plain)
      expect(from.length).toBe(length + 16 * Math.max(1, Math.ceil(length / 65_536)))
      for (const size of [77, 65_552, 1_000_000]) expect((await opened(from, size)).equals(plain)).toBe(true)
    },
  )

  it('a key is of one passphrase, however its accents are typed, and of one salt', () => {
    const salt = newSalt()
    const made = sealKey('caf\u00e9', salt)
    expect(made).toHaveLength(32)
    expect(sealKey('cafe\u0301', salt).equals(made)).toBe(true)
    expect(sealKey('cafe', salt).equals(made)).toBe(false)
    expect(sealKey('caf\u00e9', newSalt()).equals(made)).toBe(false)
  })
})

describe('what cannot be opened', () => {
  let from: Buffer
  beforeAll(async () => {
    from = await sealed(octetsOf(150_000))
  })
  const failure = (act: Promise<unknown>): Promise<Error> =>
    act.then(
      () => expect.fail('it was opened'),
      (error: Error) => error,
    )

  it('a wrong passphrase is one clear line', async () => {
    const error = await failure(opened(from, 100, { key: octetsOf(64).subarray(32) }))
    expect(error).toBeInstanceOf(SealBroken)
    expect(error.message).toBe('The passphrase is not the one that it was sealed with, or its beginning was altered.')
  })

  it('another word about it opens nothing', async () => {
    expect(await failure(opened(from, 100, { about: Buffer.from('b\n') }))).toBeInstanceOf(SealBroken)
  })

  it('one that was cut, anywhere and at the end of a chunk too, is known for one', async () => {
    const cuts = [0, 15, 16, 65_552, 131_104, from.length - 1]
    for (const end of cuts) expect(await failure(opened(from.subarray(0, end)))).toBeInstanceOf(SealBroken)
    const { message } = await failure(opened(from.subarray(0, 131_104)))
    expect(message).toBe('It was cut or altered: what comes after 65536 octets does not open.')
  })

  it('one with chunks in another order, one left out, one twice, or more behind it, is refused', async () => {
    const chunk = (place: number) => from.subarray(place * 65_552, (place + 1) * 65_552)
    for (const altered of [
      [chunk(1), chunk(0), chunk(2)],
      [chunk(0), chunk(2)],
      [chunk(0), chunk(0), chunk(1), chunk(2)],
      [from, chunk(2)],
      [from, Buffer.of(0)],
    ])
      expect(await failure(opened(Buffer.concat(altered)))).toBeInstanceOf(SealBroken)
  })

  it('one of which any octet was altered is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(from.length - 1), fc.integer({ min: 1, max: 255 }), async (place, change) => {
        const altered = Buffer.from(from)
        altered[place] = (altered[place] as number) ^ change
        expect(await failure(opened(altered))).toBeInstanceOf(SealBroken)
      }),
      { numRuns: 100 },
    )
  })
})

import fc from 'fast-check'
import { expect } from 'vitest'
import type { Bytes } from '#canonical/bytes'
import { Malformed } from '#canonical/malformed'
import vectors from '../vectors/nfc.json' with { type: 'json' }

/** Vectors of one layer and kind; their source stands beside each in test/vectors/nfc.json. */
export const vectorsOf = (layer: string, kind: string) =>
  vectors.vectors.filter(vector => vector.layer === layer && vector.kind === kind)

export const anyOctets = (constraints?: { minLength?: number; maxLength?: number }): fc.Arbitrary<Bytes> =>
  fc.uint8Array(constraints).map(bytes => new Uint8Array(bytes))

/** What a decoder threw: only ever `Malformed`. */
export const malformedBy = (decode: () => unknown): Malformed | null => {
  try {
    decode()
  } catch (error) {
    expect(error).toBeInstanceOf(Malformed)
    return error as Malformed
  }
  return null
}

/** Each proper beginning of the octets, the empty one first. */
export const beginnings = (bytes: Bytes): Bytes[] => Array.from(bytes, (_, length) => bytes.slice(0, length))

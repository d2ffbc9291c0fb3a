import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Bytes } from '#canonical/bytes'
import { decode, encode } from '#canonical/cbor'
import { Malformed } from '#canonical/malformed'
import { applyDelta, deltaOf } from '#license/delta'
import { kidOf, signKeySet } from '#license/keyset'
import { signDenyList, verifyDenyList } from '#license/rules'
import { world } from './fixture.ts'

const { crypto, keySet, rulesKey, policyBytes, root } = world()
const uuid = (n: number) => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
const card = (n: number) => `${9_000_000_000_000_000 + n}`
const list = (version: number, licenses: readonly number[], cards: readonly number[]) =>
  signDenyList(
    crypto,
    {
      version,
      issued: 1_790_000_000 + version,
      licenses: licenses.toSorted((one, other) => one - other).map(uuid),
      cards: cards.toSorted((one, other) => one - other).map(card),
    },
    rulesKey,
  )

describe('a delta', () => {
  const entries = fc.uniqueArray(fc.nat(60), { maxLength: 40 })
  it('makes the very octets that were signed, whatever changed', () =>
    fc.assert(
      fc.property(entries, entries, entries, entries, (a, b, c, d) => {
        const [before, after] = [list(1, a, b), list(2, c, d)]
        expect(applyDelta(crypto, before, deltaOf(crypto, before, after))).toEqual(after)
      }),
    ))

  it('of a long list is as long as what changed', () => {
    const many = Array.from({ length: 10_000 }, (_, n) => n)
    const [before, after] = [list(7, many, []), list(9, [...many.slice(1), 20_000], [])]
    const delta = deltaOf(crypto, before, after)
    expect(after.length).toBeGreaterThan(160_000)
    expect(delta.length).toBeLessThan(350)
    expect(applyDelta(crypto, before, delta)).toEqual(after)
  })

  it('of a key set whose list has an order of its own', () => {
    const [first, ...rest] = keySet.keys as [(typeof keySet.keys)[number]]
    const stolen = { ...first, status: 'compromised' as const }
    const before = signKeySet(crypto, keySet, root)
    const after = signKeySet(crypto, { ...keySet, version: 9, keys: [...rest, stolen] }, root)
    expect(applyDelta(crypto, before, deltaOf(crypto, before, after))).toEqual(after)
  })

  it('does not fit another document than it is for, older or newer', () => {
    const [one, two, three] = [list(1, [1], []), list(2, [1, 2], []), list(3, [2], [])] as const
    const delta = deltaOf(crypto, two, three)
    expect(applyDelta(crypto, one, delta)).toBeNull()
    expect(applyDelta(crypto, three, delta)).toBeNull()
  })

  it('that somebody made or altered ends in a document that no key signed', () => {
    const [before, after] = [list(1, [1, 2], []), list(2, [1], [])]
    const honest = decode(deltaOf(crypto, before, after)) as Map<string, unknown>
    const altered = (field: string, value: unknown): Bytes =>
      encode(new Map([...honest, [field, value]]) as Parameters<typeof encode>[0])
    for (const delta of [
      altered('lists', new Map()),
      altered(
        'set',
        new Map<string, number>([
          ['version', 900],
          ['issued', 1],
        ]),
      ),
      altered('drop', ['cards']),
      altered('signature', new Uint8Array(64)),
    ]) {
      const made = applyDelta(crypto, before, delta)
      let verified: unknown = null
      try {
        verified = made && verifyDenyList(crypto, made, keySet)
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed)
      }
      expect(verified).toBeNull()
    }
    expect(kidOf(crypto, rulesKey.publicKey)).toHaveLength(8)
  })

  it('takes any octets for what they are', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), octets => {
        const honest = deltaOf(crypto, policyBytes, policyBytes)
        for (const delta of [octets, Uint8Array.from([...honest.slice(0, -octets.length - 1), ...octets])])
          try {
            applyDelta(crypto, policyBytes, delta)
          } catch (error) {
            expect(error).toBeInstanceOf(Malformed)
          }
      }),
    ))
})

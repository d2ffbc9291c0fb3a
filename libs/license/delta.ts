import { type Bytes, equal, hex } from '#canonical/bytes'
import { type Cbor, type CborMap, decode, encode } from '#canonical/cbor'
import type { Crypto } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { parse1, type Signed } from './cose.ts'

/**
 * From one signed document to the next, without sending all of it again: the fields that changed, what lists gained and
 * lost, and the signature of the document that results. So a delta needs no signature of its own: whoever applies it
 * ends with the octets that were signed, or with octets that no key signed.
 *
 *     { base: SHA-256 of the document it is for, header, signature, set: {field: value}, drop: [field],
 *       lists: {field: [removed, added]} }
 */
export const deltaOf = (crypto: Crypto, before: Uint8Array, after: Uint8Array): Bytes => {
  const [from, to] = [parse1(before), parse1(after)]
  const [old, next] = [fieldsOf(from), fieldsOf(to)]
  const set = new Map<number | string, Cbor>()
  const lists = new Map<number | string, Cbor>()
  for (const [field, value] of next) {
    const held = old.get(field)
    if (held !== undefined && same(held, value)) continue
    const change = Array.isArray(held) && Array.isArray(value) ? listChange(held, value) : undefined
    if (change) lists.set(field, change)
    else set.set(field, value)
  }
  const drop = [...old.keys()].filter(field => !next.has(field))
  return encode(
    new Map<string, Cbor>([
      ['base', crypto.sha256(before)],
      ['header', to.protectedHeader],
      ['signature', to.signature],
      ['set', set],
      ['drop', drop],
      ['lists', lists],
    ]),
  )
}

/**
 * The document that follows, as it was signed, if somebody signed it: that is for the caller to verify. Null where the
 * delta is for another document than this. Throws `Malformed`.
 */
export const applyDelta = (crypto: Crypto, held: Uint8Array, delta: Uint8Array): Bytes | null => {
  const { base, header, signature, set, drop, lists } = readDelta(delta)
  if (!equal(base, crypto.sha256(held))) return null
  const fields = new Map(fieldsOf(parse1(held)))
  for (const field of drop) fields.delete(field as string)
  for (const [field, value] of set) fields.set(field, value)
  for (const [field, change] of lists) fields.set(field, changed(fields.get(field), change))
  const document = encode([header, new Map(), encode(fields), signature])
  // Octets that are no document are refused here, and not where somebody verifies them.
  parse1(document)
  return document
}

const malformed = (why: string): Malformed => new Malformed('delta', 0, why)

const fieldsOf = ({ payload }: Signed): CborMap => {
  const value = decode(payload)
  if (!(value instanceof Map)) throw malformed('the document is not a map')
  return value
}

const readDelta = (octets: Uint8Array) => {
  const value = decode(octets)
  const field = (name: string): Cbor | undefined => (value instanceof Map ? (value as CborMap).get(name) : undefined)
  const [base, header, signature] = ['base', 'header', 'signature'].map(field)
  const [set, drop, lists] = ['set', 'drop', 'lists'].map(field)
  if (!(base instanceof Uint8Array && header instanceof Uint8Array && signature instanceof Uint8Array))
    throw malformed('no base, header and signature in it')
  if (!(set instanceof Map && lists instanceof Map && Array.isArray(drop)))
    throw malformed('it does not say what changed')
  return { base, header, signature, set: set as CborMap, drop: drop as readonly Cbor[], lists: lists as CborMap }
}

const text = (value: Cbor): string => hex(encode(value))
const same = (one: Cbor, other: Cbor): boolean => text(one) === text(other)
/** Bytewise, as keys of a map are. */
const inOrder = (values: readonly Cbor[]): readonly Cbor[] => {
  const keyed = values.map(value => ({ value, key: text(value) }))
  return keyed
    .toSorted((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0))
    .map(({ value }) => value)
}

/** Removed and added, where that is enough to make the list again, in its order; undefined where it is not. */
const listChange = (held: readonly Cbor[], value: readonly Cbor[]): Cbor | undefined => {
  const [before, after] = [new Set(held.map(text)), new Set(value.map(text))]
  const change = [held.filter(each => !after.has(text(each))), value.filter(each => !before.has(text(each)))]
  return same(changed(held, change), value) ? change : undefined
}

const changed = (held: Cbor | undefined, change: Cbor): readonly Cbor[] => {
  const parts: readonly Cbor[] = Array.isArray(change) ? change : []
  const [removed, added] = parts
  if (!Array.isArray(held) || parts.length !== 2 || !Array.isArray(removed) || !Array.isArray(added))
    throw malformed('a list changes that is none')
  const gone = new Set((removed as readonly Cbor[]).map(text))
  return inOrder([...(held as readonly Cbor[]).filter(each => !gone.has(text(each))), ...(added as readonly Cbor[])])
}

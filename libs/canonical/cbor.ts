import {
  decode as cborgDecode,
  encode as cborgEncode,
  type DecodeOptions,
  type EncodeOptions,
  rfc8949EncodeOptions,
  type Token,
  Tokenizer,
} from 'cborg'
import { type Bytes, equal } from './bytes.ts'
import { Malformed } from './malformed.ts'

/**
 * CBOR as it goes on the air: core deterministic encoding (RFC 8949, 4.2.1), so that one value has one form, and of
 * the types only those that have one reading everywhere. No floats, no tags, no undefined, no indefinite lengths.
 */
export type Cbor = number | bigint | string | boolean | null | Bytes | readonly Cbor[] | CborMap
export type CborMap = ReadonlyMap<number | string, Cbor>

const maxDepth = 16

const refuse = (value: unknown): never => {
  throw new TypeError(
    `${String(value)} has no form on the air: integers, text, octets, booleans, null, arrays and Maps have`,
  )
}

const encodeOptions: EncodeOptions = {
  // Keys in the bytewise order of 4.2.1; cborg's default is that of another specification (FIDO CTAP2).
  ...rfc8949EncodeOptions,
  typeEncoders: {
    number: value => (Number.isSafeInteger(value) ? null : refuse(value)),
    string: value => (value.isWellFormed() ? null : refuse(value)),
    Object: refuse,
    undefined: refuse,
  },
}

/** Throws a TypeError for what has no deterministic form: that is a bug of the caller. */
export const encode = (value: Cbor): Bytes => {
  // cborg gives a Buffer of a shared pool where there is one.
  return new Uint8Array(cborgEncode(value, encodeOptions))
}

/** Integers beyond 2^53 − 1 come as bigint, maps as Map. Throws `Malformed` for all but deterministic octets. */
export const decode = (octets: Uint8Array): Cbor => {
  const tokenizer = new Watched(octets)
  let value: Cbor
  try {
    value = cborgDecode(octets, { ...decodeOptions, tokenizer })
  } catch (cause) {
    if (cause instanceof Malformed) throw cause
    throw new Malformed('cbor', tokenizer.pos(), cause instanceof Error ? cause.message : 'not CBOR', { cause })
  }
  if (tokenizer.isDeterministic) return value
  const again = encode(value)
  if (!equal(again, octets)) {
    let at = 0
    while (again[at] === octets[at]) at++
    throw new Malformed('cbor', at, 'the octets differ from their deterministic encoding')
  }
  return value
}

const decodeOptions: DecodeOptions = {
  strict: true,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowBigInt: true,
}

const known = new Set(['uint', 'negint', 'bytes', 'string', 'array', 'map', 'false', 'true', 'null'])
const keys = new Set(['uint', 'negint', 'string'])

/** Looks at each item before cborg builds on it, so that depth is bounded and a refusal knows its octet. */
class Watched extends Tokenizer {
  readonly #octets: Uint8Array
  readonly #open: { left: number; readonly map: boolean; key: number; keyEnd: number }[] = []
  /**
   * True while all that was read has one form only, so that nobody need write it again to see whether it comes out the
   * same: cborg is strict about lengths and integers, and keys ascend. Text of more
   * than ASCII is left to the comparison.
   */
  isDeterministic = true

  override next(): Token {
    const at = this.pos()
    const token = super.next()
    const { name } = token.type
    if (!known.has(name)) throw new Malformed('cbor', at, `a ${name}, which is not used here`)
    const around = this.#open.at(-1)
    if (around !== undefined) {
      const key = around.map && around.left % 2 === 0
      if (key && !(keys.has(name) && typeof token.value !== 'bigint'))
        throw new Malformed('cbor', at, 'a map key that is neither text nor an integer up to 2^53 - 1')
      if (key) {
        if (around.keyEnd > 0 && !this.#ascends(around.key, around.keyEnd, at)) this.isDeterministic = false
        around.key = at
        around.keyEnd = this.pos()
      }
      around.left -= 1
    }
    if (name === 'string' && this.#octets.subarray(at + 1, this.pos()).some(octet => octet >= 0x80))
      this.isDeterministic = false
    if (name === 'array' || name === 'map') {
      if (this.#open.length === maxDepth) throw new Malformed('cbor', at, `more than ${maxDepth} levels`)
      const map = name === 'map'
      this.#open.push({ left: map ? token.value * 2 : token.value, map, key: 0, keyEnd: 0 })
    }
    while (this.#open.at(-1)?.left === 0) this.#open.pop()
    return token
  }

  /** Is the item that ends here after the one from `from` to `to`, octet by octet (4.2.1)? Equal is not. */
  #ascends(from: number, to: number, next: number): boolean {
    const octets = this.#octets
    for (let at = 0; from + at < to && next + at < this.pos(); at++) {
      const [before, after] = [octets[from + at] as number, octets[next + at] as number]
      if (before !== after) return before < after
    }
    return false
  }

  constructor(octets: Uint8Array) {
    // Of a Buffer, cborg would give parts that share its octets.
    super(new Uint8Array(octets.buffer, octets.byteOffset, octets.byteLength), decodeOptions)
    this.#octets = octets
  }
}

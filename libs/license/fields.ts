import { type Bytes, fromHex, hex } from '#canonical/bytes'
import { type Cbor, type CborMap, decode, encode } from '#canonical/cbor'
import { isUuid } from '#canonical/ids'
import { Malformed } from '#canonical/malformed'
import { type Amount, amount as amountOf, largestAmount } from '#money'

/**
 * Records as tables of fields: each name with what it may hold. A field that a peer sends and the table does not name
 * is ignored; one of the wrong shape is `Malformed`, with the record as its layer and the field's path. To write what
 * could not be read again is a TypeError: a bug of the caller.
 */
export interface Kind<Value> {
  write(value: Value, place: Place): Cbor
  read(found: Cbor, place: Place): Value
}
type Place = { readonly layer: string; readonly path: string }

/** `label` is the integer key of a claim that a specification numbers; without it the field's own name is the key. */
type Field<Value> = Kind<Value> & { readonly label?: number }
type Optional<Value> = Field<Value> & { readonly optional: true }

export type Table<Value> = {
  readonly [Name in keyof Value]-?: object extends Pick<Value, Name>
    ? Optional<Exclude<Value[Name], undefined>>
    : Field<Value[Name]> & { readonly optional?: never }
}

export const labelled = <Value>(label: number, kind: Kind<Value>): Field<Value> => ({ ...kind, label })
export const optional = <Value>(kind: Kind<Value>): Optional<Value> => ({ ...kind, optional: true })

/** A record's CBOR and back. `read` throws `Malformed`: of layer `cbor` for octets, of the record's for its fields. */
export const record = <Value extends object>(name: string, table: Table<Value>) => {
  const kind = map(table)
  return {
    encode: (value: Value): Bytes => encode(kind.write(value, { layer: name, path: '' })),
    read: (octets: Uint8Array): Value => kind.read(decode(octets), { layer: name, path: '' }),
  }
}

const inside = ({ layer, path }: Place, name: string): Place => ({ layer, path: path ? `${path}.${name}` : name })

const wrong = ({ layer, path }: Place, what: string): never => {
  throw new Malformed(layer, 0, `${path || 'the record'} is not ${what}`)
}

export const map = <Value extends object>(table: Table<Value>): Kind<Value> => {
  const fields = Object.entries<Field<unknown> & { readonly optional?: true }>(table)
  return {
    write: (value, place) => {
      const entries = new Map<number | string, Cbor>()
      for (const [name, field] of fields) {
        const held: unknown = value[name as keyof Value]
        if (held !== undefined || !field.optional)
          entries.set(field.label ?? name, field.write(held, inside(place, name)))
      }
      return entries
    },
    read: (found, place) => {
      if (!(found instanceof Map)) return wrong(place, 'a map')
      const entries: CborMap = found
      const value: Record<string, unknown> = {}
      for (const [name, field] of fields) {
        const held = entries.get(field.label ?? name)
        if (held !== undefined) value[name] = field.read(held, inside(place, name))
        else if (!field.optional) wrong(inside(place, name), 'there')
      }
      return value as Value
    },
  }
}

export const list = <Value>(item: Kind<Value>): Kind<readonly Value[]> => ({
  write: (values, place) => values.map((value, at) => item.write(value, inside(place, `${at}`))),
  read: (found, place) =>
    Array.isArray(found)
      ? found.map((held: Cbor, at) => item.read(held, inside(place, `${at}`)))
      : wrong(place, 'a list'),
})

/** One value: how it stands in CBOR, and how it is read from there; undefined where it is something else. */
export const one = <Value>(
  what: string,
  write: (value: Value) => Cbor,
  read: (found: Cbor) => Value | undefined,
): Kind<Value> => ({
  write: (value, { layer, path }) => {
    const cbor = write(value)
    if (cbor === undefined || read(cbor) === undefined) throw new TypeError(`${layer}: ${path} must be ${what}`)
    return cbor
  },
  read: (found, place) => read(found) ?? wrong(place, what),
})

const same = (value: Cbor): Cbor => value

const matching = (what: string, shape: RegExp): Kind<string> =>
  one(what, same, found => (typeof found === 'string' && shape.test(found) ? found : undefined))

export const text: Kind<string> = one('text of 1 to 120 characters', same, found =>
  typeof found === 'string' && found.length > 0 && found.length <= 120 ? found : undefined,
)
/** Counts, revisions, and times in seconds since 1970. */
export const count: Kind<number> = one('a count', same, found =>
  typeof found === 'number' && found >= 0 ? found : undefined,
)
/** Minor units; on the air an integer like any other. */
export const amount: Kind<Amount> = one('an amount of minor units', same, found => {
  if (typeof found !== 'number' && typeof found !== 'bigint') return undefined
  const minor = BigInt(found)
  return minor >= 0n && minor <= largestAmount ? amountOf(minor) : undefined
})
export const octets = (size: number): Kind<Bytes> =>
  one(`${size} octets`, same, found => (found instanceof Uint8Array && found.length === size ? found : undefined))
export const oneOf = <const Word extends string>(...words: readonly Word[]): Kind<Word> =>
  one(`one of ${words.join(', ')}`, same, found => words.find(word => word === found))

/** ISO 4217 by its shape only: a currency that is not ours is a reason to decline, not an error of encoding. */
export const currency = matching('a currency code', /^[A-Z]{3}$/)
export const cardNumber = matching('a card number of 16 to 19 digits', /^\d{16,19}$/)
export const date = matching('a date', /^\d{4}-\d{2}-\d{2}$/)

/** A UUID is text in the house and 16 octets on the air. */
export const uuid: Kind<string> = one(
  'a UUID',
  value => (isUuid(value) ? fromHex(value.replaceAll('-', '')) : value),
  found =>
    found instanceof Uint8Array && found.length === 16
      ? hex(found).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
      : undefined,
)

/** SEC 1, 2.3.3: an uncompressed point. Whether it lies on the curve is found when it is used. */
export const point: Kind<Bytes> = one('a point of P-256 (65 octets)', same, found =>
  found instanceof Uint8Array && found.length === 65 && found[0] === 4 ? found : undefined,
)

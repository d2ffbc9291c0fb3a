import { type Bytes, concat, u32be } from '#canonical/bytes'
import { Malformed } from '#canonical/malformed'

/**
 * NDEF messages (NFC Forum NDEF 1.0): octets in, records out, and back. Chunked records are put together while reading
 * and never written. A message is refused as a whole; no record of a malformed one is handed on.
 */

/**
 * Type name format (3.2.6): 0 empty, 1 well-known, 2 media type, 3 absolute URI, 4 external, 5 unknown. 6 marks the
 * chunks of a record and does not leave this codec. 7 is reserved: it is read, for whoever knows it, and not written.
 */
export type Tnf = 0 | 1 | 2 | 3 | 4 | 5 | 7

export type NdefRecord = {
  readonly tnf: Tnf
  /** One character for each octet (ISO 8859-1), so that every type can be read and none reads two ways. */
  readonly type: string
  /** As `type`. */
  readonly id?: string
  readonly payload: Bytes
}

/** Octets of a whole message that the codec takes; services set lower limits. */
export const NDEF_LIMIT = 65536

const MB = 0x80
const ME = 0x40
const CF = 0x20
const SR = 0x10
const IL = 0x08
const UNCHANGED = 6

const EXTERNAL = 4
const DOMAIN = 'tallystick.dev'

/** A record of ours: `tallystick.dev:<name>`. */
export const externalRecord = (name: string, payload: Bytes): NdefRecord => ({
  tnf: EXTERNAL,
  type: `${DOMAIN}:${name}`,
  payload,
})

/** The first record `tallystick.dev:<name>`. External types are alike in either case (NFC Forum RTD 1.0, 3.4). */
export const findRecord = (message: readonly NdefRecord[], name: string): NdefRecord | undefined =>
  message.find(record => record.tnf === EXTERNAL && record.type.toLowerCase() === `${DOMAIN}:${name}`)

/** Throws a RangeError for what no message can hold: no record, a type too long or too wide, more than the limit. */
export const encodeMessage = (records: readonly NdefRecord[]): Bytes => {
  if (records.length === 0) throw new RangeError('an NDEF message has at least one record')
  const message = concat(...records.flatMap((record, at) => encodeRecord(record, at === 0, at === records.length - 1)))
  if (message.length > NDEF_LIMIT) throw new RangeError(`NDEF message of ${message.length} octets, over ${NDEF_LIMIT}`)
  return message
}

const encodeRecord = (record: NdefRecord, first: boolean, last: boolean): Bytes[] => {
  const trouble = shapeTrouble(record.tnf, record.type.length, record.payload.length, record.id?.length ?? 0)
  if (trouble !== null || record.tnf === 7) throw new RangeError(trouble ?? 'TNF 7 is reserved')
  const short = record.payload.length < 256
  const flags = (first ? MB : 0) | (last ? ME : 0) | (short ? SR : 0) | (record.id === undefined ? 0 : IL) | record.tnf
  const type = octets(record.type)
  const id = record.id === undefined ? null : octets(record.id)
  return [
    new Uint8Array([flags, type.length]),
    short ? new Uint8Array([record.payload.length]) : u32be(record.payload.length),
    id === null ? new Uint8Array(0) : new Uint8Array([id.length]),
    type,
    id ?? new Uint8Array(0),
    record.payload,
  ]
}

/** Throws `Malformed`; where octets are missing, its offset is the number of octets that were there. */
export const decodeMessage = (bytes: Uint8Array): NdefRecord[] => {
  if (bytes.length > NDEF_LIMIT) throw malformed(NDEF_LIMIT, `a message over ${NDEF_LIMIT} octets`)
  const records: NdefRecord[] = []
  let chunks: { record: Omit<NdefRecord, 'payload'>; payloads: Bytes[] } | null = null
  let at = 0
  for (let first = true; ; first = false) {
    const { start, flags, tnf, type, id, payload, next } = readRecord(bytes, at)
    at = next
    if (first !== ((flags & MB) !== 0)) throw malformed(start, first ? 'no message begin' : 'a second message begin')
    const more = (flags & CF) !== 0
    const last = (flags & ME) !== 0
    if (more && last) throw malformed(start, 'a message end inside a chunked record')
    if (chunks === null) {
      if (tnf === UNCHANGED) throw malformed(start, 'a chunk (TNF 6) of no record')
      const record = id === undefined ? { tnf, type } : { tnf, type, id }
      if (more && tnf === 0) throw malformed(start, 'an empty record (TNF 0) in chunks')
      if (more) chunks = { record, payloads: [payload] }
      else records.push({ ...record, payload })
    } else {
      // 2.3.3: the chunks after the first carry TNF 6, no type and no id.
      if (tnf !== UNCHANGED || id !== undefined) throw malformed(start, 'a new record inside a chunked one')
      chunks.payloads.push(payload)
      if (!more) {
        records.push({ ...chunks.record, payload: concat(...chunks.payloads) })
        chunks = null
      }
    }
    if (last) break
  }
  if (at < bytes.length) throw malformed(at, 'octets after the message end')
  return records
}

const readRecord = (bytes: Uint8Array, start: number) => {
  let at = start
  const take = (count: number): Bytes => {
    if (bytes.length - at < count) throw malformed(bytes.length, `octets missing, ${count} wanted from octet ${at}`)
    at += count
    return new Uint8Array(bytes.subarray(at - count, at))
  }
  const number = (count: 1 | 4): number => take(count).reduce((value, octet) => value * 256 + octet, 0)

  const flags = number(1)
  const tnf = (flags & 7) as Tnf | typeof UNCHANGED
  const typeLength = number(1)
  const payloadLength = number(flags & SR ? 1 : 4)
  const idLength = flags & IL ? number(1) : undefined
  const trouble = shapeTrouble(tnf, typeLength, payloadLength, idLength ?? 0)
  if (trouble !== null) throw malformed(start, trouble)
  const type = characters(take(typeLength))
  const id = idLength === undefined ? undefined : characters(take(idLength))
  return { start, flags, tnf, type, id, payload: take(payloadLength), next: at }
}

/** 3.2.6: which fields a type name format must, and must not, bring. */
const shapeTrouble = (tnf: number, type: number, payload: number, id: number): string | null => {
  if (tnf === 0 && type + payload + id > 0) return 'an empty record (TNF 0) with contents'
  if ((tnf === 5 || tnf === UNCHANGED) && type > 0) return `a type in a record of TNF ${tnf}`
  if (tnf >= 1 && tnf <= 4 && type === 0) return `no type in a record of TNF ${tnf}`
  return null
}

const characters = (bytes: Uint8Array): string => String.fromCharCode(...bytes)
const octets = (text: string): Bytes => {
  if (text.length > 255) throw new RangeError(`a type or id of ${text.length} octets, over 255`)
  return Uint8Array.from(text, character => {
    const code = character.charCodeAt(0)
    if (code > 0xff) throw new RangeError(`${JSON.stringify(text)} has a character that is no single octet`)
    return code
  })
}

const malformed = (offset: number, found: string): Malformed => new Malformed('ndef', offset, found)

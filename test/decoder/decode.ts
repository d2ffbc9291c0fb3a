import { createPublicKey, type KeyObject, verify } from 'node:crypto'

/**
 * A second reading of what phone and terminal say, from the octets and the specifications alone: SNEP 1.0, NDEF 1.0,
 * RFC 8949, RFC 9052. It imports nothing of the product, and reads strictly: what is left over or out of place throws.
 */

export class Undecodable extends Error {
  readonly code = 'Undecodable'
}

const wrong = (what: string): never => {
  throw new Undecodable(what)
}

/* ---- SNEP */

const requests: Record<number, string> = { 0: 'CONTINUE', 1: 'GET', 2: 'PUT', 0x7f: 'REJECT' }
const responses: Record<number, string> = {
  0x80: 'CONTINUE',
  0x81: 'SUCCESS',
  0xc0: 'NOT FOUND',
  0xc1: 'EXCESS DATA',
  0xc2: 'BAD REQUEST',
  0xe0: 'NOT IMPLEMENTED',
  0xe1: 'UNSUPPORTED VERSION',
  0xff: 'REJECT',
}

/* ---- NDEF */

export type NdefRecord = { readonly type: string; readonly payload: Buffer }

const readNdef = (octets: Buffer): NdefRecord[] => {
  const records: NdefRecord[] = []
  let at = 0
  while (at < octets.length) {
    const flags = octets.readUInt8(at++)
    const typeLength = octets.readUInt8(at++)
    const short = (flags & 0x10) !== 0
    const length = short ? octets.readUInt8(at) : octets.readUInt32BE(at)
    at += short ? 1 : 4
    if ((flags & 0x28) !== 0) wrong('a record in chunks or with an id, which ours never are')
    if ((flags & 0x07) !== 4) wrong(`a record of TNF ${flags & 7}, not of an external type`)
    if (((flags & 0x80) !== 0) !== (records.length === 0)) wrong('message begin out of place')
    const type = octets.toString('latin1', at, at + typeLength)
    const payload = octets.subarray(at + typeLength, at + typeLength + length)
    if (payload.length !== length) wrong('a record cut short')
    at += typeLength + length
    if (((flags & 0x40) !== 0) !== (at === octets.length)) wrong('message end out of place')
    records.push({ type, payload })
  }
  return records
}

/* ---- CBOR */

export type Cbor = number | string | boolean | null | Buffer | readonly Cbor[] | { readonly [key: string]: Cbor }

export const readCbor = (octets: Buffer): Cbor => {
  let at = 0
  const argument = (low: number): number => {
    if (low < 24) return low
    const size = [1, 2, 4, 8][low - 24] ?? wrong('an item of indefinite length')
    at += size
    return size === 8 ? Number(octets.readBigUInt64BE(at - 8)) : octets.readUIntBE(at - size, size)
  }
  const take = (count: number): Buffer => {
    at += count
    return at > octets.length ? wrong('CBOR cut short') : octets.subarray(at - count, at)
  }
  const label = (): string => {
    const key = item()
    return typeof key === 'number' || typeof key === 'string' ? `${key}` : wrong('a map with keys of another kind')
  }
  const item = (): Cbor => {
    const first = octets.readUInt8(at++)
    const low = first & 31
    switch (first >> 5) {
      case 0:
        return argument(low)
      case 1:
        return -1 - argument(low)
      case 2:
        return take(argument(low))
      case 3:
        return take(argument(low)).toString('utf8')
      case 4:
        return Array.from({ length: argument(low) }, item)
      case 5:
        return Object.fromEntries(Array.from({ length: argument(low) }, () => [label(), item()]))
      case 7:
        return low === 20 ? false : low === 21 ? true : low === 22 ? null : wrong(`simple value ${low}`)
      default:
        return wrong(`major type ${first >> 5}`)
    }
  }
  const read = item()
  return at === octets.length ? read : wrong('octets after the CBOR')
}

/** As much CBOR as a Sig_structure needs. */
const text = (value: string): Buffer => Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
const bytes = (value: Buffer): Buffer => Buffer.concat([head(2, value.length), value])
const head = (major: number, length: number): Buffer =>
  length < 24
    ? Buffer.from([(major << 5) | length])
    : length < 256
      ? Buffer.from([(major << 5) | 24, length])
      : Buffer.from([(major << 5) | 25, length >> 8, length & 255])

/* ---- COSE */

export type Signed = { readonly algorithm: number; readonly claims: { readonly [key: string]: Cbor } } & {
  readonly protectedHeader: Buffer
  readonly payload: Buffer
  readonly signature: Buffer
}

export const readSigned = (octets: Buffer): Signed => {
  const parts = readCbor(octets)
  if (!Array.isArray(parts) || parts.length !== 4) return wrong('not a COSE_Sign1')
  const [protectedHeader, unprotected, payload, signature] = parts as [Buffer, object, Buffer, Buffer]
  if (Object.keys(unprotected).length > 0) wrong('an unprotected header')
  const { 1: algorithm } = readCbor(protectedHeader) as Record<string, Cbor>
  const claims = readCbor(payload) as { readonly [key: string]: Cbor }
  return { algorithm: Number(algorithm), claims, protectedHeader, payload, signature }
}

/** The key of a certificate's holder: `cnf` (RFC 8747), a COSE_Key of P-256 (RFC 9053, 7.1.1). */
export const holderKey = ({ 8: cnf }: Signed['claims']) => {
  const { 1: key } = cnf as { readonly 1: { readonly [label: string]: Cbor } }
  const [x, y] = [key['-2'], key['-3']]
  if (key['1'] !== 2 || key['-1'] !== 1 || !Buffer.isBuffer(x) || !Buffer.isBuffer(y)) return wrong('no key of P-256')
  return createPublicKey({
    key: { kty: 'EC', crv: 'P-256', x: x.toString('base64url'), y: y.toString('base64url') },
    format: 'jwk',
  })
}

/** ES256, bound to the record's type (RFC 9052, 4.4). */
export const isSignedBy = (signed: Signed, type: string, key: KeyObject): boolean => {
  const data = Buffer.concat([
    Buffer.from([0x84]),
    text('Signature1'),
    bytes(signed.protectedHeader),
    bytes(Buffer.from(type)),
    bytes(signed.payload),
  ])
  return signed.algorithm === -7 && verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signed.signature)
}

/* ---- the conversation */

/** One message as it passed, from the recorder. */
export type Recorded = { readonly from: 'terminal' | 'phone'; readonly octets: Buffer }

export type Message = {
  readonly from: Recorded['from']
  readonly snep: string
  /** Of the SNEP message. */
  readonly size: number
  readonly records: readonly NdefRecord[]
}

const domain = 'tallystick.dev:'
export const nameOf = ({ type }: NdefRecord): string =>
  type.startsWith(domain) ? type.slice(domain.length) : wrong(`a record of type ${type}`)

export const readMessage = ({ from, octets }: Recorded): Message => {
  const [version, code] = [octets.readUInt8(0), octets.readUInt8(1)]
  if (version !== 0x10) wrong(`SNEP version ${version}`)
  const snep = (from === 'terminal' ? requests : responses)[code] ?? wrong(`SNEP code ${code} from the ${from}`)
  if (octets.readUInt32BE(2) !== octets.length - 6) wrong('a SNEP length that is not the message’s')
  // A GET begins with the length that it takes for an answer.
  const information = octets.subarray(snep === 'GET' ? 10 : 6)
  return { from, snep, size: octets.length, records: readNdef(information) }
}

const plain = new Set(['payment-request', 'decline'])
const sealed = new Set(['sealed', 'payment'])

/** What a stranger who has no key can read of a record: its fields, or how many octets are sealed. */
export const fieldsOf = (record: NdefRecord): { readonly [key: string]: Cbor } => {
  const name = nameOf(record)
  if (plain.has(name)) return readCbor(record.payload) as { readonly [key: string]: Cbor }
  if (!sealed.has(name)) return readSigned(record.payload).claims
  // HPKE: an uncompressed point, then the ciphertext with 16 octets of tag.
  if (record.payload[0] !== 4 || record.payload.length < 65 + 16) wrong(`a ${name} that is not sealed`)
  return { sealed: record.payload.length - 65 - 16 }
}

const inWords = (value: Cbor): string => {
  if (Buffer.isBuffer(value)) return value.length > 16 ? `${value.length} octets` : value.toString('hex')
  if (Array.isArray(value)) return `[${value.map(inWords).join(', ')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, held]) => `${key}: ${inWords(held)}`)
      .join(', ')}}`
  return String(value)
}

/** A tap as lines for people. */
export const printTap = (messages: readonly Message[]): string =>
  messages
    .map(({ from, snep, size, records }) =>
      [
        `${from === 'terminal' ? 'terminal →' : '← phone   '} ${snep} (${size} octets)`,
        ...records.map(record => `    ${nameOf(record)} ${inWords(fieldsOf(record))}`),
      ].join('\n'),
    )
    .join('\n')

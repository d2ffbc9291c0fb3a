import { type Bytes, concat, u32be } from '#canonical/bytes'
import { Malformed } from '#canonical/malformed'

/**
 * SNEP messages (NFC Forum SNEP 1.0), whole: a header of version, code and length, then the information. The length
 * field must equal the octets present. Fragments and CONTINUE are for the link that carries them; over ISO-DEP and in
 * the loopback a message is never in fragments.
 */

export type SnepRequest =
  | { readonly code: 'CONTINUE' | 'PUT' | 'REJECT'; readonly information: Bytes }
  /** `acceptableLength`: octets of information that the client can take in the answer. */
  | { readonly code: 'GET'; readonly acceptableLength: number; readonly information: Bytes }

export type SnepResponse = { readonly code: SnepResponseCode; readonly information: Bytes }
export type SnepResponseCode =
  | 'CONTINUE'
  | 'SUCCESS'
  | 'NOT FOUND'
  | 'EXCESS DATA'
  | 'BAD REQUEST'
  | 'NOT IMPLEMENTED'
  | 'UNSUPPORTED VERSION'
  | 'REJECT'

/** Information octets that the codec takes. */
export const SNEP_LIMIT = 65536
/** Information octets that our own service takes; a longer request is answered with REJECT. */
export const SERVICE_LIMIT = 4096
export const SNEP_HEADER = 6

const VERSION = 0x10

// SNEP 1.0, 3.1 and 4.1
const REQUESTS = { CONTINUE: 0x00, GET: 0x01, PUT: 0x02, REJECT: 0x7f } as const
const RESPONSES = {
  CONTINUE: 0x80,
  SUCCESS: 0x81,
  'NOT FOUND': 0xc0,
  'EXCESS DATA': 0xc1,
  'BAD REQUEST': 0xc2,
  'NOT IMPLEMENTED': 0xe0,
  'UNSUPPORTED VERSION': 0xe1,
  REJECT: 0xff,
} as const

export const encodeRequest = (request: SnepRequest): Bytes =>
  request.code === 'GET'
    ? encode(REQUESTS.GET, concat(u32be(request.acceptableLength), request.information))
    : encode(REQUESTS[request.code], request.information)

export const encodeResponse = (response: SnepResponse): Bytes => encode(RESPONSES[response.code], response.information)

/** A response without information, which every code but SUCCESS usually is. */
export const bareResponse = (code: SnepResponseCode): Bytes => encode(RESPONSES[code], new Uint8Array(0))

/** Throws `Malformed`; what the peer is told then, `refusalFor` knows. */
export const decodeRequest = (bytes: Uint8Array): SnepRequest => {
  const { octet, information } = decode(bytes)
  const code = wordFor(REQUESTS, octet)
  if (code === undefined) throw malformed(1, `request code ${octet}`)
  if (code !== 'GET') return { code, information }
  if (information.length < 4) throw malformed(bytes.length, 'a GET without acceptable length')
  return { code, acceptableLength: u32(information, 0), information: information.slice(4) }
}

/** Throws `Malformed`. */
export const decodeResponse = (bytes: Uint8Array): SnepResponse => {
  const { octet, information } = decode(bytes)
  const code = wordFor(RESPONSES, octet)
  if (code === undefined) throw malformed(1, `response code ${octet}`)
  return { code, information }
}

/** The response to a request that does not decode (SNEP 1.0, 2.2.1 for the version). */
export const refusalFor = (bytes: Uint8Array): Bytes =>
  bareResponse(bytes[0] !== undefined && unknownVersion(bytes[0]) ? 'UNSUPPORTED VERSION' : 'BAD REQUEST')

/** Octets that the message whose beginning this is will have, or null where the header is not whole yet. */
export const messageLength = (beginning: Uint8Array): number | null =>
  beginning.length < SNEP_HEADER ? null : SNEP_HEADER + u32(beginning, 2)

const encode = (code: number, information: Uint8Array): Bytes =>
  concat(new Uint8Array([VERSION, code]), u32be(information.length), information)

const decode = (bytes: Uint8Array): { octet: number; information: Bytes } => {
  const [version, octet] = bytes
  if (version !== undefined && unknownVersion(version)) throw malformed(0, `version ${version >> 4}.${version & 15}`)
  const whole = messageLength(bytes)
  if (octet === undefined || whole === null) throw malformed(bytes.length, 'a header cut short')
  if (whole - SNEP_HEADER > SNEP_LIMIT) throw malformed(2, `information of ${whole - SNEP_HEADER} octets`)
  if (bytes.length < whole) throw malformed(bytes.length, `octets missing, ${whole} wanted`)
  if (bytes.length > whole) throw malformed(whole, 'octets after the message')
  return { octet, information: new Uint8Array(bytes.subarray(SNEP_HEADER)) }
}

/** Only the major version parts two implementations (2.2.1); 1.1 would be read as 1.0. */
const unknownVersion = (version: number): boolean => version >> 4 !== VERSION >> 4

const wordFor = <Word extends string>(codes: Readonly<Record<Word, number>>, octet: number): Word | undefined =>
  (Object.keys(codes) as Word[]).find(word => codes[word] === octet)

const u32 = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at)

const malformed = (offset: number, found: string): Malformed => new Malformed('snep', offset, found)

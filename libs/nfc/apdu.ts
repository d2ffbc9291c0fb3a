import { type Bytes, concat } from '#canonical/bytes'
import { Malformed } from '#canonical/malformed'

/** Command and response APDUs (ISO/IEC 7816-4, 5.1 and 5.2), cases 1 to 4, short and extended. */
export type Command = {
  readonly cla: number
  readonly ins: number
  readonly p1: number
  readonly p2: number
  readonly data: Bytes
  /** Ne, the most octets of data that the answer may have: 1 to 65536; absent where none is expected. */
  readonly le?: number
}

/** `sw`: SW1 and SW2 as one number, 0x9000 for done. */
export type Answer = { readonly data: Bytes; readonly sw: number }

/** Short wherever the figures fit into short fields, else extended. */
export const encodeCommand = ({ cla, ins, p1, p2, data, le }: Command): Bytes => {
  if (data.length > 65535) throw new RangeError(`a command with ${data.length} octets of data, over 65535`)
  if (le !== undefined && (le < 1 || le > 65536)) throw new RangeError(`Ne of ${le}, not in 1 to 65536`)
  const header = new Uint8Array([cla, ins, p1, p2])
  if (data.length <= 255 && (le ?? 0) <= 256) {
    const lc = data.length === 0 ? [] : [data.length]
    return concat(header, new Uint8Array(lc), data, new Uint8Array(le === undefined ? [] : [le & 0xff]))
  }
  // An extended Le has two octets after an extended Lc, and three where there is no data.
  const lc = data.length === 0 ? [] : [0, data.length >> 8, data.length & 0xff]
  const end = le === undefined ? [] : [...(data.length === 0 ? [0] : []), (le >> 8) & 0xff, le & 0xff]
  return concat(header, new Uint8Array(lc), data, new Uint8Array(end))
}

/** Throws `Malformed`; where octets are missing, its offset is the number of octets that were there. */
export const decodeCommand = (bytes: Uint8Array): Command => {
  const [cla, ins, p1, p2, first] = bytes
  if (cla === undefined || ins === undefined || p1 === undefined || p2 === undefined)
    throw malformed(bytes.length, 'a command header cut short')
  const command = (start: number, end: number, le?: number): Command => {
    const data = new Uint8Array(bytes.subarray(start, end))
    return le === undefined ? { cla, ins, p1, p2, data } : { cla, ins, p1, p2, data, le }
  }
  const octet = (at: number): number => bytes[at] ?? 0
  const u16 = (at: number): number => octet(at) * 256 + octet(at + 1)

  if (first === undefined) return command(4, 4)
  if (bytes.length === 5) return command(4, 4, first || 256)
  // An extended field begins with an octet of zero, which no short Lc can be (5.1).
  const extended = first === 0
  if (extended && bytes.length < 7) throw malformed(bytes.length, 'an extended length cut short')
  if (extended && bytes.length === 7) return command(4, 4, u16(5) || 65536)
  const start = extended ? 7 : 5
  const length = extended ? u16(5) : first
  if (length === 0) throw malformed(5, 'an extended Lc of zero')
  const end = start + length
  if (bytes.length < end) throw malformed(bytes.length, `octets missing, ${length} of data announced`)
  if (bytes.length === end) return command(start, end)
  const leOctets = extended ? 2 : 1
  if (bytes.length < end + leOctets) throw malformed(bytes.length, 'an extended Le cut short')
  if (bytes.length > end + leOctets) throw malformed(end + leOctets, 'octets after the command')
  return command(start, end, extended ? u16(end) || 65536 : octet(end) || 256)
}

export const encodeAnswer = ({ data, sw }: Answer): Bytes => concat(data, new Uint8Array([sw >> 8, sw & 0xff]))

/** Throws `Malformed`. */
export const decodeAnswer = (bytes: Uint8Array): Answer => {
  const [sw1, sw2] = bytes.subarray(-2)
  if (sw1 === undefined || sw2 === undefined) throw malformed(bytes.length, 'an answer without status words')
  return { data: new Uint8Array(bytes.subarray(0, -2)), sw: sw1 * 256 + sw2 }
}

const malformed = (offset: number, found: string): Malformed => new Malformed('apdu', offset, found)

/** Octets as text and back. */

export type Bytes = Uint8Array<ArrayBuffer>

const encoder = new TextEncoder()
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const utf8 = (text: string): Bytes => encoder.encode(text)
/** Throws a TypeError where the octets are not UTF-8. */
export const fromUtf8 = (bytes: Uint8Array): string => strictDecoder.decode(bytes)

/** Node's Buffer reads and writes at native speed, and is the only way there on Node 24. */
const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const own = (buffer: Buffer): Bytes => new Uint8Array(buffer)

export const hex = (bytes: Uint8Array): string => view(bytes).toString('hex')
/** Throws a SyntaxError for anything but pairs of lower-case hexadecimal digits. */
export const fromHex = (text: string): Bytes => {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new SyntaxError('not lower-case hexadecimal octets')
  return own(Buffer.from(text, 'hex'))
}

/** RFC 4648, section 5, without padding. */
export const base64url = (bytes: Uint8Array): string => view(bytes).toString('base64url')
/** Throws a SyntaxError for characters outside the alphabet or for stray bits, so that one text has one reading. */
export const fromBase64url = (text: string): Bytes => {
  const buffer = Buffer.from(text, 'base64url')
  if (buffer.toString('base64url') !== text) throw new SyntaxError('not base64url without padding')
  return own(buffer)
}

/** One text for one value: stray bits at the end, padding and foreign characters are not it. */
export const isBase64url = (text: string): boolean => Buffer.from(text, 'base64url').toString('base64url') === text

export const concat = (...parts: readonly Uint8Array[]): Bytes => {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Not for secrets: it returns at the first difference. */
export const equal = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}

export const u32be = (value: number): Bytes => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

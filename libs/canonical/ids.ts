import { type Bytes, concat, fromHex, hex, utf8 } from './bytes.ts'
import type { Crypto } from './crypto.ts'

/** UUIDs as RFC 9562 has them: version 7 for whoever starts an act, version 8 for what follows from it. */

const format = (octets: Bytes): string => {
  const text = hex(octets)
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`
}

export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

/** RFC 9562, 5.7: 48 bits of milliseconds, then random bits. */
export const uuid7 = (now_ms: number, random: Bytes): string => {
  const octets = new Uint8Array(16)
  octets.set(random.subarray(0, 16))
  new DataView(octets.buffer).setUint16(0, Math.floor(now_ms / 2 ** 32))
  new DataView(octets.buffer).setUint32(2, now_ms % 2 ** 32)
  octets[6] = ((octets[6] as number) & 0x0f) | 0x70
  octets[8] = ((octets[8] as number) & 0x3f) | 0x80
  return format(octets)
}

/**
 * A name-based UUID (version 8, RFC 9562, 5.8) over SHA-256 of cause, stream and place: the same act mints the same
 * ids on every retry.
 */
export const idOf = (crypto: Crypto, cause: string, ...name: readonly (string | number)[]): string =>
  version8(crypto.sha256(concat(fromHex(cause.replaceAll('-', '')), utf8(name.join('\n')))))

/** The same of words alone, for what has no command behind it. */
export const nameId = (crypto: Crypto, ...name: readonly string[]): string => version8(crypto.sha256(name.join('\n')))

const version8 = (digest: Bytes): string => {
  const octets = digest.slice(0, 16)
  octets[6] = ((octets[6] as number) & 0x0f) | 0x80
  octets[8] = ((octets[8] as number) & 0x3f) | 0x80
  return format(octets)
}

import type { Bytes } from './bytes.ts'

/**
 * RFC 9285. A QR code's alphanumeric mode has exactly these 45 characters, so that octets as this text take a quarter
 * less room in it than as base64.
 */
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:'
const valueOf = new Map(Array.from(alphabet).map((character, value) => [character, value]))

export const base45 = (bytes: Uint8Array): string => {
  let text = ''
  for (let at = 0; at < bytes.length; at += 2) {
    const pair = at + 1 < bytes.length
    let value = pair ? (bytes[at] as number) * 256 + (bytes[at + 1] as number) : (bytes[at] as number)
    for (let place = 0; place < (pair ? 3 : 2); place++) {
      text += alphabet[value % 45]
      value = Math.floor(value / 45)
    }
  }
  return text
}

/** Throws a SyntaxError for characters outside the alphabet, for a stray one, and for values that are no octets. */
export const fromBase45 = (text: string): Bytes => {
  const values = Array.from(text).map(character => {
    const value = valueOf.get(character)
    if (value === undefined) throw new SyntaxError('not a character of base45')
    return value
  })
  if (values.length % 3 === 1) throw new SyntaxError('one character too many for base45')
  const bytes: number[] = []
  for (let at = 0; at < values.length; at += 3) {
    const [a = 0, b = 0, c] = values.slice(at, at + 3)
    const value = a + b * 45 + (c ?? 0) * 2025
    if (value > (c === undefined ? 255 : 65_535)) throw new SyntaxError('more than the octets hold in base45')
    if (c === undefined) bytes.push(value)
    else bytes.push(value >> 8, value & 255)
  }
  return Uint8Array.from(bytes)
}

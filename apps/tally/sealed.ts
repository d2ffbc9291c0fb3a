import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto'

/**
 * Octets under a passphrase, a stream at a time: scrypt makes the key from a salt of this file's own, and AES-256-GCM
 * seals chunks of 64 KiB. No key may seal two streams. A chunk's nonce is its number and whether it is the last, as in STREAM (Hoang, Reyhanitabar, Rogaway,
 * Vizár: Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, 2015): so none can be left out, moved or
 * cut off the end. `about` is authenticated with each.
 */
const chunkOctets = 64 * 1024
const tagOctets = 16
/** 128 MiB of memory and about half a second: what each guess costs who has only the file. */
const scryptCost = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 }

/** The passphrase is wrong, or the octets are not as they were sealed. Nothing of what cannot be opened was given out. */
export class SealBroken extends Error {
  readonly code = 'SealBroken'
}

export const newSalt = (): Buffer => randomBytes(16)

export const sealKey = (passphrase: string, salt: Uint8Array): Buffer =>
  scryptSync(passphrase.normalize('NFC'), salt, 32, scryptCost)

const nonceOf = (chunk: number, isLast: boolean): Buffer => {
  const nonce = Buffer.alloc(12)
  nonce.writeBigUInt64BE(BigInt(chunk), 3)
  nonce[11] = isLast ? 1 : 0
  return nonce
}

/** Pieces of one size, told of each whether it is the last: that one may be shorter, or empty where all are. */
async function* pieces(
  octets: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<[piece: Buffer, last: boolean]> {
  let waiting: Uint8Array[] = []
  let length = 0
  for await (const part of octets) {
    waiting.push(part)
    length += part.length
    if (length <= size) continue
    const all = Buffer.concat(waiting)
    let from = 0
    // What fills a piece exactly may be the last one, so it waits for more.
    for (; length - from > size; from += size) yield [all.subarray(from, from + size), false]
    waiting = [all.subarray(from)]
    length -= from
  }
  yield [Buffer.concat(waiting), true]
}

export async function* seal(
  octets: AsyncIterable<Uint8Array>,
  key: Uint8Array,
  about: Uint8Array,
): AsyncGenerator<Buffer> {
  let chunk = 0
  for await (const [piece, isLast] of pieces(octets, chunkOctets)) {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(chunk, isLast)).setAAD(about)
    yield Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()])
    chunk += 1
  }
}

export async function* unseal(
  octets: AsyncIterable<Uint8Array>,
  key: Uint8Array,
  about: Uint8Array,
): AsyncGenerator<Buffer> {
  let chunk = 0
  for await (const [piece, isLast] of pieces(octets, chunkOctets + tagOctets)) {
    const broken = new SealBroken(
      chunk === 0
        ? 'The passphrase is not the one that it was sealed with, or its beginning was altered.'
        : `It was cut or altered: what comes after ${chunk * chunkOctets} octets does not open.`,
    )
    if (piece.length < tagOctets) throw broken
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(chunk, isLast), { authTagLength: tagOctets })
    decipher.setAAD(about).setAuthTag(piece.subarray(piece.length - tagOctets))
    const opened = decipher.update(piece.subarray(0, piece.length - tagOctets))
    try {
      decipher.final()
    } catch {
      throw broken
    }
    yield opened
    chunk += 1
  }
}

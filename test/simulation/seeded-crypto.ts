import type { Bytes } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { nodeCrypto } from '#machine/crypto'
import { nobleCrypto } from '#machine/noble'

/**
 * Cryptography that follows from a seed and is still quick: what chooses anything (keys, nonces, ECDSA by RFC 6979) is
 * @noble's over the seed, and what only computes is OpenSSL's, as in the shops. A tap costs a tenth of @noble's alone.
 */
export const seededCrypto = (random: (octets: number) => Bytes): Crypto => {
  const { sign, keyPair } = nobleCrypto(random)
  return { ...nodeCrypto(), sign, keyPair, random }
}

import { createECDH } from 'node:crypto'
import { type Bytes, concat } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { nodeCrypto } from '#machine/crypto'
import { nobleCrypto } from '#machine/noble'

/**
 * Cryptography that follows from a seed and is still quick: keys and nonces come from the seed, and OpenSSL does the
 * rest, as in the shops. Its ECDSA is for worlds whose keys are worth nothing: SEC 1, 4.1.3 in plain integers, which
 * take longer or shorter by what they hold.
 */
export const seededCrypto = (random: (octets: number) => Bytes): Crypto => {
  const node = nodeCrypto()
  const { keyPair } = nobleCrypto(random)
  const signP256 = (key: KeyPair, message: Uint8Array): Bytes => {
    const nonce = 1n + (integer(node.hmac(key.privateKey, message)) % (order - 1n))
    const r = integer(pointOf(octets(nonce)).subarray(1, 33)) % order
    const s = (inverse(nonce) * (integer(node.sha256(message)) + r * integer(key.privateKey))) % order
    return concat(octets(r), octets(s))
  }
  return {
    ...node,
    random,
    sign: (key, message) => (key.curve === 'P-256' ? signP256(key, message) : node.sign(key, message)),
    keyPair: curve => {
      if (curve === 'Ed25519') return keyPair(curve)
      const privateKey = octets(1n + (integer(random(32)) % (order - 1n)))
      return { curve, privateKey, publicKey: pointOf(privateKey) }
    },
  }
}

/** Of P-256 (SEC 2, 2.4.2). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

const integer = (octets: Uint8Array): bigint => BigInt(`0x${Buffer.from(octets).toString('hex')}`)
const octets = (integer: bigint): Bytes => new Uint8Array(Buffer.from(integer.toString(16).padStart(64, '0'), 'hex'))

const pointOf = (scalar: Bytes): Bytes => {
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(scalar)
  return new Uint8Array(curve.getPublicKey())
}

/** By the extended Euclidean algorithm. */
const inverse = (of: bigint): bigint => {
  let [a, b, x, y] = [of, order, 1n, 0n]
  while (b > 0n) {
    const times = a / b
    ;[a, b, x, y] = [b, a - times * b, y, x - times * y]
  }
  return ((x % order) + order) % order
}

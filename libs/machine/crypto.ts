import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  type KeyObject,
  privateEncrypt,
  publicDecrypt,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import type { Bytes } from '#canonical/bytes'
import type { Crypto, Curve, KeyPair, RsaKeyPair } from '#canonical/crypto'
import { isBelow, isModulus, rsaNumbers } from './rsa.ts'

/**
 * `Crypto` over node:crypto, whose one-shot calls are synchronous.
 *
 * OpenSSL takes keys only as objects, and making one from octets costs almost as much as a signature. A terminal meets
 * the same few authority keys at every tap, and a centre the same terminals: so the latest are kept.
 */
export const nodeCrypto = (): Crypto => {
  const publicKeys = latest<KeyObject | null>(1024)
  const privateKeys = latest<KeyObject>(256)

  const publicKeyOf = (curve: Curve, octets: Uint8Array) =>
    publicKeys(curve + text(octets), () => readPublicKey(curve, octets))
  const rsaPublicKeyOf = (modulus: Uint8Array) =>
    publicKeys(text(modulus), () => createPublicKey(pem('PUBLIC KEY', rsaHead, modulus, rsaTail))) as KeyObject
  const rsaPrivateKeyOf = (key: RsaKeyPair) => privateKeys(text(key.privateKey), () => readRsaPrivateKey(key))
  const privateKeyOf = (key: KeyPair) => privateKeys(key.curve + text(key.privateKey), () => readPrivateKey(key))

  return {
    sha256: (...parts) => {
      const [only] = parts
      if (parts.length === 1 && only !== undefined) return sha256(only)
      const running = createHash('sha256')
      for (const part of parts) running.update(part)
      return plain(running.digest())
    },

    hmac: (key, ...parts) => {
      const block = key.length > 64 ? sha256(key) : key
      return sha256(joined(padded(block, 0x5c), sha256(joined(padded(block, 0x36), ...parts))))
    },

    sign: (key, message) =>
      key.curve === 'Ed25519'
        ? plain(sign(null, message, privateKeyOf(key)))
        : fromDer(sign('sha256', message, privateKeyOf(key))),

    verify: (curve, publicKey, message, signature) => {
      const key = publicKeyOf(curve, publicKey)
      if (key === null || signature.length !== 64) return false
      return curve === 'Ed25519'
        ? verify(null, message, key, signature)
        : verify('sha256', message, key, toDer(signature))
    },

    agree: (key, publicKey) => {
      const theirs = publicKeyOf('P-256', publicKey)
      if (theirs === null || !isScalar(key.privateKey)) return null
      return plain(diffieHellman({ privateKey: privateKeyOf(key), publicKey: theirs }))
    },

    aeadSeal: (key, nonce, aad, plaintext) => {
      const cipher = createCipheriv('aes-128-gcm', key, nonce)
      cipher.setAAD(aad)
      return joined(cipher.update(plaintext), cipher.final(), cipher.getAuthTag())
    },

    aeadOpen: (key, nonce, aad, ciphertext) => {
      const decipher = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: 16 })
      if (ciphertext.length < 16) return null
      const end = ciphertext.length - 16
      decipher.setAAD(aad)
      decipher.setAuthTag(ciphertext.subarray(end))
      const plaintext = decipher.update(ciphertext.subarray(0, end))
      try {
        return joined(plaintext, decipher.final())
      } catch {
        // `final` throws for one reason only: the tag does not hold.
        return null
      }
    },

    rsaSign: (key, block) =>
      plain(privateEncrypt({ key: rsaPrivateKeyOf(key), padding: constants.RSA_NO_PADDING }, block)),

    rsaRecover: (modulus, signature) => {
      if (!isModulus(modulus) || !isBelow(signature, modulus)) return null
      return plain(publicDecrypt({ key: rsaPublicKeyOf(modulus), padding: constants.RSA_NO_PADDING }, signature))
    },

    rsaKeyPair: () => {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 0x10001 })
      const { n, p, q } = privateKey.export({ format: 'jwk' })
      return { rsa: 2048, publicKey: plain(octets(n)), privateKey: joined(octets(p), octets(q)) }
    },

    keyPair: curve => {
      const made =
        curve === 'P-256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
      const { x, y, d } = made.privateKey.export({ format: 'jwk' })
      const publicKey = curve === 'P-256' ? joined(Buffer.from([4]), octets(x), octets(y)) : plain(octets(x))
      const pair = { curve, publicKey, privateKey: plain(octets(d)) }
      privateKeys(curve + text(pair.privateKey), () => made.privateKey)
      return pair
    },

    random: size => plain(randomBytes(size)),
  }
}

const text = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
const octets = (member: string | undefined): Buffer => Buffer.from(member ?? '', 'base64url')

const joined = (...parts: readonly Uint8Array[]): Bytes => plain(Buffer.concat(parts))
const sha256 = (message: Uint8Array | string): Bytes => plain(hash('sha256', message, 'buffer'))
/** A block of SHA-256 for RFC 2104: node's own Hmac makes a key object of each key, which costs more than the hashes. */
const padded = (key: Uint8Array, pad: number): Bytes => {
  const block = new Uint8Array(64).fill(pad)
  for (let at = 0; at < key.length; at++) block[at] = (key[at] as number) ^ pad
  return block
}
/** A Buffer's `slice` shares its octets where a Uint8Array's copies them: none leaves here. */
const plain = (buffer: Buffer): Bytes => new Uint8Array(buffer)

/**
 * Keys as PEM and signatures as DER: what OpenSSL reads is handed to it as it is. Of a JWK, and of a key with options
 * around it, Node first finds out by exceptions which kind of object it is not, at the price of half a verification.
 */
const pem = (label: string, ...parts: readonly Uint8Array[]): string =>
  `-----BEGIN ${label}-----\n${Buffer.concat(parts).toString('base64')}\n-----END ${label}-----`

// SubjectPublicKeyInfo (RFC 5480, RFC 8410) and PrivateKeyInfo (RFC 5958) up to the key's own octets. The public half
// is left out of the private key, so that a pair can only be what its private half says.
const heads: Readonly<Record<Curve, { readonly publicKey: Buffer; readonly privateKey: Buffer }>> = {
  'P-256': {
    publicKey: Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
    privateKey: Buffer.from('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420', 'hex'),
  },
  Ed25519: {
    publicKey: Buffer.from('302a300506032b6570032100', 'hex'),
    privateKey: Buffer.from('302e020100300506032b657004220420', 'hex'),
  },
}

/** SubjectPublicKeyInfo of an RSA key (RFC 3279, 2.3.1) around its modulus of 256 octets; at the end 65537. */
const rsaHead = Buffer.from('30820122300d06092a864886f70d01010105000382010f003082010a0282010100', 'hex')
const rsaTail = Buffer.from('0203010001', 'hex')

const readRsaPrivateKey = (pair: RsaKeyPair): KeyObject => {
  const numbers = Object.entries(rsaNumbers(pair)).map(([name, octets]) => [
    name,
    Buffer.from(octets).toString('base64url'),
  ])
  return createPrivateKey({ format: 'jwk', key: { kty: 'RSA', ...Object.fromEntries(numbers) } })
}

const readPublicKey = (curve: Curve, publicKey: Uint8Array): KeyObject | null => {
  if (curve === 'P-256' ? publicKey.length !== 65 || publicKey[0] !== 4 : publicKey.length !== 32) return null
  try {
    return createPublicKey(pem('PUBLIC KEY', heads[curve].publicKey, publicKey))
  } catch {
    return null
  }
}

const readPrivateKey = ({ curve, privateKey }: KeyPair): KeyObject =>
  createPrivateKey(pem('PRIVATE KEY', heads[curve].privateKey, privateKey))

const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
/** SEC 1, 3.2.1: from 1 to the order less one. OpenSSL would reduce another; a copied log may hold one. */
const isScalar = (privateKey: Uint8Array): boolean =>
  privateKey.length === 32 && Buffer.compare(privateKey, order) < 0 && privateKey.some(octet => octet !== 0)

/** r ‖ s as the DER of RFC 3279, 2.2.3. */
const toDer = (signature: Uint8Array): Buffer => {
  const parts = [integer(signature.subarray(0, 32)), integer(signature.subarray(32))] as const
  return Buffer.concat([Uint8Array.of(0x30, parts[0].length + parts[1].length), ...parts])
}

/** X.690, 8.3: as few octets as hold it, and the first bit is a sign. */
const integer = (octets: Uint8Array): Buffer => {
  let from = 0
  while (from < octets.length - 1 && octets[from] === 0) from++
  const digits = octets.subarray(from)
  const head = (digits[0] as number) < 0x80 ? [2, digits.length] : [2, digits.length + 1, 0]
  return Buffer.concat([Uint8Array.from(head), digits])
}

const fromDer = (der: Uint8Array): Bytes => {
  const signature = new Uint8Array(64)
  let at = 2
  for (const end of [32, 64]) {
    const from = at + 2
    at = from + (der[at + 1] as number)
    const digits = der.subarray(Math.max(from, at - 32), at)
    signature.set(digits, end - digits.length)
  }
  return signature
}

/** The latest values by key: a Map keeps its order of insertion, so the first is the one longest unused. */
const latest = <Value>(size: number) => {
  const kept = new Map<string, Value>()
  return (key: string, make: () => Value): Value => {
    const found = kept.get(key)
    const value = found === undefined ? make() : found
    if (found !== undefined) kept.delete(key)
    else if (kept.size >= size) kept.delete(kept.keys().next().value as string)
    kept.set(key, value)
    return value
  }
}

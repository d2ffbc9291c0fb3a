import { type Bytes, concat, fromHex, hex } from '#canonical/bytes'
import type { RsaKeyPair } from '#canonical/crypto'

/**
 * RSA of 2,048 bits in plain numbers (RFC 8017): what follows from the two primes, and the raw operations for the
 * adapter without OpenSSL. Its private operation tells by its time what it works on: it is for simulations and for
 * whoever verifies, never for a phone among strangers.
 */

const exponent = 65537n
const halfSize = 128
const size = 2 * halfSize

/** 2,048 bits, neither more nor fewer; an even number is no product of primes, and OpenSSL would not count with it. */
export const isModulus = (modulus: Uint8Array): boolean =>
  modulus.length === size && (modulus[0] as number) >= 0x80 && ((modulus[size - 1] as number) & 1) === 1

/** RFC 8017, 5.2.2: a signature representative is a number below the modulus, here in as many octets. */
export const isBelow = (signature: Uint8Array, modulus: Uint8Array): boolean =>
  signature.length === size && numberOf(signature) < numberOf(modulus)

export const recovered = (modulus: Uint8Array, signature: Uint8Array): Bytes =>
  octetsOf(power(numberOf(signature), exponent, numberOf(modulus)), size)

/** By the Chinese remainder theorem (RFC 8017, 5.1.2): two powers of half the length instead of one. */
export const signed = (key: RsaKeyPair, block: Uint8Array): Bytes => {
  const { p, q, dp, dq, qi } = privateNumbers(key)
  const number = numberOf(block)
  if (block.length !== size || number >= numberOf(key.publicKey)) throw new RangeError('a block is below the modulus')
  const [first, second] = [power(number, dp, p), power(number, dq, q)]
  const h = ((((first - second) * qi) % p) + p) % p
  return octetsOf(second + q * h, size)
}

/** The members of a JWK (RFC 7518, 6.3), as octets. */
export const rsaNumbers = (key: RsaKeyPair) => {
  const { p, q, d, dp, dq, qi } = privateNumbers(key)
  const half = (number: bigint) => octetsOf(number, halfSize)
  return {
    n: key.publicKey,
    e: octetsOf(exponent, 3),
    d: octetsOf(d, size),
    p: half(p),
    q: half(q),
    dp: half(dp),
    dq: half(dq),
    qi: half(qi),
  }
}

export const makeRsaKey = (random: (octets: number) => Bytes): RsaKeyPair => {
  const p = prime(random)
  let q = prime(random)
  while (q === p) q = prime(random)
  return {
    rsa: 2048,
    publicKey: octetsOf(p * q, size),
    privateKey: concat(octetsOf(p, halfSize), octetsOf(q, halfSize)),
  }
}

const privateNumbers = ({ privateKey }: RsaKeyPair) => {
  const p = numberOf(privateKey.subarray(0, halfSize))
  const q = numberOf(privateKey.subarray(halfSize))
  const d = inverse(exponent, (p - 1n) * (q - 1n))
  return { p, q, d, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) }
}

/** Its two first bits are set, so that the product of two has 2,048 bits. */
const prime = (random: (octets: number) => Bytes): bigint => {
  for (;;) {
    const octets = random(halfSize)
    octets[0] = (octets[0] as number) | 0xc0
    octets[halfSize - 1] = (octets[halfSize - 1] as number) | 1
    const candidate = numberOf(octets)
    if ((candidate - 1n) % exponent !== 0n && isPrime(candidate)) return candidate
  }
}

const smallPrimes = ((): readonly bigint[] => {
  const found: number[] = []
  for (let number = 3; number < 2000; number += 2) if (found.every(prime => number % prime !== 0)) found.push(number)
  return found.map(BigInt)
})()

/** Miller and Rabin. Of random candidates of this size, far fewer than one in 2^100 passes for what it is not. */
const isPrime = (candidate: bigint): boolean => {
  if (smallPrimes.some(prime => candidate % prime === 0n)) return false
  let odd = candidate - 1n
  let twos = 0
  while ((odd & 1n) === 0n) {
    odd >>= 1n
    twos += 1
  }
  return smallPrimes.slice(0, 8).every(base => {
    let raised = power(base, odd, candidate)
    if (raised === 1n || raised === candidate - 1n) return true
    for (let times = 1; times < twos; times++) {
      raised = (raised * raised) % candidate
      if (raised === candidate - 1n) return true
    }
    return false
  })
}

const power = (base: bigint, exponent: bigint, modulus: bigint): bigint => {
  let result = 1n
  let square = base % modulus
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

/** Euclid, extended. */
const inverse = (number: bigint, modulus: bigint): bigint => {
  let [older, newer] = [modulus, number % modulus]
  let [was, is] = [0n, 1n]
  while (newer > 0n) {
    const times = older / newer
    ;[older, newer] = [newer, older - times * newer]
    ;[was, is] = [is, was - times * is]
  }
  return ((was % modulus) + modulus) % modulus
}

const numberOf = (octets: Uint8Array): bigint => (octets.length === 0 ? 0n : BigInt(`0x${hex(octets)}`))
const octetsOf = (number: bigint, length: number): Bytes => fromHex(number.toString(16).padStart(2 * length, '0'))

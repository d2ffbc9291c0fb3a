import { type Bytes, equal, utf8 } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'

/**
 * The Merkle tree of RFC 6962, section 2 (RFC 9162, section 2.1): a leaf hash is SHA-256(0x00 ‖ leaf), a node hash
 * SHA-256(0x01 ‖ left ‖ right), and the tree of n leaves splits at the largest power of two below n.
 */

const leafPrefix = Uint8Array.of(0x00)

export const leafHash = (crypto: Crypto, leaf: Uint8Array): Bytes => crypto.sha256(leafPrefix, leaf)
/** Both hashes have 32 octets. One piece is hashed faster than three. */
export const nodeHash = (crypto: Crypto, left: Uint8Array, right: Uint8Array): Bytes => {
  const octets = new Uint8Array(65)
  octets[0] = 0x01
  octets.set(left, 1)
  octets.set(right, 33)
  return crypto.sha256(octets)
}

/** Where hashes of complete subtrees are: level 0 are the leaves, and `index` counts within the level. */
export interface Hashes {
  get(level: number, index: number): Bytes
}

/** Hashes that a growing tree keeps: appended level by level, never changed. */
export interface GrowingHashes extends Hashes {
  put(level: number, index: number, hash: Bytes): void
}

export const memoryHashes = (): GrowingHashes => {
  const levels: Bytes[][] = []
  return {
    get: (level, index) => {
      const hash = levels[level]?.[index]
      if (!hash) throw new RangeError(`No hash at level ${level}, index ${index}: the tree is smaller`)
      return hash
    },
    put: (level, index, hash) => {
      levels[level] ??= []
      const held = levels[level]
      if (index !== held.length)
        throw new RangeError(`Level ${level} holds ${held.length} hashes, so ${index} is not next`)
      held.push(hash)
    },
  }
}

/** Adds the leaf with index `size`, and every node that it completes. The tree then has `size + 1` leaves. */
export const appendLeaf = (crypto: Crypto, hashes: GrowingHashes, size: number, leaf: Bytes): void => {
  hashes.put(0, size, leaf)
  let hash = leaf
  for (let level = 0, index = size; index % 2 === 1; level++) {
    hash = nodeHash(crypto, hashes.get(level, index - 1), hash)
    index = (index - 1) / 2
    hashes.put(level + 1, index, hash)
  }
}

const largestPowerBelow = (count: number): number => {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}

/** MTH(D[start:end]) of RFC 6962, 2.1. Complete subtrees are read, the others put together. */
const rangeHash = (crypto: Crypto, hashes: Hashes, start: number, end: number): Bytes => {
  const count = end - start
  const level = Math.log2(count)
  if (Number.isInteger(level) && start % count === 0) return hashes.get(level, start / count)
  const split = start + largestPowerBelow(count)
  return nodeHash(crypto, rangeHash(crypto, hashes, start, split), rangeHash(crypto, hashes, split, end))
}

/** The root of the tree's first `size` leaves; of none, SHA-256 of nothing. */
export const rootHash = (crypto: Crypto, hashes: Hashes, size: number): Bytes =>
  size === 0 ? crypto.sha256(new Uint8Array(0)) : rangeHash(crypto, hashes, 0, size)

/** PATH(m, D[n]) of RFC 6962, 2.1.1: that the leaf `index` is in the tree of `size` leaves. */
export const inclusionProof = (crypto: Crypto, hashes: Hashes, index: number, size: number): Bytes[] => {
  if (index < 0 || index >= size) throw new RangeError(`A tree of ${size} leaves has no leaf ${index}`)
  const path = (start: number, end: number): Bytes[] => {
    if (end - start === 1) return []
    const split = start + largestPowerBelow(end - start)
    return index < split
      ? [...path(start, split), rangeHash(crypto, hashes, split, end)]
      : [...path(split, end), rangeHash(crypto, hashes, start, split)]
  }
  return path(0, size)
}

/** PROOF(m, D[n]) of RFC 6962, 2.1.2: that the tree of `size` leaves begins with the tree of `before` leaves. */
export const consistencyProof = (crypto: Crypto, hashes: Hashes, before: number, size: number): Bytes[] => {
  if (before < 0 || before > size) throw new RangeError(`A tree of ${size} leaves does not begin with ${before}`)
  if (before === 0 || before === size) return []
  const subproof = (count: number, start: number, end: number, whole: boolean): Bytes[] => {
    if (count === end - start) return whole ? [] : [rangeHash(crypto, hashes, start, end)]
    const power = largestPowerBelow(end - start)
    const split = start + power
    return count <= power
      ? [...subproof(count, start, split, whole), rangeHash(crypto, hashes, split, end)]
      : [...subproof(count - power, split, end, false), rangeHash(crypto, hashes, start, split)]
  }
  return subproof(before, 0, size, true)
}

/** RFC 9162, 2.1.3.2: does the proof lead from the leaf hash to the root? */
export const verifyInclusion = (
  crypto: Crypto,
  asked: {
    readonly leaf: Uint8Array
    readonly index: number
    readonly size: number
    readonly proof: readonly Uint8Array[]
    readonly root: Uint8Array
  },
): boolean => {
  const { leaf, index, size, proof, root } = asked
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return false
  let node = index
  let last = size - 1
  let hash: Uint8Array = leaf
  for (const sibling of proof) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(crypto, sibling, hash)
      if (node % 2 === 0)
        do {
          node = Math.floor(node / 2)
          last = Math.floor(last / 2)
        } while (node % 2 === 0 && node !== 0)
    } else hash = nodeHash(crypto, hash, sibling)
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && equal(hash, root)
}

/** RFC 9162, 2.1.4.2: is the tree of `size` leaves and `root` a continuation of the one of `before` leaves? */
export const verifyConsistency = (
  crypto: Crypto,
  asked: {
    readonly before: number
    readonly beforeRoot: Uint8Array
    readonly size: number
    readonly root: Uint8Array
    readonly proof: readonly Uint8Array[]
  },
): boolean => {
  const { before, beforeRoot, size, root, proof } = asked
  if (!Number.isSafeInteger(before) || !Number.isSafeInteger(size) || before < 0 || before > size) return false
  if (before === size) return proof.length === 0 && equal(beforeRoot, root)
  // Every tree continues the empty one; there is nothing to prove, and only one empty root.
  if (before === 0) return proof.length === 0 && equal(beforeRoot, crypto.sha256(new Uint8Array(0)))
  const isPower = Number.isInteger(Math.log2(before))
  const path = isPower ? [beforeRoot, ...proof] : [...proof]
  const [first, ...rest] = path
  if (first === undefined) return false
  let node = before - 1
  let last = size - 1
  while (node % 2 === 1) {
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  let old: Uint8Array = first
  let fresh: Uint8Array = first
  for (const hash of rest) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      old = nodeHash(crypto, hash, old)
      fresh = nodeHash(crypto, hash, fresh)
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2)
        last = Math.floor(last / 2)
      }
    } else fresh = nodeHash(crypto, fresh, hash)
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && equal(old, beforeRoot) && equal(fresh, root)
}

/** A leaf of the centre's log: a line each of its kind, the stream, the revision and the event's hash. */
export const eventLeaf = (event: {
  readonly stream: string
  readonly revision: number
  readonly hash: string
}): Bytes => utf8(`tallystick-leaf-1\n${event.stream}\n${event.revision}\n${event.hash}\n`)

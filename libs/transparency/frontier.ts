import type { Bytes } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { nodeHash } from './merkle.ts'

/**
 * A tree of which only the right edge is kept: the roots of the complete subtrees that its leaves make, largest first.
 * They are as many as the size has ones in binary, so the root of any log takes some 50 hashes of memory at most.
 */
export type Frontier = {
  readonly size: number
  /** Takes the next leaf's hash (`leafHash` of RFC 6962, 2.1). */
  append(leaf: Bytes): void
  /** MTH of RFC 6962, 2.1, over all leaves so far; of none, SHA-256 of nothing. */
  root(): Bytes
}

export const frontier = (crypto: Crypto): Frontier => {
  const edge: Bytes[] = []
  let size = 0
  return {
    get size() {
      return size
    },
    append: leaf => {
      let hash = leaf
      // Each one at the end of the size, in binary, is a subtree that this leaf makes whole. Sizes go beyond 32 bits.
      for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) hash = nodeHash(crypto, edge.pop() as Bytes, hash)
      edge.push(hash)
      size += 1
    },
    root: () => {
      const last = edge.at(-1)
      return last === undefined
        ? crypto.sha256(new Uint8Array(0))
        : edge.slice(0, -1).reduceRight((right, left) => nodeHash(crypto, left, right), last)
    },
  }
}

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, fromUtf8, hex } from '#canonical/bytes'
import { nodeCrypto } from '#machine/crypto'
import {
  appendLeaf,
  consistencyProof,
  eventLeaf,
  inclusionProof,
  leafHash,
  memoryHashes,
  rootHash,
  verifyConsistency,
  verifyInclusion,
} from '#transparency/merkle'

const crypto = nodeCrypto()

const grown = (leaves: readonly Uint8Array[]) => {
  const hashes = memoryHashes()
  for (const [index, leaf] of leaves.entries()) appendLeaf(crypto, hashes, index, leafHash(crypto, leaf))
  return hashes
}

/** The eight leaves that Certificate Transparency's reference test data use, and the root after each (RFC 6962, 2.1). */
const published = [
  ['', '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
  ['00', 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
  ['10', 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
  ['2021', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'],
  ['3031', '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4'],
  ['40414243', '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef'],
  ['5051525354555657', 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c'],
  ['606162636465666768696a6b6c6d6e6f', '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
] as const
const leaves = published.map(([leaf]) => fromHex(leaf))

describe('the tree', () => {
  it('of nothing is the hash of nothing', () => {
    expect(hex(rootHash(crypto, memoryHashes(), 0))).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    )
  })
  it.each(published.map(([, root], place) => [place + 1, root] as const))(
    'of %i published leaves has its published root',
    (size, root) => {
      expect(hex(rootHash(crypto, grown(leaves), size))).toBe(root)
    },
  )
})

describe('proofs', () => {
  it('of inclusion hold for every leaf of every tree up to 40 leaves, and for no other leaf, place or root', () => {
    const many = Array.from({ length: 40 }, (_, place) => Uint8Array.of(place, 7))
    const hashes = grown(many)
    for (let size = 1; size <= many.length; size++) {
      const root = rootHash(crypto, hashes, size)
      for (let index = 0; index < size; index++) {
        const leaf = leafHash(crypto, many[index] as Uint8Array)
        const proof = inclusionProof(crypto, hashes, index, size)
        expect(verifyInclusion(crypto, { leaf, index, size, proof, root })).toBe(true)
        const other = leafHash(crypto, Uint8Array.of(index, 8))
        expect(verifyInclusion(crypto, { leaf: other, index, size, proof, root })).toBe(false)
        if (size > 1)
          expect(verifyInclusion(crypto, { leaf, index: (index + 1) % size, size, proof, root })).toBe(false)
        expect(verifyInclusion(crypto, { leaf, index, size, proof: [...proof, root], root })).toBe(false)
      }
    }
  })

  it('of consistency hold between every two trees up to 24 leaves, and not for a changed past', () => {
    const many = Array.from({ length: 24 }, (_, place) => Uint8Array.of(place))
    const hashes = grown(many)
    const changed = grown(many.map((leaf, place) => (place === 0 ? Uint8Array.of(99) : leaf)))
    for (let size = 1; size <= many.length; size++)
      for (let before = 0; before <= size; before++) {
        const proof = consistencyProof(crypto, hashes, before, size)
        const [beforeRoot, root] = [rootHash(crypto, hashes, before), rootHash(crypto, hashes, size)]
        expect(verifyConsistency(crypto, { before, beforeRoot, size, root, proof })).toBe(true)
        if (before === 0) continue
        const rewritten = rootHash(crypto, changed, before)
        expect(verifyConsistency(crypto, { before, beforeRoot: rewritten, size, root, proof })).toBe(false)
        if (proof.length > 0)
          expect(verifyConsistency(crypto, { before, beforeRoot, size, root, proof: proof.slice(1) })).toBe(false)
      }
  })

  it('never throw for octets and numbers that make no sense', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer(),
        fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 8 }),
        (index, size, proof) => {
          const root = crypto.sha256('root')
          expect(verifyInclusion(crypto, { leaf: root, index, size, proof, root: crypto.sha256('x') })).toBe(false)
          verifyConsistency(crypto, { before: index, beforeRoot: root, size, root: crypto.sha256('x'), proof })
        },
      ),
    )
  })
})

it('a leaf of the log names kind, stream, revision and hash, a line each', () => {
  const leaf = eventLeaf({ stream: 'terminal-T-1', revision: 7, hash: 'ab'.repeat(32) })
  expect(fromUtf8(leaf)).toBe(`tallystick-leaf-1\nterminal-T-1\n7\n${'ab'.repeat(32)}\n`)
})

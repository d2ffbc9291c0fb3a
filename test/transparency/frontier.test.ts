import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, hex } from '#canonical/bytes'
import { nodeCrypto } from '#machine/crypto'
import { frontier } from '#transparency/frontier'
import { appendLeaf, leafHash, memoryHashes, rootHash } from '#transparency/merkle'

const crypto = nodeCrypto()

/** The leaves of Certificate Transparency's reference test data, and the root after each (RFC 6962, 2.1). */
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

describe('a tree of which only the edge is kept', () => {
  it('of nothing has the hash of nothing', () => {
    const tree = frontier(crypto)
    expect([tree.size, hex(tree.root())]).toEqual([
      0,
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    ])
  })

  it('has the published root after each of the published leaves', () => {
    const tree = frontier(crypto)
    for (const [place, [leaf, root]] of published.entries()) {
      tree.append(leafHash(crypto, fromHex(leaf)))
      expect([tree.size, hex(tree.root())]).toEqual([place + 1, root])
    }
  })

  it('has the root of the whole tree, at every size up to 600 and at sizes by chance', () => {
    const [tree, hashes] = [frontier(crypto), memoryHashes()]
    const grow = (leaf: Uint8Array) => {
      appendLeaf(crypto, hashes, tree.size, leafHash(crypto, leaf))
      tree.append(leafHash(crypto, leaf))
    }
    while (tree.size < 600) {
      grow(Uint8Array.of(tree.size % 251, tree.size % 13))
      expect(hex(tree.root())).toBe(hex(rootHash(crypto, hashes, tree.size)))
    }
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 4 }), { minLength: 1, maxLength: 400 }), leaves => {
        for (const leaf of leaves) grow(leaf)
        expect(hex(tree.root())).toBe(hex(rootHash(crypto, hashes, tree.size)))
      }),
      { numRuns: 20 },
    )
  })

  it('asked for its root, it goes on as if it had not been', () => {
    const [asked, unasked] = [frontier(crypto), frontier(crypto)]
    for (const [leaf] of published) {
      const hash = leafHash(crypto, fromHex(leaf))
      asked.append(hash)
      asked.root()
      unasked.append(hash)
    }
    expect(hex(asked.root())).toBe(hex(unasked.root()))
  })
})

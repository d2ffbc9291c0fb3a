import { mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type Bytes, hex } from '#canonical/bytes'
import { nodeCrypto } from '#machine/crypto'
import { appendLeaf, consistencyProof, inclusionProof, leafHash, memoryHashes, rootHash } from '#transparency/merkle'
import { memoryTiles, readTilePath, tiledTree, tilePath } from '#transparency/tiles'
import { tileFiles } from '../../apps/back-office/tiles.ts'

const crypto = nodeCrypto()
const folder = mkdtempSync(join(tmpdir(), 'tallystick-tiles-'))
afterAll(() => rmSync(folder, { recursive: true }))

const leaves = Array.from({ length: 70_000 }, (_, place) => leafHash(crypto, crypto.sha256(`leaf ${place}`)))
const plain = memoryHashes()
for (const [place, leaf] of leaves.entries()) appendLeaf(crypto, plain, place, leaf)

const hexes = (hashes: readonly Bytes[]): string[] => hashes.map(hex)
/** Around the ends of tiles of each level, and anywhere. */
const sizes = [1, 2, 3, 255, 256, 257, 511, 512, 4242, 65_535, 65_536, 65_537, 65_792, 69_999, 70_000]

describe.each([
  ['in memory', () => memoryTiles()],
  ['on disk', () => tileFiles(join(folder, 'grown'))],
])('a tree in tiles %s', (_, open) => {
  const tree = tiledTree(crypto, open())
  // In parts of every size, as a log grows.
  for (let from = 0, step = 1; from < leaves.length; step = 1 + ((step * 7 + 3) % 1999)) {
    tree.grow(leaves.slice(from, from + step))
    from += step
  }

  it('has the roots and proofs of the tree that keeps every hash', () => {
    expect(tree.size()).toBe(leaves.length)
    for (const size of sizes) {
      expect(hex(tree.root(size)), `root of ${size}`).toBe(hex(rootHash(crypto, plain, size)))
      for (const index of [0, 1, Math.floor(size / 2), size - 1].filter(index => index < size))
        expect(hexes(inclusionProof(crypto, tree, index, size))).toEqual(
          hexes(inclusionProof(crypto, plain, index, size)),
        )
      for (const before of sizes.filter(before => before <= size))
        expect(hexes(consistencyProof(crypto, tree, before, size))).toEqual(
          hexes(consistencyProof(crypto, plain, before, size)),
        )
    }
  })

  it('forgets what is cut off, and grows again to the same', () => {
    tree.cut(65_537)
    expect(tree.size()).toBe(65_537)
    expect(hex(tree.root(65_537))).toBe(hex(rootHash(crypto, plain, 65_537)))
    expect(() => tree.root(65_538)).toThrow(RangeError)
    tree.grow(leaves.slice(65_537))
    expect(hex(tree.root(70_000))).toBe(hex(rootHash(crypto, plain, 70_000)))
  })
})

describe('tiles on disk', () => {
  it('are there when they are opened again, by two at once too', () => {
    const first = tiledTree(crypto, tileFiles(join(folder, 'shared')))
    first.grow(leaves.slice(0, 700))
    const second = tiledTree(crypto, tileFiles(join(folder, 'shared')))
    expect(second.size()).toBe(700)
    first.grow(leaves.slice(700, 1300))
    second.grow(leaves.slice(700, 900))
    second.grow(leaves.slice(900, 1301))
    const third = tiledTree(crypto, tileFiles(join(folder, 'shared')))
    expect(hex(third.root(1301))).toBe(hex(rootHash(crypto, plain, 1301)))
  })

  it('that a crash cut off anywhere are made whole from what is left', () => {
    const tiles = tileFiles(join(folder, 'torn'))
    tiledTree(crypto, tiles).grow(leaves.slice(0, 66_000))
    tiles.close()
    // The higher level has lost a hash and half of another; the leaves half of one.
    truncateSync(join(folder, 'torn', 'level-1'), 100 * 32 + 13)
    truncateSync(join(folder, 'torn', 'level-0'), 65_900 * 32 + 7)
    const tree = tiledTree(crypto, tileFiles(join(folder, 'torn')))
    expect(tree.size()).toBe(65_900)
    expect(hex(tree.root(65_900))).toBe(hex(rootHash(crypto, plain, 65_900)))
  })
})

describe('the path of a tile', () => {
  // C2SP tlog-tiles has 1234067 as x001/x234/067.
  it.each([
    [{ level: 0, tile: 1_234_067, width: 256 }, '0/x001/x234/067'],
    [{ level: 1, tile: 0, width: 256 }, '1/000'],
    [{ level: 2, tile: 999, width: 12 }, '2/999.p/12'],
    [{ level: 'entries', tile: 1000, width: 1 }, 'entries/x001/000.p/1'],
  ] as const)('%o is %s', (name, path) => {
    expect(tilePath(name)).toBe(path)
    expect(readTilePath(path)).toEqual(name)
  })

  it.each([
    '',
    '0',
    '0/1',
    '0/x000/001',
    '8/000',
    '0/000.p/0',
    '0/000.p/256',
    '0/000.p/257',
    '0/000/',
    '0/../../etc/passwd',
    'entries/x1/000',
    `0/${'x999/'.repeat(9)}999`,
  ])('%s is none', path => expect(readTilePath(path)).toBeUndefined())
})

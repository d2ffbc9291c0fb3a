import { type Bytes, concat } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { type Hashes, nodeHash, rootHash } from './merkle.ts'

/**
 * The Merkle tree as C2SP `tlog-tiles` keeps it: tile level 0 holds the leaf hashes, and tile level l the hashes of
 * complete subtrees of 256^l leaves, 256 to a tile. What lies between two tile levels is computed from a tile.
 */

export const tileWidth = 256
const hashOctets = 32
const levelsInTile = 8

/** Hashes of each tile level, in order and without a gap. They follow from the log: a lost one is computed again. */
export interface Tiles {
  /** How many hashes a tile level holds. */
  count(level: number): number
  /** `count` hashes from the index on, one after another. */
  read(level: number, from: number, count: number): Bytes
  append(level: number, hashes: Bytes): void
  /** Forgets all but the first `count` hashes of a tile level. */
  cut(level: number, count: number): void
}

export interface Tree extends Hashes {
  /** Leaves. */
  size(): number
  /** Adds leaf hashes, and every hash of a higher tile level that they complete. */
  grow(leaves: readonly Uint8Array[]): void
  /** The root of the first `size` leaves. */
  root(size: number): Bytes
  /** Forgets all but the first `size` leaves. */
  cut(size: number): void
}

/**
 * A tile that was read, and the hashes above it that were computed, by height: 128 of pairs, 64 above them, up to the
 * one of the whole tile. Complete subtrees never change.
 */
type Held = { octets: Bytes; readonly above: Bytes; readonly known: Uint8Array }
const placeAbove = (height: number, index: number): number => tileWidth - 2 ** (levelsInTile + 1 - height) + index
/** Of 16 KiB each: all tiles of the higher levels, where there are tens of millions of leaves. */
const heldMax = 512

export const tiledTree = (crypto: Crypto, tiles: Tiles): Tree => {
  const held = new Map<string, Held>()

  const tileAt = (level: number, tile: number, hashes: number): Held => {
    const name = `${level}/${tile}`
    let found = held.get(name)
    if (found === undefined || found.octets.length < hashes * hashOctets) {
      const count = Math.min(tileWidth, tiles.count(level) - tile * tileWidth)
      if (count < hashes) throw new RangeError(`No hash at tile level ${level} beyond ${tile * tileWidth + count}`)
      const octets = tiles.read(level, tile * tileWidth, count)
      found = found
        ? Object.assign(found, { octets })
        : { octets, above: new Uint8Array(tileWidth * hashOctets), known: new Uint8Array(tileWidth) }
    } else held.delete(name)
    held.set(name, found)
    if (held.size > heldMax) held.delete(held.keys().next().value as string)
    return found
  }

  const within = (tile: Held, height: number, index: number): Bytes => {
    if (height === 0) return tile.octets.subarray(index * hashOctets, (index + 1) * hashOctets)
    const place = placeAbove(height, index)
    if (tile.known[place] === 1) return tile.above.subarray(place * hashOctets, (place + 1) * hashOctets)
    const hash = nodeHash(crypto, within(tile, height - 1, 2 * index), within(tile, height - 1, 2 * index + 1))
    tile.above.set(hash, place * hashOctets)
    tile.known[place] = 1
    return hash
  }

  const get: Hashes['get'] = (level, index) => {
    const height = level % levelsInTile
    const first = index * 2 ** height
    const place = first % tileWidth
    const tile = tileAt((level - height) / levelsInTile, Math.floor(first / tileWidth), place + 2 ** height)
    // A copy: what is held must not change in another's hands.
    return within(tile, height, index % (tileWidth / 2 ** height)).slice()
  }

  /** The hash of a whole tile, without keeping what lies between: a growing tree asks for each once. */
  const wholeTile = (octets: Bytes): Bytes => {
    let row: Bytes[] = []
    for (let at = 0; at < octets.length; at += hashOctets) row.push(octets.subarray(at, at + hashOctets))
    while (row.length > 1) {
      const above: Bytes[] = []
      for (let at = 0; at < row.length; at += 2) above.push(nodeHash(crypto, row[at] as Bytes, row[at + 1] as Bytes))
      row = above
    }
    return row[0] as Bytes
  }

  const completeAbove = (): void => {
    for (let level = 0; ; level++) {
      const complete = Math.floor(tiles.count(level) / tileWidth)
      const kept = tiles.count(level + 1)
      if (kept > complete) tiles.cut(level + 1, complete)
      if (complete === 0) return
      const hashes: Bytes[] = []
      for (let tile = kept; tile < complete; tile++)
        hashes.push(wholeTile(tiles.read(level, tile * tileWidth, tileWidth)))
      if (hashes.length > 0) tiles.append(level + 1, concat(...hashes))
    }
  }

  const tree: Tree = {
    size: () => tiles.count(0),
    get,
    grow: leaves => {
      if (leaves.length === 0) return
      tiles.append(0, concat(...leaves))
      completeAbove()
    },
    root: size => rootHash(crypto, tree, size),
    cut: size => {
      held.clear()
      for (let level = 0, count = size; level === 0 || tiles.count(level) > 0; level++) {
        if (tiles.count(level) > count) tiles.cut(level, count)
        count = Math.floor(count / tileWidth)
      }
    },
  }
  // What a crash left between two tile levels is made good.
  completeAbove()
  return tree
}

/** Tiles without a disk: for tests and the simulation. */
export const memoryTiles = (): Tiles => {
  const levels: Bytes[][] = []
  const of = (level: number): Bytes[] => {
    levels[level] ??= []
    return levels[level]
  }
  return {
    count: level => levels[level]?.length ?? 0,
    read: (level, from, count) => concat(...of(level).slice(from, from + count)),
    append: (level, hashes) => {
      for (let at = 0; at < hashes.length; at += hashOctets) of(level).push(hashes.slice(at, at + hashOctets))
    },
    cut: (level, count) => {
      of(level).length = Math.min(of(level).length, count)
    },
  }
}

/** A tile by its path: a tile level, or the entries (the leaves themselves); `width` hashes or entries are in it. */
export type TileName = { readonly level: number | 'entries'; readonly tile: number; readonly width: number }

/** `0/x001/x234/067`, `1/000.p/12`, `entries/004`: tlog-tiles, Parameters and Merkle tree. */
export const tilePath = ({ level, tile, width }: TileName): string => {
  const digits = tile.toString().padStart(3, '0')
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) as string[]
  const path = groups.map((group, place) => (place < groups.length - 1 ? `x${group}` : group)).join('/')
  return `${level}/${path}${width === tileWidth ? '' : `.p/${width}`}`
}

/** Undefined for what is no path of a tile; each tile has one. */
export const readTilePath = (path: string): TileName | undefined => {
  const found = /^([0-7]|entries)\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path)
  if (!found?.[1] || !found[2]) return undefined
  const name: TileName = {
    level: found[1] === 'entries' ? 'entries' : Number(found[1]),
    tile: Number(found[2].replaceAll(/[x/]/g, '')),
    width: found[3] === undefined ? tileWidth : Number(found[3]),
  }
  return name.width <= tileWidth && tilePath(name) === path ? name : undefined
}

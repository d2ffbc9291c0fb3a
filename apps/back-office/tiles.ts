import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Tiles } from '#transparency/tiles'

/**
 * The Merkle tree's tiles in files, one for each tile level: tile n is the 8192 octets from n × 8192 on. They are written
 * without a sync, since they follow from the log: what a crash tore is computed again. Within an origin each hash has one
 * place and one value, so that two processes in one folder write the same octets to the same places.
 */
export type TileFiles = Tiles & { close(): void }

const hashOctets = 32

export const tileFiles = (folder: string): TileFiles => {
  mkdirSync(folder, { recursive: true })
  const files: { readonly file: number; count: number }[] = []
  const of = (level: number): { readonly file: number; count: number } => {
    for (let next = files.length; next <= level; next++) {
      const file = openSync(join(folder, `level-${next}`), constants.O_RDWR | constants.O_CREAT, 0o600)
      files.push({ file, count: Math.floor(fstatSync(file).size / hashOctets) })
    }
    return files[level] as { readonly file: number; count: number }
  }
  return {
    count: level => of(level).count,
    read: (level, from, count) => {
      const octets = new Uint8Array(count * hashOctets)
      const read = readSync(of(level).file, octets, 0, octets.length, from * hashOctets)
      if (read < octets.length) throw new RangeError(`${folder}/level-${level} ends within hash ${from + count - 1}`)
      return octets
    },
    append: (level, hashes) => {
      const held = of(level)
      for (let at = 0; at < hashes.length; )
        at += writeSync(held.file, hashes, at, hashes.length - at, held.count * hashOctets + at)
      held.count += hashes.length / hashOctets
    },
    cut: (level, count) => {
      of(level).count = count
    },
    close: () => {
      for (const { file } of files) closeSync(file)
      files.length = 0
    },
  }
}

import { nodeCrypto } from '#machine/crypto'
import {
  appendLeaf,
  type GrowingHashes,
  inclusionProof,
  leafHash,
  rootHash,
  verifyInclusion,
} from '#transparency/merkle'
import { exactly, now, percentile, type Row, rate, spread } from '../measure.ts'

/** Where the tree keeps its hashes. The one on disk belongs beside this one as soon as there is one. */
type Keeps = { readonly name: string; readonly durable: string; open(): GrowingHashes }

/** Hashes side by side in large pieces: as an array of small ones, those of 10 million leaves fill the heap. */
const packed = (): GrowingHashes => {
  const pieceHolds = 1 << 16
  const levels: { held: number; pieces: Uint8Array<ArrayBuffer>[] }[] = []
  const slot = (piece: Uint8Array<ArrayBuffer>, index: number) => {
    const at = (index % pieceHolds) * 32
    return piece.subarray(at, at + 32)
  }
  return {
    get: (level, index) => {
      const piece = levels[level]?.pieces[Math.floor(index / pieceHolds)]
      if (!piece || index >= (levels[level]?.held ?? 0)) throw new RangeError(`No hash ${index} at level ${level}`)
      return slot(piece, index)
    },
    put: (level, index, hash) => {
      levels[level] ??= { held: 0, pieces: [] }
      const of = levels[level]
      if (index !== of.held) throw new RangeError(`Level ${level} holds ${of.held} hashes, so ${index} is not next`)
      if (index % pieceHolds === 0) of.pieces.push(new Uint8Array(pieceHolds * 32))
      slot(of.pieces.at(-1) as Uint8Array<ArrayBuffer>, index).set(hash)
      of.held += 1
    },
  }
}

const inMemory: Keeps = { name: 'in memory', durable: 'nothing: hashes in memory', open: packed }

/** A tree that grows leaf by leaf, each leaf hashed, and proofs of leaves far apart once it is large. */
export const transparency = async (leaves: number, keeps: Keeps = inMemory): Promise<Row> => {
  const crypto = nodeCrypto()
  const hashes = keeps.open()
  const leafOf = (number: number) =>
    leafHash(crypto, Buffer.from(`tallystick-leaf-1\naccount-${number}\n0\n5xGm0cW1q3yJ9rVb7uKd2nTzQ4oLsEhPfXaYiRtN\n`))
  const rounds = 10
  const rates: number[] = []
  const each = leaves / rounds
  for (let round = 0, size = 0; round < rounds; round++) {
    const began = now()
    for (const end = size + each; size < end; size++) appendLeaf(crypto, hashes, size, leafOf(size))
    rates.push(rate(each, now() - began))
  }
  const root = rootHash(crypto, hashes, leaves)
  const asked = Array.from({ length: 2000 }, (_, proof) => (proof * 7_919_777) % leaves)
  const taken = asked.map(index => {
    const began = now()
    const proof = inclusionProof(crypto, hashes, index, leaves)
    const taken_ms = now() - began
    if (!verifyInclusion(crypto, { leaf: leafOf(index), index, size: leaves, proof, root }))
      throw new Error(`The proof of leaf ${index} does not lead to the root`)
    return taken_ms
  })
  return {
    name: `store: transparency log, ${keeps.name}`,
    what: `a Merkle tree grown to ${leaves.toLocaleString('en')} leaves, and proofs of ${asked.length} of them`,
    durable: keeps.durable,
    checked: 'every proof leads from its leaf to the root',
    data: 'leaves of some 80 octets: stream, revision and hash of an event',
    figures: [
      {
        what: 'append: leaf hashed, nodes completed',
        unit: 'leaves/s',
        value: spread(rates),
        target: { atLeast: 20_000 },
      },
      {
        what: 'append, the last tenth of the first',
        unit: 'times',
        value: exactly((rates.at(-1) ?? 0) / (rates[0] ?? 1)),
      },
      { what: 'inclusion proof, p50 (least to most)', unit: 'ms', value: spread(taken), target: { atMost: 1 } },
      { what: 'inclusion proof, p99', unit: 'ms', value: exactly(percentile(taken, 99)), target: { atMost: 1 } },
      { what: 'memory of the process', unit: 'MB', value: exactly(process.memoryUsage.rss() / 1024 / 1024) },
    ],
  }
}

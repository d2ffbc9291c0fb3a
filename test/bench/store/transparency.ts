import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { nodeCrypto } from '#machine/crypto'
import { inclusionProof, leafHash, verifyInclusion } from '#transparency/merkle'
import { tiledTree } from '#transparency/tiles'
import { tileFiles } from '../../../apps/back-office/tiles.ts'
import { exactly, now, percentile, type Row, rate, spread } from '../measure.ts'

/** How many leaves come at once: a terminal's batch. */
const batch = 100
const rounds = 10
const proofs = 2000

/** The centre's tree in its files: grown batch by batch, each leaf hashed; then proofs of leaves far apart. */
export const transparency = async (folder: string, leaves: number): Promise<Row> => {
  mkdirSync(folder)
  const crypto = nodeCrypto()
  const files = tileFiles(join(folder, 'tiles'))
  const tree = tiledTree(crypto, files)
  const leafOf = (number: number) =>
    leafHash(crypto, Buffer.from(`tallystick-leaf-1\naccount-${number}\n0\n5xGm0cW1q3yJ9rVb7uKd2nTzQ4oLsEhPfXaYiRtN\n`))
  const rates: number[] = []
  const roots: number[] = []
  const each = leaves / rounds
  for (let round = 0; round < rounds; round++) {
    const began = now()
    for (const end = tree.size() + each; tree.size() < end; ) {
      const size = tree.size()
      tree.grow(Array.from({ length: batch }, (_, place) => leafOf(size + place)))
    }
    rates.push(rate(each, now() - began))
    const rooting = now()
    tree.root(tree.size())
    roots.push(now() - rooting)
  }
  const root = tree.root(leaves)
  const taken = Array.from({ length: proofs }, (_, proof) => (proof * 7_919_777) % leaves).map(index => {
    const began = now()
    const proof = inclusionProof(crypto, tree, index, leaves)
    const taken_ms = now() - began
    if (!verifyInclusion(crypto, { leaf: leafOf(index), index, size: leaves, proof, root }))
      throw new Error(`The proof of leaf ${index} does not lead to the root`)
    return taken_ms
  })
  files.close()
  return {
    name: 'store: transparency log',
    what: `the centre's Merkle tree in its files, grown to ${leaves.toLocaleString('en')} leaves by batches of ${batch}, and ${proofs} proofs`,
    durable: 'tiles are written and not synced, as in the centre: they follow from the log',
    checked: 'every proof leads from its leaf to the root',
    data: 'leaves of some 80 octets: stream, revision and hash of an event',
    figures: [
      {
        what: 'append: leaves hashed, tiles written',
        unit: 'leaves/s',
        value: spread(rates),
        target: { atLeast: 20_000 },
      },
      {
        what: 'append, the last tenth of the first',
        unit: 'times',
        value: exactly((rates.at(-1) ?? 0) / (rates[0] ?? 1)),
      },
      { what: 'root of the whole, after each tenth', unit: 'ms', value: spread(roots) },
      { what: 'inclusion proof, p50 (least to most)', unit: 'ms', value: spread(taken), target: { atMost: 1 } },
      { what: 'inclusion proof, p99', unit: 'ms', value: exactly(percentile(taken, 99)), target: { atMost: 1 } },
      { what: 'memory of the process', unit: 'MB', value: exactly(process.memoryUsage.rss() / 1024 / 1024) },
    ],
  }
}

import { existsSync } from 'node:fs'
import { hex, utf8 } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { sqliteHeads } from '#eventstore/sqlite/heads'
import { readCheckpoint, readNote, signedBy } from '#transparency/checkpoint'
import { frontier } from '#transparency/frontier'
import { eventLeaf, leafHash } from '#transparency/merkle'

/** The centre's own last word about its log, held against the log as it is. */
export type SignedHead = {
  /** The next event of the log, from its first on. */
  add(event: { readonly stream: string; readonly revision: number; readonly hash: string }): void
  /** What does not hold, when all events were added. */
  found(): readonly string[]
}

const nothing: SignedHead = { add: () => {}, found: () => [] }

/** `file` is the centre's heads; where there are none, or nothing was signed, there is nothing to hold against the log. */
export const signedHead = async (crypto: Crypto, file: string, logKey: Uint8Array): Promise<SignedHead> => {
  if (!existsSync(file)) return nothing
  const heads = sqliteHeads(file)
  const [text, anew] = await Promise.all([heads.get('checkpoint'), heads.get('origin')])
  heads.close()
  if (text === undefined) return nothing
  const wrong = (says: string): SignedHead => ({ ...nothing, found: () => [`${file}: its checkpoint ${says}`] })
  try {
    const note = readNote(utf8(text))
    const { origin, size, root } = readCheckpoint(note.text)
    if (!signedBy(crypto, note, { name: origin, publicKey: logKey }))
      return wrong('does not bear the signature of the centre’s log key')
    const tree = frontier(crypto)
    let reached: string | undefined
    const take = (leaf: Uint8Array): void => {
      tree.append(leafHash(crypto, leaf))
      if (tree.size === size) reached = hex(tree.root())
    }
    // A log that began anew has the checkpoint that it continues as its first leaf.
    const began = anew === undefined ? undefined : (JSON.parse(anew) as { generation: number; first: string })
    if (began && origin.endsWith(`/${began.generation}`)) take(utf8(began.first))
    return {
      add: event => take(eventLeaf(event)),
      found: () => {
        if (reached === undefined)
          return size === 0
            ? []
            : [
                `the log ends at ${tree.size} leaves, and a checkpoint of ${size} was signed: it is an older copy, or was cut`,
              ]
        return reached === hex(root)
          ? []
          : [
              `the log has the root ${reached} at ${size} leaves, and ${hex(root)} was signed: events under it were changed`,
            ]
      },
    }
  } catch (error) {
    if (error instanceof Malformed) return wrong(`cannot be read: ${error.message}`)
    throw error
  }
}

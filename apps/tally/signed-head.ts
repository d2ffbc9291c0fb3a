import { existsSync } from 'node:fs'
import { z } from 'zod'
import { hex, utf8 } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { openHeads, readAddress } from '#eventstore/open'
import { readCheckpoint, readNote, signedBy } from '#transparency/checkpoint'
import { frontier } from '#transparency/frontier'
import { eventLeaf, leafHash } from '#transparency/merkle'

/** The centre's own last word about its log, held against the log as it is. */
export type SignedHead = {
  /** The next event of the log, from its first on. */
  add(event: { readonly stream: string; readonly revision: number; readonly hash: string }): void
  /** Asked when all events were added. */
  finding(): HeadFinding
}

export type HeadFinding =
  | { readonly is: 'nothing signed' | 'continued' }
  /** The log is older than what was signed; it is another log than was signed; what was signed cannot be read. */
  | { readonly is: 'behind' | 'contradicted' | 'unreadable'; readonly says: string }

const headNames = ['checkpoint', 'origin', 'contradiction'] as const
export type HeadTexts = { readonly [Name in (typeof headNames)[number]]?: string | undefined }

/** Throws where the text is not that of `HeadTexts` as JSON. */
export const headTexts = (text: string): HeadTexts =>
  z
    .strictObject({
      checkpoint: z.string().optional(),
      origin: z.string().optional(),
      contradiction: z.string().optional(),
    })
    .parse(JSON.parse(text))

/** What a centre's heads say; nothing where they are a file that is not there. */
export const readHeads = async (address: string): Promise<HeadTexts> => {
  const { engine, place } = readAddress(address)
  if (engine === 'sqlite' && !existsSync(place)) return {}
  const heads = await openHeads(address)
  try {
    const texts: Record<string, string> = {}
    for (const name of headNames) {
      const text = await heads.get(name)
      if (text !== undefined) texts[name] = text
    }
    return texts
  } finally {
    await heads.close()
  }
}

/** Puts texts where there are none; what is there stays. */
export const writeHeads = async (address: string, texts: HeadTexts): Promise<void> => {
  const heads = await openHeads(address)
  try {
    for (const name of headNames) {
      const text = texts[name]
      if (text !== undefined) await heads.replace(name, undefined, text)
    }
  } finally {
    await heads.close()
  }
}

/** Where nothing was signed, there is nothing to hold against the log. */
export const signedHead = (
  crypto: Crypto,
  { checkpoint: text, origin: anew }: HeadTexts,
  logKeys: readonly Uint8Array[],
): SignedHead => {
  const is = (finding: HeadFinding): SignedHead => ({ add: () => {}, finding: () => finding })
  if (text === undefined) return is({ is: 'nothing signed' })
  try {
    const note = readNote(utf8(text))
    const { origin, size, root } = readCheckpoint(note.text)
    if (!logKeys.some(publicKey => signedBy(crypto, note, { name: origin, publicKey })))
      return is({ is: 'unreadable', says: 'the last checkpoint does not bear the signature of the centre’s log key' })
    const tree = frontier(crypto)
    let reached = size === 0 ? hex(root) : undefined
    const take = (leaf: Uint8Array): void => {
      tree.append(leafHash(crypto, leaf))
      if (tree.size === size) reached = hex(tree.root())
    }
    // A log that began anew has the checkpoint that it continues as its first leaf.
    const began = anew === undefined ? undefined : (JSON.parse(anew) as { generation: number; first: string })
    if (began && origin.endsWith(`/${began.generation}`)) take(utf8(began.first))
    return {
      add: event => take(eventLeaf(event)),
      finding: () => {
        if (reached === hex(root)) return { is: 'continued' }
        return reached === undefined
          ? {
              is: 'behind',
              says: `the log ends at ${tree.size} leaves, and a checkpoint of ${size} was signed: it is an older copy, or was cut`,
            }
          : {
              is: 'contradicted',
              says: `the log has the root ${reached} at ${size} leaves, and ${hex(root)} was signed: events under it were changed`,
            }
      },
    }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return is({ is: 'unreadable', says: `the last checkpoint cannot be read: ${error.message}` })
  }
}

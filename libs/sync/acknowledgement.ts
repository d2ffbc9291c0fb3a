import { z } from 'zod'
import { type Bytes, base64url, equal, fromBase64url, utf8 } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import type { Refusal } from '#canonical/decider'
import type { Link } from '#canonical/event'
import { octets } from '#canonical/fields'
import { Malformed } from '#canonical/malformed'
import { type Checkpoint, checkpointText, noteSignedBy, readCheckpoint, readNote } from '#transparency/checkpoint'
import { cosign, cosignedAt } from '#transparency/cosignature'
import { eventLeaf, leafHash, verifyConsistency, verifyInclusion } from '#transparency/merkle'

/**
 * The centre's word that it has a terminal's log, as a terminal believes it: a checkpoint of the centre's own log, signed
 * by its log key, that continues the one this terminal saw last, with the terminal's own event under it.
 */

const proof = z.array(octets).max(64)
const note = z.string().min(1).max(8192)

export const logAnswer = z.object({
  /** The last revision of the terminal's stream that is under the checkpoint. */
  loggedTo: z.int().nonnegative(),
  /** The leaf of the event at `loggedTo`. */
  leaf: z.int().nonnegative(),
  /** C2SP `tlog-checkpoint`, signed. */
  checkpoint: note,
  /** RFC 6962, 2.1.2: from the checkpoint that the terminal saw last to this one. */
  consistency: proof,
  /** RFC 6962, 2.1.1: of the event at `loggedTo`. */
  inclusion: proof,
  /** A log that began a new origin has, as its first leaf, the last checkpoint of the one before. */
  began: z.object({ first: note, inclusion: proof }).optional(),
})
export type LogAnswer = z.infer<typeof logAnswer>

/** The newest checkpoint that a terminal has verified. */
export type Seen = Checkpoint & { readonly note: string }

export type LogTrust = {
  /** The centre's name for its log, from the enrolment. */
  readonly origin: string
  /** Public keys for the log, from the key set that the root signed. */
  readonly keys: readonly Uint8Array[]
}

/**
 * A signed checkpoint of this log or of one that began anew after it; undefined for anything else. Its note has the
 * log's line and no other: what was put under it on the way would be said again with every batch.
 */
export const readSeen = (crypto: Crypto, { origin, keys }: LogTrust, text: string): Seen | undefined => {
  try {
    const read = readNote(utf8(text))
    const checkpoint = readCheckpoint(read.text)
    if (generationOf(origin, checkpoint.origin) === undefined) return undefined
    for (const publicKey of keys) {
      const note = noteSignedBy(crypto, read, { name: checkpoint.origin, publicKey })
      if (note !== undefined) return { ...checkpoint, note }
    }
    return undefined
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

/** `origin` is the first; `origin/2` the one that began anew after it. Undefined for another log's name. */
export const generationOf = (origin: string, named: string): number | undefined => {
  if (named === origin) return 1
  const number = named.startsWith(`${origin}/`) ? named.slice(origin.length + 1) : ''
  return /^[1-9][0-9]{0,8}$/.test(number) && number !== '1' ? Number(number) : undefined
}

export type CheckpointRefusal = Refusal & {
  readonly reason:
    | 'CheckpointUnsigned'
    | 'CheckpointOlder'
    | 'CheckpointInconsistent'
    | 'EventNotUnderCheckpoint'
    | 'OriginUnproved'
}

export type Adopted = {
  readonly seen: Seen
  readonly loggedTo: number
  /** The log began a new origin: what was acknowledged before is acknowledged no more. */
  readonly beganAnew: boolean
}

/**
 * Is this an acknowledgement? `eventAt` tells the terminal's own event at a revision. Whatever fails, nothing is let go.
 */
export const checkLogAnswer = (
  crypto: Crypto,
  trust: LogTrust,
  seen: Seen | undefined,
  answer: LogAnswer,
  event: Link | undefined,
): Adopted | CheckpointRefusal => {
  const offered = readSeen(crypto, trust, answer.checkpoint)
  if (!offered)
    return {
      reason: 'CheckpointUnsigned',
      message: `The checkpoint that came is not of the log ${trust.origin}, or not signed by its key. What answers may not be the centre; everything is kept here.`,
    }
  const { size, root } = offered
  const before = seen === undefined ? 1 : (generationOf(trust.origin, seen.origin) ?? 1)
  const now = generationOf(trust.origin, offered.origin) ?? 1
  const beganAnew = now > before
  if (now < before || (!beganAnew && seen !== undefined && size < seen.size))
    return {
      reason: 'CheckpointOlder',
      message: `The checkpoint that came has ${size} events of ${offered.origin}, and this terminal has seen one of ${seen?.size} of ${seen?.origin}. Everything is kept here and asked again.`,
      size,
      seen: seen?.size,
    }
  if (beganAnew && seen !== undefined) {
    const refused = checkOrigin(crypto, trust, seen, offered, answer.began)
    if (refused) return refused
  } else if (
    seen !== undefined &&
    // The one that was seen needs no proof: it may be an answer that comes again.
    !(size === seen.size && equal(root, seen.root)) &&
    !verifyConsistency(crypto, {
      before: seen.size,
      beforeRoot: seen.root,
      size,
      root,
      proof: read(answer.consistency),
    })
  )
    return {
      reason: 'CheckpointInconsistent',
      message: `The checkpoint of ${size} events does not continue the one of ${seen.size} that this terminal has seen: the centre shows two histories. Keep this terminal's log, and compare it with others.`,
      size,
      seen: seen.size,
    }
  const leaf = event && leafHash(crypto, eventLeaf(event))
  if (!leaf || !verifyInclusion(crypto, { leaf, index: answer.leaf, size, root, proof: read(answer.inclusion) }))
    return {
      reason: 'EventNotUnderCheckpoint',
      message: `The centre says that its checkpoint of ${size} events covers revision ${answer.loggedTo} of this terminal, and the proof does not hold. Everything is kept here and asked again.`,
      size,
      loggedTo: answer.loggedTo,
    }
  return { seen: offered, loggedTo: answer.loggedTo, beganAnew }
}

/** A new origin must begin with a checkpoint of the one before it that is not older than what this terminal saw. */
const checkOrigin = (
  crypto: Crypto,
  trust: LogTrust,
  seen: Seen,
  offered: Seen,
  began: LogAnswer['began'],
): CheckpointRefusal | undefined => {
  const first = began && readSeen(crypto, trust, began.first)
  if (began && first && (first.origin !== seen.origin || first.size >= seen.size)) {
    const { size, root } = offered
    const leaf = leafHash(crypto, utf8(began.first))
    if (verifyInclusion(crypto, { leaf, index: 0, size, root, proof: read(began.inclusion) })) return undefined
  }
  return {
    reason: 'OriginUnproved',
    message: `The centre's log goes by the new name ${offered.origin}, and does not begin with a checkpoint that this terminal could have seen (${seen.size} of ${seen.origin}). Everything is kept here.`,
  }
}

const read = (proof: readonly string[]): Bytes[] => proof.map(fromBase64url)
export const proofText = (proof: readonly Uint8Array[]): string[] => proof.map(base64url)

/* -------------------------------------------------------------- what a terminal has seen, in its next batch */

export const witnessName = (origin: string, terminal: string): string => `${origin}/terminal/${terminal}`

/** The checkpoint that a terminal saw last, as the centre signed it, with the terminal's own signature after. */
export const cosignSeen = (
  crypto: Crypto,
  { note, ...checkpoint }: Seen,
  witness: { readonly name: string; readonly key: KeyPair; readonly time_s: number },
): string => `${note}${cosign(crypto, checkpointText(checkpoint), witness.name, witness.key, witness.time_s)}`

/** When the terminal says it verified this note, in seconds; undefined where its key did not sign it. */
export const seenAt = (
  crypto: Crypto,
  note: string,
  witness: { readonly name: string; readonly publicKey: Uint8Array },
): number | undefined => {
  try {
    return cosignedAt(crypto, utf8(note), witness)
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

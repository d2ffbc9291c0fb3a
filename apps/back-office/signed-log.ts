import { type Bytes, base64url, concat, equal, utf8 } from '#canonical/bytes'
import type { Clock } from '#canonical/clock'
import type { Crypto, KeyPair } from '#canonical/crypto'
import type { Refusal } from '#canonical/decider'
import { statedHash } from '#canonical/event'
import { Malformed } from '#canonical/malformed'
import type { EventStore, StoredEvent } from '#eventstore'
import type { Heads } from '#eventstore/heads'
import { type Checkpoint, checkpointText, readCheckpoint, readNote, signedBy, signNote } from '#transparency/checkpoint'
import { consistencyProof, eventLeaf, inclusionProof, leafHash } from '#transparency/merkle'
import { type TileName, type Tiles, tiledTree, tileWidth } from '#transparency/tiles'

/**
 * The centre's log as a Merkle tree whose head it signs. Every event is a leaf, in store order; a checkpoint is signed
 * when somebody waits for one, and else once a second.
 *
 * The last signed checkpoint is kept by compare-and-set, apart from the log, before a signature leaves the house. A log
 * that does not continue it is not signed: a restored centre stays silent until it is back, or until an operator begins
 * a new origin whose first leaf is that checkpoint.
 */

export type Signed = Checkpoint & { readonly note: string }

/** Why nothing is signed, in words for the operator; undefined where all is well. */
export type Silence = { readonly reason: 'CentreWentBack' | 'LogContradicted'; readonly message: string }

type Parts = {
  readonly store: Pick<EventStore, 'readAll' | 'follow'>
  readonly crypto: Crypto
  readonly clock: Clock
  /** The centre's name for its log, and the key that signs it. */
  readonly origin: string
  readonly key: KeyPair
  readonly heads: Heads
  readonly tiles: Tiles
  readonly sleep: (wait_ms: number, signal: AbortSignal) => Promise<void>
  readonly onFault: (message: string) => void
}

const signEvery_ms = 1000
const waitFor_ms = 2000

const bundle = (entries: readonly Bytes[]): Bytes =>
  concat(...entries.flatMap(entry => [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry]))

export type SignedLog = Awaited<ReturnType<typeof signedLog>>

export const signedLog = async (parts: Parts) => {
  const { store, crypto, clock, key, heads, tiles, sleep, onFault } = parts
  const tree = tiledTree(crypto, tiles)

  /** The newest checkpoint that this centre knows to be signed. */
  let newest: Signed | undefined
  let began: { readonly generation: number; readonly first: string } | undefined
  let signedAt: number | undefined
  let silence: Silence | undefined
  let caughtUp = false
  let running = false
  const waiters = new Set<{ readonly size: number; readonly done: () => void }>()

  const originOf = (generation: number): string => (generation === 1 ? parts.origin : `${parts.origin}/${generation}`)
  const origin = (): string => originOf(began?.generation ?? 1)
  /** A log that began anew has the checkpoint it continues as its first leaf. */
  const leavesBefore = (): number => (began ? 1 : 0)

  /** A note that our own key signed; undefined for any other text. */
  const ours = (note: string): Signed | undefined => {
    try {
      const read = readNote(utf8(note))
      const checkpoint = readCheckpoint(read.text)
      const isOurs = signedBy(crypto, read, { name: checkpoint.origin, publicKey: key.publicKey })
      // Others may have put their signatures under it: the first line is ours, as we sent it out.
      const end = note.indexOf('\n', note.indexOf('\n\n') + 2) + 1
      return isOurs ? { ...checkpoint, note: note.slice(0, end) } : undefined
    } catch (error) {
      if (error instanceof Malformed) return undefined
      throw error
    }
  }

  const fallSilent = (reason: Silence['reason'], message: string): void => {
    if (silence?.message === message) return
    silence = { reason, message }
    onFault(message)
    wake()
  }
  const wake = (): void => {
    for (const waiter of [...waiters])
      if (silence || !running || (newest && newest.size >= waiter.size)) {
        waiters.delete(waiter)
        waiter.done()
      }
  }

  /* ------------------------------------------------------- opening */

  const contradicted = ({ size, root }: Signed): void =>
    fallSilent(
      'LogContradicted',
      `The log does not continue the checkpoint of size ${size} and root ${base64url(root)} that was signed: events under it were changed, or other ones took their place. Nothing is signed until an operator restores the log, or begins a new origin.`,
    )

  /** Takes what the heads say was signed; false where this tree does not continue it, or is not there yet. */
  const follows = (signed: Signed): boolean => {
    if (signed.size > tree.size()) return false
    if (equal(tree.root(signed.size), signed.root)) {
      newest = signed
      if (silence?.reason === 'CentreWentBack') silence = undefined
      return true
    }
    contradicted(signed)
    return false
  }

  const readHeads = async (): Promise<{ readonly note: string | undefined; readonly signed: Signed | undefined }> => {
    const anew = await heads.get('origin')
    const before = began?.generation
    began = anew === undefined ? undefined : (JSON.parse(anew) as typeof began)
    if (before !== began?.generation) restart()
    const contradiction = await heads.get('contradiction')
    const against = contradiction === undefined ? undefined : ours(contradiction)
    if (against?.origin === origin()) contradicted(against)
    const note = await heads.get('checkpoint')
    const signed = note === undefined ? undefined : ours(note)
    return { note, signed: signed?.origin === origin() ? signed : undefined }
  }

  const leafOf = ({ stream, revision, text }: StoredEvent): Bytes =>
    leafHash(crypto, eventLeaf({ stream, revision, hash: statedHash(text) }))

  /** Aborted when the tree begins again: what is being read then belongs to the one before. */
  let following = new AbortController()
  /** The tree from its first leaf on: of another origin, or of a log that is not the one whose tiles are here. */
  const restart = (): void => {
    newest = undefined
    silence = undefined
    tree.cut(0)
    if (began) tree.grow([leafHash(crypto, utf8(began.first))])
    following.abort()
  }

  /** The tree may be behind the log for a moment. */
  const holdsIndex = async (index: number): Promise<boolean> => {
    for await (const page of store.readAll({ from: index, pageSize: 1 })) return page.length > 0
    return false
  }

  /** Is the event of the tree's last leaf in the log, where it was? */
  const holdsLastLeaf = async (): Promise<boolean> => {
    const last = tree.size() - 1
    if (last < leavesBefore()) return true
    for await (const [event] of store.readAll({ from: last - leavesBefore(), pageSize: 1 }))
      return event !== undefined && equal(leafOf(event), tree.get(0, last))
    return false
  }

  /** What the tiles hold beyond the last signed checkpoint may be torn; up to there its root and the log tell. */
  const open = async (): Promise<void> => {
    const { signed } = await readHeads()
    const isKept = signed !== undefined && signed.size <= tree.size()
    if (isKept) tree.cut(signed.size)
    if (isKept && equal(tree.root(signed.size), signed.root) && (await holdsLastLeaf())) newest = signed
    else restart()
  }
  await open()

  /* ------------------------------------------------------- growing and signing */

  let turn: Promise<unknown> = Promise.resolve()
  const exclusive = <T>(act: () => Promise<T>): Promise<T> => {
    const mine = turn.then(act)
    turn = mine.catch(() => {})
    return mine
  }

  const sign = (): Promise<void> =>
    exclusive(async () => {
      for (;;) {
        const { note, signed } = await readHeads()
        if (silence?.reason === 'LogContradicted') return
        if (signed && signed.note !== newest?.note && !follows(signed)) {
          // Another node may be ahead of this one for a moment; a store that has no more is behind its own word.
          if (caughtUp && signed.size > tree.size())
            fallSilent(
              'CentreWentBack',
              `The log holds ${tree.size() - leavesBefore()} events, and a checkpoint of ${signed.size} was signed: this centre was restored from an older copy. Nothing is signed until the log is back there, or an operator begins a new origin.`,
            )
          return
        }
        if (newest?.size === tree.size()) break
        const checkpoint = { origin: origin(), size: tree.size(), root: tree.root(tree.size()) }
        const next = signNote(crypto, checkpointText(checkpoint), checkpoint.origin, key)
        // No signature leaves the house before it is on disk as the last one.
        if (!(await heads.replace('checkpoint', note, next))) continue
        newest = { ...checkpoint, note: next }
        signedAt = clock.now()
      }
      wake()
    })

  const signOrTell = (): Promise<void> =>
    sign().catch(error => onFault(`The log was not signed: ${(error as Error).message}`))
  /** Does somebody wait for what is here to be signed, or for more than there is? */
  const isAwaited = (): boolean => [...waiters].some(({ size }) => caughtUp || size <= tree.size())

  /** Grows the tree and signs it, until the signal. */
  const run = async (signal: AbortSignal): Promise<void> => {
    running = true
    const ticking = async (): Promise<void> => {
      while (!signal.aborted) {
        await sleep(signEvery_ms, signal)
        if (!signal.aborted && newest?.size !== tree.size()) await signOrTell()
      }
    }
    const growing = async (): Promise<void> => {
      while (!signal.aborted) {
        following = new AbortController()
        const either = AbortSignal.any([signal, following.signal])
        const from = tree.size() - leavesBefore()
        for await (const page of store.follow({ from, pageSize: 1000, signal: either })) {
          if (either.aborted) break
          tree.grow(page.map(leafOf))
          caughtUp = page.length === 0
          if (isAwaited()) await signOrTell()
          await new Promise(resolve => setImmediate(resolve))
        }
      }
    }
    try {
      await Promise.all([growing(), ticking()])
    } finally {
      running = false
      wake()
    }
  }

  /**
   * A tile (C2SP `tlog-tiles`) of the tree under the newest checkpoint: hashes, or entries, each after its length as two
   * octets. Undefined where there is none of this name.
   */
  const tile = async ({ level, tile, width }: TileName): Promise<Bytes | undefined> => {
    const from = tile * tileWidth
    const size = newest?.size ?? 0
    if (level !== 'entries')
      return from + width <= Math.floor(size / tileWidth ** level) ? tiles.read(level, from, width) : undefined
    if (from + width > size) return undefined
    const entries: Bytes[] = began && from === 0 ? [utf8(began.first)] : []
    for await (const page of store.readAll({ from: Math.max(0, from - leavesBefore()), pageSize: width }))
      for (const { stream, revision, text } of page)
        if (entries.length < width) entries.push(eventLeaf({ stream, revision, hash: statedHash(text) }))
        else return bundle(entries)
    return bundle(entries)
  }

  return {
    run,
    /** Of the log's first `events` events, when they are under a checkpoint; after two seconds, what there is. */
    covering: async (events: number): Promise<Signed | undefined> => {
      const size = events + leavesBefore()
      if (running && !silence && !(newest && newest.size >= size)) {
        const ending = new AbortController()
        const waiter = { size, done: () => ending.abort() }
        waiters.add(waiter)
        if (isAwaited()) void signOrTell()
        await sleep(waitFor_ms, ending.signal)
        waiters.delete(waiter)
      }
      return newest
    },
    /** The leaf of the event with this log index. */
    leafIndex: (index: number): number => index + leavesBefore(),
    inclusion: (leaf: number, size: number): Bytes[] => inclusionProof(crypto, tree, leaf, size),
    consistency: (before: number, size: number): Bytes[] => consistencyProof(crypto, tree, before, size),
    /** The checkpoint that a log which began anew continues; undefined for the first origin. */
    first: (): string | undefined => began?.first,
    tile,
    /** A note without what others put under it, where our own key signed it and the log as it is does not continue it. */
    contradicting: (note: string): Promise<string | undefined> =>
      exclusive(async () => {
        const theirs = ours(note)
        if (theirs?.origin !== origin()) return undefined
        const isContinued =
          theirs.size <= tree.size()
            ? equal(tree.root(theirs.size), theirs.root)
            : await holdsIndex(theirs.size - 1 - leavesBefore())
        return isContinued ? undefined : theirs.note
      }),
    /**
     * A checkpoint that somebody remembers. If our own key signed it and this log does not continue it, nothing is
     * signed any more: whoever was shown it can prove it.
     */
    remembered: (note: string): Promise<Signed | undefined> =>
      exclusive(async () => {
        const theirs = ours(note)
        if (!theirs || theirs.origin !== origin()) return undefined
        if (theirs.size <= tree.size()) {
          if (!equal(tree.root(theirs.size), theirs.root)) {
            await heads.replace('contradiction', await heads.get('contradiction'), note)
            contradicted(theirs)
          }
          return theirs
        }
        // Signed, and neither here nor in the heads: they were restored with the log. They take it back.
        const { note: last, signed } = await readHeads()
        if (!signed || signed.size < theirs.size) await heads.replace('checkpoint', last, note)
        return theirs
      }),
    /** Begins a new origin whose first leaf is the newest checkpoint that was signed, where the log does not continue it. */
    beginAnew: (): Promise<{ readonly origin: string } | Refusal> =>
      exclusive(async () => {
        const { signed } = await readHeads()
        if (!silence || !signed)
          return {
            reason: 'LogContinues',
            message: `The log continues what was signed of ${origin()}, so there is nothing to begin anew.`,
          }
        const generation = (began?.generation ?? 1) + 1
        await heads.replace('origin', await heads.get('origin'), JSON.stringify({ generation, first: signed.note }))
        await readHeads()
        return { origin: origin() }
      }),
    state: () => ({
      origin: origin(),
      size: tree.size(),
      signed: newest?.size,
      signedAt,
      silence,
      note: newest?.note,
    }),
  }
}

import { type Bytes, base64url, concat, equal, utf8 } from '#canonical/bytes'
import type { Clock } from '#canonical/clock'
import type { Crypto, KeyPair } from '#canonical/crypto'
import type { Refusal } from '#canonical/decider'
import { statedHash } from '#canonical/event'
import { Malformed } from '#canonical/malformed'
import type { EventStore, StoredEvent } from '#eventstore'
import type { Heads } from '#eventstore/heads'
import { generationOf } from '#sync/acknowledgement'
import {
  type Checkpoint,
  checkpointText,
  noteSignedBy,
  readCheckpoint,
  readNote,
  signNote,
} from '#transparency/checkpoint'
import {
  consistencyProof,
  eventLeaf,
  inclusionProof,
  leafHash,
  verifyConsistency,
  verifyInclusion,
} from '#transparency/merkle'
import { type TileName, type Tiles, tiledTree, tileWidth } from '#transparency/tiles'

/**
 * The centre's log as a Merkle tree whose head it signs. Every event is a leaf, in store order; a checkpoint is signed
 * when somebody waits for one, and else once a second.
 *
 * The last signed checkpoint is kept by compare-and-set, apart from the log, before a signature leaves the house. A log
 * that does not continue it is not signed: a restored centre stays silent until it is back, or until an operator begins
 * a new origin whose first leaf is that checkpoint.
 */

export type Signed = Checkpoint & {
  readonly note: string
  readonly generation: number
  /** By a key that somebody else may have: what does not fit is no proof of a second history. */
  readonly isDoubtful: boolean
}

/** Of a later origin, or of the same and larger. */
const isNewer = (one: Signed, other: Signed): boolean =>
  one.generation === other.generation ? one.size > other.size : one.generation > other.generation

/** Why nothing is signed, in words for the operator; undefined where all is well. */
export type Silence = { readonly reason: 'CentreWentBack' | 'LogContradicted'; readonly message: string }

/** Who signs the log now, and whose signatures under it are ours. */
export type LogKeys = {
  sign(purpose: 'log', make: (crypto: Crypto, key: KeyPair) => string): Promise<string>
  logKeys(): readonly { readonly publicKey: Bytes; readonly isCompromised: boolean }[]
}

type Parts = {
  readonly store: Pick<EventStore, 'readAll' | 'follow'>
  readonly crypto: Crypto
  readonly clock: Clock
  /** The centre's name for its log. */
  readonly origin: string
  readonly keys: LogKeys
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
  const { store, crypto, clock, keys, heads, tiles, sleep, onFault } = parts
  const tree = tiledTree(crypto, tiles)

  /** The newest checkpoint that this centre knows to be signed. */
  let newest: Signed | undefined
  let began: { readonly generation: number; readonly first: string } | undefined
  /** `began` as the heads have it. */
  let beganText: string | undefined
  /** Whether leaves of the tree come from tiles that were here before: what was damaged is made again, once. */
  let isFromTiles = false
  let signedAt: number | undefined
  let silence: Silence | undefined
  let caughtUp = false
  let running = false
  const waiters = new Set<{ readonly size: number; readonly done: () => void }>()

  const originOf = (generation: number): string => (generation === 1 ? parts.origin : `${parts.origin}/${generation}`)
  const generation = (): number => began?.generation ?? 1
  const origin = (): string => originOf(generation())
  /** A log that began anew has the checkpoint it continues as its first leaf. */
  const leavesBefore = (): number => (began ? 1 : 0)

  /** A batch's note is asked about twice, and verified once. */
  let read: { readonly note: string; readonly known: string; readonly signed: Signed | undefined } | undefined
  /** A note that our own key signed; undefined for any other text. */
  const ours = (note: string): Signed | undefined => {
    // A key that is compromised by now, or was not known then, makes another answer.
    const known = keys
      .logKeys()
      .map(({ isCompromised }) => isCompromised)
      .join()
    if (read?.note !== note || read.known !== known) read = { note, known, signed: verified(note) }
    return read.signed
  }
  const verified = (note: string): Signed | undefined => {
    try {
      const read = readNote(utf8(note))
      const checkpoint = readCheckpoint(read.text)
      const generation = generationOf(parts.origin, checkpoint.origin)
      // Others may have put their signatures beside it: ours alone is kept, wherever it stands.
      for (const { publicKey, isCompromised } of keys.logKeys()) {
        const text = noteSignedBy(crypto, read, { name: checkpoint.origin, publicKey })
        if (text !== undefined && generation !== undefined)
          return { ...checkpoint, generation, note: text, isDoubtful: isCompromised }
      }
      return undefined
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

  /** Does the log as it is continue this? Undefined where the tree is not there yet. */
  const continues = (theirs: Signed): boolean | undefined => {
    if (theirs.generation > generation()) return false
    if (theirs.generation < generation()) {
      // Of the origin that this one continues, the first leaf must not be older. Who saw one before that may come.
      const first = began && ours(began.first)
      return first?.generation !== theirs.generation || theirs.size <= first.size
    }
    return theirs.size > tree.size() ? undefined : equal(tree.root(theirs.size), theirs.root)
  }
  /** As `continues`; but before a log is blamed for what its tiles say, they are made again from it. In one's turn only. */
  const continuesSurely = (theirs: Signed): boolean | undefined => {
    const isContinued = continues(theirs)
    if (isContinued !== false || theirs.generation !== generation() || !isFromTiles) return isContinued
    restart()
    return undefined
  }

  type Held = {
    readonly note: string | undefined
    readonly signed: Signed | undefined
    readonly against: Signed | undefined
  }
  const readHeads = async (): Promise<Held> => {
    // The origin last: it is then never older than the checkpoint, which another node may have signed under a new one.
    const note = await heads.get('checkpoint')
    const contradiction = await heads.get('contradiction')
    const anew = await heads.get('origin')
    if (anew !== beganText) {
      beganText = anew
      began = anew === undefined ? undefined : (JSON.parse(anew) as typeof began)
      restart()
    }
    return {
      note,
      signed: note === undefined ? undefined : ours(note),
      against: contradiction === undefined ? undefined : ours(contradiction),
    }
  }

  const leafOf = ({ stream, revision, text }: StoredEvent): Bytes =>
    leafHash(crypto, eventLeaf({ stream, revision, hash: statedHash(text) }))

  /** Aborted when the tree begins again: what is being read then belongs to the one before. */
  let following = new AbortController()
  /** The tree from its first leaf on: of another origin, or of a log that is not the one whose tiles are here. */
  const restart = (): void => {
    newest = undefined
    silence = undefined
    caughtUp = false
    isFromTiles = false
    following.abort()
    tree.cut(0)
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
    beganText = await heads.get('origin')
    began = beganText === undefined ? undefined : (JSON.parse(beganText) as typeof began)
    const { signed } = await readHeads()
    const isKept = signed?.generation === generation() && signed.size <= tree.size()
    if (isKept) tree.cut(signed.size)
    if (isKept && equal(tree.root(signed.size), signed.root) && (await holdsLastLeaf())) {
      newest = signed
      isFromTiles = true
    } else restart()
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
        const { note, signed, against } = await readHeads()
        if (silence?.reason === 'LogContradicted') return
        if (began && signed && signed.generation < began.generation && signed.note !== began.first) {
          // Another node signed once more for the origin before: the new one continues the last word that left the house.
          const first = ours(began.first)
          if (!first || isNewer(signed, first)) {
            await heads.replace('origin', beganText, JSON.stringify({ ...began, first: signed.note }))
            continue
          }
        }
        for (const theirs of [against, signed]) {
          if (!theirs || theirs.note === newest?.note) continue
          const isContinued = continuesSurely(theirs)
          if (isContinued === false) return contradicted(theirs)
          if (isContinued === undefined) return await tellIfBack(theirs)
        }
        silence = undefined
        if (signed?.generation === generation()) newest = signed
        // A new origin is signed when its first leaf is in its tree, and no log before it has an event.
        if (tree.size() === 0 || newest?.size === tree.size()) break
        const checkpoint = { origin: origin(), size: tree.size(), root: tree.root(tree.size()) }
        if (newest && !isProved(newest, checkpoint)) return madeAnew()
        const next = await keys.sign('log', (crypto, key) =>
          signNote(crypto, checkpointText(checkpoint), checkpoint.origin, key),
        )
        // No signature leaves the house before it is on disk as the last one.
        if (!(await heads.replace('checkpoint', note, next))) continue
        newest = { ...checkpoint, generation: generation(), note: next, isDoubtful: false }
        signedAt = clock.now()
        break
      }
      wake()
    })

  /** Another node may be ahead of this one for a moment; a log that has no more is behind its own word. */
  const tellIfBack = async ({ size }: Signed): Promise<void> => {
    if (!caughtUp || size <= tree.size() || (await holdsIndex(size - 1 - leavesBefore()))) return
    fallSilent(
      'CentreWentBack',
      `The log holds ${tree.size() - leavesBefore()} events, and a checkpoint of ${size} was signed: this centre was restored from an older copy. Nothing is signed until the log is back there, or an operator begins a new origin.`,
    )
  }

  /** Does what the tree says of both hold together, as a terminal will ask? */
  const isProved = (before: Checkpoint, { size, root }: Checkpoint): boolean =>
    before.size <= size &&
    verifyConsistency(crypto, {
      before: before.size,
      beforeRoot: before.root,
      size,
      root,
      proof: consistencyProof(crypto, tree, before.size, size),
    })
  /** Tiles that were damaged, or that another process writes, prove nothing: the tree is made again from the log. */
  const madeAnew = (): void => {
    onFault('The tiles of the log do not hold together: its tree is made again from its events.')
    restart()
  }

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
    let told: string | undefined
    const growOn = async (): Promise<void> => {
      while (!signal.aborted) {
        following = new AbortController()
        if (began && tree.size() === 0) tree.grow([leafHash(crypto, utf8(began.first))])
        const either = AbortSignal.any([signal, following.signal])
        const from = tree.size() - leavesBefore()
        for await (const page of store.follow({ from, pageSize: 1000, signal: either })) {
          if (either.aborted) break
          tree.grow(page.map(leafOf))
          caughtUp = page.length === 0
          told = undefined
          if (isAwaited()) await signOrTell()
          await new Promise(resolve => setImmediate(resolve))
        }
      }
    }
    /** A disk that is full for the tiles may be full for a while; nothing else waits for them. */
    const growing = async (): Promise<void> => {
      while (!signal.aborted)
        try {
          await growOn()
        } catch (error) {
          const { message } = error as Error
          if (message !== told) onFault(`The log's tree does not grow, and is tried again: ${message}`)
          told = message
          await sleep(signEvery_ms, signal)
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

  /** In one's turn: what heads that were restored have forgotten is theirs again. */
  const remember = async (theirs: Signed): Promise<void> => {
    const { note, signed } = await readHeads()
    const isContinued = continuesSurely(theirs)
    if (isContinued) return
    if (!signed || isNewer(theirs, signed)) await heads.replace('checkpoint', note, theirs.note)
    if (isContinued === undefined) return
    const told = await heads.get('contradiction')
    const before = told === undefined ? undefined : ours(told)
    if (!before || continues(before) !== false) await heads.replace('contradiction', told, theirs.note)
    contradicted(theirs)
  }

  return {
    run,
    /**
     * Of the log's first `events` events, and no older than what was seen of this origin, when they are under a
     * checkpoint; after two seconds, what there is.
     */
    covering: async (events: number, seen?: Signed): Promise<Signed | undefined> => {
      const size = Math.max(events + leavesBefore(), seen?.origin === origin() ? seen.size : 0)
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
    tile,
    /** The leaf of the event with this log index. */
    leafIndex: (index: number): number => index + leavesBefore(),
    /**
     * What shows that the event is under the checkpoint, and that this continues what was seen; undefined where the tree
     * is another by now, or has to be made again.
     */
    prove: (event: StoredEvent, seen: Signed | undefined, signed: Signed) => {
      const { size, root } = signed
      const index = event.index + leavesBefore()
      if (signed.origin !== origin() || size > tree.size() || index >= size) return undefined
      const isBefore = seen?.origin === signed.origin && seen.size <= size
      const consistency = isBefore ? consistencyProof(crypto, tree, seen.size, size) : []
      const inclusion = inclusionProof(crypto, tree, index, size)
      const isSound =
        verifyInclusion(crypto, { leaf: leafOf(event), index, size, root, proof: inclusion }) &&
        (!isBefore || !equal(tree.root(seen.size), seen.root) || isProved(seen, signed))
      if (!isSound) {
        if (!silence) madeAnew()
        return undefined
      }
      const first = began && { first: began.first, inclusion: inclusionProof(crypto, tree, 0, size) }
      return { leaf: index, consistency, inclusion, began: first }
    },
    /** A note without what others put beside it, where our own key signed it and the log as it is does not continue it. */
    contradicting: async (note: string): Promise<string | undefined> => {
      const theirs = ours(note)
      // Nobody waits for a turn, and so for the heads, where all is well.
      if (!theirs || theirs.isDoubtful || continues(theirs)) return undefined
      return exclusive(async () => {
        await readHeads()
        const isContinued = continuesSurely(theirs) ?? (await holdsIndex(theirs.size - 1 - leavesBefore()))
        return isContinued ? undefined : theirs.note
      })
    },
    /**
     * A checkpoint that somebody remembers; undefined where it is none of this origin. If our own key signed it and this
     * log does not continue it, nothing is signed any more: whoever was shown it can prove it.
     */
    remembered: async (note: string): Promise<Signed | undefined> => {
      const theirs = ours(note)
      if (theirs && !continues(theirs)) {
        if (theirs.isDoubtful) return undefined
        await exclusive(() => remember(theirs))
      }
      return theirs?.generation === generation() ? theirs : undefined
    },
    /** Begins a new origin whose first leaf is the newest checkpoint that was signed, where the log does not continue it. */
    beginAnew: (): Promise<{ readonly origin: string } | Refusal> =>
      exclusive(async () => {
        for (;;) {
          const { note, signed, against } = await readHeads()
          const last = against && (!signed || isNewer(against, signed)) ? against : signed
          if (!silence || !last)
            return {
              reason: 'LogContinues',
              message: `The log continues what was signed of ${origin()}, so there is nothing to begin anew.`,
            }
          if (last !== signed) {
            await heads.replace('checkpoint', note, last.note)
            continue
          }
          // One name more than any that is known: a name that was signed under once is not used again.
          const next = Math.max(generation(), last.generation) + 1
          const text = JSON.stringify({ generation: next, first: last.note })
          if (!(await heads.replace('origin', beganText, text))) continue
          await readHeads()
          return { origin: origin() }
        }
      }),
    state: () => ({
      origin: origin(),
      size: tree.size(),
      signed: newest?.size,
      /** Since this node signed last, in milliseconds; undefined where it has not yet. */
      age_ms: signedAt === undefined ? undefined : Math.max(0, clock.now() - signedAt),
      silence,
      note: newest?.note,
    }),
  }
}

import type { Crypto } from '#canonical/crypto'
import type { EventStore } from '#eventstore'
import { type FollowerStopped, logged, project, type Skips } from '#eventstore/follower'
import type { Beside, LoggedEvent, Projection, Rows, RowsReader } from '#eventstore/rows'

/**
 * Folds a projection's rows again beside the live ones, which are followed and read meanwhile; compares the two at one
 * log index; and replaces the live ones at once. A process that is killed leaves what it has folded, and whoever rebuilds
 * next goes on from there.
 */
export type Rebuilding = {
  readonly store: Pick<EventStore, 'readAll'>
  readonly rows: Rows
  readonly projection: Projection
  readonly skips: Skips
  readonly crypto: Crypto
  /** Compares, and leaves the live rows as they are. */
  readonly check?: boolean
  readonly pageSize?: number
  readonly signal?: AbortSignal
  /** The next log index to fold, and the one to reach for now. */
  readonly onProgress?: (next: number, upTo: number) => void
}

export type Rebuilt = {
  readonly projection: string
  /** The one that was folded. */
  readonly generation: number
  /** Where it began: above 0 where an earlier rebuild was cut short. */
  readonly from: number
  /** Both were compared with all events before this log index in them. */
  readonly next: number
  readonly equal: boolean
  readonly switched: boolean
}

/** The live rows were thrown away meanwhile, as an order to skip an event does: they are folded anew as it is. */
export class RebuildOvertaken extends Error {
  readonly code = 'RebuildOvertaken'
  constructor(projection: Projection) {
    super(
      `The live rows of ${projection.name} were thrown away while they were rebuilt. Begin again when they are folded.`,
    )
  }
}

export const rebuild = async (options: Rebuilding): Promise<Rebuilt> => {
  const { rows, projection, crypto, check = false, signal } = options
  const generation = (await rows.generation(projection)) + 1
  const beside: Beside = { ...projection, generation }
  // Left by a rebuild of before, and beyond live rows that were thrown away since.
  if ((await rows.checkpoint(beside)) > (await rows.checkpoint(projection))) await rows.discard(beside)
  const from = await rows.checkpoint(beside)

  /** Up to where the live rows are, and not beyond: there would be nothing to compare with. */
  const foldAlong = async (upTo: number): Promise<void> => {
    const at = await rows.checkpoint(beside)
    if (at < upTo) await foldUpTo(options, beside, upTo)
    signal?.throwIfAborted()
    // Beyond it, another rebuild of the same rows is on its way, or they are live already, or the live ones went back.
    if (at <= upTo || at <= (await rows.checkpoint(projection))) return
    await rows.discard(beside)
    throw new RebuildOvertaken(projection)
  }
  const compare = async (): Promise<{ readonly next: number; readonly equal: boolean }> => {
    for (;;) {
      // The live rows move on while they are hashed, and what was hashed does not.
      const [live, next] = await rows.snapshot(now => hashed(now, projection, crypto))
      await foldAlong(next)
      const [fresh, at] = await rows.snapshot(now => hashed(now, beside, crypto))
      // Somebody else may rebuild the same rows, and have gone on.
      if (at === next) return { next, equal: live === fresh }
    }
  }

  await foldAlong(await rows.checkpoint(projection))
  const done = { projection: projection.name, generation, from, ...(await compare()) }
  if (check) {
    await rows.discard(beside)
    return { ...done, switched: false }
  }
  for (;;) {
    await foldAlong(await rows.checkpoint(projection))
    const { tail, upTo } = await tailOf(options, beside)
    if (tail && (await rows.adopt(beside, tail, upTo))) return { ...done, switched: true }
  }
}

const hashed = async (now: RowsReader, projection: Projection, crypto: Crypto): Promise<[string, number]> => [
  await now.fingerprint(projection, crypto),
  await now.checkpoint(projection),
]

/**
 * What came in the meantime, and is about to be in the live rows if it is not yet. None where an order to skip is among
 * it: that may concern events that are folded already.
 */
const tailOf = async ({ store, rows, projection, skips }: Rebuilding, beside: Beside) => {
  const over = new Set((await skips.of(projection.name)).map(({ index }) => index))
  let upTo = await rows.checkpoint(beside)
  const tail: LoggedEvent[] = []
  let isOrdered = false
  for await (const page of store.readAll({ from: upTo }))
    for (const event of page) {
      isOrdered ||= skips.in(event) !== undefined
      upTo = event.index + 1
      if (projection.wants(event.type) && !over.has(event.index)) tail.push(logged(event))
    }
  return { tail: isOrdered ? undefined : tail, upTo }
}

/** Folds the events before a log index, and no others. */
const foldUpTo = async (
  { store, rows, skips, pageSize, signal, onProgress }: Rebuilding,
  projection: Projection,
  upTo: number,
): Promise<void> => {
  const stop = new AbortController()
  const either = signal ? AbortSignal.any([stop.signal, signal]) : stop.signal
  let stopped: FollowerStopped | undefined
  await project({
    store: {
      follow: async function* (asked) {
        for await (const page of store.readAll(asked)) {
          const part = page.filter(({ index }) => index < upTo)
          if (part.length > 0) yield part
          if (part.length < page.length) break
        }
        stop.abort()
      },
    },
    rows,
    projections: [projection],
    skips,
    signal: either,
    ...(pageSize === undefined ? {} : { pageSize }),
    onProgress: ({ next }) => onProgress?.(next, upTo),
    onStopped: fault => {
      stopped = fault
    },
  })
  if (stopped) throw stopped
}

import { setTimeout as pause } from 'node:timers/promises'
import { trustEvent } from '#canonical/event'
import type { EventStore, StoredEvent } from '#eventstore'
import { FoldFailed, type LoggedEvent, type Projection, type Rows, RowsAway } from '#eventstore/rows'

/**
 * Followers read the whole log in its order, from a durable checkpoint. A projector writes rows and may begin again; a
 * reactor writes events or touches the world, gets each event at least once, and never goes back.
 */

/** A follower met an event it cannot get past, or its disk failed. It stopped; the others go on. Mend the cause, start it. */
export class FollowerStopped extends Error {
  readonly code = 'FollowerStopped'
  constructor(
    readonly follower: string,
    /** Everything before this log index was applied. */
    readonly next: number,
    /** The event that stopped it, where it was one. */
    readonly event: Pick<LoggedEvent, 'index' | 'type' | 'id'> | undefined,
    options: ErrorOptions,
  ) {
    const where = event ? `${event.type} ${event.id} at log index ${event.index}` : `the log from index ${next}`
    super(`Follower ${follower} stopped at ${where}: ${(options.cause as Error).message}`, options)
  }
}

/** How far the projections that still run have got; `caughtUp` when they had seen all that was committed. */
export type Progress = { readonly next: number; readonly caughtUp: boolean }

export type ProjectOptions = {
  readonly store: Pick<EventStore, 'follow'>
  readonly rows: Pick<Rows, 'checkpoint' | 'apply'>
  readonly projections: readonly Projection[]
  readonly signal: AbortSignal
  readonly pageSize?: number
  /** After each page, and each time all that is committed was seen. */
  readonly onProgress?: (progress: Progress) => void
  readonly onStopped?: (stopped: FollowerStopped) => void
}

const logged = ({ text, index, storedAt }: StoredEvent): LoggedEvent =>
  Object.assign(trustEvent(text), { index, storedAt })

/** How long rows that were out of reach are left alone before they are asked again. */
const awayFor_ms = 500

/** Lets sockets and timers have their turn: reads of an embedded store never wait, so nothing else would. */
const breathe = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/**
 * Keeps several projections' rows up to the log with one read of it; ends with the signal, or when the last projection
 * has stopped. Another process may do the same on the same rows: who is slower goes on from where the faster one got.
 */
export const project = async (options: ProjectOptions): Promise<void> => {
  const { store, rows, projections, signal, pageSize = 5000, onProgress, onStopped } = options
  /** Rows whose server is away are waited for, as the log is. Undefined where the signal came first. */
  const waited = async <Answer>(act: () => Promise<Answer>): Promise<Answer | undefined> => {
    while (!signal.aborted)
      try {
        return await act()
      } catch (error) {
        if (!(error instanceof RowsAway)) throw error
        await pause(awayFor_ms, undefined, { signal }).catch(() => {})
      }
    return undefined
  }
  const next = new Map<Projection, number>()
  for (const projection of projections) {
    const at = await waited(() => rows.checkpoint(projection))
    if (at === undefined) return
    next.set(projection, at)
  }

  /** False where the rows are behind this page: someone threw them away, and the log must be read again. */
  const applyPage = async (
    projection: Projection,
    page: readonly StoredEvent[],
    read: (at: StoredEvent) => LoggedEvent,
  ): Promise<boolean> => {
    const first = (page[0] as StoredEvent).index
    const end = (page.at(-1) as StoredEvent).index + 1
    for (let at = next.get(projection) as number; at < end; ) {
      if (at < first) return false
      const events = page.filter(event => event.index >= at && projection.wants(event.type)).map(read)
      const from = at
      const reached = await waited(async () =>
        (await rows.apply(projection, events, { from, next: end })) ? end : rows.checkpoint(projection),
      )
      if (reached === undefined) return true
      at = reached
      next.set(projection, at)
    }
    return true
  }

  while (!signal.aborted && next.size > 0) {
    const from = Math.min(...next.values())
    for await (const page of store.follow({ from, pageSize, signal })) {
      const parsed = new Map<number, LoggedEvent>()
      const read = (event: StoredEvent): LoggedEvent => {
        const held = parsed.get(event.index) ?? logged(event)
        parsed.set(event.index, held)
        return held
      }
      let behind = false
      if (page.length > 0)
        for (const projection of next.keys()) {
          try {
            behind = !(await applyPage(projection, page, read)) || behind
          } catch (cause) {
            const event = cause instanceof FoldFailed ? cause.event : undefined
            const reason = cause instanceof FoldFailed ? cause.cause : cause
            onStopped?.(new FollowerStopped(projection.name, next.get(projection) as number, event, { cause: reason }))
            next.delete(projection)
          }
        }
      if (next.size > 0) onProgress?.({ next: Math.min(...next.values()), caughtUp: page.length === 0 })
      await breathe()
      if (behind || next.size === 0 || signal.aborted) break
    }
  }
}

export type ReactOptions = {
  readonly store: Pick<EventStore, 'follow'>
  readonly name: string
  /** The next log index to handle. Kept durably, beside what the reactor writes. */
  readonly checkpoint: { read(): number; write(next: number): void }
  wants(type: string): boolean
  /** Must do nothing when it is told the same event again. */
  handle(event: LoggedEvent): Promise<void>
  readonly signal: AbortSignal
  readonly pageSize?: number
  readonly onProgress?: (progress: Progress) => void
}

/** Events that nobody wants move the durable checkpoint only so often: each write is a sync of the disk. */
const checkpointEvery = 1000

/**
 * Hands each wanted event to `handle`, in order, at least once: the checkpoint is written after it. Ends with the
 * signal; throws `FollowerStopped` where an event cannot be handled.
 */
export const react = async (options: ReactOptions): Promise<void> => {
  const { store, name, checkpoint, handle, signal, pageSize = 500, onProgress } = options
  let next = checkpoint.read()
  let written = next
  const write = () => {
    checkpoint.write(next)
    written = next
  }
  for await (const page of store.follow({ from: next, pageSize, signal })) {
    for (const stored of page) {
      if (signal.aborted) return
      if (options.wants(stored.type)) {
        try {
          await handle(logged(stored))
        } catch (cause) {
          throw new FollowerStopped(name, next, stored, { cause })
        }
        next = stored.index + 1
        write()
      } else next = stored.index + 1
    }
    if (next - written >= checkpointEvery) write()
    onProgress?.({ next, caughtUp: page.length === 0 })
    await breathe()
    if (signal.aborted) return
  }
}

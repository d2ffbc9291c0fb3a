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

/** An order that a follower pass over an event, as the log has it; `said` is the log index of the order itself. */
export type Skip = { readonly follower: string; readonly index: number; readonly said: number }

/**
 * What an operator had followers pass over. It is asked for and not left out: rows folded without it would differ from
 * those that were folded with it.
 */
export interface Skips {
  /** All orders to this follower that are in the log now. */
  of(follower: string): Promise<readonly Skip[]>
  /** The order in a stored event, if it is one. */
  in(event: StoredEvent): Skip | undefined
}

/** For followers that nobody can give orders to. */
export const noSkips: Skips = { of: async () => [], in: () => undefined }

/** Where one follower stands. */
export type Standing = {
  /** The next log index: everything before it was applied or handled. */
  readonly next: number
  /** When the store took what it has still before it; undefined where it has seen all there is. */
  readonly waitingSince: string | undefined
}

/** How far the projections that still run have got; `caughtUp` when they had seen all that was committed. */
export type Progress = { readonly next: number; readonly caughtUp: boolean }

export type ProjectOptions = {
  readonly store: Pick<EventStore, 'follow'>
  readonly rows: Pick<Rows, 'checkpoint' | 'apply' | 'reset'>
  readonly projections: readonly Projection[]
  readonly skips: Skips
  readonly signal: AbortSignal
  readonly pageSize?: number
  /** After each page, and each time all that is committed was seen. */
  readonly onProgress?: (progress: Progress) => void
  /** Of each projection, before and after each page. */
  readonly onStanding?: (follower: string, standing: Standing) => void
  readonly onStopped?: (stopped: FollowerStopped) => void
}

export const logged = ({ text, index, storedAt }: StoredEvent): LoggedEvent =>
  Object.assign(trustEvent(text), { index, storedAt })

/** How long rows that were out of reach are left alone before they are asked again. */
const awayFor_ms = 500

/** Lets sockets and timers have their turn: reads of an embedded store never wait, so nothing else would. */
const breathe = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/**
 * Keeps several projections' rows up to the log with one read of it; ends with the signal, or when the last projection
 * has stopped. Another process may do the same on the same rows: who is slower goes on from where the faster one got.
 * An order to skip an event that is in the rows already has them folded again without it. So rows whose checkpoint is
 * beyond an order obey it, whenever this was killed.
 */
export const project = async (options: ProjectOptions): Promise<void> => {
  const { store, rows, projections, skips, signal, pageSize = 5000, onProgress, onStanding, onStopped } = options
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
  const passedOver = new Map<string, Set<number>>()
  for (const projection of projections) {
    const orders = await skips.of(projection.name)
    const at = await waited(async () => {
      const held = await rows.checkpoint(projection)
      // Between the event and the order nobody can tell whether these rows have the event in them.
      if (!orders.some(({ index, said }) => index < held && held <= said)) return held
      await rows.reset(projection)
      return 0
    })
    if (at === undefined) return
    passedOver.set(projection.name, new Set(orders.map(({ index }) => index)))
    next.set(projection, at)
  }

  const obey = async ({ follower, index }: Skip): Promise<void> => {
    const known = passedOver.get(follower)
    if (!known || known.has(index)) return
    known.add(index)
    for (const [projection, at] of next)
      if (projection.name === follower && at > index) await waited(() => rows.reset(projection))
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
      const over = passedOver.get(projection.name)
      const events = page
        .filter(({ index, type }) => index >= at && projection.wants(type) && !over?.has(index))
        .map(read)
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
      for (const event of page) {
        const order = skips.in(event)
        if (order) await obey(order)
      }
      const [first, last] = [page[0]?.storedAt, page.at(-1)?.storedAt]
      if (page.length > 0)
        for (const projection of next.keys()) {
          onStanding?.(projection.name, { next: next.get(projection) as number, waitingSince: first })
          try {
            behind = !(await applyPage(projection, page, read)) || behind
          } catch (cause) {
            const event = cause instanceof FoldFailed ? cause.event : undefined
            const reason = cause instanceof FoldFailed ? cause.cause : cause
            onStopped?.(new FollowerStopped(projection.name, next.get(projection) as number, event, { cause: reason }))
            next.delete(projection)
          }
        }
      for (const [{ name }, at] of next) onStanding?.(name, { next: at, waitingSince: last })
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
  /** One passed over is as one that nobody wants. What came of an event before the order stays: it is in the log. */
  readonly skips: Skips
  wants(type: string): boolean
  /** Must do nothing when it is told the same event again. */
  handle(event: LoggedEvent): Promise<void>
  readonly signal: AbortSignal
  readonly pageSize?: number
  readonly onProgress?: (progress: Progress) => void
  readonly onStanding?: (standing: Standing) => void
}

/** Events that nobody wants move the durable checkpoint only so often: each write is a sync of the disk. */
const checkpointEvery = 1000

/**
 * Hands each wanted event to `handle`, in order, at least once: the checkpoint is written after it. Ends with the
 * signal; throws `FollowerStopped` where an event cannot be handled.
 */
export const react = async (options: ReactOptions): Promise<void> => {
  const { store, name, checkpoint, skips, handle, signal, pageSize = 500, onProgress, onStanding } = options
  const passedOver = new Set((await skips.of(name)).map(({ index }) => index))
  let next = checkpoint.read()
  let written = next
  const write = () => {
    checkpoint.write(next)
    written = next
  }
  for await (const page of store.follow({ from: next, pageSize, signal })) {
    for (const stored of page) {
      if (signal.aborted) return
      const order = skips.in(stored)
      if (order?.follower === name) passedOver.add(order.index)
      if (options.wants(stored.type) && !passedOver.has(stored.index)) {
        onStanding?.({ next: stored.index, waitingSince: stored.storedAt })
        try {
          await handle(logged(stored))
        } catch (cause) {
          throw new FollowerStopped(name, next, stored, { cause })
        }
        next = stored.index + 1
        write()
        // Of an embedded store neither reads nor appends wait for anything: projectors and sockets come between.
        await breathe()
      } else next = stored.index + 1
    }
    if (next - written >= checkpointEvery) write()
    onStanding?.({ next, waitingSince: page.at(-1)?.storedAt })
    onProgress?.({ next, caughtUp: page.length === 0 })
    await breathe()
    if (signal.aborted) return
  }
}

import { Subject } from 'rxjs'
import type { Clock } from '#canonical/clock'
import { isRefusal, type Refusal } from '#canonical/decider'
import type { Ran } from '#cqrs/run'
import { FollowerStopped, project, react } from '#eventstore/follower'
import type { Rows } from '#eventstore/rows'
import { verdicts } from '#evidence/verdicts'
import { appliedTo, projections } from '#projections'
import { outgrown } from '#projections/newer'
import { nothingFrom, type Office } from './office.ts'

/** The projector that keeps the rows, and the reactor that judges; and what they know of how far they have got. */
export type Followers = Awaited<ReturnType<typeof followers>>

export const followers = async (
  { store, crypto, keys, reactorSalt }: Office,
  clock: Clock,
  rows: Rows,
  news: Subject<{ readonly kind: string }>,
  onFault: (message: string) => void,
) => {
  const reactor = verdicts({ store, crypto, keys, salt: reactorSalt })
  let applied = (await rows.snapshot(appliedTo)) + 1
  let judged = 0
  const freshness = { following: false, currentAt: clock.now() }
  const waiters = new Set<{ readonly index: number; readonly done: () => void }>()
  const stopped: FollowerStopped[] = []

  const onProgress = ({ next, caughtUp }: { next: number; caughtUp: boolean }): void => {
    applied = next
    if (caughtUp) freshness.currentAt = clock.now()
    for (const waiter of [...waiters])
      if (next > waiter.index) {
        waiters.delete(waiter)
        waiter.done()
      }
    if (!caughtUp) news.next({ kind: 'rows' })
  }

  const onStopped = (fault: FollowerStopped): void => {
    stopped.push(fault)
    onFault(fault.message)
  }

  /** Rows of another log are none of this one: of one that a backup brought back, or that a newer version could read. */
  const foldAnew = async (): Promise<void> => {
    const ahead = applied > 0 && (await nothingFrom(store, applied - 1))
    if (ahead)
      onFault(`The rows hold ${applied} events, and the log has fewer: it was restored, and they are folded anew.`)
    if (!ahead && !(await outgrown(rows))) return
    for (const projection of projections) await rows.reset(projection)
    applied = 0
  }

  const follow = async (signal: AbortSignal): Promise<void> => {
    let next = 0
    freshness.following = true
    await foldAnew()
    await Promise.all([
      project({ store, rows, projections, signal, onProgress, onStopped }).finally(() => {
        freshness.following = false
      }),
      // It keeps what verdicts must know in memory and so begins at the first event; verdicts that are there already
      // are read and not made again.
      react({
        store,
        name: reactor.name,
        checkpoint: { read: () => next, write: at => (next = at) },
        wants: reactor.wants,
        handle: reactor.handle,
        signal,
        onProgress: progress => (judged = progress.next),
      }).catch((error: unknown) => {
        if (!(error instanceof FollowerStopped)) throw error
        onStopped(error)
      }),
    ])
    news.complete()
  }

  /**
   * Has the reactor judged all that is in the log? What it knows of holds and terms is then what the log says. False
   * where it has stopped, or is not there within three seconds.
   */
  const judgedAll = async (): Promise<boolean> => {
    for (let waited_ms = 0; waited_ms < 3000; waited_ms += 20) {
      if (stopped.some(({ follower }) => follower === reactor.name)) return false
      if (await nothingFrom(store, judged)) return true
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    return false
  }

  /** Until the rows hold this log index, or two seconds are over: an answer then shows its age. */
  const rowsAt = (index: number): Promise<void> =>
    applied > index
      ? Promise.resolve()
      : new Promise(resolve => {
          const waiter = { index, done: resolve }
          waiters.add(waiter)
          setTimeout(() => waiters.delete(waiter) && resolve(), 2000).unref()
        })

  /** What a command wrote is in the rows when it answers. */
  const settled = async <Answer>(ran: Ran | Refusal, answer: Answer): Promise<Answer | Refusal> => {
    if (isRefusal(ran)) return ran
    if (ran.index !== undefined) await rowsAt(ran.index)
    news.next({ kind: 'command' })
    return answer
  }

  return {
    freshness,
    figuresFor: reactor.figuresFor,
    judgedAll,
    settled,
    run: follow,
    /** Log indices that the followers have got to. */
    status: () => ({ applied, judged, stopped: stopped.map(({ message }) => message) }),
  }
}

import { Subject } from 'rxjs'
import type { Clock } from '#canonical/clock'
import { isRefusal, type Refusal } from '#canonical/decider'
import { trustEvent } from '#canonical/event'
import { type Ran, run } from '#cqrs/run'
import { FollowerStopped, project, react, type Standing } from '#eventstore/follower'
import type { Projection, Rows } from '#eventstore/rows'
import { expiry } from '#evidence/expiry'
import { owing } from '#evidence/owing'
import { skipsIn } from '#evidence/skips'
import { suspension } from '#evidence/suspension'
import { verdicts } from '#evidence/verdicts'
import { understood } from '#ledger/vocabulary'
import { appliedTo, projections } from '#projections'
import { outgrown } from '#projections/newer'
import { followerWords, upkeep } from '#upkeep'
import { nothingFrom, type Office } from './office.ts'

/** The projectors that keep the rows, the reactors; how far each has got, and what stopped one of them. */
export type Followers = Awaited<ReturnType<typeof followers>>

export type FollowerView = {
  readonly follower: string
  readonly kind: 'projector' | 'reactor'
  readonly state: 'following' | 'stopped'
  /** The next log index. */
  readonly next: number
  /** What it has still before it: events, and seconds since the store took the first of them. */
  readonly lag: { readonly events: number; readonly seconds: number }
  readonly stopped?: {
    readonly index: number
    /** Null where it was no event that stopped it. */
    readonly event: string | null
    readonly type: string | null
    readonly message: string
  }
}

/** A reactor made anew: what it knows it has from the log, and begins there. */
type Reactor = {
  readonly name: string
  wants(type: string): boolean
  handle(event: Parameters<Parameters<typeof react>[0]['handle']>[0]): Promise<void>
}

/** Sockets, timers and the other followers come between. */
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

type Running = { readonly ending: AbortController; done: Promise<void> }

export const followers = async (
  office: Office,
  clock: Clock,
  rows: Rows,
  news: Subject<{ readonly kind: string }>,
  onFault: (message: string) => void,
) => {
  const { store, crypto, keys, reactorSalt, runner, actOf } = office
  const skips = skipsIn(store)
  const judgeAnew = () => verdicts({ store, crypto, keys, salt: reactorSalt, between: turn })
  let judge = judgeAnew()
  const makeJudge = (): Reactor => {
    judge = judgeAnew()
    return judge
  }
  const reactors = new Map<string, () => Reactor>([
    [judge.name, makeJudge],
    ['expiry', () => expiry({ store, crypto, salt: reactorSalt })],
    ['owing', () => owing({ store, crypto, salt: reactorSalt })],
    ['suspension', () => suspension({ store, crypto, salt: reactorSalt })],
  ])
  const projectors = new Map<string, Projection>(projections.map(projection => [projection.name, projection]))

  let applied = (await rows.snapshot(appliedTo)) + 1
  let judged = 0
  /** What the log held when it was last looked at. */
  let head = 0
  let readings = 0
  const freshness = { following: false, currentAt: clock.now() }
  const waiters = new Set<{ readonly index: number; readonly done: () => void }>()
  const standings = new Map<string, Standing>()
  const stopped = new Map<string, FollowerStopped>()
  const running = new Map<string, Running>()
  /** Set while this follows; starts one follower that is not running. */
  let begin: ((name: string) => void) | undefined

  const onStanding = (name: string, standing: Standing): void => {
    standings.set(name, standing)
    if (name === judge.name) judged = standing.next
    if (!projectors.has(name)) return
    const nexts = [...projectors.keys()].flatMap(each => (stopped.has(each) ? [] : (standings.get(each)?.next ?? 0)))
    if (nexts.length > 0) applied = Math.min(...nexts)
    for (const waiter of [...waiters])
      if (applied > waiter.index) {
        waiters.delete(waiter)
        waiter.done()
      }
  }

  /** Into the log it goes, too: whoever is told by webhook, and the order that lets it go on. */
  const record = ({ follower, next, event, cause }: FollowerStopped): Promise<Ran | Refusal> => {
    const at = { index: event?.index ?? next, event: event?.id ?? null, eventType: event?.type ?? null }
    const command = { type: 'StopFollower' as const, follower, ...at, why: (cause as Error).message }
    return run(runner, upkeep, followerWords, `follower-${follower}`, command, actOf(`follower:${follower}`))
  }

  const onStopped = (fault: FollowerStopped): void => {
    stopped.set(fault.follower, fault)
    onFault(fault.message)
    news.next({ kind: 'follower' })
    void record(fault).catch((error: unknown) =>
      onFault(`That follower ${fault.follower} stopped is not in the log: ${(error as Error).message}`),
    )
  }

  /** Projectors that share one read of the log; one that was stopped goes on by itself, and holds up nobody. */
  const projectTogether = async (together: readonly Projection[], signal: AbortSignal): Promise<void> => {
    readings += 1
    freshness.following = true
    const ended = () => {
      readings -= 1
      freshness.following = readings > 0
    }
    await project({
      store,
      rows,
      projections: together,
      skips,
      signal,
      onStanding,
      onStopped,
      onProgress: ({ caughtUp }) => {
        if (caughtUp) freshness.currentAt = clock.now()
        else news.next({ kind: 'rows' })
      },
    }).finally(ended)
  }

  // Each keeps what it must know in memory and so begins at the first event; what it wrote before is read and not
  // written again.
  const reactAs = async ({ name, wants, handle }: Reactor, signal: AbortSignal): Promise<void> => {
    let next = 0
    const checkpoint = { read: () => next, write: (at: number) => (next = at) }
    try {
      await react({ store, name, checkpoint, wants, handle, skips, signal, onStanding: at => onStanding(name, at) })
    } catch (error) {
      if (!(error instanceof FollowerStopped)) throw error
      onStopped(error)
    }
  }

  /** An operator's word, given at whichever node: a stopped follower tries again, a reactor begins without the event. */
  const obey = async (follower: string, isSkip: boolean): Promise<void> => {
    const held = running.get(follower)
    if (!stopped.has(follower) && !(isSkip && reactors.has(follower))) return
    if (reactors.has(follower)) held?.ending.abort()
    if (held && !projectors.has(follower)) await held.done
    stopped.delete(follower)
    begin?.(follower)
    news.next({ kind: 'follower' })
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
    const ending = new AbortController()
    const either = AbortSignal.any([signal, ending.signal])
    const work = new Set<Promise<void>>()
    let fault: unknown
    const track = (done: Promise<void>): Promise<void> => {
      const mine = done
        .catch((error: unknown) => {
          fault ??= error
          ending.abort()
        })
        .finally(() => work.delete(mine))
      work.add(mine)
      return mine
    }
    const beginOne = (name: string): void => {
      const own = new AbortController()
      const both = AbortSignal.any([either, own.signal])
      const projection = projectors.get(name)
      const reactor = reactors.get(name)
      if (projection) running.set(name, { ending: own, done: track(projectTogether([projection], both)) })
      else if (reactor) running.set(name, { ending: own, done: track(reactAs(reactor(), both)) })
    }
    begin = beginOne
    await foldAnew()
    const from = applied
    void track(projectTogether(projections, either))
    for (const name of reactors.keys()) beginOne(name)
    await track(heed(from, either))
    begin = undefined
    while (work.size > 0) await Promise.all(work)
    news.complete()
    if (fault !== undefined) throw fault
  }

  /** Looks at all that is logged for what operators say, and for how much there is. */
  const heed = async (from: number, signal: AbortSignal): Promise<void> => {
    for await (const page of store.follow({ from, signal }))
      for (const { index, type, text } of page) {
        head = index + 1
        if (type !== 'EventSkipped' && type !== 'FollowerRetried') continue
        const event = understood(trustEvent(text))
        if (event?.type === 'EventSkipped' || event?.type === 'FollowerRetried')
          await obey(event.data.follower, type === 'EventSkipped')
      }
  }

  /** Has the reactor judged what lies at this log index? False where it has stopped, or is not there within three seconds. */
  const judgedAt = async (index: number): Promise<boolean> => {
    for (let waited_ms = 0; waited_ms < 3000; waited_ms += 10) {
      if (judged > index) return true
      if (!begin || stopped.has(judge.name)) return false
      await new Promise(resolve => setTimeout(resolve, 10))
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

  const view = (follower: string): FollowerView => {
    const { next = 0, waitingSince } = standings.get(follower) ?? {}
    const fault = stopped.get(follower)
    const events = Math.max(0, head - next)
    const waited_ms = waitingSince === undefined || events === 0 ? 0 : clock.now() - Date.parse(waitingSince)
    return {
      follower,
      kind: projectors.has(follower) ? 'projector' : 'reactor',
      state: fault ? 'stopped' : 'following',
      next,
      lag: { events, seconds: Math.max(0, Math.round(waited_ms / 1000)) },
      ...(fault
        ? {
            stopped: {
              index: fault.event?.index ?? fault.next,
              event: fault.event?.id ?? null,
              type: fault.event?.type ?? null,
              message: fault.message,
            },
          }
        : {}),
    }
  }

  const unknown = (follower: string): Refusal => ({
    reason: 'FollowerUnknown',
    message: `There is no follower ${follower}: GET /api/followers lists those that there are.`,
    follower,
  })

  /** A stop that could not be recorded when it came, for the store was away, is recorded with the order. */
  const order = async (
    command: { readonly type: 'SkipEvent' | 'RetryFollower'; readonly follower: string } & Parameters<
      typeof upkeep.decide
    >[0],
    by: string,
  ): Promise<{ readonly follower: string } | Refusal> => {
    const { follower } = command
    if (!projectors.has(follower) && !reactors.has(follower)) return unknown(follower)
    const here = stopped.get(follower)
    if (here) await record(here)
    return settled(await run(runner, upkeep, followerWords, `follower-${follower}`, command, actOf(by)), { follower })
  }

  return {
    freshness,
    judgedAt,
    settled,
    run: follow,
    /** The event is named by the caller; the order is in the log before any follower obeys it. */
    skipEvent: ({
      by,
      ...asked
    }: {
      readonly follower: string
      readonly index: number
      readonly event: string
      readonly reason: string
      readonly by: string
    }) => order({ type: 'SkipEvent', ...asked }, by),
    retryFollower: ({ by, ...asked }: { readonly follower: string; readonly reason: string; readonly by: string }) =>
      order({ type: 'RetryFollower', ...asked }, by),
    /** Log indices that the followers have got to, and each of them. */
    status: () => ({
      applied,
      judged,
      stopped: [...stopped.values()].map(({ message }) => message),
      followers: [...projectors.keys(), ...reactors.keys()].map(view),
    }),
  }
}

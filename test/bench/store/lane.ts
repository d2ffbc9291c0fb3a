import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { now, type Pace, rate } from '../measure.ts'
import { type Contestant, eventOf, type Opens, streamName } from './contestant.ts'

/**
 * A contestant in a process of its own: its memory and its collector are its alone, and its clock runs only while it
 * works. The bench asks one lane after the other for a slice, so that all meet the same disk.
 */
export type Lane = {
  append(load: Load): Promise<Taken>
  read(): Promise<Read>
  /** Closes it, and tells what it held and needed. */
  end(): Promise<Ended>
}

/** So many appenders at once, each with a stream of its own, each with so many commits of so many events. */
export type Load = {
  readonly appenders: number
  readonly commits: number
  readonly each: number
  /** Instead of streams of their own: these, which hold so many events each; a commit takes one of them, far apart. */
  readonly streams?: { readonly count: number; readonly each: number }
}
export type Taken = { readonly events: number; readonly taken_ms: number; readonly cpu_ms: number }
/** Of the memory, the most in the first half of the events and in the second: what only warms up shows in both. */
export type Read = Taken & { readonly firstHalf_MB: number; readonly secondHalf_MB: number }
export type Ended = { readonly held: number; readonly durable: string; readonly most_MB: number }

export const paceOfTaken = (slices: readonly Taken[]): Pace => {
  const sum = (of: (taken: Taken) => number) => slices.reduce((total, taken) => total + of(taken), 0)
  const events = sum(taken => taken.events)
  return {
    perSecond: rate(
      events,
      sum(taken => taken.taken_ms),
    ),
    perCpuSecond: rate(
      events,
      sum(taken => taken.cpu_ms),
    ),
  }
}

type Asked = { readonly append: Load } | 'read' | 'end'
type Answer = { readonly answer: unknown } | { readonly error: string }

/** Only what a contestant needs is loaded into its process: its memory tells of it alone. */
const engines = {
  sqlite: () => import('./sqlite.ts'),
  postgres: () => import('./postgres.ts'),
  kurrentdb: () => import('./kurrentdb.ts'),
  emmett: () => import('../peers/emmett.ts'),
}
export type Engine = keyof typeof engines

export const openLane = async (engine: Engine, name: string, at: string): Promise<Lane> => {
  // What a peer prints must not stand among the figures.
  const child = fork(import.meta.filename, [engine, name, at], { stdio: ['ignore', 2, 2, 'ipc'] })
  await heard(child, name)
  const ask = (asked: Asked): Promise<unknown> => {
    child.send(asked)
    return heard(child, name)
  }
  return {
    append: load => ask({ append: load }) as Promise<Taken>,
    read: () => ask('read') as Promise<Read>,
    end: async () => {
      const ended = (await ask('end')) as Ended
      child.disconnect()
      await once(child, 'exit')
      return ended
    },
  }
}

const heard = async (child: ChildProcess, name: string): Promise<unknown> => {
  const stopped = new AbortController()
  const exit = once(child, 'exit', { signal: stopped.signal }).then(([code, signal]) => {
    throw new Error(`${name} ended (${signal ?? `exit ${code}`}) before it answered`)
  })
  try {
    const [heard] = (await Promise.race([once(child, 'message', { signal: stopped.signal }), exit])) as [Answer]
    if ('error' in heard) throw new Error(`${name}: ${heard.error}`)
    return heard.answer
  } finally {
    stopped.abort()
    exit.catch(() => {})
  }
}

/* ------------------------------------------------------- within the lane's process */

const megabytes = (octets: number): number => octets / 1024 / 1024

const timed = async (act: () => Promise<number>): Promise<Taken> => {
  const [began, before] = [now(), process.cpuUsage()]
  const events = await act()
  const taken_ms = now() - began
  const { user, system } = process.cpuUsage(before)
  return { events, taken_ms, cpu_ms: (user + system) / 1000 }
}

const runLane = async (contestant: Contestant): Promise<(asked: Asked) => Promise<unknown>> => {
  const held = new Map<string, number>()
  let made = 0
  let turn = 0
  const appendSlice = ({ appenders, commits, each, streams }: Load): Promise<Taken> => {
    const work = Array.from({ length: appenders }, (_, appender) =>
      Array.from({ length: commits }, () => {
        const events = Array.from({ length: each }, () => eventOf(made++))
        if (!streams) return { stream: `appender-${appenders}-${each}-${appender}`, events, began: 0 }
        turn += 1
        return { stream: streamName((turn * 7919) % streams.count), events, began: streams.each }
      }),
    )
    const append = async (commits: (typeof work)[number]): Promise<void> => {
      for (const { stream, events, began } of commits) {
        const revision = held.get(stream) ?? began
        await contestant.append?.(stream, revision, events)
        held.set(stream, revision + events.length)
      }
    }
    return timed(async () => {
      await Promise.all(work.map(append))
      return appenders * commits * each
    })
  }
  const readSlice = async (): Promise<Read> => {
    const samples: { events: number; at_MB: number }[] = []
    let events = 0
    const taken = await timed(async () => {
      await contestant.readAll?.(count => {
        events += count
        if (events - (samples.at(-1)?.events ?? 0) >= 10_000)
          samples.push({ events, at_MB: megabytes(process.memoryUsage.rss()) })
      })
      return events
    })
    const most = (of: readonly (typeof samples)[number][]) => Math.max(0, ...of.map(({ at_MB }) => at_MB))
    const isEarly = (sample: (typeof samples)[number]) => sample.events <= events / 2
    return {
      ...taken,
      firstHalf_MB: most(samples.filter(isEarly)),
      secondHalf_MB: most(samples.filter(sample => !isEarly(sample))),
    }
  }
  const end = async (): Promise<Ended> => {
    const ended = { held: await contestant.count(), durable: await contestant.durable() }
    await contestant.close()
    return { ...ended, most_MB: process.resourceUsage().maxRSS / 1024 }
  }
  return asked => (asked === 'read' ? readSlice() : asked === 'end' ? end() : appendSlice(asked.append))
}

if (import.meta.main) {
  const [engine = '', name = '', at = ''] = process.argv.slice(2)
  const say = (answer: Answer) => process.send?.(answer)
  const telling = async (act: () => Promise<unknown>): Promise<void> => {
    try {
      say({ answer: await act() })
    } catch (error) {
      say({ error: (error as Error).stack ?? String(error) })
    }
  }
  await telling(async () => {
    const { contestants }: { contestants: Record<string, Opens> } = await engines[engine as Engine]()
    const opened = await (contestants[name] as Opens)(at)
    const answer = await runLane(opened)
    // A server's connections would keep it alive when whoever asked is gone.
    process.on('disconnect', () => process.exit())
    process.on('message', asked => void telling(() => answer(asked as Asked)))
    return undefined
  })
}

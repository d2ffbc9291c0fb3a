import type { EventStore, ReadAll } from '#eventstore'
import type { Counting } from './counting.ts'
import { OutOfPatience, pause } from './patience.ts'

/** Reading and following all, over a log that is counted while it grows. */
export const following = (
  log: Counting,
  /** How often a follower looks for itself, should the subscription be silent. */
  look_ms: number,
  closed: AbortSignal,
): Pick<EventStore, 'readAll' | 'follow'> => {
  async function* readAll({ from, pageSize = 1000 }: ReadAll) {
    await log.all()
    const end = log.length
    for (let next = from; next < end; ) {
      const page = await log.page(next, Math.min(pageSize, end - next))
      yield page
      next += page.length
    }
  }

  async function* follow({ from, pageSize = 1000, signal }: ReadAll & { readonly signal: AbortSignal }) {
    const stop = AbortSignal.any([signal, closed])
    const stopped = new Promise<undefined>(resolve => stop.addEventListener('abort', () => resolve(undefined)))
    /** A follower outlives a cluster that is away: it tries until it is told to stop. */
    const enduring = async <T>(act: () => Promise<T>): Promise<T | undefined> => {
      while (!stop.aborted) {
        try {
          return await Promise.race([act(), stopped])
        } catch (error) {
          if (!(error instanceof OutOfPatience)) throw error
          await pause(look_ms, stop)
        }
      }
      return undefined
    }
    let next = from
    await enduring(log.all)
    while (!stop.aborted) {
      while (next < log.length && !stop.aborted) {
        const page = await enduring(() => log.page(next, pageSize))
        if (page === undefined || stop.aborted) return
        yield page
        next += page.length
      }
      if (stop.aborted) return
      yield []
      while (log.length <= next && !stop.aborted) {
        const { length } = log
        await log.more(next, look_ms, stop)
        if (log.length === length) await enduring(log.look)
      }
    }
  }

  return { readAll, follow }
}

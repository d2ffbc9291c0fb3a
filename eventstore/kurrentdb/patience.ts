import { StoreFailed } from '#eventstore'

/** Nobody answered in time. Whether it was done is not known. */
export class NoAnswer extends Error {
  readonly code = 'NoAnswer'
}

export const pause = (for_ms: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, for_ms)
    signal.addEventListener('abort', done)
  })

/** The promise, or `NoAnswer` when the time is over: some calls of the client never end by themselves. */
export const within = async <T>(for_ms: number, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(`no answer within ${for_ms} ms`)), for_ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** All that comes, or `NoAnswer` when nothing came for that long. */
export const gather = async <T>(quiet_ms: number, source: AsyncIterable<T>): Promise<T[]> => {
  const items: T[] = []
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(`nothing read for ${quiet_ms} ms`)), quiet_ms)
  })
  const all = async () => {
    for await (const item of source) {
      items.push(item)
      timer?.refresh()
    }
  }
  try {
    await Promise.race([all(), late])
    return items
  } finally {
    clearTimeout(timer)
  }
}

export type Patience = {
  readonly for_ms: number
  readonly signal: AbortSignal
  /** True where asking again would get the same answer. */
  isFinal(error: unknown): boolean
  /** It was in vain, so many times in a row. */
  vain(failures: number): void
}

/** Patience was at its end. */
export class OutOfPatience extends StoreFailed {}

/** Asks until there is an answer, the error is final, or patience is at its end. `failures`: how often in vain so far. */
export const patiently = async <T>(
  what: string,
  ask: (failures: number) => Promise<T>,
  patience: Patience,
): Promise<T> => {
  const { for_ms, signal, isFinal, vain } = patience
  const end = performance.now() + for_ms
  for (let failures = 1; ; failures++) {
    if (signal.aborted) throw new StoreFailed(`${what} failed: the store is closed.`)
    try {
      return await ask(failures - 1)
    } catch (cause) {
      if (isFinal(cause)) throw cause
      vain(failures)
      const wait_ms = Math.min(1000, 25 * 2 ** failures)
      if (performance.now() + wait_ms >= end)
        throw new OutOfPatience(
          `${what} failed after ${failures} times in ${for_ms} ms: ${(cause as Error).message}.`,
          { cause },
        )
      await pause(wait_ms, signal)
    }
  }
}

/** Each act begins when the one before it in the same line has ended, well or not. */
export const lines = () => {
  const last = new Map<string, Promise<unknown>>()
  return <T>(line: string, act: () => Promise<T>): Promise<T> => {
    const before = last.get(line)
    const mine = before ? before.then(act, act) : act()
    last.set(line, mine)
    const leave = () => {
      if (last.get(line) === mine) last.delete(line)
    }
    mine.then(leave, leave)
    return mine
  }
}

/** At most so many acts at once; the others wait, in their order. */
export const gate = (width: number) => {
  const waiting: (() => void)[] = []
  let inside = 0
  return async <T>(act: () => Promise<T>): Promise<T> => {
    if (inside >= width) await new Promise<void>(resolve => waiting.push(resolve))
    else inside += 1
    try {
      return await act()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else inside -= 1
    }
  }
}

import { setTimeout as pause } from 'node:timers/promises'
import {
  type Appended,
  checkAppend,
  type EventStore,
  type EventToAppend,
  type Expected,
  type ReadAll,
  type ReadStream,
  type StoredEvent,
  StoreFailed,
  WrongExpectedRevision,
} from '#eventstore'
import { nextGroup } from '../group.ts'
import { appendName, isMade, making, session } from './schema.ts'
import { checkSchema, isLoss, openServer, unless } from './server.ts'

export type PostgresStore = EventStore & {
  /** What is on its way to the server is awaited; what still waits is refused. */
  close(): Promise<void>
}

export type PostgresOptions = {
  /** The schema that holds the log: several logs may live in one database. */
  readonly schema?: string
  /** Opens only a log that is there, and makes none. */
  readonly existing?: boolean
  /** How long a lost connection is tried again before an append or a read fails. */
  readonly patience_ms?: number
  /** How long the server may take for one answer before the connection is given up. */
  readonly answerWithin_ms?: number
  /** How often a follower looks although nothing was heard: notifications can be lost with their connection. */
  readonly pollEvery_ms?: number
  /** Followers wait for a lost server as long as it takes; this is told once for each time. */
  readonly onTrouble?: (trouble: StoreFailed) => void
}

type Asked = {
  readonly stream: string
  readonly expected: Expected
  readonly events: readonly EventToAppend[]
  readonly since: number
  readonly settle: (outcome: Appended | Error) => void
}

type Row = [position: string, name: string, revision: string, id: string, type: string, text: string, storedAt: string]

const stored = ([position, stream, revision, id, type, text, storedAt]: Row): StoredEvent => ({
  stream,
  revision: Number(revision),
  id,
  type,
  text,
  index: Number(position),
  storedAt,
})

/**
 * The log in PostgreSQL. One append at a time is on its way to the server, and those that come meanwhile go together in
 * the next transaction, each with its own outcome. A connection that is lost before the answer leaves the outcome open:
 * the same appends are sent again, and the server knows them by their ids.
 *
 * It needs connections of its own to the server: a pooler that hands out transactions loses LISTEN.
 */
export const postgresStore = async (
  url: string,
  now: () => string,
  options: PostgresOptions = {},
): Promise<PostgresStore> => {
  const { schema = 'tallystick', patience_ms = 15_000, answerWithin_ms = 10_000, pollEvery_ms = 500 } = options
  checkSchema(schema)
  const server = openServer(url, { what: 'log', answerWithin_ms, session })
  const { pool, closing, failed, patiently } = server

  /* ------------------------------------------------------- making */

  try {
    await patiently('The log was not opened', Date.now() + patience_ms, async () => {
      const { rows } = await pool.query<{ made: boolean; encoding: string; version: number }>(isMade(schema))
      const [{ made, encoding, version } = { made: false, encoding: '', version: 0 }] = rows
      if (encoding !== 'UTF8') throw new Error(`the database is encoded in ${encoding}, and the log needs UTF8`)
      if (version < 150_000) throw new Error(`the server's version is ${version}, and the log needs 15 or newer`)
      if (!made && options.existing) throw new Error(`there is no log in its schema ${schema}`)
      if (!made) await pool.query(making(schema))
    })
  } catch (error) {
    await server.end()
    throw error
  }

  /* ------------------------------------------------------- appending */

  let waiting: Asked[] = []
  let pumping: Promise<void> | undefined

  const append = {
    name: 'append',
    rowMode: 'array' as const,
    text: `select * from ${schema}.${appendName}($1, $2, $3, $4, $5, $6, $7)`,
  }
  const send = async (group: readonly Asked[]): Promise<(Appended | WrongExpectedRevision)[]> => {
    const events = group.flatMap(({ events }) => events)
    const values = [
      group.map(({ stream }) => stream),
      group.map(({ expected }) => (expected === 'NoStream' ? -1 : expected)),
      group.map(({ events }) => events.length),
      events.map(({ id }) => id),
      events.map(({ type }) => type),
      events.map(({ text }) => text),
      now(),
    ]
    const { rows } = await pool.query<[string, string, 'written' | 'repeated' | 'refused']>({ ...append, values })
    return group.map(({ stream, expected }, place) => {
      const [at, position, outcome] = rows[place] as (typeof rows)[number]
      const revision = Number(at)
      return outcome === 'refused'
        ? new WrongExpectedRevision(stream, expected, revision < 0 ? 'NoStream' : revision)
        : { revision, index: Number(position), repeated: outcome === 'repeated' }
    })
  }

  const commit = async (group: readonly Asked[]): Promise<void> => {
    const { since } = group.at(-1) as Asked
    try {
      const outcomes = await patiently('', since + patience_ms, () => send(group))
      for (const [place, { settle }] of group.entries()) {
        const outcome = outcomes[place] as Appended | WrongExpectedRevision
        settle(outcome)
        if ('index' in outcome) heard(outcome.index + 1)
      }
    } catch (error) {
      const { cause } = error as StoreFailed
      // What the server refuses together, as too much for its disk, it may take one by one.
      if (group.length > 1 && !isLoss(cause)) for (const asked of group) await commit([asked])
      else for (const { stream, settle } of group) settle(failed(`Append to ${stream} failed`, cause))
    }
  }

  const pump = async (): Promise<void> => {
    while (waiting.length > 0 && !closing.aborted) {
      await commit(nextGroup(waiting))
      // Who was just answered may have the next append at hand: it goes with those that waited.
      await new Promise(resolve => setImmediate(resolve))
    }
    pumping = undefined
  }

  /* ------------------------------------------------------- reading */

  const select = `select position, name, revision, id, type, text, stored_at
    from ${schema}.events join ${schema}.streams on key = stream`
  const statements = {
    all: `${select} where position >= $1 order by position limit $2`,
    forward: `${select} where stream = (select key from ${schema}.streams where name = $1) and revision >= $2
      order by revision limit $3`,
    backward: `${select} where stream = (select key from ${schema}.streams where name = $1) and revision <= $2
      order by revision desc limit $3`,
  }
  const page = async (name: keyof typeof statements, ...values: (string | number)[]): Promise<StoredEvent[]> => {
    const { rows } = await pool.query<Row>({ name, text: statements[name], rowMode: 'array', values })
    return rows.map(stored)
  }
  const readPage = (what: string, ...asked: Parameters<typeof page>): Promise<StoredEvent[]> =>
    patiently(`Reading ${what} failed`, Date.now() + patience_ms, () => page(...asked))

  async function* read(stream: string, { from, direction, pageSize = 1000 }: ReadStream) {
    if (from === 'end' && direction === 'forward') {
      const last = await readPage(stream, 'backward', stream, Number.MAX_SAFE_INTEGER, 1)
      if (last.length > 0) yield last
      return
    }
    for (let next = from === 'end' ? Number.MAX_SAFE_INTEGER : from; ; ) {
      const events = await readPage(stream, direction, stream, next, pageSize)
      const last = events.at(-1)
      if (last) yield events
      if (!last || events.length < pageSize) return
      next = last.revision + (direction === 'forward' ? 1 : -1)
    }
  }

  async function* readAll({ from, pageSize = 1000 }: ReadAll) {
    for (let next = from; ; ) {
      const events = await readPage('the log', 'all', next, pageSize)
      const last = events.at(-1)
      if (last) yield events
      if (!last || events.length < pageSize) return
      next = last.index + 1
    }
  }

  /* ------------------------------------------------------- following */

  /** The log index after the last event that this store has heard of. */
  let head = 0
  const wakers = new Set<(anyway: boolean) => void>()
  const wake = (anyway: boolean) => {
    for (const each of [...wakers]) each(anyway)
  }
  const heard = (next: number) => {
    head = Math.max(head, next)
    wake(false)
  }

  let listening: Promise<void> | undefined
  const listen = (): Promise<void> =>
    server.listen(schema, {
      heard: payload => heard(Number(payload)),
      // What was said while nobody listened.
      listening: () => wake(true),
      again_ms: pollEvery_ms,
    })

  /** Until an event at this log index or after it was heard of, or it is time to look, or the signal. */
  const comes = (next: number, signal: AbortSignal): Promise<void> =>
    new Promise(resolve => {
      const done = () => {
        clearTimeout(timer)
        wakers.delete(look)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const look = (anyway: boolean) => {
        if (anyway || head > next) done()
      }
      const timer = setTimeout(done, pollEvery_ms)
      wakers.add(look)
      signal.addEventListener('abort', done)
      if (signal.aborted) done()
      else look(false)
    })

  async function* follow({ from, pageSize = 1000, signal: asked }: ReadAll & { readonly signal: AbortSignal }) {
    const signal = AbortSignal.any([asked, closing])
    let next = from
    let isTold = false
    let isTroubled = false
    while (!signal.aborted) {
      listening ??= listen()
      let events: StoredEvent[]
      try {
        events = await unless(signal, page('all', next, pageSize))
        isTroubled = false
      } catch (cause) {
        if (signal.aborted) return
        const trouble = failed(`Following the log from ${next}`, cause)
        if (!isLoss(cause)) throw trouble
        if (!isTroubled) options.onTrouble?.(trouble)
        isTroubled = true
        await pause(pollEvery_ms, undefined, { signal }).catch(() => {})
        continue
      }
      const last = events.at(-1)
      if (last) {
        next = last.index + 1
        isTold = false
        yield events
        continue
      }
      if (!isTold) yield []
      isTold = true
      await comes(next, signal)
    }
  }

  return {
    append: async (stream, expected, events) => {
      checkAppend(stream, events)
      return new Promise((resolve, reject) => {
        const settle = (outcome: Appended | Error) => {
          if (outcome instanceof Error) reject(outcome)
          else resolve(outcome)
        }
        if (closing.aborted) {
          settle(failed(`Append to ${stream} failed`, new Error('the store was closed')))
          return
        }
        waiting.push({ stream, expected, events, since: Date.now(), settle })
        // Those of one moment go together.
        pumping ??= Promise.resolve().then(pump)
      })
    },
    read,
    readAll,
    follow,
    close: async () => {
      server.abort()
      const left = waiting
      waiting = []
      for (const { stream, settle } of left)
        settle(failed(`Append to ${stream} failed`, new Error('the store was closed')))
      await pumping
      await listening
      await server.end()
    },
  }
}

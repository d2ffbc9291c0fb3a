import { setTimeout as pause } from 'node:timers/promises'
import { Client, type ClientConfig, Pool, type PoolClient } from 'pg'
import { StoreFailed } from '#eventstore'

/** Whoever answers queries: a pool, or one connection of it. */
export type Asking = Pick<PoolClient, 'query'>

/** Connections to one PostgreSQL server, and what to do when they are lost. The log and the rows both come through here. */
export type Server = {
  readonly pool: Pool
  /** Aborted when the server is let go. */
  readonly closing: AbortSignal
  failed(what: string, cause: unknown): StoreFailed
  /** Tries again where the connection was lost, until the deadline; then throws `StoreFailed`. */
  patiently<Answer>(what: string, deadline: number, act: () => Promise<Answer>): Promise<Answer>
  /** One transaction on one connection. Whatever fails within ends both, so that nothing is left open at the server. */
  transaction<Answer>(begin: string, act: (client: Asking) => Promise<Answer>): Promise<Answer>
  /** Hears what is notified until the server is let go; `listening` is told each time after nobody listened. */
  listen(
    channel: string,
    hears: { heard(payload: string | undefined): void; listening(): void; readonly again_ms: number },
  ): Promise<void>
  abort(): void
  end(): Promise<void>
}

export type ServerOptions = {
  /** What is opened, for messages: `log` or `rows`. */
  readonly what: string
  readonly answerWithin_ms: number
  /** Said once on each connection. */
  readonly session: string
}

const codesOfLoss = new Set([
  ...['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOENT', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'],
  // Shut down, crashed, starting, too many connections; cancelled; a standby that does not write yet; to be tried again.
  ...['57P01', '57P02', '57P03', '53300', '57014', '25006', '40001', '40P01'],
])
const wordsOfLoss = /^Connection terminated|^Query read timeout|^timeout e|Client has encountered a connection error/

/** The connection or the server went away, or is not there yet: the same may succeed on another connection. */
export const isLoss = (cause: unknown): boolean => {
  const { code = '', message = '' } = cause as { code?: string; message?: string }
  return codesOfLoss.has(code) || code.startsWith('08') || wordsOfLoss.test(message)
}

export const checkSchema = (schema: string): void => {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) throw new StoreFailed(`${schema} is no name for a schema.`)
}

export const openServer = (url: string, { what, answerWithin_ms, session }: ServerOptions): Server => {
  const config: ClientConfig = { connectionString: url, keepAlive: true, application_name: 'tallystick' }
  const { host, port, database } = addressed(config, what)
  const name = `PostgreSQL at ${host}:${port}/${database}`
  const pool = new Pool({
    ...config,
    max: 6,
    connectionTimeoutMillis: answerWithin_ms,
    query_timeout: answerWithin_ms,
    // The pool listens for errors of connections that are idle, and of those that are asked; not yet for this one's.
    verify: (client, done) => {
      client.on('error', () => {})
      client.query(session).then(() => done(), done)
    },
  })
  // An idle connection that was lost is replaced when it is needed.
  pool.on('error', () => {})
  const stop = new AbortController()

  const failed = (said: string, cause: unknown): StoreFailed =>
    new StoreFailed(`${said}: ${name}: ${(cause as Error).message || (cause as { code?: string }).code}.`, { cause })

  return {
    pool,
    closing: stop.signal,
    failed,
    patiently: async (said, deadline, act) => {
      for (let wait_ms = 10; ; wait_ms = Math.min(2 * wait_ms, 500))
        try {
          return await act()
        } catch (cause) {
          if (!isLoss(cause) || Date.now() + wait_ms > deadline || stop.signal.aborted) throw failed(said, cause)
          await pause(wait_ms)
        }
    },
    transaction: async (begin, act) => {
      const client = await pool.connect()
      try {
        await client.query(begin)
        const answer = await act(client)
        await client.query('commit')
        client.release()
        return answer
      } catch (error) {
        client.release(true)
        throw error
      }
    },
    listen: async (channel, { heard, listening, again_ms }) => {
      while (!stop.signal.aborted) {
        const client = new Client({ ...config, connectionTimeoutMillis: answerWithin_ms })
        const ended = new Promise(resolve => client.once('end', resolve))
        client.on('error', () => {})
        client.on('notification', ({ payload }) => heard(payload))
        try {
          await unless(stop.signal, client.connect())
          await client.query(`listen ${channel}`)
          listening()
          await unless(stop.signal, ended)
        } catch {
          // Followers look by themselves until somebody listens again.
        }
        void client.end().catch(() => {})
        await pause(again_ms, undefined, { signal: stop.signal }).catch(() => {})
      }
    },
    abort: () => stop.abort(),
    end: async () => {
      stop.abort()
      await pool.end()
    },
  }
}

/** Where a connection string leads, for messages: without user and password. */
const addressed = (config: ClientConfig, what: string): Client => {
  try {
    return new Client(config)
  } catch (cause) {
    throw new StoreFailed(`The ${what} was not opened: its address is no PostgreSQL connection string.`, { cause })
  }
}

/** The answer, unless the signal comes first; then nobody waits for the answer any more. */
export const unless = <Answer>(signal: AbortSignal, answer: Promise<Answer>): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason as Error)
    signal.addEventListener('abort', aborted)
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
    if (signal.aborted) aborted()
  })

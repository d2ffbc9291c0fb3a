import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import pretty from 'pino-pretty'

/** What every app's process does alike: lines that people can read, files that survive, an end that comes once. */

export type Log = { info(line: string): void; warn(line: string): void; error(line: string): void }

/** Readable lines on standard output; JSON lines where LOG=json asks for them. */
export const processLog = (): Log => {
  const json = process.env['LOG'] === 'json'
  const options = { level: process.env['LOG_LEVEL'] ?? 'info', base: null }
  const logger = json
    ? pino(options)
    : pino(options, pretty({ colorize: false, ignore: 'pid,hostname', translateTime: 'HH:MM:ss', sync: true }))
  return {
    info: line => logger.info(line),
    warn: line => logger.warn(line),
    error: line => logger.error(line),
  }
}

/** The words of a start are off; the message shows the right ones. */
export class Usage extends Error {
  readonly code = 'Usage'
}

/** Starts an app, or says in one line why not and ends. A fault without a code is a bug, and shows its stack. */
export const startApp = async (start: (log: Log) => Promise<void>): Promise<void> => {
  const log = processLog()
  // Keys and sealed frames lie in these files: they are the owner's alone, whatever the folder allows.
  process.umask(0o077)
  try {
    await start(log)
  } catch (error) {
    const fault = error as Error & { code?: string }
    log.error(fault.code === undefined ? (fault.stack ?? fault.message) : fault.message)
    process.exit(1)
  }
}

/** Writes a file so that either the old or the new content is there after any crash; secrets are the owner's alone. */
export const writeWhole = (folder: string, name: string, text: string): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const draft = join(folder, `${name}.new`)
  const file = openSync(draft, 'w', 0o600)
  writeSync(file, text)
  fsyncSync(file)
  closeSync(file)
  renameSync(draft, join(folder, name))
  syncFolder(folder)
}

/** Which names are in a folder is on disk when this returns. */
export const syncFolder = (folder: string): void => {
  const directory = openSync(folder, 'r')
  fsyncSync(directory)
  closeSync(directory)
}

export const readWhole = (folder: string, name: string): string | undefined => {
  const path = join(folder, name)
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

/**
 * Runs `close` once on the first SIGINT or SIGTERM and ends; the same one again ends at once. Ctrl-C asks every process
 * of a terminal, and whoever started one then asks it too by SIGTERM: that is still the first time.
 */
export const endGracefully = (log: Log, close: () => Promise<void>): void => {
  let ending: NodeJS.Signals | undefined
  const end = (signal: NodeJS.Signals) => {
    if (ending === signal) process.exit(130)
    if (ending !== undefined) return
    ending = signal
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error(`could not stop cleanly: ${(error as Error).message}`)
        process.exit(1)
      },
    )
    setTimeout(() => process.exit(1), 4000).unref()
  }
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
}

/** Sleeps, or returns at once when the signal comes. */
export const sleep = (wait_ms: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) {
      resolve()
      return
    }
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, Math.min(wait_ms, 2 ** 31 - 1))
    signal.addEventListener('abort', done)
  })

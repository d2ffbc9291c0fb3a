import { createReadStream } from 'node:fs'
import type { Crypto } from '#canonical/crypto'
import { EventMalformed, readEvent } from '#canonical/event'
import { appendBytesMax, type StoredEvent } from '#eventstore'
import { chains, logSum } from './chains.ts'
import { CopyFailed, type LogReader } from './copy.ts'
import type { Progress } from './progress.ts'

/**
 * A log as a file of JSON lines. The first says what it is; then one event a line, in log order, as its own text beside
 * the time of receipt; the last counts them and gives their root, so that a file which was cut is known for one. Two
 * logs that are equal make two files that are equal.
 */
const format = 'tallystick-log-1'
const head = JSON.stringify({
  format,
  about:
    'One event a line, in the order of the log: when the store took it, and its own text. The last line counts them and ' +
    'gives the root of their Merkle tree (RFC 6962, leaf tallystick-leaf-1).',
})
/** An event, and the few words around it. */
const lineOctetsMax = appendBytesMax + 100
const pageSize = 1000

/** The file is no export of a log, or was cut or altered. Nothing of it was imported. */
export class LogFileRefused extends Error {
  readonly code = 'LogFileRefused'
}

/** The lines of an export, each with its end. Throws `CopyFailed` at an event that does not hold. */
export async function* exportLines(crypto: Crypto, log: LogReader, onProgress?: Progress): AsyncGenerator<string> {
  const checked = chains(crypto)
  const sum = logSum(crypto)
  yield `${head}\n`
  for await (const page of log.readAll({ from: 0, pageSize })) {
    let lines = ''
    for (const stored of page) {
      const { found, event } = checked.check(stored)
      if (found[0] !== undefined || !event)
        throw new CopyFailed(
          `The log does not hold: ${found[0]}. Look at it with fsck; the export ends before this event.`,
        )
      sum.add(stored, event.hash)
      lines += `{"storedAt":${JSON.stringify(stored.storedAt)},"event":${stored.text}}\n`
    }
    yield lines
    onProgress?.(sum.events)
  }
  yield `${JSON.stringify({ events: sum.events, root: sum.root() })}\n`
}

const eventLine = /^\{"storedAt":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","event":(\{.*\})\}$/s
const endLine = /^\{"events":(0|[1-9]\d{0,15}),"root":"([0-9a-f]{64})"\}$/

async function* linesOf(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const decode = (octets: Uint8Array, line: number): string => {
    try {
      return decoder.decode(octets)
    } catch {
      throw new LogFileRefused(`${file}, line ${line}: not UTF-8.`)
    }
  }
  let rest: Buffer[] = []
  let waiting = 0
  let line = 1
  for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    let from = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      yield decode(Buffer.concat([...rest, chunk.subarray(from, end)]), line)
      rest = []
      waiting = 0
      line += 1
      from = end + 1
    }
    rest.push(chunk.subarray(from))
    waiting += chunk.length - from
    if (waiting > lineOctetsMax) throw new LogFileRefused(`${file}, line ${line}: longer than any event can be.`)
  }
  if (waiting > 0) throw new LogFileRefused(`${file}, line ${line}: the file was cut within this line.`)
}

type End = { readonly events: number; readonly root: string }

async function* eventsIn(file: string, ended: (end: End) => void): AsyncGenerator<StoredEvent> {
  let line = 0
  let events = 0
  let end: End | undefined
  for await (const text of linesOf(file)) {
    line += 1
    if (line === 1) {
      if (text !== head) throw new LogFileRefused(`${file}: not an export of a log (${format}).`)
      continue
    }
    if (end) throw new LogFileRefused(`${file}, line ${line}: it goes on after its last line.`)
    const [, storedAt, own] = eventLine.exec(text) ?? []
    if (storedAt !== undefined && own !== undefined) {
      yield { ...placed(file, line, own), text: own, index: events, storedAt }
      events += 1
      continue
    }
    const [, count, root] = endLine.exec(text) ?? []
    if (count === undefined || root === undefined)
      throw new LogFileRefused(`${file}, line ${line}: neither an event nor the end.`)
    end = { events: Number(count), root }
  }
  if (!end)
    throw new LogFileRefused(`${file}: cut after ${events} events: its last line, which counts them, is not there.`)
  if (end.events !== events)
    throw new LogFileRefused(`${file}: it holds ${events} events, and its last line counts ${end.events}.`)
  ended(end)
}

const placed = (file: string, line: number, text: string) => {
  try {
    const { stream, revision, id, type } = readEvent(text)
    return { stream, revision, id, type }
  } catch (error) {
    if (error instanceof EventMalformed) throw new LogFileRefused(`${file}, line ${line}: ${error.found}.`)
    throw error
  }
}

/** The file as a log. What it yields is not yet known to be whole: `checkLogFile` says so. */
export const logFile = (file: string): LogReader => ({
  readAll: async function* ({ from }) {
    let page: StoredEvent[] = []
    for await (const event of eventsIn(file, () => {})) {
      if (event.index < from) continue
      page.push(event)
      if (page.length === pageSize) {
        yield page
        page = []
      }
    }
    if (page.length > 0) yield page
  },
})

/** Reads the whole file and checks every event, every chain, the count and the root. Throws `LogFileRefused`. */
export const checkLogFile = async (crypto: Crypto, file: string, onProgress?: Progress): Promise<End> => {
  const checked = chains(crypto)
  const sum = logSum(crypto)
  const told: End[] = []
  for await (const stored of eventsIn(file, end => told.push(end))) {
    const { found, event } = checked.check(stored)
    if (found[0] !== undefined || !event) throw new LogFileRefused(`${file}, line ${stored.index + 2}: ${found[0]}.`)
    sum.add(stored, event.hash)
    onProgress?.(sum.events)
  }
  const [end] = told as [End]
  if (end.root !== sum.root())
    throw new LogFileRefused(`${file}: its events have the root ${sum.root()}, and its last line says ${end.root}.`)
  return end
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Act, chain, type Event, type Fact, trustEvent } from '#canonical/event'
import { openSqlite, sqliteStore } from '#eventstore/sqlite'
import { nodeCrypto } from '#machine/crypto'
import { tillWords } from '#till/events'
import { findable } from '#till/window'
import { enrolledText } from '../../../apps/terminal/enrolled.ts'
import { now, type Row, ratio, spread } from '../measure.ts'
import { openShop, type Shop } from '../shop.ts'

/** A terminal's process from its start until it answers, by the till's state that was kept, and from its first event. */

const rounds = 5
const tapsOfDay = 500
const waiting = 200
const project = join(import.meta.dirname, '..', '..', '..')

const say = (line: string): void => void process.stderr.write(`${line}\n`)
const idOf = (tap: number): string => tap.toString(16).padStart(32, '0')
const dateOf = (day: number): string => new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10)

/** A tap's events as a real terminal wrote them, of another tap: as long, and as much in them. */
const tapLike = (shop: Shop) => {
  const at = shop.log.findLastIndex(({ type }) => type === 'TapStarted')
  const told = shop.log.slice(at, at + 5).map(({ text }) => trustEvent(text))
  const last = told.at(-1) as Event
  if (told.length !== 5 || last.type !== 'TransactionRecorded')
    throw new Error('A tap is five events, the last recorded')
  const { transaction, sale, payment } = last.data as Readonly<Record<string, string>>
  return (tap: number, businessDate: string): Fact[] =>
    told.map(({ type, data }) => {
      const { salt: _, ...said } = data as Record<string, unknown>
      const text = JSON.stringify(said)
        .replaceAll(transaction as string, idOf(tap))
        .replaceAll(sale as string, `sale-${tap}`)
        .replaceAll(payment as string, idOf(tap).repeat(2))
      const next = JSON.parse(text) as Record<string, unknown>
      if ('tap' in next) next['tap'] = tap
      if (type === 'TransactionRecorded')
        Object.assign(next, { receiptNumber: tap, businessDate, occurred: `${businessDate}T12:00:00.000Z` })
      return { type, data: next }
    })
}

/** The log of so many taps, day after day, all but the newest of them at the centre. Gives its size in octets. */
const writeTaps = (shop: Shop, file: string, taps: number): number => {
  const crypto = nodeCrypto()
  const store = sqliteStore(file, () => '', { findable })
  const stream = `terminal-${shop.identity.terminal}`
  const db = openSqlite(file)
  const key = db.prepare('insert into streams (name) values (?)').run(stream).lastInsertRowid
  const insert = db.prepare(
    'insert into events (position, stream, revision, id, type, text, stored_at) values (?, ?, ?, ?, ?, ?, ?)',
  )
  let last: Pick<Event, 'revision' | 'hash'> | undefined
  let octets = 0
  let acknowledged = -1
  const put = (text: string): void => {
    const { revision, hash, id, type, at } = trustEvent(text)
    insert.run(revision + 1, key, revision, id, type, text, at)
    last = { revision, hash }
    octets += Buffer.byteLength(text)
  }
  const write = (tap: number, businessDate: string, facts: readonly Fact[]): void => {
    const id = `00000000-0000-7000-8000-${(tap * 2 + (facts.length > 1 ? 1 : 0)).toString(16).padStart(12, '0')}`
    const act: Act = { id, at: `${businessDate}T12:00:00.000Z`, by: 'terminal:T-1', correlation: id, causation: id }
    for (const { text } of chain(crypto, tillWords, stream, last, facts, act, () => 'c2FsdHNhbHRzYWx0c2FsdA')) put(text)
  }
  const facts = tapLike(shop)
  db.transaction(() => {
    // It was put to work, and has its rules.
    for (const { text, type } of shop.log) {
      if (type === 'DayOpened') break
      put(text)
    }
    for (let tap = 1; tap <= taps; tap++) {
      const businessDate = dateOf(Math.floor((tap - 1) / tapsOfDay))
      if ((tap - 1) % tapsOfDay === 0) write(tap, businessDate, [{ type: 'DayOpened', data: { businessDate } }])
      write(tap, businessDate, facts(tap, businessDate))
      if (tap === taps - waiting) acknowledged = last?.revision ?? -1
      if (tap % 20_000 === 0) say(`${tap} taps written`)
    }
  })()
  db.close()
  store.setNote('acknowledgedTo', `${acknowledged}`)
  // No centre is there; the start does not wait for one.
  store.setNote('online', 'false')
  store.close()
  return octets
}

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

type Started = { readonly ready_ms: number; readonly rss_MB: number; readonly most_MB: number }

/** The terminal's own program, as it is shipped, from its spawning to its first answer. */
const started = async (folder: string, expected: number): Promise<Started> => {
  const [port, radio] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}`
  const args = ['--port', `${port}`, '--radio', `${radio}`, '--data', folder, '--centre', 'http://127.0.0.1:9']
  const began = now()
  const child: ChildProcess = spawn(process.execPath, [join(project, 'dist/apps/terminal/main.js'), ...args], {
    cwd: project,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(child, 'exit')
  try {
    const till = await answered(`${url}/api/till`, child)
    const ready_ms = now() - began
    if (till.waiting.count !== expected)
      throw new Error(`${till.waiting.count} payments wait on the till, not ${expected}`)
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    const told = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024
    return { ready_ms, rss_MB: told('VmRSS'), most_MB: told('VmHWM') }
  } finally {
    child.kill()
    await ended
  }
}

type TillAnswer = { readonly waiting: { readonly count: number } }

const answered = async (url: string, child: ChildProcess): Promise<TillAnswer> => {
  for (;;) {
    const response = await fetch(url).catch(() => undefined)
    if (response?.ok) return (await response.json()) as TillAnswer
    if (child.exitCode !== null)
      throw new Error('The terminal ended before it was ready: npm run build, then try again.')
    await sleep(5)
  }
}

export const start = async (folder: string, taps: number): Promise<Row> => {
  const shop = await openShop(join(folder, 'shop'), 2)
  const file = join(folder, 'log.sqlite')
  const octets = writeTaps(shop, file, taps)
  writeFileSync(join(folder, 'enrolled.json'), enrolledText({ identity: shop.identity, rules: shop.rules }))
  const forgetState = (): void => {
    const db = openSqlite(file)
    db.prepare("delete from notes where key = 'snapshot'").run()
    db.close()
  }
  // The first start reads all there is and keeps the state; files are warm for both.
  await started(folder, waiting)
  const kept: Started[] = []
  const all: Started[] = []
  for (let round = 0; round < rounds; round++) {
    kept.push(await started(folder, waiting))
    forgetState()
    all.push(await started(folder, waiting))
  }
  const ready = (starts: readonly Started[]) => starts.map(({ ready_ms }) => ready_ms)
  const most = (starts: readonly Started[]) => spread(starts.map(({ most_MB }) => most_MB))
  const rss = spread(kept.map(({ rss_MB }) => rss_MB))
  return {
    name: 'start',
    what: `a terminal's process from its spawning to its first answer over HTTP, ${rounds} rounds by turns`,
    durable: 'the log on a real file, and the state beside it; nothing is appended',
    checked: `${waiting} payments wait on the till after every start; the state is by its digest and the log's own event`,
    data: `${taps.toLocaleString('en')} past taps in SQLite, ${tapsOfDay} a day, five events and ${Math.round(octets / taps)} octets each`,
    figures: [
      { what: 'by the state that was kept', unit: 'ms', value: spread(ready(kept)), target: { atMost: 3000 } },
      { what: 'from the first event', unit: 'ms', value: spread(ready(all)) },
      { what: 'from the first event of by the state', unit: 'times', value: ratio(ready(all), ready(kept)) },
      { what: 'memory when it answers, by the state', unit: 'MB', value: rss, target: { atMost: 150 } },
      { what: 'most memory, by the state', unit: 'MB', value: most(kept) },
      { what: 'most memory, from the first event', unit: 'MB', value: most(all) },
    ],
  }
}

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { exactly, type Figure, type Pace, paceOf, type Row, ratio, ratioOf, spread } from '../measure.ts'
import type { Ground } from './appends.ts'
import { type Engine, openLane, paceOfTaken, type Read } from './lane.ts'
import { eachOfLog, writeLog } from './sqlite.ts'

/** Reading a whole log, and what it costs that a log is ten times as large. */

/** Each round a fresh process for each: what it held of memory is this reading's. */
const readings = async (
  rounds: number,
  readers: Readonly<Record<string, { readonly engine: Engine; readonly name: string; readonly at: string }>>,
  events: number,
): Promise<Record<string, Read[]>> => {
  const taken: Record<string, Read[]> = {}
  const names = Object.keys(readers)
  for (let round = 0; round < rounds; round++)
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length] as string
      const { engine, name: contestant, at } = readers[name] as (typeof readers)[string]
      const lane = await openLane(engine, contestant, at)
      const read = await lane.read()
      await lane.end()
      if (read.events !== events) throw new Error(`${name} read ${read.events} events of ${events}`)
      taken[name] = [...(taken[name] ?? []), read]
    }
  return taken
}

const paces = (reads: readonly Read[]): Pace[] => reads.map(read => paceOfTaken([read]))

const memoryOf = (what: string, reads: readonly Read[]): Figure[] => [
  { what: `${what}, most memory`, unit: 'MB', value: spread(reads.map(({ secondHalf_MB }) => secondHalf_MB)) },
]

export const reading = async ({ folder, size, noPeers }: Ground, events: number): Promise<Row> => {
  mkdirSync(folder)
  const at = join(folder, 'log.sqlite')
  writeLog(at, events)
  const readers: Parameters<typeof readings>[1] = {
    ours: { engine: 'sqlite', name: 'ours', at },
    bare: { engine: 'sqlite', name: 'bare', at },
    ...(noPeers === undefined
      ? { emmett: { engine: 'emmett', name: 'sqliteKept', at: join(folder, 'emmett.sqlite') } }
      : {}),
  }
  if (noPeers === undefined) {
    const { copyOfLog } = await import('../peers/emmett.ts')
    await copyOfLog(join(folder, 'emmett.sqlite'), at)
  }
  const taken = await readings(size.rounds, readers, events)
  const [ours = [], bare = [], emmett] = [taken['ours'], taken['bare'], taken['emmett']]
  return {
    name: 'store: SQLite, read all',
    what: `all events from the first to the last, each parsed, ${size.rounds} rounds by turns, each in a fresh process`,
    durable: 'nothing is written',
    checked: 'each reader saw every event, and looked into each',
    data: `${events.toLocaleString('en')} events of some 300 octets${noPeers === undefined ? '' : `; without emmett: ${noPeers}`}`,
    figures: [
      ...paceOf('ours', 'events/s', paces(ours)),
      ...paceOf('bare scan with JSON.parse', 'events/s', paces(bare)),
      ...ratioOf('ours of bare scan', paces(ours), paces(bare), { atLeast: 0.7 }),
      ...(emmett
        ? [
            ...paceOf('emmett-sqlite, by its readMessagesBatch', 'events/s', paces(emmett)),
            ...ratioOf('ours of emmett-sqlite', paces(ours), paces(emmett), { atLeast: 4 }),
          ]
        : []),
      ...memoryOf('ours', ours),
      {
        what: 'ours, most memory in the second half of that in the first',
        unit: 'times',
        value: spread(ours.map(({ firstHalf_MB, secondHalf_MB }) => secondHalf_MB / firstHalf_MB)),
        target: { atMost: 1.1 },
      },
      ...memoryOf('bare scan', bare),
      ...(emmett ? memoryOf('emmett-sqlite', emmett) : []),
    ],
  }
}

/** Appends to streams of the log, far apart, and reads of all: in a log, and in one ten times as large. */
export const larger = async ({ folder, size: { rounds, slices } }: Ground, events: number): Promise<Row> => {
  mkdirSync(folder)
  const logs = { small: events / 10, large: events }
  const [small, large] = (['small', 'large'] as const).map(name => join(folder, `${name}.sqlite`)) as [string, string]
  writeLog(small, logs.small)
  writeLog(large, logs.large)
  const streamsOf = (held: number) => ({ count: held / eachOfLog, each: eachOfLog })
  const lanes = {
    small: await openLane('sqlite', 'ours', small),
    large: await openLane('sqlite', 'ours', large),
  }
  const appends: Record<'small' | 'large', Pace[]> = { small: [], large: [] }
  const reads: Record<'small' | 'large', Pace[]> = { small: [], large: [] }
  const appended = { small: 0, large: 0 }
  for (let round = -1; round < rounds; round++) {
    const taken: Record<'small' | 'large', Awaited<ReturnType<typeof lanes.small.append>>[]> = { small: [], large: [] }
    for (let slice = 0; slice < slices; slice++)
      for (const name of slice % 2 === 0 ? (['small', 'large'] as const) : (['large', 'small'] as const)) {
        const done = await lanes[name].append({ appenders: 1, commits: 40, each: 1, streams: streamsOf(logs[name]) })
        appended[name] += done.events
        taken[name].push(done)
      }
    const read = { small: await lanes.small.read(), large: await lanes.large.read() }
    if (round < 0) continue
    for (const name of ['small', 'large'] as const) {
      appends[name].push(paceOfTaken(taken[name]))
      reads[name].push(paceOfTaken([read[name]]))
    }
  }
  const memory: Figure[] = []
  for (const name of ['small', 'large'] as const) {
    const { held, most_MB } = await lanes[name].end()
    if (held !== logs[name] + appended[name]) throw new Error(`The ${name} log holds ${held} events`)
    memory.push({ what: `most memory, ${name} log`, unit: 'MB', value: exactly(most_MB) })
  }
  const told = (name: 'small' | 'large') => `log of ${logs[name].toLocaleString('en')}`
  const perSecond = (paces: readonly Pace[]) => paces.map(({ perSecond }) => perSecond)
  const cost = (paces: typeof appends) => ratio(perSecond(paces.small), perSecond(paces.large))
  return {
    name: 'store: SQLite, ten times as large',
    what: `the same work on a log and on one ten times as large, ${rounds} rounds by turns`,
    durable: 'every commit, as above',
    checked: 'the expected revision at every append; both logs hold what was written and appended',
    data: `streams of ${eachOfLog} events each; an event is appended to one of them, then to one far from it`,
    figures: [
      ...(['small', 'large'] as const).map(
        (name): Figure => ({
          what: `1 event a commit, ${told(name)}`,
          unit: 'events/s',
          value: spread(perSecond(appends[name])),
        }),
      ),
      { what: 'cost of an append, large of small', unit: 'times', value: cost(appends), target: { atMost: 1.2 } },
      ...(['small', 'large'] as const).map(
        (name): Figure => ({
          what: `read all, ${told(name)}`,
          unit: 'events/s',
          value: spread(perSecond(reads[name])),
        }),
      ),
      { what: 'cost of reading an event, large of small', unit: 'times', value: cost(reads), target: { atMost: 1.2 } },
      ...memory,
    ],
  }
}

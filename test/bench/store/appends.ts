import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { exactly, type Figure, type Pace, type Row, ratio, spread } from '../measure.ts'
import { startDouble } from './kurrentdb.ts'
import { type Lane, type Load, openLane, paceOfTaken, type Taken } from './lane.ts'

/** Durable appends of small events: ours, what lies under it by hand, and a peer, slice by slice in turn. */

export type Size = { readonly rounds: number; readonly slices: number }
/** Where to work, how long, and why there is no peer. */
export type Ground = { readonly folder: string; readonly size: Size; readonly noPeers: string | undefined }

/** Every contestant in every kind of work that it takes part in: a slice of each, and so on, in as many rounds. */
export const compete = async (
  lanes: Readonly<Record<string, Lane>>,
  kinds: Readonly<Record<string, Load>>,
  { rounds, slices }: Size,
  takesPart: (lane: string, kind: string) => boolean = () => true,
) => {
  const pairs = Object.keys(kinds).flatMap(kind =>
    Object.keys(lanes).flatMap(lane => (takesPart(lane, kind) ? [{ lane, kind }] : [])),
  )
  const paces = new Map<string, Pace[]>()
  const appended: Record<string, number> = {}
  // The first round warms up and is not counted.
  for (let round = -1; round < rounds; round++) {
    const taken = new Map<string, Taken[]>()
    for (let slice = 0; slice < slices; slice++)
      for (let turn = 0; turn < pairs.length; turn++) {
        const { lane, kind } = pairs[(turn + slice) % pairs.length] as (typeof pairs)[number]
        const done = await (lanes[lane] as Lane).append(kinds[kind] as Load)
        appended[lane] = (appended[lane] ?? 0) + done.events
        const key = `${lane}, ${kind}`
        taken.set(key, [...(taken.get(key) ?? []), done])
      }
    if (round < 0) continue
    for (const [key, slices] of taken) paces.set(key, [...(paces.get(key) ?? []), paceOfTaken(slices)])
  }
  const perSecond = (lane: string, kind: string): number[] =>
    (paces.get(`${lane}, ${kind}`) ?? []).map(({ perSecond }) => perSecond)
  return {
    appended,
    pace: (what: string, lane: string, kind: string): Figure[] =>
      paces.has(`${lane}, ${kind}`) ? [{ what, unit: 'events/s', value: spread(perSecond(lane, kind)) }] : [],
    /** How many times as fast the one is as the other, against the target where there is one. */
    times: (
      what: string,
      [a, inKind]: [string, string],
      [b, inOther]: [string, string],
      atLeast?: number,
    ): Figure[] => {
      if (!paces.has(`${a}, ${inKind}`) || !paces.has(`${b}, ${inOther}`)) return []
      const value = ratio(perSecond(a, inKind), perSecond(b, inOther))
      return [{ what, unit: 'times', value, ...(atLeast === undefined ? {} : { target: { atLeast } }) }]
    },
  }
}

/** Ends all lanes; each must hold what was appended to it, on top of what it held before. */
export const endAll = async (
  lanes: Readonly<Record<string, Lane>>,
  appended: Readonly<Record<string, number>>,
  names: Readonly<Record<string, string>>,
  before = 0,
): Promise<{ readonly durable: string; readonly memory: Figure[] }> => {
  const memory: Figure[] = []
  const durable: string[] = []
  for (const [name, lane] of Object.entries(lanes)) {
    const ended = await lane.end()
    const expected = before + (appended[name] ?? 0)
    if (ended.held !== expected) throw new Error(`${name} holds ${ended.held} events, and ${expected} were appended`)
    memory.push({ what: `most memory of the process, ${names[name]}`, unit: 'MB', value: exactly(ended.most_MB) })
    durable.push(`${names[name]}: ${ended.durable}`)
  }
  return { durable: durable.join('; '), memory }
}

const kinds = {
  '1 event a commit': { appenders: 1, commits: 24, each: 1 },
  '3 events a commit': { appenders: 1, commits: 16, each: 3 },
  '100 events a commit': { appenders: 1, commits: 3, each: 100 },
} as const satisfies Record<string, Load>

const data = 'events of some 300 octets of JSON; each contestant is a process with a log of its own'

export const sqliteAppends = async ({ folder, size, noPeers }: Ground): Promise<Row> => {
  mkdirSync(folder)
  const at = (name: string) => join(folder, `${name}.sqlite`)
  const names = {
    ours: 'ours',
    bare: 'bare better-sqlite3',
    emmett: 'emmett-sqlite',
    emmettKept: 'emmett-sqlite, one connection',
  }
  const lanes: Record<string, Lane> = {
    ours: await openLane('sqlite', 'ours', at('ours')),
    bare: await openLane('sqlite', 'bare', at('bare')),
  }
  if (noPeers === undefined) {
    lanes['emmett'] = await openLane('emmett', 'sqlite', at('emmett'))
    lanes['emmettKept'] = await openLane('emmett', 'sqliteKept', at('emmett-kept'))
  }
  const many = '16 appenders at once, 1 event a commit'
  // emmett's connections fight for the file: with several at once it fails where SQLite says it is locked.
  const all = { ...kinds, [many]: { appenders: 16, commits: 12, each: 1 } }
  const found = await compete(lanes, all, size, (lane, kind) => kind !== many || lane === 'ours')
  const { durable, memory } = await endAll(lanes, found.appended, names)
  return {
    name: 'store: SQLite, append',
    what: `durable append, ${size.rounds} rounds of ${size.slices} slices by turns`,
    durable: `every commit. ${durable}`,
    checked: 'ours and emmett check the expected revision; each holds as many events as were appended to it',
    data: noPeers === undefined ? data : `${data}; without emmett: ${noPeers}`,
    figures: [
      ...Object.keys(kinds).flatMap(kind => [
        ...Object.entries(names).flatMap(([lane, name]) => found.pace(`${kind}, ${name}`, lane, kind)),
        ...found.times(`${kind}, ours of bare`, ['ours', kind], ['bare', kind], 0.8),
        ...found.times(
          `${kind}, ours of emmett-sqlite`,
          ['ours', kind],
          ['emmett', kind],
          kind === '100 events a commit' ? 2 : 8,
        ),
      ]),
      ...found.pace(`${many}, ours`, 'ours', many),
      ...found.times('16 appenders of one, ours', ['ours', many], ['ours', '1 event a commit'], 3),
      ...memory,
    ],
  }
}

/** A server whose databases are made by `make`, each for one contestant. */
export type Server = { make(database: string): string }

export const postgresAppends = async ({ size, noPeers }: Ground, server: Server): Promise<Row> => {
  const names = { ours: 'ours', byHand: 'pg by hand', emmett: 'emmett-postgresql' }
  const lanes: Record<string, Lane> = {
    ours: await openLane('postgres', 'ours', server.make('ours')),
    byHand: await openLane('postgres', 'byHand', server.make('by_hand')),
    ...(noPeers === undefined ? { emmett: await openLane('emmett', 'postgres', server.make('emmett')) } : {}),
  }
  const many = '8 appenders at once, 1 event a commit'
  const all: Record<string, Load> = { ...kinds, [many]: { appenders: 8, commits: 12, each: 1 } }
  const found = await compete(lanes, all, size)
  const { durable, memory } = await endAll(lanes, found.appended, names)
  return {
    name: 'store: PostgreSQL, append',
    what: `durable append, ${size.rounds} rounds of ${size.slices} slices by turns, over TCP on the same machine`,
    durable: `every commit. ${durable}`,
    checked:
      'all check the expected revision; each holds as many events as were appended to it. By hand there is no order ' +
      'without gaps, no notification and no repeat: ours has all three',
    data: noPeers === undefined ? data : `${data}; without emmett: ${noPeers}`,
    figures: [
      ...Object.keys(all).flatMap(kind => [
        ...Object.entries(names).flatMap(([lane, name]) => found.pace(`${kind}, ${name}`, lane, kind)),
        ...found.times(`${kind}, ours of pg by hand`, ['ours', kind], ['byHand', kind], 0.7),
        ...found.times(`${kind}, ours of emmett-postgresql`, ['ours', kind], ['emmett', kind], 2),
        ...found.times(`${kind}, pg by hand of emmett-postgresql`, ['byHand', kind], ['emmett', kind]),
      ]),
      ...memory,
    ],
  }
}

export const kurrentdbAppends = async ({ size }: Ground): Promise<Row> => {
  const names = { ours: 'ours', bare: 'bare client', hearing: 'bare client that also subscribes' }
  const doubles = [await startDouble(), await startDouble(), await startDouble()] as const
  const lanes: Record<string, Lane> = {
    ours: await openLane('kurrentdb', 'ours', doubles[0].url),
    bare: await openLane('kurrentdb', 'bare', doubles[1].url),
    hearing: await openLane('kurrentdb', 'hearing', doubles[2].url),
  }
  const many = '12 appenders at once, 1 event a commit'
  const all: Record<string, Load> = { ...kinds, [many]: { appenders: 12, commits: 12, each: 1 } }
  const found = await compete(lanes, all, size)
  const { durable, memory } = await endAll(lanes, found.appended, names)
  for (const double of doubles) await double.end()
  return {
    name: 'store: KurrentDB, append',
    what: `append to a double of the server, ${size.rounds} rounds of ${size.slices} slices by turns; nothing is claimed for a server`,
    durable,
    checked:
      'each holds as many events as were appended to it; ours waits until its event came back with its log index',
    data: `${data}, and a double in a further process`,
    figures: [
      ...Object.keys(all).flatMap(kind => [
        ...Object.entries(names).flatMap(([lane, name]) => found.pace(`${kind}, ${name}`, lane, kind)),
        ...found.times(`${kind}, ours of bare client`, ['ours', kind], ['bare', kind], 0.8),
        ...found.times(`${kind}, ours of one that subscribes`, ['ours', kind], ['hearing', kind]),
      ]),
      ...memory,
    ],
  }
}

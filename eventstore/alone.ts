import { type EventStore, readStream } from '#eventstore'
import { logged, type Skips } from '#eventstore/follower'
import { memoryRows } from '#eventstore/memory/rows'
import type { LoggedEvent, Mend, Projection, Row, Rows, RowsReader } from '#eventstore/rows'
import { keyText, tableOf } from './folding.ts'

/** One subject's rows, folded alone from its own streams and held against the live ones. */

export type Alone = {
  readonly store: Pick<EventStore, 'read' | 'readAll'>
  readonly rows: Rows
  readonly projection: Projection
  readonly skips: Skips
  readonly subject: string
  /** Streams and log indices that hold all that touches it, as one moment's rows know them. */
  readonly whereabouts: (
    rows: RowsReader,
  ) => Promise<{ readonly streams: readonly string[]; readonly indices: readonly number[] }>
}

export type Wrong = Mend & { readonly held: Row | undefined }

export type Compared = {
  /** Of the streams' events, those that the rows have in them and that touch the subject. */
  readonly events: number
  /** Everything before this log index is in both. */
  readonly next: number
  readonly wrong: readonly Wrong[]
}

/** Streams or events that are asked for at a time. */
const atOnce = 16

const inParts = async <Asked, Found>(
  all: readonly Asked[],
  ask: (one: Asked) => Promise<readonly Found[]>,
): Promise<Found[]> => {
  const found: Found[] = []
  for (let from = 0; from < all.length; from += atOnce)
    found.push(...(await Promise.all(all.slice(from, from + atOnce).map(ask))).flat())
  return found
}

const eventsAt = async (
  store: Alone['store'],
  { streams, indices }: Awaited<ReturnType<Alone['whereabouts']>>,
): Promise<LoggedEvent[]> => {
  const found = await inParts(streams, stream => readStream(store, stream))
  const known = new Set(found.map(({ index }) => index))
  const elsewhere = indices.filter(index => !known.has(index))
  found.push(
    ...(await inParts(elsewhere, async index => {
      for await (const page of store.readAll({ from: index, pageSize: 1 })) return page
      return []
    })),
  )
  return found.map(logged).sort((a, b) => a.index - b.index)
}

export const compareAlone = async (asked: Alone): Promise<Compared> => {
  const { store, rows, projection, skips, subject, whereabouts } = asked
  const { subjects } = projection
  if (!subjects) throw new RangeError(`Projection ${projection.name} has no rows that can be folded alone`)
  const parts = subjects.rowsOf(subject)
  const rowsIn = (reader: RowsReader): Promise<Row[][]> =>
    Promise.all(parts.map(({ table, where }) => reader.select(projection, table, { where })))
  const over = new Set((await skips.of(projection.name)).map(({ index }) => index))
  const { next, held, where } = await rows.snapshot(async now => ({
    next: await now.checkpoint(projection),
    held: await rowsIn(now),
    where: await whereabouts(now),
  }))
  const events = (await eventsAt(store, where)).filter(
    event =>
      event.index < next &&
      projection.wants(event.type) &&
      !over.has(event.index) &&
      subjects.touches(event).includes(subject),
  )
  const fresh = memoryRows()
  await fresh.apply(projection, events, { from: 0, next })
  const right = await rowsIn(fresh)
  return {
    events: events.length,
    next,
    wrong: parts.flatMap(({ table }, place) => differing(projection, table, held[place] ?? [], right[place] ?? [])),
  }
}

const differing = (projection: Projection, table: string, held: readonly Row[], right: readonly Row[]): Wrong[] => {
  const { key, columns } = tableOf(projection, table)
  const keyOf = (row: Row) => key.map(column => row[column] as string | bigint)
  const [there, here] = [held, right].map(rows => new Map(rows.map(row => [keyText(keyOf(row)), row])))
  const found: Wrong[] = []
  for (const [text, row] of here as Map<string, Row>) {
    const was = there?.get(text)
    if (!was || Object.keys(columns).some(column => (was[column] ?? null) !== (row[column] ?? null)))
      found.push({ table, key: keyOf(row), row, held: was })
  }
  for (const [text, was] of there as Map<string, Row>)
    if (!here?.has(text)) found.push({ table, key: keyOf(was), row: undefined, held: was })
  return found
}

/** Compares, and puts right what is wrong; again where the rows moved on in between. */
export const mendAlone = async (asked: Alone): Promise<Compared> => {
  for (;;) {
    const compared = await compareAlone(asked)
    if (compared.wrong.length === 0) return compared
    if (await asked.rows.mend(asked.projection, compared.wrong, compared.next)) return compared
  }
}

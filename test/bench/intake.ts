import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { base64url } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import { type Event, trustEvent } from '#canonical/event'
import type { EventStore, StoredEvent } from '#eventstore'
import { openSqlite, sqliteStore } from '#eventstore/sqlite'
import { nodeCrypto } from '#machine/crypto'
import { type BatchBody, makeBatch } from '#sync/batch'
import { intake } from '../../apps/back-office/intake.ts'
import { standings } from '../../apps/back-office/standing.ts'
import { byTurns, type Pace, paced, paceOf, type Row, ratioOf } from './measure.ts'
import type { Shop } from './shop.ts'

const rounds = 5
const batchEvents = 500

/** The terminal's log in signed batches, as it sends them. */
export const batchesOf = ({ identity, log }: Shop): BatchBody[] => {
  const { terminal, origin, mode, keys } = identity
  return Array.from({ length: Math.floor(log.length / batchEvents) }, (_, place) => {
    const from = place * batchEvents
    const events = log.slice(from, from + batchEvents)
    const head = trustEvent((events.at(-1) as StoredEvent).text).hash
    const waiting = { count: 0, sum: '0', currency: 'EUR' }
    const statement = { origin, terminal, mode, from, count: events.length, head, waiting }
    return makeBatch(
      nodeCrypto(),
      keys.p256,
      statement,
      events.map(({ text }) => text),
    )
  })
}

/** A log that holds what another one held; neighbours of a stream go in together. */
export const copyInto = async (store: EventStore, events: readonly StoredEvent[]): Promise<void> => {
  let group: StoredEvent[] = []
  for (const [place, event] of events.entries()) {
    group.push(event)
    const next = events[place + 1]
    if (next?.stream === event.stream && group.length < 500) continue
    const { stream, revision } = group[0] as StoredEvent
    await store.append(stream, revision === 0 ? 'NoStream' : revision - 1, group)
    group = []
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

export const intakeRow = async (shop: Shop, folder: string): Promise<Row> => {
  const batches = batchesOf(shop)
  const count = batches.length * batchEvents
  const crypto = nodeCrypto()
  const now = () => new Date().toISOString()
  const salt = () => base64url(crypto.random(16))

  const takeIn = async (round: number): Promise<Pace> => {
    const store = sqliteStore(join(folder, `centre-${round}.sqlite`), now)
    await copyInto(
      store,
      shop.centre.filter(({ stream }) => stream.startsWith('enrolment-')),
    )
    const accept = intake({
      store,
      crypto,
      origin: shop.keys.origin,
      mode: shop.keys.mode,
      known: standings(store),
      salt,
      now,
      contradicting: async () => undefined,
      onFault: () => {},
    })
    const taken = await paced(count, async () => {
      for (const batch of batches) {
        const answer = await accept('T-1', batch)
        if (isRefusal(answer)) throw new Error(answer.message)
      }
    })
    const held = store.size()
    store.close()
    if (held === 0) throw new Error('Nothing was kept')
    return taken
  }

  /** What no intake can go without: parse, hash data and envelope, insert; and one signature of a batch is not in it. */
  const bare = async (round: number): Promise<Pace> => {
    const file = join(folder, `bare-${round}.sqlite`)
    sqliteStore(file, now).close()
    const db = openSqlite(file)
    db.prepare('insert into streams (key, name) values (1, ?)').run('terminal-T-1')
    const insert = db.prepare(
      'insert into events (position, stream, revision, id, type, text, stored_at) values (?, 1, ?, ?, ?, ?, ?)',
    )
    let held = 0
    const write = db.transaction((texts: readonly string[]) => {
      for (const text of texts) {
        const { id, type, data, ...envelope } = JSON.parse(text) as Event
        sha256(JSON.stringify({ ...envelope, data: sha256(JSON.stringify(data)) }))
        insert.run(held + 1, held, id, type, text, now())
        held += 1
      }
    })
    const taken = await paced(count, () => {
      for (const { events } of batches) write.immediate(events)
    })
    db.close()
    return taken
  }

  await takeIn(-1)
  await bare(-1)
  const rates = await byTurns(rounds, { takeIn, bare })
  const octets = shop.log.slice(0, count).reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
  return {
    name: 'intake',
    what: `batches of a terminal into the centre's log, ${rounds} rounds by turns`,
    durable: 'every batch and every BatchAccepted: WAL, synchronous=FULL, two commits a batch',
    checked:
      'enrolment, statement signature, contiguity, canonical form, both hashes of each event, chain, shape; bare: JSON.parse, two SHA-256, the same inserts',
    data: `${count} events of taps in ${batches.length} batches of ${batchEvents}, ${Math.round(octets / count)} octets an event`,
    figures: [
      ...paceOf('intake', 'events/s', rates.takeIn, { atLeast: 10_000 }),
      ...paceOf('bare parse, hashes and inserts', 'events/s', rates.bare),
      ...ratioOf('intake of bare', rates.takeIn, rates.bare),
    ],
  }
}

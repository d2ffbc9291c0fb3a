import { Client, Pool } from 'pg'
import type { Event } from '#canonical/event'
import { postgresStore } from '#eventstore/postgres'
import { type Contestant, type Opens } from './contestant.ts'

const now = () => new Date().toISOString()

const ask = async (url: string, text: string): Promise<unknown[]> => {
  const client = new Client({ connectionString: url })
  await client.connect()
  const answer: { rows?: unknown[][] } = await client.query({ text, rowMode: 'array' })
  await client.end()
  return answer.rows?.[0] ?? []
}
export const durableOf = async (url: string): Promise<string> => {
  const [fsync, commit, version] = await ask(
    url,
    "select current_setting('fsync'), current_setting('synchronous_commit'), current_setting('server_version')",
  )
  return `PostgreSQL ${String(version)}, fsync ${String(fsync)}, synchronous_commit ${String(commit)}`
}
const parse = (text: string): void => {
  if ((JSON.parse(text) as Event).revision < 0) throw new Error('no event')
}

const ours = async (url: string): Promise<Contestant> => {
  const store = await postgresStore(url, now)
  return {
    append: (stream, held, events) => store.append(stream, held === 0 ? 'NoStream' : held - 1, events),
    readAll: async page => {
      for await (const events of store.readAll({ from: 0 })) {
        for (const { text } of events) parse(text)
        page(events.length)
      }
    },
    count: async () => Number((await ask(url, 'select count(*) from tallystick.events'))[0]),
    durable: () => durableOf(url),
    close: () => store.close(),
  }
}

/**
 * What one writes by hand: the revision checked and all events inserted by one prepared statement, in one round trip, a
 * connection for each appender. Its positions come from a sequence, so they have gaps and may appear out of order, it
 * notifies nobody and knows no repeat.
 */
const byHand = async (url: string): Promise<Contestant> => {
  await ask(
    url,
    `create schema if not exists hand;
     create table if not exists hand.streams (key bigint generated always as identity primary key,
       name text collate "C" not null unique, last bigint not null) with (fillfactor = 80);
     create table if not exists hand.events (position bigint generated always as identity primary key,
       stream bigint not null, revision bigint not null, id uuid not null, type text not null, text text not null,
       stored_at text not null);
     create unique index if not exists events_by_stream on hand.events (stream, revision);`,
  )
  const pool = new Pool({ connectionString: url, max: 8 })
  const inserting = `insert into hand.events (stream, revision, id, type, text, stored_at)
    select key, $2 + n, i, k, t, $7 from of_stream,
      unnest($4::uuid[], $5::text[], $6::text[]) with ordinality as added (i, k, t, n) returning position`
  const first = {
    name: 'first',
    text: `with of_stream as (insert into hand.streams (name, last) values ($1, $2::bigint + $3)
      on conflict (name) do nothing returning key) ${inserting}`,
  }
  const further = {
    name: 'further',
    text: `with of_stream as (update hand.streams set last = last + $3 where name = $1 and last = $2::bigint
      returning key) ${inserting}`,
  }
  return {
    append: async (stream, held, events) => {
      const values = [
        stream,
        held - 1,
        events.length,
        events.map(({ id }) => id),
        events.map(({ type }) => type),
        events.map(({ text }) => text),
        now(),
      ]
      const { rowCount } = await pool.query({ ...(held === 0 ? first : further), values, rowMode: 'array' })
      if (rowCount !== events.length) throw new Error(`${stream} was not at ${held - 1}`)
    },
    readAll: async page => {
      for (let from = 0; ; ) {
        const { rows } = await pool.query<[string, string]>({
          name: 'page',
          text: 'select position, text from hand.events where position > $1 order by position limit 1000',
          values: [from],
          rowMode: 'array',
        })
        for (const [, text] of rows) parse(text)
        page(rows.length)
        if (rows.length < 1000) return
        from = Number(rows.at(-1)?.[0])
      }
    },
    count: async () => Number((await ask(url, 'select count(*) from hand.events'))[0]),
    durable: () => durableOf(url),
    close: () => pool.end(),
  }
}

export const contestants: Record<string, Opens> = { ours, byHand }

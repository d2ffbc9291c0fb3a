import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { kurrentStore } from '#eventstore/kurrentdb'
import { kurrentDouble } from '../../kurrentdb/double.ts'
import type { Contestant, Opens } from './contestant.ts'

const memory = async () => "none: the tests' double keeps all in memory"

/** How many user events the log behind it holds, counted by a client of its own. */
const countAt = async (url: string): Promise<number> => {
  const { excludeSystemEvents, KurrentDBClient } = await import('@kurrent/kurrentdb-client')
  const client = KurrentDBClient.connectionString(url)
  let count = 0
  for await (const { event } of client.readAll({ filter: excludeSystemEvents() }))
    if (event !== undefined && !event.streamId.startsWith('$')) count += 1
  await client.dispose()
  return count
}

const ours = async (url: string): Promise<Contestant> => {
  const store = await kurrentStore(url, () => new Date().toISOString())
  return {
    append: (stream, held, events) => store.append(stream, held === 0 ? 'NoStream' : held - 1, events),
    readAll: async page => {
      for await (const events of store.readAll({ from: 0 })) {
        for (const { text } of events) JSON.parse(text)
        page(events.length)
      }
    },
    count: () => countAt(url),
    durable: memory,
    close: () => store.close(),
  }
}

/**
 * The client as its manual has it: it stringifies and parses, and says when the server has answered. One that `hears` is
 * also subscribed to all events, as a node with followers is, and as ours is by itself, to know their log index.
 */
const bare = async (url: string, hears = false): Promise<Contestant> => {
  const { excludeSystemEvents, jsonEvent, KurrentDBClient, NO_STREAM } = await import('@kurrent/kurrentdb-client')
  const client: KurrentDBClient = KurrentDBClient.connectionString(url)
  if (hears) client.subscribeToAll({ filter: excludeSystemEvents() }).on('data', () => {})
  return {
    append: (stream, held, events) =>
      client.appendToStream(
        stream,
        events.map(({ id, type, text }) => jsonEvent({ id, type, data: JSON.parse(text) as Record<string, unknown> })),
        { streamState: held === 0 ? NO_STREAM : BigInt(held - 1) },
      ),
    readAll: async page => {
      for await (const { event } of client.readAll({ filter: excludeSystemEvents() })) if (event !== undefined) page(1)
    },
    count: () => countAt(url),
    durable: memory,
    close: () => client.dispose(),
  }
}

export const contestants: Record<string, Opens> = { ours, bare: url => bare(url), hearing: url => bare(url, true) }

/** A double in a process of its own, so that what a lane's process takes is the client's work alone. */
export const startDouble = async (): Promise<{ readonly url: string; end(): Promise<void> }> => {
  const child = fork(import.meta.filename, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [url] = (await once(child, 'message')) as [string]
  return {
    url,
    end: async () => {
      child.kill()
      await once(child, 'exit')
    },
  }
}

if (import.meta.main) {
  const double = await kurrentDouble()
  process.send?.(double.url)
  // It ends with whoever started it.
  process.on('disconnect', () => process.exit())
}

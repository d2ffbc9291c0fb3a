import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { fromBase64url } from '#canonical/bytes'
import { type Event, EventMalformed, streamSeed, verifyEvent } from '#canonical/event'
import { project } from '#eventstore/follower'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { certificateHash } from '#license/certificate'
import { nodeCrypto } from '#machine/crypto'
import { projections } from '#projections'
import { openSource, sourceOptions } from './source.ts'

/**
 * `tally fsck`: every event's hash, every chain, every revision; and the rows against a refold of the log. Exit 0 where
 * all holds; each thing that does not is one line.
 */
export const fsck = async (args: readonly string[]): Promise<number> => {
  const { values } = parseArgs({ args: [...args], options: sourceOptions })
  const crypto = nodeCrypto()
  const source = openSource(crypto, values)
  const found: string[] = []
  try {
    const heads = new Map<string, { readonly revision: number; readonly hash: string }>()
    let events = 0
    for await (const page of source.store.readAll({ from: 0 }))
      for (const stored of page) {
        if (stored.index !== events) found.push(`log index ${events} is missing: the next is ${stored.index}`)
        events = stored.index + 1
        const name = `${stored.stream} revision ${stored.revision} (${stored.type}, log index ${stored.index})`
        let event: Event
        try {
          event = verifyEvent(crypto, stored.text)
        } catch (error) {
          if (!(error instanceof EventMalformed)) throw error
          found.push(`${name}: ${error.found}`)
          continue
        }
        const head = heads.get(stored.stream)
        const expected = head === undefined ? 0 : head.revision + 1
        const prev = head?.hash ?? seedOf(crypto, event)
        if (event.revision !== expected || stored.revision !== expected)
          found.push(`${name}: expected revision ${expected}`)
        else if (event.prev !== prev) found.push(`${name}: its prev is not the hash of the event before it`)
        if (event.stream !== stored.stream || event.id !== stored.id || event.type !== stored.type)
          found.push(`${name}: the store's columns differ from the event's own words`)
        heads.set(stored.stream, { revision: stored.revision, hash: event.hash })
      }
    const rows = existsSync(source.rows) && values.log === undefined ? await compareRows(crypto, source) : []
    for (const { name, equal } of rows)
      if (!equal) found.push(`rows of ${name} differ from a refold of the log: rebuild them`)
    const figures = { events, streams: heads.size, rows: rows.map(({ name, equal }) => ({ name, equal })), found }
    if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`)
    else {
      for (const line of found) process.stdout.write(`${line}\n`)
      const checked =
        rows.length === 0 ? 'no rows to compare' : `rows of ${rows.map(({ name }) => name).join(', ')} compared`
      process.stdout.write(
        `${events} events in ${heads.size} streams, ${checked}: ${found.length === 0 ? 'all holds' : `${found.length} found`}\n`,
      )
    }
    return found.length === 0 ? 0 : 1
  } finally {
    source.store.close()
  }
}

const seedOf = (crypto: ReturnType<typeof nodeCrypto>, event: Event): string => {
  const { certificate } = event.data as { certificate?: string }
  return event.type === 'TerminalCommissioned' && certificate !== undefined
    ? certificateHash(crypto, fromBase64url(certificate))
    : streamSeed(crypto, event.stream)
}

/** Folds the log again in memory up to where each stored projection stands, and compares fingerprints. */
const compareRows = async (crypto: ReturnType<typeof nodeCrypto>, source: ReturnType<typeof openSource>) => {
  const held = sqliteRows(source.rows)
  const fresh = sqliteRows(':memory:')
  try {
    const compared: { name: string; equal: boolean }[] = []
    for (const projection of projections) {
      const upTo = held.checkpoint(projection)
      const stop = new AbortController()
      const upToThere = {
        follow: async function* (options: Parameters<typeof source.store.follow>[0]) {
          for await (const page of source.store.readAll(options)) {
            const part = page.filter(event => event.index < upTo)
            if (part.length > 0) yield part
            if (part.length < page.length) break
          }
          stop.abort()
        },
      }
      await project({ store: upToThere, rows: fresh, projections: [projection], signal: stop.signal })
      compared.push({
        name: projection.name,
        equal: held.fingerprint(projection, crypto) === fresh.fingerprint(projection, crypto),
      })
    }
    return compared
  } finally {
    held.close()
    fresh.close()
  }
}

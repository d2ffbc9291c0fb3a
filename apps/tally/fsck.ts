import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { fromBase64url } from '#canonical/bytes'
import { type Event, EventMalformed, streamSeed, trustEvent, verifyEvent } from '#canonical/event'
import type { EventStore } from '#eventstore'
import { project } from '#eventstore/follower'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { type TradeEvent, understood } from '#ledger/vocabulary'
import { certificateHash } from '#license/certificate'
import { nodeCrypto } from '#machine/crypto'
import { formatAmount } from '#money'
import { projections } from '#projections'
import { type Head, type Held, reconcile, type Witness } from '#reconciliation'
import { openSource, sourceOptions } from './source.ts'

/**
 * `tally fsck`: every event's hash, every chain, every revision; each terminal's stream against its own totals and the
 * verdicts on it; and the rows against a refold of the log. Exit 0 where all holds; each thing that does not is one line.
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
    found.push(...(await reconcileTerminals(crypto, source.store)))
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

/**
 * Each terminal's stream beside its own day totals, the heads it signed and the verdicts on it: what is missing,
 * doubled or altered, with its amount.
 */
const reconcileTerminals = async (crypto: ReturnType<typeof nodeCrypto>, store: EventStore): Promise<string[]> => {
  const terminals = new Map<string, Held[]>()
  const witnesses = new Map<string, Witness[]>()
  const heads = new Map<string, Head[]>()
  const listOf = <Item>(of: Map<string, Item[]>, terminal: string): Item[] => {
    const list = of.get(terminal) ?? []
    of.set(terminal, list)
    return list
  }
  for await (const page of store.readAll({ from: 0 }))
    for (const { stream, revision, id, type, text } of page) {
      if (stream.startsWith('terminal-')) {
        listOf(terminals, stream.slice('terminal-'.length)).push({ revision, id, type, text })
        continue
      }
      const stored = readable(text)
      const event = stored && understood(stored)
      if (!event) continue
      if (event.type === 'BatchAccepted') {
        const { terminal, from, count, head } = event.data
        listOf(heads, terminal).push({ revision: from + count - 1, hash: head })
      }
      const witness = witnessOf(event)
      if (witness) listOf(witnesses, witness.terminal).push(witness)
    }
  return [...terminals].flatMap(([terminal, held]) =>
    reconcile(crypto, terminal, held, {
      witnesses: witnesses.get(terminal) ?? [],
      heads: heads.get(terminal) ?? [],
    }).differences.map(
      ({ kind, amount, currency, message }) => `${kind} ${formatAmount(amount, currency)} ${currency}: ${message}`,
    ),
  )
}

const readable = (text: string): Event | undefined => {
  try {
    return trustEvent(text)
  } catch {
    // Found above, by its hash.
    return undefined
  }
}

const witnessOf = (event: TradeEvent): (Witness & { readonly terminal: string }) | undefined => {
  switch (event.type) {
    case 'PaymentAccepted':
    case 'PaymentHeld': {
      const { event: of, transaction, gross, currency, terminal } = event.data
      return { event: of, transaction, line: 'sales', amount: BigInt(gross), currency, terminal }
    }
    case 'ReversalAccepted':
    case 'ReversalHeld': {
      const { event: of, transaction, amount, currency, terminal, kind } = event.data
      const line = kind === 'void' ? 'voids' : 'refunds'
      return { event: of, transaction, line, amount: BigInt(amount), currency, terminal }
    }
    default:
      return undefined
  }
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

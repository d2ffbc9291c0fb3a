import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Crypto } from '#canonical/crypto'
import { type Event, trustEvent } from '#canonical/event'
import type { EventStore } from '#eventstore'
import { project } from '#eventstore/follower'
import { openRows, readAddress } from '#eventstore/open'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { expiry, expiryBy } from '#evidence/expiry'
import { owing, owingBy } from '#evidence/owing'
import { reactorSalt } from '#evidence/reaction'
import { skipsIn } from '#evidence/skips'
import { suspension, suspensionBy } from '#evidence/suspension'
import { verdicts, verdictsBy } from '#evidence/verdicts'
import { type TradeEvent, understood } from '#ledger/vocabulary'
import { nodeCrypto } from '#machine/crypto'
import { formatAmount } from '#money'
import { projections } from '#projections'
import { type Head, type Held, reconcile, type Witness } from '#reconciliation'
import { chains, logSum } from './chains.ts'
import { lengthOf, progress } from './progress.ts'
import { type Reactor, recomputeReactions } from './reactions.ts'
import { readHeads, type SignedHead, signedHead } from './signed-head.ts'
import { type CentreKeys, openSource, type Source, sourceOptions } from './source.ts'

/**
 * `tally fsck`: every event's hash, every chain, every revision; the log against the last checkpoint that its centre
 * signed; each terminal's stream against its own totals and the verdicts on it; what the reactors must have written; and
 * the rows against a refold of the log. Each thing that does not hold is one line. Exit 0 where all holds, 1 where
 * something does not, 2 for words it does not know, 3 where the log could not be read.
 */
export const fsck = async (args: readonly string[]): Promise<number> => {
  const { values } = parseArgs({ args: [...args], options: sourceOptions })
  const crypto = nodeCrypto()
  let source: Source
  try {
    source = await openSource(crypto, values)
  } catch (error) {
    return unread(error)
  }
  try {
    const { store, keys, rows, heads } = source
    const length = await lengthOf(store)
    const head = keys && heads !== undefined ? signedHead(crypto, await readHeads(heads), keys.logKeys) : undefined
    const checked = await checkEvents(crypto, store, length, head)
    // Where an event has no hash, that is found already, and no root can be told.
    const signed = checked.root === undefined ? undefined : head?.finding()
    const found = [...checked.found, ...(await reconcileTerminals(crypto, store))]
    if (signed && 'says' in signed) found.push(signed.says)
    // A log whose events do not hold cannot be decided from.
    const reactions = keys === undefined ? 'no keys' : checked.found.length > 0 ? 'not recomputed' : 'recomputed'
    if (keys && reactions === 'recomputed')
      for (const reactor of reactorsOf(crypto, keys))
        found.push(...(await recomputeReactions(store, reactor, progress('reactions of', length))))
    const compared = rows !== undefined && isThere(rows) ? await compareRows(crypto, store, rows) : []
    for (const { name, equal } of compared)
      if (!equal) found.push(`rows of ${name} differ from a refold of the log: npm run tally -- rebuild ${name}`)
    const { events, streams, root } = checked
    if (values.json)
      process.stdout.write(`${JSON.stringify({ events, streams, root, reactions, rows: compared, found })}\n`)
    else
      for (const line of [
        ...found,
        `${store.name}: ${events} events in ${streams} streams, root ${root ?? 'unknown'}`,
        `${inWords[reactions]}, ${compared.length === 0 ? 'no rows to compare' : `rows of ${compared.map(({ name }) => name).join(', ')} compared`}: ${found.length === 0 ? 'all holds' : `${found.length} found`}`,
      ])
        process.stdout.write(`${line}\n`)
    return found.length === 0 ? 0 : 1
  } catch (error) {
    return unread(error)
  } finally {
    await source.store.close()
  }
}

const inWords = {
  recomputed: 'reactions recomputed',
  'not recomputed': 'reactions not recomputed, for the log they follow from does not hold',
  'no keys': 'reactions not recomputed without the centre’s keys (--data DIR)',
} as const

/** The world failed, and nothing is said about the log; a bug, or a word it does not know, is for others to tell. */
const unread = (error: unknown): number => {
  const { code, message } = error as Error & { code?: string }
  if (code === undefined || code === 'Usage') throw error
  process.stderr.write(`${message}\n`)
  return 3
}

const reactorsOf = (crypto: Crypto, keys: CentreKeys): readonly Reactor[] => [
  { by: expiryBy, make: store => expiry({ store, crypto, salt: reactorSalt(crypto, keys.saltKey) }) },
  { by: owingBy, make: store => owing({ store, crypto, salt: reactorSalt(crypto, keys.saltKey) }) },
  { by: suspensionBy, make: store => suspension({ store, crypto, salt: reactorSalt(crypto, keys.saltKey) }) },
  { by: verdictsBy, make: store => verdicts({ store, crypto, keys, salt: reactorSalt(crypto, keys.saltKey) }) },
]

/** Hashes, revisions, chains; and the root, where every event has a hash. */
const checkEvents = async (crypto: Crypto, store: EventStore, length: number, head: SignedHead | undefined) => {
  const found: string[] = []
  const checked = chains(crypto)
  const sum = logSum(crypto)
  const told = progress('checked', length)
  for await (const page of store.readAll({ from: 0 })) {
    for (const stored of page) {
      const { found: wrong, event } = checked.check(stored)
      found.push(...wrong)
      if (!event) continue
      sum.add(stored, event.hash)
      head?.add(event)
    }
    told(checked.events)
  }
  const { events, streams } = checked
  return { found, events, streams, root: sum.events === events ? sum.root() : undefined }
}

/**
 * Each terminal's stream beside its own day totals, the heads it signed and the verdicts on it: what is missing,
 * doubled or altered, with its amount.
 */
const reconcileTerminals = async (crypto: Crypto, store: EventStore): Promise<string[]> => {
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
      // What a phone brought is no word about its terminal's log.
      if (event.data.via === 'phone') return undefined
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

const isThere = (address: string): boolean => {
  const { engine, place } = readAddress(address)
  return engine !== 'sqlite' || existsSync(place)
}

/** Folds the log again in memory up to where each stored projection stands, and compares fingerprints. */
const compareRows = async (crypto: Crypto, store: EventStore, address: string) => {
  const held = await openRows(address)
  const skips = skipsIn(store)
  const fresh = sqliteRows(':memory:')
  try {
    const compared: { name: string; equal: boolean }[] = []
    for (const projection of projections) {
      const upTo = await held.checkpoint(projection)
      if (upTo === 0) continue
      const stop = new AbortController()
      const upToThere = {
        follow: async function* (options: Parameters<typeof store.follow>[0]) {
          for await (const page of store.readAll(options)) {
            const part = page.filter(event => event.index < upTo)
            if (part.length > 0) yield part
            if (part.length < page.length) break
          }
          stop.abort()
        },
      }
      await project({ store: upToThere, rows: fresh, projections: [projection], skips, signal: stop.signal })
      compared.push({
        name: projection.name,
        equal: (await held.fingerprint(projection, crypto)) === (await fresh.fingerprint(projection, crypto)),
      })
    }
    return compared
  } finally {
    await held.close()
    fresh.close()
  }
}

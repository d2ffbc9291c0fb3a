import { z } from 'zod'
import { base64url, concat, fromBase64url, fromUtf8, hex, utf8 } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { type Act, chain, type Event, EventMalformed, readEvent, trustEvent } from '#canonical/event'
import { nameId } from '#canonical/ids'
import { run } from '#cqrs/run'
import { type EventStore, readLast } from '#eventstore'
import { readKnown } from '#evidence/held'
import { isMinorUnits } from '#money'
import { currency, minor } from '#money/fields'
import type { BatchBody, BatchStatement } from '#sync/batch'
import { type QuarantineEvent, quarantinedWords, quarantineWords } from '#sync/events'
import {
  batchHash,
  begunBy,
  isChained,
  type Quarantine,
  type QuarantinedBatch,
  quarantine,
  statementKey,
  waitingIn,
} from '#sync/quarantine'

/**
 * Where batches that were refused lie: what they are in `quarantine-<terminal>`, their octets in `quarantined-<batch>`,
 * in the log, so that a restart and a backup have them.
 */

/** In base64url and with its envelope, a part stays within one append of every engine. */
const partOctets = 512 * 1024

type Parts = {
  readonly store: EventStore
  readonly crypto: Crypto
  readonly salt: (eventId: string) => string
}

export type Kept = Pick<QuarantinedBatch, 'standing'> & { readonly batch: string }
export type Quarantines = ReturnType<typeof quarantines>

export const quarantines = ({ store, crypto, salt }: Parts, now: () => string) => {
  const read = async (terminal: string) => {
    const { events } = await readKnown(store, `quarantine-${terminal}`, quarantineWords)
    const state = events.reduce<Quarantine>(
      (state, { type, data }) => quarantine.evolve(state, { type, data } as QuarantineEvent),
      quarantine.initialState,
    )
    return { state, events }
  }

  const actOf = (cause: string): Act => {
    const id = nameId(crypto, cause)
    return { id, at: now(), by: 'centre:intake', correlation: id, causation: id }
  }

  /** The octets come first: what a crash leaves behind of them is completed when the batch is sent again. */
  const keepParts = async (terminal: string, batch: string, parts: readonly Uint8Array[]): Promise<void> => {
    const stream = `quarantined-${batch}`
    const stored = await readLast(store, stream)
    let last: Event | undefined = stored ? trustEvent(stored.text) : undefined
    for (let part = (last?.revision ?? -1) + 1; part < parts.length; part++) {
      const octets = base64url(parts[part] as Uint8Array)
      const fact = { type: 'BatchPartQuarantined' as const, data: { terminal, batch, part, octets } }
      const act = actOf(`${stream}-${part}`)
      const [written] = chain(crypto, quarantinedWords, stream, last, [fact], act, salt)
      if (!written) return
      const { event, text } = written
      await store.append(stream, last?.revision ?? 'NoStream', [{ id: event.id, type: event.type, text }])
      last = event
    }
  }

  /** Keeps it once; undefined where this statement was kept already, with other events that it does not speak of. */
  const keep = async (
    terminal: string,
    body: BatchBody,
    statement: BatchStatement,
    refusal: Refusal,
  ): Promise<Kept | Refusal | undefined> => {
    const batch = batchHash(crypto, terminal, body)
    const { state } = await read(terminal)
    const held = state.batches.get(batch)
    if (held) return { batch, standing: held.standing }
    const statementHash = hex(crypto.sha256(utf8(body.statement)))
    const chained = isChained(crypto, body, statement)
    if (state.statements.has(statementKey({ statementHash, chained }))) return undefined
    const begun = begunBy(crypto, state, terminal, body)
    const own = utf8(JSON.stringify(body.events.slice(begun ? state.batches.get(begun)?.count : 0)))
    const parts = Array.from({ length: Math.ceil(own.length / partOctets) }, (_, at) =>
      own.slice(at * partOctets, (at + 1) * partOctets),
    )
    const command = {
      type: 'Keep' as const,
      terminal,
      batch,
      from: body.from,
      count: body.events.length,
      head: statement.head,
      octets: own.length,
      parts: parts.length,
      ...(begun ? { extends: begun } : {}),
      statement: body.statement,
      statementHash,
      chained,
      refused: refusal.reason.slice(0, 120),
      message: refusal.message.slice(0, 1000),
      sales: salesOf(body.events),
      receivedAt: now(),
    }
    // Asked before the octets are written: what finds no room leaves nothing behind.
    const decided = quarantine.decide(command, state)
    if (isRefusal(decided)) return decided
    await keepParts(terminal, batch, parts)
    const stream = `quarantine-${terminal}`
    const ran = await run({ store, crypto, salt }, quarantine, quarantineWords, stream, command, actOf(batch))
    return isRefusal(ran) ? ran : { batch, standing: 'kept' }
  }

  /** Does a kept batch end where this one begins? Then it is no gap in what the terminal sent, but in what was taken. */
  const continues = async (terminal: string, body: BatchBody): Promise<boolean> => {
    const [first = ''] = body.events
    const { state } = await read(terminal)
    if (state.batches.size === 0) return false
    const prev = readable(first)?.prev
    return waitingIn(state).kept.some(({ from, count, head }) => from + count === body.from && head === prev)
  }

  /** The batch as it was sent, to the octet. */
  const bodyOf = async (batch: string, state: Quarantine): Promise<BatchBody | undefined> => {
    const held = state.batches.get(batch)
    if (!held) return undefined
    const begun = held.extends === undefined ? undefined : await bodyOf(held.extends, state)
    const { events } = await readKnown(store, `quarantined-${batch}`, quarantinedWords)
    const octets = concat(...events.slice(0, held.parts).map(({ data }) => fromBase64url(data.octets)))
    const own = z.array(z.string()).parse(JSON.parse(fromUtf8(octets)))
    return { from: held.from, events: [...(begun?.events ?? []), ...own], statement: held.statement }
  }

  return { read, keep, continues, bodyOf }
}

const readable = (text: string): Event | undefined => {
  try {
    return readEvent(text)
  } catch (error) {
    if (error instanceof EventMalformed) return undefined
    throw error
  }
}

const amountOf = z.object({ currency, amount: minor })

/** What it says was sold, as far as that can be read: a figure to find it by, and no judgement. */
const salesOf = (texts: readonly string[]) => {
  const sales = new Map<string, { count: number; sum: bigint }>()
  for (const text of texts) {
    const event = readable(text)
    const read = event?.type === 'TransactionRecorded' ? amountOf.safeParse(event.data) : undefined
    if (!read?.success) continue
    const { currency, amount } = read.data
    const { count, sum } = sales.get(currency) ?? { count: 0, sum: 0n }
    sales.set(currency, { count: count + 1, sum: sum + BigInt(amount) })
  }
  return [...sales]
    .map(([currency, { count, sum }]) => ({ currency, count, sum: `${sum}` }))
    .filter(({ sum }) => isMinorUnits(sum))
    .slice(0, 64)
}

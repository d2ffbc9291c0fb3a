import { parseArgs } from 'node:util'
import { z } from 'zod'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { statedHash } from '#canonical/event'
import type { EventStore, StoredEvent } from '#eventstore'
import { unanswered } from '#http/unanswered'
import { nodeCrypto } from '#machine/crypto'
import { sleep, Usage } from '#machine/process'
import { type BatchAnswer, type BatchBody, batchAnswer, makeBatch } from '#sync/batch'
import { idleDrain, next as nextDrain } from '#sync/drain'
import { progress } from './progress.ts'
import { checkDisk, type DiskOwner, DiskRefused, openDisk } from './terminal-disk.ts'

/**
 * `tally import DIR --centre URL`: brings what a dead terminal's disk holds to the centre. The folder has the terminal's
 * keys, and the batches are signed as the terminal would have signed them; it takes no payment, and writes nothing there.
 */

/** No answer that is one. What was taken before stays; the same command goes on after it. */
export class CentreSilent extends Error {
  readonly code = 'CentreSilent'
  constructor(
    message: string,
    readonly retryAfter_s?: number | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** The centre takes no more of it now. What it took before stays; the same command goes on after it. */
export class ImportEnded extends Error {
  readonly code = 'ImportEnded'
  constructor(
    readonly refusal: Refusal,
    options?: ErrorOptions,
  ) {
    super(refusal.message, options)
  }
}

export type Brought = {
  readonly from: number
  readonly count: number
  /** Taken into the log, or kept in quarantine for somebody to decide on. */
  readonly outcome: 'accepted' | 'quarantined' | 'rejected'
  readonly batch?: string
  readonly reason?: string
}

type Send = (body: BatchBody) => Promise<BatchAnswer | Refusal>

type Parts = {
  readonly crypto: Crypto
  readonly owner: DiskOwner
  readonly store: Pick<EventStore, 'read'>
  readonly send: Send
  readonly tell: (brought: Brought) => void
  readonly sleep: (wait_ms: number) => Promise<void>
}

/** Under the limits of the exchange, as a terminal keeps them. */
const batchEvents = 500
const batchOctets = 900 * 1024
const triesMax = 8

export const bringLog = async ({ crypto, owner, store, send, tell, sleep }: Parts) => {
  const stream = `terminal-${owner.terminal}`
  const { count: events, sales } = await checkDisk(crypto, owner, store)

  const bring = async (from: number, texts: readonly string[], head: string) => {
    const to = from + texts.length - 1
    const after = sales.filter(({ revision }) => revision > to)
    const [{ currency } = { currency: 'EUR' }] = sales
    const sum = after.reduce((sum, sold) => (sold.currency === currency ? sum + sold.amount : sum), 0n)
    const { terminal, origin, mode, key } = owner
    const waiting = { count: after.length, sum: `${sum}`, currency }
    const statement = { origin, terminal, mode, from, count: texts.length, head, waiting }
    const body = makeBatch(crypto, key, statement, texts)
    let drain = idleDrain
    for (let tries = 1; ; tries++)
      try {
        return await send(body)
      } catch (error) {
        if (!(error instanceof CentreSilent) || tries === triesMax) throw error
        const { retryAfter_s } = error
        const failed = nextDrain(drain, {
          type: 'Failed',
          jitter: 0.5,
          ...(retryAfter_s === undefined ? {} : { retryAfter_s }),
        })
        drain = failed.drain
        await sleep(failed.wait_ms ?? 0)
      }
  }

  // Its last event alone: where the centre has not all that is before it, it says how far it has come.
  const newest = await eventAt(store, stream, events - 1)
  const probe = await bring(events - 1, [newest.text], statedHash(newest.text))
  const acceptedTo = Number((probe as { acceptedTo?: unknown }).acceptedTo)
  const isHeldTo = Number.isSafeInteger(acceptedTo) && acceptedTo >= -1
  if (isHeldTo && acceptedTo >= events - 1) return { events, sent: isRefusal(probe) ? 0 : 1, quarantined: 0 }
  let from = isHeldTo ? acceptedTo + 1 : 0

  let [sent, quarantined] = [0, 0]
  while (from < events) {
    const texts = await textsFrom(store, stream, from)
    const answer = await bring(from, texts, statedHash(texts.at(-1) ?? ''))
    const brought = { from, count: texts.length }
    if (!isRefusal(answer)) tell({ ...brought, outcome: 'accepted' })
    else {
      const { reason, quarantined: batch, standing } = answer as Refusal & { quarantined?: unknown; standing?: unknown }
      // What lies at the centre already, decided or not, does not stand in the way of what follows it.
      if (typeof batch !== 'string') throw new ImportEnded(answer)
      tell({ ...brought, outcome: standing === 'rejected' ? 'rejected' : 'quarantined', batch, reason })
      quarantined += texts.length
    }
    sent += texts.length
    from += texts.length
  }
  return { events, sent, quarantined }
}

const eventAt = async (store: Pick<EventStore, 'read'>, stream: string, revision: number): Promise<StoredEvent> => {
  for await (const [stored] of store.read(stream, { from: revision, direction: 'forward', pageSize: 1 }))
    if (stored) return stored
  throw new DiskRefused(`Revision ${revision} of ${stream} is gone while it was read: does something write there?`)
}

const textsFrom = async (store: Pick<EventStore, 'read'>, stream: string, from: number): Promise<string[]> => {
  const texts: string[] = []
  let octets = 0
  for await (const page of store.read(stream, { from, direction: 'forward', pageSize: 200 }))
    for (const { text } of page) {
      octets += Buffer.byteLength(text) + 8
      if (texts.length === batchEvents || (octets > batchOctets && texts.length > 0)) return texts
      texts.push(text)
    }
  return texts
}

const answer_ms = 15_000
const refusal = z.looseObject({ reason: z.string(), message: z.string() })

/** Sends a batch over HTTP, as a terminal does: a refusal is an answer, and all else is none. */
const sendTo =
  (centre: string, terminal: string): Send =>
  async body => {
    const url = `${centre.replace(/\/$/, '')}/sync/v1/terminals/${encodeURIComponent(terminal)}/batches`
    let response: Response
    try {
      response = await fetch(url, {
        method: 'POST',
        redirect: 'error',
        signal: AbortSignal.timeout(answer_ms),
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    } catch (cause) {
      throw new CentreSilent(`${centre} gave no answer (${unanswered(cause)}).`, undefined, { cause })
    }
    const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
    if (response.status === 429 || response.status >= 500)
      throw new CentreSilent(
        `${centre} answered ${response.status}.`,
        Number.isFinite(retryAfter) ? retryAfter : undefined,
      )
    try {
      const said: unknown = await response.json()
      return response.ok ? batchAnswer.parse(said) : refusal.parse(said)
    } catch (cause) {
      throw new CentreSilent(`${centre} answered ${response.status}, and not as a centre does.`, undefined, { cause })
    }
  }

/** Exit 0 where the centre has taken all, 3 where something of it waits in quarantine. */
export const importDisk = async (args: readonly string[]): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { centre: { type: 'string' }, json: { type: 'boolean', default: false } },
  })
  const [folder, ...more] = positionals
  const { centre, json } = values
  if (folder === undefined || more.length > 0 || !centre)
    throw new Usage('import takes the folder of a terminal, and --centre URL.')
  const { owner, store } = await openDisk(folder)
  const crypto = nodeCrypto()
  const say = (line: object, words: string): unknown => process.stdout.write(`${json ? JSON.stringify(line) : words}\n`)
  const told = progress('sent', 0)
  let done = 0
  try {
    const ended = await bringLog({
      crypto,
      owner,
      store,
      send: sendTo(centre, owner.terminal),
      sleep: wait_ms => sleep(wait_ms, new AbortController().signal),
      tell: brought => {
        done += brought.count
        told(done)
        const { from, count, outcome, reason } = brought
        say(brought, `revisions ${from} to ${from + count - 1}: ${outcome}${reason ? ` (${reason})` : ''}`)
      },
    })
    const { events, sent, quarantined } = ended
    const { terminal } = owner
    const rest = quarantined > 0 ? `; ${quarantined} wait at the centre, on the page of ${terminal}` : ''
    say({ terminal, ...ended }, `${terminal}: ${events} events on the disk, ${sent} sent${rest}`)
    return quarantined > 0 ? 3 : 0
  } finally {
    await store.close()
  }
}

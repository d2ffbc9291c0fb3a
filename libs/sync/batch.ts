import { z } from 'zod'
import { base64url, fromBase64url, utf8 } from '#canonical/bytes'
import { decode, encode } from '#canonical/cbor'
import type { Crypto, KeyPair } from '#canonical/crypto'
import type { Refusal } from '#canonical/decider'
import { type Event, EventMalformed, verifyEvent } from '#canonical/event'
import { instant } from '#canonical/fields'
import { Malformed } from '#canonical/malformed'
import { sign1, verify1 } from '#license/cose'
import { currency, minor } from '#money/fields'
import { logAnswer } from './acknowledgement.ts'

/** A piece of a terminal's log on its way to the centre: the events as they were written, and a signed statement. */

export const batchEventsMax = 1000
const batchBytesMax = 1024 * 1024

const version = z.int().nonnegative()

export const batchBody = z.object({
  from: z.int().nonnegative(),
  events: z.array(z.string()).min(1).max(batchEventsMax),
  /** COSE_Sign1 (external_aad `batch`) over the statement, base64url. */
  statement: z.string().max(16_384),
})
export type BatchBody = z.infer<typeof batchBody>

export const batchAnswer = z.object({
  /** The last revision that is durable at the centre. It acknowledges nothing: the centre may be restored. */
  acceptedTo: z.int().nonnegative(),
  /** What acknowledges: absent where the centre's log is not signed, or not yet as far as this terminal's events. */
  log: logAnswer.optional(),
  rules: z.object({
    policy: version,
    denyList: version,
    keySet: version,
    fareTable: version.optional(),
    /** Of the centre's word on this terminal: another than that of the one it holds, and it asks for it. */
    assignment: z.string().max(64).optional(),
  }),
  /** The centre's clock, so that skew is seen on both sides. */
  at: instant,
})
export type BatchAnswer = z.infer<typeof batchAnswer>

export type BatchStatement = {
  /** Which log this is meant for, so that a batch for a test centre is nothing to a live one. */
  readonly origin: string
  readonly terminal: string
  readonly mode: 'test' | 'live'
  readonly from: number
  readonly count: number
  /** Hash of the batch's last event. */
  readonly head: string
  /** What still waits on the terminal after this batch; sums in minor units. */
  readonly waiting: { readonly count: number; readonly sum: string; readonly currency: string }
  /** The checkpoint of the centre's log that the terminal saw last, with its cosignature; none before the first. */
  readonly seen?: string | undefined
}

export const makeBatch = (
  crypto: Crypto,
  key: KeyPair,
  statement: BatchStatement,
  events: readonly string[],
): BatchBody => {
  const { seen, waiting, ...rest } = statement
  const said = { ...rest, waiting: new Map(Object.entries(waiting)), ...(seen === undefined ? {} : { seen }) }
  const payload = encode(new Map(Object.entries(said)))
  return {
    from: statement.from,
    events: [...events],
    statement: base64url(sign1(crypto, { payload, type: 'batch', key })),
  }
}

const statementShape = z.object({
  origin: z.string(),
  terminal: z.string(),
  mode: z.enum(['test', 'live']),
  from: z.int().nonnegative(),
  count: z.int().positive(),
  head: z.string(),
  waiting: z.object({ count: z.int().nonnegative(), sum: minor, currency }),
  seen: z.string().max(8192).optional(),
})

const plain = (map: ReadonlyMap<unknown, unknown>): object =>
  Object.fromEntries([...map].map(([key, value]) => [key, value instanceof Map ? plain(value) : value]))

/** The statement if the terminal's key signed it, else null. */
export const verifyStatement = (crypto: Crypto, text: string, publicKey: Uint8Array): BatchStatement | null => {
  try {
    const payload = verify1(crypto, { bytes: fromBase64url(text), type: 'batch', curve: 'P-256', publicKey })
    if (!payload) return null
    const map = decode(payload)
    const read = map instanceof Map ? statementShape.safeParse(plain(map)) : undefined
    return read?.success ? read.data : null
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError) return null
    throw error
  }
}

export type Sender = {
  readonly terminal: string
  readonly origin: string
  readonly mode: 'test' | 'live'
  readonly publicKey: Uint8Array
  /** The hash that a first event's `prev` must bear: of the terminal's certificate. */
  readonly seed: string
}

/** What the centre holds of the stream from the batch's `from` on, and the hash just before it. */
export type Held = {
  readonly revision: number
  /** Hash of the event before `from`; undefined where `from` is beyond what is held, or 0. */
  readonly before: string | undefined
  /** Hashes already held for revisions from `from` on. */
  readonly overlap: readonly string[]
}

export type CheckedBatch = {
  readonly statement: BatchStatement
  readonly fresh: readonly { event: Event; text: string }[]
}

/** Does the terminal's signature speak of this batch, as it was sent? What it does not speak of is nobody's word. */
const mismatch = (statement: BatchStatement, sender: Sender, body: BatchBody) =>
  (
    [
      ['terminal', statement.terminal, sender.terminal],
      ['origin', statement.origin, sender.origin],
      ['mode', statement.mode, sender.mode],
      ['from', statement.from, body.from],
      ['count', statement.count, body.events.length],
    ] as const
  ).find(([, stated, actual]) => stated !== actual)

const octetsOf = ({ events }: BatchBody): number => events.reduce((sum, text) => sum + utf8(text).length, 0)

/** The statement of a batch that is its terminal's word, whether or not it can be taken; undefined for any other. */
export const vouchedFor = (crypto: Crypto, sender: Sender, body: BatchBody): BatchStatement | undefined => {
  const statement = verifyStatement(crypto, body.statement, sender.publicKey)
  if (!statement || mismatch(statement, sender, body) || octetsOf(body) > batchBytesMax) return undefined
  return statement
}

/**
 * Everything the centre checks before it appends: sender, signature, contiguity, chain from the octets, canonical form,
 * shape, and for each revision it already holds, the hash. The first that fails is the refusal; nothing is appended.
 */
export const checkBatch = (
  crypto: Crypto,
  sender: Sender,
  held: Held,
  body: BatchBody,
  checkShape: (event: Event) => string | undefined,
): CheckedBatch | Refusal => {
  const { terminal } = sender
  const statement = verifyStatement(crypto, body.statement, sender.publicKey)
  if (!statement)
    return {
      reason: 'BatchSignatureInvalid',
      message: `The batch's statement is not signed by the key in ${terminal}'s certificate. Enrol the terminal anew if its key was replaced.`,
    }
  const wrong = mismatch(statement, sender, body)
  if (wrong)
    return {
      reason: wrong[0] === 'mode' ? 'ModeMismatch' : 'BatchStatementMismatch',
      message: `The signed statement says ${wrong[0]} ${wrong[1]}; here it is ${wrong[2]}. Send the batch that was signed, to the centre it was signed for.`,
      field: wrong[0],
      stated: wrong[1],
      actual: wrong[2],
    }
  const octets = octetsOf(body)
  if (octets > batchBytesMax)
    return {
      reason: 'BatchTooLarge',
      message: `The batch's events are ${octets} octets; at most ${batchBytesMax} are taken at once. Send fewer events.`,
      octets,
      max: batchBytesMax,
    }
  if (body.from > held.revision + 1)
    return {
      reason: 'BatchGap',
      message: `${terminal} is held up to revision ${held.revision}; this batch begins at ${body.from}. Send again from ${held.revision + 1}.`,
      acceptedTo: held.revision,
      from: body.from,
    }
  let prev = body.from === 0 ? sender.seed : (held.before as string)
  const fresh: { event: Event; text: string }[] = []
  let fork: Refusal | undefined
  for (const [place, text] of body.events.entries()) {
    const revision = body.from + place
    let event: Event
    try {
      event = verifyEvent(crypto, text)
    } catch (error) {
      if (!(error instanceof EventMalformed)) throw error
      return { reason: 'EventMalformed', message: `Revision ${revision}: ${error.message}`, revision }
    }
    const fault =
      event.stream !== `terminal-${terminal}`
        ? `its stream is ${event.stream}`
        : event.revision !== revision
          ? `it says revision ${event.revision}`
          : event.prev !== prev
            ? `its prev is ${event.prev.slice(0, 12)}…, and the event before it hashes to ${prev.slice(0, 12)}…`
            : undefined
    const forked = held.overlap[place]
    const differs = forked !== undefined && forked !== event.hash
    // Where two histories parted before this batch, its first event follows from what is not held.
    if (fault && !(differs && place === 0 && event.stream === `terminal-${terminal}` && event.revision === revision))
      return { reason: 'ChainBroken', message: `Revision ${revision} does not follow: ${fault}.`, revision }
    if (differs)
      fork ??= {
        reason: 'Fork',
        message: `Revision ${revision} of ${terminal} is held with hash ${forked.slice(0, 12)}…; this batch has ${event.hash.slice(0, 12)}…. Two histories bear one name: the terminal must stop and be looked at.`,
        revision,
        held: forked,
        foreign: event.hash,
      }
    const misshapen = fork ? undefined : checkShape(event)
    if (misshapen !== undefined)
      return { reason: 'EventShapeUnknown', message: `Revision ${revision}, ${event.type}: ${misshapen}.`, revision }
    if (forked === undefined) fresh.push({ event, text })
    prev = event.hash
  }
  if (prev !== statement.head)
    return {
      reason: 'HeadMismatch',
      message: `The signed head is ${statement.head.slice(0, 12)}…, and the last event hashes to ${prev.slice(0, 12)}….`,
      stated: statement.head,
      computed: prev,
    }
  // Only a history that the terminal's own key signed to its end can accuse it.
  return fork ?? { statement, fresh }
}

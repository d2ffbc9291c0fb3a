import { z } from 'zod'
import { hex } from './bytes.ts'
import type { Crypto } from './crypto.ts'
import { idOf } from './ids.ts'
import { canonicalText, NotCanonical, parseCanonical } from './json.ts'

/**
 * One shape for each fact. An event is written once, as RFC 8785 text; that text is stored, sent and hashed, and
 * never edited.
 *
 *     hash = SHA-256( "tallystick-event-1\n" ‖ JCS of the envelope, with `data` replaced by SHA-256(JCS data) )
 *
 * `data` enters by its hash, so that a neighbour can be shown as a stub; 16 random octets in it (`salt`) keep a stub
 * from being guessed.
 */
export interface Event<Data = unknown> {
  readonly stream: string
  /** From 0, contiguous. In a terminal's stream it is the terminal's sequence number. */
  readonly revision: number
  readonly id: string
  readonly type: string
  readonly schema: number
  /** True for a type that moves money: a reader that does not know the type must then say that it cannot tell. */
  readonly money: boolean
  /** The maker's clock, ISO 8601 in UTC with milliseconds. */
  readonly at: string
  /** Device, operator or reactor: `terminal:T-1`, `operator:anna`, `reactor:verdicts`. */
  readonly by: string
  readonly correlation: string
  readonly causation: string
  readonly data: Data
  /** Hash of the event before it in the stream; of the first, `streamSeed`, or a terminal's certificate hash. */
  readonly prev: string
  readonly hash: string
}

/** What a decider says: the runner adds the rest. */
export type Fact<Type extends string = string, Data = unknown> = { readonly type: Type; readonly data: Data }

/** The data of a shape as the next shape has it. Pure, and told again at every reading: it makes nothing up. */
export type Upcaster = (data: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>

/**
 * A fact's place in the vocabulary: its zod schema is its wire form, its check and its type. Whether a type moves money
 * never changes: what begins to move money is a new type, so that a reader of the old one knows what it does not know.
 */
export type Word<Data extends z.ZodType = z.ZodType> = {
  /** The newest shape, counted from 1: it is the one that is written. */
  readonly schema: number
  readonly money: boolean
  readonly data: Data
  /** From shape 1 to 2, from 2 to 3, and so on to the newest. */
  readonly upcasters: readonly Upcaster[]
}
export type Vocabulary = Readonly<Record<string, Word>>

/** The union of facts that a vocabulary names. */
export type FactOf<V extends Vocabulary> = {
  [Type in keyof V & string]: Fact<Type, z.infer<V[Type]['data']>>
}[keyof V & string]

/** A changed shape is `data` as it is now, and one more upcaster at the end. */
export const word = <Data extends z.ZodType>(data: Data, ...upcasters: readonly Upcaster[]): Word<Data> => ({
  schema: upcasters.length + 1,
  money: false,
  data,
  upcasters,
})
export const moneyWord = <Data extends z.ZodType>(data: Data, ...upcasters: readonly Upcaster[]): Word<Data> => ({
  ...word(data, ...upcasters),
  money: true,
})

/** Who acts, when and why: what the runner puts around a decider's facts. */
export type Act = {
  /** UUIDv7 of the command, or the id of the event that a reactor follows. */
  readonly id: string
  readonly at: string
  readonly by: string
  readonly correlation: string
  readonly causation: string
}

export type Link = { readonly stream: string; readonly revision: number; readonly hash: string }

const sha256Hex = (crypto: Crypto, text: string): string => hex(crypto.sha256(text))

/** `prev` of a stream's first event. */
export const streamSeed = (crypto: Crypto, stream: string): string =>
  sha256Hex(crypto, `tallystick-stream-1\n${stream}`)

type Envelope = Omit<Event, 'data' | 'hash'>

// Keys in RFC 8785 order; `data` and `hash` are spliced in, so that data is written as canonical text only once.
const envelopeText = (e: Envelope, dataText: string, hash?: string): string => {
  const q = JSON.stringify
  return (
    `{"at":${q(e.at)},"by":${q(e.by)},"causation":${q(e.causation)},"correlation":${q(e.correlation)},"data":${dataText},` +
    (hash === undefined ? '' : `"hash":${q(hash)},`) +
    `"id":${q(e.id)},"money":${e.money},"prev":${q(e.prev)},"revision":${e.revision},"schema":${e.schema},` +
    `"stream":${q(e.stream)},"type":${q(e.type)}}`
  )
}

const hashOf = (crypto: Crypto, envelope: Envelope, dataText: string): string =>
  sha256Hex(crypto, `tallystick-event-1\n${envelopeText(envelope, `"${sha256Hex(crypto, dataText)}"`)}`)

export type WrittenEvent = { readonly event: Event; readonly text: string }

/**
 * Facts as the next links of a stream's chain. `after` is the last link, or undefined for a new stream (`seed` then
 * stands for the hash before). `salt` gives each event's 16 octets as base64url.
 */
export const chain = (
  crypto: Crypto,
  vocabulary: Vocabulary,
  stream: string,
  after: Pick<Link, 'revision' | 'hash'> | undefined,
  facts: readonly Fact[],
  act: Act,
  salt: (eventId: string) => string,
  seed?: string,
): WrittenEvent[] => {
  let revision = after === undefined ? 0 : after.revision + 1
  let prev = after?.hash ?? seed ?? streamSeed(crypto, stream)
  return facts.map((fact, place) => {
    const known = vocabulary[fact.type]
    if (known === undefined) throw new TypeError(`${fact.type} is not in the vocabulary of ${stream}`)
    const id = idOf(crypto, act.id, stream, place)
    const data = { ...(known.data.parse(fact.data) as object), salt: salt(id) }
    const { at, by, correlation, causation } = act
    const { schema, money } = known
    const envelope = { stream, revision, id, type: fact.type, schema, money, at, by, correlation, causation, prev }
    const dataText = canonicalText(data)
    const hash = hashOf(crypto, envelope, dataText)
    const event = { ...envelope, data, hash }
    revision += 1
    prev = hash
    return { event, text: envelopeText(envelope, dataText, hash) }
  })
}

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const envelopeSchema = z.strictObject({
  stream: z.string().min(1).max(200),
  revision: z.int().nonnegative(),
  id: z.uuid(),
  type: z.string().regex(/^[A-Z][A-Za-z]{2,63}$/),
  schema: z.int().positive(),
  money: z.boolean(),
  at: z.iso.datetime({ precision: 3 }),
  by: z.string().min(1).max(200),
  correlation: z.string().min(1).max(200),
  causation: z.string().min(1).max(200),
  data: z.looseObject({ salt: z.string() }),
  prev: hash,
  hash,
})

/** A stored or received event whose octets are not what an event can be. The caller refuses it whole. */
export class EventMalformed extends Error {
  readonly code = 'EventMalformed'
  constructor(
    readonly found: string,
    options?: ErrorOptions,
  ) {
    super(`Not an event: ${found}. Send the event's own text, as its maker wrote it.`, options)
  }
}

/** Reads an event's text and checks its shape and its own hash; not `prev`, which only a neighbour can tell. */
export const verifyEvent = (crypto: Crypto, text: string): Event => {
  const event = readEvent(text)
  const { data, hash: stated, ...envelope } = event
  const computed = hashOf(crypto, envelope, canonicalText(data))
  if (computed !== stated) throw new EventMalformed(`its hash is ${stated}, and its octets hash to ${computed}`)
  return event
}

/** Reads an event's text strictly: canonical form and shape. */
export const readEvent = (text: string): Event => {
  try {
    const value = parseCanonical(text)
    envelopeSchema.parse(value)
    // The value itself, and not what a schema made of it: every octet that was hashed is in it.
    return value as Event
  } catch (cause) {
    if (cause instanceof NotCanonical) throw new EventMalformed(cause.message, { cause })
    if (cause instanceof z.ZodError) {
      const issue = cause.issues[0]
      throw new EventMalformed(`${issue?.path.join('.') || 'event'}: ${issue?.message}`, { cause })
    }
    throw cause
  }
}

/**
 * An event as our own store gave it back, which checked it when it came in: parsed, not verified. `fsck` and replay
 * verify.
 */
export const trustEvent = (text: string): Event => JSON.parse(text) as Event

/**
 * The hash that an event's canonical text states, without parsing it. In that text a quotation mark within a string is
 * escaped, and no object comes after `data`: so the last `"hash":"` is the envelope's own.
 */
export const statedHash = (text: string): string => {
  const at = text.lastIndexOf('"hash":"') + 8
  return text.slice(at, at + 64)
}

/**
 * The event in the newest shape of its type, for whoever makes something of it; undefined where its type, or the shape
 * that it has, is of a newer writer than this vocabulary. The stored event is never edited: `hash` stays that of the
 * text, so whoever verifies does it before. An upcaster may throw on data that its old shape never allowed.
 */
export const upcast = <V extends Vocabulary, E extends Event>(event: E, vocabulary: V): (E & FactOf<V>) | undefined => {
  const known = Object.hasOwn(vocabulary, event.type) ? vocabulary[event.type] : undefined
  if (known === undefined || event.schema > known.schema) return undefined
  if (event.schema === known.schema) return event as E & FactOf<V>
  let data = event.data as Readonly<Record<string, unknown>>
  for (const raise of known.upcasters.slice(event.schema - 1)) data = raise(data)
  return { ...event, schema: known.schema, data } as E & FactOf<V>
}

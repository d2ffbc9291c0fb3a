import { fromBase64url } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { chain, type Event, trustEvent } from '#canonical/event'
import { nameId } from '#canonical/ids'
import { type EventStore, readLast, readStream, WrongExpectedRevision } from '#eventstore'
import { knownType } from '#ledger/vocabulary'
import { certificateHash } from '#license/certificate'
import { type BatchBody, type CheckedBatch, checkBatch, type Held, type Sender } from '#sync/batch'
import type { EnrolmentEvent, IntakeEvent } from '#sync/events'
import { intakeWords } from '#sync/events'
import { tillWords } from '#till/events'

/**
 * A terminal's batch becomes part of the centre's log, exactly as the terminal wrote it, or is refused with nothing
 * changed. `BatchAccepted` comes after the events; a retry completes one that a crash left out.
 */
export type Intake = (terminal: string, body: BatchBody) => Promise<{ readonly acceptedTo: number } | Refusal>

type Parts = {
  readonly store: EventStore
  readonly crypto: Crypto
  readonly origin: string
  readonly salt: (eventId: string) => string
  readonly now: () => string
}

export const intake = ({ store, crypto, origin, salt, now }: Parts): Intake => {
  const senders = new Map<string, Sender>()
  const turns = new Map<string, Promise<unknown>>()

  const senderOf = async (terminal: string): Promise<Sender | Refusal> => {
    const known = senders.get(terminal)
    if (known) return known
    const events = (await readStream(store, `enrolment-${terminal}`)).map(
      ({ text }) => trustEvent(text) as Event & EnrolmentEvent,
    )
    const enrolled = events.find(event => event.type === 'TerminalEnrolled')
    if (enrolled?.type !== 'TerminalEnrolled')
      return {
        reason: 'TerminalUnknown',
        message: `Terminal ${terminal} is not enrolled at this centre: invite it at the back office and enrol it.`,
        terminal,
      }
    const { keys, certificate, mode } = enrolled.data
    const seed = certificateHash(crypto, fromBase64url(certificate))
    const sender = { terminal, origin, mode, publicKey: fromBase64url(keys.p256), seed }
    senders.set(terminal, sender)
    return sender
  }

  const heldFrom = async (stream: string, from: number): Promise<Held> => {
    const last = await readLast(store, stream)
    const revision = last?.revision ?? -1
    if (from > revision + 1) return { revision, before: undefined, overlap: [] }
    if (from === revision + 1) return { revision, before: last ? trustEvent(last.text).hash : undefined, overlap: [] }
    const hashes = (await readStream(store, stream, Math.max(0, from - 1))).map(({ text }) => trustEvent(text).hash)
    return from === 0
      ? { revision, before: undefined, overlap: hashes }
      : { revision, before: hashes[0], overlap: hashes.slice(1) }
  }

  const append = async (
    terminal: string,
    body: BatchBody,
    sender: Sender,
  ): Promise<{ acceptedTo: number } | Refusal> => {
    const stream = `terminal-${terminal}`
    const held = await heldFrom(stream, body.from)
    const checked = checkBatch(crypto, sender, held, body, shapeOf)
    if (isRefusal(checked)) {
      if (checked.reason === 'Fork') await noteFork(terminal, checked)
      return checked
    }
    const { fresh, statement } = checked
    if (fresh.length > 0)
      await store.append(
        stream,
        held.revision < 0 ? 'NoStream' : held.revision,
        fresh.map(({ event: { id, type }, text }) => ({ id, type, text })),
      )
    const acceptedTo = Math.max(held.revision, body.from + body.events.length - 1)
    await noteAccepted(terminal, body, statement)
    return { acceptedTo }
  }

  const notes = async (terminal: string) => {
    const stream = `intake-${terminal}`
    const last = await readLast(store, stream)
    return { stream, last: last ? trustEvent(last.text) : undefined }
  }

  const noteAccepted = async (
    terminal: string,
    body: BatchBody,
    statement: CheckedBatch['statement'],
  ): Promise<void> => {
    const { stream, last } = await notes(terminal)
    const covered = await coveredTo(stream)
    const to = body.from + body.events.length - 1
    if (covered >= to) return
    const at = now()
    const fact: IntakeEvent = {
      type: 'BatchAccepted',
      data: {
        terminal,
        from: body.from,
        count: body.events.length,
        head: statement.head,
        statement: body.statement,
        receivedAt: at,
        ...(statement.waiting ? { waiting: statement.waiting } : {}),
      },
    }
    await write(stream, last, fact, `${stream}-${to}`, at)
  }

  /** The last revision that a `BatchAccepted` names: what lies above it was appended just before a crash. */
  const coveredTo = async (stream: string): Promise<number> => {
    for await (const page of store.read(stream, { from: 'end', direction: 'backward', pageSize: 20 }))
      for (const { text } of page) {
        const event = trustEvent(text) as Event & IntakeEvent
        if (event.type === 'BatchAccepted') return event.data.from + event.data.count - 1
      }
    return -1
  }

  const noteFork = async (terminal: string, fork: Refusal): Promise<void> => {
    const { stream, last } = await notes(terminal)
    const told = {
      terminal,
      revision: fork['revision'] as number,
      held: fork['held'] as string,
      foreign: fork['foreign'] as string,
    }
    const before = (await readStream(store, stream)).map(({ text }) => trustEvent(text) as Event & IntakeEvent)
    if (
      before.some(
        ({ type, data }) => type === 'ForkDetected' && data.revision === told.revision && data.foreign === told.foreign,
      )
    )
      return
    await write(
      stream,
      last,
      { type: 'ForkDetected', data: told },
      `${stream}-fork-${told.revision}-${told.foreign}`,
      now(),
    )
  }

  const write = async (
    stream: string,
    last: Event | undefined,
    fact: IntakeEvent,
    cause: string,
    at: string,
  ): Promise<void> => {
    const id = nameId(crypto, cause)
    const act = { id, at, by: 'centre:intake', correlation: id, causation: id }
    const [written] = chain(crypto, intakeWords, stream, last, [fact], act, salt)
    if (!written) return
    const { event, text } = written
    await store.append(stream, last?.revision ?? 'NoStream', [{ id: event.id, type: event.type, text }])
  }

  return async (terminal, body) => {
    const sender = await senderOf(terminal)
    if (isRefusal(sender)) return sender
    // One batch of a terminal at a time: two at once would only race for the same revision.
    const before = turns.get(terminal) ?? Promise.resolve()
    const mine = before
      .catch(() => {})
      .then(() =>
        append(terminal, body, sender).catch((error: unknown): { acceptedTo: number } | Refusal => {
          if (!(error instanceof WrongExpectedRevision)) throw error
          return {
            reason: 'BatchRaced',
            message: `Another batch of ${terminal} was taken in at the same time: send this one again.`,
          }
        }),
      )
    turns.set(terminal, mine)
    return mine
  }
}

/** What is wrong with an event's data, in words; an unknown type or a newer shape is kept as it is. */
const shapeOf = ({ type, schema, data }: Event): string | undefined => {
  if (knownType(type) && !Object.hasOwn(tillWords, type)) return 'a word of the centre, which no terminal may say'
  const known = Object.hasOwn(tillWords, type) ? tillWords[type as keyof typeof tillWords] : undefined
  if (!known || schema > known.schema) return undefined
  const read = known.data.safeParse(data)
  if (read.success) return undefined
  const issue = read.error.issues[0]
  return `${issue?.path.join('.') || 'data'}: ${issue?.message}`
}

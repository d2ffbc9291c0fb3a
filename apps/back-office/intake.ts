import { fromBase64url } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { chain, type Event, trustEvent, upcast } from '#canonical/event'
import { nameId } from '#canonical/ids'
import { type EventStore, readLast, readStream, WrongExpectedRevision } from '#eventstore'
import { NewerThanKnown, readKnown } from '#evidence/held'
import { knownType } from '#ledger/vocabulary'
import { certificateHash } from '#license/certificate'
import { seenAt, witnessName } from '#sync/acknowledgement'
import {
  type BatchBody,
  type CheckedBatch,
  checkBatch,
  type Held,
  type Sender,
  verifyStatement,
  vouchedFor,
} from '#sync/batch'
import { type IntakeEvent, intakeWords } from '#sync/events'
import { tillWords } from '#till/events'
import type { NoteKey } from '#transparency/checkpoint'
import { type Quarantines, quarantines } from './quarantine.ts'
import type { Standings } from './standing.ts'

/**
 * A terminal's batch becomes part of the centre's log, exactly as the terminal wrote it, or is refused with nothing
 * changed; what a terminal signed and is not taken is kept in quarantine. `BatchAccepted` comes after the events; a
 * retry completes one that a crash left out.
 */
export type Intake = (terminal: string, body: BatchBody, how?: How) => Promise<Taken | Refusal>
/** `released`: an operator has it taken in, of a retired terminal as well; it lies in quarantine already. */
export type How = 'sent' | 'released'
export type Taken = {
  readonly acceptedTo: number
  /** The checkpoint of this centre's log that the terminal says it saw, where it cosigned it. */
  readonly seen: string | undefined
}

type Known = { readonly sender: Sender & { readonly witness: NoteKey }; readonly retired: Refusal | undefined }

type Parts = {
  readonly store: EventStore
  readonly crypto: Crypto
  readonly origin: string
  readonly mode: 'test' | 'live'
  readonly known: Pick<Standings, 'terminal'>
  readonly salt: (eventId: string) => string
  readonly now: () => string
  /** The note's own text and signature, where this centre signed it and its log does not continue it. */
  readonly contradicting: (note: string) => Promise<string | undefined>
  readonly onFault: (message: string) => void
}

export const intake = ({ store, crypto, origin, mode, known, salt, now, contradicting, onFault }: Parts): Intake => {
  const senders = new Map<string, Sender & { readonly witness: NoteKey }>()
  const turns = new Map<string, Promise<unknown>>()
  const quarantine: Quarantines = quarantines({ store, crypto, salt }, now)

  const senderOf = async (terminal: string): Promise<Known | Refusal> => {
    const enrolled = await known.terminal(terminal)
    if (!enrolled?.state.enrolled)
      return {
        reason: 'TerminalUnknown',
        message: `Terminal ${terminal} is not enrolled at this centre: invite it at the back office and enrol it.`,
        terminal,
      }
    const { state, first } = enrolled
    // Suspended, replaced or lost: what it recorded before it heard of it is a fact, and no fact is refused.
    const retired =
      state.retired === undefined
        ? undefined
        : {
            reason: 'TerminalRetired',
            message: `Terminal ${terminal} is retired (${state.retired}), and nothing more of it is taken without the back office: keep its disk, and ask there.`,
            terminal,
          }
    const { certificate, mode } = first
    const { keys } = enrolled.state.enrolled
    const held = senders.get(terminal)
    if (held) return { sender: held, retired }
    const seed = certificateHash(crypto, fromBase64url(certificate))
    const witness = { name: witnessName(origin, terminal), publicKey: fromBase64url(keys.ed25519) }
    const sender = { terminal, origin, mode, publicKey: fromBase64url(keys.p256), seed, witness }
    senders.set(terminal, sender)
    return { sender, retired }
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
    { sender, retired }: Known,
    how: How,
  ): Promise<Taken | Refusal> => {
    const stream = `terminal-${terminal}`
    const held = await heldFrom(stream, body.from)
    const checked = checkBatch(crypto, sender, held, body, shapeOf)
    if (retired && how === 'sent')
      return whileRetired(terminal, body, sender, { ...retired, acceptedTo: held.revision }, checked)
    if (isRefusal(checked)) {
      if (checked.reason === 'Fork') await noteFork(terminal, checked)
      if (checked.reason === 'BatchGap')
        await noteWentBack(terminal, held.revision, verifyStatement(crypto, body.statement, sender.publicKey)?.seen)
      return how === 'sent' ? kept(terminal, body, sender, checked) : checked
    }
    const { fresh, statement } = checked
    await noteWentBack(terminal, held.revision, statement.seen)
    if (fresh.length > 0)
      await store.append(
        stream,
        held.revision < 0 ? 'NoStream' : held.revision,
        fresh.map(({ event: { id, type }, text }) => ({ id, type, text })),
      )
    const acceptedTo = Math.max(held.revision, body.from + body.events.length - 1)
    await noteAccepted(terminal, body, statement)
    const { seen } = statement
    const isCosigned = seen !== undefined && seenAt(crypto, seen, sender.witness) !== undefined
    return { acceptedTo, seen: isCosigned ? seen : undefined }
  }

  /** It was told to stop, and may not have heard: what it signed is kept, and what it said before is said again. */
  const whileRetired = async (
    terminal: string,
    body: BatchBody,
    sender: Sender,
    retired: Refusal,
    checked: CheckedBatch | Refusal,
  ): Promise<Refusal> => {
    if (!isRefusal(checked)) return checked.fresh.length === 0 ? retired : kept(terminal, body, sender, retired)
    return checked.reason === 'BatchGap' ? kept(terminal, body, sender, checked) : kept(terminal, body, sender, retired)
  }

  /** The refusal, and whether what was refused is kept here: what no key signed, or must only be sent again, is not. */
  const kept = async (terminal: string, body: BatchBody, sender: Sender, refusal: Refusal): Promise<Refusal> => {
    const statement = vouchedFor(crypto, sender, body)
    if (!statement) return refusal
    if (refusal.reason === 'BatchGap' && !(await quarantine.continues(terminal, body))) return refusal
    const told = await quarantine.keep(terminal, body, statement, refusal)
    if (told === undefined) return refusal
    if (isRefusal(told)) {
      onFault(told.message)
      return { ...refusal, message: `${refusal.message} ${told.message}`, quarantineFull: true }
    }
    return {
      ...refusal,
      message: `${refusal.message} ${told.standing === 'rejected' ? 'The back office has rejected this batch for good.' : 'It is kept at the centre in quarantine, until the back office decides on it.'}`,
      quarantined: told.batch,
      standing: told.standing,
    }
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
        const stored = trustEvent(text)
        const event = upcast(stored, intakeWords)
        if (!event) throw new NewerThanKnown(stored)
        if (event.type === 'BatchAccepted') return event.data.from + event.data.count - 1
      }
    return -1
  }

  const toldBack = new Set<string>()
  /** What a terminal remembers of this centre's own word, and this centre does not: said once for each checkpoint. */
  const noteWentBack = async (terminal: string, held: number, seen: string | undefined): Promise<void> => {
    const checkpoint = seen === undefined ? undefined : await contradicting(seen)
    if (checkpoint === undefined || toldBack.has(`${terminal} ${checkpoint}`)) return
    const told = { terminal, held, checkpoint }
    const { stream, last } = await notes(terminal)
    for (const { text } of await readStream(store, stream)) {
      const { type, data } = trustEvent(text) as Event & IntakeEvent
      if (type !== 'CentreWentBack' || data.checkpoint !== checkpoint) continue
      toldBack.add(`${terminal} ${checkpoint}`)
      return
    }
    const cause = `${stream}-back-${checkpoint}`
    await write(stream, last, { type: 'CentreWentBack', data: told }, cause, now())
    onFault(
      `${terminal} has seen a checkpoint that this centre signed and does not continue: the centre was restored from an older copy. ${terminal}'s log is held up to revision ${held}, and it sends the rest again.`,
    )
  }

  const noteFork = async (terminal: string, fork: Refusal): Promise<void> => {
    const { stream, last } = await notes(terminal)
    const told = {
      terminal,
      revision: fork['revision'] as number,
      held: fork['held'] as string,
      foreign: fork['foreign'] as string,
    }
    const { events: before } = await readKnown(store, stream, intakeWords)
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

  return async (terminal, body, how = 'sent') => {
    const found = await senderOf(terminal)
    if (isRefusal(found)) return found
    const { sender } = found
    // A log that was copied beside the keys of another world: what it knows of terminals is not this one's.
    if (sender.mode !== mode)
      return {
        reason: 'ModeMismatch',
        message: `Terminal ${terminal} is a ${sender.mode} terminal, and this centre is ${mode}: nothing of it is taken here.`,
        stated: sender.mode,
        actual: mode,
      }
    // One batch of a terminal at a time: two at once would only race for the same revision.
    const before = turns.get(terminal) ?? Promise.resolve()
    const mine = before
      .catch(() => {})
      .then(() =>
        append(terminal, body, found, how).catch((error: unknown): Taken | Refusal => {
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
const shapeOf = (event: Event): string | undefined => {
  const { type, money } = event
  if (knownType(type) && !Object.hasOwn(tillWords, type)) return 'a word of the centre, which no terminal may say'
  if (!Object.hasOwn(tillWords, type)) return undefined
  const known = tillWords[type as keyof typeof tillWords]
  // In no shape: who does not know the shape must still know whether balances lack something.
  if (money !== known.money) return `money is ${money}, and of this type it is ${known.money}`
  let newest: Event | undefined
  try {
    newest = upcast(event, tillWords)
  } catch (error) {
    return `data: not what shape ${event.schema} holds (${(error as Error).message})`
  }
  if (!newest) return undefined
  const read = known.data.safeParse(newest.data)
  if (read.success) return undefined
  const issue = read.error.issues[0]
  return `${issue?.path.join('.') || 'data'}: ${issue?.message}`
}

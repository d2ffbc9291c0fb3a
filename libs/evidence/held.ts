import { type Event, type FactOf, trustEvent, upcast, type Vocabulary } from '#canonical/event'
import { type EventStore, readStream } from '#eventstore'

/** A stream as a decision must have it: each event in the newest shape of its type. */
export type HeldStream<Words extends Vocabulary> = {
  readonly events: readonly (Event & FactOf<Words>)[]
  /** The last event as it is stored, which the next one follows. */
  readonly last: Event | undefined
  /** The first event that these words do not know. */
  readonly newer: Event | undefined
}

/**
 * An event that must be known before anything is decided was written by a newer version. Nothing is decided on half of
 * the facts, and nothing was done: carry the command to a node of that version, or start this one in it.
 */
export class NewerThanKnown extends Error {
  readonly code = 'NewerThanKnown'
  constructor(readonly event: Pick<Event, 'stream' | 'revision' | 'type' | 'schema'>) {
    const { stream, revision, type, schema } = event
    super(
      `Stream ${stream} holds ${type} in shape ${schema} at revision ${revision}, which a newer version wrote: start that version here. Nothing was decided.`,
    )
  }
}

export const readHeld = async <Words extends Vocabulary>(
  store: Pick<EventStore, 'read'>,
  stream: string,
  words: Words,
): Promise<HeldStream<Words>> => {
  const events: (Event & FactOf<Words>)[] = []
  let last: Event | undefined
  let newer: Event | undefined
  for (const { text } of await readStream(store, stream)) {
    last = trustEvent(text)
    const known = upcast(last, words)
    if (known) events.push(known)
    else newer ??= last
  }
  return { events, last, newer }
}

/** The stream's events where these words know them all; throws `NewerThanKnown` otherwise. */
export const readKnown = async <Words extends Vocabulary>(
  store: Pick<EventStore, 'read'>,
  stream: string,
  words: Words,
) => {
  const { events, last, newer } = await readHeld(store, stream, words)
  if (newer) throw new NewerThanKnown(newer)
  return { events, last }
}

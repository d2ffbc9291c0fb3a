import { type EventToAppend, type StoredEvent, StoreFailed } from '#eventstore'

/** What is written beside an event: which append it came with, and when. The bridge gives the server's time in seconds. */
export type Beside = { readonly append: string; readonly at: string }

/** An event as the log gives it, before its log index is known. */
export type Found = Omit<StoredEvent, 'index'> & {
  readonly position: number
  /** Which append wrote it, so that a repeat is told from a first time. */
  readonly append: string | undefined
}

/** What the client gives, as far as it is looked at. */
type Given = {
  readonly event?: {
    readonly id: string
    readonly type: string
    readonly streamId: string
    readonly revision: bigint
    readonly created: Date
    readonly isJson: boolean
    readonly data: unknown
    readonly metadata?: unknown
    readonly position?: { readonly commit: bigint; readonly prepare: bigint }
  }
}

type Json = Record<string, unknown>

const parsed = (text: string): { value: Json } | undefined => {
  try {
    const value = JSON.parse(text) as Json
    return JSON.stringify(value) === text ? { value } : undefined
  } catch {
    return undefined
  }
}

/**
 * The client writes JSON by stringifying a value, and parses what it reads. A text that this leaves as it is, to the
 * octet, is stored as JSON and can be looked at in the database; any other is stored as octets.
 */
export const toWire = ({ id, type, text }: EventToAppend, metadata: Beside) => {
  const json = parsed(text)
  return json
    ? { id, type, contentType: 'application/json' as const, data: json.value, metadata }
    : { id, type, contentType: 'application/octet-stream' as const, data: Buffer.from(text), metadata }
}

/** Where it lies, as one number: what gRPC wrote has one position for both. */
export const foundIn = ({ event }: Given): Found => {
  if (event === undefined) throw new StoreFailed('KurrentDB gave a link without its event: links are not used here.')
  const { commit, prepare } = event.position ?? {}
  if (commit === undefined || commit !== prepare || commit > BigInt(Number.MAX_SAFE_INTEGER))
    throw new StoreFailed(
      `KurrentDB gave no one position for event ${event.id} of ${event.streamId} (commit ${commit}, prepare ${prepare}): ` +
        'it is too old a server, or a transaction of the old TCP interface wrote it.',
    )
  const beside = event.metadata as Partial<Beside> | undefined
  return {
    id: event.id,
    type: event.type,
    text: event.isJson ? JSON.stringify(event.data) : Buffer.from(event.data as Uint8Array).toString('utf8'),
    stream: event.streamId,
    revision: Number(event.revision),
    storedAt: beside?.at ?? event.created.toISOString(),
    position: Number(commit),
    append: beside?.append,
  }
}

import { type Bytes, equal, fromHex, hex, utf8 } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { parse1 } from './cose.ts'
import { count, octets, optional, text } from './fields.ts'
import { type KeySet, keyFor, kidOf } from './keyset.ts'
import { statement } from './statement.ts'

/**
 * The centre's word to one terminal on how much of its log it holds, signed by its rules key. It names the question that
 * it answers: how much was held once is not said again as if it were all.
 */
type HeldLog = {
  readonly terminal: string
  /** SHA-256 of the request's text. */
  readonly request: Bytes
  /** How many events of its stream are held; the last one's revision is one less. */
  readonly events: number
  /**
   * Of the last event of this answer, where no statement of the terminal's own reaches it: the centre was stopped
   * between a batch's events and its note of them, and vouches for them itself.
   */
  readonly head?: Bytes
}

type Held = { readonly events: number; readonly head?: string }

const heldLog = statement<HeldLog>('held-log', {
  terminal: text,
  request: octets(32),
  events: count,
  head: optional(octets(32)),
})

export const signHeldLog = (
  crypto: Crypto,
  { terminal, request, events, head }: Held & { readonly terminal: string; readonly request: string },
  key: KeyPair,
): Bytes => {
  const said = { terminal, request: crypto.sha256(utf8(request)), events, ...(head ? { head: fromHex(head) } : {}) }
  return heldLog.make(crypto, said, key, kidOf(crypto, key.publicKey))
}

/** How many events, and the hash that the centre itself vouches for, hex; null where no rules key of the set signed it, for this terminal and this question. Throws `Malformed`. */
export const verifyHeldLog = (
  crypto: Crypto,
  bytes: Uint8Array,
  { keySet, terminal, request }: { readonly keySet: KeySet; readonly terminal: string; readonly request: string },
): Held | null => {
  const { kid } = parse1(bytes)
  const key = kid && keyFor(keySet, kid, 'rules')
  const read = key ? heldLog.verify(crypto, bytes, key.curve, key.publicKey) : null
  if (read?.terminal !== terminal || !equal(read.request, crypto.sha256(utf8(request)))) return null
  return { events: read.events, ...(read.head ? { head: hex(read.head) } : {}) }
}

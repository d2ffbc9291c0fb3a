import { type Bytes, utf8 } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { parse1 } from './cose.ts'
import { count, list, map, octets, oneOf, optional, text } from './fields.ts'
import { type KeySet, keyFor, kidOf } from './keyset.ts'
import { statement } from './statement.ts'

/**
 * The centre's word to one terminal on what became of its sales and of what it gave back, signed by its rules key. It
 * names the question that it answers, so that what was true once is not said again as if it were true now.
 */
export type Verdict = {
  /** Of the terminal's own event. */
  readonly revision: number
  readonly verdict: 'waiting' | 'accepted' | 'held' | 'refused'
  /** Why it is held or refused. */
  readonly reason?: string
}

type Verdicts = {
  readonly terminal: string
  /** SHA-256 of the request's text. */
  readonly request: Bytes
  readonly verdicts: readonly Verdict[]
}

/** So many are asked at once. */
export const verdictsMax = 100

const verdicts = statement<Verdicts>('verdicts', {
  terminal: text,
  request: octets(32),
  verdicts: list(
    map<Verdict>({
      revision: count,
      verdict: oneOf('waiting', 'accepted', 'held', 'refused'),
      reason: optional(text),
    }),
  ),
})

export const signVerdicts = (
  crypto: Crypto,
  {
    terminal,
    request,
    said,
  }: { readonly terminal: string; readonly request: string; readonly said: readonly Verdict[] },
  key: KeyPair,
): Bytes =>
  verdicts.make(
    crypto,
    { terminal, request: crypto.sha256(utf8(request)), verdicts: said },
    key,
    kidOf(crypto, key.publicKey),
  )

/** Null where no rules key of the set signed it, for this terminal and this question. Throws `Malformed`. */
export const verifyVerdicts = (
  crypto: Crypto,
  bytes: Uint8Array,
  { keySet, terminal, request }: { readonly keySet: KeySet; readonly terminal: string; readonly request: string },
): readonly Verdict[] | null => {
  const { kid } = parse1(bytes)
  const key = kid && keyFor(keySet, kid, 'rules')
  const read = key ? verdicts.verify(crypto, bytes, key.curve, key.publicKey) : null
  const asked = crypto.sha256(utf8(request))
  return read?.terminal === terminal && read.request.every((octet, at) => octet === asked[at]) ? read.verdicts : null
}

import { base64url, fromBase64url } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import type { Refusal } from '#canonical/decider'
import { Malformed } from '#canonical/malformed'
import { count, octets, oneOf, optional, text } from './fields.ts'
import { statement } from './statement.ts'

/**
 * How a terminal asks for what is meant for it alone: the question and its own time, signed by the key in its
 * certificate. It changes nothing at the centre but that a certificate is renewed, so that one that is heard and said
 * again within its minutes wins nothing; after them it is refused.
 */
export type SyncRequest = {
  /** The centre's name for its log: a question to one centre is nothing to another. */
  readonly origin: string
  readonly terminal: string
  readonly asks: 'rules' | 'certificate' | 'verdicts' | 'log'
  /** Seconds since 1970, as the centre counts them. */
  readonly time: number
  readonly nonce: Uint8Array<ArrayBuffer>
  /** The version of the till's software, for whoever looks after it. */
  readonly software?: string
  /** The version of the deny list that it works under, which its log tells only with its next sale. */
  readonly denyList?: number
}

const request = statement<SyncRequest>('sync-request', {
  origin: text,
  terminal: text,
  asks: oneOf('rules', 'certificate', 'verdicts', 'log'),
  time: count,
  nonce: octets(16),
  software: optional(text),
  denyList: optional(count),
})

/** The header that bears it, base64url. */
export const requestHeader = 'tallystick-request'

/** So far may a terminal's idea of the centre's time be off. */
export const requestHolds_s = 300

export const signRequest = (crypto: Crypto, key: KeyPair, asked: SyncRequest): string =>
  base64url(request.make(crypto, asked, key))

export const checkRequest = (
  crypto: Crypto,
  text: string | undefined,
  expected: Pick<SyncRequest, 'origin' | 'terminal' | 'asks'> & {
    readonly publicKey: Uint8Array
    readonly now_s: number
  },
): SyncRequest | Refusal => {
  const { terminal, publicKey, now_s } = expected
  const asked = text === undefined ? undefined : read(crypto, text, publicKey)
  if (!asked || (['origin', 'terminal', 'asks'] as const).some(field => asked[field] !== expected[field]))
    return {
      reason: 'RequestSignatureInvalid',
      message: `This is not asked by terminal ${terminal}: the header ${requestHeader} must be signed by the key in its certificate, for this question and this centre.`,
      terminal,
    }
  if (Math.abs(asked.time - now_s) > requestHolds_s)
    return {
      reason: 'RequestTimeOff',
      message: `Terminal ${terminal} asks at ${asked.time} s, and here it is ${now_s} s: ask again by this centre's time, and look at the terminal's clock.`,
      at: new Date(now_s * 1000).toISOString(),
    }
  return asked
}

const read = (crypto: Crypto, text: string, publicKey: Uint8Array): SyncRequest | undefined => {
  // A header is hostile until it is read: longer than any that a terminal makes, it is not looked at.
  if (text.length > 2048) return undefined
  try {
    return request.verify(crypto, fromBase64url(text), 'P-256', publicKey) ?? undefined
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError) return undefined
    throw error
  }
}

import { z } from 'zod'
import { type Refusal } from '#canonical/decider'
import { unanswered } from '#http/unanswered'

/** What the phones ask of the authority, and how it is asked over HTTP. All octets are base64url. */

const licensed = z.object({
  account: z.string(),
  license: z.string(),
  /** Sealed by HPKE to the phone's key, or to its transport key. */
  tacKey: z.string(),
  keySet: z.string(),
  rootPublicKey: z.string(),
  mode: z.enum(['test', 'live']),
})
export type Licensed = z.infer<typeof licensed>

const heard = z.object({
  /** Payment hashes. */
  taken: z.array(z.string()),
  /** By their place in what was handed over. */
  refused: z.array(z.object({ place: z.int(), reason: z.string(), message: z.string() })),
  keySet: z.string(),
})
export type Heard = z.infer<typeof heard>

export type Keys = { readonly publicKey: string; readonly transport?: string | undefined }

export type Told = {
  readonly signed: string
  readonly getRequest: string
  readonly getResponse: string
  readonly put: string
  readonly receipt?: string | undefined
}

export type Authority = {
  activate(request: Keys & { readonly code: string; readonly proof: string }): Promise<Licensed | Refusal>
  renew(
    request: Keys & { readonly license: string; readonly present: string; readonly next: string },
  ): Promise<Licensed | Refusal>
  testify(request: { readonly license: string; readonly payments: readonly Told[] }): Promise<Heard | Refusal>
}

/** A refusal is an answer; no answer, or one that a fault made, is a refusal in words that says nothing of the request. */
export const httpAuthority = (centre: string): Authority => {
  const ask = async <Answer>(path: string, body: object, schema: z.ZodType<Answer>): Promise<Answer | Refusal> => {
    try {
      const response = await fetch(`${centre}/sync/v1/licenses${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(15_000),
      })
      const answer: unknown = await response.json()
      if (response.ok) return schema.parse(answer)
      const refusal = z.looseObject({ reason: z.string(), message: z.string() }).parse(answer)
      if (response.status < 500) return refusal
      throw new Error(refusal.message)
    } catch (error) {
      return {
        reason: unreachable,
        message: `The authority at ${centre} does not answer (${unanswered(error)}): try again when it does.`,
      }
    }
  }
  const of = (license: string, what: string) => `/${encodeURIComponent(license)}/${what}`
  return {
    activate: request => ask('', request, licensed),
    renew: ({ license, ...request }) => ask(of(license, 'renewals'), request, licensed),
    testify: ({ license, ...request }) => ask(of(license, 'testimonies'), request, heard),
  }
}

/** Nobody knows whether the authority has done what was asked: ask the same again. */
export const unreachable = 'AuthorityUnreachable'

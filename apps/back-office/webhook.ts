import type { Send } from './outbox.ts'

/** The receiver did not say yes. It is asked again, under the same key. */
export class WebhookFailed extends Error {
  readonly code = 'WebhookFailed'
}

const timeout_ms = 10_000

/**
 * Posts each entry as JSON. `Idempotency-Key` is the id of the event that it tells of: who has seen it has seen it. Only
 * a 2xx is a yes, and a redirection is none: an operator named this address and no other.
 */
export const webhook =
  (url: string, patience_ms = timeout_ms): Send =>
  async ({ entry, body }) => {
    let status: number
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/json', 'idempotency-key': entry },
        body,
        signal: AbortSignal.timeout(patience_ms),
      })
      status = response.status
      await response.body?.cancel()
    } catch (cause) {
      const { message, cause: deeper } = cause as Error
      throw new WebhookFailed(`no answer: ${deeper instanceof Error ? deeper.message : message}`, { cause })
    }
    if (status < 200 || status > 299) throw new WebhookFailed(`the answer was ${status}`)
  }

/** Undefined where it is one that can be posted to; else what is wrong, in words. */
export const webhookFault = (url: string): string | undefined => {
  const parsed = URL.parse(url)
  if (!parsed || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:'))
    return `--webhook takes an http:// or https:// address, not ${url}.`
  // Fetch refuses them, and a command line shows them to everybody.
  return parsed.username || parsed.password ? '--webhook takes an address without user and password.' : undefined
}

import type { Refusal } from '#canonical/decider'
import type { BatchAnswer } from '#sync/batch'
import type { RuleDocuments } from '#tap/rules'
import { type Link, LinkDown } from './ports.ts'

const timeout_ms = 15_000

/**
 * The way to the centre over HTTP. A refusal of the trade (4xx with a reason) is an answer; everything else is
 * `LinkDown`, and 429 and 503 may say when to come again. Whoever ends the terminal waits for no answer.
 */
export const httpLink = (centre: string, terminal: string, end: AbortSignal): Link => {
  const call = async (path: string, body?: unknown): Promise<unknown> => {
    let response: Response
    try {
      response = await fetch(`${centre}/sync/v1/terminals/${encodeURIComponent(terminal)}/${path}`, {
        signal: AbortSignal.any([end, AbortSignal.timeout(timeout_ms)]),
        redirect: 'error',
        ...(body === undefined
          ? {}
          : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      })
    } catch (cause) {
      const why = (cause as { cause?: { code?: string } }).cause?.code ?? (cause as Error).message
      throw new LinkDown(`${centre} gave no answer (${why})`, undefined, { cause })
    }
    const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
    if (response.status === 429 || response.status >= 500)
      throw new LinkDown(`${centre} answered ${response.status}`, Number.isFinite(retryAfter) ? retryAfter : undefined)
    try {
      return await response.json()
    } catch (cause) {
      throw new LinkDown(`${centre} answered ${response.status} with something that is not JSON`, undefined, { cause })
    }
  }

  return {
    send: async batch => (await call('batches', batch)) as BatchAnswer | Refusal,
    rules: async () => (await call('rules')) as (RuleDocuments & { at: string }) | Refusal,
  }
}

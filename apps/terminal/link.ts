import { z } from 'zod'
import type { Refusal } from '#canonical/decider'
import { instant } from '#canonical/fields'
import { unanswered } from '#http/unanswered'
import { requestHeader } from '#license/request'
import { batchAnswer } from '#sync/batch'
import { logPage } from '#sync/recovery'
import { type Link, LinkDown } from './ports.ts'

const timeout_ms = 15_000

const document = z.string().optional()
const documents = { policy: document, denyList: document, keySet: document, fareTable: document }
const rulesAnswer = z.object({
  ...documents,
  deltas: z.object(documents).optional(),
  heldTo: z.int().min(-1).optional(),
  assignment: z.string().max(8192).optional(),
  at: instant,
})
const verdictsAnswer = z.object({ verdicts: z.string().max(32_768), at: instant })
const certificateAnswer = z.object({ certificate: z.string().max(8192), at: instant })
const refusal = z.looseObject({ reason: z.string(), message: z.string() })

/**
 * The way to the centre over HTTP. A refusal of the trade (4xx with a reason) is an answer; everything else is
 * `LinkDown`, and 429 and 503 may say when to come again. Whoever ends the terminal waits for no answer.
 *
 * What answers may be a captive portal or a proxy: an answer of another shape is no answer, and lets nothing go.
 */
export const httpLink = (centre: string, terminal: string, end: AbortSignal): Link => {
  const call = async <Answer>(
    shape: z.ZodType<Answer>,
    path: string,
    { body, request }: { readonly body?: unknown; readonly request?: string },
  ): Promise<Answer | Refusal> => {
    let response: Response
    try {
      response = await fetch(`${centre}/sync/v1/terminals/${encodeURIComponent(terminal)}/${path}`, {
        signal: AbortSignal.any([end, AbortSignal.timeout(timeout_ms)]),
        redirect: 'error',
        headers: {
          ...(request === undefined ? {} : { [requestHeader]: request }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      })
    } catch (cause) {
      throw new LinkDown(`${centre} gave no answer (${unanswered(cause)})`, undefined, { cause })
    }
    const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
    if (response.status === 429 || response.status >= 500)
      throw new LinkDown(`${centre} answered ${response.status}`, Number.isFinite(retryAfter) ? retryAfter : undefined)
    try {
      const said: unknown = await response.json()
      return response.ok ? shape.parse(said) : refusal.parse(said)
    } catch (cause) {
      throw new LinkDown(`${centre} answered ${response.status}, and not as a centre does`, undefined, { cause })
    }
  }

  return {
    send: batch => call(batchAnswer, 'batches', { body: batch }),
    rules: (request, have) => call(rulesAnswer, have === undefined ? 'rules' : `rules?have=${have}`, { request }),
    verdicts: (request, revisions) => call(verdictsAnswer, 'verdicts', { request, body: { revisions } }),
    log: (request, from) => call(logPage, `log?from=${from}`, { request }),
    certificate: request => call(certificateAnswer, 'certificate', { request, body: {} }),
  }
}

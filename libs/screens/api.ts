/**
 * How a page asks its server. What the server refuses comes back as `{reason, message, ...figures}` with a status of
 * 400 and above; a query can only fail by throwing, so the refusal travels inside an error and is shown as it came.
 */

export class Refused extends Error {
  readonly code = 'Refused'
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
    readonly figures: Readonly<Record<string, unknown>>,
  ) {
    super(message)
  }
}

/** The server did not answer at all, or not in its own words. The caller shows it and lets the person try again. */
export class Unanswered extends Error {
  readonly code = 'Unanswered'
}

/** What a page shows of any failure: its reason as a name, its message as a sentence. */
export const wordsOf = (error: unknown): { reason: string; message: string } => {
  if (error instanceof Refused) return { reason: error.reason, message: error.message }
  if (error instanceof Unanswered) return { reason: error.code, message: error.message }
  return { reason: 'PageFault', message: error instanceof Error ? error.message : String(error) }
}

const answerOf = async <Answer>(path: string, init: RequestInit): Promise<Answer> => {
  let response: Response
  try {
    response = await fetch(path, init)
  } catch (cause) {
    if (init.signal?.aborted) throw cause
    throw new Unanswered('The server does not answer. See that it is running, then try again.', { cause })
  }
  const text = await response.text()
  let body: unknown = {}
  try {
    if (text !== '') body = JSON.parse(text)
  } catch (cause) {
    throw new Unanswered(`${path} answered ${response.status} with something that is not JSON.`, { cause })
  }
  if (response.ok) return body as Answer
  const { reason, message, ...figures } = (body ?? {}) as Record<string, unknown>
  throw new Refused(
    response.status,
    typeof reason === 'string' ? reason : `Http${response.status}`,
    typeof message === 'string' ? message : `${path} was refused with status ${response.status}, without a reason.`,
    figures,
  )
}

/** A question. `search` entries that are undefined or empty are left out. */
export const ask = <Answer>(
  path: string,
  search: Readonly<Record<string, string | number | undefined>> = {},
  signal?: AbortSignal,
): Promise<Answer> => {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(search))
    if (value !== undefined && value !== '') query.set(name, String(value))
  const tail = query.size > 0 ? `?${query}` : ''
  return answerOf(`${path}${tail}`, { headers: { accept: 'application/json' }, ...(signal ? { signal } : {}) })
}

/** An order. `key` makes a repeated one the same one (Idempotency-Key). */
export const order = <Answer>(path: string, body: unknown = {}, key?: string): Promise<Answer> =>
  sent('POST', path, body, key)

/** What stands at a path from now on; sent again, it is the same. */
export const keep = <Answer>(path: string, body: unknown): Promise<Answer> => sent('PUT', path, body)

const sent = <Answer>(method: string, path: string, body: unknown, key?: string): Promise<Answer> =>
  answerOf(path, {
    method,
    headers: { 'content-type': 'application/json', ...(key ? { 'idempotency-key': key } : {}) },
    body: JSON.stringify(body),
  })

/** 16 random octets in hex. `crypto.randomUUID` is missing on plain-http pages of another machine in the shop. */
export const freshKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), octet => octet.toString(16).padStart(2, '0')).join('')

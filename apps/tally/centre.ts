import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { unanswered } from '#http/unanswered'
import { Usage } from '#machine/process'

/** A centre that runs, asked over its own API by an operator who has signed in. */

export type Reply = { readonly status: number; readonly body: Record<string, unknown> }

export type Centre = {
  call(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Reply>
  /** Throws `CentreRefused` for whatever is not a success. */
  ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Record<string, unknown>>
}

export type Credentials = { readonly operator: string; readonly password: string }

/** The centre does not answer, or says no; the message is its own. */
export class CentreRefused extends Error {
  readonly code = 'CentreRefused'
  constructor(
    message: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

const send = async (method: string, url: URL, headers: Record<string, string>, body?: unknown): Promise<Response> =>
  fetch(url, {
    method,
    signal: AbortSignal.timeout(15_000),
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((cause: unknown) => {
    const message = `No centre answers at ${url.origin} (${unanswered(cause)}): start it, or name it with --centre URL.`
    throw new CentreRefused(message, 'CentreUnreachable', { cause })
  })

const read = async (response: Response): Promise<Reply> => ({
  status: response.status,
  body: ((await response.json().catch(() => undefined)) ?? {}) as Record<string, unknown>,
})

const refused = (what: string, { status, body }: Reply): CentreRefused =>
  new CentreRefused(
    typeof body['message'] === 'string' ? body['message'] : `${what} was answered ${status}.`,
    typeof body['reason'] === 'string' ? body['reason'] : `Http${status}`,
  )

/** Signs in; the session is this process's alone, and ends by itself. */
export const signInAt = async (address: string, { operator, password }: Credentials): Promise<Centre> => {
  if (!/^https?:\/\//.test(address))
    throw new Usage('--centre takes the address of a centre, such as http://127.0.0.1:4700.')
  const begun = await send('POST', new URL('/api/session', address), {}, { operator, password })
  const who = await read(begun)
  if (who.status >= 300) throw refused('Signing in', who)
  if (who.body['mustChangePassword'] === true)
    throw new CentreRefused(
      `${operator} has a one-time password: sign in at ${address} on a screen first, and choose another.`,
      'PasswordMustChange',
    )
  const cookie = (begun.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  const call: Centre['call'] = async (method, path, body) =>
    read(await send(method, new URL(path, address), { cookie }, body))
  return {
    call,
    ask: async (method, path, body) => {
      const reply = await call(method, path, body)
      if (reply.status >= 300) throw refused(`${method} ${path}`, reply)
      return reply.body
    },
  }
}

/** Where `npm start` keeps the administrator's password, in its data folder. */
export const passwordFileIn = (data: string): string => join(resolve(data), 'administrator-password')

export const credentialOptions = { operator: { type: 'string' }, 'password-file': { type: 'string' } } as const

/** Who signs in: as told, or the administrator with the password that `npm start` keeps. */
export const credentials = (asked: {
  readonly operator?: string | undefined
  readonly 'password-file'?: string | undefined
  readonly data?: string | undefined
}): Credentials => {
  const file = asked['password-file'] ?? passwordFileIn(asked.data ?? './data')
  if (!existsSync(file))
    throw new Usage(
      `There is no password at ${file}: name a file that holds one with --password-file FILE, and whose it is with --operator NAME.`,
    )
  const password = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  if (password === '' || /[\r\n]/.test(password)) throw new Usage(`${file} holds no password: it is one line.`)
  return { operator: asked.operator ?? 'administrator', password }
}

import { readWhole, writeWhole } from '#machine/process'
import { type Centre, CentreRefused, type Credentials, type Reply, signInAt } from './centre.ts'

/** What the demo's house begins with, asked of a running centre over its own API, as an operator does. */

export const shops = { 'T-1001': 'corner-shop', 'T-1002': 'market-stall' } as const
export const accounts = [
  { account: 'anna', limit: '500.00', allowance: '200.00' },
  { account: 'bela', limit: '300.00', allowance: '100.00' },
  { account: 'cyra', limit: '120.00', allowance: '40.00' },
] as const

export const call = async (method: string, url: string, body?: unknown): Promise<Reply> => {
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(15_000),
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** A step of the set-up that the centre or an app refused: it stops and says which. */
export class SetUpFailed extends Error {
  readonly code = 'SetUpFailed'
}

export const ask = async (method: string, url: string, body?: unknown): Promise<Record<string, unknown>> => {
  const reply = await call(method, url, body)
  if (reply.status >= 300)
    throw new SetUpFailed(
      `${method} ${url} answered ${reply.status}: ${String(reply.body['message'] ?? reply.body['reason'])}`,
    )
  return reply.body
}

/** Opens what may be there already, perhaps changed since: 409 says that it is. */
const ensure = async (centre: Centre, path: string, body: unknown): Promise<void> => {
  const reply = await centre.call('POST', path, body)
  if (reply.status >= 300 && reply.status !== 409)
    throw new SetUpFailed(`POST ${path} answered ${reply.status}: ${String(reply.body['message'])}`)
}

/**
 * Merchant, shops and accounts, each by its own name, at every start: a first start that was cut short goes on where it
 * ended.
 */
export const openHouse = async (centre: Centre): Promise<void> => {
  const merchants = (await centre.ask('GET', '/api/merchants'))['merchants'] as { merchant: string }[]
  if (!merchants.some(({ merchant }) => merchant === 'corner'))
    await centre.ask('POST', '/api/merchants', {
      merchant: 'corner',
      name: 'Corner & Co.',
      currency: 'EUR',
      feeBasisPoints: 150,
      taxBasisPoints: 2000,
    })
  for (const shop of Object.values(shops))
    await ensure(centre, '/api/shops', { shop, merchant: 'corner', name: shop, zone: 'Europe/Berlin' })
  for (const { account, limit } of accounts) await ensure(centre, '/api/accounts', { account, limit, currency: 'EUR' })
}

export type Invitation = { readonly code: string; readonly rootFingerprint: string }

/** A new invitation for a terminal that has not enrolled yet; undefined for one that has. */
export const invited = async (centre: Centre, terminal: string, shop: string): Promise<Invitation | undefined> => {
  const known = (await centre.ask('GET', '/api/terminals'))['terminals'] as { terminal: string; state: string }[]
  if (known.some(held => held.terminal === terminal && held.state === 'enrolled')) return undefined
  const { code, rootFingerprint } = await centre.ask('POST', '/api/terminals', { terminal, shop })
  return { code: String(code), rootFingerprint: String(rootFingerprint) }
}

/**
 * Opens the house at a centre that runs elsewhere, and lays an invitation for each of its terminals that has not
 * enrolled into a folder: `TERMINAL.json`, for `terminal --invitation`.
 */
export const open = async (options: {
  readonly centre: string
  readonly who: Credentials
  readonly invitations: string
  /** `TERMINAL=SHOP` each. */
  readonly terminals: readonly string[]
}): Promise<void> => {
  const say = (line: string) => process.stdout.write(`${line}\n`)
  const isDone = options.terminals.every(named => readWhole(options.invitations, `${named.split('=')[0]}.json`))
  const centre = await signInAt(options.centre, options.who).catch((error: unknown) => {
    // A password that was changed on a screen is nobody's trouble where all was opened before.
    if (isDone && error instanceof CentreRefused && error.reason === 'SignInRefused') return undefined
    throw error
  })
  if (!centre) {
    say(`${options.who.operator} has another password now, and all was opened before: nothing is done`)
    return
  }
  await openHouse(centre)
  say(`merchant corner, ${Object.keys(shops).length} shops and ${accounts.length} accounts are open`)
  for (const named of options.terminals) {
    const [terminal = '', shop = ''] = named.split('=')
    const invitation = await invited(centre, terminal, shop)
    if (invitation) writeWhole(options.invitations, `${terminal}.json`, JSON.stringify(invitation))
    say(invitation ? `${terminal} of ${shop} is invited` : `${terminal} has enrolled before`)
  }
}

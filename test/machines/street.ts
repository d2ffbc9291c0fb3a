import { dirname, join } from 'node:path'
import { type Event, verifyEvent } from '#canonical/event'
import { readStream } from '#eventstore'
import { sqliteStore } from '#eventstore/sqlite'
import { nodeCrypto } from '#machine/crypto'
import {
  ask,
  type Body,
  call,
  compile,
  endAll,
  eventually,
  freePorts,
  healthy,
  makePlace,
  program,
  type Reply,
  type Running,
  type RunOptions,
  run,
  tlsAuthority,
  withAdministrator,
} from './processes.ts'

/**
 * A street: a centre, terminals in shops, and a wallet full of phones, all set up over HTTP as `npm start` does it. Each
 * is a process with a folder that nobody else can look into.
 */

export type Users = { readonly centre: number; readonly terminal: number; readonly wallet: number }

/** A reader of a pcscd, instead of the loopback. */
type CardReader = { readonly name: string; readonly socketPath: string; readonly inside: RunOptions['inside'] }

type TillOptions = {
  readonly id: string
  readonly reader?: CardReader
  /** The port that phones tap on instead of the terminal's own radio. */
  readonly antenna?: (radio: number) => Promise<number>
  /** Another program than the app's own. */
  readonly main?: string
  readonly stdio?: RunOptions['stdio']
}

export type Sale = {
  readonly sale: string
  readonly state: 'waiting' | 'tapping' | 'approved' | 'declined' | 'torn' | 'cancelled'
  readonly amount: string
  readonly transaction?: string
  readonly reason?: string
  readonly receiptNumber?: number
}
export type Outcome = {
  readonly outcome: 'paid' | 'declined' | 'torn'
  readonly reason?: string
  readonly transaction?: string
}
export type Phone = {
  readonly id: string
  readonly account: string
  readonly card: string
  readonly allowanceLeft: string
}
export type Paid = {
  readonly transaction: string
  readonly payment: string
  readonly amount: string
  readonly receipt: number | null
}

export type App = {
  readonly port: number
  readonly url: string
  readonly folder: string
  /** The process that runs now, or ran last. */
  running(): Running
  /** Starts it, on the folder that it has; settles when it answers. */
  start(): Promise<void>
}

export type Till = App & {
  readonly id: string
  /** The port of its loopback reader. */
  readonly radio: number
  key(amount: string, told?: { readonly key?: string; readonly reference?: string }): Promise<Sale>
  sale(sale: string): Promise<Reply>
  network(online: boolean): Promise<void>
  sync(): Promise<Body>
}

export type Street = Awaited<ReturnType<typeof openStreet>>

type StreetOptions = {
  readonly terminals: readonly TillOptions[]
  readonly accounts: readonly { readonly account: string; readonly limit: string; readonly allowance: string }[]
  readonly users?: Users | undefined
  /** The port by which a terminal, or the wallet, reaches the centre in place of the centre's own. */
  readonly line?: (name: string, centre: number) => Promise<number>
  /** Where the centre keeps its log and what goes with it, if not in its own folder. */
  readonly store?: string
  /** The centre speaks TLS of its own, by a certificate of the tests' authority, which terminals and phones are told of. */
  readonly tls?: boolean
}

export const openStreet = async (options: StreetOptions) => {
  compile()
  const place = makePlace('street')
  const close = async (): Promise<void> => {
    await endAll()
    place.remove()
  }
  try {
    return { ...(await settle(options, place)), place, close }
  } catch (error) {
    await close()
    throw error
  }
}

const settle = async (
  { terminals, accounts, users, line, store, tls = false }: StreetOptions,
  place: ReturnType<typeof makePlace>,
) => {
  const appAt = (
    name: string,
    port: number,
    user: number | undefined,
    start: (folder: string) => Running,
    scheme = 'http',
  ): App => {
    const url = `${scheme}://127.0.0.1:${port}`
    const folder = place.folder(name, user)
    let held: Running | undefined
    return {
      port,
      url,
      folder,
      running: () => {
        if (!held) throw new Error(`${name} was never started`)
        return held
      },
      start: async () => {
        held = start(folder)
        await healthy(held, url)
      },
    }
  }

  /* ---- the centre, with what must be there before a terminal can be invited */

  const port = await freePorts()
  const operators = place.folder('operators', users?.centre)
  const scheme = tls ? 'https' : 'http'
  const pair = tls ? ['--tls-certificate', tlsFile('first.pem'), '--tls-key', tlsFile('first.key')] : []
  // Node's own way to trust one authority more.
  const trusting = tls ? { env: { NODE_EXTRA_CA_CERTS: tlsAuthority } } : {}
  const centreArgs = (folder: string) => [
    ...['--port', `${port}`, '--data', folder, ...pair, ...(store === undefined ? [] : ['--store', store])],
    ...withAdministrator(`${scheme}://127.0.0.1:${port}`, operators),
  ]
  const centre = appAt(
    'centre',
    port,
    users?.centre,
    folder => run('centre', program('dist/apps/back-office/main.js', centreArgs(folder)), { user: users?.centre }),
    scheme,
  )
  await centre.start()
  const at = `${centre.url}/api`
  const centreFor = async (name: string) => `${scheme}://127.0.0.1:${line ? await line(name, port) : port}`
  const terms = { feeBasisPoints: 150, taxBasisPoints: 2000 }
  await ask('POST', `${at}/merchants`, { merchant: 'corner', name: 'Corner & Co.', currency: 'EUR', ...terms })
  await ask('POST', `${at}/shops`, {
    shop: 'corner-shop',
    merchant: 'corner',
    name: 'Corner shop',
    zone: 'Europe/Berlin',
  })
  for (const { account, limit } of accounts) await ask('POST', `${at}/accounts`, { account, limit, currency: 'EUR' })

  /* ---- terminals */

  const startTill = async ({ id, reader, antenna, main = 'dist/apps/terminal/main.js', stdio }: TillOptions) => {
    const [port, radio] = [await freePorts(), await freePorts()]
    const invited = await ask('POST', `${at}/terminals`, { terminal: id, shop: 'corner-shop' })
    let code = ['--enrol', String(invited['code']), '--root', String(invited['rootFingerprint'])]
    const reached = await centreFor(id)
    const app = appAt(id, port, users?.terminal, folder => {
      const air = reader ? ['--reader', 'pcsc', '--reader-name', reader.name] : ['--radio', `${radio}`]
      const args = ['--port', `${port}`, '--data', folder, '--centre', reached, ...air, ...code]
      code = []
      const around = { ...(stdio ? { stdio } : {}), ...(reader?.inside ? { inside: reader.inside } : {}) }
      return run(id, program(main, args), { user: users?.terminal, ...around, ...trusting })
    })
    const api = `${app.url}/api`
    const till: Till = {
      ...app,
      id,
      radio,
      key: async (amount, { key, reference } = {}) => {
        const body = { amount, currency: 'EUR', ...(reference === undefined ? {} : { reference }) }
        const reply = await call('POST', `${api}/sales`, body, key === undefined ? {} : { 'idempotency-key': key })
        if (reply.status !== 201) throw new Error(`${id} took no sale: ${JSON.stringify(reply.body)}`)
        return reply.body as Sale
      },
      sale: sale => call('GET', `${api}/sales/${sale}`),
      network: async online => void (await ask('POST', `${api}/network`, { online })),
      sync: () => ask('POST', `${api}/sync`),
    }
    await till.start()
    if (reader)
      await eventually(async () => {
        const { reader: found } = (await ask('GET', `${api}/till`)) as { reader: { state: string; message?: string } }
        if (found.state !== 'ready') throw new Error(`The reader of ${id} is not ready: ${found.message}`)
      })
    await ask('POST', `${api}/day/open`, {})
    const address = reader ? `card:${reader.socketPath}` : `127.0.0.1:${antenna ? await antenna(radio) : radio}`
    return { till, antenna: `${id}=${address}` }
  }
  const started: Awaited<ReturnType<typeof startTill>>[] = []
  for (const one of terminals) started.push(await startTill(one))
  const tills = started.map(({ till }) => till)

  /* ---- phones */

  const walletPort = await freePorts()
  const authority = await centreFor('wallet')
  const antennas = started.flatMap(({ antenna }) => ['--antenna', antenna])
  const wallet = appAt('wallet', walletPort, users?.wallet, folder => {
    const args = ['--port', `${walletPort}`, '--data', folder, '--centre', authority, ...antennas]
    return run('wallet', program('dist/apps/wallet/main.js', args), { user: users?.wallet, ...trusting })
  })
  await wallet.start()
  const phones: Phone[] = []
  for (const { account, allowance } of accounts) {
    const { code } = await ask('POST', `${at}/accounts/${account}/activations`, { allowance, currency: 'EUR' })
    phones.push((await ask('POST', `${wallet.url}/api/phones`, { code })) as unknown as Phone)
  }

  return {
    centre,
    tills,
    wallet,
    phones,
    till: (place = 0): Till => tills[place] as Till,
    phone: (place = 0): Phone => phones[place] as Phone,
    tap: async (phone: Phone, till: Till): Promise<Outcome> =>
      (await ask('POST', `${wallet.url}/api/phones/${phone.id}/tap`, { terminal: till.id })) as Outcome,
    /** What the phone remembers, newest first. */
    payments: async (phone: Phone): Promise<readonly Paid[]> =>
      (await ask('GET', `${wallet.url}/api/phones/${phone.id}`))['payments'] as readonly Paid[],
    balance: (account: string): Promise<Body> => ask('GET', `${at}/accounts/${account}/balance`),
    /** What every process printed, for the one who looks why a test failed. */
    said: (): string =>
      [centre, ...tills, wallet].map(app => `--- ${app.running().name}\n${app.running().said()}`).join('\n'),
  }
}

/** A terminal's log as its folder holds it, read from the disk and each event's hash and place in the chain checked. */
export const logOf = async (till: Till): Promise<Event[]> => {
  const log = sqliteStore(join(till.folder, 'log.sqlite'), () => '', { readonly: true })
  try {
    const events = (await readStream(log, `terminal-${till.id}`)).map(({ text }) => verifyEvent(crypto, text))
    for (const [revision, event] of events.entries()) {
      const before = events[revision - 1]
      if (event.revision !== revision || (before && event.prev !== before.hash))
        throw new Error(`${till.id}: revision ${revision} does not follow the event before it`)
    }
    return events
  } finally {
    log.close()
  }
}

const crypto = nodeCrypto()
const tlsFile = (name: string): string => join(dirname(tlsAuthority), name)

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { base64url, fromBase64url } from '#canonical/bytes'
import type { Curve } from '#canonical/crypto'
import { sqliteStore } from '#eventstore/sqlite'
import { refuseOtherHosts, serve } from '#http/serve'
import { systemClock } from '#machine/clock'
import { nodeCrypto } from '#machine/crypto'
import { endGracefully, type Log, readWhole, sleep, startApp, Usage, writeWhole } from '#machine/process'
import { terminalModule } from './api.ts'
import { type Enrolled, EnrolmentFailed, enrol } from './enrol.ts'
import { httpLink } from './link.ts'
import type { Identity, Moment } from './ports.ts'
import { loopbackReader } from './readers/loopback.ts'
import { pcscReader } from './readers/pcsc.ts'
import { terminal } from './terminal.ts'

/** A terminal as a process: its own folder, its own port, one reader. */

const key = z.object({ publicKey: z.string(), privateKey: z.string() })
const enrolledFile = z.object({
  identity: z.object({
    terminal: z.string(),
    origin: z.string(),
    mode: z.enum(['test', 'live']),
    rootPublicKey: z.string(),
    certificate: z.string(),
    keys: z.object({ p256: key, ed25519: key }),
  }),
  rules: z.object({ policy: z.string(), denyList: z.string(), keySet: z.string() }),
})

const keyText = (pair: { publicKey: Uint8Array; privateKey: Uint8Array }) => ({
  publicKey: base64url(pair.publicKey),
  privateKey: base64url(pair.privateKey),
})
const keyFrom = (curve: Curve, text: z.infer<typeof key>) => ({
  curve,
  publicKey: fromBase64url(text.publicKey),
  privateKey: fromBase64url(text.privateKey),
})

const readEnrolled = (text: string): Enrolled => {
  const { identity, rules } = enrolledFile.parse(JSON.parse(text))
  const { p256, ed25519 } = identity.keys
  return {
    identity: { ...identity, keys: { p256: keyFrom('P-256', p256), ed25519: keyFrom('Ed25519', ed25519) } },
    rules,
  }
}
const enrolledText = ({ identity, rules }: Enrolled): string => {
  const keys = { p256: keyText(identity.keys.p256), ed25519: keyText(identity.keys.ed25519) }
  return JSON.stringify({ identity: { ...identity, keys } satisfies Record<keyof Identity, unknown>, rules })
}

const usage =
  'terminal --port N --data DIR --centre URL [--radio PORT | --reader pcsc [--reader-name TEXT]] [--enrol CODE --root FINGERPRINT] [--host 127.0.0.1]'

export const start = (args: readonly string[], passing?: (moment: Moment) => void): Promise<void> =>
  startApp(log => startTerminal(args, log, passing))

const startTerminal = async (args: readonly string[], log: Log, passing?: (moment: Moment) => void): Promise<void> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      data: { type: 'string' },
      centre: { type: 'string' },
      radio: { type: 'string' },
      reader: { type: 'string', default: 'loopback' },
      'reader-name': { type: 'string' },
      enrol: { type: 'string' },
      root: { type: 'string' },
    },
  })
  const { port, host, data, centre } = values
  if (!port || !data || !centre) throw new Usage(`Usage: ${usage}`)
  refuseOtherHosts(host)
  const crypto = nodeCrypto()

  let text = readWhole(data, 'enrolled.json')
  if (text === undefined) {
    if (!values.enrol || !values.root)
      throw new EnrolmentFailed(
        'This terminal is not enrolled: invite it at the back office, then start it with --enrol CODE --root FINGERPRINT.',
      )
    text = enrolledText(await enrol(crypto, centre, values.enrol, values.root))
    writeWhole(data, 'enrolled.json', text)
    log.info('enrolled')
  }
  const { identity, rules } = readEnrolled(text)
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const store = sqliteStore(join(data, 'log.sqlite'), () => new Date(systemClock.now()).toISOString())
  const reader =
    values.reader === 'pcsc'
      ? pcscReader(values['reader-name'] === undefined ? {} : { name: values['reader-name'] })
      : await loopbackReader({ port: Number(values.radio ?? Number(port) + 20), host: '127.0.0.1' })
  const stop = new AbortController()
  const node = await terminal({
    clock: systemClock,
    crypto,
    store,
    notes: store,
    reader,
    ...('state' in reader ? { readerState: () => reader.state() } : {}),
    link: httpLink(centre, identity.terminal, stop.signal),
    identity,
    firstRules: rules,
    sleep,
    log,
    ...(passing ? { passing } : {}),
  })
  const served = await serve({
    module: terminalModule(node),
    port: Number(port),
    host,
    pages: join(import.meta.dirname, '..', '..', 'web', 'terminal'),
    log,
  })
  const running = node.run(stop.signal)
  endGracefully(log, async () => {
    stop.abort()
    await served.close()
    await reader.close()
    await running
    store.close()
  })
  log.info(`till ${identity.terminal} at ${served.url}, reader ${reader.radio}, synchronous=${store.synchronous()}`)
}

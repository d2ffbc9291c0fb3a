import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { sqliteStore } from '#eventstore/sqlite'
import { refuseOtherHosts, serve } from '#http/serve'
import { systemClock } from '#machine/clock'
import { nodeCrypto } from '#machine/crypto'
import { scryptPins } from '#machine/pins'
import { endGracefully, type Log, readWhole, sleep, startApp, Usage, writeWhole } from '#machine/process'
import { findable } from '#till/window'
import { terminalModule } from './api.ts'
import { EnrolmentFailed, enrol, makeKeys, readInvitation } from './enrol.ts'
import { type Draft, draftText, enrolledText, readDraft, readEnrolled } from './enrolled.ts'
import { httpLink } from './link.ts'
import { markerFile } from './marker.ts'
import type { Moment } from './ports.ts'
import { loopbackReader } from './readers/loopback.ts'
import { pcscReader } from './readers/pcsc.ts'
import { terminal } from './terminal.ts'

/** A terminal as a process: its own folder, its own port, one reader. */

const usage =
  'terminal --port N --data DIR --centre URL [--radio PORT | --reader pcsc [--reader-name TEXT]] [--enrol CODE --root FINGERPRINT | --invitation FILE] [--host 127.0.0.1 | --host 0.0.0.0 --known-as NAME…]'

export const start = (args: readonly string[], passing?: (moment: Moment) => void): Promise<void> =>
  startApp(log => startTerminal(args, log, passing))

const invitationIn = (file: string) => {
  try {
    return readInvitation(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new EnrolmentFailed(
      `This terminal is not enrolled, and ${file} holds no invitation: lay there what the back office answered to inviting it.`,
      { cause },
    )
  }
}

const startTerminal = async (args: readonly string[], log: Log, passing?: (moment: Moment) => void): Promise<void> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      'known-as': { type: 'string', multiple: true, default: [] },
      data: { type: 'string' },
      centre: { type: 'string' },
      radio: { type: 'string' },
      reader: { type: 'string', default: 'loopback' },
      'reader-name': { type: 'string' },
      enrol: { type: 'string' },
      root: { type: 'string' },
      invitation: { type: 'string' },
    },
  })
  const { port, host, data, centre } = values
  if (!port || !data || !centre) throw new Usage(`Usage: ${usage}`)
  refuseOtherHosts(host, values['known-as'])
  const crypto = nodeCrypto()

  let text = readWhole(data, 'enrolled.json')
  if (text === undefined) {
    const begun = readWhole(data, 'enrolling.json')
    const held = begun === undefined ? undefined : readDraft(begun)
    const brought = values.invitation === undefined ? undefined : invitationIn(values.invitation)
    const { enrol: code = brought?.code ?? held?.code, root = brought?.rootFingerprint ?? held?.root } = values
    if (!code || !root)
      throw new EnrolmentFailed(
        'This terminal is not enrolled: invite it at the back office, then start it with --enrol CODE --root FINGERPRINT.',
      )
    // The keys are on disk before they are shown: if the answer is lost, the same keys ask again.
    const draft: Draft = held?.code === code ? { ...held, root } : { code, root, keys: makeKeys(crypto) }
    writeWhole(data, 'enrolling.json', draftText(draft))
    text = enrolledText(await enrol(crypto, centre, draft))
    writeWhole(data, 'enrolled.json', text)
    log.info('enrolled')
  }
  const { identity, rules } = readEnrolled(text)
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const now = () => new Date(systemClock.now()).toISOString()
  const store = sqliteStore(join(data, 'log.sqlite'), now, { findable })
  const reader =
    values.reader === 'pcsc'
      ? pcscReader(values['reader-name'] === undefined ? {} : { name: values['reader-name'] })
      : await loopbackReader({
          port: Number(values.radio ?? Number(port) + 20),
          host: values['known-as'].length > 0 ? host : '127.0.0.1',
        })
  const marker = markerFile(data)
  const stop = new AbortController()
  // npm tells it to whatever it starts.
  const version = process.env['npm_package_version']
  const node = await terminal({
    clock: systemClock,
    crypto,
    store,
    notes: store,
    past: store,
    marker,
    pins: scryptPins,
    reader,
    ...('state' in reader ? { readerState: () => reader.state() } : {}),
    link: httpLink(centre, identity.terminal, stop.signal),
    identity,
    firstRules: rules,
    sleep,
    log,
    ...(version === undefined ? {} : { software: version }),
    ...(passing ? { passing } : {}),
  })
  const served = await serve({
    module: terminalModule(node),
    port: Number(port),
    host,
    knownAs: values['known-as'],
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
    marker.close()
  })
  log.info(`till ${identity.terminal} at ${served.url}, reader ${reader.radio}, synchronous=${store.synchronous()}`)
}

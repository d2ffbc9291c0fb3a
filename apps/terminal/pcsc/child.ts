import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NFC as Nfc, Reader } from 'nfc-pcsc'
import type { Bytes } from '#canonical/bytes'
import { type Conversation, exchange, select } from '#nfc/iso-dep'
import { FieldLost, PeerUnfit } from '#nfc/reader'
import type { FromChild, ToChild } from './messages.ts'

/**
 * The process that holds nfc-pcsc, and the only file that imports it. Its addon spins in native code when there is no
 * daemon, never times out, and makes process.exit() wait for an answer that may not come. So it lives here, where it
 * can be killed: readers/pcsc.ts watches over it and starts it anew.
 *
 * Argument: a text that the names of the readers to be used contain; none for all readers.
 */

const wantedName = process.argv[2] ?? ''
/** Of pcsc-lite; its client library takes another path from the environment too. */
const DAEMON = process.env['PCSCLITE_CSOCK_NAME'] ?? '/run/pcscd/pcscd.comm'
const SHORT_ANSWER = 258

/** process.exit() joins the pool's threads, and one may hang in a transmit. */
const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('killed')
}

const say = (message: FromChild): void => {
  // Where the terminal is gone, `disconnect` ends us.
  process.send?.(message, () => {})
}
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

// The terminal ends us after its own orderly end, not the Ctrl-C that the whole group of processes gets.
process.on('SIGINT', () => {})
process.on('disconnect', die)
setInterval(() => say({ kind: 'alive' }), 1000)

// Daemon and library

/** Connecting also wakes a daemon that systemd starts on demand. */
const daemonIsThere = (): Promise<boolean> =>
  new Promise(resolve => {
    const probe = connect(DAEMON)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })

const untilDaemon = async (): Promise<void> => {
  for (let told = false; !(await daemonIsThere()); told = true) {
    if (!told)
      say({ kind: 'trouble', message: 'The PC/SC daemon is not running, start it: systemctl start pcscd.socket' })
    await sleep(250)
  }
}

const library = async (): Promise<typeof Nfc> => {
  try {
    return (await import('nfc-pcsc')).NFC
  } catch (cause) {
    const found = reason(cause).split('\n')[0]
    say({
      kind: 'trouble',
      message: `nfc-pcsc does not load, build it: node apps/terminal/pcsc/build.mjs --require (${found})`,
    })
    // It will not load by being tried again at once.
    await sleep(5000)
    return die()
  }
}

// Readers and their cards

/** The cards in the field, each with the reader that has it. */
const cards = new Map<number, Reader>()
const readers = new Set<Reader>()
let taps = 0

const sayReaders = (): void => say({ kind: 'readers', names: [...readers].map(reader => reader.name) })

const attend = (reader: Reader): void => {
  reader.autoProcessing = false
  // Without a listener an error would end the process, on readers that are not ours as well.
  reader.on('error', error => say({ kind: 'trouble', message: `${reader.name}: ${error.message}` }))
  if (!reader.name.includes(wantedName)) return
  readers.add(reader)
  sayReaders()

  let tap = 0
  const arrive = (prepare: (reader: Reader) => Promise<void>): void => {
    forget(tap)
    tap = ++taps
    void meet(tap, reader, prepare)
  }
  reader.on('card', () => arrive(settled))
  reader.on('card.off', () => forget(tap))
  // A card that goes while another comes is one change to PC/SC, and none to the library; only the count of events,
  // in the upper half of the state, tells that it is not the same card.
  let before = 0
  reader.reader.on('status', ({ state }) => {
    const stayed = (state & before & reader.reader.SCARD_STATE_PRESENT) !== 0
    if (stayed && state >>> 16 !== before >>> 16) arrive(connectedAnew)
    before = state
  })
  reader.on('end', () => {
    forget(tap)
    readers.delete(reader)
    sayReaders()
  })
}

const forget = (tap: number): void => {
  if (cards.delete(tap)) say({ kind: 'gone', tap })
}

const meet = async (tap: number, reader: Reader, prepare: (reader: Reader) => Promise<void>): Promise<void> => {
  cards.set(tap, reader)
  say({ kind: 'card', tap, reader: reader.name })
  try {
    await prepare(reader)
    await converse(reader, select())
    say({ kind: 'phone', tap })
  } catch (error) {
    if (error instanceof PeerUnfit) say({ kind: 'unfit', tap, found: error.found })
    else forget(tap)
  }
}

/**
 * A card that is back before the library had done with the last one is announced on a connection without protocol,
 * which that disconnect then takes away.
 */
const settled = async (reader: Reader): Promise<void> => {
  if (reader.connection?.protocol !== undefined) return
  for (let waited_ms = 0; reader.connection !== null && waited_ms < 1000; waited_ms += 2) await sleep(2)
  await reader.connect()
}

/** Its connection is to the card that is no more. */
const connectedAnew = async (reader: Reader): Promise<void> => {
  await reader.disconnect()
  await reader.connect()
}

const converse = async <Outcome>(reader: Reader, conversation: Conversation<Outcome>): Promise<Outcome> => {
  let step = conversation.next()
  while (!step.done) step = conversation.next(await transmit(reader, step.value))
  return step.value
}

const transmit = async (reader: Reader, command: Bytes): Promise<Uint8Array> => {
  try {
    return await reader.transmit(Buffer.from(command), SHORT_ANSWER)
  } catch (cause) {
    throw new FieldLost(`The card did not answer: ${reason(cause)}`, { cause })
  }
}

/** Takes the power from the card, so that the phone knows; the library's own disconnect would leave it on. */
const unpower = (reader: Reader): Promise<void> =>
  new Promise(resolve => reader.reader.disconnect(reader.reader.SCARD_UNPOWER_CARD, () => resolve()))

// What the terminal wants

const obey = async (message: ToChild): Promise<void> => {
  const { tap } = message
  const reader = cards.get(tap)
  if (!reader) return say({ kind: 'gone', tap })
  if (message.kind === 'leave') {
    await unpower(reader)
    return say({ kind: 'left', tap })
  }
  try {
    say({ kind: 'answer', tap, response: await converse(reader, exchange(message.request)) })
  } catch (error) {
    if (error instanceof PeerUnfit) say({ kind: 'unfit', tap, found: error.found })
    else say({ kind: 'lost', tap, why: reason(error) })
  }
}
process.on('message', (message: ToChild) => void obey(message))

const NFC = await library()
await untilDaemon()
// The library tells a failed connect to its logger only.
const silent = (): void => {}
const error = (...what: unknown[]): void => say({ kind: 'trouble', message: what.map(reason).join(' ') })
const nfc = new NFC({ log: silent, debug: silent, info: silent, warn: silent, error })
nfc.on('reader', attend)
// It never recovers from a daemon that went away; a new process does.
nfc.on('error', fault => {
  say({ kind: 'trouble', message: `The PC/SC daemon went away: ${fault.message}` })
  setTimeout(die, 50)
})
sayReaders()

// A process that is a phone at a virtual reader (argument: its socket). Told by messages how to behave in the next tap.
import { tapIsoDep, virtualReader } from '../../dist/apps/wallet/antennas/iso-dep.js'

const reader = await virtualReader({ socketPath: process.argv[2] })
const leaving = { now: new AbortController() }

/** SNEP success with what was asked; header of SNEP 1.0, 2.2. */
const echo = request => {
  const response = new Uint8Array(request)
  response[1] = 0x81
  return response
}

const answers = {
  echo: async request => echo(request),
  /** Gone before its answer. */
  leaves: async request => {
    leaving.now.abort()
    return echo(request)
  },
  mute: () => new Promise(() => {}),
}

/** A bank card, a key fob: it knows no application of ours. */
const foreign = { reset: () => {}, powerDown: () => {}, command: async () => new Uint8Array([0x6a, 0x82]) }

const calls = {
  tap: async manner => {
    leaving.now = new AbortController()
    await tapIsoDep({ reader, answer: answers[manner], leave: leaving.now.signal })
  },
  leave: async () => leaving.now.abort(),
  layForeignCard: async () => reader.insert(foreign),
  removeCard: () => reader.remove(),
}

const answer = async ({ id, call, argument }) => process.send({ id, value: await calls[call](argument) })
process.on('message', asked => void answer(asked))
process.on('disconnect', () => process.exit())
process.send({ ready: true })

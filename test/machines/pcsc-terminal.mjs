// A process that is nothing of a terminal but its PC/SC reader (arguments: reader's name, timeout). Told by messages.
import { pcscReader } from '../../dist/apps/terminal/readers/pcsc.js'

const [, , name, timeout] = process.argv
const reader = pcscReader({ name, exchangeTimeout_ms: Number(timeout) })
const taps = reader.taps(new AbortController().signal)[Symbol.asyncIterator]()
let meeting

const calls = {
  /** Ends the meeting before, and waits for the next. */
  meet: async () => {
    meeting = (await taps.next()).value
  },
  exchange: async request =>
    Buffer.from(await meeting.exchange(Uint8Array.from(Buffer.from(request, 'hex')))).toString('hex'),
  leave: () => meeting.leave(),
  state: async () => reader.state(),
  pids: async () => reader.pids(),
}

const answer = async ({ id, call, argument }) => {
  try {
    process.send({ id, value: await calls[call](argument) })
  } catch (error) {
    process.send({ id, code: error.code, message: error.message })
  }
}
process.on('message', asked => void answer(asked))
process.on('disconnect', () => void reader.close().then(() => process.exit()))
process.send({ ready: true })

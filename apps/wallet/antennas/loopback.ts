import { connect } from 'node:net'
import type { Bytes } from '#canonical/bytes'
import { Malformed } from '#canonical/malformed'
import { frame, unframer } from '#nfc/frame'
import { SERVICE_LIMIT, SNEP_HEADER } from '#nfc/snep'

/** There was no terminal to tap on. The holder is told so; nothing was said. */
export class NoField extends Error {
  readonly code = 'NoField'
}

/**
 * Holds the phone at a loopback reader. Resolves when the field ended: the terminal closed it, or `leave` took the
 * phone away, which may be at any moment and lets nothing more go out, not even the answer in the making. Rejects with
 * `NoField` where nobody listens, and with whatever `answer` threw, after the phone has turned away.
 */
export const tapLoopback = async (options: {
  readonly host?: string
  readonly port: number
  /** One SNEP request, whole, to the SNEP response. */
  readonly answer: (request: Bytes) => Promise<Bytes>
  readonly leave?: AbortSignal
}): Promise<void> => {
  const { host = '127.0.0.1', port, answer, leave } = options
  if (leave?.aborted) return
  const socket = connect({ host, port, noDelay: true })
  const closed = new Promise(resolve => socket.once('close', resolve))
  const cut = (): void => {
    socket.destroy()
  }
  leave?.addEventListener('abort', cut, { once: true })

  const faults: unknown[] = []
  const turnAway = (fault: unknown): void => {
    faults.push(fault)
    socket.destroy()
  }
  let met = false
  socket.once('connect', () => {
    met = true
  })
  // A field that breaks later has ended like any other: `close` tells.
  socket.on('error', cause => {
    if (!met) faults.push(new NoField(`No terminal at ${host}:${port}: start it, then tap again.`, { cause }))
  })

  const respond = async (request: Bytes): Promise<void> => {
    if (socket.destroyed) return
    const response = await answer(request)
    if (socket.writable) socket.write(frame(response))
  }
  const take = unframer(SNEP_HEADER + SERVICE_LIMIT)
  let answered = Promise.resolve()
  socket.on('data', chunk => {
    try {
      for (const request of take(chunk)) answered = answered.then(() => respond(request)).catch(turnAway)
    } catch (fault) {
      // What no SNEP message of this service is, no terminal of ours has sent.
      if (!(fault instanceof Malformed)) throw fault
      socket.destroy()
    }
  })

  await closed
  await answered
  leave?.removeEventListener('abort', cut)
  if (faults.length > 0) throw faults[0]
}

import assert from 'node:assert'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { Bytes } from '#canonical/bytes'
import { frame, unframer } from '#nfc/frame'
import { FieldLost, type Meeting, type Reader } from '#nfc/reader'
import { SERVICE_LIMIT, SNEP_HEADER } from '#nfc/snep'
import { line } from './line.ts'

export type LoopbackReader = Reader & {
  readonly port: number
  close(): Promise<void>
}

/** Phones that may stand in line; whoever comes after them finds no field. */
const LINE = 32

/**
 * A reader without a radio: a phone that connects has come into the field, and a closed connection is a lost field.
 * Frames (u32be length) carry whole SNEP messages, the terminal's request first.
 */
export const loopbackReader = async (options: {
  /** 0 for any. */
  readonly port: number
  readonly host?: string
  readonly exchangeTimeout_ms?: number
}): Promise<LoopbackReader> => {
  const { port, host = '127.0.0.1', exchangeTimeout_ms = 5000 } = options
  const waiting = line()
  const present = new Set<Meeting>()

  const server = createServer(socket => {
    if (waiting.length >= LINE) {
      socket.destroy()
      return
    }
    const phone = phoneAt(socket, exchangeTimeout_ms, () => {
      present.delete(phone)
      waiting.drop(phone)
    })
    present.add(phone)
    waiting.join(phone)
  })
  server.listen(port, host)
  await once(server, 'listening')

  const address = server.address()
  assert(address !== null && typeof address === 'object')
  return {
    radio: 'loopback',
    port: address.port,
    taps: waiting.taps,
    close: async () => {
      waiting.close()
      const closed = once(server, 'close')
      server.close()
      await Promise.all([...present].map(phone => phone.leave()))
      await closed
    },
  }
}

const phoneAt = (socket: Socket, timeout_ms: number, gone: () => void): Meeting => {
  const take = unframer(SNEP_HEADER + SERVICE_LIMIT)
  let asked: PromiseWithResolvers<Bytes> | null = null
  let lost: FieldLost | null = null

  const lose = (why: string, cause?: unknown): void => {
    if (lost) return
    lost = new FieldLost(why, { cause })
    gone()
    socket.destroy()
    asked?.reject(lost)
    asked = null
  }

  socket.setNoDelay(true)
  socket.on('error', cause => lose(`The connection to the phone broke: ${cause.message}.`, cause))
  socket.on('close', () => lose('The phone left the field.'))
  socket.on('data', chunk => {
    try {
      for (const message of take(chunk)) {
        // A phone speaks when it is asked, and once.
        if (!asked) return lose('The phone spoke without being asked.')
        asked.resolve(message)
        asked = null
      }
    } catch (cause) {
      lose('The phone sent more than a SNEP message of this service holds.', cause)
    }
  })

  return {
    exchange: async request => {
      if (lost) throw lost
      assert(!asked, 'one exchange at a time')
      const exchange = Promise.withResolvers<Bytes>()
      asked = exchange
      const timer = setTimeout(() => lose(`The phone did not answer within ${timeout_ms} ms.`), timeout_ms)
      socket.write(frame(request))
      try {
        return await exchange.promise
      } finally {
        clearTimeout(timer)
      }
    },
    leave: async () => {
      if (lost) return
      const closed = once(socket, 'close')
      lose('The terminal ended the meeting.')
      await closed
    },
  }
}

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Recorded } from '../decoder/decode.ts'

/** Stands between the phone's antenna and the loopback reader, passes on every octet, and keeps it. */
export type Recorder = {
  readonly port: number
  /** The taps so far: each a list of the messages that passed, in their order. */
  readonly taps: readonly Recorded[][]
  /** Octets that passed and were no whole message. */
  readonly rest: () => number
  close(): Promise<void>
}

export const recordAir = async (radio: number, port = 0): Promise<Recorder> => {
  const taps: Recorded[][] = []
  const sockets = new Set<Socket>()
  const rests: (() => number)[] = []

  const server = createServer(phone => {
    const terminal = connect({ port: radio, host: '127.0.0.1', noDelay: true })
    const tap: Recorded[] = []
    taps.push(tap)
    const pass = (from: Recorded['from'], source: Socket, to: Socket): void => {
      let held = Buffer.alloc(0)
      rests.push(() => held.length)
      sockets.add(source)
      source.on('data', chunk => {
        held = Buffer.concat([held, chunk])
        // The loopback's frames: a length, and a SNEP message.
        while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
          const end = 4 + held.readUInt32BE(0)
          tap.push({ from, octets: Buffer.from(held.subarray(4, end)) })
          held = held.subarray(end)
        }
        to.write(chunk)
      })
      source.on('error', () => to.destroy())
      source.on('close', () => {
        sockets.delete(source)
        to.end()
      })
    }
    phone.setNoDelay(true)
    pass('terminal', terminal, phone)
    pass('phone', phone, terminal)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the recorder has no port')

  return {
    port: address.port,
    taps,
    rest: () => rests.reduce((sum, rest) => sum + rest(), 0),
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

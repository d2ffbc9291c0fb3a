import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { type Bytes, concat, fromHex } from '#canonical/bytes'
import { frame, unframer } from '#nfc/frame'
import { type Card, initialCard, respond, takeCommand } from '#nfc/iso-dep'

/**
 * The phone as an ISO-DEP card in a virtual PC/SC reader: this process is what pcscd's driver (ifd/ifdnfcvirt.c, where
 * the protocol is written down) takes for its reader's hardware.
 */

/** ISO/IEC 14443-4 without historical bytes (PC/SC part 3, 3.1.3.2.3.1); Android phones in card emulation have it. */
const ATR = fromHex('3b80800101')

const OPERATION = { powerUp: 1, powerDown: 2, reset: 3, presence: 4, transmit: 5 } as const
const DONE = 0
const NO_CARD = 1
/** Any extended APDU, with room. */
const LIMIT = 1 << 17
/** pcscd looks at once when it is told to. */
const LONGEST_LOOK_MS = 2000

type VirtualCard = {
  /** Power on, or reset: nothing is remembered. */
  readonly reset: () => void
  readonly powerDown: () => void
  /** Where it throws, the card is as good as torn away. */
  readonly command: (apdu: Bytes) => Promise<Bytes>
}

/** A reader with room for one card. */
export type VirtualReader = {
  insert(card: VirtualCard): void
  /** Resolves when pcscd has seen it, where there is one: else it would not tell the next card from this one. */
  remove(): Promise<void>
  close(): Promise<void>
}

export const virtualReader = async ({ socketPath }: { readonly socketPath: string }): Promise<VirtualReader> => {
  let present: { readonly card: VirtualCard; readonly removed: PromiseWithResolvers<void> } | null = null
  const sockets = new Set<Socket>()
  const listeners = new Set<Socket>()
  const commanders = new Set<Socket>()
  let unseen: (() => void)[] = []
  const seen = (): void => {
    for (const tell of unseen) tell()
    unseen = []
  }

  const operate = async (operation: number, octets: Bytes): Promise<Bytes> => {
    const here = present
    if (operation === OPERATION.presence) {
      if (!here) seen()
      return new Uint8Array([DONE, here ? 1 : 0])
    }
    if (!here) return new Uint8Array([NO_CARD])
    switch (operation) {
      case OPERATION.powerUp:
      case OPERATION.reset:
        here.card.reset()
        return concat(new Uint8Array([DONE]), ATR)
      case OPERATION.powerDown:
        here.card.powerDown()
        return new Uint8Array([DONE])
      case OPERATION.transmit: {
        const torn = here.removed.promise.then(() => new Uint8Array([NO_CARD]))
        const answered = here.card.command(octets).then(
          answer => concat(new Uint8Array([DONE]), answer),
          () => new Uint8Array([NO_CARD]),
        )
        return Promise.race([torn, answered])
      }
      default:
        return new Uint8Array([NO_CARD])
    }
  }

  const takeCommands = (socket: Socket, first: Buffer): void => {
    commanders.add(socket)
    socket.once('close', () => {
      commanders.delete(socket)
      if (commanders.size === 0) seen()
    })
    const take = unframer(LIMIT)
    const answer = async (message: Bytes): Promise<void> => {
      const answered = await operate(message[0] ?? 0, message.slice(1))
      if (socket.writable) socket.write(frame(answered))
    }
    let done = Promise.resolve()
    const heard = (chunk: Buffer): void => {
      try {
        for (const message of take(chunk)) done = done.then(() => answer(message))
      } catch {
        // No driver of ours: it is not spoken to.
        socket.destroy()
      }
    }
    heard(first)
    socket.on('data', heard)
  }

  const server = createServer(socket => {
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      listeners.delete(socket)
    })
    socket.on('error', () => {})
    socket.once('data', chunk => {
      const kind = String.fromCharCode(chunk[0] ?? 0)
      if (kind === 'C') takeCommands(socket, chunk.subarray(1))
      else if (kind === 'E') listeners.add(socket.resume())
      else socket.destroy()
    })
  })
  // Left behind by a process that was killed.
  await rm(socketPath, { force: true })
  server.listen(socketPath)
  await once(server, 'listening')

  const tellChange = (): void => {
    for (const socket of listeners) socket.write('!')
  }
  return {
    insert: card => {
      if (present) throw new RangeError('there is a card on the reader')
      present = { card, removed: Promise.withResolvers() }
      tellChange()
    },
    remove: async () => {
      if (!present) return
      present.removed.resolve()
      present = null
      tellChange()
      if (commanders.size === 0) return
      const { promise, resolve } = Promise.withResolvers<void>()
      unseen.push(resolve)
      // A daemon that hangs keeps no phone at its reader.
      const patience = setTimeout(resolve, LONGEST_LOOK_MS)
      await promise
      clearTimeout(patience)
    },
    close: async () => {
      present?.removed.resolve()
      present = null
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/**
 * Holds the phone at the reader. Resolves when the field ended: the terminal took the power from it after they had met,
 * or `leave` took the phone away, which may be at any moment and lets nothing more go out, not even the answer in the
 * making. Rejects with whatever `answer` threw, after the phone has turned away.
 */
export const tapIsoDep = async (options: {
  readonly reader: VirtualReader
  /** One SNEP request, whole, to the SNEP response. */
  readonly answer: (request: Bytes) => Promise<Bytes>
  readonly leave?: AbortSignal
}): Promise<void> => {
  const { reader, answer, leave } = options
  if (leave?.aborted) return
  let card: Card = initialCard
  let met = false
  const ended = Promise.withResolvers<void>()
  const left = (): void => ended.resolve()
  leave?.addEventListener('abort', left, { once: true })
  reader.insert({
    reset: () => {
      card = initialCard
    },
    powerDown: () => {
      card = initialCard
      // A reader may also put a card to rest that nobody spoke to.
      if (met) ended.resolve()
    },
    command: async apdu => {
      const step = takeCommand(card, apdu)
      const taken = step.card
      card = taken
      met ||= taken.selected
      if (!('request' in step)) return step.answer
      try {
        const served = respond(taken, await answer(step.request))
        if (card === taken) card = served.card
        return served.answer
      } catch (fault) {
        ended.reject(fault)
        throw fault
      }
    },
  })
  try {
    await ended.promise
  } finally {
    leave?.removeEventListener('abort', left)
    await reader.remove()
  }
}

/** Brings a phone to the one reader this antenna has; settles when it has left. */
type IsoDepAntenna = {
  (terminal: string, answer: (request: Bytes) => Promise<Bytes>, leave: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** An antenna as the wallet wants it: phones that tap while another lies on the reader stand in line. */
export const isoDepAntenna = (socketPath: string): IsoDepAntenna => {
  const opened = virtualReader({ socketPath })
  // A reader that could not be opened is told to whoever taps on it.
  const ready = opened.catch(() => null)
  let line: Promise<unknown> = ready
  const tap = async (_terminal: string, answer: (request: Bytes) => Promise<Bytes>, leave: AbortSignal) => {
    const turn = line
    const done = Promise.withResolvers<void>()
    line = turn.then(() => done.promise)
    try {
      await Promise.race([turn, once(leave, 'abort')])
      if (!leave.aborted) await tapIsoDep({ reader: await opened, answer, leave })
    } finally {
      done.resolve()
    }
  }
  return Object.assign(tap, { close: async () => (await ready)?.close() })
}

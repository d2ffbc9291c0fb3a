import assert from 'node:assert'
import { fileURLToPath } from 'node:url'
import type { Bytes } from '#canonical/bytes'
import { FieldLost, type Meeting, PeerUnfit, type Reader } from '#nfc/reader'
import type { FromChild, ToChild } from '../pcsc/messages.ts'
import { supervised } from '../pcsc/supervised.ts'
import { line } from './line.ts'

export type PcscReader = Reader & {
  /** In words, where it is no use tapping, or where the last tap met trouble. */
  state(): { readonly state: 'ready' | 'fault'; readonly message?: string }
  /** Of the child process, where there is one just now. */
  pids(): readonly number[]
  close(): Promise<void>
}

/** The child says that it is alive each second; on a busy machine later. */
const SILENCE_MS = 5000

/** A card in the field of one of the readers. */
type Tap = {
  readonly number: number
  readonly meeting: Meeting
  /** What is awaited of the child, with the timer that will not wait for ever. */
  asked: { readonly promise: PromiseWithResolvers<Bytes>; readonly timer: NodeJS.Timeout } | null
  /** Why nothing more is exchanged with it. */
  ended: FieldLost | PeerUnfit | null
}

/**
 * The readers that PC/SC knows of, all of them or those with `name` in their names: phones as ISO-DEP cards, over
 * nfc-pcsc in a child process. A child that hangs or dies is replaced, and whatever tap it had is lost. Returns at once;
 * `state` tells when a reader is there.
 */
export const pcscReader = (options: { readonly name?: string; readonly exchangeTimeout_ms?: number }): PcscReader => {
  const { name = '', exchangeTimeout_ms = 5000 } = options
  const waiting = line()
  const taps = new Map<number, Tap>()
  let names: readonly string[] = []
  let trouble: string | null = 'The reader is being started.'

  const end = (tap: Tap, why: FieldLost | PeerUnfit): void => {
    tap.ended ??= why
    if (!tap.asked) return
    clearTimeout(tap.asked.timer)
    tap.asked.promise.reject(tap.ended)
    tap.asked = null
  }
  const forget = (tap: Tap, why: string): void => {
    taps.delete(tap.number)
    waiting.drop(tap.meeting)
    end(tap, new FieldLost(why))
  }

  /** Waits for the child's word on a tap; where none comes, the child is caught in the reader and is replaced. */
  const ask = (tap: Tap): Promise<Bytes> => {
    const promise = Promise.withResolvers<Bytes>()
    const timer = setTimeout(
      () => child.kill(`The card and the reader said nothing for ${exchangeTimeout_ms} ms.`),
      exchangeTimeout_ms,
    )
    tap.asked = { promise, timer }
    return promise.promise
  }
  const settle = (tap: Tap, response: Bytes): void => {
    if (!tap.asked) return
    clearTimeout(tap.asked.timer)
    tap.asked.promise.resolve(response)
    tap.asked = null
  }
  const say = (message: ToChild): void => child.send(message)

  const tapOf = (number: number): Tap => {
    const tap: Tap = {
      number,
      asked: null,
      ended: null,
      meeting: {
        exchange: async request => {
          if (tap.ended) throw tap.ended
          assert(!tap.asked, 'one exchange at a time')
          say({ kind: 'exchange', tap: number, request })
          return ask(tap)
        },
        leave: async () => {
          if (!taps.has(number)) return
          end(tap, new FieldLost('The terminal ended the meeting.'))
          say({ kind: 'leave', tap: number })
          // Whatever way it ends, it has ended.
          await ask(tap).catch(() => {})
          taps.delete(number)
        },
      },
    }
    return tap
  }

  const meet = (number: number): void => {
    const tap = tapOf(number)
    taps.set(number, tap)
    trouble = null
    const join = (): void => waiting.join(tap.meeting)
    // The child asks the card what it is. What is no phone is met too, so that its holder can be told.
    ask(tap).then(join, error => {
      if (error instanceof PeerUnfit) join()
    })
  }

  const hear = (message: FromChild): void => {
    if (message.kind === 'alive') return
    if (message.kind === 'trouble') {
      trouble = message.message
      return
    }
    if (message.kind === 'readers') {
      names = message.names
      trouble = null
      return
    }
    if (message.kind === 'card') return meet(message.tap)
    const tap = taps.get(message.tap)
    if (!tap) return
    switch (message.kind) {
      case 'phone':
      case 'left':
        return settle(tap, new Uint8Array(0))
      case 'answer':
        return settle(tap, message.response)
      case 'unfit':
        return end(tap, new PeerUnfit(message.found))
      case 'lost':
        return end(tap, new FieldLost(message.why))
      case 'gone':
        return forget(tap, 'The card left the field.')
      default:
        message satisfies never
    }
  }

  const child = supervised({
    module: fileURLToPath(new URL('../pcsc/child.js', import.meta.url)),
    args: [name],
    // Each card that is waited for holds a thread of the pool, and the pool also looks up and writes files.
    env: { UV_THREADPOOL_SIZE: '16' },
    silence_ms: SILENCE_MS,
    hear: message => hear(message as FromChild),
    down: why => {
      names = []
      trouble = `The reader's process is started again. ${why}`
      for (const tap of taps.values()) forget(tap, `The reader's process ended. ${why}`)
    },
  })

  return {
    radio: 'iso-dep',
    taps: signal => waiting.taps(signal),
    state: () => {
      if (names.length > 0) return trouble === null ? { state: 'ready' } : { state: 'ready', message: trouble }
      const none = name === '' ? 'No reader is plugged in.' : `No reader with "${name}" in its name is plugged in.`
      return { state: 'fault', message: trouble ?? none }
    },
    pids: () => {
      const pid = child.pid()
      return pid === undefined ? [] : [pid]
    },
    close: async () => {
      waiting.close()
      await child.close()
      for (const tap of taps.values()) forget(tap, 'The reader was closed.')
    },
  }
}

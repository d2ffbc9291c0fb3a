import type { Meeting } from '#nfc/reader'

/**
 * Phones that came into the field and have not been met yet. Readers put them in; the terminal meets them one after
 * another, and who left before its turn was never there.
 */
export type Line = {
  readonly length: number
  readonly join: (phone: Meeting) => void
  /** The phone left; nothing where it was met already. */
  readonly drop: (phone: Meeting) => void
  /** Meetings until the signal or `close`. Each ends before the next begins, by whoever takes them or else here. */
  readonly taps: (signal: AbortSignal) => AsyncIterable<Meeting>
  /** Ends all taps: this reader will have no more. */
  readonly close: () => void
}

export const line = (): Line => {
  const phones: Meeting[] = []
  const closed = new AbortController()
  let wake: (() => void) | null = null

  const next = async (end: AbortSignal): Promise<Meeting | null> => {
    while (!end.aborted) {
      const phone = phones.shift()
      if (phone) return phone
      const { promise, resolve } = Promise.withResolvers<void>()
      wake = resolve
      end.addEventListener('abort', () => resolve(), { once: true })
      await promise
    }
    return null
  }

  return {
    get length() {
      return phones.length
    },
    join: phone => {
      phones.push(phone)
      wake?.()
    },
    drop: phone => {
      const at = phones.indexOf(phone)
      if (at >= 0) phones.splice(at, 1)
    },
    taps: async function* (signal) {
      const end = AbortSignal.any([signal, closed.signal])
      for (let phone = await next(end); phone; phone = await next(end)) {
        try {
          yield phone
        } finally {
          await phone.leave()
        }
      }
    },
    close: () => closed.abort(),
  }
}

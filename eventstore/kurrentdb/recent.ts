import type { StoredEvent } from '#eventstore'

/** The end of the log in memory, so that several followers near it read the log once. */
const eventsMax = 4096
const octetsMax = 16 * 1024 * 1024

export type Recent = {
  /** Each is the one after the one before. */
  add(event: StoredEvent, append: string | undefined): void
  /** A page from memory; undefined where it begins before what is kept there. */
  page(from: number, size: number): readonly StoredEvent[] | undefined
  /** Which append wrote the event, where that is still known. */
  appendOf(index: number): string | undefined
}

export const recent = (): Recent => {
  let kept: { readonly event: StoredEvent; readonly append: string | undefined }[] = []
  let next = 0
  let octets = 0
  return {
    add: (event, append) => {
      kept.push({ event, append })
      next = event.index + 1
      octets += event.text.length
      if (kept.length <= eventsMax && octets <= octetsMax) return
      kept = kept.slice(Math.ceil(kept.length / 2))
      octets = kept.reduce((sum, { event: { text } }) => sum + text.length, 0)
    },
    page: (from, size) => {
      const first = next - kept.length
      return kept.length === 0 || from < first
        ? undefined
        : kept.slice(from - first, from - first + size).map(({ event }) => event)
    },
    appendOf: index => kept[index - (next - kept.length)]?.append,
  }
}

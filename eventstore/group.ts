import { appendBytesMax, type EventToAppend } from '#eventstore'

/** Appends that wait are committed together, up to so many and so much: neither loop nor server stands still for long. */
const groupMax = { appends: 500, octets: 4 * appendBytesMax }

/** Takes the next group from the head of those that wait. */
export const nextGroup = <Asked extends { readonly events: readonly EventToAppend[] }>(waiting: Asked[]): Asked[] => {
  let octets = 0
  const end = waiting.findIndex(({ events }, place) => {
    for (const { text } of events) octets += text.length
    return place > 0 && (place === groupMax.appends || octets > groupMax.octets)
  })
  return waiting.splice(0, end < 0 ? waiting.length : end)
}

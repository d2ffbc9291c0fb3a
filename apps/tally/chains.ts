import { fromBase64url, hex, utf8 } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { type Event, EventMalformed, streamSeed, verifyEvent } from '#canonical/event'
import type { StoredEvent } from '#eventstore'
import { certificateHash } from '#license/certificate'
import { frontier } from '#transparency/frontier'
import { eventLeaf, leafHash } from '#transparency/merkle'

/** A log read from its first event on: each event's hash, place and link, one after the other. */
export type Chains = {
  readonly events: number
  readonly streams: number
  /** What does not hold of the next event; nothing where all does. */
  check(stored: StoredEvent): { readonly found: readonly string[]; readonly event?: Event }
}

export const placeOf = ({ stream, revision, type, index }: Omit<StoredEvent, 'text'>): string =>
  `${stream} revision ${revision} (${type}, log index ${index})`

export const chains = (crypto: Crypto): Chains => {
  const heads = new Map<string, { readonly revision: number; readonly hash: string }>()
  let events = 0
  return {
    get events() {
      return events
    },
    get streams() {
      return heads.size
    },
    check: stored => {
      const found: string[] = []
      if (stored.index !== events) found.push(`log index ${events} is missing: the next is ${stored.index}`)
      events = stored.index + 1
      const name = placeOf(stored)
      let event: Event
      try {
        event = verifyEvent(crypto, stored.text)
      } catch (error) {
        if (!(error instanceof EventMalformed)) throw error
        return { found: [...found, `${name}: ${error.found}`] }
      }
      const head = heads.get(stored.stream)
      const expected = head === undefined ? 0 : head.revision + 1
      const prev = head?.hash ?? seedOf(crypto, event)
      if (prev === undefined) found.push(`${name}: the certificate that its chain begins with cannot be read`)
      if (event.revision !== expected || stored.revision !== expected)
        found.push(`${name}: expected revision ${expected}`)
      else if (prev !== undefined && event.prev !== prev)
        found.push(`${name}: its prev is not the hash of the event before it`)
      if (event.stream !== stored.stream || event.id !== stored.id || event.type !== stored.type)
        found.push(`${name}: the store's columns differ from the event's own words`)
      heads.set(stored.stream, { revision: stored.revision, hash: event.hash })
      return { found, event }
    },
  }
}

/** A terminal's chain begins at its certificate, every other at its own name. */
const seedOf = (crypto: Crypto, event: Event): string | undefined => {
  const { certificate } = event.data as { certificate?: unknown }
  if (event.type !== 'TerminalCommissioned' || typeof certificate !== 'string') return streamSeed(crypto, event.stream)
  try {
    return certificateHash(crypto, fromBase64url(certificate))
  } catch {
    return undefined
  }
}

/**
 * What two logs are compared by: the RFC 6962 root over their events' hashes, and a running hash over every octet that
 * a store keeps of them but the time of receipt.
 */
export const logSum = (crypto: Crypto) => {
  const tree = frontier(crypto)
  let octets = crypto.sha256('tallystick-copy-1\n')
  return {
    get events() {
      return tree.size
    },
    /** `hash` is the event's own. */
    add: ({ stream, revision, id, type, text }: StoredEvent, hash: string): void => {
      tree.append(leafHash(crypto, eventLeaf({ stream, revision, hash })))
      // Neither names nor texts hold U+0000: the port takes none.
      octets = crypto.sha256(octets, utf8(`${stream}\0${revision}\0${id}\0${type}\0${text}`))
    },
    root: (): string => hex(tree.root()),
    octets: (): string => hex(octets),
  }
}

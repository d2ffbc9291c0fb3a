import { base64url } from '#canonical/bytes'
import type { Clock } from '#canonical/clock'
import type { Crypto } from '#canonical/crypto'
import type { Refusal } from '#canonical/decider'
import type { Act } from '#canonical/event'
import { uuid7 } from '#canonical/ids'
import type { Ran, Runner } from '#cqrs/run'
import type { EventStore } from '#eventstore'
import { reactorSalt } from '#evidence/reaction'
import type { AuthorityKeys, KeyKeeper } from './authority.ts'

/** What every part of the centre acts with: the log and its runner, the time, the keys, who acts. */
export type Office = {
  readonly store: EventStore
  readonly crypto: Crypto
  /** What of the authority's keys is no key that signs: those sign by `sign` of `signing-keys.ts`. */
  readonly keys: Omit<AuthorityKeys, 'license' | 'certificate' | 'rules' | 'log'>
  readonly keeper: KeyKeeper
  readonly runner: Runner
  readonly now: () => string
  readonly now_s: () => number
  readonly mint: () => string
  readonly actOf: (by: string) => Act
  /** A reactor's salts follow from the event's id, so that two of them write the same octets. */
  readonly reactorSalt: (eventId: string) => string
}

/** Answers when what a command wrote is in the rows. */
export type Settled = <Answer>(ran: Ran | Refusal, answer: Answer) => Promise<Answer | Refusal>

export const iso = (ms: number): string => new Date(ms).toISOString()

export const office = (store: EventStore, crypto: Crypto, clock: Clock, keeper: KeyKeeper): Office => {
  const keys = keeper.read()
  const now = () => iso(clock.now())
  const mint = () => uuid7(clock.now(), crypto.random(16))
  return {
    store,
    crypto,
    keys,
    keeper,
    runner: { store, crypto, salt: () => base64url(crypto.random(16)) },
    now,
    now_s: () => Math.floor(clock.now() / 1000),
    mint,
    actOf: by => {
      const id = mint()
      return { id, at: now(), by, correlation: id, causation: id }
    },
    reactorSalt: reactorSalt(crypto, keys.saltKey),
  }
}

/** Is this log index beyond all that is in the log? */
export const nothingFrom = async (store: EventStore, index: number): Promise<boolean> => {
  for await (const page of store.readAll({ from: index, pageSize: 1 })) return page.length === 0
  return true
}

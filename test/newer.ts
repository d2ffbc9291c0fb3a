import { z } from 'zod'
import type { Crypto } from '#canonical/crypto'
import { chain, type Event, moneyWord } from '#canonical/event'
import { uuid7 } from '#canonical/ids'
import type { EventStore } from '#eventstore'

const words = { CreditTeleported: moneyWord(z.looseObject({})) }

/** A newer centre writes what no follower of this one can fold: it moves money, and nobody here knows the word. */
export const teleportCredit = async (crypto: Crypto, log: EventStore, at_ms: number): Promise<Event> => {
  const id = uuid7(at_ms, crypto.random(16))
  const act = { id, at: new Date(at_ms).toISOString(), by: 'a newer centre', correlation: id, causation: id }
  const facts = [{ type: 'CreditTeleported', data: {} }]
  const [written] = chain(crypto, words, 'elsewhere-1', undefined, facts, act, () => 'AAAA')
  const { event, text } = written as { event: Event; text: string }
  await log.append('elsewhere-1', 'NoStream', [{ id: event.id, type: event.type, text }])
  return event
}

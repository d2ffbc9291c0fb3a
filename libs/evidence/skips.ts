import { trustEvent, upcast } from '#canonical/event'
import { type EventStore, readStream } from '#eventstore'
import type { Skip, Skips } from '#eventstore/follower'
import { followerWords } from '#upkeep'
import { NewerThanKnown } from './held.ts'

/** Which events an operator had a follower pass over, as the log itself says: whoever folds it anew passes them over, too. */
export const skipsIn = (store: Pick<EventStore, 'read'>): Skips => {
  const orderIn: Skips['in'] = ({ stream, type, text, index: said }): Skip | undefined => {
    // A word belongs to a stream: nobody else's of that name is an order.
    if (type !== 'EventSkipped' || !stream.startsWith('follower-')) return undefined
    const stored = trustEvent(text)
    const event = upcast(stored, followerWords)
    if (!event) throw new NewerThanKnown(stored)
    return event.type === 'EventSkipped' ? { follower: event.data.follower, index: event.data.index, said } : undefined
  }
  return {
    of: async follower => (await readStream(store, `follower-${follower}`)).flatMap(stored => orderIn(stored) ?? []),
    in: orderIn,
  }
}

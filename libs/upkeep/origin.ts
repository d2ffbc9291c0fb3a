import { z } from 'zod'
import type { Decider } from '#canonical/decider'
import { type FactOf, word } from '#canonical/event'
import { name } from '#canonical/fields'

/**
 * `log-origins`: an operator's order to sign the log under a new name, since it does not continue what was signed under
 * the one before. The order is in the log before it is obeyed; the new origin's first leaf says the rest.
 */

export const originWords = {
  /** `after` is the origin that could not go on, `found` why (`CentreWentBack`, `LogContradicted`). */
  OriginOrdered: word(z.object({ after: z.string().min(1).max(500), found: name, reason: z.string().min(1).max(500) })),
}
export type OriginEvent = FactOf<typeof originWords>

export type OriginCommand = {
  readonly type: 'OrderOrigin'
  readonly after: string
  readonly found: string
  readonly reason: string
}

type Ordered = { readonly after: ReadonlySet<string> }

const decide = ({ after, found, reason }: OriginCommand, state: Ordered): readonly OriginEvent[] =>
  // Ordered again where the first order was not obeyed to its end, it is the same order.
  state.after.has(after) ? [] : [{ type: 'OriginOrdered', data: { after, found, reason } }]

const evolve = (state: Ordered, { data }: OriginEvent): Ordered => ({ after: new Set(state.after).add(data.after) })

export const originOrders: Decider<Ordered, OriginCommand, OriginEvent, never> = {
  initialState: { after: new Set() },
  decide,
  evolve,
}

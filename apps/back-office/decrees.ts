import type { DecreeEvent } from '#account/decrees'
import type { Decider } from '#canonical/decider'

/** What the authority decrees follows from what it decreed before: the state is the list itself. */
export const decrees = (
  next: (before: readonly DecreeEvent[]) => readonly DecreeEvent[],
): Decider<readonly DecreeEvent[], undefined, DecreeEvent> => ({
  initialState: [],
  decide: (_command, before) => next(before),
  evolve: (before, event) => [...before, event],
})

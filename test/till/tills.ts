import type { Decider } from '#canonical/decider'
import { decide, evolve } from '#till'
import type { TillCommand } from '#till/commands'
import type { TillEvent } from '#till/events'
import { emptyTill, type Till } from '#till/state'

/** A till as other deciders are tested: its maps grow in place, so each begins anew, and revisions count as on disk. */
type Counted = { readonly till: Till; readonly next: number }

export const tillDecider: Decider<Counted, TillCommand, TillEvent> = {
  get initialState() {
    return { till: emptyTill(), next: 0 }
  },
  decide: (command, { till }) => decide(command, till),
  evolve: ({ till, next }, event) => ({ till: evolve(till, { ...event, revision: next }), next: next + 1 }),
}

export const tillAfter = (...past: readonly TillEvent[]): Till =>
  past.reduce(tillDecider.evolve, tillDecider.initialState).till

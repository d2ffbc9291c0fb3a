import type { OperatorEvent } from './operator.ts'

/**
 * Who has just been given a password or a role by somebody else approves nothing for a day: whoever gave it could be
 * sitting there as them, and be both of two people. A day is long enough that the one whose password it was comes to
 * work, finds that it opens nothing any more, and asks; and short enough that a new approver does not wait for a week.
 */
export const approvesAfter_ms = 24 * 60 * 60_000

/** By whom, and until when: no approval by this operator, and none by whoever gave it of what they proposed. */
export type Wait = { readonly givenBy: string; readonly until_ms: number }

/** The centre's own first start gives nobody a password that somebody else here chose. */
const firstStart = 'centre:first-start'

/** The waits of one operator that are not over, from the events of its stream. */
export const waitsOf = (
  operator: string,
  events: readonly (OperatorEvent & { readonly at: string; readonly by: string })[],
  now_ms: number,
): readonly Wait[] =>
  events.flatMap(({ type, at, by }) => {
    if (type !== 'OperatorAdded' && type !== 'OperatorRoleSet' && type !== 'PasswordSet') return []
    if (by === `operator:${operator}` || by === firstStart) return []
    const until_ms = Date.parse(at) + approvesAfter_ms
    return until_ms > now_ms ? [{ givenBy: by, until_ms }] : []
  })

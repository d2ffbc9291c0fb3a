import type { Clock } from '#canonical/clock'

/** The machine's own clock. It may jump: what must not go back keeps its own latest (a terminal's time does). */
export const systemClock: Clock = { now: () => Date.now() }

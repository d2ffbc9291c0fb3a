import type { Simulation } from './simulate.ts'

/**
 * Worlds that failed once, with what was wrong; they run for ever. A seed stands for the same steps only as long as the
 * code that chooses them does, so each of these faults has a test of its own beside the code that was mended, too.
 */
export const regressions: readonly (Simulation & { readonly why: string })[] = [
  {
    seed: '32',
    taps: 30,
    only: [28, 33, 35, 36, 41, 42, 56, 70, 74, 75],
    without: ['message twice', 'leader change', 'clock off', 'answers replayed'],
    why: 'A till that was asked for an old sale forgot what it had given back of it, and gave back more than was left.',
  },
]

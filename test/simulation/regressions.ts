import type { Simulation } from './simulate.ts'

/**
 * Worlds that failed once, with what was wrong; they run for ever. A seed stands for the same steps only as long as the
 * code that chooses them does, so each of these faults has a test of its own beside the code that was mended, too.
 */
export const regressions: readonly (Simulation & { readonly why: string })[] = [
  {
    seed: '24',
    taps: 20,
    why: 'A till took a reversal under the id of another transaction\u2019s for one that it had done, and did nothing.',
  },
  { seed: '50', taps: 20, why: 'The same, of the same transaction: a second refund under the first one\u2019s id.' },
]

import type { Simulation } from './simulate.ts'

/**
 * Worlds that failed once, with what was wrong; they run for ever. A seed stands for the same steps only as long as the
 * code that chooses them does, so each of these faults has a test of its own beside the code that was mended, too.
 */
export const regressions: readonly (Simulation & { readonly why: string })[] = [
  {
    seed: '31',
    taps: 20,
    why: 'A till took a void under the id of another transaction\u2019s refund for one that it had done, and did nothing.',
  },
  { seed: '43', taps: 20, why: 'The same, the other way round.' },
]

import { z } from 'zod'
import type { Decider } from '#canonical/decider'
import { type FactOf, word } from '#canonical/event'

/**
 * `verdict-rule`: from which place of the log on verdicts follow which version of the rule. It stands in the log, so that
 * whoever makes old verdicts again makes them as they were made.
 */
export const verdictRuleWords = { VerdictRuleAdopted: word(z.object({ version: z.int().positive() })) }

export type VerdictRuleEvent = FactOf<typeof verdictRuleWords>

/** A log that says nothing was judged by the first. */
const first = 1

export const verdictRules: Decider<number, { readonly version: number }, VerdictRuleEvent> = {
  initialState: first,
  // An older node beside newer ones does not take back what they adopted.
  decide: ({ version }, inForce) => (version <= inForce ? [] : [{ type: 'VerdictRuleAdopted', data: { version } }]),
  evolve: (_, { data }) => data.version,
}

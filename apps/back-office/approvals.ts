import { isRefusal, type Refusal } from '#canonical/decider'
import type { Questions } from './questions.ts'
import { personOf, type SecondPerson } from './second-person.ts'

/** All that waits for a second person, and whether the one who asks may be that. */
export const approvals = ({ waiting }: Pick<Questions, 'waiting'>, { hindered }: SecondPerson) => ({
  approvals: async (by: string) => {
    const found = await waiting()
    if (isRefusal(found)) return found
    const asker = personOf(by)
    const hindrances = new Map<string, Refusal | undefined>()
    // One look for each who proposed, however much they did.
    for (const { operator } of found.waiting)
      if (!hindrances.has(operator))
        hindrances.set(operator, operator === asker ? ownWork(asker) : await hindered(by, operator))
    return {
      ...found,
      waiting: found.waiting.map(each => {
        const hindrance = hindrances.get(each.operator)
        return hindrance ? { ...each, hindrance } : each
      }),
    }
  },
})

const ownWork = (operator: string): Refusal => ({
  reason: 'SecondPersonRequired',
  message: `${operator} proposed this and cannot approve it alone: another operator must.`,
  operator,
})

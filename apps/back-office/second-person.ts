import type { Refusal } from '#canonical/decider'
import { readKnown } from '#evidence/held'
import { operatorWords } from '#operator'
import { type Wait, waitsOf } from '#operator/approving'
import { iso, type Office } from './office.ts'

/**
 * Whether two people are two. That they have two names the deciders see; that nobody has just come by the other's
 * password or role, the operators' streams say.
 */
export type SecondPerson = ReturnType<typeof secondPerson>

export const secondPerson = ({ store, now }: Pick<Office, 'store' | 'now'>) => {
  const waits = async (operator: string): Promise<readonly Wait[]> => {
    const { events } = await readKnown(store, `operator-${operator}`, operatorWords)
    return waitsOf(operator, events, Date.parse(now()))
  }
  const last = (all: readonly Wait[]): number => Math.max(...all.map(({ until_ms }) => until_ms))

  /** Why this operator approves nothing now, or nothing that this proposer said; undefined where nothing is in the way. */
  const hindered = async (by: string, proposer: string | undefined): Promise<Refusal | undefined> => {
    const approver = personOf(by)
    const own = await waits(approver)
    if (own.length > 0) {
      const until = iso(last(own))
      return {
        reason: 'ApproverTooNew',
        message: `${approver} was given a password or a role by somebody else, and approves nothing until ${until}: let another approver do it, or wait.`,
        operator: approver,
        until,
      }
    }
    if (proposer === undefined || proposer === '' || personOf(proposer) === approver) return undefined
    const theirs = (await waits(personOf(proposer))).filter(({ givenBy }) => personOf(givenBy) === approver)
    if (theirs.length === 0) return undefined
    const until = iso(last(theirs))
    return {
      reason: 'ProposerTooNew',
      message: `${approver} gave ${personOf(proposer)}, who proposed this, a password or a role, and approves nothing of theirs until ${until}: let another approver do it, or wait.`,
      operator: personOf(proposer),
      until,
    }
  }

  /** Until when an operator approves nothing at all; null where nothing hinders them. */
  const approvesNothingUntil = async (operator: string): Promise<string | null> => {
    const own = await waits(operator)
    return own.length > 0 ? iso(last(own)) : null
  }

  return { hindered, approvesNothingUntil }
}

/** An operator's id, as deciders compare it. */
export const personOf = (by: string): string => by.replace(/^operator:/, '')

import type { Refusal } from '#canonical/decider'

/**
 * What an operator may do, each role all that the ones before it may. The rule that whoever decides is not who proposed
 * is not a role's: it compares two people, and stands in the deciders.
 */
export const roles = ['viewer', 'clerk', 'approver', 'administrator'] as const
export type Role = (typeof roles)[number]

export const mayAct = (role: Role, least: Role): boolean => roles.indexOf(role) >= roles.indexOf(least)

/** Said to whoever is known and may not. */
export const roleTooLow = (operator: string, role: Role, least: Role): Refusal => ({
  reason: 'RoleTooLow',
  message: `${operator} is ${role === 'approver' || role === 'administrator' ? 'an' : 'a'} ${role}; this takes ${
    least === 'approver' || least === 'administrator' ? 'an' : 'a'
  } ${least}. Ask one, or have an administrator change the role. Nothing was done.`,
  role,
  least,
})

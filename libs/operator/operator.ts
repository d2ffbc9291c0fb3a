import { z } from 'zod'
import type { Decider, Refusal } from '#canonical/decider'
import { type FactOf, word } from '#canonical/event'
import { name } from '#canonical/fields'
import { type Role, roles } from './roles.ts'

/**
 * `operator-<id>`: who works at the centre, in which role, and when that changed. That a password was set is a fact; the
 * password, or a hash of it, is a secret, and lies beside the log.
 */

/* ------------------------------------------------------------------ words */

/** Lower case, and ASCII alone: two people must not be told apart by what looks alike. */
export const operatorId = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,31}$/,
    'an operator’s id has 1 to 32 lower-case letters, digits, points, dashes or underscores',
  )
export const roleName = z.enum(roles)
const reason = z.string().min(1).max(500)

export const operatorWords = {
  OperatorAdded: word(z.object({ operator: name, role: roleName })),
  OperatorRoleSet: word(z.object({ operator: name, role: roleName })),
  OperatorSuspended: word(z.object({ operator: name, reason })),
  OperatorReinstated: word(z.object({ operator: name, reason })),
  /** `oneTime`: made for somebody else, who must choose another at the first sign-in. */
  PasswordSet: word(z.object({ operator: name, oneTime: z.boolean() })),
}

export type OperatorEvent = FactOf<typeof operatorWords>

/** `administrators`: how many others there are who could still do this. Whoever has the rows counts them. */
type AmongOthers = { readonly administrators: number }

export type OperatorCommand =
  | { readonly type: 'AddOperator'; readonly operator: string; readonly role: Role }
  | ({ readonly type: 'SetOperatorRole'; readonly operator: string; readonly role: Role } & AmongOthers)
  | ({ readonly type: 'SuspendOperator'; readonly operator: string; readonly reason: string } & AmongOthers)
  | { readonly type: 'ReinstateOperator'; readonly operator: string; readonly reason: string }
  | { readonly type: 'SetPassword'; readonly operator: string; readonly oneTime: boolean }

export type OperatorRefusal = Refusal & {
  readonly reason: 'OperatorUnknown' | 'OperatorExists' | 'OperatorIsSuspended' | 'LastAdministrator'
}

/* ------------------------------------------------------------------ state */

export type Operator = { readonly role: Role; readonly suspended: boolean }

/* ----------------------------------------------------------------- decide */

const lastAdministrator = (operator: string): OperatorRefusal => ({
  reason: 'LastAdministrator',
  message: `${operator} is the only administrator who may sign in: make another one first.`,
  operator,
})

const decide = (command: OperatorCommand, state: Operator | undefined): readonly OperatorEvent[] | OperatorRefusal => {
  const { operator } = command
  if (!state) {
    if (command.type === 'AddOperator') return [{ type: 'OperatorAdded', data: { operator, role: command.role } }]
    return { reason: 'OperatorUnknown', message: `No operator ${operator} was added here: look at the id.`, operator }
  }
  const { role, suspended } = state
  switch (command.type) {
    case 'AddOperator':
      if (role === command.role && !suspended) return []
      return {
        reason: 'OperatorExists',
        message: `${operator} is here as ${role}${suspended ? ', suspended' : ''}: change that, or take another id.`,
        operator,
        role,
        suspended,
      }
    case 'SetOperatorRole':
      if (role === command.role) return []
      if (role === 'administrator' && !suspended && command.administrators === 0) return lastAdministrator(operator)
      return [{ type: 'OperatorRoleSet', data: { operator, role: command.role } }]
    case 'SuspendOperator':
      if (suspended) return []
      if (role === 'administrator' && command.administrators === 0) return lastAdministrator(operator)
      return [{ type: 'OperatorSuspended', data: { operator, reason: command.reason } }]
    case 'ReinstateOperator':
      return suspended ? [{ type: 'OperatorReinstated', data: { operator, reason: command.reason } }] : []
    case 'SetPassword':
      if (suspended)
        return {
          reason: 'OperatorIsSuspended',
          message: `${operator} is suspended, and a password would open nothing: reinstate ${operator} first.`,
          operator,
        }
      return [{ type: 'PasswordSet', data: { operator, oneTime: command.oneTime } }]
  }
}

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Operator | undefined, event: OperatorEvent): Operator | undefined => {
  switch (event.type) {
    case 'OperatorAdded':
      return { role: event.data.role, suspended: false }
    case 'OperatorRoleSet':
      return state && { ...state, role: event.data.role }
    case 'OperatorSuspended':
      return state && { ...state, suspended: true }
    case 'OperatorReinstated':
      return state && { ...state, suspended: false }
    case 'PasswordSet':
      return state
  }
}

export const operator: Decider<Operator | undefined, OperatorCommand, OperatorEvent, OperatorRefusal> = {
  initialState: undefined,
  decide,
  evolve,
}

import { expect, it } from 'vitest'
import { type OperatorEvent, operator, operatorId, operatorWords } from '#operator'
import { deciding, refused } from '../given.ts'
import { matrix } from '../matrix.ts'

const given = deciding(operator, operatorWords)
const olga = 'olga'
const added = (role: 'clerk' | 'administrator'): OperatorEvent => ({
  type: 'OperatorAdded',
  data: { operator: olga, role },
})

matrix('operator', operator, operatorWords, {
  states: {
    nobody: [],
    clerk: [{ type: 'AddOperator', operator: olga, role: 'clerk' }],
    administrator: [{ type: 'AddOperator', operator: olga, role: 'administrator' }],
    suspended: [
      { type: 'AddOperator', operator: olga, role: 'clerk' },
      { type: 'SuspendOperator', operator: olga, reason: 'away', administrators: 1 },
    ],
    'suspended administrator': [
      { type: 'AddOperator', operator: olga, role: 'administrator' },
      { type: 'SuspendOperator', operator: olga, reason: 'away', administrators: 1 },
    ],
  },
  commands: {
    AddOperator: {
      'add as clerk': { type: 'AddOperator', operator: olga, role: 'clerk' },
      'add as viewer': { type: 'AddOperator', operator: olga, role: 'viewer' },
    },
    SetOperatorRole: {
      'make a clerk, with others': { type: 'SetOperatorRole', operator: olga, role: 'clerk', administrators: 1 },
      'make a clerk, as the last': { type: 'SetOperatorRole', operator: olga, role: 'clerk', administrators: 0 },
      'make an administrator': { type: 'SetOperatorRole', operator: olga, role: 'administrator', administrators: 0 },
    },
    SuspendOperator: {
      'suspend, with others': { type: 'SuspendOperator', operator: olga, reason: 'left', administrators: 1 },
      'suspend, as the last': { type: 'SuspendOperator', operator: olga, reason: 'left', administrators: 0 },
    },
    ReinstateOperator: { reinstate: { type: 'ReinstateOperator', operator: olga, reason: 'back' } },
    SetPassword: {
      'set a password': { type: 'SetPassword', operator: olga, oneTime: false },
      'set a one-time password': { type: 'SetPassword', operator: olga, oneTime: true },
    },
  },
  refusals: { OperatorUnknown: true, OperatorExists: true, OperatorIsSuspended: true, LastAdministrator: true },
  rows: `
    nobody                  | add as clerk              | OperatorAdded
                            | make a clerk, with others | refused OperatorUnknown
                            | make an administrator     | refused OperatorUnknown
                            | suspend, with others      | refused OperatorUnknown
                            | reinstate                 | refused OperatorUnknown
                            | set a password            | refused OperatorUnknown
    clerk                   | add as clerk              | already so
                            | add as viewer             | refused OperatorExists
                            | make a clerk, as the last | already so
                            | make an administrator     | OperatorRoleSet
                            | suspend, as the last      | OperatorSuspended
                            | reinstate                 | already so
                            | set a password            | PasswordSet
                            | set a one-time password   | PasswordSet
    administrator           | add as clerk              | refused OperatorExists
                            | make a clerk, with others | OperatorRoleSet
                            | make a clerk, as the last | refused LastAdministrator
                            | make an administrator     | already so
                            | suspend, with others      | OperatorSuspended
                            | suspend, as the last      | refused LastAdministrator
                            | set a password            | PasswordSet
    suspended               | add as clerk              | refused OperatorExists
                            | make an administrator     | OperatorRoleSet
                            | suspend, with others      | already so
                            | reinstate                 | OperatorReinstated
                            | set a password            | refused OperatorIsSuspended
    suspended administrator | make a clerk, as the last | OperatorRoleSet
                            | suspend, as the last      | already so
                            | reinstate                 | OperatorReinstated
  `,
})

it('a password is a fact without the password', () =>
  given(added('clerk'))
    .when({ type: 'SetPassword', operator: olga, oneTime: true })
    .then({ type: 'PasswordSet', data: { operator: olga, oneTime: true } }))

it('the only administrator is named to whoever would lock all out', () =>
  given(added('administrator'))
    .when({ type: 'SuspendOperator', operator: olga, reason: 'left', administrators: 0 })
    .then(refused('LastAdministrator', { operator: olga })))

it.each(['Olga', 'оlga', 'olga ', 'ol ga', '', '.olga', 'o'.repeat(33), 'olga:1', 'ólga', 'olga\n', 'ｏlga'])(
  '%j is nobody’s id',
  id => expect(operatorId.safeParse(id).success).toBe(false),
)
it.each(['olga', 'o', 'olga.p-2_x', '7'])('%j may be one', id => expect(operatorId.safeParse(id).success).toBe(true))

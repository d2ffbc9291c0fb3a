import { type Change, type Projection, put, type Row, type RowsReader, textOf } from '#eventstore/rows'
import { understood } from '#ledger/vocabulary'
import { operatorWords } from '#operator'

/** Who works at the centre. */

const putOperator = put('operator', 'operator')

export const operators: Projection = {
  name: 'operators',
  version: 1,
  tables: [
    {
      name: 'operator',
      key: ['operator'],
      columns: {
        operator: 'text',
        role: 'text',
        /** `active` or `suspended`. */
        standing: 'text',
        reason: 'text',
        added: 'text',
        /** When role or standing last changed. */
        since: 'text',
        /** When the password was last set; null where it never was. */
        password: 'text',
      },
      indexes: [['role', 'standing']],
    },
  ],
  wants: type => Object.hasOwn(operatorWords, type),
  apply: (logged, look) => {
    const event = understood(logged)
    if (!event) return []
    const { at } = event
    const standing = (operator: string, change: Row): Change[] => {
      const row = look('operator', [operator])
      return row ? [putOperator({ ...row, ...change })] : []
    }
    switch (event.type) {
      case 'OperatorAdded': {
        const { operator, role } = event.data
        const row = { operator, role, standing: 'active', reason: '', added: at, since: at, password: null }
        return [putOperator(row)]
      }
      case 'OperatorRoleSet':
        return standing(event.data.operator, { role: event.data.role, since: at })
      case 'OperatorSuspended':
        return standing(event.data.operator, { standing: 'suspended', reason: event.data.reason, since: at })
      case 'OperatorReinstated':
        return standing(event.data.operator, { standing: 'active', reason: event.data.reason, since: at })
      case 'PasswordSet':
        return standing(event.data.operator, { password: at })
      default:
        return []
    }
  },
}

/* -------------------------------------------------------------- questions */

export type OperatorAnswer = {
  readonly operator: string
  readonly role: string
  readonly standing: 'active' | 'suspended'
  /** Why it was last suspended or reinstated. */
  readonly reason: string | null
  readonly added: string
  readonly since: string
  readonly passwordSet: string | null
}

export const operatorList = async (
  rows: RowsReader,
): Promise<{ readonly operators: OperatorAnswer[]; readonly index: number }> => ({
  operators: (await rows.select(operators, 'operator')).map(row => ({
    operator: textOf(row, 'operator'),
    role: textOf(row, 'role'),
    standing: row['standing'] === 'suspended' ? 'suspended' : 'active',
    reason: textOf(row, 'reason') || null,
    added: textOf(row, 'added'),
    since: textOf(row, 'since'),
    passwordSet: row['password'] === null ? null : textOf(row, 'password'),
  })),
  index: (await rows.checkpoint(operators)) - 1,
})

/** Administrators who may sign in, without one of them. */
export const otherAdministrators = async (rows: RowsReader, operator: string): Promise<number> => {
  const where = { role: 'administrator', standing: 'active' }
  return (await rows.select(operators, 'operator', { where })).filter(row => textOf(row, 'operator') !== operator)
    .length
}

import { expect, it } from 'vitest'
import { boundWords, creditBounds, usualBound } from '#account/bound'
import { amount } from '#money'
import { matrix } from '../matrix.ts'

const set = (proposal: string, bound: bigint, operator = 'ada') =>
  ({ type: 'SetBound', proposal, currency: 'EUR', bound: amount(bound), operator, why: 'looked at' }) as const
const approve = (proposal: string, operator = 'bob') => ({ type: 'ApproveBound', proposal, operator }) as const
const reject = (proposal: string) => ({ type: 'RejectBound', proposal, operator: 'ada', why: 'no' }) as const

matrix('what one person may give', creditBounds, boundWords, {
  states: {
    usual: [],
    'lowered to 10.00': [set('b-1', 1_000n)],
    '9000.00 waits': [set('b-2', 900_000n)],
    '9000.00 rejected': [set('b-2', 900_000n), reject('b-2')],
    '9000.00': [set('b-2', 900_000n), approve('b-2')],
  },
  commands: {
    SetBound: {
      'to 5000.00': set('b-0', 500_000n),
      'to 10.00': set('b-1', 1_000n),
      'to 10.01': set('b-3', 1_001n),
      'to 9000.00': set('b-2', 900_000n),
      'to 9000.00 as another': set('b-2', 900_000n, 'bob'),
    },
    ApproveBound: { 'approve b-2': approve('b-2'), 'approve one’s own': approve('b-2', 'ada') },
    RejectBound: { 'reject b-2': reject('b-2') },
  },
  refusals: { BoundUnknown: true, BoundDiffers: true, BoundNotOpen: true, SecondPersonRequired: true },
  rows: `
    usual            | to 5000.00            | already so
                     | to 10.00              | CreditBoundSet
                     | to 9000.00            | CreditBoundProposed
                     | approve b-2           | refused BoundUnknown
                     | reject b-2            | refused BoundUnknown
    lowered to 10.00 | to 10.00              | already so
                     | to 10.01              | CreditBoundProposed
                     | to 5000.00            | CreditBoundProposed
    9000.00 waits    | to 9000.00            | already so
                     | to 9000.00 as another | refused BoundDiffers
                     | approve one’s own     | refused SecondPersonRequired
                     | approve b-2           | CreditBoundSet
                     | reject b-2            | CreditBoundRejected
    9000.00 rejected | approve b-2           | refused BoundNotOpen
                     | reject b-2            | already so
    9000.00          | approve b-2           | already so
                     | reject b-2            | refused BoundNotOpen
                     | to 5000.00            | CreditBoundSet
  `,
})

it('is as much in money, whatever a currency’s smaller unit is', () => {
  expect(['EUR', 'KWD', 'JPY'].map(usualBound)).toEqual([500_000n, 5_000_000n, 500_000n])
})

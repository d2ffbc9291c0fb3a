import { type AdjustmentCommand, adjustment, adjustmentWords, type Line } from '#adjustment'
import { matrix } from '../matrix.ts'

const line = (account: string, side: 'debit' | 'credit', amount: string, currency = 'EUR'): Line => ({
  account,
  side,
  amount,
  currency,
})
const lines = [line('payer:acc-1', 'credit', '500'), line('losses', 'debit', '500')]
const propose = (lines: readonly Line[], operator = 'anna') =>
  ({ type: 'ProposeAdjustment', adjustment: 'a-1', lines, operator, reason: 'charged twice by hand' }) as const
const approve = (operator: string) => ({ type: 'ApproveAdjustment', adjustment: 'a-1', operator }) as const
const reject: AdjustmentCommand & { type: 'RejectAdjustment' } = {
  type: 'RejectAdjustment',
  adjustment: 'a-1',
  operator: 'ben',
  why: 'it was right',
}

matrix('an adjustment', adjustment, adjustmentWords, {
  states: {
    none: [],
    proposed: [propose(lines)],
    approved: [propose(lines), approve('ben')],
    rejected: [propose(lines), reject],
  },
  commands: {
    ProposeAdjustment: {
      propose: propose(lines),
      'propose it by another': propose(lines, 'ben'),
      'propose other lines': propose([line('fees', 'debit', '1'), line('tax', 'credit', '1')]),
      'two currencies, each in balance': propose([
        ...lines,
        line('merchant:m-1', 'debit', '7', 'CHF'),
        line('suspense:x', 'credit', '7', 'CHF'),
      ]),
      'two currencies, in balance together': propose([line('fees', 'debit', '1'), line('tax', 'credit', '1', 'CHF')]),
      'out of balance': propose([line('fees', 'debit', '2'), line('tax', 'credit', '1')]),
      'one line': propose([line('fees', 'debit', '1')]),
      'a line of nothing': propose([...lines, line('fees', 'debit', '0')]),
      'too many lines': propose(Array.from({ length: 26 }, () => lines).flat()),
      'of the bank': propose([line('bank:main', 'debit', '1'), line('fees', 'credit', '1')]),
      'of what is promised': propose([line('commitment:acc-1', 'debit', '1'), line('fees', 'credit', '1')]),
      'of a license’s hold': propose([line('allowance:l-1', 'debit', '1'), line('fees', 'credit', '1')]),
      'of nothing known': propose([line('slush', 'debit', '1'), line('fees', 'credit', '1')]),
      'of nobody': propose([line('payer:', 'debit', '1'), line('fees', 'credit', '1')]),
    },
    ApproveAdjustment: { 'ben approves': approve('ben'), 'anna approves': approve('anna') },
    RejectAdjustment: { reject },
  },
  refusals: {
    AdjustmentEmpty: true,
    AdjustmentTooLong: true,
    AdjustmentUnbalanced: true,
    AccountNotAdjustable: true,
    AdjustmentUnknown: true,
    AdjustmentDiffers: true,
    AdjustmentNotOpen: true,
    SecondPersonRequired: true,
  },
  rows: `
    none     | propose                             | AdjustmentProposed
             | two currencies, each in balance     | AdjustmentProposed
             | two currencies, in balance together | refused AdjustmentUnbalanced
             | out of balance                      | refused AdjustmentUnbalanced
             | one line                            | refused AdjustmentEmpty
             | a line of nothing                   | refused AdjustmentEmpty
             | too many lines                      | refused AdjustmentTooLong
             | of the bank                         | refused AccountNotAdjustable
             | of what is promised                 | refused AccountNotAdjustable
             | of a license’s hold                 | refused AccountNotAdjustable
             | of nothing known                    | refused AccountNotAdjustable
             | of nobody                           | refused AccountNotAdjustable
             | ben approves                        | refused AdjustmentUnknown
             | reject                              | refused AdjustmentUnknown
    proposed | propose                             | already so
             | propose it by another               | refused AdjustmentDiffers
             | propose other lines                 | refused AdjustmentDiffers
             | ben approves                        | AdjustmentApproved
             | anna approves                       | refused SecondPersonRequired
             | reject                              | AdjustmentRejected
    approved | propose                             | already so
             | ben approves                        | already so
             | anna approves                       | already so
             | reject                              | refused AdjustmentNotOpen
    rejected | ben approves                        | refused AdjustmentNotOpen
             | reject                              | already so
             | propose                             | already so
  `,
})

import { failed, passed } from '#canonical/check'
import { amount } from '#money'
import { payment } from '#payment'
import { paymentWords } from '#payment/events'
import { matrix } from '../matrix.ts'

const hash = 'ab'.repeat(32)
const place = { merchant: 'm-1', shop: 's-1', terminal: 'T-1', transaction: '0f'.repeat(16) }
const instant = '2026-11-23T10:00:00.000Z'
const occurred = { at: instant, after: instant, before: instant }
const dates = { occurred, businessDate: '2026-11-23', bookingDate: '2026-11-23' }
const figures = {
  holdLeft: amount(2000n),
  holdReleased: false,
  available: 3000n,
  terms: { version: 1, feeBasisPoints: 150, taxBasisPoints: 2000, returnsFee: true },
}
const judge = {
  type: 'Judge',
  payment: hash,
  event: 'e-1',
  account: 'acc-1',
  license: 'l-1',
  card: '9250000000000017',
  ...place,
  ...dates,
  ...figures,
  currency: 'EUR',
  gross: amount(1000n),
  checks: [passed('payment signature')],
  signatureChecked: true,
} as const
const sealed = { ...judge, checks: [failed('payment opens', 'SealInvalid', 'an open seal', 'a closed one')] } as const
const nameless = { ...judge, account: null, license: null, card: null } as const
const decide = (bears: 'payer' | 'merchant' | 'operator') =>
  ({
    type: 'DecideHeld',
    payment: hash,
    bears,
    operators: ['anna', 'ben'] as const,
    reason: 'the till was at fault',
    bookingDate: '2026-11-25',
    ...figures,
  }) as const
const reverse = (reversal: string, minor: bigint, kind: 'void' | 'refund' = 'refund') =>
  ({
    type: 'Reverse',
    reversal,
    payment: hash,
    event: `e-${reversal}`,
    kind,
    ...place,
    ...dates,
    amount: amount(minor),
    currency: 'EUR',
  }) as const
const refuse = {
  type: 'RefuseReversal',
  reversal: 'r-1',
  operators: ['anna', 'ben'] as const,
  why: 'typed wrong',
  bookingDate: '2026-11-25',
} as const

matrix('a payment', payment, paymentWords, {
  states: {
    unseen: [],
    accepted: [judge],
    'accepted, 4.00 back': [judge, reverse('r-1', 400n)],
    'accepted, too much asked back': [judge, reverse('r-1', 1001n)],
    held: [sealed],
    'held, of nobody known': [nameless],
    'held, and asked back': [sealed, reverse('r-1', 400n)],
    'borne by the payer': [sealed, decide('payer')],
    'borne by the merchant': [sealed, decide('merchant')],
    'asked back before it came': [reverse('r-1', 400n)],
  },
  commands: {
    Judge: { judge, 'judge a closed seal': sealed, 'judge one of nobody known': nameless },
    DecideHeld: {
      'the payer bears it': decide('payer'),
      'the merchant bears it': decide('merchant'),
      'the operator bears it': decide('operator'),
      'one person decides': { ...decide('merchant'), operators: ['anna', 'Anna '] },
    },
    Reverse: {
      'refund r-1 4.00': reverse('r-1', 400n),
      'refund r-2 6.00': reverse('r-2', 600n),
      'refund r-2 7.00': reverse('r-2', 700n),
      'void r-2 10.00': reverse('r-2', 1000n, 'void'),
      'void r-2 elsewhere': { ...reverse('r-2', 1000n, 'void'), terminal: 'T-2' },
    },
    RefuseReversal: { 'refuse r-1': refuse, 'one person refuses': { ...refuse, operators: ['ben', 'ben'] } },
  },
  refusals: {
    PaymentNotHeld: true,
    PaymentDecidedOtherwise: true,
    SecondPersonRequired: true,
    PayerUnknown: true,
    ReversalNotHeld: true,
    ReversalHeldFirst: true,
  },
  rows: `
    unseen                        | judge                     | PaymentAccepted
                                  | judge a closed seal       | PaymentHeld
                                  | judge one of nobody known | PaymentHeld
                                  | the payer bears it        | refused PaymentNotHeld
                                  | refund r-1 4.00           | ReversalHeld
                                  | refuse r-1                | refused ReversalNotHeld
    accepted                      | judge                     | already so
                                  | judge a closed seal       | already so
                                  | the operator bears it     | refused PaymentNotHeld
                                  | refund r-1 4.00           | ReversalAccepted
                                  | void r-2 10.00            | ReversalAccepted
                                  | void r-2 elsewhere        | ReversalHeld
                                  | refuse r-1                | refused ReversalNotHeld
    accepted, 4.00 back           | judge                     | already so
                                  | refund r-1 4.00           | already so
                                  | refund r-2 6.00           | ReversalAccepted
                                  | refund r-2 7.00           | ReversalHeld
                                  | void r-2 10.00            | ReversalHeld
                                  | refuse r-1                | refused ReversalNotHeld
    accepted, too much asked back | refund r-2 6.00           | ReversalAccepted
                                  | refuse r-1                | ReversalRefused
                                  | one person refuses        | refused SecondPersonRequired
    held                          | judge                     | already so
                                  | the payer bears it        | HeldPaymentDecided
                                  | the merchant bears it     | HeldPaymentDecided
                                  | the operator bears it     | HeldPaymentDecided
                                  | one person decides        | refused SecondPersonRequired
                                  | refund r-1 4.00           | ReversalHeld
    held, of nobody known         | the payer bears it        | refused PayerUnknown
                                  | the operator bears it     | HeldPaymentDecided
    held, and asked back          | the payer bears it        | HeldPaymentDecided + ReversalReleased
                                  | the merchant bears it     | HeldPaymentDecided + ReversalRefused
                                  | the operator bears it     | refused ReversalHeldFirst
                                  | refuse r-1                | ReversalRefused
    borne by the payer            | the payer bears it        | already so
                                  | the merchant bears it     | refused PaymentDecidedOtherwise
                                  | refund r-1 4.00           | ReversalAccepted
                                  | judge                     | already so
    borne by the merchant         | the merchant bears it     | already so
                                  | the payer bears it        | refused PaymentDecidedOtherwise
                                  | refund r-1 4.00           | ReversalHeld
    asked back before it came     | judge                     | PaymentAccepted + ReversalReleased
                                  | judge a closed seal       | PaymentHeld
                                  | refund r-1 4.00           | already so
                                  | the payer bears it        | refused PaymentNotHeld
                                  | refuse r-1                | ReversalRefused
  `,
})

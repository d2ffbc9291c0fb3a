import { failed, passed } from '#canonical/check'
import { amount } from '#money'
import { payment } from '#payment'
import { type Bears, paymentWords } from '#payment/events'
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
  rule: 2,
} as const
const sealed = { ...judge, checks: [failed('payment opens', 'SealInvalid', 'an open seal', 'a closed one')] } as const
const nameless = { ...judge, account: null, license: null, card: null } as const
const propose = (bears: Bears, proposal: string = bears, operator = 'anna') =>
  ({ type: 'ProposeDecision', payment: hash, proposal, bears, operator, reason: 'the till was at fault' }) as const
const approve = (proposal: string, operator = 'ben') =>
  ({ type: 'ApproveDecision', payment: hash, proposal, operator }) as const
const carryOut = { type: 'CarryOutDecision', payment: hash, bookingDate: '2026-11-25', ...figures } as const
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
  type: 'ProposeRefusal',
  payment: hash,
  reversal: 'r-1',
  proposal: 'refusal',
  operator: 'anna',
  why: 'typed wrong',
} as const
const approveRefusal = (operator: string) =>
  ({ type: 'ApproveRefusal', payment: hash, proposal: 'refusal', operator, bookingDate: '2026-11-25' }) as const
const fromLost = { ...reverse('r-1', 400n), outOfHand: 'TerminalLost' } as const
const release = { ...refuse, type: 'ProposeRelease', proposal: 'release', why: 'the shop has the slip' } as const
const approveRelease = (operator: string) =>
  ({ type: 'ApproveRelease', payment: hash, proposal: 'release', operator, bookingDate: '2026-11-25' }) as const
const withdraw = (proposal: string) =>
  ({ type: 'Withdraw', payment: hash, proposal, operator: 'carl', why: 'a mistake' }) as const
const setAside = {
  type: 'SetAside',
  payment: hash,
  event: 'e-told',
  account: 'acc-1',
  license: 'l-1',
  card: '9250000000000017',
  ...place,
  currency: 'EUR',
  gross: amount(1000n),
  holdLeft: amount(2000n),
} as const
const setFree = { type: 'SetFree', payment: hash, event: 'e-torn', why: 'TapAbandoned' } as const

matrix('a payment', payment, paymentWords, {
  states: {
    unseen: [],
    accepted: [judge],
    'accepted, 4.00 back': [judge, reverse('r-1', 400n)],
    'accepted, too much asked back': [judge, reverse('r-1', 1001n)],
    held: [sealed],
    'held, of nobody known': [nameless],
    'held, and asked back': [sealed, reverse('r-1', 400n)],
    'to be borne by the payer': [sealed, propose('payer')],
    'to be borne by the merchant, and not by the payer': [sealed, propose('payer'), propose('merchant')],
    'to be borne by nobody any more': [sealed, propose('payer'), withdraw('payer')],
    'approved for the payer': [sealed, propose('payer'), approve('payer')],
    'borne by the payer': [sealed, propose('payer'), approve('payer'), carryOut],
    'borne by the merchant': [sealed, propose('merchant'), approve('merchant'), carryOut],
    'too much asked back, to be refused': [judge, reverse('r-1', 1001n), refuse],
    'too much asked back, refused': [judge, reverse('r-1', 1001n), refuse, approveRefusal('ben')],
    'set aside': [setAside],
    'set aside and free again': [setAside, setFree],
    'set aside, and held': [setAside, sealed, propose('operator')],
    'set aside, and approved for the operator': [setAside, sealed, propose('operator'), approve('operator')],
    'accepted, asked back from a lost terminal': [judge, fromLost],
    'the same, to be let through': [judge, fromLost, release],
    'the same, let through': [judge, fromLost, release, approveRelease('ben')],
    'the same, to be refused after all': [judge, fromLost, release, refuse],
    'asked back before it came': [reverse('r-1', 400n)],
  },
  commands: {
    Judge: { judge, 'judge a closed seal': sealed, 'judge one of nobody known': nameless },
    ProposeDecision: {
      'propose the payer': propose('payer'),
      'propose the merchant': propose('merchant'),
      'propose the operator': propose('operator'),
      'propose other under that id': propose('operator', 'payer'),
    },
    ApproveDecision: {
      'approve the payer': approve('payer'),
      'approve the merchant': approve('merchant'),
      'approve the operator': approve('operator'),
      'anna approves the payer': approve('payer', 'anna'),
    },
    CarryOutDecision: { 'carry it out': carryOut },
    Withdraw: { 'withdraw the payer': withdraw('payer') },
    Reverse: {
      'refund r-1 4.00': reverse('r-1', 400n),
      'refund r-2 6.00': reverse('r-2', 600n),
      'refund r-2 7.00': reverse('r-2', 700n),
      'void r-2 10.00': reverse('r-2', 1000n, 'void'),
      'refund r-1 from lost': fromLost,
      'void r-2 elsewhere': { ...reverse('r-2', 1000n, 'void'), terminal: 'T-2' },
    },
    ProposeRefusal: { 'refuse r-1': refuse },
    ApproveRefusal: { 'ben refuses': approveRefusal('ben'), 'anna refuses': approveRefusal('anna') },
    ProposeRelease: { 'release r-1': release },
    ApproveRelease: { 'ben releases': approveRelease('ben'), 'anna releases': approveRelease('anna') },
    SetAside: { 'set aside': setAside },
    SetFree: { 'set free': setFree },
  },
  refusals: {
    PaymentNotHeld: true,
    PaymentDecidedOtherwise: true,
    SecondPersonRequired: true,
    PayerUnknown: true,
    ProposalUnknown: true,
    ProposalDiffers: true,
    ProposalNotOpen: true,
    ReversalNotHeld: true,
    ReversalHeldFirst: true,
    ReversalObstructed: true,
  },
  rows: `
    accepted, asked back from a lost terminal | judge | already so
                                  | refund r-1 4.00           | already so
                                  | refund r-1 from lost      | already so
                                  | refuse r-1                | ReversalRefusalProposed
                                  | release r-1               | ReversalReleaseProposed
                                  | ben releases              | refused ProposalUnknown
    the same, to be let through   | ben releases              | ReversalReleased
                                  | anna releases             | refused SecondPersonRequired
                                  | refuse r-1                | ReversalRefusalProposed
                                  | ben refuses               | refused ProposalUnknown
    the same, let through         | ben releases              | already so
                                  | release r-1               | already so
                                  | refuse r-1                | refused ReversalNotHeld
    the same, to be refused after all | ben releases          | refused ProposalNotOpen
                                  | ben refuses               | ReversalRefused
    accepted, too much asked back | release r-1               | refused ReversalObstructed
    asked back before it came     | release r-1               | refused ReversalObstructed
    accepted                      | refund r-1 from lost      | ReversalHeld
    unseen                        | release r-1               | refused ReversalNotHeld
    unseen                        | judge                     | PaymentAccepted
                                  | judge a closed seal       | PaymentHeld
                                  | judge one of nobody known | PaymentHeld
                                  | propose the payer         | refused PaymentNotHeld
                                  | approve the payer         | refused ProposalUnknown
                                  | withdraw the payer        | refused ProposalUnknown
                                  | refund r-1 4.00           | ReversalHeld
                                  | refuse r-1                | refused ReversalNotHeld
                                  | set aside                 | PaymentUnclaimed
                                  | set free                  | already so
    accepted                      | judge                     | already so
                                  | judge a closed seal       | already so
                                  | propose the operator      | refused PaymentNotHeld
                                  | refund r-1 4.00           | ReversalAccepted
                                  | void r-2 10.00            | ReversalAccepted
                                  | void r-2 elsewhere        | ReversalHeld
                                  | refuse r-1                | refused ReversalNotHeld
                                  | set aside                 | already so
    accepted, 4.00 back           | judge                     | already so
                                  | refund r-1 4.00           | already so
                                  | refund r-2 6.00           | ReversalAccepted
                                  | refund r-2 7.00           | ReversalHeld
                                  | void r-2 10.00            | ReversalHeld
                                  | refuse r-1                | refused ReversalNotHeld
    accepted, too much asked back | refund r-2 6.00           | ReversalAccepted
                                  | refuse r-1                | ReversalRefusalProposed
                                  | ben refuses               | refused ProposalUnknown
    too much asked back, to be refused | refuse r-1           | already so
                                  | ben refuses               | ReversalRefused
                                  | anna refuses              | refused SecondPersonRequired
    too much asked back, refused  | ben refuses               | already so
                                  | refund r-1 4.00           | already so
    held                          | judge                     | already so
                                  | propose the payer         | HeldDecisionProposed
                                  | propose the merchant      | HeldDecisionProposed
                                  | propose the operator      | HeldDecisionProposed
                                  | approve the payer         | refused ProposalUnknown
                                  | refund r-1 4.00           | ReversalHeld
    to be borne by the payer      | propose the payer         | already so
                                  | propose other under that id | refused ProposalDiffers
                                  | approve the payer         | HeldDecisionApproved
                                  | carry it out              | already so
                                  | anna approves the payer   | refused SecondPersonRequired
                                  | approve the merchant      | refused ProposalUnknown
                                  | withdraw the payer        | ProposalWithdrawn
    to be borne by the merchant, and not by the payer | approve the payer | refused ProposalNotOpen
                                  | approve the merchant      | HeldDecisionApproved
    to be borne by nobody any more | approve the payer        | refused ProposalNotOpen
                                  | withdraw the payer        | already so
                                  | propose the merchant      | HeldDecisionProposed
    held, of nobody known         | propose the payer         | refused PayerUnknown
                                  | propose the operator      | HeldDecisionProposed
    held, and asked back          | propose the payer         | HeldDecisionProposed
                                  | propose the operator      | refused ReversalHeldFirst
                                  | refuse r-1                | ReversalRefusalProposed
    approved for the payer        | carry it out              | HeldPaymentDecided
                                  | approve the payer         | already so
                                  | anna approves the payer   | already so
                                  | propose the payer         | already so
                                  | propose the merchant      | refused PaymentDecidedOtherwise
                                  | withdraw the payer        | refused ProposalNotOpen
                                  | refund r-1 4.00           | ReversalHeld
                                  | judge                     | already so
    borne by the payer            | approve the payer         | already so
                                  | carry it out              | already so
                                  | propose the payer         | already so
                                  | propose the merchant      | refused PaymentDecidedOtherwise
                                  | withdraw the payer        | refused ProposalNotOpen
                                  | refund r-1 4.00           | ReversalAccepted
                                  | judge                     | already so
    borne by the merchant         | approve the merchant      | already so
                                  | propose the payer         | refused PaymentDecidedOtherwise
                                  | refund r-1 4.00           | ReversalHeld
    asked back before it came     | judge                     | PaymentAccepted + ReversalReleased
                                  | judge a closed seal       | PaymentHeld
                                  | refund r-1 4.00           | already so
                                  | propose the payer         | refused PaymentNotHeld
                                  | refuse r-1                | ReversalRefusalProposed
    set aside                     | set aside                 | already so
                                  | set free                  | UnclaimedReleased
                                  | judge                     | PaymentAccepted
    set aside and free again      | set aside                 | already so
                                  | judge                     | PaymentAccepted
    set aside, and held           | approve the operator      | HeldDecisionApproved
                                  | set free                  | already so
    set aside, and approved for the operator | carry it out   | HeldPaymentDecided + UnclaimedReleased
                                  | set free                  | already so
  `,
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { failed, passed } from '#canonical/check'
import { isRefusal } from '#canonical/decider'
import { amount } from '#money'
import { type PaymentCommand, payment } from '#payment'
import { type Bears, type DataOf, type PaymentEvent, paymentWords } from '#payment/events'
import { type VerdictRuleEvent, verdictRules, verdictRuleWords } from '#payment/rule'
import { deciding, refused } from '../given.ts'

const given = deciding(payment, paymentWords)

const hash = 'ab'.repeat(32)
const place = { merchant: 'm-1', shop: 's-1', terminal: 'T-1', transaction: '0f'.repeat(16) }
const occurred = {
  at: '2026-11-23T10:00:00.000Z',
  after: '2026-11-23T09:00:00.000Z',
  before: '2026-11-23T18:00:00.000Z',
}
const dates = { occurred, businessDate: '2026-11-23', bookingDate: '2026-11-23' }
const who = { account: 'acc-1', license: 'l-1', card: '9250000000000017' }
const terms = { version: 3, feeBasisPoints: 150, taxBasisPoints: 2000, returnsFee: true }
const good = [passed('license signature'), passed('payment signature')]

type Judge = Extract<PaymentCommand, { type: 'Judge' }>
const judge = (gross: bigint, other: Partial<Judge> = {}): Judge => ({
  type: 'Judge',
  payment: hash,
  event: 'e-1',
  ...who,
  ...place,
  ...dates,
  currency: 'EUR',
  gross: amount(gross),
  checks: good,
  signatureChecked: true,
  rule: 2,
  holdReleased: false,
  holdLeft: amount(20000n),
  available: 30000n,
  terms,
  ...other,
})
type Accepted = DataOf<'PaymentAccepted'>
const accepted = (gross: string, other: Partial<Accepted> = {}): PaymentEvent => ({
  type: 'PaymentAccepted',
  data: {
    payment: hash,
    event: 'e-1',
    ...who,
    ...place,
    ...dates,
    currency: 'EUR',
    gross,
    within: gross,
    excess: '0',
    excessOwner: null,
    fee: '0',
    tax: '0',
    termsVersion: 3,
    returnsFee: true,
    exceptions: [],
    rule: 2,
    ...other,
  },
})
const sealInvalid = failed('payment opens', 'SealInvalid', 'an open seal', 'a closed one')
const held = (gross: string, other: Partial<DataOf<'PaymentHeld'>> = {}): PaymentEvent => ({
  type: 'PaymentHeld',
  data: {
    payment: hash,
    event: 'e-1',
    ...who,
    ...place,
    ...dates,
    currency: 'EUR',
    gross,
    reason: 'SealInvalid',
    checks: [sealInvalid],
    rule: 2,
    ...other,
  },
})
const reason = 'the till was shown to be at fault'
const propose = (bears: Bears, proposal = 'p-1', operator = 'anna') =>
  ({ type: 'ProposeDecision', payment: hash, proposal, bears, operator, reason }) as const
const proposed = (bears: Bears, proposal = 'p-1', operator = 'anna'): PaymentEvent => ({
  type: 'HeldDecisionProposed',
  data: { payment: hash, proposal, bears, operator, reason },
})
const approve = (proposal = 'p-1', operator = 'ben') =>
  ({ type: 'ApproveDecision', payment: hash, proposal, operator }) as const
const approved = (proposal = 'p-1', operator = 'ben'): PaymentEvent => ({
  type: 'HeldDecisionApproved',
  data: { payment: hash, proposal, operator },
})
const carryOut = () =>
  ({
    type: 'CarryOutDecision',
    payment: hash,
    bookingDate: '2026-11-25',
    holdReleased: false,
    holdLeft: amount(20000n),
    available: 30000n,
    terms,
  }) as const
const decided = (bears: Bears, gross: string, shares: Partial<Accepted>): PaymentEvent => ({
  type: 'HeldPaymentDecided',
  data: {
    payment: hash,
    bears,
    operators: ['anna', 'ben'],
    proposal: 'p-1',
    reason,
    account: 'acc-1',
    license: 'l-1',
    ...place,
    ...dates,
    bookingDate: '2026-11-25',
    currency: 'EUR',
    gross,
    within: '0',
    excess: '0',
    excessOwner: null,
    fee: '0',
    tax: '0',
    termsVersion: 3,
    returnsFee: true,
    ...shares,
  },
})
const asked = (reversal: string, minor: bigint, kind: 'void' | 'refund' = 'refund') => ({
  reversal,
  payment: hash,
  event: `e-${reversal}`,
  kind,
  ...place,
  amount: minor.toString(),
  currency: 'EUR',
  ...dates,
})
const reverse = (reversal: string, minor: bigint, kind: 'void' | 'refund' = 'refund') =>
  ({ type: 'Reverse', ...asked(reversal, minor, kind), amount: amount(minor) }) as const
const reversed = (reversal: string, minor: bigint, feeBack = '0', taxBack = '0'): PaymentEvent => ({
  type: 'ReversalAccepted',
  data: { ...asked(reversal, minor), account: 'acc-1', feeBack, taxBack },
})
const reversalHeld = (reversal: string, minor: bigint, reason: DataOf<'ReversalHeld'>['reason']): PaymentEvent => ({
  type: 'ReversalHeld',
  data: { ...asked(reversal, minor), reason },
})
const reversalReleased = (reversal: string, minor: bigint): PaymentEvent => ({
  type: 'ReversalReleased',
  data: { ...asked(reversal, minor), account: 'acc-1', feeBack: '0', taxBack: '0' },
})

describe('a payment that bears the payer’s signature is accepted', () => {
  it('with the fee of its terms, rounded half to even, and tax on the fee', () =>
    // 1.5 % of 12.50 is 18.75 cents, so 19; 20 % of 19 is 3.8, so 4.
    given()
      .when(judge(1250n))
      .then(accepted('1250', { fee: '19', tax: '4' })))
  it('once, however often it comes', () => given(accepted('1250')).when(judge(1250n)).then())
  it('over what is left of the hold, with the rest as excess that the operator owns', () =>
    given()
      .when(judge(300n, { holdReleased: false, holdLeft: amount(200n) }))
      .then(
        accepted('300', {
          within: '200',
          excess: '100',
          excessOwner: 'operator',
          fee: '4',
          tax: '1',
          exceptions: ['OverAllowance'],
        }),
      ))
  it('over the limit of the account too, and says so', () =>
    given()
      .when(judge(300n, { holdReleased: false, holdLeft: amount(200n), available: 99n }))
      .then(
        accepted('300', {
          within: '200',
          excess: '100',
          excessOwner: 'operator',
          fee: '4',
          tax: '1',
          exceptions: ['OverAllowance', 'OverLimit'],
        }),
      ))
  it('up to the limit, and not over it', () =>
    given()
      .when(judge(300n, { holdReleased: false, holdLeft: amount(200n), available: 100n }))
      .then(
        accepted('300', {
          within: '200',
          excess: '100',
          excessOwner: 'operator',
          fee: '4',
          tax: '1',
          exceptions: ['OverAllowance'],
        }),
      ))
  it('after its hold was used up, wholly as excess, and not late', () =>
    expect(given().when(judge(300n, { holdLeft: amount(0n) })).said).toMatchObject([
      { type: 'PaymentAccepted', data: { within: '0', excess: '300', exceptions: ['OverAllowance'] } },
    ]))
  it('after its hold was released, wholly as excess', () =>
    given()
      .when(judge(300n, { holdReleased: true, holdLeft: amount(0n) }))
      .then(
        accepted('300', {
          within: '0',
          excess: '300',
          excessOwner: 'operator',
          fee: '4',
          tax: '1',
          exceptions: ['LateArrival'],
        }),
      ))
  it.each([
    ['LicenseExpired', 'LicenseInvalidAtTap', 'merchant'],
    ['LicenseDenied', 'DenyListedAtTap', 'merchant'],
    ['LicenseKeyCompromised', 'LicenseInvalidAtTap', 'merchant'],
    ['AccountBarred', 'DenyListedAtTap', 'operator'],
    ['AccountClosed', 'LateArrival', 'operator'],
    ['TerminalCertificateExpired', 'CertificateExpiredAtTap', 'merchant'],
    ['DenyListTooOld', 'DenyListedAtTap', 'merchant'],
    ['AllowanceExceeded', 'OverAllowance', 'operator'],
    ['CounterReused', 'CounterReused', 'operator'],
  ] as const)('%s breaks a limit: accepted with %s, and the %s owns what is over', (reason, exception, owner) => {
    const checks = [...good, failed('limit', reason, 'kept', 'broken')]
    given()
      .when(judge(300n, { checks, holdReleased: false, holdLeft: amount(200n) }))
      .then(
        accepted('300', {
          within: '200',
          excess: '100',
          excessOwner: owner,
          fee: '4',
          tax: '1',
          exceptions: [...new Set([exception, 'OverAllowance'])],
        }),
      )
  })
})

describe('a payment without it is held, and never touches a payer', () => {
  it.each(['SealInvalid', 'PaymentSignatureInvalid', 'TacInvalid', 'AmountMismatch', 'ReasonNobodyHeardOf'])(
    '%s',
    reason => {
      const checks = [passed('license signature'), failed('check', reason, 'one', 'another')]
      given().when(judge(1250n, { checks })).then(held('1250', { reason, checks }))
    },
  )
  it('a limit that is broken too does not save it', () => {
    const checks = [failed('dates', 'LicenseExpired', 'later', 'now'), sealInvalid]
    given().when(judge(1250n, { checks })).then(held('1250', { checks }))
  })
  it('checks that were never made are failed ones', () =>
    given()
      .when(judge(1250n, { checks: [], signatureChecked: false }))
      .then(held('1250', { reason: 'PaymentSignatureMissing', checks: [] })))
  it('a license that cannot be read names no payer', () =>
    given()
      .when(judge(1250n, { account: null, license: null, card: null }))
      .then(held('1250', { account: null, license: null, card: null, reason: 'PayerUnknown', checks: good })))
  it('once', () => given(held('1250')).when(judge(1250n)).then())
})

it('a supervisor who lets a tap pass makes the merchant own what is over, and is no exception', () => {
  const checks = [...good, failed('limits kept', 'SupervisorOverrode', 'no override', 'OfflineSumExceeded by eva')]
  expect(given().when(judge(300n, { checks })).said).toMatchObject([{ data: { exceptions: [], excessOwner: null } }])
  expect(given().when(judge(300n, { checks, holdLeft: amount(200n) })).said).toMatchObject([
    { data: { exceptions: ['OverAllowance'], excessOwner: 'merchant' } },
  ])
})

describe('the rule of a verdict is kept with it', () => {
  const denied = [...good, failed('license not denied', 'LicenseDenied', 'kept', 'broken')]
  it('and the first is as it was', () => {
    const over = { checks: denied, holdLeft: amount(200n), rule: 1 }
    expect(given().when(judge(300n, over)).said).toMatchObject([{ data: { excessOwner: 'operator', rule: 1 } }])
    expect(given().when(judge(300n, { ...over, rule: 2 })).said).toMatchObject([
      { data: { excessOwner: 'merchant', rule: 2 } },
    ])
  })
  it('a reason that only a later one knows holds under an earlier one', () => {
    const checks = [...good, failed('account open', 'AccountClosed', 'open', 'closed')]
    expect(given().when(judge(300n, { checks, rule: 1 })).said).toMatchObject([{ type: 'PaymentHeld' }])
  })
  it('one that this version does not have is a bug, and not a verdict', () =>
    expect(() => given().when(judge(300n, { rule: 99 }))).toThrow('no version 99'))
  it('a log adopts the newest, once, and never an older one', () => {
    const adopting = deciding(verdictRules, verdictRuleWords)
    const adopted = (version: number): VerdictRuleEvent => ({ type: 'VerdictRuleAdopted', data: { version } })
    adopting().when({ version: 2 }).then(adopted(2))
    adopting(adopted(2)).when({ version: 2 }).then()
    adopting(adopted(3)).when({ version: 2 }).then()
  })
})

describe('a held payment is decided by two people', () => {
  it('one proposes', () => given(held('1250')).when(propose('payer')).then(proposed('payer')))
  it('another approves, and the payer bears it: as accepted', () => {
    given(held('1250'), proposed('payer')).when(approve()).then(approved())
    given(held('1250'), proposed('payer'), approved())
      .when(carryOut())
      .then(decided('payer', '1250', { within: '1250', fee: '19', tax: '4' }))
  })
  it('what was not approved is not carried out; and what is approved, once', () => {
    given().when(carryOut()).then()
    given(held('1250'), proposed('payer')).when(carryOut()).then()
    given(held('1250'), proposed('merchant'), approved(), decided('merchant', '1250', {}))
      .when(carryOut())
      .then()
  })
  it('approved and not carried out yet, it is decided: nobody says otherwise, and its reversals wait', () => {
    const waits = [held('1250'), proposed('merchant'), approved()]
    given(...waits)
      .when(approve())
      .then()
    given(...waits)
      .when(propose('payer', 'p-2'))
      .then(refused('PaymentDecidedOtherwise', { bears: 'merchant' }))
    given(...waits)
      .when({ type: 'Withdraw', payment: hash, proposal: 'p-1', operator: 'carl', why: 'a mistake' })
      .then(refused('ProposalNotOpen'))
    given(...waits)
      .when(reverse('r-1', 400n))
      .then(reversalHeld('r-1', 400n, 'OriginalHeld'))
  })
  it('the payer bears more than is left of the hold: an exception like any other', () =>
    given(held('1250'), proposed('payer'), approved())
      .when({ ...carryOut(), holdLeft: amount(1000n), available: 249n })
      .then(
        decided('payer', '1250', {
          within: '1000',
          excess: '250',
          excessOwner: 'operator',
          fee: '19',
          tax: '4',
          exceptions: ['OverAllowance', 'OverLimit'],
        }),
      ))
  it('the merchant bears it: nobody is charged', () =>
    given(held('1250'), proposed('merchant'), approved())
      .when(carryOut())
      .then(decided('merchant', '1250', {})))
  it('the operator bears it', () =>
    given(held('1250'), proposed('operator'), approved())
      .when(carryOut())
      .then(decided('operator', '1250', {})))
  it('who proposed does not approve', () =>
    given(held('1250'), proposed('payer'))
      .when(approve('p-1', 'anna'))
      .then(refused('SecondPersonRequired', { operator: 'anna' })))
  it('ids are compared exactly: Anna is another than anna', () =>
    expect(given(held('1250'), proposed('merchant'), approved('p-1', 'Anna')).when(carryOut()).said).toMatchObject([
      { type: 'HeldPaymentDecided', data: { operators: ['anna', 'Anna'] } },
    ]))
  it('proposed twice is proposed once', () => given(held('1250'), proposed('payer')).when(propose('payer')).then())
  it('under an id that was used for something else it is not', () =>
    given(held('1250'), proposed('payer'))
      .when(propose('merchant'))
      .then(refused('ProposalDiffers', { operator: 'anna' })))
  it('a later proposal takes the place of the first', () =>
    given(held('1250'), proposed('payer'), proposed('merchant', 'p-2', 'ben'))
      .when(approve('p-1', 'carl'))
      .then(refused('ProposalNotOpen')))
  it('and whoever made the first may approve it', () => {
    given(held('1250'), proposed('payer'), proposed('merchant', 'p-2', 'ben'))
      .when(approve('p-2', 'anna'))
      .then(approved('p-2', 'anna'))
    expect(
      given(held('1250'), proposed('payer'), proposed('merchant', 'p-2', 'ben'), approved('p-2', 'anna')).when(
        carryOut(),
      ).said,
    ).toMatchObject([{ type: 'HeldPaymentDecided', data: { bears: 'merchant', operators: ['ben', 'anna'] } }])
  })
  const withdraw = { type: 'Withdraw', payment: hash, proposal: 'p-1', operator: 'carl', why: 'a mistake' } as const
  const withdrawn: PaymentEvent = {
    type: 'ProposalWithdrawn',
    data: { payment: hash, proposal: 'p-1', operator: 'carl', why: 'a mistake' },
  }
  it('a proposal is withdrawn, and then nobody approves it', () => {
    given(held('1250'), proposed('payer')).when(withdraw).then(withdrawn)
    given(held('1250'), proposed('payer'), withdrawn).when(withdraw).then()
    given(held('1250'), proposed('payer'), withdrawn).when(approve()).then(refused('ProposalNotOpen'))
  })
  it('what was approved is not withdrawn', () =>
    given(held('1250'), proposed('merchant'), decided('merchant', '1250', {}))
      .when(withdraw)
      .then(refused('ProposalNotOpen')))
  it('what was never proposed is neither approved nor withdrawn', () => {
    given(held('1250')).when(approve()).then(refused('ProposalUnknown'))
    given(held('1250')).when(withdraw).then(refused('ProposalUnknown'))
  })
  it('approved twice is decided once', () =>
    given(held('1250'), proposed('merchant'), decided('merchant', '1250', {}))
      .when(approve())
      .then())
  it('and not decided otherwise after', () =>
    given(held('1250'), proposed('merchant'), decided('merchant', '1250', {}))
      .when(propose('payer', 'p-2'))
      .then(refused('PaymentDecidedOtherwise', { bears: 'merchant' })))
  it('nor after a decision of the first versions, which named both in one order', () => {
    const { data } = decided('merchant', '1250', {}) as { data: DataOf<'HeldPaymentDecided'> }
    const { proposal: _, ...old } = data
    given(held('1250'), { type: 'HeldPaymentDecided', data: old })
      .when(propose('payer'))
      .then(refused('PaymentDecidedOtherwise'))
  })
  it('an accepted one is not decided', () =>
    given(accepted('1250'))
      .when(propose('operator'))
      .then(refused('PaymentNotHeld', { standing: 'accepted' })))
  it('nor one that never came', () => given().when(propose('operator')).then(refused('PaymentNotHeld')))
  it('a payer whom nobody knows cannot bear it', () =>
    given(held('1250', { account: null, license: null, card: null }))
      .when(propose('payer'))
      .then(refused('PayerUnknown')))
})

describe('what a phone told of and no terminal brought', () => {
  const aside: PaymentCommand = {
    type: 'SetAside',
    payment: hash,
    event: 'e-told',
    ...who,
    ...place,
    currency: 'EUR',
    gross: amount(1250n),
    holdLeft: amount(20000n),
  }
  const unclaimed = (amount: string): PaymentEvent => ({
    type: 'PaymentUnclaimed',
    data: { payment: hash, event: 'e-told', ...who, ...place, currency: 'EUR', gross: '1250', amount },
  })
  const free: PaymentCommand = { type: 'SetFree', payment: hash, event: 'e-torn', why: 'TapAbandoned' }
  const freed = (amount: string, event = 'e-torn', why = 'TapAbandoned'): PaymentEvent => {
    const { card: _, ...of } = who
    return { type: 'UnclaimedReleased', data: { payment: hash, event, ...of, currency: 'EUR', amount, why } }
  }
  it('is set aside, once', () => {
    given().when(aside).then(unclaimed('1250'))
    given(unclaimed('1250')).when(aside).then()
  })
  it('as far as the hold has it', () =>
    given()
      .when({ ...aside, holdLeft: amount(1000n) })
      .then(unclaimed('1000')))
  it('is not set aside once it was judged', () => {
    given(accepted('1250')).when(aside).then()
    given(held('1250')).when(aside).then()
  })
  it('pays for it when its terminal brings it, though the hold was released meanwhile', () =>
    given(unclaimed('1250'))
      .when(judge(1250n, { holdLeft: amount(0n), holdReleased: true }))
      .then(accepted('1250', { unclaimed: '1250', fee: '19', tax: '4' })))
  it('and the hold pays for the rest', () =>
    given(unclaimed('1000'))
      .when(judge(1250n, { holdLeft: amount(100n) }))
      .then(
        accepted('1250', {
          within: '1100',
          unclaimed: '1000',
          excess: '150',
          excessOwner: 'operator',
          fee: '19',
          tax: '4',
          exceptions: ['OverAllowance'],
        }),
      ))
  it('is free again when its terminal says that it never recorded it, once', () => {
    given(unclaimed('1250')).when(free).then(freed('1250'))
    given(unclaimed('1250'), freed('1250')).when(free).then()
    given().when(free).then()
    given(unclaimed('1250'), accepted('1250', { unclaimed: '1250' }))
      .when(free)
      .then()
  })
  it('that was free again and comes after all draws nothing of what is left for others', () => {
    const over = { within: '0', excess: '1250', excessOwner: 'operator' as const, fee: '19', tax: '4' }
    given(unclaimed('1250'), freed('1250'))
      .when(judge(1250n, { rule: 4 }))
      .then(accepted('1250', { ...over, exceptions: ['OverAllowance'], rule: 4 }))
    given(unclaimed('1250'), freed('1250'), held('1250'), proposed('payer'), approved())
      .when(carryOut())
      .then(decided('payer', '1250', { ...over, exceptions: ['OverAllowance'] }))
    // The first rules had it draw on the hold, and are read as they were.
    given(unclaimed('1250'), freed('1250'))
      .when(judge(1250n, { rule: 3 }))
      .then(accepted('1250', { fee: '19', tax: '4', rule: 3 }))
  })
  it('is free again when others than the payer bear it', () =>
    given(unclaimed('1250'), held('1250'), proposed('operator'), approved())
      .when(carryOut())
      .then(decided('operator', '1250', {}), freed('1250', 'e-1', 'HeldPaymentDecided')))
  it('and drawn on when the payer does', () =>
    given(unclaimed('1250'), held('1250'), proposed('payer'), approved())
      .when({ ...carryOut(), holdLeft: amount(0n) })
      .then(decided('payer', '1250', { within: '1250', unclaimed: '1250', fee: '19', tax: '4' })))
})

describe('a reversal is bounded by its original', () => {
  it('is accepted', () => given(accepted('1000')).when(reverse('r-1', 400n)).then(reversed('r-1', 400n)))
  it('is accepted once', () => given(accepted('1000'), reversed('r-1', 400n)).when(reverse('r-1', 400n)).then())
  it('to the last cent', () =>
    given(accepted('1000'), reversed('r-1', 400n)).when(reverse('r-2', 600n)).then(reversed('r-2', 600n)))
  it('and not one more', () =>
    given(accepted('1000'), reversed('r-1', 400n))
      .when(reverse('r-2', 601n))
      .then(reversalHeld('r-2', 601n, 'RefundExceedsOriginal')))
  it('without its original it is held', () =>
    given()
      .when(reverse('r-1', 400n))
      .then(reversalHeld('r-1', 400n, 'RefundWithoutOriginal')))
  it('by a merchant who was not paid it is held', () =>
    given(accepted('1000'))
      .when({ ...reverse('r-1', 400n), merchant: 'm-2' })
      .then({
        type: 'ReversalHeld',
        data: { ...asked('r-1', 400n), merchant: 'm-2', reason: 'RefundWithoutOriginal' },
      }))
  it('in another currency it is held', () =>
    given(accepted('1000'))
      .when({ ...reverse('r-1', 400n), currency: 'CHF' })
      .then({ type: 'ReversalHeld', data: { ...asked('r-1', 400n), currency: 'CHF', reason: 'CurrencyMismatch' } }))
  it('of a held payment it is held', () =>
    given(held('1000'))
      .when(reverse('r-1', 400n))
      .then(reversalHeld('r-1', 400n, 'OriginalHeld')))
  it('of what the operator bore there is nothing to give back', () =>
    given(held('1000'), decided('operator', '1000', {}))
      .when(reverse('r-1', 400n))
      .then(reversalHeld('r-1', 400n, 'RefundExceedsOriginal')))
  it('that came before its original is released with it', () =>
    given(reversalHeld('r-1', 400n, 'RefundWithoutOriginal'))
      .when(judge(1000n, { terms: { ...terms, feeBasisPoints: 0 } }))
      .then(accepted('1000'), reversalReleased('r-1', 400n)))
  it('of two that came before, the second waits where there is no room', () =>
    given(reversalHeld('r-1', 700n, 'RefundWithoutOriginal'), reversalHeld('r-2', 400n, 'RefundWithoutOriginal'))
      .when(judge(1000n, { terms: { ...terms, feeBasisPoints: 0 } }))
      .then(accepted('1000'), reversalReleased('r-1', 700n)))
  it('that waited for a decision is released when the payer bears it', () =>
    given(held('1000'), reversalHeld('r-1', 400n, 'OriginalHeld'), proposed('payer'), approved())
      .when({ ...carryOut(), terms: { ...terms, feeBasisPoints: 0 } })
      .then(decided('payer', '1000', { within: '1000' }), {
        type: 'ReversalReleased',
        data: { ...asked('r-1', 400n), bookingDate: '2026-11-25', account: 'acc-1', feeBack: '0', taxBack: '0' },
      }))
  it('with a held one nobody lets the operator pay for goods that may be back', () =>
    given(held('1000'), reversalHeld('r-1', 400n, 'OriginalHeld'))
      .when(propose('operator'))
      .then(refused('ReversalHeldFirst', { reversal: 'r-1' })))
  const why = 'typed wrong'
  const refusing = (operator = 'anna', proposal = 'p-7', reversal = 'r-1') =>
    ({ type: 'ProposeRefusal', payment: hash, proposal, reversal, operator, why }) as const
  const toRefuse = (operator = 'anna', proposal = 'p-7'): PaymentEvent => ({
    type: 'ReversalRefusalProposed',
    data: { payment: hash, proposal, reversal: 'r-1', operator, why },
  })
  const approveRefusal = (operator = 'ben', proposal = 'p-7') =>
    ({ type: 'ApproveRefusal', payment: hash, proposal, operator, bookingDate: '2026-11-25' }) as const
  const reversalRefused: PaymentEvent = {
    type: 'ReversalRefused',
    data: { ...asked('r-1', 1400n), bookingDate: '2026-11-25', operators: ['anna', 'ben'], proposal: 'p-7', why },
  }
  const tooMuch = [accepted('1000'), reversalHeld('r-1', 1400n, 'RefundExceedsOriginal')]
  it('held is refused by two people', () => {
    given(...tooMuch)
      .when(refusing())
      .then(toRefuse())
    given(...tooMuch, toRefuse())
      .when(approveRefusal())
      .then(reversalRefused)
    given(...tooMuch, toRefuse(), reversalRefused)
      .when(approveRefusal())
      .then()
  })
  it('not by one', () =>
    given(...tooMuch, toRefuse())
      .when(approveRefusal('anna'))
      .then(refused('SecondPersonRequired')))
  it('a decision is not approved as a refusal', () =>
    given(held('1000'), proposed('payer')).when(approveRefusal('ben', 'p-1')).then(refused('ProposalUnknown')))
  it('from a terminal out of our hands is let through by two people, and by nobody else', () => {
    const fromLost = [reversalHeld('r-1', 400n, 'TerminalLost')]
    const slip = { payment: hash, proposal: 'p-8', reversal: 'r-1', operator: 'anna', why: 'the shop has the slip' }
    const letThrough: PaymentEvent = { type: 'ReversalReleaseProposed', data: slip }
    const approveIt = { type: 'ApproveRelease', ...slip, operator: 'ben', bookingDate: '2026-11-25' } as const
    // Its original comes, and it stays held.
    given(...fromLost)
      .when(judge(1000n, { terms: { ...terms, feeBasisPoints: 0 } }))
      .then(accepted('1000'))
    given(accepted('1000'), ...fromLost)
      .when({ type: 'ProposeRelease', ...slip })
      .then(letThrough)
    given(accepted('1000'), ...fromLost, letThrough)
      .when(approveIt)
      .then({
        type: 'ReversalReleased',
        data: {
          ...asked('r-1', 400n),
          bookingDate: '2026-11-25',
          account: 'acc-1',
          feeBack: '0',
          taxBack: '0',
          operators: ['anna', 'ben'],
          proposal: 'p-8',
          why: slip.why,
        },
      })
    // Refunded elsewhere meanwhile: there is no room for it any more.
    given(accepted('1000'), ...fromLost, letThrough, reversed('r-2', 700n))
      .when(approveIt)
      .then(refused('ReversalObstructed', { obstacle: 'RefundExceedsOriginal' }))
  })
  it('refused with the whole payment, it is not refused again', () =>
    given(
      held('1000'),
      reversalHeld('r-1', 1400n, 'OriginalHeld'),
      toRefuse(),
      decided('merchant', '1000', {}),
      reversalRefused,
    )
      .when(approveRefusal('carl'))
      .then())
  it('released meanwhile, it is not refused after', () =>
    given(
      reversalHeld('r-1', 400n, 'RefundWithoutOriginal'),
      toRefuse(),
      accepted('1000'),
      reversalReleased('r-1', 400n),
    )
      .when(approveRefusal())
      .then(refused('ProposalNotOpen')))
  it('an accepted one is not refused after', () =>
    given(accepted('1000'), reversed('r-1', 400n)).when(refusing()).then(refused('ReversalNotHeld')))
})

describe('laws', () => {
  it('a payment cut into refunds of any sizes returns exactly its fee and tax', () =>
    fc.assert(
      fc.property(
        fc.bigInt(1n, 10n ** 9n),
        fc.integer({ min: 0, max: 10_000 }),
        fc.array(fc.bigInt(1n, 10n ** 8n), { maxLength: 12 }),
        (gross, feeBasisPoints, cuts) => {
          const first = given().when(judge(gross, { terms: { ...terms, feeBasisPoints } })).said as PaymentEvent[]
          const { fee, tax } = (first[0] as { data: Accepted }).data
          let state = first.reduce(payment.evolve, payment.initialState)
          let left = gross
          const back = { fee: 0n, tax: 0n }
          for (const [place, cut] of [...cuts, gross].entries()) {
            const r = cut < left ? cut : left
            left -= r
            const said = payment.decide(reverse(`r-${place}`, r), state)
            if (isRefusal(said)) throw new Error(said.message)
            for (const event of said) {
              state = payment.evolve(state, event)
              if (event.type !== 'ReversalAccepted') throw new Error(`${event.type} is not expected`)
              back.fee += BigInt(event.data.feeBack)
              back.tax += BigInt(event.data.taxBack)
            }
          }
          expect(left).toBe(0n)
          expect(back).toEqual({ fee: BigInt(fee), tax: BigInt(tax) })
        },
      ),
    ))

  it('refunds never exceed their original, whatever is told again and in whatever order it comes', () =>
    fc.assert(
      fc.property(
        fc.bigInt(1n, 5000n),
        fc.array(fc.bigInt(1n, 3000n), { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (gross, refunds, order) => {
          const commands: readonly PaymentCommand[] = [
            judge(gross),
            ...refunds.map((sum, place) => reverse(`r-${place}`, sum)),
          ]
          // Any order, with repeats; and then all of it once more, so that nothing is left out.
          const script = [
            ...order.map(at => commands[at % commands.length] as PaymentCommand),
            ...commands.toReversed(),
          ]
          let state = payment.initialState
          const back = new Map<string, bigint>()
          for (const command of [...script, ...script]) {
            const said = payment.decide(command, state)
            if (isRefusal(said)) throw new Error(said.message)
            for (const event of said) {
              state = payment.evolve(state, event)
              if (event.type !== 'ReversalAccepted' && event.type !== 'ReversalReleased') continue
              expect(back.has(event.data.reversal)).toBe(false)
              back.set(event.data.reversal, BigInt(event.data.amount))
            }
          }
          const total = [...back.values()].reduce((sum, each) => sum + each, 0n)
          expect(total <= gross).toBe(true)
          // Where there is room for all of them, all went back, whatever the order was.
          const wanted = refunds.reduce((sum, each) => sum + each, 0n)
          if (wanted <= gross) expect(total).toBe(wanted)
        },
      ),
    ))

  it('a fee that the terms do not return stays', () =>
    given(accepted('1000', { fee: '15', tax: '3', returnsFee: false }))
      .when(reverse('r-1', 1000n))
      .then(reversed('r-1', 1000n)))
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { failed, passed } from '#canonical/check'
import { isRefusal } from '#canonical/decider'
import { amount } from '#money'
import { type PaymentCommand, payment } from '#payment'
import { type DataOf, type PaymentEvent, paymentWords } from '#payment/events'
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
    rule: 1,
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
    rule: 1,
    ...other,
  },
})
const decide = (bears: 'payer' | 'merchant' | 'operator', operators: [string, string] = ['anna', 'ben']) =>
  ({
    type: 'DecideHeld',
    payment: hash,
    bears,
    operators,
    reason: 'the till was shown to be at fault',
    bookingDate: '2026-11-25',
    holdReleased: false,
    holdLeft: amount(20000n),
    available: 30000n,
    terms,
  }) as const
const decided = (bears: 'payer' | 'merchant' | 'operator', gross: string, shares: Partial<Accepted>): PaymentEvent => ({
  type: 'HeldPaymentDecided',
  data: {
    payment: hash,
    bears,
    operators: ['anna', 'ben'],
    reason: 'the till was shown to be at fault',
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
    ['LicenseDenied', 'DenyListedAtTap', 'operator'],
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

describe('a held payment is decided by two people', () => {
  it('the payer bears it: as accepted', () =>
    given(held('1250'))
      .when(decide('payer'))
      .then(decided('payer', '1250', { within: '1250', fee: '19', tax: '4' })))
  it('the merchant bears it: nobody is charged', () =>
    given(held('1250'))
      .when(decide('merchant'))
      .then(decided('merchant', '1250', {})))
  it('the operator bears it', () =>
    given(held('1250'))
      .when(decide('operator'))
      .then(decided('operator', '1250', {})))
  it('one person twice is one person', () =>
    given(held('1250'))
      .when(decide('payer', ['anna', 'anna']))
      .then(refused('SecondPersonRequired')))
  it('asked twice is decided once', () =>
    given(held('1250'), decided('merchant', '1250', {}))
      .when(decide('merchant'))
      .then())
  it('and not decided otherwise after', () =>
    given(held('1250'), decided('merchant', '1250', {}))
      .when(decide('payer'))
      .then(refused('PaymentDecidedOtherwise', { bears: 'merchant' })))
  it('an accepted one is not decided', () =>
    given(accepted('1250'))
      .when(decide('operator'))
      .then(refused('PaymentNotHeld', { standing: 'accepted' })))
  it('nor one that never came', () => given().when(decide('operator')).then(refused('PaymentNotHeld')))
  it('a payer whom nobody knows cannot bear it', () =>
    given(held('1250', { account: null, license: null, card: null }))
      .when(decide('payer'))
      .then(refused('PayerUnknown')))
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
    given(held('1000'), reversalHeld('r-1', 400n, 'OriginalHeld'))
      .when({ ...decide('payer'), terms: { ...terms, feeBasisPoints: 0 } })
      .then(decided('payer', '1000', { within: '1000' }), {
        type: 'ReversalReleased',
        data: { ...asked('r-1', 400n), bookingDate: '2026-11-25', account: 'acc-1', feeBack: '0', taxBack: '0' },
      }))
  it('held is refused by two people', () =>
    given(accepted('1000'), reversalHeld('r-1', 1400n, 'RefundExceedsOriginal'))
      .when({
        type: 'RefuseReversal',
        reversal: 'r-1',
        operators: ['anna', 'ben'],
        why: 'typed wrong',
        bookingDate: '2026-11-25',
      })
      .then({
        type: 'ReversalRefused',
        data: {
          ...asked('r-1', 1400n),
          bookingDate: '2026-11-25',
          operators: ['anna', 'ben'],
          why: 'typed wrong',
        },
      }))
  const refuse = { type: 'RefuseReversal', reversal: 'r-1', why: 'typed wrong', bookingDate: '2026-11-25' } as const
  it('not by one', () =>
    given(reversalHeld('r-1', 1400n, 'RefundExceedsOriginal'))
      .when({ ...refuse, operators: ['ben', 'ben'] })
      .then(refused('SecondPersonRequired')))
  it('an accepted one is not refused after', () =>
    given(accepted('1000'), reversed('r-1', 400n))
      .when({ ...refuse, operators: ['anna', 'ben'] })
      .then(refused('ReversalNotHeld')))
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

  it('a fee that the terms do not return stays', () =>
    given(accepted('1000', { fee: '15', tax: '3', returnsFee: false }))
      .when(reverse('r-1', 1000n))
      .then(reversed('r-1', 1000n)))
})

import { describe, it } from 'vitest'
import { account } from '#account'
import { type AccountEvent, accountWords } from '#account/events'
import { type Amount, amount } from '#money'
import { deciding, refused } from '../given.ts'

const given = deciding(account, accountWords)
const eur = (minor: bigint): { amount: Amount; currency: string } => ({ amount: amount(minor), currency: 'EUR' })

const opened: AccountEvent = {
  type: 'AccountOpened',
  data: { account: 'acc-1', currency: 'EUR', limit: '50000' },
}
const limitSet = (limit: string, currency = 'EUR'): AccountEvent => ({
  type: 'CreditLimitSet',
  data: { account: 'acc-1', currency, limit },
})
const figures = { owed: '0', inDispute: '0', drawn: '0', knownAt: 7 }
const granted = (license: string, minor: string, known = figures): AccountEvent => ({
  type: 'AllowanceGranted',
  data: { account: 'acc-1', license, amount: minor, currency: 'EUR', ...known },
})
const released = (license: string, minor: string): AccountEvent => ({
  type: 'AllowanceReleased',
  data: { account: 'acc-1', license, amount: minor, currency: 'EUR' },
})
const repaid = (repayment: string, minor: string): AccountEvent => ({
  type: 'RepaymentReceived',
  data: { account: 'acc-1', repayment, amount: minor, currency: 'EUR', source: 'bank' },
})

const open = { type: 'OpenAccount', account: 'acc-1', currency: 'EUR', limit: amount(50000n) } as const
const setLimit = (limit: bigint, currency = 'EUR') =>
  ({ type: 'SetCreditLimit', account: 'acc-1', currency, limit: amount(limit) }) as const
const grant = (license: string, minor: bigint, known: { owed?: bigint; inDispute?: bigint; drawn?: bigint } = {}) =>
  ({
    type: 'GrantAllowance',
    account: 'acc-1',
    license,
    ...eur(minor),
    charged: known.owed ?? 0n,
    inDispute: amount(known.inDispute ?? 0n),
    drawn: amount(known.drawn ?? 0n),
    knownAt: 7,
  }) as const
const release = (license: string, drawn: bigint) =>
  ({ type: 'ReleaseAllowance', account: 'acc-1', license, drawn: amount(drawn) }) as const
const repay = (repayment: string, minor: bigint, currency = 'EUR') =>
  ({
    type: 'ReceiveRepayment',
    account: 'acc-1',
    repayment,
    amount: amount(minor),
    currency,
    source: 'bank',
  }) as const

describe('an account is opened once', () => {
  it('with its first limit', () => given().when(open).then(opened))
  it('asked twice it stays one', () => given(opened).when(open).then())
  it('other terms are another account', () =>
    given(opened)
      .when({ ...open, limit: amount(1n) })
      .then(refused('AccountExists', { account: 'acc-1' })))
  it('nothing happens to one that was never opened', () =>
    given()
      .when(setLimit(1n))
      .then(refused('AccountUnknown', { account: 'acc-1' })))
})

describe('a limit', () => {
  it('is set anew', () => given(opened).when(setLimit(60000n)).then(limitSet('60000')))
  it('set to what it is, is no news', () => given(opened).when(setLimit(50000n)).then())
  it('exists per currency', () => given(opened).when(setLimit(900n, 'CHF')).then(limitSet('900', 'CHF')))
})

describe('an allowance is a hold on what is available', () => {
  it('all of the limit may be promised', () => given(opened).when(grant('l-1', 50000n)).then(granted('l-1', '50000')))
  it('and not one cent more', () =>
    given(opened)
      .when(grant('l-1', 50001n))
      .then(refused('AllowanceExceedsAvailable', { available: 50000n, asked: 50001n })))
  it('two phones cannot both take the last credit', () =>
    given(opened, granted('l-1', '30000'))
      .when(grant('l-2', 20001n))
      .then(refused('AllowanceExceedsAvailable', { available: 20000n, held: 30000n })))
  it('what is owed and in dispute is not promised again', () =>
    given(opened)
      .when(grant('l-1', 10001n, { owed: 35000n, inDispute: 5000n }))
      .then(refused('AllowanceExceedsAvailable', { available: 10000n, owed: 35000n, inDispute: 5000n, knownAt: 7 })))
  it('what a payment drew from a hold is owed, and is no longer held', () =>
    given(opened, granted('l-1', '30000'))
      .when(grant('l-2', 20000n, { owed: 12000n, drawn: 12000n }))
      .then(granted('l-2', '20000', { ...figures, owed: '12000', drawn: '12000' })))
  it('a credit balance is not more credit', () =>
    given(opened)
      .when(grant('l-1', 50001n, { owed: -700n }))
      .then(refused('AllowanceExceedsAvailable', { available: 50000n })))
  it('a limit lowered below what is out shows as less than nothing', () =>
    given(opened, granted('l-1', '30000'), limitSet('20000'))
      .when(grant('l-2', 1n))
      .then(refused('AllowanceExceedsAvailable', { available: -10000n })))
  it('the same license asked twice is granted once', () =>
    given(opened, granted('l-1', '30000')).when(grant('l-1', 30000n)).then())
  it('the same license with another amount is refused', () =>
    given(opened, granted('l-1', '30000'))
      .when(grant('l-1', 1n))
      .then(refused('LicenseAlreadyGranted', { granted: 30000n })))
  it('nothing is not an allowance', () => given(opened).when(grant('l-1', 0n)).then(refused('AllowanceEmpty')))
  it('in a currency without a limit is refused', () =>
    given(opened)
      .when({ ...grant('l-1', 1n), currency: 'CHF' })
      .then(refused('CurrencyMismatch', { currency: 'CHF' })))
})

describe('an account that says so in its terms', () => {
  const terms = (creditCounts: boolean, oversubscription: string): AccountEvent => ({
    type: 'AccountTermsSet',
    data: { account: 'acc-1', currency: 'EUR', creditCounts, oversubscription },
  })
  it('spends its credit balance', () =>
    given(opened, terms(true, '0'), repaid('r-1', '700'))
      .when(grant('l-1', 50700n))
      .then(granted('l-1', '50700', { ...figures, owed: '-700' })))
  it('and not more', () =>
    given(opened, terms(true, '0'), repaid('r-1', '700'))
      .when(grant('l-1', 50701n))
      .then(refused('AllowanceExceedsAvailable', { available: 50700n })))
  it('promises more than is available, and the event says by how much', () =>
    given(opened, terms(false, '10000'), granted('l-1', '45000'))
      .when(grant('l-2', 15000n))
      .then({
        type: 'AllowanceGranted',
        data: { ...granted('l-2', '15000').data, oversubscribed: '10000' } as never,
      }))
  it('up to what they say', () =>
    given(opened, terms(false, '10000'), granted('l-1', '45000'))
      .when(grant('l-2', 15001n))
      .then(refused('AllowanceExceedsAvailable', { available: 5000n })))
})

describe('what the account’s own events settled', () => {
  it('a repayment that the figures do not hold yet lowers what is owed', () =>
    given(opened, repaid('r-1', '4000'))
      .when(grant('l-1', 44000n, { owed: 10000n }))
      .then(granted('l-1', '44000', { ...figures, owed: '6000' })))
  it('and one that was taken back does not', () =>
    given(opened, repaid('r-1', '4000'), {
      type: 'RepaymentReturned',
      data: { account: 'acc-1', repayment: 'r-1', amount: '4000', currency: 'EUR', source: 'bank', why: 'no funds' },
    })
      .when(grant('l-1', 44000n, { owed: 10000n }))
      .then(refused('AllowanceExceedsAvailable', { available: 40000n })))
  it('two payouts at once take a credit balance once', () => {
    const payOut = (payout: string) =>
      ({
        type: 'ProposeAccountOrder',
        account: 'acc-1',
        proposal: payout,
        order: { kind: 'payout', amount: '4000', currency: 'EUR', source: 'bank' },
        operator: 'ada',
        why: 'asked for',
        figures: { currency: 'EUR', charged: 0n, inDispute: amount(0n), drawn: amount(0n), knownAt: 7 },
      }) as const
    given(opened, repaid('r-1', '4000'), {
      type: 'PayerPaidOut',
      data: { account: 'acc-1', payout: 'p-1', amount: '4000', currency: 'EUR', source: 'bank' },
    })
      .when(payOut('p-2'))
      .then(refused('PayoutExceedsCredit', { credit: 0n, asked: 4000n }))
  })
})

describe('a part of a hold that its phone gives back', () => {
  const free = (license: string, minor: bigint, drawn = 0n) =>
    ({
      type: 'FreeAllowance',
      account: 'acc-1',
      license,
      amount: amount(minor),
      drawn: amount(drawn),
      why: 'renewed',
    }) as const
  const freed = (minor: string): AccountEvent => ({
    type: 'AllowanceReleased',
    data: {
      account: 'acc-1',
      license: 'l-1',
      amount: minor,
      currency: 'EUR',
      keeps: true,
      why: 'renewed',
    },
  })
  it('is free, and the rest waits for its payments', () =>
    given(opened, granted('l-1', '30000')).when(free('l-1', 18000n)).then(freed('18000')))
  it('once', () => given(opened, granted('l-1', '30000'), freed('18000')).when(free('l-1', 18000n)).then())
  it('and is not freed again at the end', () =>
    given(opened, granted('l-1', '30000'), freed('18000')).when(release('l-1', 5000n)).then(released('l-1', '7000')))
  it('and is held again by as much as its phone had spent of it; then nothing is overdrawn at the end', () => {
    const covered: AccountEvent = {
      type: 'AllowanceReleased',
      data: { ...freed('0').data, overdrawn: '5000', why: 'set back' } as Extract<
        AccountEvent,
        { type: 'AllowanceReleased' }
      >['data'],
    }
    const cover = { type: 'CoverAllowance', account: 'acc-1', license: 'l-1', overdrawn: amount(5000n) } as const
    given(opened, granted('l-1', '30000'), freed('30000'))
      .when({ ...cover, why: 'set back' })
      .then(covered)
    given(opened, granted('l-1', '30000'))
      .when({ ...cover, overdrawn: amount(0n), why: 'set back' })
      .then()
    given(opened, granted('l-1', '30000'), freed('30000'), covered).when(release('l-1', 0n)).then(released('l-1', '0'))
  })
  it('a phone that spent it all the same leaves nothing, and no less', () =>
    given(opened, granted('l-1', '30000'), freed('18000'))
      .when(release('l-1', 30000n))
      .then({
        type: 'AllowanceReleased',
        data: { account: 'acc-1', license: 'l-1', amount: '0', overdrawn: '18000', currency: 'EUR' },
      }))
  it('is not what payments have drawn: a phone that was set back frees no credit twice', () =>
    given(opened, granted('l-1', '30000'))
      .when(free('l-1', 1n, 30000n))
      .then(refused('AllowanceNotLeft', { granted: 30000n, drawn: 30000n, asked: 1n })))
  it('more than was granted is no part of it', () =>
    given(opened, granted('l-1', '30000')).when(free('l-1', 30001n)).then(refused('AllowanceNotLeft')))
})

describe('the end of a hold', () => {
  it('frees what was not drawn', () =>
    given(opened, granted('l-1', '30000')).when(release('l-1', 12000n)).then(released('l-1', '18000')))
  it('once', () => given(opened, granted('l-1', '30000'), released('l-1', '18000')).when(release('l-1', 12000n)).then())
  it('leaves what was drawn as debt and no more', () =>
    given(opened, granted('l-1', '30000'), released('l-1', '18000'))
      .when(grant('l-2', 38000n, { owed: 12000n, drawn: 12000n }))
      .then(granted('l-2', '38000', { ...figures, owed: '12000', drawn: '12000' })))
  it('of a license it never granted is refused', () =>
    given(opened)
      .when(release('l-9', 0n))
      .then(refused('AllowanceUnknown', { license: 'l-9' })))
})

describe('a repayment', () => {
  it('is received', () => given(opened).when(repay('r-1', 4000n)).then(repaid('r-1', '4000')))
  it('told twice is one', () => given(opened, repaid('r-1', '4000')).when(repay('r-1', 4000n)).then())
  it('with the id of another is refused', () =>
    given(opened, repaid('r-1', '4000'))
      .when(repay('r-1', 4001n))
      .then(refused('RepaymentDiffers', { held: 4000n })))
  it('of nothing is refused', () => given(opened).when(repay('r-1', 0n)).then(refused('RepaymentEmpty')))
  it('in another currency is refused', () =>
    given(opened)
      .when(repay('r-1', 1n, 'USD'))
      .then(refused('CurrencyMismatch')))
})

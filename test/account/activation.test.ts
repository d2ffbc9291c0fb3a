import { describe, it } from 'vitest'
import { type ActivationEvent, activation, activationWords } from '#account/activation'
import { amount } from '#money'
import { deciding, refused } from '../given.ts'

const given = deciding(activation, activationWords)

const code = 'c0'.repeat(32)
const terms = { activation: code, account: 'anna', currency: 'EUR', expires: '2026-11-24T10:00:00.000Z' }
const invite = { type: 'InvitePhone', ...terms, allowance: amount(20000n) } as const
const invited: ActivationEvent = { type: 'PhoneInvited', data: { ...terms, allowance: '20000' } }
const activate = {
  type: 'ActivatePhone',
  activation: code,
  license: 'l-1',
  publicKey: 'BGsX',
  at: '2026-11-23T10:00:00.000Z',
} as const
const activated: ActivationEvent = {
  type: 'PhoneActivated',
  data: { activation: code, account: 'anna', license: 'l-1', publicKey: 'BGsX' },
}
const other = { ...activate, license: 'l-2', publicKey: 'BGsY' }
const late = { at: terms.expires }

describe('an activation code', () => {
  it('is given for an account', () => given().when(invite).then(invited))
  it('given twice is the same code', () => given(invited).when(invite).then())
  it('is not given for nothing', () =>
    given()
      .when({ ...invite, allowance: amount(0n) })
      .then(refused('AllowanceEmpty')))
  it('is the first phone’s that says it', () => given(invited).when(activate).then(activated))
  it('is nobody’s if it was never given', () => given().when(activate).then(refused('ActivationUnknown')))
  it('is good to its last millisecond', () =>
    given(invited)
      .when({ ...activate, at: '2026-11-24T09:59:59.999Z' })
      .then(activated))
  it('and not at the end of its day', () =>
    given(invited)
      .when({ ...activate, ...late })
      .then(refused('ActivationExpired', { expires: terms.expires })))
  it('said again by the same phone is an answer that was lost', () => given(invited, activated).when(activate).then())
  it('however late that is', () =>
    given(invited, activated)
      .when({ ...activate, ...late })
      .then())
  it('is used once', () => given(invited, activated).when(other).then(refused('ActivationUsed')))
  it('says that it was used before it says that it is late', () =>
    given(invited, activated)
      .when({ ...other, ...late })
      .then(refused('ActivationUsed')))
  it('stays as it was given, whatever is asked again', () =>
    given(invited, activated)
      .when({ ...invite, allowance: amount(1n) })
      .then())
})

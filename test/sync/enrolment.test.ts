import { describe, expect, it } from 'vitest'
import { enrolment, standingOf } from '#sync/enrolment'
import { type EnrolmentEvent, enrolmentWords } from '#sync/events'
import { deciding, refused } from '../given.ts'

const given = deciding(enrolment, enrolmentWords)

const code = 'a'.repeat(64)
const place = { terminal: 'T-1', shop: 's-1', merchant: 'm-1', mode: 'test' as const }
const invitation = { ...place, codeHash: code, expires: '2026-11-24T12:00:00.000Z' }
const invite = { type: 'Invite', ...invitation } as const
const invited: EnrolmentEvent = { type: 'TerminalInvited', data: invitation }
const keys = { p256: 'BGsX', ed25519: '1Zga' }
const enrol = {
  type: 'Enrol',
  terminal: 'T-1',
  codeHash: code,
  certificate: 'hEOh',
  keys,
  at: '2026-11-23T12:00:00.000Z',
} as const
const enrolled: EnrolmentEvent = { type: 'TerminalEnrolled', data: { ...place, certificate: 'hEOh', keys } }

describe('a terminal enrols', () => {
  it('is invited', () => given().when(invite).then(invited))
  it('the same invitation again is no other', () => given(invited).when(invite).then())
  it('a new code may be made while nobody came', () =>
    given(invited)
      .when({ ...invite, codeHash: 'b'.repeat(64) })
      .then({ type: 'TerminalInvited', data: { ...invitation, codeHash: 'b'.repeat(64) } }))
  it('comes with the code', () => given(invited).when(enrol).then(enrolled))
  it('until the code runs out', () =>
    given(invited)
      .when({ ...enrol, at: invitation.expires })
      .then(refused('InvitationExpired', { expires: invitation.expires })))
  it('not without an invitation', () => given().when(enrol).then(refused('InvitationUnknown')))
  it('not with another code', () =>
    given(invited)
      .when({ ...enrol, codeHash: 'c'.repeat(64) })
      .then(refused('InvitationUnknown', { terminal: 'T-1' })))
  it('not with a code that a newer one replaced', () =>
    given(invited, { type: 'TerminalInvited', data: { ...invitation, codeHash: 'b'.repeat(64) } })
      .when(enrol)
      .then(refused('InvitationUnknown')))
  it('once: other keys with the same code are refused', () =>
    given(invited, enrolled)
      .when({ ...enrol, keys: { ...keys, p256: 'BGsY' } })
      .then(refused('InvitationUsed')))
  it('the same keys again get the same answer, after the code ran out too', () =>
    given(invited, enrolled)
      .when({ ...enrol, at: '2026-12-24T12:00:00.000Z' })
      .then())
  it('who is enrolled is not invited again', () =>
    given(invited, enrolled)
      .when({ ...invite, codeHash: 'd'.repeat(64) })
      .then(refused('TerminalEnrolledAlready')))
})

const why = 'the screen is broken'
const on = <Type extends string, More extends object>(type: Type, more: More) => ({ type, terminal: 'T-1', ...more })
const about = (type: EnrolmentEvent['type'], more: object) =>
  ({ type, data: { terminal: 'T-1', ...more } }) as unknown as EnrolmentEvent

const cancelled = about('InvitationCancelled', { reason: why })
const renamed = about('TerminalRenamed', { label: 'Left till' })
const moved = about('TerminalMoved', { from: 's-1', shop: 's-2', reason: why })
const suspended = about('TerminalSuspended', { reason: why })
const reinstated = about('TerminalReinstated', { reason: why })
const replaced = about('TerminalReplaced', { by: 'T-9', reason: why })
const lost = about('TerminalLost', { reason: why })
const retired = about('TerminalRetired', { reason: why })
const renewed = about('CertificateRenewed', { shop: 's-1', certificate: 'hEOi' })

const orders = {
  rename: on('Rename', { label: 'Left till' }),
  move: on('Move', { shop: 's-2', merchant: 'm-1', reason: why }),
  suspend: on('Suspend', { reason: why }),
  replace: on('Replace', { by: 'T-9', reason: why }),
  retire: on('Retire', { reason: why }),
  renew: on('RenewCertificate', { before: 'hEOh', certificate: 'hEOi', shop: 's-1' }),
} as const

describe('a terminal in service', () => {
  it('takes the place of another, and says so', () =>
    given()
      .when({ ...invite, replaces: 'T-0' })
      .then({ type: 'TerminalInvited', data: { ...invitation, replaces: 'T-0' } }))
  it('may be invited again after its invitation was cancelled, and the old code is worth nothing', () => {
    given(invited, cancelled).when(invite).then(invited)
    given(invited, cancelled).when(enrol).then(refused('InvitationUnknown'))
  })
  it('has one name at a time', () => given(invited, enrolled, renamed).when(orders.rename).then())
  it('is moved within its merchant', () => given(invited, enrolled).when(orders.move).then(moved))
  it('and back', () =>
    given(invited, enrolled, moved)
      .when({ ...orders.move, shop: 's-1' })
      .then(about('TerminalMoved', { from: 's-2', shop: 's-1', reason: why })))
  it('is where it was moved to already', () => given(invited, enrolled, moved).when(orders.move).then())
  it('not to another merchant', () =>
    given(invited, enrolled)
      .when({ ...orders.move, merchant: 'm-2' })
      .then(refused('MerchantDiffers', { merchant: 'm-1', asked: 'm-2' })))
  it('is suspended anew after it was reinstated', () =>
    given(invited, enrolled, suspended, reinstated).when(orders.suspend).then(suspended))
  it('is replaced by one other', () =>
    given(invited, enrolled, replaced)
      .when({ ...orders.replace, by: 'T-8' })
      .then(refused('TerminalReplaced', { by: 'T-9' })))
  it('is not retired while it has something to send', () =>
    given(invited, enrolled)
      .when({ ...orders.retire, waiting: '2 payments, 3.00 EUR' })
      .then(refused('TerminalHasWaiting', { waiting: '2 payments, 3.00 EUR' })))
  it('is, where its retirer says even so', () =>
    given(invited, enrolled)
      .when({ ...orders.retire, waiting: '2 payments, 3.00 EUR', evenSo: true })
      .then(retired))
  it('gets one new certificate of two that were made at once', () =>
    given(invited, enrolled, renewed).when(orders.renew).then())
  it('gets none for the shop that it was moved from', () => given(invited, enrolled, moved).when(orders.renew).then())
  it('the gravest word on it stands', () => {
    const standing = (...past: readonly EnrolmentEvent[]) =>
      standingOf(past.reduce((state, event) => enrolment.evolve(state, event), enrolment.initialState))?.standing
    expect(standing(invited)).toBeUndefined()
    expect(standing(invited, enrolled)).toBe('enrolled')
    expect(standing(invited, enrolled, suspended)).toBe('suspended')
    expect(standing(invited, enrolled, suspended, reinstated)).toBe('enrolled')
    expect(standing(invited, enrolled, suspended, replaced)).toBe('replaced')
    expect(standing(invited, enrolled, replaced, lost)).toBe('lost')
    expect(standing(invited, enrolled, lost, retired)).toBe('retired')
  })
})

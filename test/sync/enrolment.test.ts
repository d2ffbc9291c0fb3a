import { describe, it } from 'vitest'
import { enrolment } from '#sync/enrolment'
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

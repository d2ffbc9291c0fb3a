import { enrolment } from '#sync/enrolment'
import { enrolmentWords } from '#sync/events'
import { matrix } from '../matrix.ts'

const place = { terminal: 'T-1', shop: 's-1', merchant: 'm-1', mode: 'test' as const }
const expires = '2026-11-24T12:00:00.000Z'
const invite = { type: 'Invite', ...place, codeHash: 'a'.repeat(64), expires } as const
const anew = { ...invite, codeHash: 'b'.repeat(64) }
const enrol = {
  type: 'Enrol',
  terminal: 'T-1',
  codeHash: 'a'.repeat(64),
  certificate: 'hEOh',
  keys: { p256: 'BGsX', ed25519: '1Zga' },
  at: '2026-11-23T12:00:00.000Z',
} as const

matrix('an enrolment', enrolment, enrolmentWords, {
  states: { nothing: [], invited: [invite], 'invited anew': [invite, anew], enrolled: [invite, enrol] },
  commands: {
    Invite: { invite, 'invite anew': anew },
    Enrol: {
      enrol,
      'enrol when the code ran out': { ...enrol, at: expires },
      'enrol other keys': { ...enrol, keys: { ...enrol.keys, p256: 'BGsY' } },
    },
  },
  refusals: { InvitationUnknown: true, InvitationExpired: true, InvitationUsed: true, TerminalEnrolledAlready: true },
  rows: `
    nothing      | invite                      | TerminalInvited
                 | enrol                       | refused InvitationUnknown
    invited      | invite                      | already so
                 | invite anew                 | TerminalInvited
                 | enrol                       | TerminalEnrolled
                 | enrol when the code ran out | refused InvitationExpired
    invited anew | invite                      | TerminalInvited
                 | enrol                       | refused InvitationUnknown
    enrolled     | invite anew                 | refused TerminalEnrolledAlready
                 | enrol                       | already so
                 | enrol when the code ran out | already so
                 | enrol other keys            | refused InvitationUsed
  `,
})

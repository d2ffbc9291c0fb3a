import { enrolment } from '#sync/enrolment'
import { enrolmentWords } from '#sync/events'
import { matrix } from '../matrix.ts'

const terminal = 'T-1'
const reason = 'the screen is broken'
const place = { terminal, shop: 's-1', merchant: 'm-1', mode: 'test' as const }
const expires = '2026-11-24T12:00:00.000Z'
const invite = { type: 'Invite', ...place, codeHash: 'a'.repeat(64), expires } as const
const anew = { ...invite, codeHash: 'b'.repeat(64) }
const cancel = { type: 'CancelInvitation', terminal, reason } as const
const enrol = {
  type: 'Enrol',
  terminal,
  codeHash: 'a'.repeat(64),
  certificate: 'hEOh',
  keys: { p256: 'BGsX', ed25519: '1Zga' },
  at: '2026-11-23T12:00:00.000Z',
} as const
const rename = { type: 'Rename', terminal, label: 'Left till' } as const
const move = { type: 'Move', terminal, shop: 's-2', merchant: 'm-1', reason } as const
const suspend = { type: 'Suspend', terminal, reason } as const
const reinstate = { type: 'Reinstate', terminal, reason } as const
const replace = { type: 'Replace', terminal, by: 'T-9', reason } as const
const lose = { type: 'DeclareLost', terminal, reason } as const
const retire = { type: 'Retire', terminal, reason } as const
const renew = { type: 'RenewCertificate', terminal, before: 'hEOh', certificate: 'hEOi', shop: 's-1' } as const
const inService = [invite, enrol] as const

matrix('an enrolment', enrolment, enrolmentWords, {
  states: {
    nothing: [],
    invited: [invite],
    'invited anew': [invite, anew],
    cancelled: [invite, cancel],
    enrolled: inService,
    'named and moved': [...inService, rename, move],
    renewed: [...inService, renew],
    suspended: [...inService, suspend],
    replaced: [...inService, replace],
    lost: [...inService, lose],
    retired: [...inService, retire],
  },
  commands: {
    Invite: { invite, 'invite anew': anew },
    CancelInvitation: { cancel },
    Enrol: {
      enrol,
      'enrol when the code ran out': { ...enrol, at: expires },
      'enrol other keys': { ...enrol, keys: { ...enrol.keys, p256: 'BGsY' } },
    },
    Rename: { rename },
    Move: { move, 'move to another merchant': { ...move, merchant: 'm-2' } },
    Suspend: { suspend },
    Reinstate: { reinstate },
    Replace: { replace, 'replace by another': { ...replace, by: 'T-8' } },
    DeclareLost: { 'declare it lost': lose },
    Retire: {
      retire,
      'retire with sales waiting': { ...retire, waiting: '2 payments, 3.00 EUR,' },
      'retire even so': { ...retire, waiting: '2 payments, 3.00 EUR,', evenSo: true },
    },
    RenewCertificate: { 'renew the certificate': renew },
  },
  refusals: {
    InvitationUnknown: true,
    InvitationExpired: true,
    InvitationUsed: true,
    MerchantDiffers: true,
    TerminalEnrolledAlready: true,
    TerminalHasWaiting: true,
    TerminalLost: true,
    TerminalNotEnrolled: true,
    TerminalReplaced: true,
    TerminalRetired: true,
    TerminalSuspended: true,
    TerminalUnknown: true,
  },
  rows: `
    nothing         | invite anew                 | TerminalInvited
                    | cancel                      | refused TerminalUnknown
                    | enrol                       | refused InvitationUnknown
                    | rename                      | refused TerminalUnknown
                    | move                        | refused TerminalUnknown
                    | suspend                     | refused TerminalUnknown
                    | reinstate                   | refused TerminalUnknown
                    | replace                     | refused TerminalUnknown
                    | declare it lost             | refused TerminalUnknown
                    | retire                      | refused TerminalUnknown
                    | renew the certificate       | refused TerminalUnknown
    invited         | invite anew                 | TerminalInvited
                    | cancel                      | InvitationCancelled
                    | enrol                       | TerminalEnrolled
                    | rename                      | TerminalRenamed
                    | move                        | refused TerminalNotEnrolled
                    | suspend                     | refused TerminalNotEnrolled
                    | reinstate                   | refused TerminalNotEnrolled
                    | replace                     | refused TerminalNotEnrolled
                    | declare it lost             | refused TerminalNotEnrolled
                    | retire                      | refused TerminalNotEnrolled
                    | renew the certificate       | refused TerminalNotEnrolled
                    | invite                      | already so
                    | enrol when the code ran out | refused InvitationExpired
    invited anew    | invite                      | TerminalInvited
                    | enrol                       | refused InvitationUnknown
    cancelled       | invite anew                 | TerminalInvited
                    | cancel                      | already so
                    | enrol                       | refused InvitationUnknown
                    | rename                      | TerminalRenamed
                    | move                        | refused TerminalUnknown
                    | suspend                     | refused TerminalUnknown
                    | reinstate                   | refused TerminalUnknown
                    | replace                     | refused TerminalUnknown
                    | declare it lost             | refused TerminalUnknown
                    | retire                      | refused TerminalUnknown
                    | renew the certificate       | refused TerminalUnknown
    enrolled        | invite anew                 | refused TerminalEnrolledAlready
                    | cancel                      | refused InvitationUsed
                    | enrol                       | already so
                    | rename                      | TerminalRenamed
                    | move                        | TerminalMoved
                    | suspend                     | TerminalSuspended
                    | reinstate                   | already so
                    | replace                     | TerminalReplaced
                    | declare it lost             | TerminalLost
                    | retire                      | TerminalRetired
                    | renew the certificate       | CertificateRenewed
                    | enrol when the code ran out | already so
                    | enrol other keys            | refused InvitationUsed
                    | move to another merchant    | refused MerchantDiffers
                    | retire with sales waiting   | refused TerminalHasWaiting
                    | retire even so              | TerminalRetired
    named and moved | rename                      | already so
                    | move                        | already so
                    | renew the certificate       | already so
    renewed         | renew the certificate       | already so
    suspended       | invite anew                 | refused TerminalEnrolledAlready
                    | cancel                      | refused InvitationUsed
                    | enrol                       | already so
                    | rename                      | TerminalRenamed
                    | move                        | TerminalMoved
                    | suspend                     | already so
                    | reinstate                   | TerminalReinstated
                    | replace                     | TerminalReplaced
                    | declare it lost             | TerminalLost
                    | retire                      | TerminalRetired
                    | renew the certificate       | refused TerminalSuspended
    replaced        | invite anew                 | refused TerminalEnrolledAlready
                    | cancel                      | refused InvitationUsed
                    | enrol                       | already so
                    | rename                      | TerminalRenamed
                    | move                        | refused TerminalReplaced
                    | suspend                     | refused TerminalReplaced
                    | reinstate                   | refused TerminalReplaced
                    | replace                     | already so
                    | declare it lost             | TerminalLost
                    | retire                      | TerminalRetired
                    | renew the certificate       | refused TerminalReplaced
                    | replace by another          | refused TerminalReplaced
    lost            | invite anew                 | refused TerminalEnrolledAlready
                    | cancel                      | refused InvitationUsed
                    | enrol                       | already so
                    | rename                      | TerminalRenamed
                    | move                        | refused TerminalLost
                    | suspend                     | refused TerminalLost
                    | reinstate                   | refused TerminalLost
                    | replace                     | TerminalReplaced
                    | declare it lost             | already so
                    | retire                      | TerminalRetired
                    | renew the certificate       | refused TerminalLost
    retired         | invite anew                 | refused TerminalEnrolledAlready
                    | cancel                      | refused InvitationUsed
                    | enrol                       | already so
                    | rename                      | TerminalRenamed
                    | move                        | refused TerminalRetired
                    | suspend                     | refused TerminalRetired
                    | reinstate                   | refused TerminalRetired
                    | replace                     | refused TerminalRetired
                    | declare it lost             | TerminalLost
                    | retire                      | already so
                    | renew the certificate       | refused TerminalRetired
  `,
})

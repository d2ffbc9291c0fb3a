import type { Decider, Refusal } from '#canonical/decider'
import type { EnrolmentEvent } from './events.ts'

/** A terminal is invited with a one-time code, and enrols once with keys that it made itself. */

/* ------------------------------------------------------------------ words */

type Keys = { readonly p256: string; readonly ed25519: string }

export type EnrolmentCommand =
  | {
      readonly type: 'Invite'
      readonly terminal: string
      readonly shop: string
      readonly merchant: string
      readonly mode: 'test' | 'live'
      readonly codeHash: string
      readonly expires: string
    }
  | {
      readonly type: 'Enrol'
      readonly terminal: string
      /** SHA-256 of the code that the terminal sent. */
      readonly codeHash: string
      readonly certificate: string
      readonly keys: Keys
      readonly at: string
    }

export type EnrolmentRefusal = Refusal & {
  readonly reason: 'InvitationUnknown' | 'InvitationExpired' | 'InvitationUsed' | 'TerminalEnrolledAlready'
}

/* ------------------------------------------------------------------ state */

type Invitation = Extract<EnrolmentEvent, { type: 'TerminalInvited' }>['data']

export type Enrolment = {
  readonly invitation: Invitation | undefined
  readonly enrolled: { readonly certificate: string; readonly keys: Keys } | undefined
}

/* ----------------------------------------------------------------- decide */

const decide = (command: EnrolmentCommand, state: Enrolment): readonly EnrolmentEvent[] | EnrolmentRefusal => {
  const { terminal } = command
  switch (command.type) {
    case 'Invite': {
      const { shop, merchant, mode, codeHash, expires } = command
      if (state.enrolled)
        return {
          reason: 'TerminalEnrolledAlready',
          message: `Terminal ${terminal} is enrolled: a replacement is another terminal, with an id of its own.`,
          terminal,
        }
      if (state.invitation?.codeHash === codeHash) return []
      return [{ type: 'TerminalInvited', data: { terminal, shop, merchant, mode, codeHash, expires } }]
    }

    case 'Enrol': {
      const { invitation, enrolled } = state
      // A wrong code and an unknown terminal get one answer: nobody learns which terminals are awaited.
      if (invitation?.codeHash !== command.codeHash)
        return {
          reason: 'InvitationUnknown',
          message: `No invitation of terminal ${terminal} has this code: look at both, or ask the back office for a new code.`,
          terminal,
        }
      if (enrolled) {
        // The answer to the first asking was lost on the way: the same keys get the same certificate.
        if (enrolled.keys.p256 === command.keys.p256 && enrolled.keys.ed25519 === command.keys.ed25519) return []
        return {
          reason: 'InvitationUsed',
          message: `The code of terminal ${terminal} was used, by a device with other keys. If that was not yours, suspend the terminal and invite another.`,
          terminal,
        }
      }
      if (command.at >= invitation.expires)
        return {
          reason: 'InvitationExpired',
          message: `The code of terminal ${terminal} ran out at ${invitation.expires}: ask the back office for a new one.`,
          terminal,
          expires: invitation.expires,
        }
      const { shop, merchant, mode } = invitation
      const { certificate, keys } = command
      return [{ type: 'TerminalEnrolled', data: { terminal, shop, merchant, mode, certificate, keys: { ...keys } } }]
    }
  }
}

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Enrolment, event: EnrolmentEvent): Enrolment => {
  switch (event.type) {
    case 'TerminalInvited':
      return { ...state, invitation: event.data }
    case 'TerminalEnrolled': {
      const { certificate, keys } = event.data
      return { ...state, enrolled: { certificate, keys } }
    }
  }
}

export const enrolment: Decider<Enrolment, EnrolmentCommand, EnrolmentEvent, EnrolmentRefusal> = {
  initialState: { invitation: undefined, enrolled: undefined },
  decide,
  evolve,
}

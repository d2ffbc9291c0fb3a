import type { Decider, Refusal } from '#canonical/decider'
import type { EnrolmentEvent } from './events.ts'

/**
 * A terminal's life at the centre: invited with a one-time code, enrolled once with keys that it made itself, and from
 * then on named, moved, suspended, reinstated; until it is replaced, lost or retired.
 *
 * What it recorded stays a fact through all of that: only a retired terminal's log is taken no further.
 */

/* ------------------------------------------------------------------ words */

type Keys = { readonly p256: string; readonly ed25519: string }

export type EnrolmentCommand = { readonly terminal: string } & (
  | {
      readonly type: 'Invite'
      readonly shop: string
      readonly merchant: string
      readonly mode: 'test' | 'live'
      readonly codeHash: string
      readonly expires: string
      /** The terminal whose place this one takes. */
      readonly replaces?: string
    }
  | { readonly type: 'CancelInvitation'; readonly reason: string }
  | {
      readonly type: 'Enrol'
      /** SHA-256 of the code that the terminal sent. */
      readonly codeHash: string
      readonly certificate: string
      readonly keys: Keys
      readonly at: string
    }
  | { readonly type: 'Rename'; readonly label: string }
  | { readonly type: 'Move'; readonly shop: string; readonly merchant: string; readonly reason: string }
  | { readonly type: 'Suspend'; readonly reason: string }
  | { readonly type: 'Reinstate'; readonly reason: string }
  | { readonly type: 'Replace'; readonly by: string; readonly reason: string }
  | { readonly type: 'DeclareLost'; readonly reason: string }
  | {
      readonly type: 'Retire'
      readonly reason: string
      /** What it said last that it still had, in words; undefined where it said nothing, or that nothing waits. */
      readonly waiting?: string
      /** Whoever retires it knows that what waits there does not come this way any more. */
      readonly evenSo?: boolean
    }
  | {
      readonly type: 'RenewCertificate'
      /** The certificate that it stands in for: of two renewals at once, one is made. */
      readonly before: string
      readonly certificate: string
      readonly shop: string
    }
)

export type EnrolmentRefusal = Refusal & {
  readonly reason:
    | 'InvitationUnknown'
    | 'InvitationExpired'
    | 'InvitationUsed'
    | 'MerchantDiffers'
    | 'TerminalEnrolledAlready'
    | 'TerminalHasWaiting'
    | 'TerminalLost'
    | 'TerminalNotEnrolled'
    | 'TerminalReplaced'
    | 'TerminalRetired'
    | 'TerminalSuspended'
    | 'TerminalUnknown'
}

/* ------------------------------------------------------------------ state */

export type Standing = 'enrolled' | 'suspended' | 'replaced' | 'lost' | 'retired'

export type Enrolment = {
  /** The one that may be used, or was. */
  readonly invitation: Extract<EnrolmentEvent, { type: 'TerminalInvited' }>['data'] | undefined
  readonly cancelled: boolean
  /** The certificate is the newest; the first one's hash begins the terminal's stream. */
  readonly enrolled: { readonly certificate: string; readonly keys: Keys } | undefined
  /** Where it is to stand; it stands there from its next day on. */
  readonly shop: string | undefined
  readonly label: string | undefined
  /** Each with its reason. */
  readonly suspended: string | undefined
  readonly replaced: { readonly by: string; readonly reason: string } | undefined
  readonly lost: string | undefined
  readonly retired: string | undefined
}

/** The gravest word on it, and why; undefined before it is enrolled. */
export const standingOf = (
  state: Enrolment,
): { readonly standing: Standing; readonly reason?: string | undefined } | undefined => {
  if (!state.enrolled) return undefined
  const { retired, lost, replaced, suspended } = state
  if (retired !== undefined) return { standing: 'retired', reason: retired }
  if (lost !== undefined) return { standing: 'lost', reason: lost }
  if (replaced) return { standing: 'replaced', reason: replaced.reason }
  if (suspended !== undefined) return { standing: 'suspended', reason: suspended }
  return { standing: 'enrolled' }
}

/* ----------------------------------------------------------------- decide */

const decide = (command: EnrolmentCommand, state: Enrolment): readonly EnrolmentEvent[] | EnrolmentRefusal => {
  const { terminal } = command
  switch (command.type) {
    case 'Invite': {
      const { shop, merchant, mode, codeHash, expires, replaces } = command
      if (state.enrolled)
        return {
          reason: 'TerminalEnrolledAlready',
          message: `Terminal ${terminal} is enrolled: a replacement is another terminal, with an id of its own.`,
          terminal,
        }
      if (state.invitation?.codeHash === codeHash) return []
      const place = { terminal, shop, merchant, mode, codeHash, expires }
      return [{ type: 'TerminalInvited', data: { ...place, ...(replaces === undefined ? {} : { replaces }) } }]
    }

    case 'CancelInvitation': {
      if (state.cancelled) return []
      if (state.enrolled)
        return {
          reason: 'InvitationUsed',
          message: `Terminal ${terminal} has come with its code: suspend or retire it instead.`,
          terminal,
        }
      if (!state.invitation) return unknown(terminal)
      return [{ type: 'InvitationCancelled', data: { terminal, reason: command.reason } }]
    }

    case 'Enrol':
      return enrol(command, state)

    case 'Rename': {
      const { label } = command
      if (!state.invitation && !state.cancelled) return unknown(terminal)
      return state.label === label ? [] : [{ type: 'TerminalRenamed', data: { terminal, label } }]
    }

    case 'Move': {
      const { shop, merchant, reason } = command
      const refused = ended(terminal, state)
      if (refused) return refused
      const from = state.shop as string
      if (state.invitation?.merchant !== merchant)
        return {
          reason: 'MerchantDiffers',
          message: `Terminal ${terminal} is of merchant ${state.invitation?.merchant} and shop ${shop} of ${merchant}: its log and its receipts belong to one merchant. Retire it, and invite it there under another id.`,
          terminal,
          merchant: state.invitation?.merchant,
          asked: merchant,
        }
      return from === shop ? [] : [{ type: 'TerminalMoved', data: { terminal, from, shop, reason } }]
    }

    case 'Suspend': {
      const refused = ended(terminal, state)
      if (refused) return refused
      if (state.suspended !== undefined) return []
      return [{ type: 'TerminalSuspended', data: { terminal, reason: command.reason } }]
    }

    case 'Reinstate': {
      // A device that was out of its holder's hands may have lent its keys: it does not come back, its successor does.
      const refused = ended(terminal, state)
      if (refused) return refused
      if (state.suspended === undefined) return []
      return [{ type: 'TerminalReinstated', data: { terminal, reason: command.reason } }]
    }

    case 'Replace': {
      const { by, reason } = command
      if (!state.enrolled) return notEnrolled(terminal, state)
      if (state.retired !== undefined) return retired(terminal, state.retired)
      if (state.replaced?.by === by) return []
      if (state.replaced) return replaced(terminal, state.replaced)
      return [{ type: 'TerminalReplaced', data: { terminal, by, reason } }]
    }

    case 'DeclareLost':
      // A retired one, too: what phones paid there and it never sent is theirs to testify.
      if (!state.enrolled) return notEnrolled(terminal, state)
      if (state.lost !== undefined) return []
      return [{ type: 'TerminalLost', data: { terminal, reason: command.reason } }]

    case 'Retire': {
      const { reason, waiting, evenSo } = command
      if (!state.enrolled) return notEnrolled(terminal, state)
      if (state.retired !== undefined) return []
      if (waiting !== undefined && !evenSo)
        return {
          reason: 'TerminalHasWaiting',
          message: `Terminal ${terminal} said last that it still has ${waiting} to send: let it reach the centre first. Retired even so, it sends nothing any more.`,
          terminal,
          waiting,
        }
      return [{ type: 'TerminalRetired', data: { terminal, reason } }]
    }

    case 'RenewCertificate': {
      const { before, certificate, shop } = command
      const refused = ended(terminal, state) ?? (state.suspended === undefined ? undefined : suspended(terminal, state))
      if (refused) return refused
      // Another asking was first, or the terminal was moved in between: the answer is read anew.
      if (state.enrolled?.certificate !== before || state.shop !== shop) return []
      return [{ type: 'CertificateRenewed', data: { terminal, shop, certificate } }]
    }
  }
}

const enrol = (
  command: Extract<EnrolmentCommand, { type: 'Enrol' }>,
  { invitation, enrolled }: Enrolment,
): readonly EnrolmentEvent[] | EnrolmentRefusal => {
  const { terminal, codeHash, certificate, keys, at } = command
  // A wrong code and an unknown terminal get one answer: nobody learns which terminals are awaited.
  if (invitation?.codeHash !== codeHash)
    return {
      reason: 'InvitationUnknown',
      message: `No invitation of terminal ${terminal} has this code: look at both, or ask the back office for a new code.`,
      terminal,
    }
  if (enrolled) {
    // The answer to the first asking was lost on the way: the same keys get the same certificate.
    if (enrolled.keys.p256 === keys.p256 && enrolled.keys.ed25519 === keys.ed25519) return []
    return {
      reason: 'InvitationUsed',
      message: `The code of terminal ${terminal} was used, by a device with other keys. If that was not yours, suspend the terminal and invite another.`,
      terminal,
    }
  }
  if (at >= invitation.expires)
    return {
      reason: 'InvitationExpired',
      message: `The code of terminal ${terminal} ran out at ${invitation.expires}: ask the back office for a new one.`,
      terminal,
      expires: invitation.expires,
    }
  const { shop, merchant, mode } = invitation
  return [{ type: 'TerminalEnrolled', data: { terminal, shop, merchant, mode, certificate, keys: { ...keys } } }]
}

/** Why nothing more is made of a terminal that is not in service, and will not be again. */
const ended = (terminal: string, state: Enrolment): EnrolmentRefusal | undefined => {
  if (!state.enrolled) return notEnrolled(terminal, state)
  if (state.retired !== undefined) return retired(terminal, state.retired)
  if (state.lost !== undefined)
    return {
      reason: 'TerminalLost',
      message: `Terminal ${terminal} was declared lost (${state.lost}): it does not come back. Replace it by another, with an id of its own.`,
      terminal,
    }
  return state.replaced ? replaced(terminal, state.replaced) : undefined
}

const unknown = (terminal: string): EnrolmentRefusal => ({
  reason: 'TerminalUnknown',
  message: `No terminal ${terminal} was invited: look at its id, or invite it.`,
  terminal,
})
const notEnrolled = (terminal: string, state: Enrolment): EnrolmentRefusal =>
  state.invitation
    ? {
        reason: 'TerminalNotEnrolled',
        message: `Terminal ${terminal} is invited and has not come yet: wait for it, or cancel its invitation.`,
        terminal,
      }
    : unknown(terminal)
const retired = (terminal: string, why: string): EnrolmentRefusal => ({
  reason: 'TerminalRetired',
  message: `Terminal ${terminal} is retired (${why}): invite another, with an id of its own.`,
  terminal,
})
const replaced = (terminal: string, { by }: { readonly by: string }): EnrolmentRefusal => ({
  reason: 'TerminalReplaced',
  message: `Terminal ${terminal} was replaced by ${by}, which has its place: look at that one.`,
  terminal,
  by,
})
const suspended = (terminal: string, state: Enrolment): EnrolmentRefusal => ({
  reason: 'TerminalSuspended',
  message: `Terminal ${terminal} is suspended (${state.suspended}): reinstate it first. What it recorded is still taken.`,
  terminal,
})

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Enrolment, event: EnrolmentEvent): Enrolment => {
  switch (event.type) {
    case 'TerminalInvited':
      return { ...state, invitation: event.data, shop: event.data.shop, cancelled: false }
    case 'InvitationCancelled':
      return { ...state, invitation: undefined, cancelled: true }
    case 'TerminalEnrolled': {
      const { certificate, keys } = event.data
      return { ...state, enrolled: { certificate, keys } }
    }
    case 'TerminalRenamed':
      return { ...state, label: event.data.label }
    case 'TerminalMoved':
      return { ...state, shop: event.data.shop }
    case 'TerminalSuspended':
      return { ...state, suspended: event.data.reason }
    case 'TerminalReinstated':
      return { ...state, suspended: undefined }
    case 'TerminalReplaced':
      return { ...state, replaced: { by: event.data.by, reason: event.data.reason } }
    case 'TerminalLost':
      return { ...state, lost: event.data.reason }
    case 'TerminalRetired':
      return { ...state, retired: event.data.reason }
    case 'CertificateRenewed':
      return state.enrolled ? { ...state, enrolled: { ...state.enrolled, certificate: event.data.certificate } } : state
  }
}

export const enrolment: Decider<Enrolment, EnrolmentCommand, EnrolmentEvent, EnrolmentRefusal> = {
  initialState: {
    invitation: undefined,
    cancelled: false,
    enrolled: undefined,
    shop: undefined,
    label: undefined,
    suspended: undefined,
    replaced: undefined,
    lost: undefined,
    retired: undefined,
  },
  decide,
  evolve,
}

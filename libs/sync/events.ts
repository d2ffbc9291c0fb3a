import { z } from 'zod'
import { type FactOf, word } from '#canonical/event'
import { instant, name, octets, sha256 } from '#canonical/fields'
import { currency, minor } from '#money/fields'

/** How a terminal comes to the centre (`enrolment-<terminal>`) and what it brings (`intake-<terminal>`, `quarantine-<terminal>`). */

const mode = z.enum(['test', 'live'])
const revision = z.int().nonnegative()
const reason = z.string().min(1).max(500)

export const enrolmentWords = {
  /** `codeHash` is SHA-256 of the one-time code: who reads the log cannot enrol with it. */
  TerminalInvited: word(
    z.object({
      terminal: name,
      shop: name,
      merchant: name,
      mode,
      codeHash: sha256,
      expires: instant,
      /** The terminal whose place it takes; it inherits nothing else. */
      replaces: name.optional(),
    }),
  ),
  InvitationCancelled: word(z.object({ terminal: name, reason })),
  TerminalEnrolled: word(
    z.object({
      terminal: name,
      shop: name,
      merchant: name,
      mode,
      certificate: octets,
      /** Signs heads and tap records; cosigns log checkpoints and nothing else. */
      keys: z.object({ p256: octets, ed25519: octets }),
    }),
  ),
  /** What people call it; its id never changes. */
  TerminalRenamed: word(z.object({ terminal: name, label: name })),
  /** Told to the terminal with its next rules; it stands in the new shop from its next day on. */
  TerminalMoved: word(z.object({ terminal: name, from: name, shop: name, reason })),
  /** It takes no payments; what it recorded is taken from it all the same. */
  TerminalSuspended: word(z.object({ terminal: name, reason })),
  TerminalReinstated: word(z.object({ terminal: name, reason })),
  TerminalReplaced: word(z.object({ terminal: name, by: name, reason })),
  /** What phones paid there comes home by their testimony. */
  TerminalLost: word(z.object({ terminal: name, reason })),
  /** Its log ends here: nothing more of it is taken. */
  TerminalRetired: word(z.object({ terminal: name, reason })),
  CertificateRenewed: word(z.object({ terminal: name, shop: name, certificate: octets })),
}

export const intakeWords = {
  BatchAccepted: word(
    z.object({
      terminal: name,
      from: revision,
      count: z.int().positive(),
      head: sha256,
      /** The terminal's signature over this batch, COSE_Sign1. */
      statement: octets,
      receivedAt: instant,
      /** What the terminal says it still has after this batch, where it says so. */
      waiting: z.object({ count: revision, sum: minor, currency }).optional(),
    }),
  ),
  /** One for each foreign hash at a revision: two histories bear one name. */
  ForkDetected: word(z.object({ terminal: name, revision, held: sha256, foreign: sha256 })),
  /**
   * The terminal shows a checkpoint that this centre signed and does not continue: it was restored from an older copy.
   * `held` is the last revision that is left of the terminal's stream; −1 where nothing is.
   */
  CentreWentBack: word(z.object({ terminal: name, held: z.int().min(-1), checkpoint: z.string().max(8192) })),
}

/**
 * What a terminal signed and the centre refused (`quarantine-<terminal>`): kept with its octets until an operator
 * releases it or rejects it for good. `batch` is the hash of what was sent.
 */
export const quarantineWords = {
  BatchQuarantined: word(
    z.object({
      terminal: name,
      batch: sha256,
      from: revision,
      count: z.int().positive(),
      head: sha256,
      /** Of the events that lie in this batch's own parts. */
      octets: revision,
      parts: revision,
      /** The batch, kept before, that this one begins with: its parts come first, and it needs no decision of its own. */
      extends: sha256.optional(),
      statement: octets,
      statementHash: sha256,
      /** The octets hash, event by event, to the head that was signed: all of it is the terminal's own word. */
      chained: z.boolean(),
      /** What it was refused for. */
      refused: z.string().min(1).max(120),
      message: z.string().max(1000),
      /** What it says was sold, as far as it can be read; not judged. */
      sales: z.array(z.object({ currency, count: z.int().positive(), sum: minor })).max(64),
      receivedAt: instant,
    }),
  ),
  /** It was taken in anew, and stands in the terminal's log. */
  QuarantineReleased: word(z.object({ terminal: name, batch: sha256, reason })),
  QuarantineRejected: word(z.object({ terminal: name, batch: sha256, reason })),
}

/** The octets of a batch in quarantine (`quarantined-<batch>`), in pieces that every engine takes. */
export const quarantinedWords = {
  BatchPartQuarantined: word(z.object({ terminal: name, batch: sha256, part: revision, octets })),
}

export type EnrolmentEvent = FactOf<typeof enrolmentWords>
export type IntakeEvent = FactOf<typeof intakeWords>
export type QuarantineEvent = FactOf<typeof quarantineWords>
export type QuarantinedEvent = FactOf<typeof quarantinedWords>

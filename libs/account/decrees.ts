import { z } from 'zod'
import { type FactOf, word } from '#canonical/event'
import { instant, name, octets, sha256 } from '#canonical/fields'
import { currency } from '#money/fields'

/**
 * What the authority says to everybody: its keys (`authority`), its rules (`rules`), the hour (`calendar`). A version
 * never goes down. What falls due is decided on `HourStruck`, so that a replay strikes the same hours.
 */

const kid = z.string().regex(/^[0-9a-f]{16}$/)
/** Why somebody decreed it; what is only signed anew has none. */
const reason = z.string().min(1).max(500)
/** Signed, as terminals hold it. */
const document = { version: z.int().nonnegative(), hash: sha256, document: octets, reason: reason.optional() }
const entries = z.object({ licenses: z.array(name), cards: z.array(name) })

export const decreeWords = {
  KeyIntroduced: word(
    z.object({
      kid,
      /** The root signs key sets and nothing else, and can be kept offline. */
      purpose: z.enum(['root', 'license', 'certificate', 'rules', 'log']),
      curve: z.enum(['P-256', 'Ed25519']),
      publicKey: octets,
      notBefore: instant,
      expires: instant,
      reason: reason.optional(),
    }),
  ),
  KeyRetired: word(z.object({ kid, reason: reason.optional() })),
  KeyCompromised: word(z.object({ kid, reason: reason.optional() })),
  /** The root's word on all keys, which terminals and phones adopt; before 0.3.0 it was version 1 and in no log. */
  KeySetPublished: word(z.object(document)),
  /** A master key that licenses name by this id; its octets are in no log. */
  TacMasterIntroduced: word(z.object({ id: z.string().regex(/^[0-9a-f]{8,32}$/), reason: reason.optional() })),
  /** Before 0.3.0 the currency stood in the document only. */
  PolicyPublished: word(z.object({ ...document, currency: currency.optional() })),
  DenyListChanged: word(z.object({ ...document, added: entries, removed: entries })),
  FareTablePublished: word(z.object({ ...document, merchant: name, currency })),
  HourStruck: word(z.object({ instant })),
}

export type DecreeEvent = FactOf<typeof decreeWords>

import { z } from 'zod'
import { type FactOf, word } from '#canonical/event'
import { instant, name, octets, sha256 } from '#canonical/fields'

/**
 * What the authority says to everybody: its keys (`authority`), its rules (`rules`), the hour (`calendar`). A version
 * never goes down. What falls due is decided on `HourStruck`, so that a replay strikes the same hours.
 */

const kid = z.string().regex(/^[0-9a-f]{16}$/)
const document = { version: z.int().nonnegative(), hash: sha256, document: octets }

export const decreeWords = {
  KeyIntroduced: word(
    z.object({
      kid,
      /** The root signs key sets and nothing else, and is kept offline. */
      purpose: z.enum(['root', 'license', 'certificate', 'rules', 'log']),
      curve: z.enum(['P-256', 'Ed25519']),
      publicKey: octets,
      notBefore: instant,
      expires: instant,
    }),
  ),
  KeyRetired: word(z.object({ kid })),
  KeyCompromised: word(z.object({ kid })),
  PolicyPublished: word(z.object(document)),
  DenyListChanged: word(
    z.object({
      ...document,
      added: z.object({ licenses: z.array(name), cards: z.array(name) }),
      removed: z.object({ licenses: z.array(name), cards: z.array(name) }),
    }),
  ),
  HourStruck: word(z.object({ instant })),
}

export type DecreeEvent = FactOf<typeof decreeWords>

import { z } from 'zod'
import { base64url, fromBase64url } from '#canonical/bytes'
import type { Curve } from '#canonical/crypto'
import type { Enrolled, Identity } from './ports.ts'

/** What a terminal keeps of its enrolment, `enrolled.json` in its own folder: later versions read it as it is. */

const key = z.object({ publicKey: z.string(), privateKey: z.string() })
const enrolledFile = z.object({
  identity: z.object({
    terminal: z.string(),
    origin: z.string(),
    mode: z.enum(['test', 'live']),
    rootPublicKey: z.string(),
    // A terminal enrolled by 0.1.0 counts its days in UTC, as it did then.
    zone: z.string().default('UTC'),
    certificate: z.string(),
    keys: z.object({ p256: key, ed25519: key }),
  }),
  rules: z.object({
    policy: z.string(),
    denyList: z.string(),
    keySet: z.string(),
    fareTable: z.string().optional(),
  }),
})

const keyText = (pair: { publicKey: Uint8Array; privateKey: Uint8Array }) => ({
  publicKey: base64url(pair.publicKey),
  privateKey: base64url(pair.privateKey),
})
const keyFrom = (curve: Curve, text: z.infer<typeof key>) => ({
  curve,
  publicKey: fromBase64url(text.publicKey),
  privateKey: fromBase64url(text.privateKey),
})

const draftFile = z.object({
  code: z.string(),
  root: z.string(),
  keys: z.object({ p256: key, ed25519: key }),
})

/** An enrolment that was begun: the same keys ask again where the answer was lost, and get the same certificate. */
export type Draft = { readonly code: string; readonly root: string; readonly keys: Identity['keys'] }

export const readDraft = (text: string): Draft => {
  const { code, root, keys } = draftFile.parse(JSON.parse(text))
  return { code, root, keys: { p256: keyFrom('P-256', keys.p256), ed25519: keyFrom('Ed25519', keys.ed25519) } }
}
export const draftText = ({ code, root, keys }: Draft): string =>
  JSON.stringify({ code, root, keys: { p256: keyText(keys.p256), ed25519: keyText(keys.ed25519) } })

export const readEnrolled = (text: string): Enrolled => {
  const { identity, rules } = enrolledFile.parse(JSON.parse(text))
  const { p256, ed25519 } = identity.keys
  return {
    identity: { ...identity, keys: { p256: keyFrom('P-256', p256), ed25519: keyFrom('Ed25519', ed25519) } },
    rules,
  }
}
export const enrolledText = ({ identity, rules }: Enrolled): string => {
  const keys = { p256: keyText(identity.keys.p256), ed25519: keyText(identity.keys.ed25519) }
  return JSON.stringify({ identity: { ...identity, keys } satisfies Record<keyof Identity, unknown>, rules })
}

import { z } from 'zod'
import { base64url, fromBase64url, utf8 } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { unanswered } from '#http/unanswered'
import { readCertificate } from '#license/certificate'
import { sign1 } from '#license/cose'
import { rootFingerprint, verifyKeySet } from '#license/keyset'
import type { Draft } from './enrolled.ts'
import type { Enrolled, Identity } from './ports.ts'

/** The enrolment did not come about; the message says why and what to do. Nothing was kept. */
export class EnrolmentFailed extends Error {
  readonly code = 'EnrolmentFailed'
}

const answerShape = z.object({
  terminal: z.string(),
  origin: z.string(),
  mode: z.enum(['test', 'live']),
  rootPublicKey: z.string(),
  zone: z.string(),
  certificate: z.string(),
  policy: z.string(),
  denyList: z.string(),
  keySet: z.string(),
  fareTable: z.string().optional(),
})

const invitationShape = z.object({ code: z.string().min(1), rootFingerprint: z.string().min(1) })

/** An invitation as the back office answers with it, kept in a file until the terminal's first start. */
export const readInvitation = (text: string) => invitationShape.parse(JSON.parse(text))

export type EnrolmentRequest = {
  readonly code: string
  readonly keys: { readonly p256: string; readonly ed25519: string }
  readonly proofs: { readonly p256: string; readonly ed25519: string }
}

/** Over HTTP. */
export const enrol = (crypto: Crypto, centre: string, { code, root, keys }: Draft): Promise<Enrolled> =>
  enrolWith(crypto, code, root, ask(centre), keys)

/** This terminal's two keys, made here: what they are for, the certificate says. */
export const makeKeys = (crypto: Crypto): Identity['keys'] => ({
  p256: crypto.keyPair('P-256'),
  ed25519: crypto.keyPair('Ed25519'),
})

const ask =
  (centre: string) =>
  async (request: EnrolmentRequest): Promise<unknown> => {
    try {
      const response = await fetch(`${centre}/sync/v1/enrolments`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        signal: AbortSignal.timeout(15_000),
        body: JSON.stringify(request),
      })
      return await response.json()
    } catch (cause) {
      throw new EnrolmentFailed(
        `${centre} gave no answer (${unanswered(cause)}): start the centre, or look at --centre, then start this terminal again.`,
        { cause },
      )
    }
  }

/**
 * Signs the one-time code with each of this terminal's two keys, and checks what comes back against the root's
 * fingerprint, which came by another way than the network.
 */
export const enrolWith = async (
  crypto: Crypto,
  code: string,
  fingerprint: string,
  ask: (request: EnrolmentRequest) => Promise<unknown>,
  keys = makeKeys(crypto),
): Promise<Enrolled> => {
  const proof = (key: KeyPair) => base64url(sign1(crypto, { payload: utf8(code), type: 'enrolment', key }))
  const body = await ask({
    code,
    keys: { p256: base64url(keys.p256.publicKey), ed25519: base64url(keys.ed25519.publicKey) },
    proofs: { p256: proof(keys.p256), ed25519: proof(keys.ed25519) },
  })
  if (typeof body !== 'object' || body === null || 'reason' in body)
    throw new EnrolmentFailed(
      `The centre refused the enrolment: ${(body as { message?: string } | null)?.message ?? 'no reason given'}`,
    )
  const answer = answerShape.parse(body)
  const root = fromBase64url(answer.rootPublicKey)
  if (rootFingerprint(crypto, root) !== fingerprint)
    throw new EnrolmentFailed(
      'The root key that came over the network is not the one whose fingerprint was given with the code: something stands between this terminal and the centre.',
    )
  if (!verifyKeySet(crypto, fromBase64url(answer.keySet), root))
    throw new EnrolmentFailed('The key set is not signed by the root key.')
  const certificate = readCertificate(fromBase64url(answer.certificate))
  if (base64url(certificate.keys.p256) !== base64url(keys.p256.publicKey))
    throw new EnrolmentFailed('The certificate that came back is for another key than this terminal made.')
  if (certificate.mode !== answer.mode)
    throw new EnrolmentFailed(
      `The centre says that it is a ${answer.mode} centre, and its certificate is for ${certificate.mode}: ask whoever runs it which it is.`,
    )
  const { terminal, origin, mode, rootPublicKey, zone, policy, denyList, keySet, fareTable } = answer
  return {
    identity: { terminal, origin, mode, rootPublicKey, zone, keys, certificate: answer.certificate },
    rules: { policy, denyList, keySet, ...(fareTable === undefined ? {} : { fareTable }) },
  }
}

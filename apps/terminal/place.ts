import { base64url, fromBase64url } from '#canonical/bytes'
import { firstFailure } from '#canonical/check'
import type { Crypto } from '#canonical/crypto'
import type { Refusal } from '#canonical/decider'
import { Malformed } from '#canonical/malformed'
import { type Assignment, markOf, verifyAssignment } from '#license/assignment'
import { readCertificate, type TerminalCertificate } from '#license/certificate'
import { checkCertificate } from '#license/checks'
import type { KeySet } from '#license/keyset'
import { endOf } from '#license/renewal'
import type { TillCommand } from '#till/commands'
import { outOfService } from '#till/service'
import type { Till } from '#till/state'
import type { Identity } from './ports.ts'

/** Where the terminal stands and by which certificate it is known: from its enrolment, and from what it adopted since. */
export const place = (crypto: Crypto, identity: Identity, till: Till) => {
  let read:
    | { readonly text: string; readonly bytes: Uint8Array<ArrayBuffer>; readonly said: TerminalCertificate }
    | undefined
  const certificate = () => {
    const text = till.certificate ?? identity.certificate
    if (read?.text === text) return read
    const bytes = fromBase64url(text)
    read = { text, bytes, said: readCertificate(bytes) }
    return read
  }
  const ends_ms = (): number => certificate().said.expires * 1000

  return {
    certificate: () => certificate().bytes,
    certified: () => certificate().said,
    /** Of the day that is open; before the centre said otherwise, of the enrolment. */
    shop: (): string => till.place?.shop ?? readCertificate(fromBase64url(identity.certificate)).shop,
    shopName: (): string | undefined => till.place?.shopName,
    /** In which its next day turns. */
    zone: (): string => till.assignment?.zone ?? identity.zone,
    /** What a batch's answer names, of the word that is held here. */
    mark: (): string | undefined =>
      till.assignment && markOf(crypto, { terminal: identity.terminal, ...said(till.assignment) }),
    end: (now_ms: number) => ({
      ends: new Date(ends_ms()).toISOString(),
      ...endOf(certificate().said.expires, Math.floor(now_ms / 1000)),
    }),
    certificateEnds_ms: ends_ms,
    outOfService: (now_ms: number): Refusal | undefined =>
      outOfService(till.assignment, { now_ms, certificateEnds_ms: ends_ms() }),
  }
}

const said = ({
  shop,
  shopName,
  zone,
  standing,
  reason,
}: Pick<Assignment, 'shop' | 'shopName' | 'zone' | 'standing'> & {
  readonly reason?: string | undefined
}) => ({ shop, shopName, zone, standing, ...(reason === undefined ? {} : { reason }) })

const invalid = (what: string, why: string): Refusal => ({
  reason: 'AssignmentInvalid',
  message: `The ${what} that was offered ${why}. This terminal keeps what it has; look at what answers in the centre's place.`,
})

/** The centre's word on this terminal, as it is adopted; or why it is not the centre's, or not on this one. */
export const assignmentOffered = (
  crypto: Crypto,
  terminal: string,
  keySet: KeySet | undefined,
  document: string,
  /** In which its days turn already, by an earlier word. */
  zone?: string,
): TillCommand | Refusal => {
  try {
    const word = keySet && verifyAssignment(crypto, fromBase64url(document), keySet)
    if (!word) return invalid('word on it', 'is not signed by a rules key of the key set')
    if (word.terminal !== terminal) return invalid('word on it', `is on ${word.terminal}`)
    // A day cannot turn in a zone that this machine does not know.
    if (word.zone !== zone) new Intl.DateTimeFormat('en', { timeZone: word.zone })
    return { type: 'AdoptAssignment', issued: word.issued, ...said(word), document }
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError || error instanceof RangeError)
      return invalid('word on it', `cannot be read (${error.message})`)
    throw error
  }
}

/** A certificate in place of the one it has: by the centre's key, for this terminal, and for the keys that it holds. */
export const certificateOffered = (
  crypto: Crypto,
  { terminal, mode, keys }: Identity,
  keySet: KeySet | undefined,
  now_s: number,
  offered: string,
): TillCommand | Refusal => {
  try {
    const bytes = fromBase64url(offered)
    const failure = firstFailure(checkCertificate(crypto, { certificate: bytes, keySet, mode, now_s }))
    if (failure) return invalid('certificate', `does not hold (${failure.check}: ${failure.reason})`)
    const certificate = readCertificate(bytes)
    const { p256, ed25519 } = certificate.keys
    const own =
      base64url(p256) === base64url(keys.p256.publicKey) && base64url(ed25519) === base64url(keys.ed25519.publicKey)
    if (certificate.terminal !== terminal || !own)
      return invalid('certificate', 'is for another terminal or other keys')
    const expires = new Date(certificate.expires * 1000).toISOString()
    return { type: 'AdoptCertificate', shop: certificate.shop, expires, certificate: offered }
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError || error instanceof RangeError)
      return invalid('certificate', `cannot be read (${error.message})`)
    throw error
  }
}

import { fromBase64url } from '#canonical/bytes'
import { type Check, failed, firstFailure } from '#canonical/check'
import type { Crypto } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { verifyAssignment } from '#license/assignment'
import { readCertificate, type TerminalCertificate } from '#license/certificate'
import { checkCertificate } from '#license/checks'
import { rulesFrom } from '#tap/rules'
import type { AdoptedCertificate, AdoptedPlace, TapRecord } from './taps.ts'

/**
 * Where a terminal stood at a tap, and whether its certificate still ran: by words that the centre signed and the
 * terminal adopted, never by what it says of itself. So a sale belongs to the shop in which it was made, whenever it comes.
 */

type Enrolled = {
  readonly terminal: string
  readonly shop: string
  readonly certificate: TerminalCertificate | undefined
}
/** What one adoption came to, asked again at each of its taps. */
const readBefore = new WeakMap<AdoptedPlace, { readonly terminal: string; readonly shop: string | undefined }>()

export const shopAt = (
  crypto: Crypto,
  rootPublicKey: Uint8Array,
  { terminal, shop }: Pick<Enrolled, 'terminal' | 'shop'>,
  place: AdoptedPlace | undefined,
): string => {
  if (!place?.rules) return shop
  const before = readBefore.get(place)
  if (before?.terminal === terminal) return before.shop ?? shop
  const { keySet } = rulesFrom(crypto, rootPublicKey, place.rules)
  const word = keySet && readable(() => verifyAssignment(crypto, fromBase64url(place.word.document), keySet))
  const signed = word && word.terminal === terminal ? word.shop : undefined
  readBefore.set(place, { terminal, shop: signed })
  return signed ?? shop
}

/** A clock may be off by so much at both ends. */
const tolerance_s = 300

/** A tap outside its terminal's certificate, as a check that failed; one within adds nothing to what is checked. */
export const checkTerminalCertificate = (
  crypto: Crypto,
  rootPublicKey: Uint8Array,
  { terminal, certificate }: Pick<Enrolled, 'terminal' | 'certificate'>,
  tap: Pick<TapRecord, 'certificate' | 'startedAt'>,
): Check | undefined => {
  const now_s = Math.floor(Date.parse(tap.startedAt) / 1000)
  const adopted = tap.certificate && renewedBy(crypto, rootPublicKey, terminal, tap.certificate)
  const held = adopted ?? certificate
  if (!held || (now_s + tolerance_s >= held.notBefore && now_s - tolerance_s < held.expires)) return undefined
  const [from, to, found] = [held.notBefore, held.expires, now_s].map(seconds => new Date(seconds * 1000).toISOString())
  return failed('terminal certificate dates', 'TerminalCertificateExpired', `from ${from} to ${to}`, found ?? '')
}

/** What it adopted in place of its first one; undefined where that is not the centre's own word on this terminal. */
const renewedBy = (
  crypto: Crypto,
  rootPublicKey: Uint8Array,
  terminal: string,
  { text, rules }: AdoptedCertificate,
): TerminalCertificate | undefined => {
  const said = certificateFrom(text)
  if (said?.terminal !== terminal || !rules) return undefined
  const { keySet } = rulesFrom(crypto, rootPublicKey, rules)
  const asked = { certificate: fromBase64url(text), keySet, mode: said.mode, now_s: said.notBefore }
  return firstFailure(checkCertificate(crypto, asked)) ? undefined : said
}

export const certificateFrom = (text: string): TerminalCertificate | undefined =>
  readable(() => readCertificate(fromBase64url(text)))

/** What a hostile terminal wrote must not stop the judging of others. */
const readable = <Value>(read: () => Value): Value | undefined => {
  try {
    return read()
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError) return undefined
    throw error
  }
}

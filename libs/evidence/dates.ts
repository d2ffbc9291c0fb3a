import type { Crypto } from '#canonical/crypto'
import type { Event } from '#canonical/event'
import type { Dates } from '#payment/shares'
import { type AdoptedRules, rulesFrom } from '#tap/rules'
import type { TapsOfTerminal } from './taps.ts'

const beginning = '1970-01-01T00:00:00.000Z'
/** Of the year 9999: beyond it, a time has no ISO 8601 form of four digits. */
const lastSecond = 253_402_300_799

/** When it happened: the terminal's word, held within what is certain. */
export const datesBy = (crypto: Crypto, rootPublicKey: Uint8Array) => {
  /** Of one adoption, asked again at each of its taps. */
  const signedTimes = new WeakMap<AdoptedRules, string>()

  /** The newest signed time that the terminal's chain names: of the rules it had adopted, where they are signed. */
  const signedBefore = (taps: TapsOfTerminal): string => {
    const adopted = taps.rules()
    if (!adopted) return beginning
    const known = signedTimes.get(adopted)
    if (known !== undefined) return known
    const { policy, denyList, keySet } = rulesFrom(crypto, rootPublicKey, adopted)
    const issued_s = Math.max(...[policy, denyList, keySet].map(document => document?.issued ?? 0))
    const signed = new Date(Math.min(issued_s, lastSecond) * 1000).toISOString()
    signedTimes.set(adopted, signed)
    return signed
  }

  return (
    event: Event<{ readonly occurred: string; readonly businessDate: string }>,
    taps: TapsOfTerminal,
    batch: Event,
  ): Dates => {
    const before = batch.at
    const after = signedBefore(taps)
    const { occurred, businessDate } = event.data
    const at = occurred > before ? before : occurred < after ? (after > before ? before : after) : occurred
    return {
      occurred: { at, after: after > before ? before : after, before },
      businessDate,
      bookingDate: before.slice(0, 10),
    }
  }
}

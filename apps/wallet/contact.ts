import { base64url, fromBase64url } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { suiteOf } from '#license/appkey'
import { askToRenew } from '#license/asking'
import { readKeySet, verifyKeySet } from '#license/keyset'
import { minorUnits, parseAmount } from '#money'
import { licenseOf, type Paid, type PhoneMemory } from '#tap/phone'
import { type Authority, type Told, unreachable } from './authority.ts'
import { keyIn, makeKeys, openLicensed, transportIn } from './keys.ts'

/** A phone's contact with its authority: it hands over what it paid, and asks for a new license before the old one ends. */

const atOnce = 16

type Parts = {
  readonly crypto: Crypto
  readonly authority: Authority
  /** The phone as it is now: it may have paid while an answer was on its way. */
  readonly look: () => PhoneMemory
  /** Durable when it returns. */
  readonly keep: (memory: PhoneMemory) => void
}

/** With what the payment can be testified to; undefined where that was done, or cannot be. */
const tellable = ({ signed, getRequest, getResponse, put, receipt, told }: Paid): Told | undefined => {
  if (told === 'refused' || told === 'with receipt' || (told === 'without receipt' && !receipt)) return undefined
  if (signed === undefined || getRequest === undefined || getResponse === undefined) return undefined
  return { signed, getRequest, getResponse, put, receipt: receipt?.document }
}

/** How many payments wait to be handed over. */
export const untold = ({ payments }: PhoneMemory): number => payments.filter(paid => tellable(paid)).length

/** Hands over what was not handed over yet, oldest first, a license and sixteen payments at a time. */
export const testify = async (parts: Parts): Promise<{ readonly told: number } | Refusal> => {
  const { authority, look, keep } = parts
  const waiting = look().payments.filter(paid => tellable(paid) && paid.license !== undefined)
  const licenses = new Set(waiting.map(({ license }) => license as string))
  let told = 0
  for (const license of licenses) {
    const own = waiting.filter(paid => paid.license === license)
    for (let from = 0; from < own.length; from += atOnce) {
      const piece = own.slice(from, from + atOnce)
      const heard = await authority.testify({ license, payments: piece.map(paid => tellable(paid) as Told) })
      if (isRefusal(heard)) return heard
      const refused = new Set(heard.refused.map(({ place }) => piece[place]?.payment))
      const handed = new Map(piece.map(paid => [paid.payment, paid]))
      const mark = (paid: Paid): Paid => {
        const as = handed.get(paid.payment)
        if (!as) return paid
        return refused.has(paid.payment) ? { ...paid, told: 'refused' } : taken(paid, as.receipt !== undefined)
      }
      keep(withKeySet(parts, { ...look(), payments: look().payments.map(mark) }, heard.keySet))
      told += heard.taken.length
    }
  }
  return { told }
}

/** With its receipt it is told for good, and the messages of its tap are the centre's to keep. */
const taken = (paid: Paid, withReceipt: boolean): Paid => {
  if (!withReceipt) return { ...paid, told: 'without receipt' }
  const { signed: _signed, getRequest: _request, getResponse: _response, ...rest } = paid
  return { ...rest, told: 'with receipt' }
}

/** A newer key set of the same root; an older one, or another's, changes nothing. */
const withKeySet = ({ crypto }: Parts, memory: PhoneMemory, keySet: string): PhoneMemory => {
  if (memory.rootPublicKey === undefined || keySet === memory.keySet) return memory
  const offered = verifyKeySet(crypto, fromBase64url(keySet), fromBase64url(memory.rootPublicKey))
  const held = readKeySet(fromBase64url(memory.keySet))
  return offered && offered.version > held.version ? { ...memory, keySet } : memory
}

/**
 * Asks for the license that follows. While nobody knows whether it was issued the phone pays by none: what it has left
 * under the old one may be granted anew already. Asked again, it asks the same, word for word.
 */
export const renew = async (parts: Parts, asked: string | undefined): Promise<PhoneMemory | Refusal> => {
  const { crypto, authority, look, keep } = parts
  const told = await testify(parts)
  if (isRefusal(told) && told.reason !== 'LicenseUnknown') return told
  const before = look()
  const { id, credit } = licenseOf(before)
  const { currency } = credit
  const allowance = asked === undefined ? credit.allowance : parseAmount(asked, currency)
  if (typeof allowance !== 'bigint') return allowance
  const renewal = before.renewal ?? requestOf(crypto, before, { id, allowance })
  keep({ ...before, renewal })

  const { keys, present, next } = renewal
  const transport = keys.transport && { transport: keys.transport.publicKey }
  const licensed = await authority.renew({ license: id, publicKey: keys.publicKey, ...transport, present, next })
  const { renewal: _, ...memory } = look()
  if (isRefusal(licensed)) {
    // A clear no: nothing was granted, and the old license is what it was.
    if (licensed.reason !== unreachable) keep(memory)
    return licensed
  }
  const opened = openLicensed(crypto, keys, licensed)
  if (isRefusal(opened)) return opened
  const renewed = { ...memory, ...opened }
  const license = licenseOf(renewed)
  const after = { ...renewed, allowanceLeft: license.credit.allowance.toString() }
  keep(after)
  return after
}

const requestOf = (
  crypto: Crypto,
  memory: PhoneMemory,
  { id, allowance }: { readonly id: string; readonly allowance: ReturnType<typeof minorUnits> },
): NonNullable<PhoneMemory['renewal']> => {
  const keys = makeKeys(crypto, suiteOf(fromBase64url(memory.publicKey)))
  const { counter, allowanceLeft } = memory
  const standing = { license: id, counter, allowanceLeft: minorUnits(allowanceLeft), allowance }
  const proofs = askToRenew(crypto, standing, {
    present: keyIn(memory),
    next: keyIn(keys),
    transport: transportIn(keys),
  })
  return { keys, present: base64url(proofs.present), next: base64url(proofs.next) }
}

/** Time to renew: half of the term is over. */
export const isPastHalf = (memory: PhoneMemory, now_s: number): boolean => {
  const { notBefore, expires } = licenseOf(memory)
  return now_s >= notBefore + (expires - notBefore) / 2
}

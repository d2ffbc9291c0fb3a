import type { Crypto } from '#canonical/crypto'
import type { Refusal } from '#canonical/decider'

/** Which passwords are taken, and how one is made for somebody else. */

const passwordMin = 12
const passwordMax = 256

/** What of a password can be said without knowing it: it is long, and not the name again. */
export const weakness = (operator: string, password: string): Refusal | undefined => {
  const letters = Array.from(password.normalize('NFC'))
  const isPoor = new Set(letters).size < 5 || password.toLowerCase().replaceAll(operator, '').length < passwordMin / 2
  if (letters.length >= passwordMin && letters.length <= passwordMax && !isPoor) return undefined
  return {
    reason: 'PasswordTooWeak',
    message: `A password has ${passwordMin} to ${passwordMax} letters of at least five kinds, and is not the operator’s name: a few words that nobody would guess are best.`,
    least: passwordMin,
    most: passwordMax,
  }
}

/** 125 bits as somebody can read them out: no letter looks like another (Crockford's alphabet, in lower case). */
export const readable = (crypto: Crypto): string => {
  const letters = '0123456789abcdefghjkmnpqrstvwxyz'
  return Array.from(crypto.random(25), (octet, place) => {
    const letter = letters[octet & 31] as string
    return place > 0 && place % 5 === 0 ? `-${letter}` : letter
  }).join('')
}

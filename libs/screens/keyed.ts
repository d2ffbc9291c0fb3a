import { exponentOf, formatAmount, isCurrency } from '#money'

/** What was keyed on a till, as keyed: "1250" is 12.50, and so is "12.5", since a point ends the whole units. */
export type Keyed = string

const mostDigits = 9

/** One more key: a digit, "00" or ".". A key that would make no amount is ignored, as a till does. */
export const keyed = (so: Keyed, key: string, currency: string): Keyed => {
  const exponent = isCurrency(currency) ? exponentOf(currency) : 2
  if (key === '.') return so.includes('.') || exponent === 0 ? so : `${so === '' ? '0' : so}.`
  if (!/^\d+$/.test(key)) return so
  const [, decimals] = so.split('.')
  if (decimals !== undefined) return decimals.length + key.length > exponent ? so : so + key
  const next = (so + key).replace(/^0+/, '')
  return next.length > mostDigits ? so : next
}

/** The major-unit string of what was keyed, as the API wants it. */
export const amountOf = (so: Keyed, currency: string): string => {
  const exponent = isCurrency(currency) ? exponentOf(currency) : 2
  const [whole = '', decimals] = so.split('.')
  const minor = decimals === undefined ? whole : whole + decimals.padEnd(exponent, '0')
  return isCurrency(currency) ? formatAmount(BigInt(minor === '' ? '0' : minor), currency) : minor
}

/** Whether anything but zero was keyed. */
export const isNothing = (so: Keyed): boolean => /^[0.]*$/.test(so)

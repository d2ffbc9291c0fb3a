/**
 * Money: a count of minor units, never negative. Direction is in the word (debit, credit), never in a sign.
 * Exponents follow ISO 4217:2015; a currency that is not listed is refused, because a guessed exponent moves money.
 */

declare const amountBrand: unique symbol
/** Minor units of some currency, from 0 to 10^11 − 1: ninety million of the largest still sum within a 64-bit column. */
export type Amount = bigint & { readonly [amountBrand]: true }

/** ISO 4217 alphabetic code. */
export type Currency = string

const exponents: Readonly<Record<string, number>> = {
  AUD: 2,
  BHD: 3,
  CAD: 2,
  CHF: 2,
  CLP: 0,
  CNY: 2,
  CZK: 2,
  DKK: 2,
  EUR: 2,
  GBP: 2,
  HUF: 2,
  INR: 2,
  ISK: 0,
  JPY: 0,
  KRW: 0,
  KWD: 3,
  NOK: 2,
  NZD: 2,
  PLN: 2,
  SEK: 2,
  SGD: 2,
  TND: 3,
  USD: 2,
  ZAR: 2,
}

export const largestAmount = 10n ** 11n - 1n

export const isCurrency = (text: string): text is Currency => Object.hasOwn(exponents, text)

/** The number of decimal places of a listed currency. */
export const exponentOf = (currency: Currency): number => {
  const exponent = exponents[currency]
  if (exponent === undefined) throw new RangeError(`Currency ${currency} is not one that this system knows`)
  return exponent
}

/** Minor units as an `Amount`. A negative or too large count is a bug of the caller, or a sum that overflowed. */
export const amount = (minor: bigint): Amount => {
  if (minor < 0n || minor > largestAmount)
    throw new RangeError(`${minor} is not an amount: it must lie from 0 to ${largestAmount}`)
  return minor as Amount
}

export const zero = 0n as Amount

/** The decimal string of minor units that events carry ("1250"). Leading zeros and signs are not one. */
export const isMinorUnits = (text: string): boolean =>
  /^(0|[1-9][0-9]{0,18})$/.test(text) && (text.length < 19 || BigInt(text) <= largestAmount)

/** Minor units from an event's decimal string. */
export const minorUnits = (text: string): Amount => {
  if (!isMinorUnits(text)) throw new RangeError(`"${text}" is not a decimal string of minor units`)
  return BigInt(text) as Amount
}

export type AmountRefusal = { readonly reason: 'AmountMalformed' | 'CurrencyUnknown'; readonly message: string }

/** What a person or a caller wrote ("12.50") as minor units; a refusal says what is wrong with it. */
export const parseAmount = (text: string, currency: Currency): Amount | AmountRefusal => {
  if (!isCurrency(currency))
    return {
      reason: 'CurrencyUnknown',
      message: `Currency ${JSON.stringify(currency)} is not an ISO 4217 code known here.`,
    }
  const exponent = exponentOf(currency)
  const shape = exponent === 0 ? /^(\d{1,18})$/ : new RegExp(`^(\\d{1,18})(?:\\.(\\d{1,${exponent}}))?$`)
  const found = shape.exec(text)
  const minor = found ? BigInt(found[1] + (found[2] ?? '').padEnd(exponent, '0')) : -1n
  if (minor < 0n || minor > largestAmount)
    return {
      reason: 'AmountMalformed',
      message: `${JSON.stringify(text.slice(0, 40))} is not an amount in ${currency}: write digits with at most ${exponent} after the point, such as ${formatAmount(1250n, currency)}.`,
    }
  return minor as Amount
}

/** Minor units as people write them: 1250 EUR is "12.50". A figure below zero (over limit) keeps its sign. */
export const formatAmount = (minor: bigint, currency: Currency): string => {
  const exponent = exponentOf(currency)
  const sign = minor < 0n ? '-' : ''
  const digits = (minor < 0n ? -minor : minor).toString().padStart(exponent + 1, '0')
  return exponent === 0 ? sign + digits : `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`
}

/** A rate in parts per ten thousand of an amount, rounded half to even, as banks round. */
export const shareOf = (whole: Amount, basisPoints: number): Amount => {
  const product = whole * BigInt(basisPoints)
  const quotient = product / 10_000n
  const rest = product % 10_000n
  const up = rest > 5_000n || (rest === 5_000n && quotient % 2n === 1n)
  return amount(quotient + (up ? 1n : 0n))
}

export const smaller = (a: Amount, b: Amount): Amount => (a < b ? a : b)

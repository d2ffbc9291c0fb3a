import canonicalize from 'canonicalize'

/**
 * RFC 8785 (JCS) text, and only of what events may hold: strings, booleans, null, integers to 2^53 − 1, arrays and
 * plain objects. Anything else has two readings somewhere, and two readings of money are a dispute.
 */
export const canonicalText = (value: unknown): string => {
  assertPlain(value, '$')
  return canonicalize(value) as string
}

export class NotCanonical extends Error {
  readonly code = 'NotCanonical'
  constructor(
    readonly at: string,
    readonly found: string,
  ) {
    super(`At ${at}: ${found}. Send the text exactly as RFC 8785 writes it.`)
  }
}

/** The value of a text that is its own canonical form; throws `NotCanonical` otherwise (duplicate keys included). */
export const parseCanonical = (text: string): unknown => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new NotCanonical('$', error instanceof Error ? error.message : 'not JSON')
  }
  const again = canonicalText(value)
  if (again !== text) {
    let at = 0
    while (again[at] === text[at]) at++
    throw new NotCanonical(`character ${at}`, 'the text differs from its canonical form')
  }
  return value
}

const loneSurrogate = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/

/** Far more than any event nests; without a bound, text from outside could use up the stack. */
const depthMax = 64

const assertPlain = (value: unknown, at: string, depth = 0): void => {
  switch (typeof value) {
    case 'string':
      if (loneSurrogate.test(value)) throw new NotCanonical(at, 'a lone surrogate')
      return
    case 'boolean':
      return
    case 'number':
      if (!Number.isSafeInteger(value)) throw new NotCanonical(at, `${value} is not an integer up to 2^53 - 1`)
      if (Object.is(value, -0)) throw new NotCanonical(at, 'minus zero')
      return
    case 'object':
      if (value === null) return
      if (depth === depthMax) throw new NotCanonical(at, `nested deeper than ${depthMax}`)
      if (Array.isArray(value)) value.forEach((item, place) => assertPlain(item, `${at}[${place}]`, depth + 1))
      else {
        if (Object.getPrototypeOf(value) !== Object.prototype) throw new NotCanonical(at, 'not a plain object')
        for (const key of Object.keys(value)) {
          // An object's own key of that name is read differently by different readers.
          if (key === '__proto__') throw new NotCanonical(at, 'a key named __proto__')
          if (loneSurrogate.test(key)) throw new NotCanonical(at, 'a key with a lone surrogate')
          assertPlain((value as Record<string, unknown>)[key], `${at}.${key}`, depth + 1)
        }
      }
      return
    default:
      throw new NotCanonical(at, `a ${typeof value}`)
  }
}

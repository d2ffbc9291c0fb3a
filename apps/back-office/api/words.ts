import { z } from 'zod'
import { isCurrency } from '#money'

/** What bodies of several subjects say alike. */

export const id = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'an id has 1 to 64 letters, digits, points, dashes or underscores')
export const amountText = z.string().max(40)
export const currency = z.string().refine(isCurrency, 'not an ISO 4217 code that is known here')
export const words = z.string().min(1).max(120)
export const octets = z.string().max(4096)
export const reasonText = z.string().min(1).max(500)
export const reasonBody = z.object({ reason: reasonText })

/** Where a request came from, as its own proxies have it. */
export type FromAddress = { readonly address: string }

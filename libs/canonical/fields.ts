import { z } from 'zod'
import { isBase64url } from './bytes.ts'

/** The fields that events of every lib share: one schema for each kind of word. Those of money are in `#money`. */

/** SHA-256 in lower-case hexadecimal. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
/** Octets in base64url without padding. */
export const octets = z.string().refine(isBase64url, 'not base64url without padding')
export const name = z.string().min(1).max(120)
export const instant = z.iso.datetime({ precision: 3 })
/** A day as the shop counts it, `2026-11-23`. */
export const businessDate = z.iso.date()
/** A transaction's id: 16 octets in hexadecimal, minted by the terminal before the PUT. */
export const transactionId = z.string().regex(/^[0-9a-f]{32}$/)

export const check = z.object({
  check: z.string(),
  pass: z.boolean(),
  reason: z.string().optional(),
  expected: z.string().optional(),
  found: z.string().optional(),
  rule: z.string().optional(),
})

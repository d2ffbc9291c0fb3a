import { z } from 'zod'
import { octets, sha256 } from '#canonical/fields'

/**
 * What opens the centre to one operator: the hash of a password, and the sessions that it opened. It is one text of
 * canonical JSON, changed by compare-and-set, so that a new password and the end of all sessions are one step. It lies
 * beside the log: a secret that was in the log could never be forgotten.
 */

const session = z.strictObject({
  /** SHA-256 of the 32 octets that the browser holds. */
  hash: sha256,
  begun_ms: z.int().nonnegative(),
  /** When it was last heard of, to the minute. */
  seen_ms: z.int().nonnegative(),
})
const access = z.strictObject({
  password: z.string().min(1).max(500),
  /** Somebody else made the password, and knows it. */
  oneTime: z.boolean(),
  sessions: z.array(session).max(100),
})

export type Session = z.infer<typeof session>
export type Access = z.infer<typeof access>

export const readAccess = (text: string): Access => access.parse(JSON.parse(text))
export const accessText = (held: Access): string => JSON.stringify(held)

/** Half an hour without a request ends a session, and half a day does whatever was asked. */
export const idle_ms = 30 * 60_000
export const longest_ms = 12 * 60 * 60_000
/** Sessions at once of one operator: the longest unused gives way. */
export const sessionsMax = 10
/** A session is not written anew at each request. */
const seenEvery_ms = 60_000

export const endsAt = ({ begun_ms, seen_ms }: Session): number => Math.min(begun_ms + longest_ms, seen_ms + idle_ms)

const going = ({ sessions }: Access, now_ms: number): Session[] => sessions.filter(each => now_ms < endsAt(each))

/** The session that a browser's octets, hashed, open; none where it was ended, or has come to its limits. */
export const sessionOf = (held: Access, hash: string, now_ms: number): Session | undefined =>
  going(held, now_ms).find(each => each.hash === hash)

/** One more session, and without those that are over. */
export const withSession = (held: Access, hash: string, now_ms: number): Access => ({
  ...held,
  sessions: [
    ...going(held, now_ms)
      .sort((a, b) => b.seen_ms - a.seen_ms)
      .slice(0, sessionsMax - 1),
    { hash, begun_ms: now_ms, seen_ms: now_ms },
  ],
})

export const withoutSession = (held: Access, hash: string): Access => ({
  ...held,
  sessions: held.sessions.filter(each => each.hash !== hash),
})

/** The same session, heard of now; undefined where that is already known well enough. */
export const seen = (held: Access, hash: string, now_ms: number): Access | undefined =>
  held.sessions.some(each => each.hash === hash && each.seen_ms + seenEvery_ms <= now_ms)
    ? { ...held, sessions: held.sessions.map(each => (each.hash === hash ? { ...each, seen_ms: now_ms } : each)) }
    : undefined

/** What a browser holds: whose session it is, and its octets. */
export const sessionToken = (operator: string, secret: string): string => `${operator}:${secret}`

export const readToken = (token: string): { readonly operator: string; readonly secret: string } | undefined => {
  const [operator = '', secret = '', ...more] = token.split(':')
  const isWhole = /^[a-z0-9][a-z0-9._-]{0,31}$/.test(operator) && secret.length === 43 && more.length === 0
  return isWhole && octets.safeParse(secret).success ? { operator, secret } : undefined
}

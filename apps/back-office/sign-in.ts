import { base64url, hex } from '#canonical/bytes'
import type { Clock } from '#canonical/clock'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import type { Heads } from '#eventstore/heads'
import type { Asker } from '#http/roles'
import type { Passwords } from '#machine/passwords'
import { operatorId } from '#operator'
import {
  type Access,
  accessText,
  endsAt,
  readAccess,
  readToken,
  seen,
  sessionOf,
  sessionToken,
  withoutSession,
  withSession,
} from '#operator/access'
import { readable, weakness } from '#operator/passwords'
import { throttle } from '#operator/throttle'
import type { Operators } from './operators.ts'

/**
 * What opens the centre to its operators: passwords and sessions. They lie in a store beside the log that nodes share,
 * one text for each operator; roles and suspensions are read from the log at each request, so that they hold at once.
 */

type Parts = {
  readonly clock: Clock
  readonly crypto: Crypto
  /** One text for each operator, apart from the log. */
  readonly access: Heads
  readonly passwords: Passwords
  readonly operators: Pick<Operators, 'operatorNow' | 'notePassword'>
  readonly log: { info(line: string): void; warn(line: string): void }
}

/** Who is signed in, as the one who asks is told. */
export type SignedIn = Asker & {
  readonly endsAt: string
  /** Somebody else made this password: nothing else is open before another is chosen. */
  readonly mustChangePassword: boolean
}

export type SignIn = ReturnType<typeof signIn>

const notSignedIn: Refusal = { reason: 'NotSignedIn', message: 'Nobody is signed in here: sign in first.' }
const sessionEnded: Refusal = {
  reason: 'SessionEnded',
  message: 'This session has ended: sign in again. Nothing was done.',
}
/** The same words for whatever was wrong: which names there are is nobody's to find out. */
const refusedSignIn: Refusal = {
  reason: 'SignInRefused',
  message: 'Operator and password do not open this centre. Try again, or ask an administrator for a new password.',
}
const mustChange: Refusal = {
  reason: 'PasswordMustChange',
  message: 'This password was made by somebody else: choose one of your own first. Nothing was done.',
}

export const signIn = ({ clock, crypto, access, passwords, operators, log }: Parts) => {
  const tries = throttle()
  const keyOf = (operator: string): string => `operator-${operator}`
  const hashOf = (secret: string): string => hex(crypto.sha256(`tallystick-session-1\n${secret}`))

  const held = async (operator: string): Promise<Access | undefined> => {
    const text = await access.get(keyOf(operator))
    return text === undefined ? undefined : readAccess(text)
  }
  /** Changes an operator's text whoever else does; undefined from `to` leaves it. */
  const change = async (operator: string, to: (was: Access | undefined) => Access | undefined): Promise<boolean> => {
    for (;;) {
      const text = await access.get(keyOf(operator))
      const next = to(text === undefined ? undefined : readAccess(text))
      if (next === undefined) return false
      if (await access.replace(keyOf(operator), text, accessText(next))) return true
    }
  }

  const session = async (token: string | undefined) => {
    const read = token === undefined ? undefined : readToken(token)
    if (!read) return undefined
    const { operator, secret } = read
    const hash = hashOf(secret)
    const known = await held(operator)
    const found = known && sessionOf(known, hash, clock.now())
    return found ? { operator, hash, known, found } : undefined
  }

  /** Who holds this session now, whatever their password; every request looks anew, and is heard unless it only looks. */
  const holder = async (token: string | undefined, looksOnly = false): Promise<SignedIn | Refusal> => {
    if (token === undefined) return notSignedIn
    const open = await session(token)
    const now = open && (await operators.operatorNow(open.operator))
    if (!now || now.suspended) return sessionEnded
    const { operator, hash, known, found } = open
    const heard = looksOnly ? undefined : seen(known, hash, clock.now())
    // Lost to somebody else's change, it is written at the next request.
    if (heard) await access.replace(keyOf(operator), accessText(known), accessText(heard))
    const last = heard?.sessions.find(each => each.hash === hash) ?? found
    const until = new Date(endsAt(last)).toISOString()
    return { operator, role: now.role, endsAt: until, mustChangePassword: known.oneTime }
  }

  const begin = async (operator: string, before?: string): Promise<string> => {
    const secret = base64url(crypto.random(32))
    const hash = hashOf(secret)
    await change(
      operator,
      was => was && withSession(before === undefined ? was : withoutSession(was, before), hash, clock.now()),
    )
    return sessionToken(operator, secret)
  }

  /** Is the password right, by somebody who may try just now? */
  const isRight = async (operator: string, password: string, address: string): Promise<true | Refusal> => {
    const attempt = { name: operator, address }
    const wait_ms = tries.wait_ms(attempt, clock.now())
    if (wait_ms > 0) {
      const seconds = Math.ceil(wait_ms / 1000)
      return {
        reason: 'SignInThrottled',
        message: `Too many passwords were wrong: try again in ${seconds} seconds.`,
        retryAfter_s: seconds,
      }
    }
    tries.tried(attempt, clock.now())
    // The same work whoever is named.
    const known = operatorId.safeParse(operator).success ? await held(operator) : undefined
    const fits = await passwords.verify(password, known?.password)
    const now = fits ? await operators.operatorNow(operator) : undefined
    if (fits && now && !now.suspended) {
      tries.succeeded(attempt)
      return true
    }
    log.warn(`a sign-in as ${JSON.stringify(operator.slice(0, 32))} from ${address} was refused`)
    return refusedSignIn
  }

  /** A new password, which ends every session that the old one opened. */
  const setPassword = async (operator: string, password: string, oneTime: boolean, by: string) => {
    const noted = await operators.notePassword({ operator, oneTime, by })
    if (isRefusal(noted)) return noted
    const hash = await passwords.hash(password)
    await change(operator, () => ({ password: hash, oneTime, sessions: [] }))
    return { operator }
  }

  return {
    /** Who is signed in, without making the session any longer. */
    look: (token: string | undefined) => holder(token, true),
    /** Who asks for more than who one is: with a password of one's own. */
    asker: async (token: string | undefined): Promise<Asker | Refusal> => {
      const found = await holder(token)
      return !isRefusal(found) && found.mustChangePassword ? mustChange : found
    },
    /** A new session whatever was held before, so that nobody's session can be laid under somebody else's sign-in. */
    signIn: async (asked: { operator: string; password: string; address: string; token?: string | undefined }) => {
      const { operator, password, address, token } = asked
      const right = await isRight(operator, password, address)
      if (right !== true) return right
      const before = await session(token)
      if (before) await change(before.operator, was => was && withoutSession(was, before.hash))
      const begun = await begin(operator)
      log.info(`${operator} signed in from ${address}`)
      const who = await holder(begun)
      return isRefusal(who) ? who : { token: begun, who }
    },
    signOut: async (token: string | undefined): Promise<void> => {
      const open = await session(token)
      if (open) await change(open.operator, was => was && withoutSession(was, open.hash))
    },
    /** One's own password. The session goes on under new octets; every other one ends. */
    changePassword: async (asked: { token: string | undefined; password: string; next: string; address: string }) => {
      const { token, password, next, address } = asked
      const who = await holder(token)
      if (isRefusal(who)) return who
      const { operator } = who
      const right = await isRight(operator, password, address)
      if (right !== true)
        return right.reason === 'SignInRefused'
          ? { reason: 'PasswordWrong', message: 'That is not your password as it is now. Nothing was done.' }
          : right
      const poor = weakness(operator, next)
      if (poor) return poor
      if (password.normalize('NFC') === next.normalize('NFC'))
        return { reason: 'PasswordTooWeak', message: 'The new password is the old one: choose another.' }
      const set = await setPassword(operator, next, false, `operator:${operator}`)
      if (isRefusal(set)) return set
      const begun = await begin(operator)
      const renewed = await holder(begun)
      return isRefusal(renewed) ? renewed : { token: begun, who: renewed }
    },
    /** A password for somebody else to use once; all their sessions end. */
    oneTimePassword: async ({ operator, by }: { readonly operator: string; readonly by: string }) => {
      const password = readable(crypto)
      const set = await setPassword(operator, password, true, by)
      return isRefusal(set) ? set : { operator, oneTimePassword: password }
    },
    /** The first one: only where the operator has none. False, and nothing done, where there is one. */
    firstPassword: async (operator: string, password: string, oneTime: boolean): Promise<boolean> => {
      const hash = await passwords.hash(password)
      return change(operator, was => (was ? undefined : { password: hash, oneTime, sessions: [] }))
    },
    hasPassword: async (operator: string): Promise<boolean> => (await held(operator)) !== undefined,
    /** Ends what somebody has open: a suspension shuts the door and clears the room. */
    endSessions: (operator: string) => change(operator, was => was && { ...was, sessions: [] }),
  }
}

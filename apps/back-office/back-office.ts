import { Subject } from 'rxjs'
import type { Clock } from '#canonical/clock'
import type { Crypto } from '#canonical/crypto'
import { isRefusal } from '#canonical/decider'
import { type EventStore, readStream } from '#eventstore'
import type { Rows } from '#eventstore/rows'
import type { BatchBody } from '#sync/batch'
import type { AuthorityKeys } from './authority.ts'
import { enrolments } from './enrolments.ts'
import { followers } from './followers.ts'
import { intake } from './intake.ts'
import { licenses } from './licenses.ts'
import { office } from './office.ts'
import { questions } from './questions.ts'
import { rulebook } from './rulebook.ts'
import { trade } from './trade.ts'

/** The centre as a plain function: authority, intake, followers and commands around one log. */

export type BackOfficeParts = {
  readonly clock: Clock
  readonly crypto: Crypto
  readonly store: EventStore
  readonly rows: Rows
  readonly keys: AuthorityKeys
  readonly log: { info(line: string): void; warn(line: string): void; error(line: string): void }
}

export type BackOffice = Awaited<ReturnType<typeof backOffice>>

export const backOffice = async ({ clock, crypto, store, rows, keys, log }: BackOfficeParts) => {
  const news = new Subject<{ readonly kind: string }>()
  const here = office(store, crypto, clock, keys)
  const book = await rulebook(here)
  const following = followers(here, clock, rows, news, log.error)
  const { settled, status, run } = following
  const heard = new Map<string, number>()
  const ask = questions({ rows, store, now: () => clock.now(), heard, freshness: following.freshness })
  const { fingerprint, ...terminals } = enrolments(here, book, settled)

  const takeIn = intake({ store, crypto, origin: keys.origin, salt: here.reactorSalt, now: here.now })
  const acceptBatch = async (terminal: string, body: BatchBody) => {
    const answer = await takeIn(terminal, body)
    if (isRefusal(answer)) return answer
    heard.set(terminal, clock.now())
    news.next({ kind: 'batch' })
    return { ...answer, rules: await book.versions(), at: here.now() }
  }

  const rulesFor = async (terminal: string) => {
    const known = (await readStream(store, `enrolment-${terminal}`)).some(({ type }) => type === 'TerminalEnrolled')
    if (!known)
      return { reason: 'TerminalUnknown', message: `Terminal ${terminal} is not enrolled at this centre.`, terminal }
    heard.set(terminal, clock.now())
    return { ...(await book.rules()), at: here.now() }
  }

  return {
    id: keys.origin,
    fingerprint,
    news,
    ask,
    ...trade(here, settled, following),
    ...terminals,
    ...licenses(here, book, settled, ask.figures),
    acceptBatch,
    rulesFor,
    status,
    /** Follows the log until the signal. */
    run,
  }
}

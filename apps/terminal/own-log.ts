import { base64url, fromBase64url } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { type Act, chain, type Event, trustEvent, upcast } from '#canonical/event'
import { uuid7 } from '#canonical/ids'
import { certificateHash, readCertificate } from '#license/certificate'
import type { Currency } from '#money'
import { adoptable, type RuleDocuments, type Rules, rulesFrom } from '#tap/rules'
import { decide, evolve, type TillFact } from '#till'
import type { TillCommand } from '#till/commands'
import { tillWords } from '#till/events'
import { acknowledge, emptyTill } from '#till/state'
import type { News, TerminalParts } from './ports.ts'

/**
 * The terminal's own log and what follows from it: the till's state, the rules in force, and the terminal's time. It is
 * the only author of its stream, so what is in memory is what is on disk.
 */
export type OwnLog = Awaited<ReturnType<typeof ownLog>>

/** Events of the terminal's own life: they wait for nobody and start no sync. */
export const lifeTypes: ReadonlySet<string> = new Set([
  'CentreAcknowledged',
  'CheckpointRefused',
  'ClockObserved',
  'RulesAdopted',
])

export const iso = (ms: number): string => new Date(ms).toISOString()

export const ownLog = async (parts: TerminalParts, news: News) => {
  const { clock, crypto, store, notes, identity } = parts
  const stream = `terminal-${identity.terminal}`
  const certificate = fromBase64url(identity.certificate)
  const certified = readCertificate(certificate)
  const root = fromBase64url(identity.rootPublicKey)
  const seed = certificateHash(crypto, certificate)

  const till = emptyTill()
  let last: Pick<Event, 'revision' | 'hash' | 'at'> | undefined
  /** Of a newer version that was taken back: what it sold and promised, from there on, is not all known here. */
  let refusal: Refusal | undefined
  for await (const page of store.read(stream, { from: 0, direction: 'forward' }))
    for (const stored of page) {
      const event = trustEvent(stored.text)
      const known = refusal ? undefined : upcast(event, tillWords)
      if (known) evolve(till, { ...known, revision: stored.revision })
      else refusal ??= logIsNewer(event)
      last = event
    }
  acknowledge(till, Number(notes.note('acknowledgedTo') ?? -1))

  /** The newest time that somebody signed for this terminal: of the rules it adopted. */
  let signed_ms = 0
  /** A terminal's time never goes back: not behind its clock, what it wrote before, or a signed time it has seen. */
  const time = (): number => Math.max(clock.now(), signed_ms, last === undefined ? 0 : Date.parse(last.at))

  const written = new Set<() => void>()
  let turn: Promise<unknown> = Promise.resolve()
  /** One append at a time: the till decides on what is on disk, and nothing else writes this stream. */
  const exclusive = <T>(act: () => Promise<T>): Promise<T> => {
    const mine = turn.then(act)
    turn = mine.catch(() => {})
    return mine
  }

  /** Decides, and is durable when it answers. A command that depends on the head is given as a function. */
  const write = (
    command: TillCommand | (() => TillCommand),
    correlation?: string,
  ): Promise<readonly Event[] | Refusal> =>
    exclusive(async () => {
      if (refusal) return refusal
      const facts = decide(typeof command === 'function' ? command() : command, till)
      if (isRefusal(facts)) return facts
      if (facts.length === 0) return []
      const now = time()
      const id = uuid7(now, crypto.random(16))
      const by = `terminal:${identity.terminal}`
      const act: Act = { id, at: iso(now), by, correlation: correlation ?? id, causation: id }
      const salt = () => base64url(crypto.random(16))
      const links = chain(crypto, tillWords, stream, last, facts, act, salt, seed)
      const toAppend = links.map(({ event: { id, type }, text }) => ({ id, type, text }))
      await store.append(stream, last?.revision ?? 'NoStream', toAppend)
      for (const { event } of links) evolve(till, event as unknown as TillFact)
      last = links.at(-1)?.event
      news.next({ kind: 'log' })
      if (facts.some(fact => !lifeTypes.has(fact.type))) for (const wake of written) wake()
      return links.map(({ event }) => event)
    })

  /** For commands that the till cannot refuse here: if it does, that is a bug, and the tap ends. */
  const writeSurely = async (command: TillCommand, correlation?: string): Promise<void> => {
    const answer = await write(command, correlation)
    if (isRefusal(answer)) throw new Error(`The till refused what must hold: ${answer.message}`)
  }

  let rules: Rules = { keySet: undefined, denyList: undefined, policy: undefined }
  const readRules = (): void => {
    if (!till.rules) return
    rules = rulesFrom(crypto, root, till.rules)
    const issued_s = [rules.policy, rules.denyList, rules.keySet].map(document => document?.issued ?? 0)
    signed_ms = Math.max(signed_ms, ...issued_s.map(seconds => seconds * 1000))
  }
  const adopt = async (documents: RuleDocuments): Promise<Refusal | undefined> => {
    const offered = adoptable(crypto, root, documents)
    if (isRefusal(offered)) return offered
    const answer = await write({ type: 'AdoptRules', ...offered })
    if (isRefusal(answer)) return answer
    readRules()
    return undefined
  }
  readRules()

  return {
    stream,
    till,
    certificate,
    certified,
    time,
    clockBehind_ms: (): number => time() - clock.now(),
    /** Where the chain stands: the last revision and its hash, or the certificate's before the first event. */
    head: () => ({ revision: last?.revision ?? -1, hash: last?.hash ?? seed }),
    rules: () => rules,
    /** Why this version takes nothing: a newer one wrote in its log. It still sends what waits. */
    refusal: () => refusal,
    /** Of the policy; a terminal without one takes no payments. */
    currency: (): Currency => rules.policy?.currency ?? 'EUR',
    write,
    writeSurely,
    adopt,
    /** Told after each append that the centre should hear of. */
    onWritten: (wake: () => void): void => void written.add(wake),
  }
}

const logIsNewer = ({ type, schema, revision }: Event): Refusal => ({
  reason: 'LogIsNewer',
  message: `A newer version of this till wrote ${type} in shape ${schema} at revision ${revision}, which this one does not know: start that version again. Until then nothing is sold here; what waits is still sent.`,
  revision,
})

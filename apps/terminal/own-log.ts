import { base64url, fromBase64url } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { type Act, chain, type Event, statedHash, trustEvent, upcast } from '#canonical/event'
import { uuid7 } from '#canonical/ids'
import type { EventStore, StoredEvent } from '#eventstore'
import { certificateHash } from '#license/certificate'
import type { Currency } from '#money'
import type { Returned } from '#sync/recovery'
import { adoptable, type RuleDocuments, type Rules, ruleKinds, rulesFrom } from '#tap/rules'
import { decide, evolve, type TillFact } from '#till'
import type { TillCommand } from '#till/commands'
import { tillWords } from '#till/events'
import { readSnapshot, snapshotOf } from '#till/snapshot'
import { acknowledge, emptyTill, type Recorded, type Reversing, recordedOf, type Sale } from '#till/state'
import { type FindableBy, findable, forget, recall, takeBack } from '#till/window'
import { markText, readMark, whyDoubted } from './marker.ts'
import { assignmentOffered, certificateOffered, place } from './place.ts'
import type { News, TerminalParts } from './ports.ts'

/**
 * The terminal's own log and what follows from it: the till's state, the rules in force, and the terminal's time. It is
 * the only author of its stream, so what is in memory is what is on disk.
 */
export type OwnLog = Awaited<ReturnType<typeof ownLog>>

/** Events of the terminal's own life: they wait for nobody and start no sync. */
export const lifeTypes: ReadonlySet<string> = new Set([
  'CentreAcknowledged',
  'CertificateAdopted',
  'CheckpointRefused',
  'ClockObserved',
  'RulesAdopted',
])

export const iso = (ms: number): string => new Date(ms).toISOString()

/** This log takes no more words for now, or for good; whoever was in the middle of something hears why. */
export class LogShut extends Error {
  readonly code = 'LogShut'
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}

export const ownLog = async (parts: TerminalParts, news: News) => {
  const { clock, crypto, store, notes, past, marker, identity, log } = parts
  const { inMind, snapshotEvery } = parts.window ?? usual
  const stream = `terminal-${identity.terminal}`
  const root = fromBase64url(identity.rootPublicKey)
  const seed = certificateHash(crypto, fromBase64url(identity.certificate))

  const began = await fromSnapshot(parts, stream)
  const till = began?.till ?? emptyTill()
  let last: Pick<Event, 'revision' | 'hash' | 'at'> | undefined = began?.last
  /** Of a newer version that was taken back: what it sold and promised, from there on, is not all known here. */
  let newer: Refusal | undefined
  acknowledge(till, Number(notes.note('acknowledgedTo') ?? -1))
  /** Events that no snapshot covers yet. */
  let uncovered = 0
  /** The last event that the centre has to hear of. */
  let recordedTo = -1
  const takeUp = (event: Event): void => {
    const known = newer ? undefined : upcast(event, tillWords)
    if (known) evolve(till, { ...known, revision: event.revision })
    else newer ??= logIsNewer(event)
    if (!lifeTypes.has(event.type)) recordedTo = event.revision
    last = event
  }
  for await (const page of store.read(stream, { from: (last?.revision ?? -1) + 1, direction: 'forward' })) {
    for (const { text } of page) takeUp(trustEvent(text))
    uncovered += page.length
    forget(till, inMind)
  }
  // Before a snapshot nothing was read: the marker must not say less than the log does.
  if (began && recordedTo < 0) recordedTo = await lastRecorded(store, stream)

  const marked = readMark(marker.read())
  /** This log may not be all that was written: nothing is added to it before the centre was asked. */
  let doubt = (await whyDoubted(store, stream, marked, last)) ?? refusalIn(notes.note('doubt'))
  /** Another history goes by this terminal's name: nothing is added to this one any more. */
  let ended = refusalIn(notes.note('ended'))
  const refusal = (): Refusal | undefined => ended ?? newer ?? doubt

  let isMarkerTold = false
  const mark = (): void => {
    if (!last) return
    try {
      marker.write(markText({ revision: last.revision, hash: last.hash, recordedTo }))
      isMarkerTold = false
    } catch (error) {
      // A marker that lags hides nothing that a till without one would have noticed: no sale waits for it.
      if (!isMarkerTold) log.warn(`what was written last is not marked beside the log: ${(error as Error).message}`)
      isMarkerTold = true
    }
  }
  if (!doubt) mark()

  /** The newest time that somebody signed for this terminal: of the rules it adopted. */
  let signed_ms = 0
  /** A terminal's time never goes back: not behind its clock, what it wrote before, or a signed time it has seen. */
  const time = (): number => Math.max(clock.now(), signed_ms, last === undefined ? 0 : Date.parse(last.at))

  const written = new Set<() => void>()
  const trusted = new Set<() => Promise<void>>()
  let turn: Promise<unknown> = Promise.resolve()
  /** One append at a time: the till decides on what is on disk, and nothing else writes this stream. */
  const exclusive = <T>(act: () => Promise<T>): Promise<T> => {
    const mine = turn.then(act)
    turn = mine.catch(() => {})
    return mine
  }

  /** Beside the log, now and then and at the end of each day: the next start reads on from there. */
  const keepSnapshot = (): void => {
    if (!last || refusal()) return
    forget(till, inMind)
    notes.setNote('snapshot', snapshotOf(crypto, till, last))
    uncovered = 0
  }

  /** Decides, and is durable when it answers. A command that depends on the head is given as a function. */
  const write = (
    command: TillCommand | (() => TillCommand),
    correlation?: string,
  ): Promise<readonly Event[] | Refusal> =>
    exclusive(async () => {
      const refused = refusal()
      if (refused) return refused
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
      for (const { event } of links) if (!lifeTypes.has(event.type)) recordedTo = event.revision
      mark()
      news.next({ kind: 'log' })
      if (facts.some(fact => !lifeTypes.has(fact.type))) for (const wake of written) wake()
      uncovered += links.length
      const isDayOver = facts.some(({ type }) => type === 'DayClosed' || type === 'DayRolledOver')
      // In a turn of its own, after whoever waits for this one has heard of it.
      if (isDayOver || uncovered >= snapshotEvery)
        exclusive(async () => keepSnapshot()).catch(({ message }: Error) =>
          // A disk that is full says so at the next sale; without a snapshot a start reads more, and that is all.
          log.warn(`the till's state was not kept: ${message}`),
        )
      return links.map(({ event }) => event)
    })

  /** For commands that the till cannot refuse here: if it does, that is a bug, and the tap ends. */
  const writeSurely = async (command: TillCommand, correlation?: string): Promise<void> => {
    const answer = await write(command, correlation)
    const out = refusal()
    if (isRefusal(answer) && out) throw new LogShut(out)
    if (isRefusal(answer)) throw new Error(`The till refused what must hold: ${answer.message}`)
  }

  let rules: Rules = { keySet: undefined, denyList: undefined, policy: undefined }
  const readRules = (): void => {
    if (!till.rules) return
    rules = rulesFrom(crypto, root, till.rules)
    const issued_s = [rules.policy, rules.denyList, rules.keySet].map(document => document?.issued ?? 0)
    signed_ms = Math.max(signed_ms, ...issued_s.map(seconds => seconds * 1000))
  }
  /** Told again, as at every look for newer ones: they were verified when they came, and are in force. */
  const inForce = (documents: RuleDocuments): boolean =>
    rules.keySet !== undefined && ruleKinds.every(kind => till.rules?.[kind]?.document === documents[kind])
  const adopt = async (documents: RuleDocuments): Promise<Refusal | undefined> => {
    if (inForce(documents)) return undefined
    const offered = adoptable(crypto, root, documents)
    if (isRefusal(offered)) return offered
    const answer = await write({ type: 'AdoptRules', ...offered })
    if (isRefusal(answer)) return answer
    readRules()
    return undefined
  }
  readRules()
  if (uncovered >= snapshotEvery) keepSnapshot()

  /** Of what this log says of a name: what is no longer in mind is read again. */
  const recallBy = (name: FindableBy, value: string): void => recall(till, factsOf(past.find(name, value)))

  const here = place(crypto, identity, till)
  /** The centre's word on this terminal, and its certificate: verified before they are written. */
  const adoptOffered = async (offered: TillCommand | Refusal): Promise<Refusal | undefined> => {
    if (isRefusal(offered)) return offered
    const answer = await write(offered)
    if (isRefusal(answer)) return answer
    if (answer.length > 0) news.next({ kind: 'place' })
    return undefined
  }

  return {
    stream,
    till,
    place: here,
    time,
    clockBehind_ms: (): number => time() - clock.now(),
    /** Where the chain stands: the last revision and its hash, or the certificate's before the first event. */
    head: () => ({ revision: last?.revision ?? -1, hash: last?.hash ?? seed }),
    rules: () => rules,
    /** Why it writes nothing: its log is in doubt, has ended, or a newer version wrote in it. It still sends what waits. */
    refusal,
    doubt: () => doubt,
    ended: () => ended,
    /** What the next event bears as the one before it, had the log ended there; undefined beyond its end. */
    hashAt: async (revision: number): Promise<string | undefined> => {
      if (revision < 0) return seed
      for await (const [stored] of store.read(stream, { from: revision, direction: 'forward', pageSize: 1 }))
        return stored && statedHash(stored.text)
      return undefined
    },
    /** What was marked as written last, when this process started. */
    marked: () => marked,
    /** The centre holds more of this log than there is here: nothing is written until it is. */
    doubtIt: (why: Refusal): void => {
      if (doubt) return
      doubt = why
      // A start in the midst of it must not sell: the marker beside an old log may be as old.
      notes.setNote('doubt', JSON.stringify(why))
      news.next({ kind: 'place' })
    },
    /** What this terminal wrote, and this disk had lost. False where the log is not where these events go on. */
    restore: (returned: Returned): Promise<boolean> =>
      exclusive(async () => {
        if (returned[0]?.event.revision !== (last?.revision ?? -1) + 1) return false
        const toAppend = returned.map(({ event: { id, type }, text }) => ({ id, type, text }))
        await store.append(stream, last?.revision ?? 'NoStream', toAppend)
        for (const { event } of returned) takeUp(event)
        uncovered += returned.length
        forget(till, inMind)
        return true
      }),
    /** The log is whole: it goes on. */
    trust: async (): Promise<void> => {
      await exclusive(async () => {
        doubt = undefined
        if (notes.note('doubt')) notes.setNote('doubt', '')
        mark()
        readRules()
        if (uncovered >= snapshotEvery) keepSnapshot()
      })
      for (const goOn of trusted) await goOn()
    },
    onTrusted: (goOn: () => Promise<void>): void => void trusted.add(goOn),
    /** For good: it stays so after a restart. */
    end: (why: Refusal): void => {
      if (ended) return
      ended = why
      log.error(why.message)
      notes.setNote('ended', JSON.stringify(why))
      news.next({ kind: 'place' })
    },
    /** Of the policy; a terminal without one takes no payments. */
    currency: (): Currency => rules.policy?.currency ?? 'EUR',
    write,
    writeSurely,
    adopt,
    /** A transaction of this terminal, however old. */
    recorded: (transaction: string): Recorded | undefined => {
      if (!recordedOf(till, transaction)) recallBy('transaction', transaction)
      return recordedOf(till, transaction)
    },
    /** What a reversal's id was given to before, if it was. */
    reversal: (reversal: string): Reversing | undefined => {
      if (till.reversals.has(reversal)) return till.reversals.get(reversal)
      recallBy('reversal', reversal)
      // How often its receipt was printed again is said under its transaction.
      const found = till.reversals.get(reversal)
      if (found) recallBy('transaction', found.transaction)
      return till.reversals.get(reversal)
    },
    sale: (sale: string): Sale | undefined => {
      const isKnown = till.sales.has(sale)
      if (!isKnown) recallBy('sale', sale)
      const held = till.sales.get(sale)
      // What was given back names the transaction and not the sale: the sale's own events say nothing of it.
      if (!isKnown && held?.transaction !== undefined && !till.recorded.has(held.transaction))
        recallBy('transaction', held.transaction)
      if (held?.transaction !== undefined && !recordedOf(till, held.transaction))
        recallBy('transaction', held.transaction)
      return held
    },
    /** The sale that was keyed under an idempotency key. */
    saleByKey: (key: string): string | undefined => {
      if (!till.saleByKey.has(key)) recallBy('idempotencyKey', key)
      return till.saleByKey.get(key)
    },
    /** The centre went back, and holds this log up to this revision: what comes after waits again. */
    takeBack: async (revision: number): Promise<void> => {
      notes.setNote('acknowledgedTo', `${revision}`)
      const since: StoredEvent[] = []
      for await (const page of store.read(stream, { from: revision + 1, direction: 'forward' }))
        since.push(...page.filter(({ type }) => takenBack.has(type)))
      takeBack(till, revision, factsOf(since))
    },
    adoptAssignment: (document: string) =>
      adoptOffered(assignmentOffered(crypto, identity.terminal, rules.keySet, document, till.assignment?.zone)),
    adoptCertificate: (certificate: string) =>
      adoptOffered(certificateOffered(crypto, identity, rules.keySet, Math.floor(time() / 1000), certificate)),
    /** Told after each append that the centre should hear of. */
    onWritten: (wake: () => void): void => void written.add(wake),
  }
}

/** The last days of a busy till; and some two hundred taps, which is what a start reads again at most. */
const usual = { inMind: 1000, snapshotEvery: 1000 }

/** What waits for the centre, and what was done to it since. */
const takenBack: ReadonlySet<string> = new Set(findable[0].types)

/** A refusal that was kept beside the log; an empty note says that there is none any more. */
const refusalIn = (note: string | undefined): Refusal | undefined => (note ? (JSON.parse(note) as Refusal) : undefined)

/** The last event that the centre has to hear of, looked for from the end; -1 where there is none. */
const lastRecorded = async (store: Pick<EventStore, 'read'>, stream: string): Promise<number> => {
  for await (const page of store.read(stream, { from: 'end', direction: 'backward', pageSize: 20 }))
    for (const { type, revision } of page) if (!lifeTypes.has(type)) return revision
  return -1
}

/** Of the till's own words; what a newer version wrote, and this one cannot read, says nothing here. */
const factsOf = (events: readonly StoredEvent[]): TillFact[] =>
  events.flatMap(({ text, revision }) => {
    const known = upcast(trustEvent(text), tillWords)
    return known ? [{ ...known, revision }] : []
  })

/** The state that was kept, where the log still has the event after which it was so. */
const fromSnapshot = async ({ crypto, store, notes }: TerminalParts, stream: string) => {
  const text = notes.note('snapshot')
  const kept = text === undefined ? undefined : readSnapshot(crypto, text)
  // The centre went back since, and what it lacks waits again: that is found by reading the log.
  if (!kept || kept.till.acknowledgedTo > Number(notes.note('acknowledgedTo') ?? -1)) return undefined
  for await (const [stored] of store.read(stream, { from: kept.revision, direction: 'forward', pageSize: 1 })) {
    const last = stored && trustEvent(stored.text)
    return last?.hash === kept.hash ? { till: kept.till, last } : undefined
  }
  return undefined
}

const logIsNewer = ({ type, schema, revision }: Event): Refusal => ({
  reason: 'LogIsNewer',
  message: `A newer version of this till wrote ${type} in shape ${schema} at revision ${revision}, which this one does not know: start that version again. Until then nothing is sold here; what waits is still sent.`,
  revision,
})

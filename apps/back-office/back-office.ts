import { Subject } from 'rxjs'
import type { Clock } from '#canonical/clock'
import type { Crypto } from '#canonical/crypto'
import { isRefusal } from '#canonical/decider'
import { run as carryOut } from '#cqrs/run'
import { type EventStore, readLast, type StoredEvent } from '#eventstore'
import type { Heads } from '#eventstore/heads'
import type { Rows } from '#eventstore/rows'
import type { Vault } from '#eventstore/vault'
import { verdictRules, verdictRuleWords } from '#payment/rule'
import { verdictRule } from '#payment/verdict'
import { type LogAnswer, proofText } from '#sync/acknowledgement'
import type { BatchBody } from '#sync/batch'
import type { Tiles } from '#transparency/tiles'
import { originOrders, originWords } from '#upkeep/origin'
import { accountPage, accounts } from './accounts.ts'
import { activations } from './activations.ts'
import { adjustments } from './adjustments.ts'
import { approvals } from './approvals.ts'
import { assignments } from './assignments.ts'
import { type AuthorityKeys, type KeyKeeper, keptInMemory, type OutsideKey } from './authority.ts'
import { calendar } from './calendar.ts'
import { decisions } from './decisions.ts'
import { enrolments } from './enrolments.ts'
import { followers } from './followers.ts'
import { foundCentre } from './founding.ts'
import { holds } from './holds.ts'
import { intake } from './intake.ts'
import { licenses } from './licenses.ts'
import { lostPhones } from './lost.ts'
import { merchantOf } from './merchant-of.ts'
import { merchants as merchantOrders } from './merchants.ts'
import { office } from './office.ts'
import { operators } from './operators.ts'
import { outboxWorker, type Send } from './outbox.ts'
import { people } from './people.ts'
import { proposals } from './proposals.ts'
import { questions } from './questions.ts'
import { releases } from './releases.ts'
import { renewals } from './renewals.ts'
import { returned } from './returned.ts'
import { rulebook } from './rulebook.ts'
import { secondPerson } from './second-person.ts'
import { service } from './service.ts'
import { shops } from './shops.ts'
import { signedLog } from './signed-log.ts'
import { signingKeys } from './signing-keys.ts'
import { standings } from './standing.ts'
import { testimonies } from './testimonies.ts'
import { told } from './told.ts'
import { trade } from './trade.ts'

/** The centre as a plain function: authority, intake, followers and commands around one log. */

export type BackOfficeParts = {
  readonly clock: Clock
  readonly crypto: Crypto
  readonly store: EventStore
  readonly rows: Rows
  readonly keys: AuthorityKeys
  /** Where keys that are made later are kept; without one, for as long as this runs. */
  readonly keeper?: KeyKeeper
  /** Keys that a signer holds which is not this process. */
  readonly outside?: readonly OutsideKey[]
  /** What was signed of the log, and its Merkle tree: both apart from the log. */
  readonly heads: Heads
  /** Who the payers are: apart from the log as well, and erasable. */
  readonly vault: Vault
  readonly tiles: Tiles
  /** Where exceptions and stopped followers are told, if anywhere. */
  readonly webhook?: Send
  readonly sleep: (wait_ms: number, signal: AbortSignal) => Promise<void>
  readonly log: { info(line: string): void; warn(line: string): void; error(line: string): void }
}

export type BackOffice = Awaited<ReturnType<typeof backOffice>>

export const backOffice = async (parts: BackOfficeParts) => {
  const { clock, crypto, store, rows, keys, heads, vault, tiles, sleep, log, webhook } = parts
  const news = new Subject<{ readonly kind: string }>()
  const bare = office(store, crypto, clock, parts.keeper ?? keptInMemory(keys))
  await foundCentre(bare)
  const authority = await signingKeys(bare, parts.outside)
  const here = { ...bare, keys: authority.live }
  /** What signs looks first which key signs now: another node may have changed that. */
  const byTheNewest =
    <Asked, Answer>(act: (asked: Asked) => Promise<Answer>) =>
    async (asked: Asked): Promise<Answer> => {
      await authority.refresh()
      return act(asked)
    }
  const book = await rulebook(here, authority)
  const merchants = merchantOf(here)
  const whoseIs = async (terminal: string) => (await merchants.recall(terminal)) ?? { merchant: '', currency: 'EUR' }
  const newestRule = { version: verdictRule }
  await carryOut(here.runner, verdictRules, verdictRuleWords, 'verdict-rule', newestRule, here.actOf('centre'))
  const following = await followers(here, clock, rows, news, log.error)
  const { settled, status, run } = following
  const heard = new Map<string, number>()
  const software = new Map<string, string>()
  const ask = questions({ rows, store, now: () => clock.now(), heard, software, freshness: following.freshness })
  const holding = holds(here, rows)
  const licensed = licenses(here, authority, book, settled, holding)
  const known = standings(store)
  const { leave, ...ordered } = service(here, known, settled)
  const { fingerprint, ...terminals } = enrolments(here, authority, book, known, leave, settled)
  /** The deny list that a terminal said it works under, before its log says so. */
  const denyLists = new Map<string, number>()
  const { markFor, asking, ...assigned } = assignments(
    here,
    authority,
    book,
    known,
    whoseIs,
    (terminal, version, denyList) => {
      heard.set(terminal, clock.now())
      if (denyList !== undefined) denyLists.set(terminal, denyList)
      if (version !== undefined) software.set(terminal, version)
    },
  )
  const two = secondPerson(here)
  const accountOrders = accounts(here, settled, rows, holding, book, two)
  const { boundOf, ...proposed } = proposals(here, settled, holding, two)

  const hours = calendar(here, clock, sleep, log.error)
  const telling = webhook && outboxWorker(here, rows, clock, sleep, webhook, log.error)
  const { origin } = keys
  const signing = await signedLog({
    store,
    crypto,
    clock,
    origin,
    keys: authority,
    heads,
    tiles,
    sleep,
    onFault: log.error,
  })
  const takeIn = intake({
    store,
    crypto,
    origin,
    mode: keys.mode,
    known,
    salt: here.reactorSalt,
    now: here.now,
    contradicting: signing.contradicting,
    onFault: log.warn,
  })
  const acceptBatch = async (terminal: string, body: BatchBody) => {
    const taken = await takeIn(terminal, body)
    if (isRefusal(taken)) {
      // What is kept, an open page shows at once.
      if (taken['quarantined'] !== undefined) news.next({ kind: 'quarantine' })
      return taken
    }
    const { acceptedTo, seen } = taken
    heard.set(terminal, clock.now())
    news.next({ kind: 'batch' })
    const logged = await loggedOf(`terminal-${terminal}`, seen)
    const versions = await book.versions(await whoseIs(terminal))
    const rules = { ...versions, assignment: await markFor(terminal) }
    return { acceptedTo, ...(logged ? { log: logged } : {}), rules, at: here.now() }
  }

  /** What acknowledges a stream to its terminal: its newest event that is under a checkpoint, and the proofs. */
  const loggedOf = async (stream: string, seenNote: string | undefined): Promise<LogAnswer | undefined> => {
    const seen = seenNote === undefined ? undefined : await signing.remembered(seenNote)
    const last = await readLast(store, stream)
    if (!last) return undefined
    const signed = await signing.covering(last.index + 1, seen)
    if (!signed) return undefined
    const isUnder = ({ index }: StoredEvent): boolean => signing.leafIndex(index) < signed.size
    const event = isUnder(last) ? last : await newestOf(stream, isUnder)
    const proved = event && signing.prove(event, seen, signed)
    if (!proved) return undefined
    const { leaf, consistency, inclusion, began } = proved
    return {
      loggedTo: event.revision,
      leaf,
      checkpoint: signed.note,
      consistency: proofText(consistency),
      inclusion: proofText(inclusion),
      ...(began ? { began: { first: began.first, inclusion: proofText(began.inclusion) } } : {}),
    }
  }
  const newestOf = async (
    stream: string,
    isWanted: (event: StoredEvent) => boolean,
  ): Promise<StoredEvent | undefined> => {
    for await (const page of store.read(stream, { from: 'end', direction: 'backward', pageSize: 100 })) {
      const found = page.find(isWanted)
      if (found) return found
    }
    return undefined
  }

  return {
    id: keys.origin,
    mode: keys.mode,
    fingerprint,
    news,
    ask,
    ...decisions(here, settled, following, two),
    ...adjustments(here, settled, two),
    ...approvals(ask, two),
    approvesNothingUntil: two.approvesNothingUntil,
    ...merchantOrders(here, settled),
    ...trade(here, settled, holding, { boundOf }),
    ...accountOrders,
    ...proposed,
    ...lostPhones(here, rows, accountOrders, licensed, { heard, denyLists }),
    accountPage: accountPage(holding),
    ...operators(here, settled, ask.otherAdministrators),
    ...people(here, vault, holding, log.info),
    ...terminals,
    enrol: byTheNewest(terminals.enrol),
    ...activations(here, licensed, settled, holding),
    ...renewals(here, licensed, holding),
    ...testimonies(here, book, licensed, settled),
    revokeLicense: licensed.revokeLicense,
    ...ordered,
    ...assigned,
    ...told(here, authority, asking),
    ...returned(here, authority, asking),
    ...shops(here, settled),
    acceptBatch,
    ...releases(here, takeIn, settled, () => news.next({ kind: 'batch' })),
    authority,
    book,
    deny: book.deny,
    undeny: book.undeny,
    skipEvent: following.skipEvent,
    retryFollower: following.retryFollower,
    status: () => ({ ...status(), log: signing.state() }),
    signing,
    /** Signs the log under a new name, where it does not continue what was signed; the order and its reason come first. */
    beginLogAnew: async ({ reason, by }: { reason: string; by: string }) => {
      const { silence, origin: after } = signing.state()
      if (silence) {
        const order = { type: 'OrderOrigin' as const, after, found: silence.reason, reason }
        const ran = await carryOut(here.runner, originOrders, originWords, 'log-origins', order, here.actOf(by))
        if (isRefusal(ran)) return ran
      }
      return signing.beginAnew()
    },
    /** Sends what is due to be told outside; undefined where nobody is told. */
    deliver: telling?.deliver,
    /** What waits to be told outside; null where nobody is told. */
    undelivered: async () => (telling ? telling.counts() : null),
    /** Strikes the hours that have passed; while this runs, that happens by itself. */
    strikeHours: hours.strike,
    /** Follows the log, and signs it, until the signal. */
    run: async (signal: AbortSignal): Promise<void> => {
      await Promise.all([run(signal), signing.run(signal), hours.run(signal), telling?.run(signal)])
    },
  }
}

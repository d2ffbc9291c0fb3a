import { isRefusal, type Refusal } from '#canonical/decider'
import { type Link as StreamLink, statedHash } from '#canonical/event'
import { renewalDue } from '#license/renewal'
import { type SyncRequest, signRequest } from '#license/request'
import { checkLogAnswer, cosignSeen, type LogTrust, readSeen, type Seen, witnessName } from '#sync/acknowledgement'
import { type BatchAnswer, makeBatch } from '#sync/batch'
import { idleDrain, next as nextDrain } from '#sync/drain'
import { documentsOf, haveOf } from '#tap/rules'
import { acknowledge } from '#till/state'
import { lifeTypes, type OwnLog } from './own-log.ts'
import { LinkDown, type News, type RulesAnswer, type TerminalParts } from './ports.ts'
import { recovery } from './recovery.ts'
import type { verdicts } from './verdicts.ts'

/** The way of the terminal's log to the centre, and of the rules back. It never stands in a tap's way. */

const idleContact_ms = 30_000
/** A verdict follows its batch within a second or two, where the centre has not much to do. */
const verdictsFirst_ms = 1000
const skewTold_ms = 2 * 60_000
/** Under the limits of the exchange (1,000 events, 1 MiB), so that a page's overshoot stays within them. */
const batchEvents = 500
const batchOctets = 900 * 1024
/** The log names the checkpoints it was acknowledged by so often, and at the close of a day. */
const toldEvery_ms = 15 * 60_000

/** -1 where nothing is held. */
const isRevision = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= -1

export const centreLink = (parts: TerminalParts, own: OwnLog, heard: ReturnType<typeof verdicts>, news: News) => {
  const { clock, crypto, store, notes, link, identity, log, sleep, software } = parts
  const { p256 } = identity.keys
  const { till } = own

  // Before the first answer, the enrolment was the last meeting with the centre.
  let lastSync_ms = notes.note('lastSync') === undefined ? undefined : Number(notes.note('lastSync'))
  let lastSyncError: Refusal | undefined
  /** How far this clock is before the centre's, when it answered last. */
  let skew_ms: number | undefined
  let sentTo = till.acknowledgedTo
  /** Of a log that has ended: the centre has seen it up to here. */
  let handedTo = -1
  const witness = witnessName(identity.origin, identity.terminal)
  const logTrust = (): LogTrust => ({
    origin: identity.origin,
    keys: (own.rules().keySet?.keys ?? [])
      .filter(({ purpose, status }) => purpose === 'log' && status !== 'compromised')
      .map(({ publicKey }) => publicKey),
  })
  const kept = notes.note('checkpoint')
  /** The newest checkpoint of the centre's log that this terminal has verified. */
  let seen = kept === undefined ? undefined : readSeen(crypto, logTrust(), kept)
  let told_ms = 0
  let accused_ms = Number.NEGATIVE_INFINITY
  let online = notes.note('online') !== 'false'
  let drain = idleDrain

  /** Wakes the loop; it sleeps otherwise. */
  let wakeUp: () => void = () => {}
  /** Also while an exchange is under way: what is written meanwhile must not wait for the next look. */
  let isWoken = false
  const wake = (): void => {
    isWoken = true
    wakeUp()
  }
  /** The centre said when to come again: a sale is no reason to come sooner. */
  let isToldToWait = false
  own.onWritten(() => {
    if (!isToldToWait) wake()
  })

  const answeredAt = (at: string): void => {
    lastSync_ms = own.time()
    notes.setNote('lastSync', `${lastSync_ms}`)
    skew_ms = clock.now() - Date.parse(at)
    if (Math.abs(skew_ms) > skewTold_ms)
      log.warn(`this clock differs from the centre's by ${Math.round(skew_ms / 1000)} s`)
  }

  let turn: Promise<unknown> = Promise.resolve()
  /** One exchange at a time: an answer is held against what was seen when it was asked for. */
  const exclusive = <T>(act: () => Promise<T>): Promise<T> => {
    const mine = turn.then(act)
    turn = mine.catch(() => {})
    return mine
  }

  /** Sends one batch; true where more waits. */
  const sendOne = async (): Promise<boolean> => {
    if (own.doubt()) {
      const refused = await recover()
      if (refused) throw refusedWith(refused)
      lastSyncError = undefined
      news.next({ kind: 'place' })
    }
    const ended = own.ended()
    if (ended) lastSyncError = ended
    const from = Math.max(till.acknowledgedTo, ended ? handedTo : -1) + 1
    const texts: string[] = []
    let octets = 0
    let types = 0
    outer: for await (const page of store.read(own.stream, { from, direction: 'forward', pageSize: 200 }))
      for (const stored of page) {
        octets += Buffer.byteLength(stored.text) + 8
        if (texts.length === batchEvents || (octets > batchOctets && texts.length > 0)) break outer
        texts.push(stored.text)
        if (!lifeTypes.has(stored.type)) types++
      }
    const newest = texts.at(-1)
    if (types === 0 || newest === undefined) return false
    const head = statedHash(newest)
    const { terminal, origin, mode } = identity
    sentTo = from + texts.length - 1
    const after = till.waiting.filter(recorded => recorded.revision > sentTo)
    const waiting = {
      count: after.length,
      sum: after.reduce((sum, recorded) => sum + recorded.amount, 0n).toString(),
      currency: own.currency(),
    }
    const statement = { origin, terminal, mode, from, count: texts.length, head, waiting, seen: seenWord() }
    const answer = await link.send(makeBatch(crypto, p256, statement, texts))
    if (isRefusal(answer)) {
      // Its other history is the centre's to keep or to put aside: each batch of it is handed over once.
      if (answer.reason === 'Fork') await endWhereForked(answer['revision'])
      if (own.ended()) {
        handedTo = sentTo
        lastSyncError = own.ended()
        news.next({ kind: 'sync' })
        return handedTo < own.head().revision
      }
      if (answer.reason === 'BatchGap' && (await wentBackTo(answer['acceptedTo']))) return true
      // Why it is refused, the centre says under its signature: the screen shows that, and not what anybody answers.
      if (answer.reason === 'TerminalRetired') await fetchRules()
      throw refusedWith(answer)
    }
    // What was not sent cannot have been accepted: whoever says so is not the centre, and nothing is let go.
    if (answer.acceptedTo > own.head().revision) {
      const refused = await recover()
      if (refused) throw refusedWith(refused)
    }
    if (answer.acceptedTo > own.head().revision)
      throw new LinkDown(`the answer acknowledges revision ${answer.acceptedTo}, which this terminal has not written`)
    const unsigned = await acknowledgedBy(answer)
    answeredAt(answer.at)
    lastSyncError = undefined
    await adoptNewer(answer.rules)
    if (unsigned) throw refusedWith(unsigned)
    news.next({ kind: 'sync' })
    return own.head().revision > till.acknowledgedTo
  }

  /** What the drain waits over and the till shows. */
  const refusedWith = (refusal: Refusal): LinkDown => {
    lastSyncError = refusal
    return new LinkDown(refusal.message)
  }

  /** The checkpoint that was verified last, with this terminal's own signature: what a witness has to say. */
  const seenWord = (): string | undefined =>
    seen &&
    cosignSeen(crypto, seen, { name: witness, key: identity.keys.ed25519, time_s: Math.floor(own.time() / 1000) })

  /**
   * Lets go of what is under a checkpoint that holds, and of nothing else. Where the centre's own key signed two
   * histories, that is written into this log, once; it stops no tap.
   */
  const acknowledgedBy = async ({ acceptedTo, log: logged }: BatchAnswer): Promise<Refusal | undefined> => {
    if (!logged)
      return {
        reason: 'LogNotSigned',
        message: `The centre holds this terminal's log up to revision ${acceptedTo}, and has not signed for it. Everything is kept here and asked again; if it stays so, look at the centre.`,
        acceptedTo,
      }
    const event = logged.loggedTo > own.head().revision ? undefined : await eventAt(logged.loggedTo)
    const checked = checkLogAnswer(crypto, logTrust(), seen, logged, event)
    if (isRefusal(checked)) {
      const { reason, message } = checked
      log.error(message)
      if (seen && (reason === 'CheckpointInconsistent' || reason === 'OriginUnproved'))
        await accuse(reason, message, logged.checkpoint, seen)
      return checked
    }
    if (checked.beganAnew)
      log.warn(`the centre's log began anew as ${checked.seen.origin}: it was restored, and what it lost is sent again`)
    // The checkpoint first: what it covers is let go only when it is on disk.
    if (checked.seen.note !== seen?.note) notes.setNote('checkpoint', checked.seen.note)
    seen = checked.seen
    if (checked.loggedTo > till.acknowledgedTo) {
      acknowledge(till, checked.loggedTo)
      notes.setNote('acknowledgedTo', `${till.acknowledgedTo}`)
    }
    if (own.time() - told_ms >= toldEvery_ms) await tellAcknowledgement()
    // Whatever the answer says was accepted: to ask again at once would be to ask without end.
    return till.acknowledgedTo < sentTo
      ? {
          reason: 'LogNotSigned',
          message: `The centre holds this terminal's log up to revision ${acceptedTo}, and has signed for it up to ${checked.loggedTo}. The rest is kept here and asked again.`,
          acceptedTo,
          loggedTo: checked.loggedTo,
        }
      : undefined
  }

  /**
   * A proof may also have been spoiled on its way, with a checkpoint that is as it should be: what anybody could send
   * fills no disk, so that it is said once in a while, and of each checkpoint once.
   */
  const accuse = async (reason: string, message: string, offered: string, { note }: Seen): Promise<void> => {
    const signed = readSeen(crypto, logTrust(), offered)
    if (!signed || own.refusal() || own.time() - accused_ms < toldEvery_ms) return
    accused_ms = own.time()
    await own.write({ type: 'RefuseCheckpoint', reason, message, offered: signed.note, seen: note })
  }

  /** What is kept beside the log becomes part of it: now and then, and before a day is closed. */
  const tellAcknowledgement = async (): Promise<void> => {
    // A log that a newer version wrote takes no more words; what waits in it is sent and acknowledged all the same.
    // Nothing to tell where the centre holds nothing: it went back, or this terminal died before it kept the answer.
    if (!seen || till.acknowledgedTo < 0 || own.refusal()) return
    told_ms = own.time()
    await own.write({ type: 'AcknowledgeByCentre', acceptedTo: till.acknowledgedTo, checkpoint: seen.note })
  }

  const eventAt = async (revision: number): Promise<StreamLink | undefined> => {
    for await (const [stored] of store.read(own.stream, { from: revision, direction: 'forward', pageSize: 1 }))
      return stored && { stream: own.stream, revision, hash: statedHash(stored.text) }
    return undefined
  }

  /** The centre holds less than it once said: what it misses is sent again from there, and the centre says so, too. */
  const wentBackTo = async (heldTo: unknown): Promise<boolean> => {
    if (!isRevision(heldTo) || heldTo >= till.acknowledgedTo) return false
    log.warn(
      `the centre holds this terminal's log up to revision ${heldTo}, and had acknowledged ${till.acknowledgedTo}: what it lacks is sent again`,
    )
    await own.takeBack(heldTo)
    heard.forgetAfter(heldTo)
    wake()
    return true
  }

  const adoptNewer = async (versions: BatchAnswer['rules']): Promise<void> => {
    const held = till.rules
    const { assignment } = versions
    if (
      held &&
      (assignment === undefined || assignment === own.place.mark()) &&
      versions.policy <= held.policy.version &&
      versions.denyList <= held.denyList.version &&
      versions.keySet <= held.keySet.version &&
      (versions.fareTable ?? 0) <= (held.fareTable?.version ?? 0)
    )
      return
    await fetchRules()
  }

  /** How far the centre's clock is before this one, as it said last: a request bears the centre's time. */
  let ahead_ms = 0
  const asks = async <Answer extends { readonly at: string }>(
    what: SyncRequest['asks'],
    ask: (request: string) => Promise<Answer | Refusal>,
  ): Promise<Answer | Refusal> => {
    const { origin, terminal } = identity
    const signed = (): string => {
      const time = Math.floor((clock.now() + ahead_ms) / 1000)
      const version = software === undefined ? {} : { software }
      const list = own.till.rules?.denyList.version
      const denyList = list === undefined ? {} : { denyList: list }
      const nonce = crypto.random(16)
      return signRequest(crypto, p256, { origin, terminal, asks: what, time, nonce, ...version, ...denyList })
    }
    const answer = await ask(signed())
    if (!isRefusal(answer)) {
      ahead_ms = Date.parse(answer.at) - clock.now()
      return answer
    }
    const at_ms = answer.reason === 'RequestTimeOff' ? Date.parse(String(answer['at'])) : Number.NaN
    if (!Number.isFinite(at_ms)) return answer
    ahead_ms = at_ms - clock.now()
    return ask(signed())
  }

  const { recover, endWhereForked } = recovery(parts, own, asks)

  const adopt = async (answer: RulesAnswer): Promise<Refusal | undefined> => {
    const documents = documentsOf(crypto, till.rules, answer)
    return documents
      ? own.adopt(documents)
      : { reason: 'RulesInvalid', message: 'The rules that the centre sent do not fit those that this terminal has.' }
  }

  const fetchRules = async (): Promise<void> => {
    const have = haveOf(till.rules)
    let answer = await asks('rules', request => link.rules(request, have))
    if (isRefusal(answer)) {
      lastSyncError = answer
      return
    }
    if (isRevision(answer.heldTo) && answer.heldTo > own.head().revision) lastSyncError = await recover()
    if (own.doubt() || own.ended()) {
      lastSyncError = own.ended() ?? lastSyncError
      return
    }
    let refused = await adopt(answer)
    // What changed came, and does not fit what is here, or is not signed with it: all of it may be as it should be.
    if (refused && answer.deltas) {
      answer = await asks('rules', request => link.rules(request))
      if (isRefusal(answer)) {
        lastSyncError = answer
        return
      }
      refused = await adopt(answer)
    }
    answeredAt(answer.at)
    await wentBackTo(answer.heldTo)
    const { assignment } = answer
    // Its own standing is told with rules that it may have to refuse.
    const unplaced = assignment === undefined ? undefined : await own.adoptAssignment(assignment)
    const fault = refused ?? unplaced
    if (fault) {
      lastSyncError = fault
      log.warn(fault.message)
    } else lastSyncError = undefined
    if (assignment !== undefined && !unplaced) await renew()
  }

  /** Past half of its certificate's time, at another shop, or where the key that signed it is named as stolen. */
  const renew = async (): Promise<void> => {
    const word = own.till.assignment
    if (word?.standing !== 'enrolled') return
    const now_s = Math.floor(own.time() / 1000)
    const { keySet } = own.rules()
    if (renewalDue(own.place.certified(), { now_s, shop: word.shop, keySet }) === undefined) return
    const answer = await asks('certificate', link.certificate)
    const refused = isRefusal(answer) ? answer : await own.adoptCertificate(answer.certificate)
    if (!refused) return
    lastSyncError = refused
    log.warn(refused.message)
  }

  let verdictsAgain_ms = verdictsFirst_ms
  /** What became of what was sent. Nothing here depends on it: where no answer comes, it is asked again later. */
  const askVerdicts = async (): Promise<void> => {
    const revisions = heard.asked()
    if (revisions.length === 0 || !online) return
    try {
      let asked = ''
      const answer = await asks('verdicts', request => {
        asked = request
        return link.verdicts(request, revisions)
      })
      if (isRefusal(answer)) return
      if (heard.hear(answer.verdicts, asked, revisions)) news.next({ kind: 'verdicts' })
      else log.warn('what became of the sales was told without the centre’s signature: it is not shown')
    } catch (error) {
      if (!(error instanceof LinkDown)) throw error
    } finally {
      verdictsAgain_ms = heard.awaited() ? Math.min(verdictsAgain_ms * 2, idleContact_ms) : verdictsFirst_ms
    }
  }

  /** Until the signal: send what waits, obey back-off, look for newer rules now and then. Never in a tap's way. */
  const sync = async (signal: AbortSignal): Promise<void> => {
    let wait_ms: number | undefined = 0
    /** At start the centre may hold more of this log than there is here: that is asked before anything is sold. */
    let isAsked = false
    while (!signal.aborted) {
      if (wait_ms !== 0 && !(isWoken && drain.failures === 0)) {
        const napping = new AbortController()
        const stop = () => napping.abort()
        signal.addEventListener('abort', stop)
        wakeUp = stop
        const idle_ms = heard.awaited() ? verdictsAgain_ms : idleContact_ms
        const nap_ms = wait_ms ?? (online ? idle_ms : 2 ** 30)
        await sleep(nap_ms, napping.signal)
        signal.removeEventListener('abort', stop)
        wakeUp = () => {}
      }
      if (signal.aborted) return
      isWoken = false
      if (!online) {
        wait_ms = undefined
        continue
      }
      try {
        const more = await exclusive(sendOne)
        const isIdle = wait_ms === undefined && own.time() - (lastSync_ms ?? 0) >= idleContact_ms
        if (!more && (isIdle || !isAsked)) {
          await exclusive(fetchRules)
          isAsked = true
        }
        if (!more) await exclusive(askVerdicts)
        isToldToWait = false
        ;({ drain, wait_ms } = nextDrain(drain, { type: 'Sent', more }))
      } catch (error) {
        const fault = error as LinkDown
        if (!lastSyncError)
          lastSyncError = { reason: 'CentreUnreachable', message: `The centre does not answer: ${fault.message}` }
        const jitter = (crypto.random(1)[0] as number) / 255
        isToldToWait = fault.retryAfter_s !== undefined
        const retry = fault.retryAfter_s === undefined ? {} : { retryAfter_s: fault.retryAfter_s }
        ;({ drain, wait_ms } = nextDrain(drain, { type: 'Failed', jitter, ...retry }))
        if (drain.failures === 1) log.warn(`sync: ${fault.message}`)
        news.next({ kind: 'sync' })
      }
    }
  }

  const syncNow = async (): Promise<{ acceptedTo: number } | Refusal> => {
    if (!online) return { reason: 'Offline', message: 'The network is switched off on this till: switch it on first.' }
    try {
      // Who presses the button wants to hear of the centre, also where nothing waits: it may have gone back.
      if (!(await exclusive(sendOne))) await exclusive(fetchRules)
      while (await exclusive(sendOne)) {
        // Until nothing waits.
      }
      await exclusive(askVerdicts)
      wake()
      const ended = own.ended()
      if (ended) return ended
      return { acceptedTo: till.acknowledgedTo }
    } catch (error) {
      return (
        lastSyncError ?? {
          reason: 'CentreUnreachable',
          message: `The centre does not answer: ${(error as Error).message}. What waits here stays on disk and is sent later.`,
        }
      )
    }
  }

  const setNetwork = (on: boolean): void => {
    online = on
    notes.setNote('online', `${on}`)
    verdictsAgain_ms = verdictsFirst_ms
    drain = nextDrain(drain, { type: 'NetworkSet', online: on }).drain
    wake()
    news.next({ kind: 'network' })
  }

  return {
    sync,
    syncNow,
    setNetwork,
    tellAcknowledgement,
    lastSync_ms: () => lastSync_ms,
    status: () => ({ online, lastSync_ms, lastSyncError, sentTo, skew_ms }),
  }
}

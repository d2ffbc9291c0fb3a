import { isRefusal, type Refusal } from '#canonical/decider'
import { trustEvent } from '#canonical/event'
import { type BatchAnswer, makeBatch } from '#sync/batch'
import { idleDrain, next as nextDrain } from '#sync/drain'
import { acknowledge } from '#till'
import { lifeTypes, type OwnLog } from './own-log.ts'
import { LinkDown, type News, type TerminalParts } from './ports.ts'

/** The way of the terminal's log to the centre, and of the rules back. It never stands in a tap's way. */

const idleContact_ms = 30_000
const skewTold_ms = 2 * 60_000
/** Under the limits of the exchange (1,000 events, 1 MiB), so that a page's overshoot stays within them. */
const batchEvents = 500
const batchOctets = 900 * 1024

/** -1 where nothing is held. */
const isRevision = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= -1

export const centreLink = (parts: TerminalParts, own: OwnLog, news: News) => {
  const { clock, crypto, store, notes, link, identity, log, sleep } = parts
  const { p256 } = identity.keys
  const { till } = own

  // Before the first answer, the enrolment was the last meeting with the centre.
  let lastSync_ms = notes.note('lastSync') === undefined ? undefined : Number(notes.note('lastSync'))
  let lastSyncError: Refusal | undefined
  let sentTo = till.acknowledgedTo
  let online = notes.note('online') !== 'false'
  let drain = idleDrain

  /** Wakes the loop; it sleeps otherwise. */
  let wakeUp: () => void = () => {}
  const wake = (): void => wakeUp()
  own.onWritten(wake)

  const answeredAt = (at: string): void => {
    lastSync_ms = own.time()
    notes.setNote('lastSync', `${lastSync_ms}`)
    const skew_ms = clock.now() - Date.parse(at)
    if (Math.abs(skew_ms) > skewTold_ms)
      log.warn(`this clock differs from the centre's by ${Math.round(skew_ms / 1000)} s`)
  }

  /** Sends one batch; true where more waits. */
  const sendOne = async (): Promise<boolean> => {
    const from = till.acknowledgedTo + 1
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
    const { hash: head } = trustEvent(newest)
    const { terminal, origin, mode } = identity
    sentTo = from + texts.length - 1
    const after = till.waiting.filter(recorded => recorded.revision > sentTo)
    const waiting = {
      count: after.length,
      sum: after.reduce((sum, recorded) => sum + recorded.amount, 0n).toString(),
      currency: own.currency(),
    }
    const batch = makeBatch(crypto, p256, { origin, terminal, mode, from, count: texts.length, head, waiting }, texts)
    const answer = await link.send(batch)
    if (isRefusal(answer)) {
      // The centre holds less than it once said: what it misses is sent again from there.
      if (answer.reason === 'BatchGap' && isRevision(answer['acceptedTo']) && answer['acceptedTo'] < from - 1) {
        till.acknowledgedTo = answer['acceptedTo']
        log.warn(answer.message)
        return true
      }
      lastSyncError = answer
      throw new LinkDown(answer.message)
    }
    // What was not sent cannot have been accepted: whoever says so is not the centre, and nothing is let go.
    if (answer.acceptedTo > own.head().revision)
      throw new LinkDown(`the answer acknowledges revision ${answer.acceptedTo}, which this terminal has not written`)
    acknowledge(till, answer.acceptedTo)
    notes.setNote('acknowledgedTo', `${till.acknowledgedTo}`)
    lastSyncError = undefined
    answeredAt(answer.at)
    await adoptNewer(answer.rules)
    news.next({ kind: 'sync' })
    return own.head().revision > till.acknowledgedTo
  }

  const adoptNewer = async (versions: BatchAnswer['rules']): Promise<void> => {
    const held = till.rules
    if (
      held &&
      versions.policy <= held.policy.version &&
      versions.denyList <= held.denyList.version &&
      versions.keySet <= held.keySet.version
    )
      return
    await fetchRules()
  }

  const fetchRules = async (): Promise<void> => {
    const answer = await link.rules()
    if (isRefusal(answer)) {
      lastSyncError = answer
      return
    }
    answeredAt(answer.at)
    const refused = await own.adopt(answer)
    if (refused) {
      lastSyncError = refused
      log.warn(refused.message)
    } else lastSyncError = undefined
  }

  /** Until the signal: send what waits, obey back-off, look for newer rules now and then. Never in a tap's way. */
  const sync = async (signal: AbortSignal): Promise<void> => {
    let wait_ms: number | undefined = 0
    while (!signal.aborted) {
      if (wait_ms !== 0) {
        const napping = new AbortController()
        const stop = () => napping.abort()
        signal.addEventListener('abort', stop)
        wakeUp = stop
        const nap_ms = wait_ms ?? (online ? idleContact_ms : 2 ** 30)
        await sleep(nap_ms, napping.signal)
        signal.removeEventListener('abort', stop)
        wakeUp = () => {}
      }
      if (signal.aborted) return
      if (!online) {
        wait_ms = undefined
        continue
      }
      try {
        const more = await sendOne()
        if (!more && wait_ms === undefined && own.time() - (lastSync_ms ?? 0) >= idleContact_ms) await fetchRules()
        ;({ drain, wait_ms } = nextDrain(drain, { type: 'Sent', more }))
      } catch (error) {
        const fault = error as LinkDown
        if (!lastSyncError)
          lastSyncError = { reason: 'CentreUnreachable', message: `The centre does not answer: ${fault.message}` }
        const jitter = (crypto.random(1)[0] as number) / 255
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
      while (await sendOne()) {
        // Until nothing waits.
      }
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
    drain = nextDrain(drain, { type: 'NetworkSet', online: on }).drain
    wake()
    news.next({ kind: 'network' })
  }

  return {
    sync,
    syncNow,
    setNetwork,
    lastSync_ms: () => lastSync_ms,
    status: () => ({ online, lastSync_ms, lastSyncError, sentTo }),
  }
}

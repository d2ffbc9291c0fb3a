import { fromBase64url } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { statedHash } from '#canonical/event'
import { Malformed } from '#canonical/malformed'
import { verifyHeldLog } from '#license/heldlog'
import type { KeySet } from '#license/keyset'
import type { SyncRequest } from '#license/request'
import { checkPage, type LogPage, logForked } from '#sync/recovery'
import { adoptable, documentsOf, rulesFrom } from '#tap/rules'
import type { OwnLog } from './own-log.ts'
import type { TerminalParts } from './ports.ts'

type Asks = <Answer extends { readonly at: string }>(
  what: SyncRequest['asks'],
  ask: (request: string) => Promise<Answer | Refusal>,
) => Promise<Answer | Refusal>

/**
 * Gets back from the centre what it holds of this terminal's log and this disk does not; or finds that two histories go
 * by this terminal's name, and ends. What anybody could answer does neither: how much is held the centre signs, and the
 * events this terminal signed itself, but for those that a stop of the centre left without that statement.
 */
export const recovery = ({ crypto, link, identity, log }: TerminalParts, own: OwnLog, asks: Asks) => {
  const { terminal, origin, mode } = identity
  const self = { terminal, origin, mode, publicKey: identity.keys.p256.publicKey }

  const unproved = (why: string): Refusal => ({
    reason: 'RecoveryUnproved',
    message: `What is missing of this till's log did not come as its own: ${why}. It is asked again; if it stays so, look at the centre, and let the back office commission the till anew.`,
  })

  /** The rules here may be as old as the disk is: the newest key set is taken, verified by the root, and not kept. */
  const keySetNow = async (): Promise<KeySet | Refusal> => {
    const answer = await asks('rules', request => link.rules(request))
    if (isRefusal(answer)) return answer
    const documents = documentsOf(crypto, undefined, answer)
    const offered = documents && adoptable(crypto, fromBase64url(identity.rootPublicKey), documents)
    if (!offered || isRefusal(offered)) return unproved('the rules that came are not signed for it')
    const there = rulesFrom(crypto, fromBase64url(identity.rootPublicKey), offered).keySet
    const here = own.rules().keySet
    return there && (!here || there.version >= here.version) ? there : unproved('the key set that came is an older one')
  }

  const pageFrom = async (
    keySet: KeySet,
    from: number,
  ): Promise<{ readonly page: LogPage; readonly held: number; readonly vouched: string | undefined } | Refusal> => {
    let asked = ''
    const page = await asks('log', request => {
      asked = request
      return link.log(request, from)
    })
    if (isRefusal(page)) return page
    try {
      const held = verifyHeldLog(crypto, fromBase64url(page.held), { keySet, terminal, request: asked })
      return held === null
        ? unproved('the centre has not signed for it')
        : { page, held: held.events, vouched: held.head }
    } catch (error) {
      if (error instanceof Malformed || error instanceof SyntaxError) return unproved(error.message)
      throw error
    }
  }

  const ended = (why: Refusal): Refusal => {
    own.end(why)
    return why
  }

  /** Undefined when the log is whole; a refusal is why it is not, yet or for good. */
  const recover = async (): Promise<Refusal | undefined> => {
    const keySet = await keySetNow()
    if (isRefusal(keySet)) return keySet
    for (;;) {
      const { revision, hash } = own.head()
      const answer = await pageFrom(keySet, revision + 1)
      if (isRefusal(answer)) return answer
      const { page, held, vouched } = answer
      if (held <= revision + 1) return whole(held)
      own.doubtIt({
        reason: 'LogRewound',
        message: `This till's log ends at revision ${revision}, and the centre holds it up to ${held - 1}: its disk was put back to an older state. It takes no payments before it has what is missing.`,
        has: revision,
        held: held - 1,
      })
      if (page.events.length === 0) return unproved(`of revision ${revision + 1} to ${held - 1} nothing came`)
      const returned = checkPage(crypto, self, { from: revision + 1, before: hash, vouched }, page)
      if (isRefusal(returned)) return returned.reason === 'LogForked' ? ended(returned) : returned
      if (await own.restore(returned))
        log.warn(`got back revision ${revision + 1} to ${own.head().revision} of this terminal's log from the centre`)
    }
  }

  const whole = async (held: number): Promise<Refusal | undefined> => {
    if (!own.doubt()) return undefined
    const marked = own.marked()
    const { revision } = own.head()
    // To go on from there would give their receipts' numbers away again, and hide that they are missing.
    if (marked !== undefined && marked !== 'unreadable' && marked.recordedTo > revision)
      return ended({
        reason: 'RecordsLost',
        message: `This till had recorded up to revision ${marked.recordedTo}; its disk was put back to ${revision}, and the centre holds it up to ${held - 1}. What lies between is on the old disk, or on the customers' phones: keep every disk of this till, declare it lost at the back office, and have another commissioned.`,
        recorded: marked.recordedTo,
        has: revision,
      })
    await own.trust()
    return undefined
  }

  /** Anybody can answer that the centre holds another event here: it is true where this key, or the centre's, signed it. */
  const endWhereForked = async (revision: unknown): Promise<Refusal | undefined> => {
    if (!Number.isSafeInteger(revision) || (revision as number) < 0) return undefined
    const from = revision as number
    const here = await own.hashAt(from)
    const before = await own.hashAt(from - 1)
    const keySet = here === undefined || before === undefined ? undefined : await keySetNow()
    if (here === undefined || before === undefined || !keySet || isRefusal(keySet)) return undefined
    const answer = await pageFrom(keySet, from)
    if (isRefusal(answer) || answer.page.events.length === 0) return undefined
    const there = checkPage(crypto, self, { from, before, vouched: answer.vouched }, answer.page)
    if (isRefusal(there)) return there.reason === 'LogForked' ? ended(there) : undefined
    const other = statedHash(there[0]?.text as string)
    return other === here ? undefined : ended(logForked(from, here, other))
  }

  return { recover, endWhereForked }
}

import { z } from 'zod'
import type { Crypto } from '#canonical/crypto'
import type { Refusal } from '#canonical/decider'
import { type Event, EventMalformed, verifyEvent } from '#canonical/event'
import { instant } from '#canonical/fields'
import { batchEventsMax, type Sender, verifyStatement } from './batch.ts'

/**
 * A terminal's own log on its way back, to a disk that lost a part of it. It comes by batches, as it went: each with the
 * statement that the terminal itself signed over it, so that a terminal takes nothing into its log that it did not write.
 */
export const logPage = z.object({
  /** The centre's signed word on how much it holds (`#license/heldlog`), base64url. */
  held: z.string().max(4096),
  /** From the revision that was asked for to the end of one batch; none where no batch reaches so far. */
  events: z.array(z.string()).max(batchEventsMax),
  /** Of that batch, as the terminal signed it. */
  statement: z.string().max(16_384).optional(),
  at: instant,
})
export type LogPage = z.infer<typeof logPage>

export type Returned = readonly { readonly event: Event; readonly text: string }[]

const unproved = (terminal: string, from: number, why: string): Refusal => ({
  reason: 'RecoveryUnproved',
  message: `What came as the log of ${terminal} from revision ${from} on ${why}: nothing of it is taken. Look at what answers in the centre's place.`,
  terminal,
  from,
})

/**
 * The events of a page, where they are this terminal's own: signed by its key, contiguous, each hash and link computed
 * anew. `before` is the hash that this disk has before `from`; `vouched` the one that the centre signed for where it has
 * no statement. Where the page's first event follows another one, two histories go by this name: that is `LogForked`.
 */
export const checkPage = (
  crypto: Crypto,
  own: Omit<Sender, 'seed'>,
  { from, before, vouched }: { readonly from: number; readonly before: string; readonly vouched?: string | undefined },
  page: Pick<LogPage, 'events' | 'statement'>,
): Returned | Refusal => {
  const { terminal } = own
  const to = from + page.events.length - 1
  if (page.events.length === 0) return unproved(terminal, from, 'is empty')
  const head = page.statement === undefined ? vouched : signedHead(crypto, own, { from, to }, page.statement)
  if (head === undefined) return unproved(terminal, from, 'does not bear its own signature')
  if (typeof head !== 'string') return head
  const returned: { event: Event; text: string }[] = []
  for (const text of page.events) {
    try {
      returned.push({ event: verifyEvent(crypto, text), text })
    } catch (error) {
      if (!(error instanceof EventMalformed)) throw error
      return unproved(terminal, from, `is no log (${error.message})`)
    }
  }
  const first = returned[0]?.event as Event
  let prev = first.prev
  for (const [place, { event }] of returned.entries()) {
    if (event.stream !== `terminal-${terminal}` || event.revision !== from + place || event.prev !== prev)
      return unproved(terminal, from, `breaks at revision ${from + place}`)
    prev = event.hash
  }
  if (prev !== head) return unproved(terminal, from, 'is not what was signed')
  return first.prev === before ? returned : logForked(from, before, first.prev)
}

const signedHead = (
  crypto: Crypto,
  own: Omit<Sender, 'seed'>,
  { from, to }: { readonly from: number; readonly to: number },
  statement: string,
): string | Refusal | undefined => {
  const signed = verifyStatement(crypto, statement, own.publicKey)
  if (!signed || signed.terminal !== own.terminal || signed.origin !== own.origin || signed.mode !== own.mode)
    return undefined
  const signedTo = signed.from + signed.count - 1
  return signed.from > from || signedTo !== to
    ? unproved(own.terminal, from, `ends at ${to}, and it had signed ${signed.from} to ${signedTo}`)
    : signed.head
}

/** Two histories bear this terminal's name. */
export const logForked = (from: number, own: string, other: string): Refusal => ({
  reason: 'LogForked',
  message: `This till's log went back to an older state and went on from there, or runs on a second machine: before revision ${from} it has ${own.slice(0, 12)}… here, and the centre has ${other.slice(0, 12)}…. Nothing more is sold here: keep the disk, and let the back office commission the till anew.`,
  revision: from,
  own,
  other,
})

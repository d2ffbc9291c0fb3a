import { base64url } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { statedHash, trustEvent, upcast } from '#canonical/event'
import { readLast } from '#eventstore'
import { signHeldLog } from '#license/heldlog'
import type { SyncRequest } from '#license/request'
import { batchEventsMax } from '#sync/batch'
import { intakeWords } from '#sync/events'
import type { LogPage } from '#sync/recovery'
import type { Office } from './office.ts'
import type { SigningKeys } from './signing-keys.ts'

type Asking = (
  terminal: string,
  asks: SyncRequest['asks'],
  request: string | undefined,
) => Promise<Refusal | { readonly state: unknown }>

/** A terminal's own log, given back to it batch by batch: its disk was lost, or went back to an older state. */
export const returned = (
  { store, now }: Pick<Office, 'store' | 'now'>,
  { sign }: Pick<SigningKeys, 'sign'>,
  asking: Asking,
) => {
  /**
   * The first batch that reaches to this revision; none for events that a stop of the centre left without a note.
   * A disk is seldom far behind: it is looked for from the end.
   */
  const batchOver = async (terminal: string, revision: number) => {
    let found: { readonly from: number; readonly to: number; readonly statement: string } | undefined
    for await (const page of store.read(`intake-${terminal}`, { from: 'end', direction: 'backward', pageSize: 100 }))
      for (const { text } of page) {
        const event = upcast(trustEvent(text), intakeWords)
        if (event?.type !== 'BatchAccepted') continue
        const { from, count, statement } = event.data
        const to = from + count - 1
        if (to < revision) return found
        found = { from, to, statement }
      }
    return found
  }

  const textsOf = async (stream: string, from: number, to: number): Promise<string[]> => {
    const texts: string[] = []
    for await (const page of store.read(stream, { from, direction: 'forward', pageSize: 200 }))
      for (const { revision, text } of page) {
        if (revision > to) return texts
        texts.push(text)
      }
    return texts
  }

  return {
    /** From this revision on, to the end of one batch: a page is as bounded as a batch is. */
    logFor: async (terminal: string, request: string | undefined, from: number): Promise<LogPage | Refusal> => {
      const asked = await asking(terminal, 'log', request)
      if (isRefusal(asked)) return asked
      const stream = `terminal-${terminal}`
      const events = ((await readLast(store, stream))?.revision ?? -1) + 1
      const next = from < events ? await batchOver(terminal, from) : undefined
      // A stop of the centre may have left events without a note before the next batch: those come by themselves.
      const batch = next && next.from <= from ? next : undefined
      const to = batch ? batch.to : Math.min(from + batchEventsMax, next?.from ?? events) - 1
      const texts = from < events ? await textsOf(stream, from, to) : []
      const last = texts.at(-1)
      const head = batch || last === undefined ? {} : { head: statedHash(last) }
      const word = { terminal, request: request as string, events, ...head }
      const held = base64url(await sign('rules', (crypto, key) => signHeldLog(crypto, word, key)))
      return {
        held,
        events: texts,
        ...(batch ? { statement: batch.statement } : {}),
        at: now(),
      }
    },
  }
}

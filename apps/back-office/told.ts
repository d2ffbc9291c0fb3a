import { base64url } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { trustEvent, upcast } from '#canonical/event'
import { readHeld } from '#evidence/held'
import type { SyncRequest } from '#license/request'
import { signVerdicts, type Verdict } from '#license/verdicts'
import { paymentWords } from '#payment/events'
import { toldOfReversal, toldOfSale } from '#payment/told'
import { tillWords } from '#till/events'
import type { Office } from './office.ts'
import type { SigningKeys } from './signing-keys.ts'

type Asking = (
  terminal: string,
  asks: SyncRequest['asks'],
  request: string | undefined,
) => Promise<Refusal | { readonly state: unknown }>

/** What became of a terminal's sales, voids and refunds, told to that terminal alone, and signed. */
export const told = (
  { store, now }: Pick<Office, 'store' | 'now'>,
  { sign }: Pick<SigningKeys, 'sign'>,
  asking: Asking,
) => {
  const toldOf = async (terminal: string, revision: number): Promise<Verdict> => {
    const stream = `terminal-${terminal}`
    for await (const [stored] of store.read(stream, { from: revision, direction: 'forward', pageSize: 1 })) {
      const event = stored?.revision === revision ? upcast(trustEvent(stored.text), tillWords) : undefined
      if (
        event?.type !== 'TransactionRecorded' &&
        event?.type !== 'TransactionVoided' &&
        event?.type !== 'RefundRecorded'
      )
        break
      const { events } = await readHeld(store, `payment-${event.data.payment}`, paymentWords)
      return {
        revision,
        ...(event.type === 'TransactionRecorded'
          ? toldOfSale(events, { terminal, transaction: event.data.transaction })
          : toldOfReversal(events, { terminal, reversal: event.data.reversal })),
      }
    }
    return { revision, verdict: 'waiting' }
  }

  return {
    verdictsFor: async (terminal: string, request: string | undefined, revisions: readonly number[]) => {
      const asked = await asking(terminal, 'verdicts', request)
      if (isRefusal(asked)) return asked
      const said: Verdict[] = []
      for (const revision of revisions) said.push(await toldOf(terminal, revision))
      const word = { terminal, request: request as string, said }
      const document = await sign('rules', (crypto, key) => signVerdicts(crypto, word, key))
      return { verdicts: base64url(document), at: now() }
    },
  }
}

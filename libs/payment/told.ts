import type { PaymentEvent } from './events.ts'

/** What a terminal is told of its own sale, or of its own void or refund: by the verdicts alone. */
type Told = {
  readonly verdict: 'waiting' | 'accepted' | 'held' | 'refused'
  readonly reason?: string
}

const waiting: Told = { verdict: 'waiting' }

/** A payment hash is another terminal's as well where somebody copied it: its verdict is on the tap that it names. */
export const toldOfSale = (
  events: readonly PaymentEvent[],
  { terminal, transaction }: { readonly terminal: string; readonly transaction: string },
): Told => {
  let told = waiting
  for (const event of events) {
    if (!('transaction' in event.data)) continue
    if (event.data.terminal !== terminal || event.data.transaction !== transaction) continue
    if (event.type === 'PaymentAccepted') told = { verdict: 'accepted' }
    if (event.type === 'PaymentHeld') told = { verdict: 'held', reason: event.data.reason }
    if (event.type === 'HeldPaymentDecided')
      // Whether the payer or the operator bears it, the merchant has the money.
      told = event.data.bears === 'merchant' ? { verdict: 'refused', reason: 'MerchantBears' } : { verdict: 'accepted' }
  }
  return told
}

export const toldOfReversal = (
  events: readonly PaymentEvent[],
  { terminal, reversal }: { readonly terminal: string; readonly reversal: string },
): Told => {
  let told = waiting
  for (const event of events) {
    if (!('reversal' in event.data) || !('terminal' in event.data)) continue
    if (event.data.terminal !== terminal || event.data.reversal !== reversal) continue
    if (event.type === 'ReversalHeld') told = { verdict: 'held', reason: event.data.reason }
    else if (event.type === 'ReversalRefused') told = { verdict: 'refused', reason: 'ReversalRefused' }
    else if (event.type === 'ReversalAccepted' || event.type === 'ReversalReleased') told = { verdict: 'accepted' }
  }
  return told
}

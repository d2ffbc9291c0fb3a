import type { Event } from '#canonical/event'
import type { EventStore } from '#eventstore'
import { formatAmount, minorUnits } from '#money'
import { paymentWords } from '#payment/events'
import type { findingsOfVerdicts } from './findings.ts'
import { readKnown } from './held.ts'
import type { knownToVerdicts } from './known.ts'
import { ReactionDiverged } from './reaction.ts'
import type { releases } from './release.ts'
import type { Follow, Settle } from './testified.ts'

/** What people and phones order of a hold, carried out in the order of verdicts: what is left of it is known only there. */

type Lent = {
  readonly store: Pick<EventStore, 'read'>
  readonly settle: Settle
  readonly follow: Follow
  readonly figuresFor: ReturnType<typeof knownToVerdicts>['figuresFor']
  readonly cover: ReturnType<typeof releases>['cover']
  readonly raise: ReturnType<typeof findingsOfVerdicts>['raise']
  readonly learn: (covered: NonNullable<Awaited<ReturnType<ReturnType<typeof releases>['cover']>>>) => void
}

export const ordersOnHolds = ({ store, settle, follow, figuresFor, cover, raise, learn }: Lent) => ({
  /** Two people had their say on a held payment. */
  carryOut: async (approved: Event<{ readonly payment: string }>): Promise<void> => {
    const { payment } = approved.data
    const { events } = await readKnown(store, `payment-${payment}`, paymentWords)
    const held = events.find(event => event.type === 'PaymentHeld')
    if (!held) throw new ReactionDiverged(`${payment} was decided, and no verdict in this log holds it`)
    const { account, license, merchant, currency, occurred } = held.data
    const figures = figuresFor(account, license ?? undefined, merchant, currency, occurred.at)
    const bookingDate = approved.at.slice(0, 10)
    const carried = { type: 'CarryOutDecision' as const, payment, bookingDate, ...figures }
    await follow(await settle(carried, approved, approved), approved, approved)
  },

  /** What a renewal let go and its phone had spent is held again, and someone must look at that phone. */
  coverFreed: async (
    event: Event<{ readonly account: string; readonly license: string; readonly currency: string }>,
  ): Promise<void> => {
    const covered = await cover(event)
    if (covered?.type !== 'AllowanceReleased') return
    learn(covered)
    const { account, license, currency, overdrawn = '0' } = covered.data
    const message = `License ${license} was renewed with ${formatAmount(minorUnits(overdrawn), currency)} ${currency} left that its phone had spent: it was set back, or there are two. Ask its holder.`
    const about = { amount: minorUnits(overdrawn), currency, concerns: [license, account], message }
    await raise('OverAllowance', [license, event.id], about, event, event)
  },
})

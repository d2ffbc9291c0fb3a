import { isRefusal, type Refusal } from '#canonical/decider'
import { type Event, trustEvent } from '#canonical/event'
import { run } from '#cqrs/run'
import { readStream, type StoredEvent } from '#eventstore'
import { readKnown } from '#evidence/held'
import { formatAmount, minorUnits } from '#money'
import { payment as paymentDecider } from '#payment'
import { type Bears, type DataOf, paymentWords } from '#payment/events'
import type { Proposal } from '#payment/state'
import type { Followers } from './followers.ts'
import type { Office, Settled } from './office.ts'
import { personOf, type SecondPerson } from './second-person.ts'

/** What two people decide about a payment: who bears a held one, and whether a held reversal is refused or let through. */
export const decisions = (
  { store, runner, mint, actOf, now }: Office,
  settled: Settled,
  { judgedAt }: Pick<Followers, 'judgedAt'>,
  { hindered }: SecondPerson,
) => {
  type Asked = { readonly payment: string; readonly proposal?: string | undefined; readonly by: string }
  type Approved = Asked & { readonly proposal: string }

  /**
   * Approved, it is carried out by the reactor that judges: what is left of a hold is known in its order only. The answer
   * waits for that, and asked again it waits again.
   */
  const carriedOut = async (stream: string, proposal: string): Promise<number | undefined> => {
    const isApproval = ({ type, text }: StoredEvent): boolean => {
      if (type !== 'HeldDecisionApproved') return false
      const { data } = trustEvent(text) as Event<{ readonly proposal: string }>
      return data.proposal === proposal
    }
    const events = await readStream(store, stream)
    const approval = events.find(isApproval)
    // Before 0.3.0 a decision was carried out where it was approved.
    if (!approval) return events.at(-1)?.index
    return (await judgedAt(approval.index)) ? (await readStream(store, stream)).at(-1)?.index : undefined
  }

  const carryOut = async <Answer>(
    command: Parameters<typeof paymentDecider.decide>[0] & { readonly payment: string },
    by: string,
    answer: Answer,
  ): Promise<Answer | Refusal> => {
    const stream = `payment-${command.payment}`
    return settled(await run(runner, paymentDecider, paymentWords, stream, command, actOf(by)), answer)
  }

  /** The first verdict on a payment, if it was held. */
  const heldOf = async (payment: string): Promise<DataOf<'PaymentHeld'> | Refusal> => {
    const { events } = await readKnown(store, `payment-${payment}`, paymentWords)
    const held = events.find(event => event.type === 'PaymentHeld')
    if (held) return held.data
    if (events.length === 0)
      return {
        reason: 'PaymentUnknown',
        message: `No verdict was made on payment ${payment}: look at its hash.`,
        payment,
      }
    const standing = events.some(({ type }) => type === 'PaymentAccepted') ? 'accepted' : 'unjudged'
    return {
      reason: 'PaymentNotHeld',
      message: `Payment ${payment.slice(0, 12)}… is ${standing}: only a held payment is decided.`,
      payment,
      standing,
    }
  }

  const proposeDecision = async ({
    payment,
    proposal = mint(),
    by,
    ...said
  }: Asked & { readonly bears: Bears; readonly reason: string }) => {
    const held = await heldOf(payment)
    if (isRefusal(held)) return held
    const command = { type: 'ProposeDecision' as const, payment, proposal, operator: personOf(by), ...said }
    return carryOut(command, by, { payment, proposal, bears: said.bears })
  }

  const proposeRefusal = async ({
    payment,
    proposal = mint(),
    by,
    ...said
  }: Asked & { readonly reversal: string; readonly why: string }) => {
    const command = { type: 'ProposeRefusal' as const, payment, proposal, operator: personOf(by), ...said }
    return carryOut(command, by, { payment, proposal, reversal: said.reversal })
  }

  /** That a reversal which a terminal out of our hands brought is the shop's own. */
  const proposeRelease = async ({
    payment,
    proposal = mint(),
    by,
    ...said
  }: Asked & { readonly reversal: string; readonly why: string }) => {
    const command = { type: 'ProposeRelease' as const, payment, proposal, operator: personOf(by), ...said }
    return carryOut(command, by, { payment, proposal, reversal: said.reversal })
  }

  /** Whatever was proposed under this id: a decision on the payment, or what becomes of one of its reversals. */
  const approveProposal = async ({ payment, proposal, by }: Approved) => {
    const { events } = await readKnown(store, `payment-${payment}`, paymentWords)
    const proposed = events.reduce((state, event) => paymentDecider.evolve(state, event), paymentDecider.initialState)
    const tooNew = await hindered(by, proposed.proposals.get(proposal)?.operator)
    if (tooNew) return tooNew
    const approved = { payment, proposal, operator: personOf(by), bookingDate: now().slice(0, 10) }
    const held = events.find(event => event.type === 'PaymentHeld')?.data
    if (events.some(({ type, data }) => type === 'ReversalReleaseProposed' && data.proposal === proposal))
      return carryOut({ type: 'ApproveRelease', ...approved }, by, { payment, proposal })
    const isRefusing = events.some(({ type, data }) => type === 'ReversalRefusalProposed' && data.proposal === proposal)
    if (isRefusing || !held) return carryOut({ type: 'ApproveRefusal', ...approved }, by, { payment, proposal })
    const stream = `payment-${payment}`
    const order = { type: 'ApproveDecision' as const, payment, proposal, operator: personOf(by) }
    const ran = await run(runner, paymentDecider, paymentWords, stream, order, actOf(by))
    if (isRefusal(ran)) return ran
    const index = await carriedOut(stream, proposal)
    if (index !== undefined) return settled({ ...ran, index }, { payment, proposal })
    return {
      reason: 'NotCaughtUp',
      message:
        'It is approved, and carried out once this centre has judged what its log has before it: look at the payment again in a moment; GET /api/health shows how far it is.',
    }
  }

  const withdrawProposal = async ({ payment, proposal, by, why }: Approved & { readonly why: string }) => {
    const withdrawn = { payment, proposal, operator: personOf(by), why }
    return carryOut({ type: 'Withdraw', ...withdrawn }, by, { payment, proposal })
  }

  return { proposeDecision, proposeRefusal, proposeRelease, approveProposal, withdrawProposal }
}

/** What is known of one payment beyond its row: whose the excess is, what went back, and what waits for a second person. */
export const paymentFile = async (store: Office['store'], payment: string) => {
  const { events } = await readKnown(store, `payment-${payment}`, paymentWords)
  const state = events.reduce((state, event) => paymentDecider.evolve(state, event), paymentDecider.initialState)
  const open = [...state.open].map(proposal => ({ proposal, ...(state.proposals.get(proposal) as Proposal) }))
  const verdict = events.find(event => event.type === 'PaymentAccepted' || event.type === 'PaymentHeld')?.data
  const charged = events.find(event => event.type === 'PaymentAccepted' || event.type === 'HeldPaymentDecided')?.data
  return {
    rule: verdict?.rule ?? null,
    via: verdict?.via ?? 'terminal',
    excessOwner: charged?.excessOwner ?? null,
    proposal: open.find(each => each.about === 'decision') ?? null,
    heldReversals: [...state.heldReversals.values()].map(({ reversal, kind, amount, currency, reason, terminal }) => ({
      reversal,
      kind,
      amount: formatAmount(minorUnits(amount), currency),
      reason,
      terminal,
      proposal: open.find(each => each.about !== 'decision' && each.reversal === reversal) ?? null,
    })),
    reversals: events.flatMap(event => {
      if (event.type !== 'ReversalAccepted' && event.type !== 'ReversalReleased') return []
      const { reversal, kind, amount, feeBack, currency, terminal, occurred } = event.data
      const money = (text: string) => formatAmount(minorUnits(text), currency)
      return [{ reversal, kind, amount: money(amount), feeBack: money(feeBack), terminal, occurred: occurred.at }]
    }),
  }
}

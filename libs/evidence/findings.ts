import { hex } from '#canonical/bytes'
import type { Act, Event } from '#canonical/event'
import { formatAmount, minorUnits } from '#money'
import type { PaymentEvent } from '#payment/events'
import { type ExceptionEvent, exceptionKinds, exceptionWords } from '#reconciliation/events'
import { exception } from '#reconciliation/exception'
import type { IntakeEvent } from '#sync/events'
import type { TillEvent } from '#till/events'
import { begin, react, type Writing } from './reaction.ts'

/** What someone must look at once a tap, a reversal or a batch was judged: each difference is raised once. */

type Kind = (typeof exceptionKinds)[number]
type Recorded = Event<Extract<TillEvent, { type: 'TransactionRecorded' }>['data']>
type Reversing = Event<Extract<TillEvent, { type: 'RefundRecorded' }>['data']>
type Forked = Event<Extract<IntakeEvent, { type: 'ForkDetected' }>['data']>
type Batch = Event<Extract<IntakeEvent, { type: 'BatchAccepted' }>['data']>

export const findingsOfVerdicts = (
  writing: Writing,
  reactionTo: (batch: Event, cause: Event, step?: string) => Act,
) => {
  const { crypto } = writing

  /** What it is of may be long, or chosen by a terminal: the key is its hash. */
  const keyOf = (kind: Kind, of: readonly string[]): string =>
    `${kind}-${hex(crypto.sha256(of.join('\n'))).slice(0, 32)}`

  const raise = async (
    kind: Kind,
    of: readonly string[],
    about: {
      readonly amount: bigint
      readonly currency: string
      readonly concerns: string[]
      readonly message: string
      readonly counters?: { readonly license: string; readonly from: number; readonly to: number }
    },
    cause: Event,
    batch: Event,
  ): Promise<void> => {
    const key = keyOf(kind, of)
    const stream = `exception-${key}`
    const data = { key, kind, ...about, amount: about.amount.toString() }
    const fact: ExceptionEvent = { type: 'ExceptionRaised', data }
    // Where it was raised before, for another cause, one difference is one exception.
    await begin(writing, { stream, words: exceptionWords, act: reactionTo(batch, cause) }, fact)
  }

  /** Closes what was raised of this; nothing where it never was. */
  const resolve = async (kind: Kind, of: readonly string[], why: string, cause: Event, batch: Event): Promise<void> => {
    const key = keyOf(kind, of)
    const act = reactionTo(batch, cause, 'resolved')
    await react(writing, { stream: `exception-${key}`, words: exceptionWords, act }, held => {
      const state = held.reduce((state, event) => exception.evolve(state, event), exception.initialState)
      // It has no refusals.
      return exception.decide({ type: 'Resolve', key, why }, state) as ExceptionEvent[]
    })
  }

  const duplicate = async (payment: string, recorded: Recorded, batch: Batch): Promise<void> => {
    const { amount, currency, transaction } = recorded.data
    const message = `Transaction ${transaction} records payment ${payment.slice(0, 12)}…, which was judged before; it posts once.`
    const about = { amount: minorUnits(amount), currency, concerns: [recorded.id, payment], message }
    await raise('Duplicate', [recorded.id], about, recorded, batch)
  }

  /** A till mints an id for each reversal: a second record of one is not this till's doing, and moves no money. */
  const repeated = async (event: Reversing, kind: 'void' | 'refund', batch: Batch): Promise<void> => {
    const { reversal, payment, amount, currency } = event.data
    const { terminal } = batch.data
    const message = `Terminal ${terminal} records a ${kind} of ${formatAmount(minorUnits(amount), currency)} ${currency} as ${reversal}, and payment ${payment.slice(0, 12)}… has a reversal of that id: it counts once. Ask the shop whether money was given twice.`
    const about = { amount: minorUnits(amount), currency, concerns: [event.id, payment, terminal], message }
    await raise('Duplicate', [event.id], about, event, batch)
  }

  const exceptions = async (data: Excepted, cause: Event, batch: Event): Promise<void> => {
    for (const kind of data.exceptions ?? [])
      await raise(kindOf(kind), [data.payment], aboutPayment(data, kind, stakeOf(data)), cause, batch)
  }

  const ofVerdict = async (event: Event & PaymentEvent, cause: Event, batch: Event): Promise<void> => {
    switch (event.type) {
      case 'PaymentAccepted':
      case 'HeldPaymentDecided':
        await exceptions(event.data, cause, batch)
        break
      case 'PaymentHeld':
        await raise(
          kindOf(event.data.reason),
          [event.data.payment, 'held'],
          aboutPayment(event.data, event.data.reason, event.data.gross),
          cause,
          batch,
        )
        break
      case 'ReversalHeld': {
        const { reversal, payment, amount, currency, reason } = event.data
        const message = `Reversal ${reversal} of ${formatAmount(minorUnits(amount), currency)} ${currency} is held: ${reason}.`
        await raise(
          kindOf(reason),
          [payment, reversal],
          { amount: minorUnits(amount), currency, concerns: [event.id, payment], message },
          cause,
          batch,
        )
        break
      }
      case 'HeldDecisionApproved':
      case 'HeldDecisionProposed':
      case 'PaymentUnclaimed':
      case 'ProposalWithdrawn':
      case 'ReversalAccepted':
      case 'ReversalRefusalProposed':
      case 'ReversalReleaseProposed':
      case 'ReversalReleased':
      case 'ReversalRefused':
      case 'UnclaimedReleased':
        break
    }
  }

  const fork = async (event: Forked): Promise<void> => {
    const { terminal, revision, held, foreign } = event.data
    const message = `Terminal ${terminal} has two histories from revision ${revision} on: ${held.slice(0, 12)}… is held, ${foreign.slice(0, 12)}… came. Stop it and look at it.`
    const about = { amount: 0n, currency: 'EUR', concerns: [event.id, terminal], message }
    await raise('Fork', [terminal, `${revision}`, foreign], about, event, event)
  }

  /** What a newer till wrote moves nothing here. It is kept, and someone is told, once for each type and shape. */
  const unread = async (event: Event, batch: Batch): Promise<void> => {
    const { terminal } = batch.data
    const { type, schema, revision, id } = event
    const message = `Terminal ${terminal} wrote ${type} in shape ${schema} at revision ${revision}, which this version does not know: it is kept, and nothing is made of it. Start a version that knows it here.`
    const about = { amount: 0n, currency: 'EUR', concerns: [id, terminal], message }
    await raise('NotUnderstood', [terminal, type, `${schema}`], about, event, batch)
  }

  const waiting = async (recorded: Recorded, batch: Batch): Promise<void> => {
    const { terminal } = batch.data
    const { transaction, amount, currency } = recorded.data
    const message = `Transaction ${transaction} of ${formatAmount(minorUnits(amount), currency)} ${currency} waits for its verdict: terminal ${terminal} wrote of it in a shape that this version does not know.`
    const about = { amount: minorUnits(amount), currency, concerns: [recorded.id, terminal], message }
    await raise('NotUnderstood', [terminal, transaction], about, recorded, batch)
  }

  return { raise, resolve, duplicate, repeated, exceptions, ofVerdict, fork, unread, waiting }
}

const kindOf = (reason: string): (typeof exceptionKinds)[number] =>
  (exceptionKinds as readonly string[]).includes(reason) ? (reason as (typeof exceptionKinds)[number]) : 'Held'

type Excepted = Pick<
  Extract<PaymentEvent, { type: 'HeldPaymentDecided' }>['data'],
  'payment' | 'transaction' | 'currency' | 'gross' | 'excess' | 'exceptions'
>

/** What is at stake: what is over the hold, or all of it. */
const stakeOf = ({ gross, excess }: Excepted): string => (excess === '0' ? gross : excess)

const aboutPayment = (
  data: { readonly payment: string; readonly transaction: string; readonly currency: string; readonly gross: string },
  why: string,
  at: string,
) => ({
  amount: minorUnits(at),
  currency: data.currency,
  concerns: [data.payment, data.transaction],
  message: `Transaction ${data.transaction} of ${formatAmount(minorUnits(data.gross), data.currency)} ${data.currency}: ${why}.`,
})

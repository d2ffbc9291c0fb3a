import { orderInWords } from '#account/proposals'
import {
  type Change,
  intOf,
  type Look,
  type Projection,
  put,
  type Row,
  type RowsReader,
  textOf,
} from '#eventstore/rows'
import { understood } from '#ledger/vocabulary'
import { type Currency, formatAmount, minorUnits } from '#money'

/** All that one person has proposed and another has yet to approve, wherever it was proposed. */

export const waitingKinds = [
  'account order',
  'write-off',
  'adjustment',
  'decision',
  'refusal',
  'release',
  'bound',
] as const
export type WaitingKind = (typeof waitingKinds)[number]

const types = new Set<string>([
  'AccountOrderProposed',
  'AccountOrderRejected',
  'CreditLimitSet',
  'AccountTermsSet',
  'RepaymentReturned',
  'PayerPaidOut',
  'WriteOffProposed',
  'WriteOffRejected',
  'DebtWrittenOff',
  'AdjustmentProposed',
  'AdjustmentApproved',
  'AdjustmentRejected',
  'HeldDecisionProposed',
  'HeldDecisionApproved',
  'HeldPaymentDecided',
  'ReversalRefusalProposed',
  'ReversalReleaseProposed',
  'ProposalWithdrawn',
  'ReversalReleased',
  'ReversalRefused',
  'CreditBoundProposed',
  'CreditBoundRejected',
  'CreditBoundSet',
])

/** A proposal of who bears a payment has no place of its own: there is one at a time. */
const decision = 'decision'

export const waiting: Projection = {
  name: 'waiting',
  version: 1,
  tables: [
    {
      name: 'waiting',
      // Of a payment a later proposal takes the place of the earlier one; elsewhere each has a place of its own.
      key: ['stream', 'place'],
      columns: {
        stream: 'text',
        place: 'text',
        kind: 'text',
        /** The account, payment, adjustment or currency. */
        subject: 'text',
        proposal: 'text',
        asks: 'text',
        operator: 'text',
        why: 'text',
        proposed: 'text',
        index: 'int',
      },
      indexes: [['index']],
    },
    {
      // Whoever withdraws names the proposal, not its place.
      name: 'place',
      key: ['stream', 'proposal'],
      columns: { stream: 'text', proposal: 'text', place: 'text' },
    },
  ],
  wants: type => types.has(type),
  apply: (logged, look) => {
    const event = understood(logged)
    if (!event) return []
    const { stream } = event
    type Said = { readonly operator: string; readonly why: string; readonly asks: string; readonly proposal: string }
    const waits = (kind: WaitingKind, subject: string, said: Said, place = said.proposal): Change =>
      putWaiting({ stream, place, kind, subject, ...said, proposed: event.at, index: BigInt(event.index) })
    const over = (place: string): Change => ({ table: 'waiting', key: [stream, place], row: undefined })
    switch (event.type) {
      case 'AccountOrderProposed': {
        const { account, proposal, order, operator, why } = event.data
        return [waits('account order', account, { proposal, operator, why, asks: orderInWords(order) })]
      }
      case 'CreditLimitSet':
      case 'AccountTermsSet':
      case 'RepaymentReturned':
        return event.data.approval ? [over(event.data.approval.proposal)] : []
      case 'PayerPaidOut':
        return [over(event.data.payout)]
      case 'WriteOffProposed': {
        const { account, writeOff, amount, currency, operator, why } = event.data
        const asks = `a write-off of ${money(amount, currency)}`
        return [waits('write-off', account, { proposal: writeOff, operator, why, asks })]
      }
      case 'WriteOffRejected':
      case 'DebtWrittenOff':
        return [over(event.data.writeOff)]
      case 'AdjustmentProposed': {
        const { adjustment, lines, operator, reason } = event.data
        const asks = lines
          .map(({ side, account, amount, currency }) => `${side} ${account} ${money(amount, currency)}`)
          .join('; ')
        return [waits('adjustment', adjustment, { proposal: adjustment, operator, why: reason, asks })]
      }
      case 'AdjustmentApproved':
      case 'AdjustmentRejected':
        return [over(event.data.adjustment)]
      case 'HeldDecisionProposed': {
        const { payment, proposal, bears, operator, reason } = event.data
        const said = { proposal, operator, why: reason, asks: `a held payment borne by the ${bears}` }
        return [waits('decision', payment, said, decision), putPlace({ stream, proposal, place: decision })]
      }
      case 'HeldDecisionApproved':
      case 'HeldPaymentDecided':
        return [over(decision)]
      case 'ReversalRefusalProposed':
      case 'ReversalReleaseProposed': {
        const { payment, proposal, reversal, operator, why } = event.data
        const isRelease = event.type === 'ReversalReleaseProposed'
        const asks = `held reversal ${reversal} ${isRelease ? 'let through to the payer' : 'refused, back to the merchant'}`
        const said = waits(isRelease ? 'release' : 'refusal', payment, { proposal, operator, why, asks }, reversal)
        return [said, putPlace({ stream, proposal, place: reversal })]
      }
      case 'ProposalWithdrawn':
        return withdrawn(stream, event.data.proposal, look).map(over)
      case 'ReversalReleased':
      case 'ReversalRefused':
        return [over(event.data.reversal)]
      case 'CreditBoundProposed': {
        const { proposal, currency, bound, operator, why } = event.data
        const asks = `a bound of ${money(bound, currency)} on what one person may give`
        return [waits('bound', currency, { proposal, operator, why, asks })]
      }
      case 'AccountOrderRejected':
      case 'CreditBoundRejected':
      case 'CreditBoundSet':
        return [over(event.data.proposal)]
      default:
        return []
    }
  },
}

const putWaiting = put('waiting', 'stream', 'place')
const putPlace = put('place', 'stream', 'proposal')

const money = (text: string, currency: Currency): string => `${formatAmount(minorUnits(text), currency)} ${currency}`

/** The place of a withdrawn proposal, unless a later one has taken it. */
const withdrawn = (stream: string, proposal: string, look: Look): string[] => {
  const placed = look('place', [stream, proposal])
  if (!placed) return []
  const place = textOf(placed, 'place')
  const held = look('waiting', [stream, place])
  return held && textOf(held, 'proposal') === proposal ? [place] : []
}

/* -------------------------------------------------------------- questions */

export type WaitingAnswer = {
  readonly kind: WaitingKind
  readonly subject: string
  readonly proposal: string
  readonly asks: string
  readonly operator: string
  readonly why: string
  readonly proposed: string
  readonly index: number
}

const answerOf = (row: Row): WaitingAnswer => ({
  kind: textOf(row, 'kind') as WaitingKind,
  subject: textOf(row, 'subject'),
  proposal: textOf(row, 'proposal'),
  asks: textOf(row, 'asks'),
  operator: textOf(row, 'operator'),
  why: textOf(row, 'why'),
  proposed: textOf(row, 'proposed'),
  index: Number(intOf(row, 'index')),
})

/** What has waited longest first. */
export const waitingList = async (
  rows: RowsReader,
): Promise<{ readonly waiting: WaitingAnswer[]; readonly index: number }> => ({
  waiting: (await rows.select(waiting, 'waiting', { order: [['index', 'up']], limit: 1000 })).map(answerOf),
  index: (await rows.checkpoint(waiting)) - 1,
})

import { describe, expect, it } from 'vitest'
import type { TradeEvent } from '#ledger/vocabulary'
import { waiting, waitingList } from '#projections/waiting'
import { accountOpened, decided, folded, hash, log, when } from '../trade.ts'

const day = (date: number) => `2026-11-${date}T10:00:00.000Z`
const why = 'asked for'
const order = { kind: 'payout', amount: '500', currency: 'EUR', source: 'bank' } as const
const payment = hash('a')

const proposals: Record<string, readonly [stream: string, event: TradeEvent]> = {
  payout: [
    'account-acc-1',
    {
      type: 'AccountOrderProposed',
      data: { account: 'acc-1', proposal: 'p-1', order, operator: 'clara', why },
    },
  ],
  'write-off': [
    'account-acc-1',
    {
      type: 'WriteOffProposed',
      data: { account: 'acc-1', writeOff: 'w-1', amount: '700', currency: 'EUR', rule: 1, operator: 'clara', why },
    },
  ],
  bound: [
    'credit-bounds',
    {
      type: 'CreditBoundProposed',
      data: { proposal: 'b-1', currency: 'EUR', bound: '900000', operator: 'olga', why },
    },
  ],
  adjustment: [
    'adjustment-a-1',
    {
      type: 'AdjustmentProposed',
      data: {
        adjustment: 'a-1',
        lines: [
          { account: 'losses', side: 'debit', amount: '100', currency: 'EUR' },
          { account: 'payer:acc-1', side: 'credit', amount: '100', currency: 'EUR' },
        ],
        operator: 'clara',
        reason: why,
      },
    },
  ],
  decision: [
    `payment-${payment}`,
    {
      type: 'HeldDecisionProposed',
      data: { payment, proposal: 'd-1', bears: 'payer', operator: 'clara', reason: why },
    },
  ],
  reversal: [
    `payment-${payment}`,
    {
      type: 'ReversalReleaseProposed',
      data: { payment, proposal: 'r-1', reversal: 'rev-1', operator: 'clara', why },
    },
  ],
}
const ends: Record<string, TradeEvent> = {
  payout: {
    type: 'PayerPaidOut',
    data: { account: 'acc-1', payout: 'p-1', amount: '500', currency: 'EUR', source: 'bank' },
  },
  'write-off': { type: 'WriteOffRejected', data: { account: 'acc-1', writeOff: 'w-1', operator: 'paul', why } },
  bound: {
    type: 'CreditBoundSet',
    data: { proposal: 'b-1', currency: 'EUR', bound: '900000', operators: ['olga', 'paul'], why },
  },
  adjustment: { type: 'AdjustmentRejected', data: { adjustment: 'a-1', operator: 'paul', why } },
  decision: { type: 'HeldDecisionApproved', data: { payment, proposal: 'd-1', operator: 'paul' } },
  reversal: { type: 'ProposalWithdrawn', data: { payment, proposal: 'r-1', operator: 'clara', why } },
}

const all = async (...left: readonly string[]) => {
  const { store, write } = log()
  await write('account-acc-1', day(20), accountOpened('acc-1', '50000'))
  for (const [stream, event] of Object.values(proposals)) await write(stream, day(21), event)
  for (const each of left)
    await write((proposals[each] as readonly [string, TradeEvent])[0], day(22), ends[each] as TradeEvent)
  return (await waitingList(await folded(store, [waiting]))).waiting
}

describe('what waits for a second person', () => {
  it('is all of it, the longest first, with who said what, when and why', async () => {
    const said = await all()
    expect(said.map(({ kind, subject, proposal, asks }) => [kind, subject, proposal, asks])).toEqual([
      ['account order', 'acc-1', 'p-1', 'a payout of 5.00 EUR'],
      ['write-off', 'acc-1', 'w-1', 'a write-off of 7.00 EUR'],
      ['bound', 'EUR', 'b-1', 'a bound of 9000.00 EUR on what one person may give'],
      ['adjustment', 'a-1', 'a-1', 'debit losses 1.00 EUR; credit payer:acc-1 1.00 EUR'],
      ['decision', payment, 'd-1', 'a held payment borne by the payer'],
      ['release', payment, 'r-1', 'held reversal rev-1 let through to the payer'],
    ])
    expect(said[0]).toMatchObject({ operator: 'clara', why, proposed: day(21) })
  })

  it.each(Object.keys(proposals))('waits no more once its %s is done, rejected or withdrawn', async ended => {
    const id = { payout: 'p-1', 'write-off': 'w-1', bound: 'b-1', adjustment: 'a-1', decision: 'd-1', reversal: 'r-1' }
    const left = await all(ended)
    expect(left).toHaveLength(5)
    expect(left.map(({ proposal }) => proposal)).not.toContain(id[ended as keyof typeof id])
  })

  it('of a payment is what was proposed last, and stays when the one before is withdrawn', async () => {
    const { store, write } = log()
    const [stream, first] = proposals['decision'] as readonly [string, TradeEvent]
    const data = { payment, proposal: 'd-2', bears: 'merchant', operator: 'vera', reason: why } as const
    await write(stream, day(21), first)
    await write(stream, day(22), { type: 'HeldDecisionProposed', data })
    await write(stream, day(22), {
      type: 'ProposalWithdrawn',
      data: { payment, proposal: 'd-1', operator: 'clara', why },
    })
    const left = async () => (await waitingList(await folded(store, [waiting]))).waiting.map(each => each.proposal)
    expect(await left()).toEqual(['d-2'])
    await write(stream, day(23), decided('a', 'merchant', '1250', when(day(23))))
    expect(await left()).toEqual([])
  })
})

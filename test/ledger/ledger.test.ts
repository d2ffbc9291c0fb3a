import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { failed, passed } from '#canonical/check'
import { isRefusal } from '#canonical/decider'
import { type Event, moneyWord } from '#canonical/event'
import { type Posting, postingsOf } from '#ledger'
import { available, debitBalance } from '#ledger/balance'
import { datesOf } from '#ledger/dates'
import { reading, type TradeEvent, tradeWords, understood } from '#ledger/vocabulary'
import { amount } from '#money'
import { type PaymentCommand, payment } from '#payment'
import type { DataOf, PaymentEvent } from '#payment/events'

const hash = 'ab'.repeat(32)
const occurred = {
  at: '2026-11-23T10:00:00.000Z',
  after: '2026-11-23T09:00:00.000Z',
  before: '2026-11-23T18:00:00.000Z',
}
const dates = { occurred, businessDate: '2026-11-23', bookingDate: '2026-11-24' }
const place = { merchant: 'm-1', shop: 's-1', terminal: 'T-1', transaction: '0f'.repeat(16) }
const who = { account: 'acc-1', license: 'l-1', card: '9250000000000017' }
const shares = {
  gross: '1000',
  within: '700',
  excess: '300',
  excessOwner: 'operator' as const,
  fee: '15',
  tax: '3',
  termsVersion: 1,
  returnsFee: true,
}
const accepted = {
  payment: hash,
  event: 'e-1',
  ...who,
  ...place,
  ...dates,
  currency: 'EUR',
  ...shares,
  exceptions: [],
  rule: 1,
} satisfies DataOf<'PaymentAccepted'>
const set = { payment: hash, event: 'e-3', account: 'acc-1', license: 'l-1', currency: 'EUR', amount: '400' }
const decided = (bears: 'payer' | 'merchant' | 'operator'): TradeEvent => ({
  type: 'HeldPaymentDecided',
  data: { ...accepted, bears, operators: ['anna', 'ben'], reason: 'looked at' },
})
const reversal = {
  reversal: 'r-1',
  payment: hash,
  event: 'e-2',
  kind: 'refund' as const,
  ...place,
  ...dates,
  amount: '400',
  currency: 'EUR',
}
const back = { account: 'acc-1', feeBack: '6', taxBack: '1' }

/** `Dr payer:acc-1 1000` and `Cr …`, with the commitments in brackets, as the table of the ledger has them. */
const inWords = ({ book, side, account, amount }: Posting): string => {
  const line = `${side === 'debit' ? 'Dr' : 'Cr'} ${account} ${amount}`
  const named = { money: line, commitments: `(${line})` }
  return named[book] ?? `${book}: ${line}`
}

const table: readonly [string, TradeEvent, readonly string[]][] = [
  [
    'an allowance is promised',
    {
      type: 'AllowanceGranted',
      data: {
        account: 'acc-1',
        license: 'l-1',
        amount: '700',
        currency: 'EUR',
        owed: '0',
        inDispute: '0',
        drawn: '0',
        knownAt: 3,
      },
    },
    ['(Dr allowance:l-1 700)', '(Cr commitment:acc-1 700)'],
  ],
  [
    'what is left of it is freed',
    { type: 'AllowanceReleased', data: { account: 'acc-1', license: 'l-1', amount: '50', currency: 'EUR' } },
    ['(Dr commitment:acc-1 50)', '(Cr allowance:l-1 50)'],
  ],
  [
    'a hold that was drawn beyond what was left of it ends at nothing',
    {
      type: 'AllowanceReleased',
      data: { account: 'acc-1', license: 'l-1', amount: '0', overdrawn: '20', currency: 'EUR' },
    },
    ['(Dr allowance:l-1 20)', '(Cr commitment:acc-1 20)'],
  ],
  [
    'the bank takes a repayment back: it is owed again',
    {
      type: 'RepaymentReturned',
      data: { account: 'acc-1', repayment: 'r-1', amount: '400', currency: 'EUR', source: 'bank', why: 'no funds' },
    },
    ['Dr payer:acc-1 400', 'Cr clearing:bank 400'],
  ],
  [
    'a credit balance is paid out',
    {
      type: 'PayerPaidOut',
      data: { account: 'acc-1', payout: 'p-1', amount: '400', currency: 'EUR', source: 'bank' },
    },
    ['Dr payer:acc-1 400', 'Cr clearing:bank 400'],
  ],
  [
    'a debt is written off, and each bears its share',
    {
      type: 'DebtWrittenOff',
      data: {
        account: 'acc-1',
        writeOff: 'w-1',
        amount: '400',
        currency: 'EUR',
        losses: '350',
        merchants: [{ merchant: 'm-1', amount: '50' }],
        rule: 1,
        operators: ['anna', 'ben'],
        why: 'gone',
      },
    },
    ['Dr losses 350', 'Cr payer:acc-1 350', 'Dr merchant:m-1 50', 'Cr payer:acc-1 50'],
  ],
  [
    'and is paid after all',
    {
      type: 'DebtRecovered',
      data: { account: 'acc-1', recovery: 'c-1', amount: '400', currency: 'EUR', source: 'bank' },
    },
    ['Dr clearing:bank 400', 'Cr recoveries 400'],
  ],
  [
    'a payment draws on the hold and is owed in full',
    { type: 'PaymentAccepted', data: accepted },
    [
      '(Dr commitment:acc-1 700)',
      '(Cr allowance:l-1 700)',
      'Dr payer:acc-1 1000',
      'Cr merchant:m-1 1000',
      'Dr merchant:m-1 15',
      'Cr fees 15',
      'Dr merchant:m-1 3',
      'Cr tax 3',
    ],
  ],
  [
    'over a spent allowance and without a fee, nothing of zero is posted',
    { type: 'PaymentAccepted', data: { ...accepted, within: '0', excess: '1000', fee: '0', tax: '0' } },
    ['Dr payer:acc-1 1000', 'Cr merchant:m-1 1000'],
  ],
  [
    'a phone told of a payment: its part of the hold is set aside',
    { type: 'PaymentUnclaimed', data: { ...set, ...place, card: who.card, gross: '1000' } },
    [`(Dr unclaimed:${hash} 400)`, '(Cr allowance:l-1 400)'],
  ],
  [
    'its terminal never recorded it: the credit is free',
    { type: 'UnclaimedReleased', data: { ...set, why: 'TapAbandoned' } },
    ['(Dr commitment:acc-1 400)', `(Cr unclaimed:${hash} 400)`],
  ],
  [
    'its terminal brought it: drawn on what was set aside, and on the hold for the rest',
    { type: 'PaymentAccepted', data: { ...accepted, unclaimed: '400', fee: '0', tax: '0' } },
    [
      '(Dr commitment:acc-1 400)',
      `(Cr unclaimed:${hash} 400)`,
      '(Dr commitment:acc-1 300)',
      '(Cr allowance:l-1 300)',
      'Dr payer:acc-1 1000',
      'Cr merchant:m-1 1000',
    ],
  ],
  [
    'a held payment: nobody owes and nobody is paid',
    { type: 'PaymentHeld', data: { ...accepted, reason: 'SealInvalid', checks: [] } },
    [`Dr suspense:${hash} 1000`, `Cr withheld:${hash} 1000`],
  ],
  [
    'the payer bears it: as accepted',
    decided('payer'),
    [
      `Dr withheld:${hash} 1000`,
      `Cr suspense:${hash} 1000`,
      '(Dr commitment:acc-1 700)',
      '(Cr allowance:l-1 700)',
      'Dr payer:acc-1 1000',
      'Cr merchant:m-1 1000',
      'Dr merchant:m-1 15',
      'Cr fees 15',
      'Dr merchant:m-1 3',
      'Cr tax 3',
    ],
  ],
  ['the merchant bears it', decided('merchant'), [`Dr withheld:${hash} 1000`, `Cr suspense:${hash} 1000`]],
  [
    'the operator bears it',
    decided('operator'),
    [`Dr withheld:${hash} 1000`, `Cr suspense:${hash} 1000`, 'Dr losses 1000', 'Cr merchant:m-1 1000'],
  ],
  [
    'a refund, with its part of the fee',
    { type: 'ReversalAccepted', data: { ...reversal, ...back } },
    ['Dr merchant:m-1 400', 'Cr payer:acc-1 400', 'Dr fees 6', 'Cr merchant:m-1 6', 'Dr tax 1', 'Cr merchant:m-1 1'],
  ],
  [
    'a refund that waits for its original',
    { type: 'ReversalHeld', data: { ...reversal, reason: 'RefundWithoutOriginal' } },
    ['Dr merchant:m-1 400', `Cr suspense:${hash}/r-1 400`],
  ],
  [
    'its original came',
    { type: 'ReversalReleased', data: { ...reversal, ...back } },
    [
      `Dr suspense:${hash}/r-1 400`,
      'Cr payer:acc-1 400',
      'Dr fees 6',
      'Cr merchant:m-1 6',
      'Dr tax 1',
      'Cr merchant:m-1 1',
    ],
  ],
  [
    'it never came',
    { type: 'ReversalRefused', data: { ...reversal, operators: ['anna', 'ben'], why: 'typed wrong' } },
    [`Dr suspense:${hash}/r-1 400`, 'Cr merchant:m-1 400'],
  ],
  [
    'a repayment is in transit until the bank shows it',
    {
      type: 'RepaymentReceived',
      data: { account: 'acc-1', repayment: 'p-1', amount: '250', currency: 'EUR', source: 'bank' },
    },
    ['Dr clearing:bank 250', 'Cr payer:acc-1 250'],
  ],
  [
    'a merchant below zero pays in',
    {
      type: 'MerchantPaidIn',
      data: { merchant: 'm-1', paidIn: 'i-1', amount: '250', currency: 'EUR', source: 'bank' },
    },
    ['Dr clearing:bank 250', 'Cr merchant:m-1 250'],
  ],
  [
    'an adjustment, as two people had it',
    {
      type: 'AdjustmentApproved',
      data: {
        adjustment: 'a-1',
        lines: [
          { account: 'losses', side: 'debit', amount: '500', currency: 'EUR' },
          { account: 'payer:acc-1', side: 'credit', amount: '500', currency: 'EUR' },
        ],
        operators: ['anna', 'ben'],
        reason: 'charged twice by hand',
      },
    },
    ['Dr losses 500', 'Cr payer:acc-1 500'],
  ],
  ['what a terminal recorded moves nothing', { type: 'DayOpened', data: { businessDate: '2026-11-23' } }, []],
  ['a license that ended keeps its hold', { type: 'LicenseExpired', data: { license: 'l-1', account: 'acc-1' } }, []],
]

/** Debits less credits by book and currency: each must be zero. */
const differences = (postings: readonly Posting[]): bigint[] => {
  const books = new Map<string, Posting[]>()
  for (const posting of postings) {
    const key = `${posting.book} ${posting.currency}`
    books.set(key, [...(books.get(key) ?? []), posting])
  }
  return [...books.values()].map(debitBalance)
}

describe('postings', () => {
  it.each(table)('%s', (_, event, expected) => {
    const postings = postingsOf(event)
    expect(postings.map(inWords)).toEqual(expected)
    expect(differences(postings).filter(difference => difference !== 0n)).toEqual([])
    expect(tradeWords[event.type].data.safeParse(event.data).error).toBeUndefined()
  })

  it('a type says that it moves money exactly if it does', () => {
    const moving = new Set(table.filter(([, , postings]) => postings.length > 0).map(([, { type }]) => type))
    const said = Object.entries(tradeWords).filter(([, word]) => word.money)
    expect(said.map(([type]) => type).sort()).toEqual([...moving].sort())
  })
})

describe('law: whatever the verdicts, each book sums to zero, and the payer owes what was signed less what went back', () => {
  /** What a phone signed is one sum, whoever tells of it. */
  const grossOf = (number: number) => amount([0n, 1n, 1000n, 4999n][number] as bigint)
  const command: fc.Arbitrary<(payment: number) => PaymentCommand> = fc.oneof(
    fc.record({ hold: fc.bigInt(0n, 4000n), good: fc.boolean(), fee: fc.nat(10_000) }).map(
      ({ hold, good, fee }) =>
        (number: number): PaymentCommand => ({
          type: 'Judge',
          ...accepted,
          payment: `${number}`,
          gross: grossOf(number),
          holdReleased: false,
          holdLeft: amount(hold),
          available: 1000n,
          checks: [good ? passed('seal') : failed('seal', 'SealInvalid', 'open', 'shut')],
          signatureChecked: true,
          rule: 2,
          terms: { version: 1, feeBasisPoints: fee, taxBasisPoints: 2000, returnsFee: true },
        }),
    ),
    fc.record({ r: fc.bigInt(0n, 3000n), name: fc.nat(5) }).map(
      ({ r, name }) =>
        (number: number): PaymentCommand => ({
          type: 'Reverse',
          ...reversal,
          payment: `${number}`,
          reversal: `${number}-${name}`,
          amount: amount(r),
        }),
    ),
    fc.record({ bears: fc.constantFrom('payer', 'merchant', 'operator'), proposal: fc.nat(4) }).map(
      ({ bears, proposal }) =>
        (number: number): PaymentCommand => ({
          type: 'ProposeDecision',
          payment: `${number}`,
          proposal: `${proposal}`,
          bears: bears as 'payer',
          operator: 'anna',
          reason: 'looked at',
        }),
    ),
    fc.record({ proposal: fc.nat(4) }).map(
      ({ proposal }) =>
        (number: number): PaymentCommand => ({
          type: 'ApproveDecision',
          payment: `${number}`,
          proposal: `${proposal}`,
          operator: 'ben',
        }),
    ),
    fc.bigInt(0n, 4000n).map(
      hold =>
        (number: number): PaymentCommand => ({
          type: 'CarryOutDecision',
          payment: `${number}`,
          bookingDate: '2026-11-25',
          holdReleased: false,
          holdLeft: amount(hold),
          available: 1000n,
          terms: { version: 1, feeBasisPoints: 150, taxBasisPoints: 2000, returnsFee: true },
        }),
    ),
    fc
      .record({ name: fc.nat(5), approve: fc.boolean() })
      .map(({ name, approve }) => (number: number): PaymentCommand => {
        const by = { payment: `${number}`, proposal: `refuse ${name}`, operator: approve ? 'ben' : 'anna' }
        return approve
          ? { type: 'ApproveRefusal', ...by, bookingDate: '2026-11-25' }
          : { type: 'ProposeRefusal', ...by, reversal: `${number}-${name}`, why: 'typed wrong' }
      }),
    fc.bigInt(0n, 4000n).map(
      hold =>
        (number: number): PaymentCommand => ({
          type: 'SetAside',
          ...accepted,
          payment: `${number}`,
          gross: grossOf(number),
          holdLeft: amount(hold),
        }),
    ),
    fc.constant(
      (number: number): PaymentCommand => ({ type: 'SetFree', payment: `${number}`, event: 'e', why: 'TapAbandoned' }),
    ),
  )

  it('holds', () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), command), { maxLength: 30 }), script => {
        const states = new Map<number, ReturnType<typeof payment.evolve>>()
        const said: PaymentEvent[] = []
        for (const [number, make] of script) {
          let state = states.get(number) ?? payment.initialState
          const answer = payment.decide(make(number), state)
          if (isRefusal(answer)) continue
          for (const event of answer) {
            expect(differences(postingsOf(event)).every(difference => difference === 0n)).toBe(true)
            state = payment.evolve(state, event)
            said.push(event)
          }
          states.set(number, state)
        }
        // Figured from the states, which know nothing of postings.
        const owed = [...states.values()].reduce(
          (sum, { charged }) => sum + (charged ? charged.gross - charged.reversed : 0n),
          0n,
        )
        const postings = said.flatMap(postingsOf)
        expect(debitBalance(postings.filter(posting => posting.account === 'payer:acc-1'))).toBe(owed)
        const reversed = [...states.values()].every(({ charged }) => !charged || charged.reversed <= charged.gross)
        expect(reversed).toBe(true)
        // What was set aside is drawn on, free again, or waits: never less than nothing, and never twice.
        for (const [number, { unclaimed }] of states) {
          const aside = postings.filter(posting => posting.account === `unclaimed:${number}`)
          expect(debitBalance(aside)).toBe(BigInt(unclaimed?.amount ?? 0))
        }
        // A void or refund raises what is available by exactly its amount: it touches no hold.
        for (const event of said)
          if (event.type === 'ReversalAccepted' || event.type === 'ReversalReleased') {
            const moved = postingsOf(event)
            expect(moved.some(({ book }) => book === 'commitments')).toBe(false)
            expect(debitBalance(moved.filter(({ account }) => account === 'payer:acc-1'))).toBe(
              -BigInt(event.data.amount),
            )
          }
      }),
      { numRuns: 300 },
    ))
})

describe('available', () => {
  it.each([
    [{ limit: 500n, owed: 120n, inDispute: 30n, held: 200n }, 150n],
    [{ limit: 500n, owed: 480n, inDispute: 0n, held: 100n }, -80n],
    [{ limit: 500n, owed: -40n, inDispute: 0n, held: 0n }, 500n],
  ])('%o is %s', (figures, expected) => expect(available(figures)).toBe(expected))
})

describe('dates', () => {
  it('of a verdict are those of the sale and of its booking', () =>
    expect(datesOf({ type: 'PaymentAccepted', data: accepted, at: '2026-11-24T00:00:01.000Z' })).toEqual(dates))
  it('of what the centre decided are when it did', () => {
    const at = '2026-11-24T08:00:00.000Z'
    const data = { account: 'acc-1', repayment: 'p-1', amount: '250', currency: 'EUR', source: 'bank' }
    expect(datesOf({ type: 'RepaymentReceived', data, at })).toEqual({
      occurred: { at, after: at, before: at },
      businessDate: '2026-11-24',
      bookingDate: '2026-11-24',
    })
  })
})

describe('what a newer writer says', () => {
  const event: Event = {
    stream: '',
    revision: 0,
    id: '00000000-0000-8000-8000-000000000000',
    type: '',
    schema: 1,
    money: false,
    at: '2026-11-23T09:00:00.000Z',
    by: 'test',
    correlation: 'c',
    causation: 'c',
    data: {},
    prev: '',
    hash: '',
  }
  it.each([
    ['TransactionRecorded', 1, 'terminal-t-1', true],
    ['TransactionRecorded', 2, 'terminal-t-1', false],
    ['CreditTeleported', 1, 'account-acc-1', false],
    ['toString', 1, 'account-acc-1', false],
    // A terminal cannot say the centre's words, nor the centre a terminal's.
    ['RepaymentReceived', 1, 'account-acc-1', true],
    ['RepaymentReceived', 1, 'terminal-t-1', false],
    ['TransactionRecorded', 1, 'account-acc-1', false],
  ])('%s of schema %i in %s is understood: %s', (type, schema, stream, expected) =>
    expect(understood({ ...event, type, schema, stream }) !== undefined).toBe(expected),
  )

  it('and what an older one says is read in the newest shape', () => {
    const words = {
      ...tradeWords,
      RepaymentReceived: moneyWord(z.looseObject({}), ({ amount, ...rest }) => ({
        ...rest,
        amount: `${amount as string}00`,
      })),
    }
    const told = { ...event, type: 'RepaymentReceived', stream: 'account-acc-1', data: { amount: '5' } }
    expect(reading(words)(told)).toMatchObject({ schema: 2, data: { amount: '500' } })
    expect(reading(words)({ ...told, stream: 'terminal-t-1' })).toBeUndefined()
    expect(reading(words)({ ...told, schema: 3 })).toBeUndefined()
  })
})

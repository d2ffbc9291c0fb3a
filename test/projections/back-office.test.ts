import { describe, expect, it } from 'vitest'
import { exceptionCount, exceptionList, exceptions } from '#projections/exceptions'
import { feesEarned, merchantList, merchants } from '#projections/merchants'
import { terminalCounts, terminalList, terminals } from '#projections/terminals'
import { takingsOf, transactionList, transactionOf, transactions, verdictCounts } from '#projections/transactions'
import { accepted, decided, folded, givenBack, hash, held, log, transaction, when } from '../trade.ts'

const day = (date: number, hour = 10) => `2026-11-${date}T${hour.toString().padStart(2, '0')}:00:00.000Z`

describe('transactions', () => {
  const scene = async () => {
    const { store, write } = log()
    await write(
      'payment-a',
      day(23),
      accepted('a', '1250', when(day(21), day(23)), { fee: '19', exceptions: ['OverLimit'] }),
    )
    await write('payment-b', day(23), held('b', '900', when(day(21), day(23))))
    await write(
      'payment-c',
      day(23),
      accepted('c', '1000', when(day(21), day(23)), { account: 'acc-2', terminal: 'T-2' }),
    )
    await write('payment-c', day(23), givenBack('c', '400', when(day(21), day(23))))
    return { store, write }
  }

  it('are listed by verdict, the newest first', async () => {
    const { store } = await scene()
    const rows = await folded(store, [transactions])
    const { transactions: found, index } = await transactionList(rows)
    expect(index).toBe(3)
    expect(found.map(({ transaction, state, amount, reversed }) => [transaction, state, amount, reversed])).toEqual([
      [transaction('c'), 'partly reversed', '10.00', '4.00'],
      [transaction('b'), 'held', '9.00', '0.00'],
      [transaction('a'), 'accepted', '12.50', '0.00'],
    ])
    expect(found[2]).toEqual({
      transaction: transaction('a'),
      payment: hash('a'),
      state: 'accepted',
      amount: '12.50',
      reversed: '0.00',
      within: '12.50',
      excess: '0.00',
      fee: '0.19',
      tax: '0.00',
      currency: 'EUR',
      account: 'acc-1',
      merchant: 'm-1',
      shop: 's-1',
      terminal: 'T-1',
      occurred: day(21),
      businessDate: '2026-11-21',
      bookingDate: '2026-11-23',
      exceptions: ['OverLimit'],
      index: 0,
    })
    expect(found[1]).toMatchObject({ reason: 'SealInvalid', exceptions: [] })
    expect(await verdictCounts(rows)).toEqual({ accepted: 2, held: 1 })
    // 12.50 + 10.00 - 4.00; nobody has 9.00 yet.
    expect(await takingsOf(rows, '2026-11-21')).toEqual([{ currency: 'EUR', amount: '18.50', count: 2 }])
    expect(await takingsOf(rows, '2026-11-23')).toEqual([])
  })

  it('are found by account, terminal, state and page', async () => {
    const { store } = await scene()
    const rows = await folded(store, [transactions])
    const names = async (asked: Parameters<typeof transactionList>[1]) =>
      (await transactionList(rows, asked)).transactions.map(({ index }) => index)
    expect(await names({ account: 'acc-1' })).toEqual([1, 0])
    expect(await names({ terminal: 'T-2' })).toEqual([2])
    expect(await names({ state: 'held' })).toEqual([1])
    expect(await names({ merchant: 'm-1', limit: 2 })).toEqual([2, 1])
    expect(await names({ before: 1 })).toEqual([0])
    expect(await transactionOf(rows, transaction('b'))).toMatchObject({ payment: hash('b') })
    expect(await transactionOf(rows, hash('b'))).toMatchObject({ transaction: transaction('b') })
    expect(await transactionOf(rows, 'nothing')).toBeUndefined()
  })

  it.each([
    ['payer', '27.50', 3],
    ['operator', '27.50', 3],
    ['merchant', '18.50', 2],
  ] as const)('a held one that the %s bears: the day took %s', async (bears, amount, count) => {
    const { store, write } = await scene()
    await write('payment-b', day(24), decided('b', bears, '900', when(day(21), day(24))))
    const rows = await folded(store, [transactions])
    expect(await transactionOf(rows, hash('b'))).toMatchObject({
      state: 'decided',
      bears,
      reason: 'SealInvalid',
      bookingDate: '2026-11-24',
    })
    expect(await verdictCounts(rows)).toEqual({ accepted: 2, held: 0 })
    expect(await takingsOf(rows, '2026-11-21')).toEqual([{ currency: 'EUR', amount, count }])
  })

  it('given back whole is reversed', async () => {
    const { store, write } = await scene()
    await write('payment-c', day(24), givenBack('c', '600', when(day(24))))
    const rows = await folded(store, [transactions])
    expect(await transactionOf(rows, hash('c'))).toMatchObject({ state: 'reversed', reversed: '10.00' })
    expect(await takingsOf(rows, '2026-11-24')).toEqual([{ currency: 'EUR', amount: '-6.00', count: 0 }])
  })
})

describe('merchants', () => {
  it('are owed what was paid less what it costs, and the fees are ours', async () => {
    const { store, write } = log()
    const terms = { merchant: 'm-1', feeBasisPoints: 150, taxBasisPoints: 2000, returnsFee: true }
    await write(
      'merchant-m-1',
      day(20),
      { type: 'MerchantOpened', data: { merchant: 'm-1', name: 'Bakery', currency: 'EUR' } },
      { type: 'MerchantTermsSet', data: { ...terms, version: 1 } },
    )
    await write('merchant-m-2', day(20), {
      type: 'MerchantOpened',
      data: { merchant: 'm-2', name: 'Kiosk', currency: 'JPY' },
    })
    await write('payment-a', day(21), accepted('a', '10000', when(day(21)), { fee: '150', tax: '30' }))
    await write('payment-a', day(21), givenBack('a', '4000', when(day(21)), { feeBack: '60', taxBack: '12' }))
    const rows = await folded(store, [merchants])
    // 100.00 - 1.50 - 0.30 - 40.00 + 0.60 + 0.12 = 58.92
    expect(await merchantList(rows)).toEqual({
      merchants: [
        {
          merchant: 'm-1',
          name: 'Bakery',
          currency: 'EUR',
          payable: '58.92',
          terms: { version: 1, feeBasisPoints: 150, taxBasisPoints: 2000, returnsFee: true },
        },
        { merchant: 'm-2', name: 'Kiosk', currency: 'JPY', payable: '0', terms: null },
      ],
      index: 4,
    })
    expect(await feesEarned(rows)).toEqual([{ currency: 'EUR', amount: '0.90' }])
  })
})

describe('terminals', () => {
  const enrolment = { terminal: 'T-1', shop: 's-1', merchant: 'm-1', mode: 'test' as const }
  const batch = (
    from: number,
    count: number,
    receivedAt: string,
    waiting?: { count: number; sum: string; currency: string },
  ) => ({
    type: 'BatchAccepted' as const,
    data: {
      terminal: 'T-1',
      from,
      count,
      head: hash('head'),
      statement: 'AAAA',
      receivedAt,
      ...(waiting && { waiting }),
    },
  })
  const scene = async () => {
    const { store, write } = log()
    await write('enrolment-T-1', day(20), {
      type: 'TerminalInvited',
      data: { ...enrolment, codeHash: hash('code'), expires: day(21) },
    })
    await write('enrolment-T-2', day(20), {
      type: 'TerminalInvited',
      data: { ...enrolment, terminal: 'T-2', codeHash: hash('other'), expires: day(21) },
    })
    await write('enrolment-T-1', day(20, 11), {
      type: 'TerminalEnrolled',
      data: { ...enrolment, certificate: 'AAAA', keys: { p256: 'AAAA', ed25519: 'AAAA' } },
    })
    const document = (version: number) => ({ version, hash: hash('rules'), document: 'AAAA' })
    await write('terminal-T-1', day(20, 12), {
      type: 'RulesAdopted',
      data: { policy: document(3), denyList: document(5), keySet: document(1) },
    })
    return { store, write }
  }

  it('show where they stand, how far their log is here and what waits', async () => {
    const { store, write } = await scene()
    await write('intake-T-1', day(20, 12), batch(0, 10, day(20, 12)))
    await write('intake-T-1', day(21), batch(10, 5, day(21), { count: 2, sum: '1500', currency: 'EUR' }))
    // Sent again from the middle, after the answer was lost.
    await write('intake-T-1', day(22), batch(12, 2, day(22), { count: 2, sum: '1500', currency: 'EUR' }))
    const rows = await folded(store, [terminals])
    const { terminals: found, index } = await terminalList(rows)
    expect(index).toBe(6)
    expect(found).toEqual([
      {
        terminal: 'T-1',
        shop: 's-1',
        merchant: 'm-1',
        label: null,
        state: 'enrolled',
        because: null,
        certificateEnds: null,
        told: false,
        lastSeen: day(22),
        revision: 14,
        waiting: { count: 2, sum: '15.00', currency: 'EUR' },
        gaps: 0,
        forks: 0,
        quarantined: 0,
        policyVersion: 3,
        denyListVersion: 5,
        keySetVersion: 1,
      },
      expect.objectContaining({ terminal: 'T-2', state: 'invited', lastSeen: null, revision: -1, waiting: null }),
    ])
    expect(await terminalCounts(rows, { silentSince: day(22) })).toEqual({ count: 1, silent: 0, openGaps: 0 })
    expect(await terminalCounts(rows, { silentSince: day(22, 11) })).toEqual({ count: 1, silent: 1, openGaps: 0 })
  })

  it('gaps and forks in their logs are counted', async () => {
    const { store, write } = await scene()
    await write('intake-T-1', day(20, 12), batch(0, 10, day(20, 12)), batch(11, 4, day(20, 12)))
    await write('intake-T-1', day(21), {
      type: 'ForkDetected',
      data: { terminal: 'T-1', revision: 4, held: hash('one'), foreign: hash('another') },
    })
    const rows = await folded(store, [terminals])
    expect((await terminalList(rows)).terminals[0]).toMatchObject({ gaps: 1, forks: 1, revision: 14 })
    expect((await terminalCounts(rows, { silentSince: day(1) })).openGaps).toBe(2)
  })
})

describe('exceptions', () => {
  it('are listed and counted', async () => {
    const { store, write } = log()
    const raised = (key: string, amount: string) =>
      write(`exception-${key}`, day(21), {
        type: 'ExceptionRaised',
        data: {
          key,
          kind: 'OverLimit',
          amount,
          currency: 'EUR',
          concerns: ['e-1', hash('a')],
          message: 'over the limit',
        },
      })
    await raised('OverLimit-a', '100')
    await raised('OverLimit-b', '250')
    const rows = await folded(store, [exceptions])
    expect(await exceptionCount(rows)).toBe(2)
    expect((await exceptionList(rows)).exceptions.map(({ key, amount }) => [key, amount])).toEqual([
      ['OverLimit-b', '2.50'],
      ['OverLimit-a', '1.00'],
    ])
    expect((await exceptionList(rows, { before: 1 })).exceptions).toEqual([
      expect.objectContaining({ concerns: ['e-1', hash('a')], raised: day(21), message: 'over the limit' }),
    ])
  })

  it('that closed by themselves are none to look at, and are found still', async () => {
    const { store, write } = log()
    const about = { amount: '100', currency: 'EUR', concerns: ['l-1'], message: 'payment 3 is missing' }
    for (const key of ['a', 'b'])
      await write(`exception-${key}`, day(21), {
        type: 'ExceptionRaised',
        data: { key, kind: 'CounterSkipped', counters: { license: 'l-1', from: 3, to: 3 }, ...about },
      })
    await write('exception-a', day(22), { type: 'ExceptionResolved', data: { key: 'a', why: 'it has come' } })
    const rows = await folded(store, [exceptions])
    expect(await exceptionCount(rows)).toBe(1)
    const keys = async (state?: 'open' | 'resolved') =>
      (await exceptionList(rows, { state })).exceptions.map(({ key, resolved, why }) => [key, resolved, why])
    expect(await keys()).toEqual([
      ['b', null, null],
      ['a', day(22), 'it has come'],
    ])
    expect(await keys('open')).toEqual([['b', null, null]])
    expect(await keys('resolved')).toEqual([['a', day(22), 'it has come']])
  })
})

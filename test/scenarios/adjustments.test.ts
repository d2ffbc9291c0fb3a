import { afterEach, describe, expect, it } from 'vitest'
import type { Line } from '#adjustment'
import { minorUnits } from '#money'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre } from './hand.ts'

/** The book put right by hand, and a merchant that stands below zero. Terms: 1.5 % fee, 20 % tax on it. */
let world: World | undefined
afterEach(() => world?.end())

const town = async (seed: string): Promise<World> => {
  world = await makeWorld({ seed, phones: [{ account: 'anna', limit: 50_000n, allowance: '200.00' }] })
  return world
}
const pay = async (here: World, minor: bigint): Promise<string> => {
  orThrow(await here.key(minor))
  const tapped = await here.tap('anna')
  expect(tapped).toMatchObject({ outcome: 'paid' })
  orThrow(await here.sync())
  return (tapped as { transaction: string }).transaction
}
const line = (account: string, side: Line['side'], amount: string): Line => ({ account, side, amount, currency: 'EUR' })
const standing = async (here: World) => {
  const { owed, held, available } = orThrow(await here.centre().ask.balance({ account: 'anna' }))
  const { merchants } = orThrow(await here.centre().ask.merchants())
  return { owed, held, available, merchant: merchants[0]?.payable }
}
const explained = async (here: World) => {
  const { proof, lines } = orThrow(await here.centre().ask.explain('anna', {}))
  const merchant = orThrow(await here.centre().ask.explainLedger('merchant:m-1', {}))
  return { holds: proof.holds && merchant.proof.holds, compared: proof.compared, newest: lines[0]?.type }
}

describe('an adjustment', () => {
  const lines = [line('losses', 'debit', '250'), line('payer:anna', 'credit', '250')]
  const propose = (here: World, other: Partial<Parameters<ReturnType<World['centre']>['proposeAdjustment']>[0]> = {}) =>
    here
      .centre()
      .proposeAdjustment({ adjustment: 'a-1', lines, reason: 'charged twice by hand', by: 'operator:olga', ...other })

  it('moves nothing before another has approved it, and then exactly what was proposed', async () => {
    const here = await town('adjusted')
    await pay(here, 1250n)
    const before = await standing(here)
    orThrow(await propose(here))
    orThrow(await propose(here))
    expect(await standing(here)).toEqual(before)
    const approve = (by: string) => here.centre().approveAdjustment({ adjustment: 'a-1', by: `operator:${by}` })
    expect(await approve('olga')).toMatchObject({ reason: 'SecondPersonRequired' })
    expect(orThrow(await approve('paul'))).toEqual({ adjustment: 'a-1', state: 'approved' })
    orThrow(await approve('paul'))
    expect(await standing(here)).toEqual({ ...before, owed: '10.00', available: '302.50' })
    expect(await explained(here)).toEqual({ holds: true, compared: true, newest: 'AdjustmentApproved' })
    expect(await here.centre().ask.adjustments({})).toMatchObject({
      adjustments: [{ adjustment: 'a-1', state: 'approved', proposedBy: 'olga', decidedBy: 'paul' }],
    })
    const events = here.log.events.length
    await here.restartCentre()
    expect(here.log.events.length).toBe(events)
  })

  it('is rejected, and stays so', async () => {
    const here = await town('rejected')
    orThrow(await propose(here))
    orThrow(await here.centre().rejectAdjustment({ adjustment: 'a-1', why: 'it was right', by: 'operator:paul' }))
    expect(await here.centre().approveAdjustment({ adjustment: 'a-1', by: 'operator:paul' })).toMatchObject({
      reason: 'AdjustmentNotOpen',
    })
    expect(await here.centre().ask.adjustments({ state: 'rejected' })).toMatchObject({
      adjustments: [{ state: 'rejected', why: 'it was right', lines: [{ amount: '2.50' }, { amount: '2.50' }] }],
    })
    expect(await here.centre().ask.adjustments({ state: 'proposed' })).toMatchObject({ adjustments: [] })
  })

  it('opens no account of nobody', async () => {
    const here = await town('nobody')
    const events = here.log.events.length
    const of = (account: string) => propose(here, { lines: [line('fees', 'debit', '1'), line(account, 'credit', '1')] })
    expect(await of('payer:ana')).toMatchObject({ reason: 'AccountUnknown', account: 'ana' })
    expect(await of('merchant:m-9')).toMatchObject({ reason: 'MerchantUnknown', merchant: 'm-9' })
    expect(await of('bank:main')).toMatchObject({ reason: 'AccountNotAdjustable' })
    expect(here.log.events.length).toBe(events)
  })

  it('that takes credit away is known to the next verdict', async () => {
    const here = await town('verdict')
    // 500.00 of limit, 200.00 held: 290.00 more of debt leave 10.00.
    const debt = [line('payer:anna', 'debit', '29000'), line('recoveries', 'credit', '29000')]
    orThrow(await propose(here, { lines: debt }))
    orThrow(await here.centre().approveAdjustment({ adjustment: 'a-1', by: 'operator:paul' }))
    await here.settle()
    expect((await standing(here)).available).toBe('10.00')
  })
})

describe('a merchant below zero', () => {
  /** A sale of 12.50 whose fee of 0.19 and tax of 0.04 stay, given back whole: the merchant owes 0.23. */
  const below = async (seed: string): Promise<World> => {
    const here = await town(seed)
    const terms = { merchant: 'm-1', feeBasisPoints: 150, taxBasisPoints: 2000, returnsFee: false, owesAfterDays: 3 }
    orThrow(await here.centre().setMerchantTerms({ ...terms, by: 'operator:olga' }))
    here.clock.at += 60_000
    orThrow(await here.key(1250n))
    const tapped = await here.tap('anna')
    const { transaction } = tapped as { transaction: string }
    orThrow(await here.sync())
    orThrow(await here.till().voidTransaction('v-1', transaction))
    orThrow(await here.sync())
    expect((await standing(here)).merchant).toBe('-0.23')
    return here
  }
  const told = (here: World) =>
    atCentre<{ kind: string; amount: string; concerns: string[] }>(here, 'ExceptionRaised').map(({ data, at }) => [
      data.kind,
      data.amount,
      at.slice(0, 13),
    ])
  const days = async (here: World, count: number) => {
    here.clock.at += count * 86_400_000
    await here.settle()
  }

  it('is told after the days of its terms, once', async () => {
    const here = await below('owes')
    await days(here, 2)
    expect(told(here)).toEqual([])
    await days(here, 1.1)
    // Since a minute after nine on the 23rd; the first full hour after three days.
    expect(told(here)).toEqual([['MerchantOwes', '23', '2026-11-26T10']])
    await days(here, 5)
    expect(told(here)).toHaveLength(1)
  })

  it('that pays in is not told, and is below zero by as much less', async () => {
    const here = await below('pays in')
    const payment = { merchant: 'm-1', paidIn: 'i-1', amount: minorUnits('23'), currency: 'EUR', source: 'bank' }
    orThrow(await here.centre().payIn({ ...payment, by: 'operator:olga' }))
    orThrow(await here.centre().payIn({ ...payment, by: 'operator:olga' }))
    expect((await standing(here)).merchant).toBe('0.00')
    await days(here, 9)
    expect(told(here)).toEqual([])
    expect(await explained(here)).toMatchObject({ holds: true })
  })

  it('that sells again makes it good by that', async () => {
    const here = await below('sells')
    await pay(here, 1000n)
    await days(here, 9)
    expect(told(here)).toEqual([])
  })
})

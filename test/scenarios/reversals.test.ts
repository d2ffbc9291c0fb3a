import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amount } from '#money'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre, atTerminal, lastFact, writeAs } from './hand.ts'

/**
 * Money on its way back. The merchant's terms: 1.5 % fee, 20 % tax on the fee, both returned with what is given back.
 *
 *     A  12.50   fee 12.50 × 0.015 = 0.1875 → 0.19, tax 0.038 → 0.04: the merchant gets 12.27
 *     B  33.33   fee 33.33 × 0.015 = 0.49995 → 0.50, tax 0.10:        the merchant gets 32.73
 */
let world: World
let a: string
let b: string

const pay = async (minor: bigint): Promise<string> => {
  orThrow(await world.key(minor))
  const tapped = await world.tap('anna')
  expect(tapped).toMatchObject({ outcome: 'paid' })
  return (tapped as { transaction: string }).transaction
}
const refund = (reversal: string, transaction: string, minor: bigint) =>
  world.till().refundTransaction(reversal, transaction, amount(minor))

type Reversal = { reversal: string; kind: string; amount: string; feeBack: string; taxBack: string }
const accepted = () =>
  atCentre<Reversal>(world, 'ReversalAccepted').map(({ data: { reversal, kind, amount, feeBack, taxBack } }) => ({
    reversal,
    kind,
    amount,
    feeBack,
    taxBack,
  }))
const balance = async () => {
  const { owed, held, available } = orThrow(await world.centre().ask.balance({ account: 'anna' }))
  return { owed, held, available }
}
const merchant = async (): Promise<string | undefined> => {
  const { merchants } = orThrow(await world.centre().ask.merchants())
  return merchants[0]?.payable
}

beforeAll(async () => {
  world = await makeWorld({ seed: 'reversals' })
  a = await pay(1250n)
  b = await pay(3333n)
  orThrow(await world.sync())
})
afterAll(() => world.end())

it('two sales, before anything goes back', async () => {
  // owed 12.50 + 33.33; held 200.00 − 45.83; available 500.00 − 45.83 − 154.17
  expect(await balance()).toEqual({ owed: '45.83', held: '154.17', available: '300.00' })
  // 12.27 + 32.73
  expect(await merchant()).toBe('45.00')
})

describe('a void', () => {
  it('gives the whole back, with the whole fee and its tax', async () => {
    expect(await world.till().voidTransaction('v-1', a)).toHaveLength(1)
    // A fact about the shop moves no money until the centre judges it.
    expect((await balance()).owed).toBe('45.83')
    orThrow(await world.sync())
    expect(accepted()).toEqual([{ reversal: 'v-1', kind: 'void', amount: '1250', feeBack: '19', taxBack: '4' }])
  })

  it('frees the credit at once, by exactly its amount, and not the hold: the phone does not know yet', async () => {
    expect(await balance()).toEqual({ owed: '33.33', held: '154.17', available: '312.50' })
    const [phone] = world.phones.phones()
    expect(phone).toMatchObject({ allowanceLeft: '154.17' })
  })

  it('takes from the merchant what the merchant had of it', async () => expect(await merchant()).toBe('32.73'))

  it('asked again, at the till or at the centre, is none', async () => {
    const before = world.log.events.length
    expect(await world.till().voidTransaction('v-1', a)).toEqual([])
    expect(await world.till().voidTransaction('v-2', a)).toMatchObject({ reason: 'AlreadyReversed' })
    orThrow(await world.sync())
    expect(world.log.events.length).toBe(before)
  })
})

describe('refunds in part', () => {
  it('give back floor(f × R / g) of the fee', async () => {
    // floor(50 × 1000 / 3333) = 15, floor(10 × 1000 / 3333) = 3
    expect(await refund('r-1', b, 1000n)).toHaveLength(1)
    orThrow(await world.sync())
    expect(accepted().at(-1)).toEqual({ reversal: 'r-1', kind: 'refund', amount: '1000', feeBack: '15', taxBack: '3' })
    expect(await balance()).toEqual({ owed: '23.33', held: '154.17', available: '322.50' })
    // 32.73 − 10.00 + 0.15 + 0.03
    expect(await merchant()).toBe('22.91')
  })

  it('by the same id count once', async () => {
    expect(await refund('r-1', b, 1000n)).toEqual([])
    orThrow(await world.sync())
    expect(accepted()).toHaveLength(2)
    expect((await balance()).owed).toBe('23.33')
  })

  it('never give back more than was paid', async () =>
    expect(await refund('r-2', b, 2334n)).toMatchObject({ reason: 'RefundExceedsOriginal', left: '23.33' }))

  it('give back, all together, exactly the fee, however the sum was cut', async () => {
    // floor(50 × 2000 / 3333) − 15 = 15 and 50 − 30 = 20; floor(10 × 2000 / 3333) − 3 = 3 and 10 − 6 = 4
    await refund('r-2', b, 1000n)
    await refund('r-3', b, 1333n)
    orThrow(await world.sync())
    expect(accepted().slice(2)).toEqual([
      { reversal: 'r-2', kind: 'refund', amount: '1000', feeBack: '15', taxBack: '3' },
      { reversal: 'r-3', kind: 'refund', amount: '1333', feeBack: '20', taxBack: '4' },
    ])
    expect(await balance()).toEqual({ owed: '0.00', held: '154.17', available: '345.83' })
    expect(await merchant()).toBe('0.00')
  })
})

describe('a terminal that was broken into', () => {
  const held = () =>
    atCentre<{ reversal: string; reason: string; amount: string }>(world, 'ReversalHeld').map(({ data }) => [
      data.reversal,
      data.reason,
      data.amount,
    ])
  const exceptions = () =>
    atCentre<{ kind: string; amount: string }>(world, 'ExceptionRaised').map(({ data }) => [data.kind, data.amount])
  const again = (change: object) => {
    const { type, data } = lastFact(world, 'RefundRecorded')
    return writeAs(world, [{ type, data: { ...data, receiptNumber: data.receiptNumber + 1, ...change } }])
  }

  it('gives back by the same id again: it counts once', async () => {
    await again({ amount: '1' })
    orThrow(await world.sync())
    expect(accepted()).toHaveLength(4)
    expect(held()).toEqual([])
    // No till does that by itself: someone asks the shop.
    expect(exceptions()).toEqual([['Duplicate', '1']])
  })

  it('gives back by an id that another terminal gave back by: it counts once, and the second is named', async () => {
    const before = await balance()
    const { type, data } = lastFact(world, 'RefundRecorded')
    await world.addTerminal('T-2')
    await writeAs(world, [{ type, data: { ...data, receiptNumber: 1, amount: '2' } }], 'T-2')
    orThrow(await world.sync('T-2'))
    expect(await balance()).toEqual(before)
    expect(accepted()).toHaveLength(4)
    const named = atCentre<{ kind: string; concerns: string[]; message: string }>(world, 'ExceptionRaised').at(-1)?.data
    expect(exceptions()).toEqual([
      ['Duplicate', '1'],
      ['Duplicate', '2'],
    ])
    expect(named?.concerns).toContain('T-2')
    expect(named?.message).toContain('Terminal T-2')
  })

  it('gives back more than was paid: held from the merchant, and the payer is not touched', async () => {
    const before = await balance()
    await again({ reversal: 'r-9', amount: '500' })
    orThrow(await world.sync())
    expect(held()).toEqual([['r-9', 'RefundExceedsOriginal', '500']])
    expect(exceptions().slice(2)).toEqual([['RefundExceedsOriginal', '500']])
    expect(await balance()).toEqual(before)
    expect(await merchant()).toBe('-5.00')
  })

  it('gives back what nobody paid: held, with its own reason', async () => {
    await again({ reversal: 'r-10', amount: '700', payment: 'f'.repeat(64) })
    orThrow(await world.sync())
    expect(held().at(-1)).toEqual(['r-10', 'RefundWithoutOriginal', '700'])
    expect(exceptions().at(-1)).toEqual(['RefundWithoutOriginal', '700'])
    expect(await merchant()).toBe('-12.00')
  })
})

describe('a terminal out of our hands', () => {
  type Released = { reversal: string; operators?: string[] }
  const released = () =>
    atCentre<Released>(world, 'ReversalReleased').map(({ data }) => [data.reversal, data.operators])
  const last = () => atCentre<{ reversal: string; reason: string }>(world, 'ReversalHeld').at(-1)?.data
  let c: string
  const by = 'operator:olga'

  it('brings a refund after it was suspended: held, and the payer is not touched', async () => {
    c = await pay(2000n)
    orThrow(await world.sync())
    const before = await balance()
    orThrow(await refund('r-20', c, 500n))
    orThrow(await world.centre().suspendTerminal({ terminal: 'T-1', reason: 'not in the drawer', by }))
    orThrow(await world.sync())
    expect(last()).toMatchObject({ reversal: 'r-20', reason: 'TerminalSuspended' })
    expect(await balance()).toEqual(before)
  })

  it('is let through by two people, and not by one', async () => {
    const { payment } = atCentre<{ payment: string }>(world, 'PaymentAccepted').at(-1)?.data ?? { payment: '' }
    const asked = { payment, reversal: 'r-20', why: 'the cashier has the slip' }
    const { proposal } = orThrow(await world.centre().proposeRelease({ ...asked, by }))
    expect(await world.centre().approveProposal({ payment, proposal, by })).toMatchObject({
      reason: 'SecondPersonRequired',
    })
    expect(released()).toEqual([])
    const { owed } = await balance()
    orThrow(await world.centre().approveProposal({ payment, proposal, by: 'operator:paul' }))
    await world.settle()
    expect(released()).toEqual([['r-20', ['olga', 'paul']]])
    expect(Number(owed) - Number((await balance()).owed)).toBe(5)
  })

  it('reinstated, is believed again; and lost, is not', async () => {
    orThrow(await world.centre().reinstateTerminal({ terminal: 'T-1', reason: 'it was in the other drawer', by }))
    orThrow(await world.sync())
    orThrow(await refund('r-21', c, 300n))
    orThrow(await world.sync())
    expect(accepted().at(-1)).toMatchObject({ reversal: 'r-21', amount: '300' })
    orThrow(await refund('r-22', c, 200n))
    orThrow(await world.centre().declareTerminalLost({ terminal: 'T-1', reason: 'stolen', by }))
    orThrow(await world.sync())
    expect(last()).toMatchObject({ reversal: 'r-22', reason: 'TerminalLost' })
  })
})

it('every record of the day has a receipt number of its own', () => {
  const records = (['TransactionRecorded', 'TransactionVoided', 'RefundRecorded'] as const).flatMap(type =>
    atTerminal(world, type).map(({ data }) => data.receiptNumber),
  )
  expect(records.toSorted((one, other) => one - other)).toEqual(records.map((_, place) => place + 1))
})

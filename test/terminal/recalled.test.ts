import { afterEach, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import { minorUnits } from '#money'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** A till forgets what is old, and finds it again whole. */

let world: World
afterEach(() => world.end())

it('an old sale that somebody looked at is given back no further than what is left of it', async () => {
  world = await makeWorld({ seed: 'looked at' })
  const sold: string[] = []
  const sell = async (amount: bigint): Promise<string> => {
    const { sale } = orThrow(await world.key(amount)) as { sale: string }
    sold.push(sale)
    expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
    return world.till().saleOf(sale)?.transaction as string
  }
  const transaction = await sell(1000n)
  orThrow(await world.till().refundTransaction('first', transaction, minorUnits('600')))
  await sell(200n)
  await sell(300n)
  await world.sync()
  orThrow(await world.till().closeDay())
  orThrow(await world.till().openDay())
  await world.sync()
  await world.restartTerminal('T-1')
  // The simulation's tills have two transactions in mind.
  expect(world.till().till.recorded.has(transaction)).toBe(false)

  expect(world.till().saleOf(sold[0] as string)).toMatchObject({ state: 'approved', transaction })
  const second = await world.till().refundTransaction('second', transaction, minorUnits('500'))
  expect(isRefusal(second) && second.reason).toBe('RefundExceedsOriginal')
  orThrow(await world.till().refundTransaction('third', transaction, minorUnits('400')))
})

it('the disk is not asked for a sale that nobody tapped for, and is for one that is no longer in mind', async () => {
  const asked: string[] = []
  world = await makeWorld({
    seed: 'not asked',
    breakTerminal: parts => ({
      ...parts,
      past: {
        find: (name, value) => {
          asked.push(`${name} ${value}`)
          return parts.past.find(name, value)
        },
      },
    }),
  })
  const till = world.till()
  const keyed = orThrow(till.startSale(minorUnits('1000'), 'EUR', undefined, 'the first')) as { sale: string }
  const { sale } = keyed
  asked.length = 0
  expect(till.currentSale()).toMatchObject({ sale, state: 'waiting' })
  expect(till.startSale(minorUnits('1000'), 'EUR', undefined, 'the first')).toMatchObject({ sale })
  orThrow(await till.cancelSale(sale))
  expect(till.saleOf(sale)).toMatchObject({ state: 'cancelled' })
  orThrow(till.resumeSale((orThrow(till.startSale(minorUnits('1000'), 'EUR')) as { sale: string }).sale))
  const { sale: paid } = till.currentSale() as { sale: string }
  expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
  expect(till.saleOf(paid)).toMatchObject({ state: 'approved', receiptNumber: 1 })
  expect(asked).toEqual([])

  for (const amount of [200n, 300n]) {
    orThrow(await world.key(amount))
    expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
  }
  await world.sync()
  orThrow(await till.closeDay())
  orThrow(await till.openDay())
  expect(till.till.sales.has(paid)).toBe(false)
  asked.length = 0
  expect(till.saleOf(paid)).toMatchObject({ state: 'approved', receiptNumber: 1 })
  expect(asked).toContain(`sale ${paid}`)
})

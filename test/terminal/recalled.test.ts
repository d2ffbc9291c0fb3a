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

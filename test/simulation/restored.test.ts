import { expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import { minorUnits } from '#money'
import { makeWorld, orThrow, type World } from './world.ts'

/**
 * Invariant 8: a centre that is restored from any earlier backup, with terminals that lived on, ends with equal money.
 * Every backup that could have been made since the terminals were enrolled is tried, not a sample.
 */

const minute_ms = 60_000

const figures = async (world: World) => {
  const { ask } = world.centre()
  const accounts = orThrow(await ask.accounts()) as { accounts: object }
  const merchants = orThrow(await ask.merchants()) as { merchants: object }
  return { accounts: accounts.accounts, merchants: merchants.merchants }
}

/** Two tills, two phones, eight sales, a void and a refund; synced in parts, with the clock going on. */
const market = async () => {
  const phones = ['anna', 'ben'].map(account => ({ account, limit: 100_000n, allowance: '500.00' }))
  const world = await makeWorld({ seed: 'market', terminals: 2, phones })
  const enrolled = world.log.events.length
  const sell = async (account: string, id: string, amount: bigint): Promise<string> => {
    world.clock.at += 7 * minute_ms
    orThrow(await world.key(amount, id))
    expect(await world.tap(account, id)).toMatchObject({ outcome: 'paid' })
    return [...world.till(id).till.recorded.keys()].at(-1) as string
  }
  const first = await sell('anna', 'T-1', 1250n)
  await sell('ben', 'T-2', 990n)
  await world.sync('T-1')
  const third = await sell('anna', 'T-2', 2100n)
  await world.sync('T-2')
  orThrow(await world.till('T-1').voidTransaction('void-1', first))
  await sell('ben', 'T-1', 75n)
  await world.sync('T-1')
  orThrow(await world.till('T-2').refundTransaction('refund-1', third, minorUnits('700')))
  await sell('ben', 'T-2', 333n)
  for (const id of ['T-1', 'T-2']) expect(isRefusal(await world.sync(id))).toBe(false)
  return { world, enrolled, sell }
}

it('a centre restored from any earlier backup ends with equal money', async () => {
  const { world, enrolled } = await market()
  const right = await figures(world)
  const whole = world.log.events.length
  expect(whole - enrolled).toBeGreaterThan(20)
  for (let events = enrolled; events < whole; events++) {
    world.clock.at += minute_ms
    await world.restoreCentres(events)
    for (const id of ['T-1', 'T-2']) await world.sync(id)
    const anew = await world.centre().signing.beginAnew()
    // A log that could be grown again to the octet needs no new name.
    if (isRefusal(anew)) expect(anew.reason, `backup of ${events}`).toBe('LogContinues')
    for (const id of ['T-1', 'T-2']) expect(isRefusal(await world.sync(id)), `backup of ${events}`).toBe(false)
    expect(await figures(world), `backup of ${events}`).toEqual(right)
    for (const id of ['T-1', 'T-2']) expect(world.till(id).status().waiting.count).toBe(0)
  }
  expect(world.surprises).toEqual([])
  await world.end()
}, 60_000)

import { expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre, atTerminal } from './hand.ts'

/** The centre is restored from a backup while its terminals live on: what it acknowledged and lost comes again. */

const shopping = async (world: World, amount: bigint) => {
  orThrow(await world.key(amount))
  expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
}
const owed = async (world: World): Promise<string> =>
  orThrow(await world.centre().ask.balance({ account: 'anna' })).owed

const restored = async (seed: string) => {
  const world = await makeWorld({ seed })
  await shopping(world, 1250n)
  expect(isRefusal(await world.sync())).toBe(false)
  const backup = world.log.events.length
  await shopping(world, 300n)
  await shopping(world, 450n)
  expect(isRefusal(await world.sync())).toBe(false)
  expect(await owed(world)).toBe('20.00')
  expect(world.till().status().waiting).toMatchObject({ count: 0 })
  const held = await restoredTo(world, backup)
  expect(held).toBe('12.50')
  return world
}
const restoredTo = async (world: World, events: number): Promise<string> => {
  await world.restoreCentres(events)
  return owed(world)
}

it('takes what it lost from the terminal again, says so, and signs nothing that contradicts its word', async () => {
  const world = await restored('yesterday')
  world.clock.at += 3_600_000
  expect(await world.sync()).toMatchObject({ reason: 'LogNotSigned' })
  expect(await owed(world)).toBe('20.00')
  await shopping(world, 100n)
  expect(await world.sync()).toMatchObject({ reason: 'LogNotSigned' })
  expect(await owed(world)).toBe('21.00')
  expect(atCentre(world, 'PaymentAccepted')).toHaveLength(4)
  expect(atCentre(world, 'CentreWentBack').map(({ data }) => data)).toMatchObject([{ terminal: 'T-1' }])
  expect(world.centre().status().log.silence).toBeDefined()
  // The terminal lets go of nothing: for all it knows, the centre may lose it once more.
  expect(world.till().status().waiting).toMatchObject({ count: 3, sum: 850n })

  const before = world.centre().status().log.origin
  const asked = { reason: 'the disk of Monday is gone', by: 'operator:olga' }
  const anew = orThrow(await world.centre().beginLogAnew(asked))
  expect(atCentre(world, 'OriginOrdered').map(({ by, data }) => ({ by, data }))).toMatchObject([
    { by: 'operator:olga', data: { after: before, reason: 'the disk of Monday is gone' } },
  ])
  expect(anew.origin).toBe(`${before}/2`)
  expect(isRefusal(await world.sync())).toBe(false)
  expect(world.till().status().waiting).toMatchObject({ count: 0 })
  expect(world.centre().status().log).toMatchObject({ origin: anew.origin, silence: undefined })
  expect(atTerminal(world, 'CheckpointRefused')).toEqual([])
  expect(await owed(world)).toBe('21.00')
  await world.end()
})

it('is told by its terminals what it signed, where that was lost too', async () => {
  const world = await makeWorld({ seed: 'heads lost' })
  await shopping(world, 1250n)
  await world.sync()
  const backup = world.log.events.length
  const headsThen = await world.heads.get('checkpoint')
  await shopping(world, 300n)
  await world.sync()
  await world.heads.replace('checkpoint', await world.heads.get('checkpoint'), headsThen as string)
  await world.restoreCentres(backup)
  expect(world.centre().status().log.silence).toBeUndefined()
  // It signs on, until a terminal shows what it had signed before.
  await shopping(world, 450n)
  await world.sync()
  expect(world.centre().status().log.silence).toBeDefined()
  expect(world.till().status().waiting.count).toBeGreaterThan(0)
  orThrow(await world.centre().signing.beginAnew())
  expect(isRefusal(await world.sync())).toBe(false)
  expect(await owed(world)).toBe('20.00')
  await world.end()
})

it('shows one history to who asks twice at once', async () => {
  const world = await makeWorld({ seed: 'twice at once' })
  await shopping(world, 1250n)
  await world.sync()
  for (const amount of [100n, 200n, 300n]) {
    await shopping(world, amount)
    const answers = await Promise.all([world.till().syncNow(), world.till().syncNow(), world.till().syncNow()])
    expect(answers.filter(isRefusal)).toEqual([])
    await world.settle()
  }
  expect(atTerminal(world, 'CheckpointRefused')).toEqual([])
  expect(world.till().status()).toMatchObject({ lastSyncError: undefined, waiting: { count: 0 } })
  await world.end()
})

it('that lost nothing begins nothing anew', async () => {
  const world = await makeWorld({ seed: 'well' })
  await shopping(world, 1250n)
  await world.sync()
  expect(await world.centre().signing.beginAnew()).toMatchObject({ reason: 'LogContinues' })
  await world.restartCentre()
  await shopping(world, 100n)
  expect(isRefusal(await world.sync())).toBe(false)
  expect(world.centre().status().log).toMatchObject({ origin: world.keys.origin, silence: undefined })
  await world.end()
})

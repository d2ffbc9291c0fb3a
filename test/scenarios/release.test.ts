import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reactAgain } from '../simulation/rows-audit.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre } from './hand.ts'

/**
 * The end of a hold. Anna's license holds 200.00 of 500.00; 12.50 is paid and synced, 40.00 more is paid at a terminal
 * that stays away for longer than the license and its late term.
 */
describe('a hold whose license and late term are over', () => {
  let world: World
  const ends_ms = () =>
    Date.parse(atCentre<{ expires: string }>(world, 'LicenseIssued')[0]?.data.expires ?? '') + 90 * 86_400_000
  const released = () => atCentre<{ amount: string; license: string }>(world, 'AllowanceReleased')
  const balance = async () => orThrow(await world.centre().ask.balance({ account: 'anna' }))
  const pay = async (minor: bigint, terminal: string) => {
    orThrow(await world.key(minor, terminal))
    expect(await world.tap('anna', terminal)).toMatchObject({ outcome: 'paid' })
  }

  beforeAll(async () => {
    world = await makeWorld({ seed: 'release', centres: 2, terminals: 2 })
    await pay(1_250n, 'T-1')
    orThrow(await world.sync('T-1'))
    await pay(4_000n, 'T-2')
    world.clock.at = ends_ms() - 1
    await world.settle()
  }, 60_000)
  afterAll(() => world.end())

  it('stays while the term runs', async () => {
    expect(await balance()).toMatchObject({ owed: '12.50', held: '187.50' })
    expect(released()).toEqual([])
  })

  it('is released on the hour after, once for two nodes: what no payment drew', async () => {
    world.clock.at += 3_600_000
    await world.settle()
    expect(await balance()).toMatchObject({ owed: '12.50', held: '0.00' })
    const hours = atCentre<{ instant: string }>(world, 'HourStruck')
    expect(released()).toMatchObject([
      { stream: 'account-anna', by: 'reactor:verdicts', causation: hours.at(-1)?.id, data: { amount: '18750' } },
    ])
  })

  it('is not drawn by a payment that comes after: it is owed, and nothing is held below zero', async () => {
    orThrow(await world.sync('T-2'))
    expect(await balance()).toMatchObject({ owed: '52.50', held: '0.00' })
    expect(atCentre<{ within: string; excess: string }>(world, 'PaymentAccepted').at(-1)?.data).toMatchObject({
      within: '0',
      excess: '4000',
      exceptions: expect.arrayContaining(['LateArrival']),
    })
  })

  it('has the same end at every start, and for whoever decides it again from the log', async () => {
    await world.restartCentre(0)
    await world.restartCentre(1)
    expect(released()).toHaveLength(1)
    const broken: string[] = []
    await reactAgain((_, holds, says) => void (holds || broken.push(says())), world)
    expect(broken).toEqual([])
  })
})

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
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

describe('a hold whose license is over, and whose late term runs', () => {
  let world: World
  const released = () =>
    atCentre<{ amount: string; why?: string }>(world, 'AllowanceReleased').map(({ data: { amount, why } }) => [
      amount,
      why,
    ])
  const why = 'every terminal has told all that it took by the end of its license'
  const held = async () => orThrow(await world.centre().ask.balance({ account: 'anna' })).held
  const pay = async (minor: bigint, terminal: string) => {
    orThrow(await world.key(minor, terminal))
    expect(await world.tap('anna', terminal)).toMatchObject({ outcome: 'paid' })
  }
  /** A till that is looked at in the morning writes that it was. */
  const tells = async (terminal: string) => {
    orThrow(await world.till(terminal).closeDay())
    orThrow(await world.sync(terminal))
  }
  const anHour = async () => {
    world.clock.at += 3_600_000
    await world.settle()
  }
  const begin = async (seed: string, options: Partial<Parameters<typeof makeWorld>[0]> = {}) => {
    world = await makeWorld({ seed, terminals: 2, ...options })
    await pay(1_250n, 'T-1')
    await pay(4_000n, 'T-2')
  }
  const licenseEnds = async () => {
    const [license] = atCentre<{ expires: string }>(world, 'LicenseIssued')
    world.clock.at = Date.parse(license?.data.expires ?? '')
    await anHour()
  }
  afterEach(async () => {
    const broken: string[] = []
    await reactAgain((_, holds, says) => void (holds || broken.push(says())), world)
    expect(broken).toEqual([])
    await world.end()
  })

  it('stays for as long as one terminal has not told all, and is released on the hour after it did', async () => {
    await begin('one is late', { centres: 2 })
    await licenseEnds()
    await tells('T-1')
    await anHour()
    expect(released()).toEqual([])
    expect(await held()).toBe('187.50')
    await tells('T-2')
    await anHour()
    expect(released()).toEqual([['14750', why]])
    expect(await held()).toBe('0.00')
    // What came last was drawn before: nothing is late.
    expect(atCentre<{ within: string }>(world, 'PaymentAccepted').map(({ data }) => data.within)).toEqual([
      '1250',
      '4000',
    ])
  }, 30_000)

  it('is not released by what terminals told before its end, or within the tolerance of clocks after it', async () => {
    await begin('told before')
    const [license] = atCentre<{ expires: string }>(world, 'LicenseIssued')
    world.clock.at = Date.parse(license?.data.expires ?? '') - 60_000
    for (const terminal of ['T-1', 'T-2']) await tells(terminal)
    world.clock.at += 2 * 3_600_000
    await world.settle()
    expect(released()).toEqual([])
    await world.end()

    await begin('told within')
    const [issued] = atCentre<{ expires: string }>(world, 'LicenseIssued')
    // The hour on which it is over, and a minute; a clock may be off by five.
    world.clock.at = Math.ceil(Date.parse(issued?.data.expires ?? '') / 3_600_000) * 3_600_000 + 60_000
    for (const terminal of ['T-1', 'T-2']) await tells(terminal)
    await anHour()
    expect(released()).toEqual([])
    for (const terminal of ['T-1', 'T-2']) {
      orThrow(await world.till(terminal).openDay())
      orThrow(await world.sync(terminal))
    }
    await anHour()
    expect(released()).toEqual([['14750', why]])
  }, 30_000)

  it('waits for no terminal that is retired, and for one that is lost', async () => {
    await begin('retired and lost')
    await licenseEnds()
    await tells('T-1')
    const by = 'operator:olga'
    orThrow(await world.centre().retireTerminal({ terminal: 'T-2', reason: 'scrap', evenSo: true, by }))
    orThrow(await world.centre().declareTerminalLost({ terminal: 'T-2', reason: 'not scrap', by }))
    await anHour()
    expect(released()).toEqual([])
    await world.end()

    await begin('retired')
    await licenseEnds()
    await tells('T-1')
    orThrow(await world.centre().retireTerminal({ terminal: 'T-2', reason: 'scrap', evenSo: true, by }))
    await anHour()
    expect(released()).toEqual([['18750', why]])
  }, 30_000)
})

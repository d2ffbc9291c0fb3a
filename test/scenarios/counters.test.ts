import { afterEach, describe, expect, it } from 'vitest'
import type { PhoneMemory } from '#tap/phone'
import { reactAgain } from '../simulation/rows-audit.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre } from './hand.ts'

/** A phone counts what it pays. What a terminal still has shows as a gap once a later payment has come. */
let world: World | undefined
afterEach(async () => {
  if (!world) return
  // Whatever came first: what was written is what the log causes, and nothing else.
  const broken: string[] = []
  await reactAgain((_, holds, says) => void (holds || broken.push(says())), world)
  expect(broken).toEqual([])
  await world.end()
  world = undefined
})

const hour_ms = 3_600_000
const town = async (seed: string, options: Partial<Parameters<typeof makeWorld>[0]> = {}): Promise<World> => {
  const phones = [{ account: 'anna', limit: 50_000n, allowance: '200.00' }]
  world = await makeWorld({ seed, terminals: 3, phones, ...options })
  return world
}
const pay = async (here: World, minor: bigint, terminal: string): Promise<void> => {
  orThrow(await here.key(minor, terminal))
  expect(await here.tap('anna', terminal)).toMatchObject({ outcome: 'paid' })
}
const passing = async (here: World, hours: number): Promise<void> => {
  here.clock.at += hours * hour_ms
  await here.settle()
}
type Raised = { key: string; kind: string; amount: string; counters: object; concerns: string[]; message: string }
const raised = (here: World) => atCentre<Raised>(here, 'ExceptionRaised').map(({ data }) => data)
const gaps = (here: World) => raised(here).map(({ kind, amount, counters }) => ({ kind, amount, counters }))
const resolved = (here: World) => atCentre<{ key: string; why: string }>(here, 'ExceptionResolved')
const license = (here: World) => atCentre<{ license: string }>(here, 'LicenseIssued')[0]?.data.license as string
const open = async (here: World) => {
  const { exceptions } = orThrow(await here.centre().ask.exceptions({ state: 'open' }))
  return exceptions.map(({ kind, amount }) => [kind, amount])
}
const skipped = (here: World, amount: string, from: number, to: number, of = license(here)) => ({
  kind: 'CounterSkipped',
  amount,
  counters: { license: of, from, to },
})

describe('a payment that a terminal keeps', () => {
  it('is nothing to look at for a day; then it is told, by its amount, and closes when it comes', async () => {
    const here = await town('kept', { centres: 2 })
    await pay(here, 1250n, 'T-1')
    await pay(here, 300n, 'T-2')
    orThrow(await here.sync('T-2'))
    await passing(here, 23)
    expect(gaps(here)).toEqual([])
    await passing(here, 2)
    expect(gaps(here)).toEqual([skipped(here, '1250', 1, 1)])
    const [told] = raised(here)
    // The later payment names the one before it: who brings it can be held to it.
    const { payment } = JSON.parse(here.shops.get('T-1')?.store.events.at(-1)?.text ?? '{}').data ?? {}
    expect(told?.concerns).toEqual([license(here), 'anna', payment])
    expect(told?.message).toContain('12.50 EUR')
    expect(await open(here)).toEqual([['CounterSkipped', '12.50']])
    await passing(here, 48)
    expect(gaps(here)).toHaveLength(1)

    orThrow(await here.sync('T-1'))
    expect(resolved(here)).toMatchObject([{ by: 'reactor:verdicts', data: { key: told?.key } }])
    expect(await open(here)).toEqual([])
    await passing(here, 48)
    expect([gaps(here).length, resolved(here).length]).toEqual([1, 1])
    await here.restartCentre()
    expect([gaps(here).length, resolved(here).length]).toEqual([1, 1])
  })

  it('that comes within the day is never told', async () => {
    const here = await town('in time')
    await pay(here, 1250n, 'T-1')
    await pay(here, 300n, 'T-2')
    orThrow(await here.sync('T-2'))
    await passing(here, 20)
    orThrow(await here.sync('T-1'))
    await passing(here, 48)
    expect(raised(here)).toEqual([])
  })

  it('is one of several: they are told together, and closed when the last of them has come', async () => {
    const here = await town('several')
    await pay(here, 100n, 'T-1')
    await pay(here, 200n, 'T-3')
    await pay(here, 400n, 'T-3')
    await pay(here, 800n, 'T-2')
    orThrow(await here.sync('T-2'))
    await passing(here, 25)
    expect(gaps(here)).toEqual([skipped(here, '700', 1, 3)])
    orThrow(await here.sync('T-3'))
    expect(resolved(here)).toEqual([])
    orThrow(await here.sync('T-1'))
    expect(resolved(here)).toHaveLength(1)
    expect(await open(here)).toEqual([])
  })

  it('is told in parts where a part came before the day was over', async () => {
    const here = await town('parts')
    await pay(here, 100n, 'T-1')
    await pay(here, 200n, 'T-3')
    await pay(here, 400n, 'T-1')
    await pay(here, 800n, 'T-2')
    orThrow(await here.sync('T-2'))
    orThrow(await here.sync('T-3'))
    await passing(here, 25)
    expect(gaps(here)).toEqual([skipped(here, '100', 1, 1), skipped(here, '400', 3, 3)])
    orThrow(await here.sync('T-1'))
    expect(resolved(here)).toHaveLength(2)
  })

  it('comes home by its phone: the gap closes, and what the phone told of is told instead', async () => {
    const here = await town('by the phone')
    await pay(here, 1250n, 'T-1')
    const phone = here.phoneOf('anna')
    const memory = here.disk.get(phone) as PhoneMemory
    here.disk.set(phone, { ...memory, payments: memory.payments.map(({ receipt: _, ...paid }) => paid) })
    here.restartPhones()
    await pay(here, 300n, 'T-2')
    orThrow(await here.sync('T-2'))
    await passing(here, 25)
    orThrow(await here.phones.testify(phone))
    await here.settle()
    expect(await open(here)).toEqual([['UndeliveredPayment', '12.50']])
    orThrow(await here.sync('T-1'))
    expect(await open(here)).toEqual([])
    expect(resolved(here)).toHaveLength(2)
  })
})

it('where a phone was, its renewal says: what no terminal brought of the old license is missing', async () => {
  const here = await town('renewed')
  await pay(here, 1250n, 'T-1')
  const [first] = atCentre<{ expires: string }>(here, 'LicenseIssued')
  here.clock.at += (Date.parse(first?.data.expires ?? '') - here.clock.at) * 0.6
  await here.settle()
  const phone = here.phoneOf('anna')
  // What it hands over before it renews is lost on its disk: only its counter is left.
  const memory = here.disk.get(phone) as PhoneMemory
  here.disk.set(phone, { ...memory, payments: [] })
  here.restartPhones()
  orThrow(await here.phones.renew(phone))
  await here.settle()
  const old = license(here)
  expect(gaps(here)).toEqual([])
  await passing(here, 25)
  expect(gaps(here)).toEqual([skipped(here, '1250', 1, 1, old)])
  orThrow(await here.sync('T-1'))
  expect(await open(here)).toEqual([])
  expect(resolved(here)).toHaveLength(1)
})

it('a payment that is held shows no gap before it: whoever made it may have made its counter', async () => {
  const here = await town('held')
  const phone = here.phoneOf('anna')
  await pay(here, 1250n, 'T-1')
  const memory = here.disk.get(phone) as PhoneMemory
  here.disk.set(phone, { ...memory, tacKey: Buffer.alloc(32).toString('base64url') })
  here.restartPhones()
  await pay(here, 300n, 'T-2')
  orThrow(await here.sync('T-2'))
  await passing(here, 25)
  expect(gaps(here).map(({ kind }) => kind)).toEqual(['TacInvalid'])
})

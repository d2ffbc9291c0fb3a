import { afterEach, describe, expect, it } from 'vitest'
import type { EventStore, EventToAppend } from '#eventstore'
import type { PhoneMemory } from '#tap/phone'
import { reactAgain } from '../simulation/rows-audit.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre } from './hand.ts'

/**
 * Two that decide on one hold at the same moment. Anna's license holds 20.00 of 500.00; 12.50 of it was paid with a copy
 * of her key and is held, and 12.50 with the phone itself. Together they are 5.00 more than the hold.
 */
let here: World | undefined
afterEach(() => here?.end())

/** What happens while the first order of people on a held payment is on its way into the log. */
let meanwhile: (() => Promise<void>) | undefined
let armed = false
const orders: readonly string[] = ['HeldDecisionApproved', 'HeldPaymentDecided']
const isOrder = ({ type, text }: EventToAppend): boolean => orders.includes(type) && !text.includes('"by":"reactor:')
const interruptedAt =
  (isIt: (event: EventToAppend) => boolean) =>
  (store: EventStore): EventStore => ({
    ...store,
    append: async (stream, expected, events) => {
      if (armed && events.some(isIt)) {
        armed = false
        await meanwhile?.()
      }
      return store.append(stream, expected, events)
    },
  })

const pay = async (world: World, terminal: string): Promise<void> => {
  orThrow(await world.key(1250n, terminal))
  expect(await world.tap('anna', terminal)).toMatchObject({ outcome: 'paid' })
}
const memoryOf = (world: World): PhoneMemory => world.disk.get(world.phoneOf('anna')) as PhoneMemory
const putBack = (world: World, memory: PhoneMemory): void => {
  world.disk.set(memory.phone, memory)
  world.restartPhones()
}

/** A payment of a copy of the phone, held and proposed for the payer to bear. */
const withOneHeld = async (seed: string, options: Partial<Parameters<typeof makeWorld>[0]> = {}) => {
  const world = await makeWorld({
    seed,
    terminals: 2,
    phones: [{ account: 'anna', limit: 50_000n, allowance: '20.00' }],
    breakCentre: interruptedAt(isOrder),
    ...options,
  })
  here = world
  const honest = memoryOf(world)
  putBack(world, { ...honest, tacKey: Buffer.alloc(32).toString('base64url') })
  await pay(world, 'T-1')
  putBack(world, honest)
  orThrow(await world.sync('T-1'))
  const payment = atCentre<{ payment: string }>(world, 'PaymentHeld')[0]?.data.payment ?? ''
  const asked = { payment, bears: 'payer', reason: 'the holder was asked', by: 'operator:olga' } as const
  const { proposal } = orThrow(await world.centre().proposeDecision(asked))
  const approve = () => world.centre().approveProposal({ payment, proposal, by: 'operator:paul' })
  return { world, payment, approve }
}
const balance = async (world: World) => {
  const { owed, held, available } = orThrow(await world.centre().ask.balance({ account: 'anna' }))
  return { owed, held, available }
}
const shares = (world: World, type: string) =>
  atCentre<{ within: string; excess: string }>(world, type).map(({ data: { within, excess } }) => ({ within, excess }))
/** Whatever came first: what was written is what the log causes, and nothing else. */
const followsFromTheLog = async (world: World): Promise<void> => {
  const broken: string[] = []
  await reactAgain((_, holds, says) => void (holds || broken.push(says())), world)
  expect(broken).toEqual([])
  const reactions = () => world.log.events.filter(({ text }) => text.includes('"by":"reactor:')).length
  const before = reactions()
  await world.restartCentre()
  expect(reactions()).toBe(before)
}

describe('a held payment that two people decide, while', () => {
  it('another payment from the same hold is judged: the hold is drawn once', async () => {
    const { world, approve } = await withOneHeld('judged meanwhile')
    await pay(world, 'T-2')
    meanwhile = async () => void orThrow(await world.sync('T-2'))
    armed = true
    orThrow(await approve())
    await world.settle()
    expect(await balance(world)).toEqual({ owed: '25.00', held: '0.00', available: '475.00' })
    expect(shares(world, 'PaymentAccepted')).toEqual([{ within: '1250', excess: '0' }])
    expect(shares(world, 'HeldPaymentDecided')).toEqual([{ within: '750', excess: '500' }])
    await followsFromTheLog(world)
  })

  it('the hold is released: nothing is drawn from what is gone', async () => {
    const { world, approve } = await withOneHeld('released meanwhile')
    const expires = atCentre<{ expires: string }>(world, 'LicenseIssued')[0]?.data.expires ?? ''
    meanwhile = async () => {
      world.clock.at = Date.parse(expires) + 91 * 86_400_000
      await world.settle()
    }
    armed = true
    orThrow(await approve())
    await world.settle()
    expect(await balance(world)).toEqual({ owed: '12.50', held: '0.00', available: '487.50' })
    expect(shares(world, 'HeldPaymentDecided')).toEqual([{ within: '0', excess: '1250' }])
    await followsFromTheLog(world)
  }, 30_000)

  it('the centre loses its power: approved, it is carried out when it is back, and asked again it is answered', async () => {
    let cuts = 0
    const power = (stream: string) =>
      stream.startsWith('payment-') && cuts > 0 && --cuts === 0 ? 'lost before' : 'kept'
    const { world, approve } = await withOneHeld('no power', { faults: { power } })
    // The first append is the approval, the second what follows from it.
    cuts = 2
    expect(await approve()).toMatchObject({ reason: 'NotCaughtUp' })
    expect(atCentre(world, 'HeldDecisionApproved')).toHaveLength(1)
    expect(atCentre(world, 'HeldPaymentDecided')).toHaveLength(0)
    await world.settle()
    expect(await balance(world)).toEqual({ owed: '12.50', held: '7.50', available: '480.00' })
    orThrow(await approve())
    expect(atCentre(world, 'HeldPaymentDecided')).toHaveLength(1)
    await followsFromTheLog(world)
  })

  it('another centre judges: one order, whichever of them writes', async () => {
    const { world, approve } = await withOneHeld('two centres', { centres: 2, faults: { centre: () => 1 } })
    await pay(world, 'T-2')
    const [approved, synced] = await Promise.all([approve(), world.sync('T-2')])
    orThrow(approved)
    orThrow(synced)
    await world.settle()
    expect(await balance(world)).toEqual({ owed: '25.00', held: '0.00', available: '475.00' })
    await followsFromTheLog(world)
  })
})

describe('a renewal between a batch and its verdict', () => {
  it('of a phone that was set back frees what it spent: the hold is put right, and someone must look at it', async () => {
    const world = await makeWorld({
      seed: 'renewed meanwhile',
      terminals: 2,
      phones: [{ account: 'anna', limit: 50_000n, allowance: '20.00' }],
      breakCentre: interruptedAt(({ type }) => type === 'PaymentAccepted'),
    })
    here = world
    const [license] = atCentre<{ license: string; expires: string }>(world, 'LicenseIssued')
    const before = memoryOf(world)
    await pay(world, 'T-1')
    putBack(world, before)
    world.clock.at += (Date.parse(license?.data.expires ?? '') - world.clock.at) * 0.6
    await world.settle()
    meanwhile = async () => void orThrow(await world.phones.renew(before.phone))
    armed = true
    orThrow(await world.sync('T-1'))
    await world.settle()
    expect(atCentre(world, 'LicenseIssued')).toHaveLength(2)
    // 12.50 of the old hold is owed, and the new one holds 20.00.
    expect(await balance(world)).toEqual({ owed: '12.50', held: '20.00', available: '467.50' })
    const released = atCentre<{ license: string; amount: string; overdrawn?: string }>(world, 'AllowanceReleased')
    expect(released.map(({ data: { amount, overdrawn } }) => ({ amount, overdrawn }))).toEqual([
      { amount: '2000', overdrawn: undefined },
      { amount: '0', overdrawn: '1250' },
    ])
    expect(atCentre<{ kind: string; amount: string }>(world, 'ExceptionRaised').map(({ data }) => data)).toMatchObject([
      { kind: 'OverAllowance', amount: '1250', concerns: [license?.data.license, 'anna'] },
    ])
    await followsFromTheLog(world)
    // At the hold's end there is nothing more to put right.
    world.clock.at = Date.parse(license?.data.expires ?? '') + 91 * 86_400_000
    await world.settle()
    expect(await balance(world)).toMatchObject({ owed: '12.50', held: '20.00' })
  }, 30_000)

  it('of an honest phone frees what it has left, and the payment draws on the rest', async () => {
    const world = await makeWorld({
      seed: 'renewed honestly',
      terminals: 2,
      phones: [{ account: 'anna', limit: 50_000n, allowance: '20.00' }],
      breakCentre: interruptedAt(({ type }) => type === 'PaymentAccepted'),
    })
    here = world
    const [license] = atCentre<{ license: string; expires: string }>(world, 'LicenseIssued')
    await pay(world, 'T-1')
    world.clock.at += (Date.parse(license?.data.expires ?? '') - world.clock.at) * 0.6
    await world.settle()
    meanwhile = async () => void orThrow(await world.phones.renew(memoryOf(world).phone))
    armed = true
    orThrow(await world.sync('T-1'))
    await world.settle()
    expect(await balance(world)).toEqual({ owed: '12.50', held: '20.00', available: '467.50' })
    expect(shares(world, 'PaymentAccepted')).toEqual([{ within: '1250', excess: '0' }])
    expect(atCentre(world, 'ExceptionRaised')).toEqual([])
    await followsFromTheLog(world)
  }, 30_000)
})

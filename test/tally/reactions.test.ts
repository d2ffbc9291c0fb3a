import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { trustEvent } from '#canonical/event'
import type { StoredEvent } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
import { reactorSalt } from '#evidence/reaction'
import { verdicts, verdictsBy } from '#evidence/verdicts'
import { type Reactor, recomputeReactions } from '../../apps/tally/reactions.ts'
import { copyOf, decideHeld, rechained } from '../scenarios/hand.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** What fsck asks of a log: has the centre written what follows from it, all of it, and nothing else? */
let world: World
let log: readonly StoredEvent[]
const of = (type: string): StoredEvent[] => log.filter(event => event.type === type)

beforeAll(async () => {
  world = await makeWorld({
    seed: 'reactions',
    phones: ['anna', 'bert'].map(account => ({ account, limit: 50_000n, allowance: '200.00' })),
  })
  const pay = async (account: string, minor: bigint): Promise<string> => {
    orThrow(await world.key(minor))
    const tapped = await world.tap(account)
    expect(tapped).toMatchObject({ outcome: 'paid' })
    return (tapped as { transaction: string }).transaction
  }
  await pay('anna', 1250n)
  orThrow(await world.sync())
  // The APP key of bert was copied to a phone without his TAC key: his payment is held, and raises an exception.
  const memory = world.disk.get(world.phoneOf('bert'))
  if (!memory) throw new Error('bert has no phone')
  world.disk.set(world.phoneOf('bert'), { ...memory, tacKey: Buffer.alloc(32).toString('base64url') })
  world.restartPhones()
  await pay('bert', 900n)
  const refunded = await pay('anna', 3000n)
  orThrow(await world.till().refundTransaction('r-1', refunded, 500n as never))
  orThrow(await world.sync())
  const [held] = world.log.events.filter(({ type }) => type === 'PaymentHeld')
  const payment = held?.stream.replace('payment-', '') as string
  orThrow(await decideHeld(world, payment, 'operator'))
  await world.settle()
  log = [...world.log.events]
})
afterAll(() => world.end())

const reactor = (): Reactor => ({
  by: verdictsBy,
  make: store =>
    verdicts({ store, crypto: world.crypto, keys: world.keys, salt: reactorSalt(world.crypto, world.keys.saltKey) }),
})
const recomputed = async (events: readonly StoredEvent[], texts?: ReadonlyMap<string, string>) =>
  recomputeReactions(await copyOf(events, texts), reactor())
const without = (stream: string) => log.filter(event => event.stream !== stream)

it('of an honest log nothing is missing, nothing too much, nothing otherwise', async () => {
  expect([of('PaymentAccepted'), of('PaymentHeld'), of('ReversalAccepted'), of('ExceptionRaised')]).toMatchObject([
    [{}, {}],
    [{}],
    [{}],
    [{}],
  ])
  expect(await recomputed(log)).toEqual([])
})

it('nothing is written while it looks', async () => {
  const copy = await copyOf(log)
  await recomputeReactions({ ...copy, append: () => expect.fail('it wrote') }, reactor())
})

describe('a verdict that is not there', () => {
  it('is named with its payment and its cause, be it the last or one before others', async () => {
    for (const accepted of of('PaymentAccepted')) {
      const { causation } = trustEvent(accepted.text)
      const batch = of('BatchAccepted').find(({ id }) => id === causation)
      const found = await recomputed(without(accepted.stream))
      expect(found).toContainEqual(
        expect.stringMatching(
          `^reaction missing: PaymentAccepted ${accepted.id} in ${accepted.stream}, caused by intake-T-1 revision ${batch?.revision} \\(BatchAccepted, log index \\d+\\)`,
        ),
      )
    }
  })

  it('of a reversal leaves the acceptance before it in peace', async () => {
    const [reversal] = of('ReversalAccepted') as [StoredEvent]
    const found = await recomputed(log.filter(({ id }) => id !== reversal.id))
    expect(found).toEqual([expect.stringContaining(`reaction missing: ReversalAccepted ${reversal.id}`)])
  })

  it('an exception that was not raised is missing, too', async () => {
    const [raised] = of('ExceptionRaised') as [StoredEvent]
    expect(await recomputed(without(raised.stream))).toEqual([
      expect.stringContaining(`reaction missing: ExceptionRaised ${raised.id} in ${raised.stream}`),
    ])
  })

  it('of a batch just taken in is missing until the centre judges it', async () => {
    const last = of('BatchAccepted').at(-1) as StoredEvent
    const found = await recomputed(log.slice(0, last.index + 1))
    expect(found.length).toBeGreaterThan(1)
    for (const line of found) expect(line).toMatch(/^reaction missing: .*a centre that runs on this log writes what/)
  })
})

describe('a verdict that was altered', () => {
  it('with its hash made anew is named, with what it says and what it must say', async () => {
    const accepted = of('PaymentAccepted')[0] as StoredEvent
    const stream = log.filter(event => event.stream === accepted.stream)
    const texts = rechained(stream, accepted.id, event => ({
      ...event,
      data: { ...(event.data as object), gross: '125' },
    }))
    expect(await recomputed(log, texts)).toContainEqual(
      expect.stringMatching(`^reaction differs: PaymentAccepted ${accepted.id} .*gross is "125", and must be "1250"`),
    )
  })
})

describe('an event too many', () => {
  it('that says it is the reactor’s, and that nothing causes, is named', async () => {
    const [accepted] = of('PaymentAccepted') as [StoredEvent]
    const stream = `payment-${'ab'.repeat(32)}`
    const id = '00000000-0000-5000-8000-000000000001'
    const event = { ...(JSON.parse(accepted.text) as object), stream, id }
    const forged = { ...accepted, stream, revision: 0, id, text: JSON.stringify(event), index: log.length }
    expect(await recomputed([...log, forged])).toEqual([
      `reaction surplus: ${stream} revision 0 (PaymentAccepted, log index ${log.length}): nothing in the log causes it`,
    ])
  })

  it('that an operator wrote is none of the reactor’s', async () => {
    expect(of('HeldPaymentDecided')).toHaveLength(1)
    expect(await recomputed(log)).toEqual([])
  })
})

it('what a reactor asks to write a second time it is refused, as by any store', async () => {
  const [raised] = of('ExceptionRaised') as [StoredEvent]
  const answers: unknown[] = []
  const twice: Reactor = {
    by: verdictsBy,
    make: store => ({
      wants: type => type === 'BatchAccepted',
      handle: async () => {
        const answer = store.append(raised.stream, 'NoStream', [raised])
        answers.push(await answer.catch((error: { code: string }) => error.code))
      },
    }),
  }
  await recomputeReactions(await copyOf(log), twice)
  const [first, ...again] = answers
  expect(first).toMatchObject({ revision: 0 })
  expect([...new Set(again)]).toEqual(['WrongExpectedRevision'])
})

it('a reactor that cannot go on is told with the event at which it stops', async () => {
  const enrolled = of('TerminalEnrolled')[0] as StoredEvent
  expect(await recomputed(without(enrolled.stream))).toEqual([
    expect.stringMatching(
      /^reactions of reactor:verdicts stop at intake-T-1 revision 0 \(BatchAccepted, .*never enrolled/,
    ),
  ])
})

it('of a log without a store’s events there is nothing to find', async () => {
  expect(
    await recomputeReactions(
      memoryStore(() => ''),
      reactor(),
    ),
  ).toEqual([])
})

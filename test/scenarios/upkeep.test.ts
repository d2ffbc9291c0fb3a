import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { base64url } from '#canonical/bytes'
import { chain, type Event, moneyWord } from '#canonical/event'
import { uuid7 } from '#canonical/ids'
import { FoldFailed, type Rows } from '#eventstore/rows'
import { projections } from '#projections'
import { foldAnew } from '../simulation/rows-audit.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre } from './hand.ts'

/** A follower meets an event that it cannot get past; an operator looks at it, and says what is to be done. */

let world: World
/** The type whose events the rows of merchants cannot be folded of, by a fault of ours. */
let poison: string | undefined
const poisoned = (rows: Rows): Rows => ({
  ...rows,
  apply: async (projection, events, at) => {
    const bad = projection.name === 'merchants' ? events.find(({ type }) => type === poison) : undefined
    if (bad) throw new FoldFailed(projection.name, bad, { cause: new Error('a fee of no merchant') })
    return rows.apply(projection, events, at)
  },
})
const turns = async (until: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 2000 && !until(); turn++) await new Promise(resolve => setImmediate(resolve))
  expect(until()).toBe(true)
}
const pays = async (minor: bigint) => {
  orThrow(await world.key(minor))
  await world.tap('anna')
  await world.till().syncNow()
}
const followerOf = (name: string, place = 0) => {
  const found = world.centres[place]?.life.node.status().followers.find(({ follower }) => follower === name)
  if (!found) throw new Error(`no follower ${name}`)
  return found
}
const by = 'operator:olga'
const fees = async () => orThrow(await world.centre().ask.overview()).fees
/** Each projection's rows on each node against a fold of the log that knows nothing but the log. */
const rowsAreAFold = async () => {
  const fresh = await foldAnew(world.log)
  for (const { rows } of world.centres)
    for (const projection of projections)
      expect([projection.name, await rows.fingerprint(projection, world.crypto)]).toEqual([
        projection.name,
        await fresh.fingerprint(projection, world.crypto),
      ])
}

describe('a projector that cannot fold an event', () => {
  beforeAll(async () => {
    poison = 'PaymentAccepted'
    world = await makeWorld({ seed: 'upkeep', breakRows: poisoned, centres: 2 })
    await pays(1250n)
    await turns(() => [0, 1].every(place => followerOf('merchants', place).state === 'stopped'))
  })
  afterAll(() => world.end())

  it('stops alone, and says at which event and why', async () => {
    const [payment] = atCentre(world, 'PaymentAccepted')
    const index = world.log.events.findIndex(({ id }) => id === payment?.id)
    expect(followerOf('merchants')).toMatchObject({
      kind: 'projector',
      state: 'stopped',
      stopped: {
        index,
        event: payment?.id,
        type: 'PaymentAccepted',
        message: expect.stringMatching(/^Follower merchants stopped at PaymentAccepted .*: a fee of no merchant$/),
      },
    })
    await turns(() => followerOf('balances').next === world.log.events.length)
    expect(orThrow(await world.centre().ask.balance({ account: 'anna' }))).toMatchObject({ owed: '12.50' })
  })

  it('the log tells it once, though two nodes met it', async () => {
    await turns(() => atCentre(world, 'FollowerStopped').length > 0)
    for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
    expect(atCentre(world, 'FollowerStopped')).toMatchObject([
      {
        stream: 'follower-merchants',
        by: 'follower:merchants',
        data: { type: 'PaymentAccepted', why: 'a fee of no merchant' },
      },
    ])
  })

  it('falls behind, in events and in seconds', async () => {
    world.clock.at += 90_000
    const { lag, next } = followerOf('merchants')
    expect(lag.events).toBe(world.log.events.length - next)
    expect(lag.seconds).toBeGreaterThanOrEqual(90)
    expect(followerOf('balances').lag).toEqual({ events: 0, seconds: 0 })
  })

  it('is not let past another event than the operator looked at', async () => {
    const { stopped } = followerOf('merchants')
    const wrong = {
      follower: 'merchants',
      index: (stopped?.index ?? 0) + 1,
      event: stopped?.event ?? '',
      reason: 'x',
      by,
    }
    expect(await world.centre().skipEvent(wrong)).toMatchObject({ reason: 'StoppedAtAnother', index: stopped?.index })
    expect(await world.centre().skipEvent({ ...wrong, follower: 'nobody' })).toMatchObject({
      reason: 'FollowerUnknown',
    })
    expect(await world.centre().retryFollower({ follower: 'balances', reason: 'x', by })).toMatchObject({
      reason: 'FollowerNotStopped',
    })
    expect(atCentre(world, 'EventSkipped')).toEqual([])
  })

  it('tried again with the fault still there, stops again, and that is told again', async () => {
    expect(await world.centre().retryFollower({ follower: 'merchants', reason: 'perhaps', by })).toMatchObject({
      follower: 'merchants',
    })
    await turns(() => atCentre(world, 'FollowerStopped').length > 1)
    expect(atCentre(world, 'FollowerRetried')).toMatchObject([{ by, data: { reason: 'perhaps' } }])
    expect(followerOf('merchants').state).toBe('stopped')
  })

  it('passes over it by the operator’s word, at every node; the log has the word first', async () => {
    const { stopped } = followerOf('merchants')
    const named = { follower: 'merchants', index: stopped?.index ?? -1, event: stopped?.event ?? '' }
    orThrow(await world.centre().skipEvent({ ...named, reason: 'the fee is booked by hand', by }))
    expect(atCentre(world, 'EventSkipped')).toMatchObject([
      { by, data: { ...named, reason: 'the fee is booked by hand' } },
    ])
    await turns(() => [0, 1].every(place => followerOf('merchants', place).next === world.log.events.length))
    expect(followerOf('merchants')).toMatchObject({ state: 'following', lag: { events: 0, seconds: 0 } })
    expect(await fees()).toEqual([])
    await rowsAreAFold()
  })

  it('goes on with what comes after', async () => {
    poison = undefined
    await pays(2000n)
    await world.settle()
    expect(await fees()).toMatchObject([{ currency: 'EUR', amount: '0.30' }])
    await rowsAreAFold()
  })

  it('is what it is after a restart, and after its rows were thrown away', async () => {
    await world.restartCentre(1)
    await rowsAreAFold()
    for (const { rows } of world.centres) for (const projection of projections) await rows.reset(projection)
    await world.restartCentre(0)
    await world.restartCentre(1)
    expect(await fees()).toMatchObject([{ amount: '0.30' }])
    await rowsAreAFold()
  })
})

describe('a fault that only one node has', () => {
  afterAll(() => world.end())

  it('is skipped by all of them: the node that had folded the event folds again without it', async () => {
    poison = 'PaymentAccepted'
    let wrapped = 0
    world = await makeWorld({
      seed: 'one node',
      centres: 2,
      breakRows: rows => (wrapped++ === 0 ? poisoned(rows) : rows),
    })
    await pays(1250n)
    await turns(() => followerOf('merchants', 0).state === 'stopped')
    await turns(() => followerOf('merchants', 1).next >= world.log.events.length)
    const { stopped } = followerOf('merchants', 0)
    const named = { follower: 'merchants', index: stopped?.index ?? -1, event: stopped?.event ?? '' }
    orThrow(await world.centre().skipEvent({ ...named, reason: 'looked at', by }))
    await turns(() => [0, 1].every(place => followerOf('merchants', place).next >= world.log.events.length))
    await rowsAreAFold()
    expect(await fees()).toEqual([])
  })
})

describe('a reactor that cannot handle an event', () => {
  beforeAll(async () => {
    poison = undefined
    world = await makeWorld({ seed: 'reactor' })
    const id = uuid7(world.clock.at, world.crypto.random(16))
    const act = { id, at: new Date(world.clock.at).toISOString(), by: 'a newer centre', correlation: id, causation: id }
    const words = { CreditTeleported: moneyWord(z.looseObject({})) }
    const [one] = chain(
      world.crypto,
      words,
      'elsewhere-1',
      undefined,
      [{ type: 'CreditTeleported', data: {} }],
      act,
      () => base64url(world.crypto.random(16)),
    )
    const { event, text } = one as { event: Event; text: string }
    await world.log.append('elsewhere-1', 'NoStream', [{ id: event.id, type: event.type, text }])
    await turns(() => followerOf('verdicts').state === 'stopped')
  })
  afterAll(() => world.end())

  it('stops, and judges nothing; rows go on', async () => {
    await pays(1250n)
    await turns(() => followerOf('balances').next === world.log.events.length)
    expect(atCentre(world, 'TransactionRecorded')).toHaveLength(1)
    expect(atCentre(world, 'PaymentAccepted')).toEqual([])
    expect(followerOf('verdicts')).toMatchObject({ kind: 'reactor', stopped: { type: 'CreditTeleported' } })
  })

  it('goes on past it by the operator’s word, and judges what waited', async () => {
    const { stopped } = followerOf('verdicts')
    const named = { follower: 'verdicts', index: stopped?.index ?? -1, event: stopped?.event ?? '' }
    orThrow(await world.centre().skipEvent({ ...named, reason: 'it concerns no account of ours', by }))
    await turns(() => atCentre(world, 'PaymentAccepted').length === 1)
    await world.settle()
    expect(followerOf('verdicts').state).toBe('following')
  })

  it('and at every start after: what it wrote stands, and nothing is written twice', async () => {
    const texts = world.log.events.map(({ text }) => text)
    await world.restartCentre()
    expect(world.log.events.map(({ text }) => text)).toEqual(texts)
    expect(followerOf('verdicts').state).toBe('following')
  })
})

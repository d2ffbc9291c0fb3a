import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noSkips, project } from '#eventstore/follower'
import { memoryRows } from '#eventstore/memory/rows'
import type { Rows } from '#eventstore/rows'
import { projections } from '#projections'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** The centre's followers stop, start again, and begin anew: what they are behind is told, and nothing is told twice. */
let world: World
beforeAll(async () => {
  world = await makeWorld({ seed: 'follower' })
  await pay(1250n)
  orThrow(await world.sync())
})
afterAll(() => world.end())

const pay = async (minor: bigint): Promise<void> => {
  orThrow(await world.key(minor))
  expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
}
const balance = async () => {
  const { owed, index, age_ms } = orThrow(await world.centre().ask.balance({ account: 'anna' }))
  return { owed, index, age_ms }
}
const written = () => world.log.events.map(({ stream, text }) => [stream, text])
const fingerprints = (rows: Rows = world.rows) =>
  Promise.all(
    projections.map(async projection => [projection.name, await rows.fingerprint(projection, world.crypto)] as const),
  )
const minutes = (count: number) => count * 60_000

describe('a balance', () => {
  it('of a centre that follows is of now, however long nothing happens', async () => {
    const before = await balance()
    expect(before).toMatchObject({ owed: '12.50', age_ms: 0, index: world.log.events.length - 1 })
    world.clock.at += minutes(90)
    expect(await balance()).toEqual(before)
  })

  it('of a centre whose follower has stopped grows old, and its index stays', async () => {
    const { life } = world.centres[0] as (typeof world.centres)[number]
    life.ending.abort()
    await life.running
    const before = await balance()
    expect(before.age_ms).toBe(0)

    world.clock.at += minutes(5)
    expect(await balance()).toEqual({ ...before, age_ms: minutes(5) })
    // The centre still takes in what terminals send; its rows stand still, and nobody signs for it.
    await pay(3000n)
    expect(await world.till().syncNow()).toMatchObject({ reason: 'LogNotSigned' })
    expect(world.log.events.length - 1).toBeGreaterThan(before.index)
    world.clock.at += minutes(10)
    const later = await balance()
    expect(later).toMatchObject({ owed: '12.50', index: before.index })
    expect(later.age_ms).toBeGreaterThanOrEqual(minutes(15))
    expect(later.age_ms).toBeLessThan(minutes(16))
  })

  it('catches up when the follower starts again', async () => {
    await world.restartCentre()
    expect(await balance()).toEqual({ owed: '42.50', age_ms: 0, index: world.log.events.length - 1 })
  })
})

describe('a centre started anew', () => {
  it('writes nothing that is written, and has the same rows', async () => {
    const [before, rows] = [written(), await fingerprints()]
    for (let time = 0; time < 3; time++) {
      await world.restartCentre()
      expect(written()).toEqual(before)
      expect(await fingerprints()).toEqual(rows)
    }
  })

  it('with its rows thrown away comes to the same rows', async () => {
    const before = await fingerprints()
    const rows = memoryRows()
    const ending = new AbortController()
    await project({
      store: world.log,
      rows,
      projections,
      skips: noSkips,
      signal: ending.signal,
      // Page by page, as small as can be: what a page is must not matter.
      pageSize: 1,
      onProgress: ({ caughtUp }) => {
        if (caughtUp) ending.abort()
      },
    })
    expect(await fingerprints(rows)).toEqual(before)
    expect(new Set(before.map(([, hash]) => hash)).size).toBe(projections.length)
  })

  it('goes on where it was: the next payment is judged once', async () => {
    await pay(100n)
    orThrow(await world.sync())
    const verdicts = world.log.events.filter(({ type }) => type === 'PaymentAccepted')
    expect(verdicts).toHaveLength(3)
    expect((await balance()).owed).toBe('43.50')
  })
})

describe('the verdict on a batch', () => {
  /** A world in which one payment is judged, with one power cut at its stream. */
  const judged = async (cut: 'kept' | 'lost before' | 'lost after', centres = 1) => {
    let cuts = 0
    const power = (stream: string) => (stream.startsWith('payment-') && cuts++ === 0 ? cut : 'kept')
    const other = await makeWorld({ seed: 'judged', centres, faults: { power } })
    orThrow(await other.key(1250n))
    await other.tap('anna')
    orThrow(await other.sync())
    expect(cuts).toBeGreaterThan(0)
    const rows = await Promise.all(other.centres.map(({ rows }) => fingerprints(rows)))
    const texts = other.log.events.map(({ text }) => text)
    await other.end()
    return { texts, rows }
  }

  it('is written once, the same to the last octet, if the power is cut before it or after it', async () => {
    const whole = await judged('kept')
    expect(whole.texts.filter(text => text.includes('"PaymentAccepted"'))).toHaveLength(1)
    expect(await judged('lost before')).toEqual(whole)
    expect(await judged('lost after')).toEqual(whole)
  })

  it('is written once by two centres on one log, whose rows are the same', async () => {
    for (const cut of ['kept', 'lost before', 'lost after'] as const) {
      const { texts, rows } = await judged(cut, 2)
      expect(texts.filter(text => text.includes('"PaymentAccepted"'))).toHaveLength(1)
      expect(rows[0]).toEqual(rows[1])
    }
  })
})

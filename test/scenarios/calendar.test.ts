import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Event } from '#canonical/event'
import { trustEvent, verifyEvent } from '#canonical/event'
import type { EventStore } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
import { nodeCrypto } from '#machine/crypto'
import { licensesLast_s } from '../../apps/back-office/authority.ts'
import { calendar } from '../../apps/back-office/calendar.ts'
import { reactAgain } from '../simulation/rows-audit.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre } from './hand.ts'

const hour_ms = 3_600_000
const start_ms = Date.UTC(2026, 10, 23, 9, 20)
const crypto = nodeCrypto()
const reactorSalt = (id: string) => Buffer.from(crypto.sha256(id).slice(0, 16)).toString('base64url')
const never = () => new Promise<void>(() => {})

/** A calendar with a clock that the test holds. */
const scene = (store: EventStore & { events?: unknown } = memoryStore(() => '2026-11-23T09:20:00.000Z')) => {
  const clock = { at: start_ms, now: () => clock.at }
  const faults: string[] = []
  const { strike } = calendar({ store, crypto, reactorSalt }, clock, never, message => faults.push(message))
  const struck = async (): Promise<Event<{ instant: string }>[]> => {
    const all: Event<{ instant: string }>[] = []
    for await (const page of store.readAll({ from: 0 }))
      for (const { text } of page) all.push(verifyEvent(crypto, text) as Event<{ instant: string }>)
    return all
  }
  const instants = async () => (await struck()).map(({ data }) => data.instant)
  return { store, clock, faults, strike, struck, instants }
}

describe('the calendar', () => {
  it('begins with the hour that runs, and strikes each one once', async () => {
    const { clock, strike, instants } = scene()
    expect(await strike()).toBe(1)
    clock.at += 39 * 60_000
    expect(await strike()).toBe(0)
    clock.at += 60_000
    expect(await strike()).toBe(1)
    expect(await strike()).toBe(0)
    expect(await instants()).toEqual(['2026-11-23T09:00:00.000Z', '2026-11-23T10:00:00.000Z'])
  })

  it('strikes after a stop what was missed, in order, each with its own time', async () => {
    const { clock, strike, struck } = scene()
    await strike()
    clock.at += 5 * hour_ms
    expect(await strike()).toBe(5)
    const all = await struck()
    expect(all.map(({ at }) => at)).toEqual(
      [9, 10, 11, 12, 13, 14].map(h => `2026-11-23T${`${h}`.padStart(2, '0')}:00:00.000Z`),
    )
    expect(all.map(({ data, at }) => data.instant === at)).not.toContain(false)
  })

  it('after a year’s stop, all 8,760 of them', async () => {
    const { clock, strike, struck } = scene()
    await strike()
    clock.at += 365 * 24 * hour_ms
    expect(await strike()).toBe(8760)
    const all = await struck()
    expect(all).toHaveLength(8761)
    for (const [place, { data }] of all.entries())
      expect(Date.parse(data.instant)).toBe(Date.UTC(2026, 10, 23, 9) + place * hour_ms)
  })

  it('not by a clock that is out by a century: it says so, and strikes nothing', async () => {
    const { clock, faults, strike, instants } = scene()
    await strike()
    clock.at += 100 * 8766 * hour_ms
    expect(await strike()).toBe(0)
    expect(faults).toEqual([expect.stringMatching(/^The clock of this machine says 2126-.* Set the clock\.$/)])
    clock.at = start_ms + hour_ms
    expect(await strike()).toBe(0)
    expect(await instants()).toHaveLength(1)
  })

  it('nor by one that went back', async () => {
    const { clock, strike, instants } = scene()
    await strike()
    clock.at -= 30 * hour_ms
    expect(await strike()).toBe(0)
    clock.at = start_ms + hour_ms
    await strike()
    expect(await instants()).toEqual(['2026-11-23T09:00:00.000Z', '2026-11-23T10:00:00.000Z'])
  })

  it('of two nodes strikes once, to the last octet the same, whoever is first at any append', async () => {
    const alone = scene()
    await alone.strike()
    alone.clock.at += 1200 * hour_ms
    await alone.strike()

    const store = memoryStore(() => '2026-11-23T09:20:00.000Z')
    const nodes = [scene(store), scene(store), scene(store)]
    const texts = () => store.events.map(({ text }) => text)
    await Promise.all(nodes.map(({ strike }) => strike()))
    for (const { clock } of nodes) clock.at += 1200 * hour_ms
    const counts = await Promise.all(nodes.map(({ strike }) => strike()))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1200)
    expect(texts()).toEqual((await alone.struck()).map(event => texts().find(text => text.includes(event.hash))))
    expect(store.events).toHaveLength(1201)
  })

  it('takes up where a crash left it', async () => {
    const store = memoryStore(() => '2026-11-23T09:20:00.000Z')
    let power = true
    const weak: EventStore = {
      ...store,
      append: async (...asked) => {
        const appended = await store.append(...asked)
        if (!power) throw new Error('the power went, after the write')
        return appended
      },
    }
    const { clock, strike } = scene(weak)
    await strike()
    clock.at += 700 * hour_ms
    power = false
    await expect(strike()).rejects.toThrow('the power went')
    power = true
    await strike()
    const { instants } = scene(store)
    expect(await instants()).toHaveLength(701)
    expect(new Set(await instants()).size).toBe(701)
  })
})

describe('a license whose time is over', () => {
  let world: World
  const licenses = () => atCentre<{ license: string; expires: string }>(world, 'LicenseIssued')
  const expired = () => atCentre<{ license: string; account: string }>(world, 'LicenseExpired')
  const held = async () => orThrow(await world.centre().ask.balance({ account: 'anna' })).held

  beforeAll(async () => {
    world = await makeWorld({ seed: 'expiry', centres: 2 })
    await world.settle()
  })
  afterAll(() => world.end())

  it('still runs in its last hour', async () => {
    const [issued] = licenses()
    world.clock.at = Date.parse(issued?.data.expires ?? '') - 1
    await world.settle()
    expect(expired()).toEqual([])
  })

  it('expires on the hour after, once for two nodes, and says which hour it was', async () => {
    world.clock.at += hour_ms
    await world.settle()
    const [issued] = licenses()
    const hours = atCentre<{ instant: string }>(world, 'HourStruck')
    const on = hours.find(({ data }) => data.instant >= (issued?.data.expires ?? ''))
    expect(expired()).toMatchObject([
      {
        stream: `license-${issued?.data.license}`,
        revision: 1,
        by: 'reactor:expiry',
        at: on?.data.instant,
        causation: on?.id,
        data: { license: issued?.data.license, account: 'anna' },
      },
    ])
  })

  it('keeps its hold: taps may be on their way', async () => {
    expect(await held()).toBe('200.00')
  })

  it('has the same end at every start, and for whoever decides it again from the log', async () => {
    // Beside the rules, which are signed anew when they are old, nothing is written.
    const standing = () => world.log.events.filter(({ stream }) => stream !== 'rules').map(({ text }) => text)
    const before = standing()
    await world.restartCentre(0)
    await world.restartCentre(1)
    expect(standing()).toEqual(before)
    const broken: string[] = []
    await reactAgain((_, holds, says) => void (holds || broken.push(says())), world)
    expect(broken).toEqual([])
  })

  it('of which the end was taken out of the log is missed', async () => {
    const { log } = world
    const events = log.events.filter(({ type }) => type !== 'LicenseExpired')
    const copy = memoryStore(() => new Date(world.clock.at).toISOString())
    for (const { stream, revision, id, type, text } of events)
      await copy.append(stream, revision === 0 ? 'NoStream' : revision - 1, [{ id, type, text }])
    const broken: string[] = []
    await reactAgain((_, holds, says) => void (holds || broken.push(says())), { ...world, log: copy })
    expect(broken).toEqual([expect.stringContaining('reaction missing: LicenseExpired')])
  })

  it('a stop of the centre over it ends it on its own hour, not on that of the start', async () => {
    const other = await makeWorld({ seed: 'stopped over it' })
    const [issued] = atCentre<{ expires: string }>(other, 'LicenseIssued')
    other.clock.at += (licensesLast_s + 90 * 86_400) * 1000
    await other.settle()
    const at = Date.parse(trustEvent(other.log.events.find(({ type }) => type === 'LicenseExpired')?.text ?? '').at)
    const ends = Date.parse(issued?.data.expires ?? '')
    expect(at).toBeGreaterThanOrEqual(ends)
    expect(at).toBeLessThan(ends + hour_ms)
    await other.end()
  })
})

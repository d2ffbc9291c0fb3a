import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BatchBody, type BatchStatement, batchBody, makeBatch } from '#sync/batch'
import { quarantineMax } from '#sync/quarantine'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre } from './hand.ts'

/** What a terminal signed and the centre refused is kept with its octets, until somebody lets it in or rejects it. */
const by = 'operator:vera'
let world: World
beforeAll(async () => {
  world = await makeWorld({ seed: 'quarantine', terminals: 2 })
  await sell(1000n)
  orThrow(await world.sync())
  world.network(false)
  await sell(250n)
  // It was retired while what it had taken was on it alone.
  orThrow(await world.centre().retireTerminal({ terminal: 'T-1', reason: 'scrapped', by, evenSo: true }))
})
afterAll(() => world.end())

const sell = async (minor: bigint) => {
  orThrow(await world.key(minor))
  expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
}
const texts = (id = 'T-1'): string[] => {
  const { store } = world.shops.get(id) ?? {}
  return (store?.events ?? []).map(({ text }) => text)
}
const batch = (
  events: readonly string[],
  from: number,
  change: Partial<BatchStatement> = {},
  id = 'T-1',
): BatchBody => {
  const identity = world.shops.get(id)?.identity
  if (!identity) throw new Error(`no terminal ${id}`)
  const { terminal, origin, mode } = identity
  const head = /"hash":"([0-9a-f]{64})"/.exec(events.at(-1) ?? '')?.[1] ?? '0'.repeat(64)
  const waiting = { count: 0, sum: '0', currency: 'EUR' }
  const statement = { origin, terminal, mode, from, count: events.length, head, waiting, ...change }
  return makeBatch(world.crypto, identity.keys.p256, statement, events)
}
const send = (body: BatchBody, terminal = 'T-1') => world.centre().acceptBatch(terminal, body)
const heldTo = () => world.log.events.filter(({ stream }) => stream === 'terminal-T-1').length
const owed = async () => orThrow(await world.centre().ask.balance({ account: 'anna' })).owed
const listed = async (terminal = 'T-1') => (await world.centre().quarantineOf(terminal)).batches
/** What the list of terminals says: as many as wait. */
const counted = async (terminal = 'T-1') => {
  await world.settle()
  const { terminals } = orThrow(await world.centre().ask.terminals())
  return terminals.find(each => each.terminal === terminal)?.quarantined
}
const waiting = async () => (await listed()).filter(({ standing }) => standing === 'kept')

describe('a retired terminal’s batch', () => {
  let from: number
  it('is refused, is kept, and the terminal is told so', async () => {
    from = heldTo()
    const body = batch(texts().slice(from), from)
    expect(await send(body)).toMatchObject({
      reason: 'TerminalRetired',
      standing: 'kept',
      message: expect.stringContaining('It is kept at the centre in quarantine'),
    })
    expect(heldTo()).toBe(from)
    expect(await listed()).toMatchObject([
      {
        from,
        count: body.events.length,
        refused: 'TerminalRetired',
        standing: 'kept',
        sales: [{ currency: 'EUR', count: 1, sum: '2.50' }],
        decided: null,
      },
    ])
    const [kept] = await waiting()
    const looked = await world.centre().quarantinedBatch('T-1', kept?.batch ?? '')
    expect(looked).toMatchObject({ events: body.events, statement: body.statement })
    expect(await counted()).toBe(1)
  })

  it('is kept once, however often it is sent and signed, also after a restart', async () => {
    const before = world.log.events.length
    const again = batch(texts().slice(from), from, { waiting: { count: 7, sum: '7', currency: 'EUR' } })
    await Promise.all([send(again), send(batch(texts().slice(from), from))])
    await world.restartCentre()
    expect(await send(again)).toMatchObject({ reason: 'TerminalRetired', standing: 'kept' })
    expect(await waiting()).toHaveLength(1)
    expect(world.log.events.filter(({ stream }) => /^quarantined?-/.test(stream))).toHaveLength(2)
    expect(world.log.events.length).toBe(before)
  })

  it('that grew is one with what was kept, whose octets are not kept twice', async () => {
    const part = texts().slice(from, -1)
    expect(await send(batch(part, from))).toMatchObject({ standing: 'kept' })
    orThrow(await world.till().closeDay())
    const whole = batch(texts().slice(from), from)
    expect(await send(whole)).toMatchObject({ standing: 'kept' })
    const shown = await waiting()
    expect(shown.map(({ count }) => count).sort((a, b) => a - b)).toEqual([part.length, whole.events.length])
    const longest = shown.find(({ count }) => count === whole.events.length)
    expect(longest?.extends).toBeDefined()
    expect(longest?.octets).toBeLessThan(2000)
    const looked = await world.centre().quarantinedBatch('T-1', longest?.batch ?? '')
    expect(looked).toMatchObject({ events: whole.events })
  })

  it('brings what goes on after it: that is no gap', async () => {
    const [short] = (await waiting()).sort((a, b) => a.count - b.count)
    const next = from + (short?.count ?? 0)
    expect(await send(batch(texts().slice(next), next))).toMatchObject({ reason: 'BatchGap', standing: 'kept' })
    // One further on has nothing here that it follows: the terminal sends what is before it first.
    const gap = await send(batch(texts().slice(next + 1), next + 1))
    expect(gap).toMatchObject({ reason: 'BatchGap' })
    expect(gap).not.toHaveProperty('quarantined')
  })

  it('is not let in by who does not say which, or with another terminal’s name', async () => {
    const [kept] = await waiting()
    for (const [terminal, which] of [
      ['T-1', 'f'.repeat(64)],
      ['T-2', kept?.batch ?? ''],
      ['T-9', '../T-1'],
    ] as const) {
      const asked = { terminal, batch: which, reason: 'let it in', by }
      expect(await world.centre().releaseBatch(asked)).toMatchObject({ reason: 'BatchUnknown' })
      expect(await world.centre().rejectBatch(asked)).toMatchObject({ reason: 'BatchUnknown' })
      expect(await world.centre().quarantinedBatch(terminal, which)).toMatchObject({ reason: 'BatchUnknown' })
    }
  })

  it('is let in: its payments are owed, once', async () => {
    expect(await owed()).toBe('10.00')
    const whole = (await waiting()).sort((a, b) => b.count - a.count)[0]
    const asked = { terminal: 'T-1', batch: whole?.batch ?? '', reason: 'the disk was in the drawer', by }
    const [one, two] = await Promise.all([world.centre().releaseBatch(asked), world.centre().releaseBatch(asked)])
    expect([one, two]).toMatchObject([{ standing: 'released' }, { standing: 'released' }])
    await world.settle()
    expect(heldTo()).toBe(texts().length)
    expect(await owed()).toBe('12.50')
    expect(atCentre(world, 'QuarantineReleased')).toHaveLength(1)
    expect(await counted()).toBe((await waiting()).length)
    expect((await listed()).find(({ batch }) => batch === whole?.batch)?.decided).toMatchObject({
      by,
      reason: asked.reason,
    })
    expect(await world.centre().rejectBatch(asked)).toMatchObject({ reason: 'BatchReleased' })
    // What is held already and comes again is not kept anew.
    const before = world.log.events.length
    expect(await send(batch(texts(), 0))).toMatchObject({ reason: 'TerminalRetired' })
    expect(world.log.events.length).toBe(before)
  })
})

describe('what is kept, and what is not', () => {
  it('nothing that the terminal’s key did not sign, or that need only be sent again', async () => {
    const before = world.log.events.length
    const events = texts('T-2')
    const body = batch(events, 0, {}, 'T-2')
    const refused = [
      { ...body, statement: 'AAAA' },
      batch(events, 0, { terminal: 'T-1' }, 'T-1'),
      { ...body, events: events.slice(1) },
      batch(events.slice(1), 999, {}, 'T-2'),
      batch(events, 0, { mode: 'live' }, 'T-2'),
    ]
    for (const each of refused) {
      const answer = await send(each, 'T-2')
      expect(answer).toHaveProperty('reason')
      expect(answer).not.toHaveProperty('quarantined')
    }
    expect(world.log.events.length).toBe(before)
  })

  it('a batch that was altered on its way does not keep the true one out, and is rejected for good', async () => {
    const events = texts('T-2')
    const body = batch(events, 0, {}, 'T-2')
    const altered = events.with(1, events[1]?.replace('"by":"', '"by":"x') ?? '')
    expect(await send({ ...body, events: altered }, 'T-2')).toMatchObject({
      reason: 'EventMalformed',
      standing: 'kept',
    })
    // Another under the same statement is not kept beside it: whoever alters batches fills nothing.
    const other = await send({ ...body, events: events.with(2, 'no JSON') }, 'T-2')
    expect(other).not.toHaveProperty('quarantined')
    expect(await send(body, 'T-2')).toMatchObject({ acceptedTo: events.length - 1 })
    const [kept] = await listed('T-2')
    const asked = { terminal: 'T-2', batch: kept?.batch ?? '', reason: 'altered on its way', by }
    expect(await world.centre().releaseBatch(asked)).toMatchObject({
      reason: 'EventMalformed',
      quarantined: kept?.batch,
    })
    expect(await world.centre().rejectBatch(asked)).toMatchObject({ standing: 'rejected' })
    expect(await world.centre().releaseBatch(asked)).toMatchObject({ reason: 'BatchRejected' })
    expect(await send({ ...body, events: altered }, 'T-2')).toMatchObject({ standing: 'rejected' })
    expect((await listed('T-2')).map(({ standing }) => standing)).toEqual(['rejected'])
    expect(await counted('T-2')).toBe(0)
  })

  it('no more than there is room for, and it says so', async () => {
    let answer: unknown
    for (let count = 0; count <= quarantineMax.batches; count++)
      answer = await send(batch([`nonsense ${count}`], 0, { head: `${count}`.padStart(64, '0') }, 'T-2'), 'T-2')
    expect(answer).toMatchObject({
      reason: 'EventMalformed',
      quarantineFull: true,
      message: expect.stringContaining('release or reject those first'),
    })
    expect((await world.centre().quarantineOf('T-2')).waiting.batches).toBe(quarantineMax.batches)
  })

  it('a batch as large as one may be, in parts that every engine takes', async () => {
    const { batch: first } = (await listed('T-2'))[0] ?? {}
    orThrow(await world.centre().rejectBatch({ terminal: 'T-2', batch: first ?? '', reason: 'nonsense', by }))
    const events = ['é'.repeat(520_000)]
    const body = batch(events, 0, { head: 'f'.repeat(64) }, 'T-2')
    expect(batchBody.safeParse(body).success).toBe(true)
    const answer = (await send(body, 'T-2')) as unknown as { quarantined: string }
    const parts = world.log.events.filter(({ stream }) => stream === `quarantined-${answer.quarantined}`)
    expect(parts).toHaveLength(2)
    for (const { text } of parts) expect(text.length).toBeLessThan(1_000_000)
    expect(await world.centre().quarantinedBatch('T-2', answer.quarantined)).toMatchObject({ events })
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { base64url } from '#canonical/bytes'
import { type Act, chain, type Event, trustEvent, type Vocabulary, word } from '#canonical/event'
import { uuid7 } from '#canonical/ids'
import { type BatchBody, type BatchStatement, batchBody, makeBatch } from '#sync/batch'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre } from './hand.ts'

/**
 * A batch is taken in whole, exactly as its terminal wrote it, or refused with its own reason and nothing changed. The
 * terminals here stay offline; what is sent is made by hand.
 */
let world: World
beforeAll(async () => {
  world = await makeWorld({ seed: 'intake', terminals: 2 })
  for (const id of ['T-1', 'T-2']) {
    world.network(false, id)
    for (const minor of [1250n, 300n]) {
      orThrow(await world.key(minor, id))
      expect(await world.tap('anna', id)).toMatchObject({ outcome: 'paid' })
    }
  }
})
afterAll(() => world.end())

const shopOf = (id: string) => {
  const shop = world.shops.get(id)
  if (!shop) throw new Error(`no terminal ${id}`)
  return shop
}
const textsOf = (id: string): string[] => shopOf(id).store.events.map(({ text }) => text)
const events = (id = 'T-1'): Event[] => textsOf(id).map(text => trustEvent(text))

/** A batch of these texts, signed by the terminal; `change` alters what the statement says. */
const batch = (texts: readonly string[], from = 0, change: Partial<BatchStatement> = {}, id = 'T-1'): BatchBody => {
  const { identity } = shopOf(id)
  const head = /"hash":"([0-9a-f]{64})"/.exec(texts.at(-1) ?? '')?.[1] ?? '0'.repeat(64)
  const waiting = { count: 0, sum: '0', currency: 'EUR' }
  const { terminal, origin, mode } = identity
  const statement = { origin, terminal, mode, from, count: texts.length, head, waiting, ...change }
  return makeBatch(world.crypto, identity.keys.p256, statement, texts)
}
const send = (body: BatchBody, terminal = 'T-1') => world.centre().acceptBatch(terminal, body)

const atCentreOf = (id: string): string[] =>
  world.log.events.filter(({ stream }) => stream === `terminal-${id}`).map(({ text }) => text)

const isTaken = ({ stream }: { readonly stream: string }): boolean => !/^quarantined?-/.test(stream)
/** All that the centre took, to the last octet. What it only keeps, quarantine.test.ts looks at. */
const standing = () => world.log.events.filter(isTaken).map(({ stream, text }) => [stream, text])

const refusedAs = async (body: BatchBody, expected: object, terminal = 'T-1') => {
  const before = standing()
  const answer = await send(body, terminal)
  expect(answer).toMatchObject(expected)
  expect((answer as { message: string }).message).toMatch(/^.{20,}\.$/s)
  await world.settle()
  expect(standing()).toEqual(before)
}

/** Facts of any kind as the terminal's next events, well hashed and chained: what only the terminal itself could send. */
const written = (
  facts: readonly { type: string; data: object; schema?: number; money?: boolean }[],
  after: Event,
  stream = 'terminal-T-1',
) => {
  const words: Vocabulary = Object.fromEntries(
    facts.map(({ type, schema = 1, money = false }) => [type, { ...word(z.looseObject({})), schema, money }]),
  )
  const act: Act = {
    id: uuid7(world.clock.at, world.crypto.random(16)),
    at: new Date(world.clock.at).toISOString(),
    by: 'terminal:T-1',
    correlation: 'by hand',
    causation: 'by hand',
  }
  const salt = () => base64url(world.crypto.random(16))
  return chain(world.crypto, words, stream, after, facts, act, salt).map(({ text }) => text)
}

describe('who sends', () => {
  it('a terminal that was never enrolled', () =>
    refusedAs(batch(textsOf('T-1')), { reason: 'TerminalUnknown', terminal: 'T-9' }, 'T-9'))

  it('another terminal, in this one’s name', () =>
    refusedAs(batch(textsOf('T-2'), 0, { terminal: 'T-1' }, 'T-2'), { reason: 'BatchSignatureInvalid' }))

  it('the right terminal, with another’s events and statement', () =>
    refusedAs(batch(textsOf('T-1'), 0, { terminal: 'T-2' }), { reason: 'BatchStatementMismatch', field: 'terminal' }))

  it('a statement that is none', async () => {
    for (const statement of ['', 'AAAA', 'not base64url!', base64url(new Uint8Array(100))])
      await refusedAs({ ...batch(textsOf('T-1')), statement }, { reason: 'BatchSignatureInvalid' })
  })

  it('for the log of another centre', () =>
    refusedAs(batch(textsOf('T-1'), 0, { origin: 'tallystick.dev/log/another' }), {
      reason: 'BatchStatementMismatch',
      field: 'origin',
    }))

  it('live, to a centre for tests', () =>
    refusedAs(batch(textsOf('T-1'), 0, { mode: 'live' }), { reason: 'ModeMismatch', stated: 'live', actual: 'test' }))
})

describe('what is sent', () => {
  const altered = (place: number, alter: (text: string) => string): string[] =>
    textsOf('T-1').map((text, at) => (at === place ? alter(text) : text))

  it('a gap before the first revision held', () =>
    refusedAs(batch(textsOf('T-1').slice(2), 2), { reason: 'BatchGap', acceptedTo: -1, from: 2 }))

  it('fewer events than were signed, or from elsewhere', async () => {
    const whole = batch(textsOf('T-1'))
    const fewer = { ...whole, events: whole.events.slice(0, -1) }
    await refusedAs(fewer, { reason: 'BatchStatementMismatch', field: 'count' })
    await refusedAs({ ...whole, from: 1 }, { reason: 'BatchStatementMismatch', field: 'from' })
  })

  it('another head than was signed', () =>
    refusedAs(batch(textsOf('T-1'), 0, { head: 'f'.repeat(64) }), { reason: 'HeadMismatch', stated: 'f'.repeat(64) }))

  it('one character changed, in any event and at any place of it', async () => {
    for (const [place, text] of textsOf('T-1').entries())
      for (const at of [0, text.indexOf('"amount"') + 11, Math.floor(text.length / 3), text.length - 70]) {
        const other = text[at] === '5' ? '6' : '5'
        const changed = `${text.slice(0, at)}${other}${text.slice(at + 1)}`
        await refusedAs(batch(altered(place, () => changed)), { reason: 'EventMalformed', revision: place })
      }
  })

  it.each([
    ['a space more', (text: string) => text.replace(':', ': ')],
    [
      'keys in another order',
      (text: string) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).toReversed())),
    ],
    ['a key twice', (text: string) => text.replace('{"at"', '{"at":"2026-11-23T09:00:00.000Z","at"')],
    ['a character written in another way', (text: string) => text.replace('terminal', '\\u0074erminal')],
    ['a number with a fraction', (text: string) => text.replace('"revision":3', '"revision":3.0')],
    ['nothing', () => ''],
    ['no JSON', () => 'TapStarted'],
    ['another JSON', () => '[]'],
  ])('text that is not canonical: %s', (_, alter) =>
    refusedAs(batch(altered(3, alter)), { reason: 'EventMalformed', revision: 3 }),
  )

  it('two events exchanged, each whole by itself', () => {
    const [first, second, third, ...rest] = textsOf('T-1') as [string, string, string, ...string[]]
    return refusedAs(batch([first, third, second, ...rest]), { reason: 'ChainBroken', revision: 1 })
  })

  it('an event left out, the rest moved up', () =>
    refusedAs(batch(textsOf('T-1').toSpliced(3, 1)), { reason: 'ChainBroken', revision: 3 }))

  it('an event that follows from another history', () => {
    const [head] = events().slice(-2)
    const foreign = written([{ type: 'CashierSignedOn', data: { cashier: 'olga' } }], head as Event)
    return refusedAs(batch([...textsOf('T-1'), ...foreign]), { reason: 'ChainBroken', revision: events().length })
  })

  it('an event of another stream', () => {
    const foreign = written(
      [{ type: 'CashierSignedOn', data: { cashier: 'olga' } }],
      events().at(-1) as Event,
      'terminal-T-2',
    )
    return refusedAs(batch([...textsOf('T-1'), ...foreign]), { reason: 'ChainBroken', revision: events().length })
  })

  it('a type that moves no money, and says that it does: balances would be told to doubt themselves', () => {
    const next = written(
      [{ type: 'CashierSignedOn', data: { cashier: 'olga' }, money: true }],
      events().at(-1) as Event,
    )
    return refusedAs(batch([...textsOf('T-1'), ...next]), {
      reason: 'EventShapeUnknown',
      message: expect.stringContaining('money is true, and of this type it is false'),
    })
  })

  it('the same in a shape to come', () => {
    const fact = { type: 'CashierSignedOn', data: { badge: 7 }, schema: 2, money: true }
    const next = written([fact], events().at(-1) as Event)
    return refusedAs(batch([...textsOf('T-1'), ...next]), { reason: 'EventShapeUnknown' })
  })

  it.each([
    ['a negative amount', { amount: '-5' }],
    ['a fraction', { amount: '12.5' }],
    ['an amount beyond 64 bits', { amount: '9223372036854775808' }],
    ['a currency that nobody knows', { currency: 'XXX' }],
    ['a hash that is none', { payment: 'abc' }],
    ['a day that is none', { businessDate: '2026-02-30' }],
  ])('a well-hashed event with %s', (_, wrong) => {
    const recorded = events().findLast(({ type }) => type === 'TransactionRecorded')
    const { salt: __, ...data } = (recorded?.data ?? {}) as { salt?: string }
    const next = written([{ type: 'TransactionRecorded', data: { ...data, ...wrong } }], events().at(-1) as Event)
    return refusedAs(batch([...textsOf('T-1'), ...next]), {
      reason: 'EventShapeUnknown',
      revision: events().length,
    })
  })

  it('more than a batch holds, by octets and by count', async () => {
    const [{ transaction }] = [{ transaction: 'a'.repeat(32) }]
    const large = { tap: 9, transaction, reason: 'Large', response: 'A'.repeat(600_000), checks: [] }
    const facts = [1, 2].map(() => ({ type: 'PayloadRejected', data: large }))
    const texts = [...textsOf('T-1'), ...written(facts, events().at(-1) as Event)]
    await refusedAs(batch(texts), { reason: 'BatchTooLarge' })
    // The count is a matter of shape, at the rim.
    const many = { ...batch(textsOf('T-1')), events: Array.from({ length: 1001 }, () => '{}') }
    expect(batchBody.safeParse(many).success).toBe(false)
    expect(batchBody.safeParse({ ...many, events: [] }).success).toBe(false)
    expect(batchBody.safeParse({ ...many, events: ['{}'], from: -1 }).success).toBe(false)
    expect(batchBody.safeParse({ ...many, events: ['{}'] }).success).toBe(true)
  })
})

describe('what is taken in', () => {
  const accepted = () =>
    atCentre<{ from: number; count: number }>(world, 'BatchAccepted').map(({ data }) => [data.from, data.count])
  const held = () => atCentreOf('T-1')

  it('a first part, to the last octet', async () => {
    expect(await send(batch(textsOf('T-1').slice(0, 4)))).toMatchObject({ acceptedTo: 3 })
    await world.settle()
    expect(held()).toEqual(textsOf('T-1').slice(0, 4))
    expect(accepted()).toEqual([[0, 4]])
  })

  it('the same again: acknowledged, and nothing written', async () => {
    const before = standing()
    expect(await send(batch(textsOf('T-1').slice(0, 4)))).toMatchObject({ acceptedTo: 3 })
    expect(await send(batch(textsOf('T-1').slice(1, 3), 1))).toMatchObject({ acceptedTo: 3 })
    await world.settle()
    expect(standing()).toEqual(before)
  })

  it('the rest, sent with what is held already, and twice at once', async () => {
    const whole = batch(textsOf('T-1'))
    const answers = await Promise.all([send(whole), send(whole), send(structuredClone(whole))])
    for (const answer of answers) expect(answer).toMatchObject({ acceptedTo: events().length - 1 })
    await world.settle()
    expect(held()).toEqual(textsOf('T-1'))
    expect(atCentre(world, 'PaymentAccepted')).toHaveLength(2)
    const { owed } = orThrow(await world.centre().ask.balance({ account: 'anna' }))
    expect(owed).toBe('15.50')
  })

  it('the verdicts are written once, whatever is sent again', async () => {
    const before = standing()
    for (let from = 0; from < events().length; from += 3)
      expect(await send(batch(textsOf('T-1').slice(from), from))).toMatchObject({ acceptedTo: events().length - 1 })
    await world.settle()
    expect(standing()).toEqual(before)
  })
})

describe('two histories of one terminal', () => {
  /** The terminal as it was at a revision, living on in another way: a restored disk, or a copy. */
  const branch = (revision: number, cashier: string): string[] => [
    ...textsOf('T-1').slice(0, revision),
    ...written([{ type: 'CashierSignedOn', data: { cashier } }], events()[revision - 1] as Event),
  ]
  const forks = () =>
    atCentre<{ terminal: string; revision: number; held: string; foreign: string }>(world, 'ForkDetected')

  it('are told by the hash at a revision that is held: a fork, said once', async () => {
    const revision = events().length - 2
    const foreign = batch(branch(revision, 'olga'))
    const before = standing()
    const answer = await send(foreign)
    expect(answer).toMatchObject({ reason: 'Fork', revision, held: events()[revision]?.hash })
    await world.settle()
    expect(forks().map(({ data }) => [data.terminal, data.revision, data.held])).toEqual([
      ['T-1', revision, events()[revision]?.hash],
    ])
    // Beside that and the exception nothing has changed: the history that was first stands.
    expect(standing().slice(0, before.length)).toEqual(before)
    const since = world.log.events
      .filter(isTaken)
      .slice(before.length)
      .map(({ type }) => type)
    expect(since[0]).toBe('ForkDetected')
    expect(since.slice(1).sort()).toEqual(['ExceptionRaised', 'TerminalSuspended'])

    expect(await send(foreign)).toMatchObject({ reason: 'Fork' })
    expect(forks()).toHaveLength(1)
    expect(await send(batch(branch(revision, 'paul')))).toMatchObject({ reason: 'Fork' })
    expect(forks()).toHaveLength(2)
  })

  it('the honest terminal still syncs, and learns that it is suspended', async () => {
    world.network(true)
    const newest = events().length - 1
    // What it learned, it says: the back office sees that it has heard.
    expect(orThrow(await world.sync()).acceptedTo).toBeGreaterThan(newest)
    // Its log names the checkpoint by which it was acknowledged, and nobody waits for that.
    expect(
      events()
        .slice(newest + 1)
        .map(({ type }) => type)
        .sort(),
    ).toEqual(['AssignmentAdopted', 'CentreAcknowledged'])
    expect(await world.key(100n)).toMatchObject({ reason: 'TerminalSuspended' })
  })
})

describe('an event of a type to come', () => {
  it('is stored as it is, and read past: its hash still chains', async () => {
    const held = atCentreOf('T-1').length
    const texts = written([{ type: 'HologramShown', data: { colour: 'green' } }], events()[held - 1] as Event)
    expect(await send(batch(texts, held))).toMatchObject({ acceptedTo: held })
    await world.settle()
    expect(atCentre(world, 'HologramShown')).toHaveLength(1)
    expect(orThrow(await world.centre().ask.balance({ account: 'anna' }))).toMatchObject({
      owed: '15.50',
      missing: { notUnderstood: 0 },
    })
  })

  it('and so is a known type in a newer shape', async () => {
    const [last] = atCentre(world, 'HologramShown')
    const texts = written([{ type: 'CashierSignedOn', schema: 2, data: { badge: 7 } }], last as Event)
    const held = atCentreOf('T-1').length
    expect(await send(batch(texts, held))).toMatchObject({ acceptedTo: held })
    await world.settle()
  })
})

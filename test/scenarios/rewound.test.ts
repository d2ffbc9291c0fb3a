import { afterEach, describe, expect, it } from 'vitest'
import { base64url } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import { chain, trustEvent } from '#canonical/event'
import { StoreFailed } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
import { signRequest } from '#license/request'
import type { LogPage } from '#sync/recovery'
import { type TillEvent, tillWords } from '#till/events'
import { acknowledge } from '#till/state'
import { lifeTypes } from '../../apps/terminal/own-log.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre, atTerminal } from './hand.ts'

/** A terminal whose disk is put back as it was some time ago, with the marker beside it or without. */

let world: World
afterEach(() => world.end())

const shopOf = () => world.shops.get('T-1') as NonNullable<ReturnType<World['shops']['get']>>
const pay = async (minor: bigint) => {
  orThrow(await world.key(minor))
  return world.tap('anna')
}
const owed = async () => orThrow(await world.centre().ask.balance({ account: 'anna' })).owed
const texts = () => shopOf().store.events.map(({ text }) => text)

/** How far the centre holds this terminal's log. */
const shopHeld = () => world.log.events.filter(({ stream }) => stream === 'terminal-T-1').length - 1

type Image = { readonly events: number; readonly notes: ReadonlyMap<string, string> }
const image = (): Image => ({ events: shopOf().store.events.length, notes: new Map(shopOf().notes) })
const putBack = async ({ events, notes }: Image, marker: 'stays' | 'goes back') => {
  const shop = shopOf()
  const store = memoryStore(() => new Date(world.clock.at).toISOString())
  for (const { stream, revision, id, type, text } of shop.store.events.slice(0, events))
    await store.append(stream, revision === 0 ? 'NoStream' : revision - 1, [{ id, type, text }])
  Object.assign(shop, { store, notes: new Map(notes), ...(marker === 'goes back' ? { marker: [] } : {}) })
  await world.restartTerminal('T-1')
}
/** 12.50 is in the image; 3.00 and 4.50 came after. */
const soldAndImaged = async (seed: string, isSynced = true) => {
  world = await makeWorld({ seed })
  await pay(1250n)
  orThrow(await world.sync())
  const old = image()
  await pay(300n)
  await pay(450n)
  if (isSynced) orThrow(await world.sync())
  return old
}

describe('a disk that was put back, with its marker beside it', () => {
  it('takes no tap before a sync, then has all that it wrote, and goes on', async () => {
    const old = await soldAndImaged('rewound')
    const before = texts()
    await putBack(old, 'stays')
    expect(await world.key(100n)).toMatchObject({ reason: 'LogRewound' })
    expect(world.till().status().outOfService).toMatchObject({ reason: 'LogRewound' })
    world.network(false)
    expect(isRefusal(await world.sync())).toBe(true)
    expect(await world.key(100n)).toMatchObject({ reason: 'LogRewound' })
    expect(texts()).toEqual(before.slice(0, old.events))
    world.network(true)
    orThrow(await world.sync())
    const sent = atCentre(world, 'TransactionRecorded').length
    expect(sent).toBe(3)
    expect(texts().slice(0, before.length)).toEqual(before)
    expect(await pay(100n)).toMatchObject({ outcome: 'paid' })
    orThrow(await world.sync())
    expect(await owed()).toBe('21.00')
    expect(atCentre(world, 'ForkDetected')).toEqual([])
    expect(atTerminal(world, 'TransactionRecorded').map(({ data }) => data.receiptNumber)).toEqual([1, 2, 3, 4])
  })

  it('gets back what the centre took in just before it was stopped, and has no statement of', async () => {
    const old = await soldAndImaged('without a note', false)
    const before = texts()
    const since = shopOf().store.events.slice(shopHeld() + 1)
    await world.log.append(
      'terminal-T-1',
      shopHeld(),
      since.map(({ id, type, text }) => ({ id, type, text })),
    )
    await putBack(old, 'stays')
    orThrow(await world.sync())
    expect(texts().slice(0, before.length)).toEqual(before)
    expect(await pay(100n)).toMatchObject({ outcome: 'paid' })
    orThrow(await world.sync())
    expect(await owed()).toBe('21.00')
    expect(atCentre(world, 'BatchAccepted').length).toBeGreaterThan(1)
  })

  it('gets back such events before a batch that came after them, too', async () => {
    const old = await soldAndImaged('a note later', false)
    const [next] = shopOf().store.events.slice(shopHeld() + 1)
    const { id, type, text } = next as NonNullable<typeof next>
    await world.log.append('terminal-T-1', shopHeld(), [{ id, type, text }])
    // As a till does that heard of it, and sends from there.
    acknowledge(world.till().till, shopHeld())
    orThrow(await world.sync())
    const before = texts()
    await putBack(old, 'stays')
    orThrow(await world.sync())
    expect(texts().slice(0, before.length)).toEqual(before)
    expect(await pay(100n)).toMatchObject({ outcome: 'paid' })
  })

  it('keeps the marker of its last sale over a start that reads from its snapshot', async () => {
    const old = await soldAndImaged('snapshot', false)
    // The end of a day is where the state is kept: the next start reads no event but those of its own life.
    orThrow(await world.till().closeDay())
    await world.restartTerminal('T-1')
    const last = texts().findLastIndex(text => !lifeTypes.has(JSON.parse(text).type))
    expect(shopOf().notes.get('snapshot')).toBeDefined()
    expect(JSON.parse(shopOf().marker.at(-1) ?? '')).toMatchObject({ recordedTo: last })
    await putBack(old, 'stays')
    expect(await world.sync()).toMatchObject({ reason: 'RecordsLost' })
  })

  it('whose lost sales nobody holds has ended, and says so', async () => {
    const old = await soldAndImaged('lost', false)
    await putBack(old, 'stays')
    expect(await world.sync()).toMatchObject({ reason: 'RecordsLost' })
    expect(await world.sync()).toMatchObject({ reason: 'RecordsLost' })
    await world.restartTerminal('T-1')
    expect(await world.key(100n)).toMatchObject({ reason: 'RecordsLost' })
  })
})

describe('a disk that was put back whole', () => {
  it('that sold nothing since finds the centre ahead and goes on after it', async () => {
    const old = await soldAndImaged('whole')
    await putBack(old, 'goes back')
    orThrow(await world.sync())
    expect(await pay(100n)).toMatchObject({ outcome: 'paid' })
    orThrow(await world.sync())
    expect(await owed()).toBe('21.00')
    expect(atCentre(world, 'ForkDetected')).toEqual([])
  })

  it('that was stopped while it got back what is missing still sells nothing before it has', async () => {
    const old = await soldAndImaged('stopped')
    await putBack(old, 'goes back')
    const { store } = shopOf()
    const append = store.append
    Object.assign(store, { append: async () => Promise.reject(new StoreFailed('the disk is full')) })
    expect(isRefusal(await world.sync())).toBe(true)
    Object.assign(store, { append })
    await world.restartTerminal('T-1')
    expect(await world.key(100n)).toMatchObject({ reason: 'LogRewound' })
    orThrow(await world.sync())
    expect(await pay(100n)).toMatchObject({ outcome: 'paid' })
  })

  it('that sold since has ended: it says so, keeps its disk, and does not ask without end', async () => {
    const old = await soldAndImaged('sold since')
    await putBack(old, 'goes back')
    await pay(700n)
    const here = texts()
    const keyed = orThrow(await world.key(100n))
    expect(await world.sync()).toMatchObject({ reason: 'LogForked' })
    expect(await world.sync()).toMatchObject({ reason: 'LogForked' })
    // A sale that was keyed before is not asked for: its phone pays nothing, and the till says why.
    expect(await world.tap('anna')).toMatchObject({ outcome: 'declined' })
    expect(world.till().saleOf(keyed.sale)).toMatchObject({ because: { reason: 'LogForked' } })
    expect(await world.key(100n)).toMatchObject({ reason: 'LogForked' })
    expect(texts()).toEqual(here)
    expect(atCentre(world, 'ForkDetected')).toHaveLength(1)
    await world.restartTerminal('T-1')
    expect(await world.key(100n)).toMatchObject({ reason: 'LogForked' })
  })
})

describe('a clock that goes wrong', () => {
  it('never takes a terminal’s own time back, over a restart and by years', async () => {
    world = await makeWorld({ seed: 'clock back' })
    await pay(100n)
    world.skew(-3 * 365 * 86_400_000)
    await world.restartTerminal('T-1')
    await pay(200n)
    world.skew(0)
    await pay(300n)
    const times = texts().map(text => Date.parse(JSON.parse(text).at))
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times.at(-1)).toBeGreaterThan(world.clock.at - 3_600_000)
  })

  it('gives the centre no order: what came first stands first, whatever the terminal’s clock said', async () => {
    world = await makeWorld({ seed: 'no order', terminals: 2 })
    world.skew(5 * 60_000, 'T-1')
    await pay(100n)
    orThrow(await world.sync('T-1'))
    orThrow(await world.key(200n, 'T-2'))
    expect(await world.tap('anna', 'T-2')).toMatchObject({ outcome: 'paid' })
    orThrow(await world.sync('T-2'))
    const came = atCentre(world, 'TransactionRecorded')
    expect(came.map(({ stream }) => stream)).toEqual(['terminal-T-1', 'terminal-T-2'])
    const [first, second] = came.map(({ at }) => Date.parse(at)) as [number, number]
    expect(first).toBeGreaterThan(second)
    const judged = atCentre(world, 'PaymentAccepted')
    expect(judged).toHaveLength(2)
    expect(await owed()).toBe('3.00')
  })
})

describe('the log that the centre gives back', () => {
  it('goes to nobody else, and from where it is asked', async () => {
    world = await makeWorld({ seed: 'who asks' })
    await pay(100n)
    orThrow(await world.sync())
    const { crypto, clock } = world
    const { origin, keys } = shopOf().identity
    const time = Math.floor(clock.at / 1000)
    const signed = (asks: 'log' | 'rules', key = keys.p256) =>
      signRequest(crypto, key, { origin, terminal: 'T-1', asks, time, nonce: crypto.random(16) })
    const held = texts().slice(0, shopHeld() + 1)
    const asked = signed('log')
    const page = orThrow(await world.centre().logFor('T-1', asked, 1))
    expect(page.events).toEqual(held.slice(1, 1 + page.events.length))
    expect(page.events.length).toBeGreaterThan(0)
    expect(orThrow(await world.centre().logFor('T-1', signed('log'), 9_999)).events).toEqual([])
    for (const [why, request] of [
      ['nothing', undefined],
      ['noise', 'AAAA'],
      ['another question', signed('rules')],
      ['another key', signed('log', crypto.keyPair('P-256'))],
    ] as const)
      expect(await world.centre().logFor('T-1', request, 0), why).toMatchObject({ reason: 'RequestSignatureInvalid' })
    expect(await world.centre().logFor('T-9', asked, 0)).toMatchObject({ reason: 'TerminalUnknown' })
  })
})

/** The same events but for the last one, which is told once more in its own words, and chained as it should be. */
const withAnotherEnd = (events: readonly string[]): string[] => {
  const { crypto } = world
  const [before, last] = events.slice(-2).map(text => trustEvent(text))
  if (!before || !last) throw new Error('too short a page to spoil')
  const { id, at, by, correlation, causation } = last
  const { salt: _, ...data } = last.data as { salt?: string }
  const fact = { type: last.type, data } as unknown as TillEvent
  const act = { id, at, by, correlation, causation }
  const salt = () => base64url(crypto.random(16))
  const [link] = chain(crypto, tillWords, last.stream, before, [fact], act, salt)
  return [...events.slice(0, -1), link?.text ?? '']
}

describe('a centre that gives back something else', () => {
  const spoilt: [string, (page: LogPage) => LogPage][] = [
    ['an octet changed', page => ({ ...page, events: page.events.map(text => text.replace('"EUR"', '"USD"')) })],
    ['an event left out', page => ({ ...page, events: page.events.slice(1) })],
    ['its end left out', page => ({ ...page, events: page.events.slice(0, -1) })],
    ['nothing', page => ({ ...page, events: [] })],
    ['no statement', ({ statement: _, ...page }) => page],
    ['another word on how much', page => ({ ...page, held: page.held.slice(0, -4) })],
    ['another end, with hashes and links that hold', page => ({ ...page, events: withAnotherEnd(page.events) })],
    ['no log at all', page => ({ ...page, events: page.events.map(() => '{}') })],
  ]
  it.each(spoilt)('%s: nothing of it is taken, and nothing ends', async (why, spoil) => {
    let isSpoilt = true
    world = await makeWorld({
      seed: `spoilt ${why}`,
      breakTerminal: parts => ({
        ...parts,
        link: {
          ...parts.link,
          log: async (request, from) => {
            const page = await parts.link.log(request, from)
            return isSpoilt && !isRefusal(page) ? spoil(page) : page
          },
        },
      }),
    })
    await pay(1250n)
    orThrow(await world.sync())
    const old = image()
    await pay(300n)
    orThrow(await world.sync())
    const before = texts()
    await putBack(old, 'stays')
    expect(await world.sync()).toMatchObject({ reason: 'RecoveryUnproved' })
    expect(texts()).toEqual(before.slice(0, old.events))
    expect(await world.key(100n)).toMatchObject({ reason: 'LogRewound' })
    isSpoilt = false
    orThrow(await world.sync())
    expect(texts().slice(0, before.length)).toEqual(before)
  })
})

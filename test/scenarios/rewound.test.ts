import { afterEach, describe, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import { StoreFailed } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
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

  it('keeps the marker of its last sale over a start that reads from its snapshot', async () => {
    const old = await soldAndImaged('snapshot', false)
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
    expect(await world.sync()).toMatchObject({ reason: 'LogForked' })
    expect(await world.sync()).toMatchObject({ reason: 'LogForked' })
    expect(await world.key(100n)).toMatchObject({ reason: 'LogForked' })
    expect(texts()).toEqual(here)
    expect(atCentre(world, 'ForkDetected')).toHaveLength(1)
    await world.restartTerminal('T-1')
    expect(await world.key(100n)).toMatchObject({ reason: 'LogForked' })
  })
})

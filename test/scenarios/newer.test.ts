import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { base64url } from '#canonical/bytes'
import { chain, type Event, moneyWord, trustEvent, type Vocabulary, word } from '#canonical/event'
import { uuid7 } from '#canonical/ids'
import { type EventStore, readLast, type StoredEvent } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
import type { LoggedEvent, Projection } from '#eventstore/rows'
import { newer } from '#projections/newer'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre, rechained } from './hand.ts'

/** Terminals are updated before the centre, or a centre is taken back: what a newer version wrote comes to an older one. */

let world: World
const start = async (seed: string) => {
  world = await makeWorld({
    seed,
    terminals: 2,
    phones: [
      { account: 'anna', limit: 50_000n, allowance: '200.00' },
      { account: 'ben', limit: 50_000n, allowance: '200.00' },
    ],
  })
}
const shopOf = (id: string) => {
  const shop = world.shops.get(id)
  if (!shop) throw new Error(`no terminal ${id}`)
  return shop
}
const pays = async (account: string, minor: bigint, id: string) => {
  orThrow(await world.key(minor, id))
  expect(await world.tap(account, id)).toMatchObject({ outcome: 'paid' })
}
/** Facts of any vocabulary as a stream's next events. */
const write = async (store: EventStore, stream: string, words: Vocabulary, type: string, data: object) => {
  const { crypto, clock } = world
  const last = await readLast(store, stream)
  const id = uuid7(clock.at, crypto.random(16))
  const act = { id, at: new Date(clock.at).toISOString(), by: 'a newer version', correlation: id, causation: id }
  const salt = () => base64url(crypto.random(16))
  const [written] = chain(crypto, words, stream, last && trustEvent(last.text), [{ type, data }], act, salt)
  if (!written) throw new Error('nothing was written')
  await store.append(stream, last?.revision ?? 'NoStream', [{ id: written.event.id, type, text: written.text }])
}
const loose = z.looseObject({})
const newerTill = { TipGiven: moneyWord(loose), HologramShown: word(loose), CashierSignedOn: word(loose, data => data) }

/** The terminal's log as a newer version would have written it: events of a type in shape 2. */
const rewritten = async (id: string, type: string): Promise<void> => {
  const shop = shopOf(id)
  let events: readonly StoredEvent[] = shop.store.events
  for (const { id: altered } of events.filter(event => event.type === type)) {
    const texts = rechained(events, altered, event => ({ ...event, schema: 2 }))
    events = events.map(event => ({ ...event, text: texts.get(event.id) ?? event.text }))
  }
  const store = memoryStore(() => new Date(world.clock.at).toISOString())
  for (const { stream, revision, id, type, text } of events)
    await store.append(stream, revision === 0 ? 'NoStream' : revision - 1, [{ id, type, text }])
  Object.assign(shop, { store })
  await world.restartTerminal(id)
}
const exceptions = () =>
  world
    .centre()
    .ask.exceptions()
    .then(orThrow)
    .then(({ exceptions }) => exceptions.filter(({ kind }) => kind === 'NotUnderstood'))
const missing = async (account: string): Promise<number> =>
  orThrow(await world.centre().ask.balance({ account })).missing.notUnderstood

describe('a newer terminal at an older centre', () => {
  beforeAll(async () => {
    await start('newer terminal')
    await pays('anna', 500n, 'T-1')
    const { store } = shopOf('T-2')
    await write(store, 'terminal-T-2', newerTill, 'TipGiven', { amount: '100', currency: 'EUR' })
    await write(store, 'terminal-T-2', newerTill, 'HologramShown', {})
    await write(store, 'terminal-T-2', newerTill, 'HologramShown', {})
    await world.restartTerminal('T-2')
    for (const id of ['T-1', 'T-2']) await world.sync(id)
  })
  afterAll(() => world.end())

  it('has its log taken in whole', () => {
    const own = shopOf('T-2').store.events.map(({ text }) => text)
    const here = world.log.events.filter(({ stream }) => stream === 'terminal-T-2').map(({ text }) => text)
    expect(own).toEqual(here)
  })

  it('every balance says that an event is not understood', async () => {
    expect(await missing('anna')).toBe(1)
    expect(await missing('ben')).toBe(1)
    expect(orThrow(await world.centre().ask.balance({ account: 'anna' }))).toMatchObject({ owed: '5.00' })
  })

  it('someone is told, once for each type and shape', async () => {
    const told = await exceptions()
    expect(told.map(({ message }) => message).sort()).toEqual([
      expect.stringMatching(
        /^Terminal T-2 wrote HologramShown in shape 1 at revision \d+, which this version does not/,
      ),
      expect.stringMatching(
        /^Terminal T-2 wrote TipGiven in shape 1 at revision \d+, which this version does not know/,
      ),
    ])
    expect(told.every(({ concerns }) => concerns.includes('T-2'))).toBe(true)
  })

  it('overview, terminals and health show it', async () => {
    expect(orThrow(await world.centre().ask.overview())).toMatchObject({ notUnderstood: 1, exceptions: 2 })
    expect(orThrow(await world.centre().ask.terminals()).terminals).toMatchObject([
      { terminal: 'T-1', notUnderstood: 0 },
      { terminal: 'T-2', notUnderstood: 3 },
    ])
    expect(await world.centre().ask.newer()).toMatchObject([
      { terminal: 'T-2', type: 'HologramShown', schema: 1, money: false, count: 2 },
      { terminal: 'T-2', type: 'TipGiven', schema: 1, money: true, count: 1 },
    ])
  })

  it('its day cannot be complete; that of its neighbour can', async () => {
    orThrow(await world.till('T-1').closeDay())
    await world.sync('T-1')
    const closing = { DayClosed: word(loose) }
    const { day } = world.till('T-2').till
    const totals = day?.totals
    const { revision, hash } = (await readLast(shopOf('T-2').store, 'terminal-T-2').then(
      last => last && trustEvent(last.text),
    )) as Event
    await write(shopOf('T-2').store, 'terminal-T-2', closing, 'DayClosed', {
      receiptNumber: 1,
      businessDate: day?.businessDate,
      currency: 'EUR',
      totals,
      firstRevision: day?.firstRevision,
      lastRevision: revision,
      head: hash,
    })
    await world.restartTerminal('T-2')
    await world.sync('T-2')
    expect(orThrow(await world.centre().ask.reconciliation()).days).toMatchObject([
      { terminal: 'T-1', closed: true, complete: true, differences: [] },
      { terminal: 'T-2', closed: true, complete: false, differences: [{ kind: 'NotUnderstood' }] },
    ])
  })

  it('is judged the same after a restart of the centre, and raises nothing twice', async () => {
    const before = world.log.events.length
    await world.restartCentre()
    expect(world.log.events).toHaveLength(before)
    expect(await missing('anna')).toBe(1)
  })
})

describe('a payment of which a newer terminal wrote in a shape to come', () => {
  beforeAll(async () => {
    await start('newer tap')
    world.network(false, 'T-2')
    await pays('anna', 1250n, 'T-2')
    await rewritten('T-2', 'TapStarted')
    world.network(true, 'T-2')
    await world.sync('T-2')
  })
  afterAll(() => world.end())

  it('waits, and is neither accepted nor held on half of the facts', async () => {
    expect(atCentre(world, 'TransactionRecorded')).toHaveLength(1)
    expect(atCentre(world, 'PaymentAccepted')).toEqual([])
    expect(atCentre(world, 'PaymentHeld')).toEqual([])
  })

  it('and is shown with its amount', async () => {
    expect(await exceptions()).toMatchObject([
      { amount: '12.50', message: expect.stringContaining('12.50 EUR waits for its verdict: terminal T-2') },
      { amount: '0.00', message: expect.stringContaining('TapStarted in shape 2') },
    ])
    expect(await missing('anna')).toBe(1)
  })

  it('the next one of that terminal’s neighbour is judged', async () => {
    await pays('ben', 300n, 'T-1')
    await world.sync('T-1')
    expect(atCentre(world, 'PaymentAccepted')).toHaveLength(1)
  })
})

describe('rules that a newer terminal adopted in a shape to come', () => {
  afterAll(() => world.end())

  it('make all its payments wait: nobody can say under which rules they were taken', async () => {
    await start('newer rules')
    world.network(false, 'T-2')
    await pays('anna', 1250n, 'T-2')
    await rewritten('T-2', 'RulesAdopted')
    world.network(true, 'T-2')
    await world.sync('T-2')
    expect(atCentre(world, 'PaymentAccepted')).toEqual([])
    expect(atCentre(world, 'PaymentHeld')).toEqual([])
    expect(await exceptions()).toHaveLength(2)
  })
})

describe('a terminal that was taken back to an older version', () => {
  beforeAll(async () => {
    await start('older terminal')
    world.network(false, 'T-1')
    await pays('anna', 500n, 'T-1')
    await write(shopOf('T-1').store, 'terminal-T-1', newerTill, 'CashierSignedOn', { badge: 7 })
    await world.restartTerminal('T-1')
  })
  afterAll(() => world.end())
  const refusal = {
    reason: 'LogIsNewer',
    message: expect.stringMatching(/wrote CashierSignedOn in shape 2 at revision \d+, .*: start that version again/),
  }

  it('starts, and says why it sells nothing', async () => {
    expect(world.till('T-1').status()).toMatchObject({ refusal })
    expect(await world.key(300n, 'T-1')).toMatchObject(refusal)
    expect(await world.till('T-1').closeDay()).toMatchObject(refusal)
    expect(world.till('T-1').currentSale()).toBeUndefined()
  })

  it('still sends what waits', async () => {
    const { revision } = world.till('T-1').status()
    world.network(true, 'T-1')
    expect(await world.sync('T-1')).toMatchObject({ acceptedTo: revision })
    expect(atCentre(world, 'PaymentAccepted')).toHaveLength(1)
  })
})

describe('a centre that was taken back to an older version', () => {
  const newerCentre = {
    CreditTeleported: moneyWord(loose),
    CreditLimitSet: word(loose, data => data),
    AccountLent: word(loose),
  }
  const stopped = async (): Promise<readonly string[]> => {
    for (let turn = 0; turn < 200; turn++) await new Promise(resolve => setImmediate(resolve))
    return world.centre().status().stopped
  }
  afterAll(() => world.end())

  it('decides nothing on an account of which a newer one wrote', async () => {
    await start('older centre')
    await write(world.log, 'account-anna', newerCentre, 'AccountLent', { account: 'anna' })
    const by = 'operator:test'
    const repaid = { account: 'anna', amount: 100n as never, currency: 'EUR', source: 'bank', by }
    await expect(world.centre().receiveRepayment(repaid)).rejects.toMatchObject({ code: 'NewerThanKnown' })
    expect(orThrow(await world.centre().receiveRepayment({ ...repaid, account: 'ben' }))).toMatchObject({
      account: 'ben',
    })
    expect(await stopped()).toEqual([])
  })

  it('stops judging where a verdict would rest on what it cannot read', async () => {
    await write(world.log, 'elsewhere-1', newerCentre, 'CreditTeleported', { amount: '5' })
    expect(await stopped()).toEqual([
      expect.stringMatching(/^Follower verdicts stopped at CreditTeleported .* which a newer version wrote/),
    ])
    expect(await missing('anna')).toBe(1)
  })

  it('the same with a newer shape of what it does know', async () => {
    await world.end()
    await start('older centre, newer shape')
    await write(world.log, 'account-anna', newerCentre, 'CreditLimitSet', { account: 'anna' })
    expect(await stopped()).toHaveLength(1)
  })
})

describe('a centre that now reads what its rows had skipped', () => {
  afterAll(() => world.end())

  it('folds them anew at its start', async () => {
    await start('newer centre')
    await pays('anna', 500n, 'T-1')
    await world.sync('T-1')
    // As a version left them that did not know repayments.
    const row = { source: '', type: 'RepaymentReceived', schema: 1n, money: 1n, count: 1n, first: 0n }
    const change = { table: 'newer', key: ['', 'RepaymentReceived', 1n], row }
    const at = await world.rows.checkpoint(newer)
    const older: Projection = { ...newer, apply: () => [change] }
    expect(await world.rows.apply(older, [{ index: at } as LoggedEvent], { from: at, next: at })).toBe(true)
    expect(await missing('anna')).toBe(1)
    await world.restartCentre()
    expect(await missing('anna')).toBe(0)
    expect(orThrow(await world.centre().ask.balance({ account: 'anna' }))).toMatchObject({ owed: '5.00' })
  })
})

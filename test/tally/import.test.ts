import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fromBase64url } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import { readStream } from '#eventstore'
import { sqliteStore } from '#eventstore/sqlite'
import type { BatchBody } from '#sync/batch'
import { type Brought, bringLog, CentreSilent, ImportEnded } from '../../apps/tally/import.ts'
import { DiskRefused, openDisk } from '../../apps/tally/terminal-disk.ts'
import { enrolledText } from '../../apps/terminal/enrolled.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** A till fell into the sea, and its disk came back: what it took is brought to the centre from there. */
const by = 'operator:vera'
let world: World
let folder: string
let told: Brought[]
beforeEach(async () => {
  world = await makeWorld({ seed: 'disk' })
  folder = mkdtempSync(join(tmpdir(), 'tally-import-'))
  told = []
  await sell(1000n)
  orThrow(await world.sync())
  world.network(false)
  await sell(250n)
})
afterEach(async () => {
  await world.end()
  rmSync(folder, { recursive: true })
})

const shop = () => {
  const found = world.shops.get('T-1')
  if (!found) throw new Error('no T-1')
  return found
}
const sell = async (minor: bigint) => {
  orThrow(await world.key(minor))
  expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
}
/** The terminal's folder, as its process leaves it. */
const writeDisk = async (change: (texts: string[]) => string[] = texts => texts) => {
  const { identity, firstRules: rules, store } = shop()
  writeFileSync(join(folder, 'enrolled.json'), enrolledText({ identity, rules }))
  const disk = sqliteStore(join(folder, 'log.sqlite'), () => new Date(world.clock.at).toISOString())
  const stored = await readStream(store, 'terminal-T-1')
  const texts = change(stored.map(({ text }) => text))
  const events = texts.map((text, at) => ({ id: stored[at]?.id ?? '', type: stored[at]?.type ?? '', text }))
  await disk.append('terminal-T-1', 'NoStream', events)
  disk.close()
  return events.length
}
const bring = async (send = (body: BatchBody) => world.centre().acceptBatch('T-1', body)) => {
  const { owner, store } = await openDisk(folder)
  try {
    return await bringLog({
      crypto: world.crypto,
      owner,
      store,
      send,
      tell: brought => told.push(brought),
      sleep: async () => {},
    })
  } finally {
    await store.close()
    await world.settle()
  }
}
const owed = async () => orThrow(await world.centre().ask.balance({ account: 'anna' })).owed
const heldTo = () => world.log.events.filter(({ stream }) => stream === 'terminal-T-1').length
const retire = async () =>
  orThrow(await world.centre().retireTerminal({ terminal: 'T-1', reason: 'in the sea', by, evenSo: true }))

it('what the centre has not is sent, and a second time nothing is', async () => {
  const held = heldTo()
  const events = await writeDisk()
  expect(await bring()).toEqual({ events, sent: events - held, quarantined: 0 })
  expect(told).toEqual([{ from: held, count: events - held, outcome: 'accepted' }])
  expect(await owed()).toBe('12.50')
  const before = world.log.events.length
  expect(await bring()).toMatchObject({ events, quarantined: 0 })
  expect(world.log.events.length).toBe(before)
})

it('through a line that breaks, and a centre that asks for patience', async () => {
  await writeDisk()
  let calls = 0
  await bring(async body => {
    calls += 1
    if (calls % 2 === 1) throw new CentreSilent('no answer', calls === 1 ? 7 : undefined)
    return world.centre().acceptBatch('T-1', body)
  })
  expect(await owed()).toBe('12.50')
  await expect(
    bring(async () => {
      throw new CentreSilent('gone')
    }),
  ).rejects.toThrow('gone')
})

it('of a retired terminal it waits for somebody, who lets it in; and then nothing is left to bring', async () => {
  await retire()
  const held = heldTo()
  const events = await writeDisk()
  const ended = { events, sent: events - held, quarantined: events - held }
  expect(await bring()).toEqual(ended)
  expect(await bring()).toEqual(ended)
  expect(await owed()).toBe('10.00')
  const { batches } = await world.centre().quarantineOf('T-1')
  expect(batches).toMatchObject([{ from: held, count: events - held, standing: 'kept' }])
  const asked = { terminal: 'T-1', batch: batches[0]?.batch ?? '', reason: 'its disk was found', by }
  orThrow(await world.centre().releaseBatch(asked))
  await world.settle()
  expect(await owed()).toBe('12.50')
  expect(await bring()).toEqual({ events, sent: 0, quarantined: 0 })
})

it('of a lost terminal it is taken in, and what its phones told is owed once', async () => {
  orThrow(await world.centre().declareTerminalLost({ terminal: 'T-1', reason: 'in the sea', by }))
  await writeDisk()
  await bring()
  expect(await owed()).toBe('12.50')
})

it('a disk on which a bit fell over is not sent', async () => {
  await writeDisk(texts => texts.with(3, texts[3]?.replace('"by":"t', '"by":"u') ?? ''))
  const before = world.log.events.length
  await expect(bring()).rejects.toThrow(DiskRefused)
  expect(world.log.events.length).toBe(before)
})

it('a log that another certificate begins is not sent under this one’s name', async () => {
  await writeDisk()
  const { owner, store } = await openDisk(folder)
  const other = { ...owner, certificate: fromBase64url(shop().firstRules.policy) }
  const parts = { crypto: world.crypto, store, tell: () => {}, sleep: async () => {} }
  const send = () => expect.fail('it was sent')
  await expect(bringLog({ ...parts, owner: other, send })).rejects.toThrow(DiskRefused)
  await store.close()
})

it('a folder that is no terminal’s is refused in words', async () => {
  await expect(openDisk(folder)).rejects.toThrow(DiskRefused)
  await writeDisk()
  for (const text of [
    '{"identity":',
    '{}',
    enrolledText({ rules: shop().firstRules, identity: { ...shop().identity, certificate: 'AAAA' } }),
  ]) {
    writeFileSync(join(folder, 'enrolled.json'), text)
    await expect(openDisk(folder)).rejects.toThrow(/cannot be read/)
  }
})

it('what the centre will not have ends it, with the centre’s words', async () => {
  await writeDisk()
  const refused = { reason: 'ModeMismatch', message: 'A test terminal at a live centre.' }
  await expect(bring(async () => refused)).rejects.toThrow(ImportEnded)
  expect(isRefusal(refused)).toBe(true)
  expect(told).toEqual([])
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromBase64url } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import { readFareTable } from '#license/fares'
import { readPolicy } from '#license/rules'
import { minorUnits } from '#money'
import type { RulesAnswer } from '../../apps/terminal/ports.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** How rules reach a terminal: what changed and no more, and nothing that was not signed to follow what it holds. */

const by = 'operator:test'
let world: World
/** What the terminal asked and was answered; a test may answer in the centre's place. */
const heard: { readonly have: string | undefined; readonly answer: RulesAnswer }[] = []
let forge: (answer: RulesAnswer, have: string | undefined) => RulesAnswer = answer => answer

beforeAll(async () => {
  world = await makeWorld({
    seed: 'rules',
    breakTerminal: parts => ({
      ...parts,
      link: {
        ...parts.link,
        rules: async (request, have) => {
          const answer = await parts.link.rules(request, have)
          if (isRefusal(answer)) return answer
          heard.push({ have, answer })
          return forge(answer, have)
        },
      },
    }),
  })
})
afterAll(() => world.end())

const held = () => world.till().till.rules
const whole = () => world.centre().book.rules({ merchant: 'm-1', currency: 'EUR' })
const sync = async () => {
  heard.length = 0
  await world.sync()
}
const uuid = (n: number) => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
const deny = async (n: number) => orThrow(await world.centre().deny({ licenses: [uuid(n)] }, by, 'lost'))
const expectWhole = async () => {
  const { policy, denyList, keySet } = await whole()
  expect([held()?.policy.document, held()?.denyList.document, held()?.keySet.document]).toEqual([
    policy,
    denyList,
    keySet,
  ])
}

describe('a terminal', () => {
  it('that has all of it gets nothing', async () => {
    await sync()
    expect(heard).toHaveLength(1)
    expect(heard[0]?.answer).toMatchObject({ deltas: {} })
    expect(heard[0]?.answer).not.toHaveProperty('policy')
  })

  it('gets what changed of a list, from whatever version it holds, and ends with the octets that were signed', async () => {
    const many = Array.from({ length: 50 }, (_, n) => uuid(1000 + n))
    orThrow(await world.centre().deny({ licenses: many }, by, 'a box of phones'))
    await sync()
    // Of a list of nothing, the list is shorter than what changed.
    expect(heard[0]?.answer).toHaveProperty('denyList')
    await deny(1)
    await deny(2)
    await deny(3)
    await sync()
    const { answer } = heard[0] as (typeof heard)[number]
    expect(Object.keys(answer.deltas ?? {})).toEqual(['denyList'])
    expect(answer).not.toHaveProperty('denyList')
    await expectWhole()
    expect(held()?.denyList.version).toBe(5)
  })

  it('learns of a stolen key by a delta of the key set', async () => {
    for (const purpose of ['license', 'certificate', 'rules', 'log'] as const)
      orThrow(await world.centre().authority.rotateKey({ purpose, reason: 'a year', by }))
    await sync()
    const { keys } = await world.centre().authority.look()
    const kid = keys.find(({ purpose, signs }) => purpose === 'license' && !signs)?.kid as string
    orThrow(await world.centre().authority.compromiseKey({ kid, reason: 'lost', by }))
    await sync()
    expect(Object.keys(heard[0]?.answer.deltas ?? {})).toEqual(['keySet'])
    await expectWhole()
  })

  it('works under a policy that was changed, and the log says by whom and why', async () => {
    const node = world.centre()
    const change = { perTransaction: minorUnits('900') }
    const { version } = orThrow(await node.book.setPolicy({ currency: 'EUR', change, reason: 'a fair', by }))
    expect(orThrow(await node.book.setPolicy({ currency: 'EUR', change, reason: 'a fair', by }))).toEqual({ version })
    await sync()
    await expectWhole()
    expect(held()?.policy.version).toBe(version)
    orThrow(await world.key(901n))
    await world.tap('anna')
    const last = JSON.parse(world.shops.get('T-1')?.store.events.at(-1)?.text ?? '{}') as { data: { reason: string } }
    expect(last.data.reason).toBe('TransactionLimitExceeded')
    const wrong = { perTransaction: minorUnits('0') }
    expect(await node.book.setPolicy({ currency: 'EUR', change: wrong, reason: 'x', by })).toMatchObject({
      reason: 'PolicyUnsound',
    })
  })

  it('works under no value that was taken out of its policy, and under one that was not named', async () => {
    const { book } = world.centre()
    const set = async (change: Parameters<typeof book.setPolicy>[0]['change']) => {
      orThrow(await book.setPolicy({ currency: 'EUR', change, reason: 'a season', by }))
      await sync()
      return readPolicy(fromBase64url(held()?.policy.document ?? ''))
    }
    expect(await set({ silentMax: minorUnits('20'), rollOver_hour: 4 })).toMatchObject({
      silentMax: 20n,
      rollOver_hour: 4,
    })
    const hourOnly = await set({ silentMax: null })
    expect(hourOnly).toMatchObject({ rollOver_hour: 4 })
    expect(hourOnly).not.toHaveProperty('silentMax')
    expect(await set({ rollOver_hour: null })).not.toHaveProperty('rollOver_hour')
    await expectWhole()
    expect(await book.setPolicy({ currency: 'EUR', change: { rollOver_hour: 24 }, reason: 'x', by })).toMatchObject({
      reason: 'PolicyUnsound',
    })
  })

  it("takes its merchant's fare table, and no other's", async () => {
    const table = {
      currency: 'EUR',
      stations: [
        { station: 'Harbour', zone: 1 },
        { station: 'Hill', zone: 3 },
      ],
      fares: [
        { zones: 1, amount: minorUnits('180') },
        { zones: 3, amount: minorUnits('320') },
      ],
    }
    const { book } = world.centre()
    orThrow(await book.publishFareTable({ table: { ...table, merchant: 'm-9' }, reason: 'first', by }))
    await sync()
    expect(held()?.fareTable).toBeUndefined()
    orThrow(await book.publishFareTable({ table: { ...table, merchant: 'm-1' }, reason: 'first', by }))
    await sync()
    expect(readFareTable(fromBase64url(held()?.fareTable?.document ?? ''))).toMatchObject({ ...table, version: 2 })
    const twice = { ...table, merchant: 'm-1', stations: [...table.stations, { station: 'Hill', zone: 4 }] }
    expect(await book.publishFareTable({ table: twice, reason: 'x', by })).toMatchObject({ reason: 'FareTableUnsound' })
    await world.restartTerminal('T-1')
    expect(held()?.fareTable?.version).toBe(2)
  })
})

describe('what does not follow what the terminal holds', () => {
  it('a delta that was altered is nothing, and the whole document is asked for', async () => {
    await deny(4)
    forge = ({ deltas, ...answer }) => {
      const delta = Buffer.from(deltas?.denyList ?? '', 'base64url')
      if (delta.length > 0) delta[delta.length - 3] = (delta[delta.length - 3] ?? 0) ^ 1
      return deltas ? { ...answer, deltas: { ...deltas, denyList: delta.toString('base64url') } } : answer
    }
    await sync()
    forge = answer => answer
    expect(heard.map(({ have }) => have === undefined)).toEqual([false, true])
    await expectWhole()
    expect(world.till().status().lastSyncError).toBeUndefined()
  })

  it('a delta of another base is nothing, and the whole document is asked for', async () => {
    await deny(5)
    await sync()
    const stale = heard[0]?.answer as RulesAnswer
    await deny(6)
    forge = (answer, have) => (have === undefined ? answer : stale)
    await sync()
    forge = answer => answer
    expect(heard).toHaveLength(2)
    await expectWhole()
  })

  it('an older document that was signed once is refused, also whole', async () => {
    const old = await whole()
    await deny(7)
    await sync()
    const before = held()
    forge = answer => ({ at: answer.at, ...old })
    await world.till().syncNow()
    expect(world.till().status().lastSyncError).toMatchObject({ reason: 'RulesWentBack', kind: 'denyList' })
    forge = answer => answer
    expect(held()).toEqual(before)
    await sync()
    expect(world.till().status().lastSyncError).toBeUndefined()
  })
})

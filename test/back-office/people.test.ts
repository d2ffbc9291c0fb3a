import { expect, it } from 'vitest'
import { uuid7 } from '#canonical/ids'
import { memoryStore } from '#eventstore/memory'
import { memoryRows } from '#eventstore/memory/rows'
import { memoryVault } from '#eventstore/memory/vault'
import type { Vault } from '#eventstore/vault'
import { holds } from '../../apps/back-office/holds.ts'
import { people } from '../../apps/back-office/people.ts'
import { accountOpened, crypto, writer } from '../trade.ts'

const at = '2026-11-23T10:00:00.000Z'
const by = 'operator:clara'
const scene = async (vault: Vault = memoryVault()) => {
  const store = memoryStore(() => at)
  const runner = { store, crypto, salt: () => 'c2FsdHNhbHRzYWx0c2FsdA' }
  const actOf = (who: string) => {
    const id = uuid7(Date.parse(at), crypto.random(16))
    return { id, at, by: who, correlation: id, causation: id }
  }
  const notes: string[] = []
  const write = writer(store)
  for (const account of ['acc-1', 'acc-2']) await write(`account-${account}`, at, accountOpened(account, '1000'))
  const here = people({ runner, now: () => at, actOf }, vault, holds({ store, runner, crypto }, memoryRows()), line =>
    notes.push(line),
  )
  return { store, vault, notes, here }
}
const anna = { account: 'acc-1', name: 'Anna Müller-Żak', phone: '+43 1 234', by }

it('a person is kept apart from the log, and found at the counter without marks and capitals', async () => {
  const { here, store, notes } = await scene()
  expect(await here.keepPerson({ ...anna, version: 0 })).toEqual({ account: 'acc-1', version: 1 })
  expect(await here.findPeople({ words: 'muller-za', by })).toMatchObject({ people: [{ account: 'acc-1' }] })
  expect(await here.person({ account: 'acc-1', by })).toMatchObject({ name: 'Anna Müller-Żak', version: 1 })
  expect(await here.person({ account: 'acc-2', by })).toMatchObject({ name: '', version: 0 })
  expect(store.events.some(({ text }) => text.includes('Anna'))).toBe(false)
  // Who looked is noted; what was seen is not.
  expect(notes).toContain('operator:clara read the person of account acc-1')
  expect(notes.join('\n')).not.toMatch(/Anna|\+43/)
})

it('two clerks at once do not write over each other', async () => {
  const { here } = await scene()
  await here.keepPerson({ ...anna, version: 0 })
  expect(await here.keepPerson({ ...anna, name: 'Anna Żak', version: 0 })).toMatchObject({ reason: 'PersonChanged' })
})

it('of an account that was never opened nothing is known or kept', async () => {
  const { here } = await scene()
  expect(await here.person({ account: 'zoe', by })).toMatchObject({ reason: 'AccountUnknown' })
  expect(await here.keepPerson({ ...anna, account: 'zoe', version: 0 })).toMatchObject({ reason: 'AccountUnknown' })
  expect(await here.erasePerson({ account: 'zoe', reason: 'asked', by })).toMatchObject({ reason: 'AccountUnknown' })
})

it('erased once, a person is gone, is not written down again, and the log says so without a name', async () => {
  const { here, store } = await scene()
  await here.keepPerson({ ...anna, version: 0 })
  for (let time = 0; time < 2; time++)
    expect(await here.erasePerson({ account: 'acc-1', reason: 'asked for', by })).toEqual({ account: 'acc-1' })
  expect(await here.person({ account: 'acc-1', by })).toMatchObject({ reason: 'PersonErased' })
  expect(await here.keepPerson({ ...anna, version: 0 })).toMatchObject({ reason: 'PersonErased' })
  expect(await here.findPeople({ words: 'anna', by })).toMatchObject({ people: [] })
  expect(store.events.filter(({ type }) => type === 'PersonErased')).toHaveLength(1)
})

it('a vault that was restored from before brings nobody back whom the log says erased', async () => {
  let current = memoryVault()
  const vault: Vault = {
    get: (...asked) => current.get(...asked),
    put: (...asked) => current.put(...asked),
    find: (...asked) => current.find(...asked),
    erase: (...asked) => current.erase(...asked),
    erased: (...asked) => current.erased(...asked),
  }
  const { here } = await scene(vault)
  await here.keepPerson({ ...anna, version: 0 })
  await here.erasePerson({ account: 'acc-1', reason: 'asked for', by })
  current = memoryVault()
  for (const account of ['acc-1', 'acc-2']) await current.put(account, 0, JSON.stringify({ name: 'Anna' }), 'anna')
  expect(await here.findPeople({ words: 'anna', by })).toMatchObject({ people: [{ account: 'acc-2' }] })
  expect(await here.person({ account: 'acc-1', by })).toMatchObject({ reason: 'PersonErased' })
  expect(await current.get('acc-1')).toBeUndefined()
})

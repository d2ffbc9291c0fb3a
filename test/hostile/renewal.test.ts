import { afterEach, beforeEach, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import type { PhoneMemory } from '#tap/phone'
import { wallet } from '../../apps/wallet/wallet.ts'
import { orThrow } from '../simulation/world.ts'
import { type Counter, counter } from '../tap/counter.ts'

/** A phone that was set back asks for a new license, and says that it has left what its payments have long drawn. */

let here: Counter
let disk: Map<string, PhoneMemory>
beforeEach(async () => {
  here = await counter('set-back')
  disk = new Map()
})
afterEach(() => here.end())

const started = () => {
  const centre = here.world.centre()
  return wallet({
    clock: here.world.clock,
    crypto: here.world.crypto,
    disk: {
      phones: () => [...disk.values()],
      keep: memory => void disk.set(memory.phone, memory),
      asked: () => undefined,
      keepAsked: () => {},
    },
    authority: {
      activate: request => centre.activatePhone(request),
      renew: request => centre.renewLicense(request),
      testify: request => centre.testify(request),
    },
    antenna: async () => {},
    terminals: [],
  })
}

const onlyPhone = () => [...disk.values()][0] as PhoneMemory
const balance = async () => {
  const { owed, held, available } = orThrow(await here.world.centre().ask.balance({ account: 'anna' }))
  return { owed, held, available }
}

it('cannot give back twice what terminals have brought its payments for', async () => {
  const asked = { account: 'anna', currency: 'EUR' as const, allowance: '100.00', by: 'operator:clerk' }
  const { code } = orThrow(await here.world.centre().invitePhone(asked))
  orThrow(await started().addPhone(code))
  await here.world.settle()
  const before = structuredClone(onlyPhone())

  const sale = await here.key(9000n)
  await here.touch({ memory: onlyPhone(), consent: () => 'given' as const })
  expect(here.saleOf(sale)).toEqual({ state: 'approved' })
  orThrow(await here.world.sync())
  await here.world.settle()
  expect(await balance()).toEqual({ owed: '90.00', held: '210.00', available: '200.00' })

  // Back to its first day: payment 0, 100.00 left, and nothing to tell of.
  disk = new Map([[before.phone, before]])
  const renewed = await started().renew(before.phone)
  await here.world.settle()
  expect(isRefusal(renewed) && renewed.reason).toBe('AllowanceNotLeft')
  expect(await balance()).toEqual({ owed: '90.00', held: '210.00', available: '200.00' })
})

import { afterEach, expect, it } from 'vitest'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

let world: World | undefined
afterEach(() => world?.end())

it('a phone taps an offline till, the network comes back, and the balance follows', async () => {
  const tap = await makeWorld({ seed: 'first tap' })
  world = tap
  tap.network(false)
  const keyed = await tap.key(1250n)
  expect(keyed).toMatchObject({ state: 'waiting', amount: 1250n })

  expect(await tap.tap('anna')).toMatchObject({ outcome: 'paid', amount: '12.50' })
  expect(tap.till().saleOf((keyed as { sale: string }).sale)).toMatchObject({ state: 'approved', receiptNumber: 1 })
  expect(tap.till().status().waiting).toEqual({ count: 1, sum: 1250n })
  expect(await tap.centre().ask.balance({ account: 'anna' })).toMatchObject({
    owed: '0.00',
    held: '200.00',
    available: '300.00',
  })

  tap.network(true)
  orThrow(await tap.sync())
  expect(tap.till().status().waiting).toEqual({ count: 0, sum: 0n })
  expect(await tap.centre().ask.balance({ account: 'anna' })).toMatchObject({
    limit: '500.00',
    owed: '12.50',
    held: '187.50',
    available: '300.00',
  })
})

import { afterEach, expect, it } from 'vitest'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** Keys may lie with a program that answers in its own time: what it signs bears one moment, whenever that comes. */

let world: World
afterEach(() => world.end())

it('licenses and certificates are issued though each look at the clock finds another second', async () => {
  world = await makeWorld({ seed: 'seconds' })
  Object.assign(world.clock, { now: () => (world.clock.at += 1000) })
  await world.addTerminal('T-2')
  const [phone] = world.phones.memories()
  expect(await world.phones.renew(phone?.phone as string)).not.toHaveProperty('reason')
  world.clock.at += 60 * 86_400_000
  const { ends } = world.till('T-2').status().certificate
  orThrow(await world.sync('T-2'))
  expect(Date.parse(world.till('T-2').status().certificate.ends)).toBeGreaterThan(Date.parse(ends))
})

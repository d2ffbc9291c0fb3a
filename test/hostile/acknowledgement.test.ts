import { afterEach, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import type { Link } from '../../apps/terminal/ports.ts'
import { atTerminal } from '../scenarios/hand.ts'
import { makeWorld, orThrow, type World, type WorldOptions } from '../simulation/world.ts'

/** What a network between a terminal and its centre may do with answers that are genuine, and what haste may do. */

const worlds: World[] = []
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.end()
})

const worldWith = async (
  seed: string,
  between: (link: Link, world: () => World) => Link,
  options: Partial<WorldOptions> = {},
) => {
  const made: { world?: World } = {}
  const breakTerminal: WorldOptions['breakTerminal'] = parts => ({
    ...parts,
    link: between(parts.link, () => made.world as World),
  })
  const world = await makeWorld({ seed, ...options, breakTerminal })
  made.world = world
  worlds.push(world)
  return world
}
const shopping = async (world: World, amount: bigint) => {
  world.clock.at += 60_000
  orThrow(await world.key(amount))
  expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
}

it('two exchanges at once accuse nobody: the drain sends, and somebody presses the button', async () => {
  const world = await worldWith('at once', link => link)
  await shopping(world, 100n)
  expect(isRefusal(await world.sync())).toBe(false)
  await shopping(world, 100n)
  await Promise.all([world.sync(), world.sync()])
  expect(atTerminal(world, 'CheckpointRefused')).toEqual([])
  expect(world.till().status().lastSyncError).toBeUndefined()
})

it('an answer that comes again accuses nobody, lets nothing go, and is not asked for without a pause', async () => {
  let kept: Awaited<ReturnType<Link['send']>> | undefined
  let asked = 0
  let isReplaying = false
  const world = await worldWith('again', link => ({
    ...link,
    send: async batch => {
      asked += 1
      if (asked > 50) throw new Error('fifty batches without a pause')
      if (isReplaying && kept) return kept
      kept = await link.send(batch)
      return kept
    },
  }))
  await shopping(world, 100n)
  await world.sync()
  await shopping(world, 100n)
  await world.sync()
  isReplaying = true
  await shopping(world, 100n)
  asked = 0
  expect(await world.sync()).toMatchObject({ reason: 'LogNotSigned' })
  expect(asked).toBe(1)
  expect(atTerminal(world, 'CheckpointRefused')).toEqual([])
  expect(world.till().status().waiting).toMatchObject({ count: 1 })
})

it('lines that somebody put under a checkpoint do not come between the terminal and its centre', async () => {
  let isPadding = true
  for (const line of ['\u2014 x AAAAAAAA\n', `\u2014 ${'x'.repeat(2600)} AAAAAAAA\n`]) {
    const world = await worldWith(`padded ${line.length}`, link => ({
      ...link,
      send: async batch => {
        const answer = await link.send(batch)
        if (isRefusal(answer) || !answer.log || !isPadding) return answer
        const { checkpoint } = answer.log
        const lines = Math.min(99, Math.floor((8192 - checkpoint.length) / line.length))
        return { ...answer, log: { ...answer.log, checkpoint: checkpoint + line.repeat(lines) } }
      },
    }))
    isPadding = true
    await shopping(world, 100n)
    expect(isRefusal(await world.sync())).toBe(false)
    isPadding = false
    await shopping(world, 100n)
    expect(await world.sync()).not.toHaveProperty('reason')
    expect(atTerminal(world, 'CheckpointRefused')).toEqual([])
  }
})

it('a genuine checkpoint with a spoiled proof, under ever other lines, fills no disk', async () => {
  let times = 0
  let isSpoiling = false
  const world = await worldWith('spoiled', link => ({
    ...link,
    send: async batch => {
      const answer = await link.send(batch)
      if (isRefusal(answer) || !answer.log || !isSpoiling) return answer
      times += 1
      const checkpoint = `${answer.log.checkpoint}\u2014 other${times} AAAAAAAA\n`
      return { ...answer, log: { ...answer.log, checkpoint, consistency: [] } }
    },
  }))
  await shopping(world, 100n)
  await world.sync()
  isSpoiling = true
  await shopping(world, 100n)
  for (let time = 0; time < 10; time++) expect(await world.sync()).toMatchObject({ reason: 'CheckpointInconsistent' })
  expect(atTerminal(world, 'CheckpointRefused').length).toBeLessThan(3)
  isSpoiling = false
  expect(await world.sync()).not.toHaveProperty('reason')
})

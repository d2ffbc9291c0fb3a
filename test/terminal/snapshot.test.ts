import { afterEach, describe, expect, it } from 'vitest'
import { snapshotOf } from '#till/snapshot'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** A start reads on from the state that was kept, and from nothing that the log does not bear out. */

let world: World
afterEach(() => world.end())

/** Which revisions a start reads, and how many transactions the state then has in mind. */
const startAfter = async (spoil: (notes: Map<string, string>, world: World) => void) => {
  const read: number[] = []
  world = await makeWorld({
    seed: 'start',
    breakTerminal: parts => ({
      ...parts,
      store: {
        ...parts.store,
        read: (stream, options) => {
          if (options.pageSize === undefined) read.push(options.from as number)
          return parts.store.read(stream, options)
        },
      },
    }),
  })
  for (let sale = 0; sale < 6; sale++) {
    orThrow(await world.key(100n))
    await world.tap('anna')
  }
  const before = { ...world.till().status(), tap: world.till().till.tap }
  read.length = 0
  spoil(world.shops.get('T-1')?.notes as Map<string, string>, world)
  await world.restartTerminal('T-1')
  const after = { ...world.till().status(), tap: world.till().till.tap }
  expect({ waiting: after.waiting, revision: after.revision, hash: after.hash, tap: after.tap }).toEqual({
    waiting: before.waiting,
    revision: before.revision,
    hash: before.hash,
    tap: before.tap,
  })
  return read[0]
}

describe('a terminal starts', () => {
  it('from the state that was kept, and reads on from there', async () => {
    expect(await startAfter(() => {})).toBeGreaterThan(20)
  })

  it.each<[string, (notes: Map<string, string>, world: World) => void]>([
    ['none was kept', notes => notes.delete('snapshot')],
    ['it is not whole', notes => notes.set('snapshot', (notes.get('snapshot') ?? '').slice(0, -20))],
    [
      'it follows an event that the log does not have',
      (notes, { crypto, till }) =>
        notes.set('snapshot', snapshotOf(crypto, till().till, { revision: 20, hash: '0'.repeat(64) })),
    ],
    [
      'it is of a log that was longer',
      (notes, { crypto, till }) =>
        notes.set('snapshot', snapshotOf(crypto, till().till, { revision: 9_999, hash: '0'.repeat(64) })),
    ],
    [
      'the centre went back behind it',
      (notes, { crypto, till }) => {
        const { revision, hash } = till().status()
        notes.set('snapshot', snapshotOf(crypto, { ...till().till, acknowledgedTo: 7 }, { revision, hash }))
      },
    ],
  ])('from its first event where %s', async (_, spoil) => {
    expect(await startAfter(spoil)).toBe(0)
  })
})

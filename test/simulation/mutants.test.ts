import { expect, it } from 'vitest'
import { type Mutant, mutants } from './mutants.ts'
import { simulate } from './simulate.ts'

/** Worlds with one thing broken: each is caught within so many seeds, and the same seed without it is sound. */
const seedsMax = 25
const taps = 20

it.each(Object.keys(mutants) as Mutant[])(
  'catches: %s',
  async mutant => {
    for (let seed = 1; seed <= seedsMax; seed++) {
      const { breaches } = await simulate({ seed: `${seed}`, taps, mutant })
      const [breach] = breaches
      if (!breach) continue
      console.log(`${mutant}: seed ${seed} breaks "${breach.law}"`)
      expect((await simulate({ seed: `${seed}`, taps })).breaches).toEqual([])
      return
    }
    expect.fail(`${mutants[mutant].sentence} Not caught in ${seedsMax} seeds.`)
  },
  60_000,
)

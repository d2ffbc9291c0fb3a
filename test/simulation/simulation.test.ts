import { describe, expect, it } from 'vitest'
import { faultKinds } from './faults.ts'
import { lawNames } from './laws.ts'
import { regressions } from './regressions.ts'
import { add, emptySum, invariants } from './report.ts'
import { faultForms, simulate } from './simulate.ts'

/** A share of what `npm run sim` does: small worlds, each another seed. */
const seeds = Array.from({ length: 80 }, (_, place) => `${place + 1}`)
const taps = 12

describe('a small world of tills, phones and centres', () => {
  it(`keeps every invariant through every fault, in ${seeds.length} seeds`, async () => {
    const sum = emptySum()
    for (const seed of seeds) add(sum, await simulate({ seed, taps }))
    expect(sum.failed.map(({ seed, breaches, trace }) => ({ seed, breaches, trace }))).toEqual([])

    const counted = [
      ...lawNames.map(law => [law, sum.checked[law] ?? 0] as const),
      ...invariants.map(number => [`invariant ${number}`, sum.invariants[number] ?? 0] as const),
      ...faultKinds.map(kind => [kind, sum.kinds[kind] ?? 0] as const),
      ...faultForms.map(form => [form, sum.faults[form] ?? 0] as const),
    ]
    console.log(counted.map(([name, count]) => `${String(count).padStart(7)}  ${name}`).join('\n'))
    // What was never asked, and what never went wrong, proves nothing.
    expect(counted.filter(([, count]) => count === 0)).toEqual([])
  }, 240_000)

  it('comes out the same for the same seed, to the last octet, and otherwise for another', async () => {
    const { fingerprint, ...first } = await simulate({ seed: 'twice', taps })
    expect(await simulate({ seed: 'twice', taps })).toEqual({ ...first, fingerprint })
    expect((await simulate({ seed: 'once', taps })).fingerprint).not.toBe(fingerprint)
  })

  it.each(regressions)('holds where it once failed: seed $seed: $why', async world => {
    expect((await simulate(world)).breaches).toEqual([])
  })
})

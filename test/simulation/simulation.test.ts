import { describe, expect, it } from 'vitest'
import { lawNames } from './laws.ts'
import { regressions } from './regressions.ts'
import { faultNames, type Report, simulate } from './simulate.ts'

/** A share of what `npm run sim` does: small worlds, each another seed. */
const seeds = Array.from({ length: 40 }, (_, place) => `${place + 1}`)
const taps = 12

describe('a small world of tills, phones and centres', () => {
  it(`keeps every invariant through every fault, in ${seeds.length} seeds`, async () => {
    const reports: Report[] = []
    for (const seed of seeds) reports.push(await simulate({ seed, taps }))
    expect(
      reports.filter(({ breaches }) => breaches.length > 0).map(({ seed, breaches }) => ({ seed, breaches })),
    ).toEqual([])

    const sum = (of: (report: Report) => Readonly<Record<string, number>>, name: string) =>
      reports.reduce((all, report) => all + (of(report)[name] ?? 0), 0)
    const asked = lawNames.map(law => [law, sum(({ checked }) => checked, law)] as const)
    const injected = faultNames.map(fault => [fault, sum(({ faults }) => faults, fault)] as const)
    console.log([...asked, ...injected].map(([name, count]) => `${String(count).padStart(7)}  ${name}`).join('\n'))
    // What was never asked, and what never went wrong, proves nothing.
    expect([...asked, ...injected].filter(([, count]) => count === 0)).toEqual([])
  }, 60_000)

  it('comes out the same for the same seed, to the last octet, and otherwise for another', async () => {
    const { fingerprint, ...first } = await simulate({ seed: 'twice', taps })
    expect(await simulate({ seed: 'twice', taps })).toEqual({ ...first, fingerprint })
    expect((await simulate({ seed: 'once', taps })).fingerprint).not.toBe(fingerprint)
  })

  it.each(regressions)('holds where it once failed: seed $seed: $why', async world => {
    expect((await simulate(world)).breaches).toEqual([])
  })
})

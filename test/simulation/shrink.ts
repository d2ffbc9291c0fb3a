import { type FaultKind, faultKinds } from './faults.ts'
import { type Report, type Simulation, simulate } from './simulate.ts'

/** The shortest trace that still breaks the same law: kinds of fault and steps are left out as long as it does. */
export type Shrunk = { readonly world: Simulation; readonly report: Report; readonly runs: number }

const runsMax = 200

export const shrink = async (world: Simulation, failed: Report): Promise<Shrunk> => {
  const law = failed.breaches[0]?.law
  let runs = 0
  let best: Shrunk = { world, report: failed, runs }
  /** Keeps the smaller world if it breaks the same law. */
  const tries = async (smaller: Simulation): Promise<boolean> => {
    if (runs >= runsMax) return false
    runs += 1
    const report = await simulate(smaller)
    if (report.breaches[0]?.law !== law) return false
    // Steps after which it broke, and steps that did nothing, go with it.
    const only = report.trace.map(({ step }) => step)
    best = { world: { ...smaller, only }, report, runs }
    return true
  }
  await tries({ ...world, only: failed.trace.map(({ step }) => step) })

  const without = async (kind: FaultKind): Promise<boolean> =>
    tries({ ...best.world, without: [...(best.world.without ?? []), kind] })
  for (const kind of faultKinds) if ((best.report.kinds[kind] ?? 0) > 0) await without(kind)

  const withoutSteps = async (size: number): Promise<boolean> => {
    let isSmaller = false
    for (let at = 0; at < (best.world.only ?? []).length; ) {
      const only = best.world.only ?? []
      const left = [...only.slice(0, at), ...only.slice(at + size)]
      // What follows has moved here, and is tried next.
      if (left.length > 0 && (await tries({ ...best.world, only: left }))) isSmaller = true
      else at += size
      if (runs >= runsMax) break
    }
    return isSmaller
  }
  for (let size = Math.ceil((best.world.only ?? []).length / 2); size >= 1; ) {
    const isSmaller = await withoutSteps(size)
    if (size === 1 && !isSmaller) break
    size = isSmaller && size === 1 ? 1 : Math.floor(size / 2)
  }
  for (const kind of faultKinds) if ((best.report.kinds[kind] ?? 0) > 0) await without(kind)
  return { ...best, runs }
}

/** What somebody types to see it again. */
export const replayLine = ({ seed, terminals, phones, taps, rates, mutant, only, without }: Simulation): string =>
  [
    `npm run sim -- --seed ${seed}`,
    ...(terminals === undefined ? [] : [`--terminals ${terminals}`]),
    ...(phones === undefined ? [] : [`--phones ${phones}`]),
    ...(taps === undefined ? [] : [`--taps ${taps}`]),
    ...(mutant === undefined ? [] : [`--mutant '${mutant}'`]),
    ...(rates === undefined || Object.keys(rates).length === 0
      ? []
      : [
          `--rates '${Object.entries(rates)
            .map(([kind, rate]) => `${kind}=${rate}`)
            .join(',')}'`,
        ]),
    ...(only === undefined ? [] : [`--only ${only.join(',')}`]),
    ...(without === undefined || without.length === 0 ? [] : [`--without '${without.join(',')}'`]),
  ].join(' ')

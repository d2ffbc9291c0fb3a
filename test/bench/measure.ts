import { performance } from 'node:perf_hooks'

/** Figures as benches take them: several rounds, the median of them, and how far they lay apart. */

export type Spread = { readonly median: number; readonly min: number; readonly max: number }

export type Figure = {
  readonly what: string
  readonly unit: 'events/s' | 'taps/s' | 'leaves/s' | 'ms' | 'times' | 'a tap' | 'MB'
  readonly value: Spread
  readonly target?: Target
}

/** A figure of the design's paper on targets. */
export type Target = { readonly atLeast: number } | { readonly atMost: number }

export type Row = {
  readonly name: string
  readonly what: string
  /** What was on disk when the clock stopped. */
  readonly durable: string
  readonly checked: string
  readonly data: string
  readonly figures: readonly Figure[]
}

export const now = (): number => performance.now()

export const percentile = (values: readonly number[], percent: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] as number
}

export const spread = (values: readonly number[]): Spread => ({
  median: percentile(values, 50),
  min: Math.min(...values),
  max: Math.max(...values),
})

export const exactly = (value: number): Spread => ({ median: value, min: value, max: value })

/** How often per second, from how many in how many milliseconds. */
export const rate = (count: number, taken_ms: number): number => (count / taken_ms) * 1000

/** How often per second, and per second of this process's own CPU time, its collector's threads included. */
export type Pace = { readonly perSecond: number; readonly perCpuSecond: number }

export const paced = async (count: number, act: () => unknown): Promise<Pace> => {
  const [began, before] = [now(), process.cpuUsage()]
  await act()
  const taken_ms = now() - began
  const { user, system } = process.cpuUsage(before)
  return { perSecond: rate(count, taken_ms), perCpuSecond: rate(count, (user + system) / 1000) }
}

/** The rounds of several contestants by turns, each round led by the next of them, so that none is always first. */
export const byTurns = async <Name extends string>(
  rounds: number,
  contestants: Readonly<Record<Name, (round: number) => Promise<Pace>>>,
): Promise<Record<Name, Pace[]>> => {
  const names = Object.keys(contestants) as Name[]
  const taken = Object.fromEntries(names.map(name => [name, [] as Pace[]])) as Record<Name, Pace[]>
  for (let round = 0; round < rounds; round++)
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length] as Name
      taken[name].push(await contestants[name](round))
    }
  return taken
}

/** Of each round the one figure over the other: what both suffered from the machine falls out. */
export const ratio = (over: readonly number[], under: readonly number[]): Spread =>
  spread(over.map((value, round) => value / (under[round] as number)))

/** A contestant's figures: by the clock, and by its own CPU time where other work on the machine takes no part. */
export const paceOf = (what: string, unit: Figure['unit'], paces: readonly Pace[], target?: Target): Figure[] => [
  { what, unit, value: spread(paces.map(({ perSecond }) => perSecond)), ...(target ? { target } : {}) },
  { what: `${what}, a second of CPU`, unit, value: spread(paces.map(({ perCpuSecond }) => perCpuSecond)) },
]

export const ratioOf = (what: string, over: readonly Pace[], under: readonly Pace[], target?: Target): Figure[] => [
  {
    what,
    unit: 'times',
    value: ratio(
      over.map(({ perSecond }) => perSecond),
      under.map(({ perSecond }) => perSecond),
    ),
    ...(target ? { target } : {}),
  },
  {
    what: `${what}, by CPU`,
    unit: 'times',
    value: ratio(
      over.map(({ perCpuSecond }) => perCpuSecond),
      under.map(({ perCpuSecond }) => perCpuSecond),
    ),
  },
]

/** Below a third of its target is what must not be; the rest is told as it is. */
export const standing = ({ value: { median }, target }: Figure): 'met' | 'short' | 'worse than a third' | undefined => {
  if (!target) return undefined
  const part = 'atLeast' in target ? median / target.atLeast : target.atMost / median
  return part >= 1 ? 'met' : part >= 1 / 3 ? 'short' : 'worse than a third'
}

const number = (value: number): string =>
  value >= 1000
    ? Math.round(value).toLocaleString('en')
    : value >= 100
      ? value.toFixed(0)
      : value >= 10
        ? value.toFixed(1)
        : value.toFixed(2)

const line = (figure: Figure): string => {
  const { what, unit, value, target } = figure
  const { median, min, max } = value
  const range = min === max ? '' : ` (${number(min)} to ${number(max)})`
  const aim = !target
    ? ''
    : 'atLeast' in target
      ? `at least ${number(target.atLeast)}`
      : `under ${number(target.atMost)}`
  const told = target ? `   target ${aim}: ${standing(figure)}` : ''
  return `  ${what.padEnd(58)}${number(median).padStart(9)} ${unit}${range}${told}`
}

export const print = (row: Row): string =>
  [
    `${row.name}: ${row.what}`,
    `  data: ${row.data}`,
    `  durable: ${row.durable}`,
    `  checked: ${row.checked}`,
    ...row.figures.map(line),
    '',
  ].join('\n')

import { parseArgs } from 'node:util'
import { type FaultKind, faultKinds, type Rates, usualRates } from './faults.ts'
import { type Mutant, mutants } from './mutants.ts'
import { add, emptySum, linesOf, tooFew } from './report.ts'
import { replayLine, shrink } from './shrink.ts'
import { faultForms, type Report, type Simulation } from './simulate.ts'
import { simulateAll } from './workers.ts'

/** `npm run sim`: seeds through simulated worlds; what went wrong in its shortest form, and all counts at the end. */

const usage = [
  'npm run sim -- [--seed N | --seeds A..B] [--workers 2] [--terminals N] [--phones 3] [--taps 30] [--days N] [--large]',
  '               [--rates "field lost=90,disk full=0"] [--faults 1] [--mutant NAME] [--only 1,2,3] [--without KINDS] [--json]',
  'npm run sim -- --town [--seed N] [--phones 2000] [--taps 10000] [--json]',
].join('\n')

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1..100' },
    workers: { type: 'string', default: '1' },
    terminals: { type: 'string' },
    phones: { type: 'string' },
    taps: { type: 'string' },
    /** So many taps as three phones make in so many days; more phones make more. */
    days: { type: 'string' },
    /** Twenty terminals, two hundred phones, three days. */
    large: { type: 'boolean', default: false },
    /** One month of a small town, on every engine, in place of many small worlds. */
    town: { type: 'boolean', default: false },
    /** How often faults of a kind come, in a thousand chances. */
    rates: { type: 'string' },
    /** So many times as many faults as usual. */
    faults: { type: 'string' },
    mutant: { type: 'string' },
    only: { type: 'string' },
    without: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const refuse = (why: string): never => {
  process.stderr.write(`${why}\n${usage}\n`)
  process.exit(2)
}
const number = (name: 'workers' | 'terminals' | 'phones' | 'taps' | 'faults' | 'days'): number | undefined => {
  const text = values[name]
  if (text === undefined) return undefined
  const read = Number(text)
  return Number.isInteger(read) && read > 0 ? read : refuse(`--${name} takes a whole number above zero.`)
}
if (values.town) {
  const { town } = await import('../town/main.ts')
  const { seed = '1', json } = values
  process.exit(await town({ seed, phones: number('phones'), taps: number('taps'), json }))
}
const range = /^(\d+)\.\.(\d+)$/.exec(values.seeds)
const [first, last] = range ? [Number(range[1]), Number(range[2])] : refuse('--seeds takes a range such as 1..100.')
const seeds =
  values.seed === undefined
    ? Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => `${first + at}`)
    : [values.seed]
const mutant = values.mutant as Mutant | undefined
if (mutant !== undefined && !Object.hasOwn(mutants, mutant))
  refuse(`No mutant is called ${mutant}; there are ${Object.keys(mutants).join(', ')}.`)

const kindOf = (text: string): FaultKind =>
  faultKinds.find(kind => kind === text.trim()) ??
  refuse(`No fault is called ${text.trim()}; there are ${faultKinds.join(', ')}.`)
const rateIn = (text: string): readonly [FaultKind, number] => {
  const [kind = '', rate] = text.split('=')
  const read = Number(rate)
  return Number.isInteger(read) && read >= 0 && read <= 1000
    ? [kindOf(kind), read]
    : refuse('--rates takes kinds of faults with how often they come in a thousand chances, such as "disk full=20".')
}
const times = number('faults')
const rates: Partial<Rates> = {
  ...(times === undefined
    ? {}
    : Object.fromEntries(faultKinds.map(kind => [kind, Math.min(1000, usualRates[kind] * times)]))),
  ...Object.fromEntries((values.rates?.split(',') ?? []).map(rateIn)),
}
/** Of three phones in one day. */
const tapsADay = 30
const terminals = number('terminals') ?? (values.large ? 20 : undefined)
const phones = number('phones') ?? (values.large ? 200 : 3)
const days = number('days') ?? (values.large ? 3 : 1)
const taps = number('taps') ?? Math.ceil((days * phones * tapsADay) / 3)
const only = values.only?.split(',').map(Number)
const without = values.without?.split(',').map(kindOf)
const worlds = seeds.map((seed): Simulation => ({ seed, terminals, phones, taps, rates, mutant, only, without }))

const tellFailure = async (report: Report, world: Simulation): Promise<void> => {
  const shrunk = only ? { world, report, runs: 0 } : await shrink(world, report)
  for (const { law, sentence, found, event } of shrunk.report.breaches.slice(0, 3)) {
    say(`seed ${world.seed}: ${law}. ${sentence}`)
    say(`  ${found}`)
    if (event) say(`  where they parted: ${event}`)
  }
  say(`  after ${shrunk.report.trace.length} steps of ${report.trace.length} (${shrunk.runs} runs to shrink it):`)
  for (const { step, words } of shrunk.report.trace) say(`${String(step).padStart(8)}  ${words}`)
  say(`  again: ${replayLine(shrunk.world)}`)
}

const sum = emptySum()
const failures: { report: Report; world: Simulation }[] = []
const began = performance.now()
await simulateAll(worlds, number('workers') ?? 1, (report, world) => {
  add(sum, report)
  if (report.breaches.length > 0) failures.push({ report, world })
})
const took_ms = performance.now() - began
const perTap_ms = Math.round((took_ms / Math.max(1, sum.taps)) * 100) / 100
// Whoever sets rates, looks at a part, or breaks something asks for no balance of faults.
const isWhole = Object.keys(rates).length === 0 && mutant === undefined && !only && !without
const short = isWhole && failures.length === 0 ? tooFew(sum) : []

if (values.json)
  say(
    JSON.stringify({
      ...sum,
      failed: sum.failed.map(({ seed, breaches, trace }) => ({ seed, breaches, trace })),
      tooFew: short,
      took_ms: Math.round(took_ms),
      perTap_ms,
    }),
  )
else {
  for (const { report, world } of failures.slice(0, 3)) await tellFailure(report, world)
  for (const { report } of failures.slice(3)) say(`seed ${report.seed}: ${report.breaches[0]?.law}`)
  for (const line of linesOf(sum, faultForms)) say(line)
  for (const line of short) say(`too few: ${line}`)
  say(
    `${sum.seeds} seeds, ${sum.steps} steps, ${sum.taps} taps, ${sum.events} events at centres: ${failures.length === 0 ? 'all holds' : `${failures.length} seeds failed`} (${(took_ms / 1000).toFixed(1)} s, ${perTap_ms} ms a tap)`,
  )
}
process.exit(failures.length === 0 && short.length === 0 ? 0 : 1)

import { parseArgs } from 'node:util'
import { lawNames } from './laws.ts'
import { type Mutant, mutants } from './mutants.ts'
import { faultNames, type Report, simulate, usualRates } from './simulate.ts'

/** `npm run sim`: seeds through the small world, one line for what went wrong, and all counts at the end. */

const usage =
  'npm run sim -- [--seed N | --seeds A..B] [--terminals N] [--phones 3] [--taps 30] [--faults 1] [--mutant NAME] [--json]\nnpm run sim -- --town [--seed N] [--phones 2000] [--taps 15000] [--json]'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1..100' },
    terminals: { type: 'string' },
    phones: { type: 'string' },
    taps: { type: 'string' },
    /** One month of a small town, on every engine, in place of many small worlds. */
    town: { type: 'boolean', default: false },
    /** So many times as many faults as usual. */
    faults: { type: 'string', default: '1' },
    mutant: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const refuse = (why: string): never => {
  process.stderr.write(`${why}\n${usage}\n`)
  process.exit(2)
}
const usual: Readonly<Record<string, number>> = { phones: 3, taps: 30 }
const number = (name: 'terminals' | 'phones' | 'taps' | 'faults'): number => {
  const read = Number(values[name] ?? usual[name])
  return Number.isInteger(read) && read > 0 ? read : refuse(`--${name} takes a whole number above zero.`)
}
if (values.town) {
  const { town } = await import('../town/main.ts')
  const given = (name: 'phones' | 'taps') => (values[name] === undefined ? undefined : number(name))
  const { seed = '1', json } = values
  process.exit(await town({ seed, phones: given('phones'), taps: given('taps'), json }))
}
const range = /^(\d+)\.\.(\d+)$/.exec(values.seeds)
const seeds =
  values.seed !== undefined
    ? [values.seed]
    : range
      ? Array.from(
          { length: Math.max(0, Number(range[2]) - Number(range[1]) + 1) },
          (_, at) => `${Number(range[1]) + at}`,
        )
      : refuse('--seeds takes a range such as 1..100.')
const mutant = values.mutant as Mutant | undefined
if (mutant !== undefined && !Object.hasOwn(mutants, mutant))
  refuse(`No mutant is called ${mutant}; there are ${Object.keys(mutants).join(', ')}.`)

const { field, network, crash, disk, power } = usualRates
const times = number('faults')
const rates = {
  field: field * times,
  network: network * times,
  crash: crash * times,
  disk: disk * times,
  power: power * times,
}

const sums = { taps: 0, steps: 0, events: 0 }
const counts = { did: {}, outcomes: {}, faults: {}, checked: {} } as Record<
  'did' | 'outcomes' | 'faults' | 'checked',
  Record<string, number>
>
const add = (kind: keyof typeof counts, report: Report): void => {
  for (const [name, count] of Object.entries(report[kind])) counts[kind][name] = (counts[kind][name] ?? 0) + count
}
const failed: Report[] = []
const began = performance.now()
for (const seed of seeds) {
  const terminals = values.terminals === undefined ? {} : { terminals: number('terminals') }
  const world = { seed, rates, ...terminals, phones: number('phones'), taps: number('taps') }
  const report = await simulate({ ...world, ...(mutant === undefined ? {} : { mutant }) })
  sums.taps += report.did['tap'] ?? 0
  sums.steps += report.steps
  sums.events += report.events
  for (const kind of Object.keys(counts) as (keyof typeof counts)[]) add(kind, report)
  if (report.breaches.length === 0) continue
  failed.push(report)
  if (values.json) continue
  for (const { law, sentence, found } of report.breaches) say(`seed ${seed}: ${law}. ${sentence} ${found}`)
}
const took_ms = performance.now() - began
const perTap_ms = Math.round((took_ms / Math.max(1, sums.taps)) * 100) / 100

if (values.json)
  say(
    JSON.stringify({
      seeds: seeds.length,
      ...sums,
      ...counts,
      took_ms: Math.round(took_ms),
      perTap_ms,
      failed: failed.map(({ seed, breaches }) => ({ seed, breaches })),
    }),
  )
else {
  const list = (title: string, names: readonly string[], of: Record<string, number>): void => {
    say(`${title}:`)
    for (const name of names) say(`${String(of[name] ?? 0).padStart(9)}  ${name}`)
  }
  list('steps', Object.keys(counts.did).sort(), counts.did)
  list('taps ended as', Object.keys(counts.outcomes).sort(), counts.outcomes)
  list('faults', faultNames, counts.faults)
  list('questions of the auditor', lawNames, counts.checked)
  say(
    `${seeds.length} seeds, ${sums.steps} steps, ${sums.taps} taps, ${sums.events} events at centres: ${failed.length === 0 ? 'all holds' : `${failed.length} seeds failed`} (${(took_ms / 1000).toFixed(1)} s, ${perTap_ms} ms a tap)`,
  )
}
process.exit(failed.length === 0 ? 0 : 1)

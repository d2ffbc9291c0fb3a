import { type FaultKind, faultKinds } from './faults.ts'
import { type Law, lawNames } from './laws.ts'
import type { Report } from './simulate.ts'

/** What many worlds say together: every count in sum, the worlds in which two faults met, and what failed. */

type Counts = Record<string, number>
export type Sum = {
  seeds: number
  taps: number
  steps: number
  events: number
  readonly did: Counts
  readonly outcomes: Counts
  readonly faults: Counts
  readonly kinds: Counts
  /** In how many worlds both of two kinds came. */
  readonly pairs: Counts
  readonly checked: Counts
  /** The laws in sum, by the invariant that they are of. */
  readonly invariants: Counts
  readonly failed: Report[]
}

export const emptySum = (): Sum => ({
  seeds: 0,
  taps: 0,
  steps: 0,
  events: 0,
  did: {},
  outcomes: {},
  faults: {},
  kinds: {},
  pairs: {},
  checked: {},
  invariants: {},
  failed: [],
})

const more = (counts: Counts, name: string, by: number): void => {
  counts[name] = (counts[name] ?? 0) + by
}

export const pairsOf = (kinds: readonly FaultKind[]): string[] =>
  kinds.flatMap((one, place) => kinds.slice(place + 1).map(other => `${one} + ${other}`))

/** Which of the nine invariants of `05-sync` a law is a part of; 0 for those that none of them says. */
export const invariantOf: Readonly<Record<Law, number>> = {
  'approved is on disk': 1,
  'receipt is on disk': 1,
  'paid is recorded': 1,
  'given back is on disk': 1,
  'approved reaches the centre': 1,
  'asked before paid': 1,
  'torn in sight': 1,
  'waiting is counted': 1,
  'nothing waits': 1,
  'one sale, one payment': 2,
  'one payment, one verdict': 2,
  'one payment, one posting': 2,
  'the payer signed': 2,
  'byte for byte': 3,
  'owed by hand': 4,
  'held by hand': 4,
  'merchant by hand': 4,
  'books balance': 4,
  'rows are a fold': 4,
  'rules were kept': 5,
  'no tap from afar': 5,
  'phone within its license': 5,
  'revisions are whole': 6,
  'receipts are whole': 6,
  'counters are whole': 6,
  'gaps are explained': 6,
  'no false alarm': 6,
  'gaps are named': 6,
  'forks are declared': 3,
  'copies are named': 6,
  'money after a restore': 8,
  'reactions follow': 7,
  'hours are whole': 7,
  'time goes forward': 0,
  'day totals': 0,
  'a disk that went back': 1,
  'no surprise': 0,
}

export const add = (sum: Sum, report: Report): void => {
  sum.seeds += 1
  sum.taps += report.did['tap'] ?? 0
  sum.steps += report.steps
  sum.events += report.events
  for (const kind of ['did', 'outcomes', 'faults', 'kinds', 'checked'] as const)
    for (const [name, count] of Object.entries(report[kind])) more(sum[kind], name, count)
  for (const pair of pairsOf(faultKinds.filter(kind => (report.kinds[kind] ?? 0) > 0))) more(sum.pairs, pair, 1)
  for (const law of lawNames) more(sum.invariants, `${invariantOf[law]}`, report.checked[law])
  if (report.breaches.length > 0) sum.failed.push(report)
}

export const invariants = [1, 2, 3, 4, 5, 6, 7, 8] as const
/** Asked of a million taps; of fewer taps, their share. */
const perMillion = { fault: 1000, pair: 20, invariant: 100_000 }

/** What came too seldom for so many taps: each a line. */
export const tooFew = ({ taps, kinds, pairs, invariants: asked }: Sum): string[] => {
  const share = (of: number): number => Math.floor((of * taps) / 1_000_000)
  const short = (names: readonly string[], counts: Counts, floor: number, what: string): string[] =>
    names.flatMap(name => ((counts[name] ?? 0) < floor ? `${what} ${name}: ${counts[name] ?? 0} of ${floor}` : []))
  return [
    ...short(faultKinds, kinds, share(perMillion.fault), 'fault'),
    ...short(pairsOf(faultKinds), pairs, share(perMillion.pair), 'pair'),
    ...short(
      invariants.map(number => `${number}`),
      asked,
      share(perMillion.invariant),
      'invariant',
    ),
  ]
}

/** All counts, as people read them. */
export const linesOf = (sum: Sum, faultForms: readonly string[]): string[] => {
  const list = (title: string, names: readonly string[], of: Counts): string[] => [
    `${title}:`,
    ...names.map(name => `${String(of[name] ?? 0).padStart(9)}  ${name}`),
  ]
  const forms = [...new Set([...faultForms, ...Object.keys(sum.faults)])].sort()
  const pairs = pairsOf(faultKinds).map(name => ({ name, count: sum.pairs[name] ?? 0 }))
  const rarest = pairs.toSorted((one, other) => one.count - other.count).slice(0, 5)
  return [
    ...list('steps', Object.keys(sum.did).sort(), sum.did),
    ...list('taps ended as', Object.keys(sum.outcomes).sort(), sum.outcomes),
    ...list('faults', faultKinds, sum.kinds),
    ...list('faults by their form', forms, sum.faults),
    ...list('questions of the auditor', lawNames, sum.checked),
    ...list(
      'questions by invariant',
      invariants.map(number => `${number}`),
      sum.invariants,
    ),
    `pairs of faults in one world: ${pairs.filter(({ count }) => count > 0).length} of ${pairs.length}; the rarest:`,
    ...rarest.map(({ name, count }) => `${String(count).padStart(9)}  ${name}`),
  ]
}

import { hex } from '#canonical/bytes'
import { StoreFailed } from '#eventstore'
import { moments } from '../../apps/terminal/ports.ts'
import { type FaultKind, type Faults, faultKinds, faultSteps, type Rates, usualRates } from './faults.ts'
import { auditor } from './invariants.ts'
import type { Breach, Law } from './laws.ts'
import { type Broken, type Mutant, mutants } from './mutants.ts'
import { officeStepsOf } from './office-steps.ts'
import { type Scene, type StepName, usualSteps } from './scene.ts'
import { stepsOf } from './steps.ts'
import { Crashed, dice, makeWorld, type World } from './world.ts'

export type Simulation = {
  readonly seed: string
  readonly terminals?: number | undefined
  readonly phones?: number | undefined
  /** The run ends after so many taps. */
  readonly taps?: number | undefined
  /** Of each kind of fault; those that are not named come as often as usual. */
  readonly rates?: Partial<Rates> | undefined
  readonly mutant?: Mutant | undefined
  /** These steps alone, by their number: what is left of a failure when it was shrunk. */
  readonly only?: readonly number[] | undefined
  /** Kinds of fault that do not come, whatever the seed says. */
  readonly without?: readonly FaultKind[] | undefined
}

type Counts = Readonly<Record<string, number>>
export type Report = {
  readonly seed: string
  readonly steps: number
  /** Steps, outcomes of taps, and faults in each of their forms, each with how often it came. */
  readonly did: Counts
  readonly outcomes: Counts
  readonly faults: Counts
  /** The same faults by their kind alone. */
  readonly kinds: Counts
  readonly checked: Readonly<Record<Law, number>>
  readonly breaches: readonly Breach[]
  /** The steps that were taken, in words; the last is where it broke, if it did. */
  readonly trace: readonly { readonly step: number; readonly words: string }[]
  readonly events: number
  /** A hash over all logs and all phones: the same seed gives the same. */
  readonly fingerprint: string
}

type Tally = Record<string, number>
const tally = (counts: Tally, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1
}

/** Which kinds of fault this world knows: one in twenty knows none, one in twenty all, the others about half of them. */
const weatherOf = (seed: string, forced: Partial<Rates>): ReadonlySet<FaultKind> => {
  const chance = dice(`weather of ${seed}`)
  const sky = chance.below(20)
  const share = sky === 0 ? 0 : sky === 1 ? 100 : 55
  return new Set(faultKinds.filter(kind => chance.chance(share) || forced[kind] !== undefined))
}

/** One run of a small world that follows from its seed, with an auditor beside it. It stops at the first breach. */
export const simulate = async (asked: Simulation): Promise<Report> => {
  const { seed, without = [], rates: forced = {} } = asked
  const born = dice(`birth of ${seed}`)
  const weather = weatherOf(seed, forced)
  const rates: Rates = { ...usualRates, ...forced }
  const outcomes: Tally = {}
  const faults: Tally = {}
  const kinds: Tally = {}
  const did: Tally = {}
  const trace: { step: number; words: string }[] = []
  let armed = false
  let chance = born
  let faulty = born
  const broken: Broken = asked.mutant === undefined ? {} : mutants[asked.mutant].make()
  const centres = broken.centres ?? (born.chance(30) ? 2 : 1)

  const befell = (kind: FaultKind, how?: string): void => {
    tally(kinds, kind)
    const name = [kind, how].filter(Boolean).join(': ')
    tally(faults, name)
    const last = trace.at(-1)
    if (last) last.words += `, ${name}`
  }
  const comes = (kind: FaultKind): boolean =>
    armed && weather.has(kind) && faulty.below(1000) < rates[kind] && !without.includes(kind)
  const fault = <Form extends string>(kind: FaultKind, of: readonly [Form, ...Form[]]): Form | undefined => {
    if (!comes(kind)) return undefined
    const form = faulty.pick(of)
    befell(kind, of.length > 1 ? form : undefined)
    return form
  }
  const inject: Faults = {
    field: () => fault('field lost', ['lost before', 'lost after']) ?? 'kept',
    holder: () => (armed && faulty.chance(12) ? faulty.pick(['consents', 'consents', 'refuses']) : 'waits'),
    relay: () => {
      const delay_ms = fault('tap relayed', ['']) === undefined ? 0 : 20 + faulty.below(4000)
      return { delay_ms, isReplay: fault('answers replayed', ['']) !== undefined }
    },
    network: () =>
      fault('message lost', ['lost']) ??
      fault('answer lost', ['answer lost']) ??
      fault('message twice', ['twice', 'twice at once']) ??
      fault('message delayed', ['delayed']) ??
      'kept',
    overtaken: () => {
      const is = armed && faulty.chance(50)
      if (is) befell('message delayed', 'overtaken')
      return is
    },
    centre: count => (armed ? faulty.below(count) : 0),
    crash: moment => {
      if (!comes('terminal crash')) return false
      befell('terminal crash', `at ${moment}`)
      return true
    },
    disk: of =>
      (of === 'log' ? fault('disk full', ['full']) : undefined) ??
      fault('torn write', ['torn', 'lost after']) ??
      'kept',
    phone: () => fault('phone crash', ['torn', 'lost after']) ?? 'kept',
    power: () => fault('centre power lost', ['lost before', 'lost after']) ?? 'kept',
    follower: () => fault('follower killed', ['lost before', 'lost after']) ?? 'kept',
    leader: () => fault('leader change', ['gone before', 'gone after']) ?? 'kept',
    wait: () => (armed && centres > 1 ? faulty.pick([0, 0, 0, 1, 1, 2, 5]) : 0),
  }

  const terminals = asked.terminals ?? born.pick([1, 2, 2, 3])
  const people = Array.from({ length: asked.phones ?? 3 }, (_, place) => ({
    // Every third phone shares an account with the one before it.
    account: `payer-${place % 3 === 2 ? place - 1 : place}`,
    limit: 400_000n,
    allowance: born.pick(['40.00', '400.00', '800.00', '1500.00']),
  }))
  const world = await makeWorld({ seed, terminals, phones: people, centres, faults: inject, twoShops: true, ...broken })
  const phones = world.phones.memories().map(({ phone, account }) => ({ phone, account }))
  const audit = auditor(world, phones)
  const calmly = async <Answer>(act: () => Promise<Answer>): Promise<Answer> => {
    const before = armed
    armed = false
    try {
      return await act()
    } finally {
      armed = before
    }
  }
  const scene: Scene = {
    world,
    audit,
    phones,
    centres,
    chance: () => chance,
    befell,
    calmly,
    count: outcome => tally(outcomes, outcome),
  }
  const take = { ...stepsOf(scene), ...officeStepsOf(scene) }
  const lots: StepName[] = [
    ...(Object.entries(usualSteps) as [StepName, number][]),
    ...faultSteps.filter(kind => weather.has(kind)).map(kind => [kind, rates[kind]] as const),
  ].flatMap(([name, weight]) => Array<StepName>(weight).fill(name))

  /** One step, and the auditor's questions after it. False where something is wrong. */
  const step = async (number: number): Promise<boolean> => {
    chance = dice(`step ${number} of ${seed}`)
    faulty = dice(`faults of step ${number} of ${seed}`)
    const name = chance.pick(lots)
    if ((without as readonly string[]).includes(name)) return true
    const ids = [...world.shops.keys()]
    if (ids.length === 0) return true
    const id = chance.pick(ids)
    trace.push({ step: number, words: `${name} at ${id}` })
    const lives = world.shops.get(id)?.life
    tally(did, name)
    armed = true
    try {
      await take[name](id)
      await world.settle()
    } catch (error) {
      // A disk that is full is told to whoever asked; who asked of a node that crashed, sees that.
      if (!(error instanceof StoreFailed || error instanceof Crashed)) audit.surprised(error)
    }
    armed = false
    await world.raise()
    await world.settle()
    await audit.after(id, lives !== world.shops.get(id)?.life)
    return audit.breaches.length === 0
  }

  /** All faults end; what was late arrives, tills come back to the network and send what waits. */
  const peace = async (): Promise<void> => {
    armed = false
    while (world.late() > 0) await world.arriveLate(0)
    // What somebody looks after in the first round, the tills hear of in the second.
    for (let round = 0; round < 3; round++) {
      for (const id of [...world.shops.keys()]) {
        world.skew(0, id)
        world.network(true, id)
        world.till(id).setNetwork(true)
        await world.sync(id)
      }
      await take['look after']('')
    }
    await audit.finish()
  }

  try {
    let going = true
    const steps = asked.only ?? { [Symbol.iterator]: everyStep }
    for (const number of steps) {
      if (!going || (did['tap'] ?? 0) >= (asked.taps ?? 30)) break
      going = await step(number)
    }
    await world.settle()
    if (going) await peace()
  } catch (error) {
    audit.surprised(error)
  }
  const report: Report = {
    seed,
    steps: Object.values(did).reduce((all, count) => all + count, 0),
    did,
    outcomes,
    faults,
    kinds,
    checked: Object.fromEntries(audit.checked) as Record<Law, number>,
    breaches: [...audit.breaches],
    trace,
    events: world.log.events.length,
    fingerprint: fingerprintOf(world),
  }
  await world.end()
  return report
}

function* everyStep() {
  for (let step = 1; step <= 100_000; step++) yield step
}

const fingerprintOf = ({ crypto, log, shops, disk }: World): string => {
  const texts = [log, ...[...shops.values()].map(({ store }) => store)].flatMap(({ events }) =>
    events.map(({ text, storedAt }) => `${storedAt} ${text}`),
  )
  const notes = [...shops.values()].map(({ notes }) => JSON.stringify([...notes]))
  return hex(crypto.sha256([...texts, ...notes, JSON.stringify([...disk.values()])].join('\n')))
}

/** All that a run may count of one form or another, so that a zero is seen. */
export const faultForms: readonly string[] = [
  'message delayed: overtaken',
  'message twice: twice',
  'message twice: twice at once',
  ...['field lost', 'centre power lost', 'follower killed'].flatMap(kind => [
    `${kind}: lost before`,
    `${kind}: lost after`,
  ]),
  ...['torn write', 'phone crash'].flatMap(kind => [`${kind}: torn`, `${kind}: lost after`]),
  ...moments.map(moment => `terminal crash: at ${moment}`),
]

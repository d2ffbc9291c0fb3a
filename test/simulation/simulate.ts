import { hex } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import { StoreFailed } from '#eventstore'
import { minorUnits } from '#money'
import { moments } from '../../apps/terminal/ports.ts'
import { auditor } from './invariants.ts'
import type { Breach, Law } from './laws.ts'
import { type Broken, type Mutant, mutants } from './mutants.ts'
import { dice, type Faults, makeWorld, type World } from './world.ts'

/** How often each fault comes, in a thousand chances. */
export type Rates = {
  /** Of an exchange over the air. */
  readonly field: number
  /** Of a message to the centre. */
  readonly network: number
  /** Of a moment between a sale and its receipt. */
  readonly crash: number
  /** Of an append of a terminal, and of a centre. */
  readonly disk: number
  readonly power: number
}
export const usualRates: Rates = { field: 50, network: 400, crash: 30, disk: 8, power: 25 }

export type Simulation = {
  readonly seed: string
  readonly terminals?: number
  readonly phones?: number
  /** The run ends after so many taps. */
  readonly taps?: number
  readonly rates?: Rates
  readonly mutant?: Mutant
}

export type Report = {
  readonly seed: string
  readonly steps: number
  /** Steps, outcomes of taps and faults, each with how often it came. */
  readonly did: Readonly<Record<string, number>>
  readonly outcomes: Readonly<Record<string, number>>
  readonly faults: Readonly<Record<string, number>>
  readonly checked: Readonly<Record<Law, number>>
  readonly breaches: readonly Breach[]
  readonly events: number
  /** A hash over all logs and all phones: the same seed gives the same. */
  readonly fingerprint: string
}

type Tally = Record<string, number>
const tally = (counts: Tally, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1
}

/** Steps and how often each is chosen. */
const steps = {
  tap: 42,
  key: 10,
  sync: 13,
  network: 7,
  clock: 6,
  cancel: 3,
  reverse: 6,
  day: 3,
  repay: 2,
  skew: 2,
  'restart terminal': 3,
  'restart phones': 2,
  'restart centre': 1,
} as const
type StepName = keyof typeof steps
const lots = (Object.entries(steps) as [StepName, number][]).flatMap(([name, weight]) =>
  Array<StepName>(weight).fill(name),
)

const minute_ms = 60_000

/** One run of a small world that follows from its seed, with an auditor beside it. It stops at the first breach. */
export const simulate = async (asked: Simulation): Promise<Report> => {
  const { seed, rates = usualRates } = asked
  const chance = dice(`steps of ${seed}`)
  const faulty = dice(`faults of ${seed}`)
  const outcomes: Tally = {}
  const faults: Tally = {}
  const did: Tally = {}
  let armed = false
  const broken: Broken = asked.mutant === undefined ? {} : mutants[asked.mutant].make()
  const centres = broken.centres ?? (chance.chance(30) ? 2 : 1)

  const comes = (rate: number): boolean => armed && faulty.below(1000) < rate
  const fault = <Fault extends string>(kind: string, rate: number, of: readonly Fault[]): Fault | undefined => {
    if (!comes(rate)) return undefined
    const chosen = faulty.pick(of)
    tally(faults, `${kind} ${chosen}`)
    return chosen
  }
  const inject: Faults = {
    field: () => fault('field', rates.field, ['lost before', 'lost after']) ?? 'kept',
    network: () => fault('message', rates.network, ['lost', 'answer lost', 'twice', 'twice at once']) ?? 'kept',
    centre: count => (armed ? faulty.below(count) : 0),
    holder: () => (armed && faulty.chance(12) ? faulty.pick(['consents', 'consents', 'refuses']) : 'waits'),
    crash: moment => fault('crash at', rates.crash, [moment]) !== undefined,
    disk: () => fault('disk', rates.disk, ['full']) ?? 'kept',
    wait: () => (armed && centres > 1 ? faulty.pick([0, 0, 0, 1, 1, 2, 5]) : 0),
    power: () => fault('power', rates.power, ['lost before', 'lost after']) ?? 'kept',
  }

  const terminals = asked.terminals ?? chance.pick([1, 2, 2, 3])
  const people = Array.from({ length: asked.phones ?? 3 }, (_, place) => ({
    // Every third phone shares an account with the one before it.
    account: `payer-${place % 3 === 2 ? place - 1 : place}`,
    limit: 400_000n,
    allowance: chance.pick(['40.00', '400.00', '800.00', '1500.00']),
  }))
  const world = await makeWorld({ seed, terminals, phones: people, centres, faults: inject, ...broken })
  const phones = world.phones.memories().map(({ phone, account, allowanceLeft }) => ({
    phone,
    account,
    allowance: BigInt(allowanceLeft),
  }))
  const audit = auditor(world, phones)
  const shopIds = [...world.shops.keys()]
  const pressed = new Map<string, () => Promise<void>>()
  const tore = new Map<string, string>()
  let reversals = 0
  let taps = 0

  const key = async (id: string): Promise<void> => {
    // Round sums, where shares of them round to even; small sums; and some that limits are for.
    const amount = chance.pick([100 * (1 + chance.below(20)), 1 + chance.below(2500), 1 + chance.below(16_000)])
    const sale = await world.key(BigInt(amount), id)
    if ('sale' in sale && typeof sale.sale === 'string') audit.keyed(id, sale.sale)
    if (isRefusal(sale) && sale.reason === 'DayNotOpen') await world.till(id).openDay()
  }

  const tap = async (id: string): Promise<void> => {
    const state = world.till(id).currentSale()?.state
    if (state !== 'waiting' && state !== 'torn') await key(id)
    // A torn sale is mostly tapped again by the phone that tore it.
    const before = world.till(id).currentSale()?.state === 'torn' && chance.chance(75) ? tore.get(id) : undefined
    const phone = before ?? chance.pick(phones).phone
    const outcome = await world.phones.tap(phone, id, chance.chance(70))
    taps += 1
    audit.tapped(id, outcome)
    tore.set(id, phone)
    if (!('outcome' in outcome)) return
    const sale = world.till(id).currentSale()
    const because = outcome.outcome === 'paid' ? undefined : (sale?.because?.reason ?? outcome.reason)
    tally(outcomes, [outcome.outcome, because].filter(Boolean).join(': '))
  }

  const reverse = async (id: string): Promise<void> => {
    const recorded = audit.recorded(id)
    if (recorded.length === 0) return
    const transaction = chance.pick(recorded)
    const amount = world.till(id).recorded(transaction)?.amount ?? 1n
    const part = 1n + (BigInt(chance.below(1000)) * amount) / 1000n
    const reversal = `reversal-${chance.chance(95) ? ++reversals : reversals}`
    const whole = chance.chance(40)
    const press = async (): Promise<void> => {
      const node = world.till(id)
      const answer = whole
        ? await node.voidTransaction(reversal, transaction)
        : await node.refundTransaction(reversal, transaction, minorUnits(part.toString()))
      if (!isRefusal(answer)) await audit.gaveBack(id, reversal, transaction, whole ? undefined : part)
    }
    // A cashier presses twice now and then.
    const again = chance.chance(15) ? pressed.get(id) : undefined
    pressed.set(id, press)
    await (again ?? press)()
  }

  const take: Record<StepName, (id: string) => Promise<void>> = {
    tap,
    key,
    sync: async id => void (await world.sync(id)),
    network: async id => {
      const on = chance.chance(65)
      world.network(on, id)
      if (chance.chance(30)) world.till(id).setNetwork(on)
    },
    clock: async () => {
      world.clock.at += (chance.chance(80) ? chance.below(90) : chance.below(40 * 60)) * minute_ms
    },
    cancel: async id => {
      const sale = chance.chance(50) ? world.till(id).currentSale()?.sale : audit.tornSales(id)[0]
      if (sale === undefined) return
      audit.cancels(id, sale)
      await world.till(id).cancelSale(sale)
    },
    reverse,
    day: async id => {
      if (isRefusal(await world.till(id).closeDay()) || chance.chance(80)) await world.till(id).openDay()
    },
    repay: async () => {
      const { account } = chance.pick(phones)
      const amount = minorUnits(`${1 + chance.below(3000)}`)
      const repayment = { account, amount, currency: 'EUR', source: 'bank', by: 'operator:test' }
      armed = false
      await world.centre().receiveRepayment(repayment)
      armed = true
      await world.settle()
    },
    skew: async id => world.skew((chance.below(13) - 6) * minute_ms, id),
    'restart terminal': world.restartTerminal,
    'restart phones': async () => world.restartPhones(),
    'restart centre': () => world.restartCentre(chance.below(centres)),
  }

  /** One step, and the auditor's questions after it. False where something is wrong. */
  const step = async (name: StepName): Promise<boolean> => {
    const id = chance.pick(shopIds)
    const node = world.till(id)
    tally(did, name)
    try {
      await take[name](id)
    } catch (error) {
      // A disk that is full is told to whoever asked.
      if (!(error instanceof StoreFailed)) audit.surprised(error)
    }
    await audit.after(id, node !== world.till(id))
    return audit.breaches.length === 0
  }

  /** All faults end; tills come back to the network and send what waits. */
  const peace = async (): Promise<void> => {
    armed = false
    for (const id of shopIds) {
      world.skew(0, id)
      world.network(true, id)
      world.till(id).setNetwork(true)
      await world.sync(id)
    }
    await audit.finish()
  }

  armed = true
  try {
    let going = true
    for (let taken = 0; going && taps < (asked.taps ?? 30) && taken < 100_000; taken++)
      going = await step(chance.pick(lots))
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
    checked: Object.fromEntries(audit.checked) as Record<Law, number>,
    breaches: [...audit.breaches],
    events: world.log.events.length,
    fingerprint: fingerprintOf(world),
  }
  await world.end()
  return report
}

const fingerprintOf = ({ crypto, log, shops, disk }: World): string => {
  const texts = [log, ...[...shops.values()].map(({ store }) => store)].flatMap(({ events }) =>
    events.map(({ text, storedAt }) => `${storedAt} ${text}`),
  )
  const notes = [...shops.values()].map(({ notes }) => JSON.stringify([...notes]))
  return hex(crypto.sha256([...texts, ...notes, JSON.stringify([...disk.values()])].join('\n')))
}

/** All that a run may count, so that a zero is seen. */
export const faultNames: readonly string[] = [
  'field lost before',
  'field lost after',
  'message lost',
  'message answer lost',
  'message twice',
  'message twice at once',
  'disk full',
  'power lost before',
  'power lost after',
  ...moments.map(moment => `crash at ${moment}`),
]

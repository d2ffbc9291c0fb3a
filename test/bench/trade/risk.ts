import type { Policy } from '#license/rules'
import { type Amount, amount } from '#money'
import { decide, evolve } from '#till'
import type { LicenseFacts, TapStart, TillCommand } from '#till/commands'
import type { TillEvent } from '#till/events'
import { acknowledge, emptyTill, type Till } from '#till/state'
import { forget } from '#till/window'
import { exactly, now, percentile, type Row, ratio } from '../measure.ts'

/**
 * What a terminal's decision costs after so many taps: every rule of the policy, on the state that a log of them leaves
 * in mind. The log itself is folded here and not written: a million taps are fifteen gigabytes of it.
 */

const few = 1_000
const phones = 50_000
const tapsOfDay = 500
const waiting = 200
const rounds = 5
const decisions = 20_000
/** As the terminal has it: so many of the newest in mind. */
const inMind = 1_000

const id = (tap: number): string => tap.toString(16).padStart(32, '0')
const dateOf = (day: number): string => new Date(Date.UTC(2020, 0, 1 + day)).toISOString().slice(0, 10)
const frames = {
  radio: 'loopback',
  sealing: { publicKey: 'cHVi', privateKey: 'cHJpdg' },
  getRequest: 'R0VU',
  getResponse: 'U1RBVFVT',
} as const
const price = { amount: '110', currency: 'EUR' }

/** What a tap leaves on the disk, in the order of its two appends. */
const factsOf = (tap: number, businessDate: string): readonly TillEvent[] => {
  const [transaction, sale, license] = [id(tap), `sale-${tap}`, `l-${(tap * 7919) % phones}`]
  const of = { tap, transaction }
  return [
    { type: 'TapStarted', data: { ...of, sale, ...price, ...frames } },
    { type: 'LicenseVerified', data: { ...of, license, card: '9', allowanceBefore: '90000', checks: [] } },
    { type: 'DeductionRequested', data: { ...of, sale, license, counter: 1, ...price, put: 'UFVU', resent: false } },
    {
      type: 'TransactionRecorded',
      data: {
        transaction,
        sale,
        receiptNumber: tap,
        businessDate,
        ...price,
        card: '9',
        license,
        counter: 1,
        payment: id(tap).repeat(2),
        allowanceLeft: '89890',
        occurred: `${businessDate}T12:00:00.000Z`,
      },
    },
  ]
}

/** A till that has taken so many taps, day after day, all but the newest of them at the centre. */
const tillAfter = (taps: number): Till => {
  const till = emptyTill()
  let revision = 0
  const say = (event: TillEvent): void => void evolve(till, { ...event, revision: revision++ })
  for (let tap = 1; tap <= taps; tap++) {
    const businessDate = dateOf(Math.floor((tap - 1) / tapsOfDay))
    if ((tap - 1) % tapsOfDay === 0) say({ type: 'DayOpened', data: { businessDate } })
    for (const fact of factsOf(tap, businessDate)) say(fact)
    if (tap % 100 !== 0) continue
    if (tap <= taps - waiting) acknowledge(till, revision - 1)
    forget(till, inMind)
  }
  if (till.waiting.length !== waiting) throw new Error(`${till.waiting.length} wait on the till, not ${waiting}`)
  return till
}

const much = (10n ** 15n) as Amount
const policy: Policy = {
  version: 1,
  issued: 0,
  currency: 'EUR',
  perTransaction: much,
  sinceSeen: { count: 1_000, sum: much },
  perKeyOnTerminal: much,
  stored: { count: 100_000, sum: much },
  hoursSinceSync: 72,
  denyListAge_hours: 96,
  policyAge_hours: 720,
  clockTolerance_s: 300,
  roundTrip_ms: 1500,
  overridable: [],
}

/** Phones that paid here before, and none of them twice in a row. */
const asked = (nth: number): TillCommand => {
  const license: LicenseFacts = {
    license: `l-${(nth * 104_729) % phones}`,
    card: '9',
    allowance: amount(100_000n),
    allowanceLeft: amount(50_000n),
    perTransaction: much,
    consecutive: 1_000,
    counterAtIssue: 0,
    counter: 7,
  }
  const sale = { sale: `asked-${nth}`, amount: amount(110n), currency: 'EUR', state: 'waiting' } as const
  const start: TapStart = { tap: nth, transaction: id(10_000_000 + nth), sale, ...frames }
  return {
    type: 'RequestDeduction',
    start,
    checks: [],
    license,
    put: 'UFVU',
    policy,
    clock: { now_ms: 0, lastSync_ms: 0 },
  }
}

const decideOften = (till: Till): number[] => {
  const took: number[] = []
  for (let nth = 0; nth < decisions; nth++) {
    const command = asked(nth)
    const began = now()
    const said = decide(command, till)
    took.push(now() - began)
    if (!Array.isArray(said) || said.length !== 3) throw new Error(`The tap was refused: ${JSON.stringify(said)}`)
  }
  return took
}

export const risk = async (many: number): Promise<Row> => {
  const tills = { few: tillAfter(few), many: tillAfter(many) }
  const heap_MB = process.memoryUsage().heapUsed / 2 ** 20
  const taken = { few: [] as number[][], many: [] as number[][] }
  decideOften(tills.few)
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? (['few', 'many'] as const) : (['many', 'few'] as const))
      taken[name].push(decideOften(tills[name]))
  const at = (name: keyof typeof taken, percent: number) => taken[name].map(took => percentile(took, percent))
  const spreadOf = (values: readonly number[]) => ({
    median: percentile(values, 50),
    min: Math.min(...values),
    max: Math.max(...values),
  })
  return {
    name: 'risk',
    what: `a terminal's decision on a tap, ${rounds} rounds of ${decisions} by turns`,
    durable: 'nothing: it is what is decided before the append',
    checked: 'every decision asks for a deduction, after every rule of the policy',
    data: `${many.toLocaleString('en')} past taps of ${phones.toLocaleString('en')} phones, and ${few.toLocaleString('en')}; ${waiting} payments wait on each till`,
    figures: [
      { what: `after ${many.toLocaleString('en')} taps, p50`, unit: 'ms', value: spreadOf(at('many', 50)) },
      {
        what: `after ${many.toLocaleString('en')} taps, p99`,
        unit: 'ms',
        value: spreadOf(at('many', 99)),
        target: { atMost: 1 },
      },
      { what: `after ${few.toLocaleString('en')} taps, p99`, unit: 'ms', value: spreadOf(at('few', 99)) },
      { what: 'many of few, p50', unit: 'times', value: ratio(at('many', 50), at('few', 50)), target: { atMost: 1.2 } },
      { what: 'this process, both tills in mind', unit: 'MB', value: exactly(heap_MB) },
    ],
  }
}

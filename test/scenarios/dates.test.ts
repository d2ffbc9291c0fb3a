import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ReplayLine, replayAccount } from '#evidence/replay'
import { amount } from '#money'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre } from './hand.ts'

/**
 * A payment that arrives late. What was owed when, and what we knew when, are two questions; here they have answers
 * that differ, and every figure is worked out below.
 *
 *     limit 500.00, allowance 200.00 for anna's phone
 *
 *     23 Nov 10:00  12.50 at T-1, synced at once
 *     23 Nov 11:00  30.00 at T-2, which is offline
 *     23 Nov 12:00   5.00 repaid
 *     23 Nov 13:00   7.00 at T-1, synced at once      ← N, the log index here
 *     24 Nov 08:00  T-2 syncs: the 30.00 of yesterday arrives
 */
let world: World
let n: number
const moment = (day: number, hour: number) => Date.UTC(2026, 10, day, hour)
const iso = (day: number, hour: number, minute = 0) => new Date(Date.UTC(2026, 10, day, hour, minute)).toISOString()

const pay = async (minor: bigint, terminal: string) => {
  orThrow(await world.key(minor, terminal))
  expect(await world.tap('anna', terminal)).toMatchObject({ outcome: 'paid' })
}

beforeAll(async () => {
  world = await makeWorld({ seed: 'dates', terminals: 2 })
  world.network(false, 'T-2')
  world.clock.at = moment(23, 10)
  await pay(1250n, 'T-1')
  orThrow(await world.sync('T-1'))
  world.clock.at = moment(23, 11)
  await pay(3000n, 'T-2')
  world.clock.at = moment(23, 12)
  const repaid = { account: 'anna', amount: amount(500n), currency: 'EUR', source: 'bank', by: 'operator:test' }
  orThrow(await world.centre().receiveRepayment(repaid))
  world.clock.at = moment(23, 13)
  await pay(700n, 'T-1')
  orThrow(await world.sync('T-1'))
  n = world.log.events.length - 1
  world.clock.at = moment(24, 8)
  world.network(true, 'T-2')
  orThrow(await world.sync('T-2'))
})
afterAll(() => world.end())

type Asked = { readonly at?: string; readonly knownAt?: number }
type Figures = { limit: string; owed: string; held: string; available: string }
const figures = ({ limit, owed, held, available }: Figures): Figures => ({ limit, owed, held, available })

const asked = async (question: Asked = {}) =>
  orThrow<unknown>(await world.centre().ask.balance({ account: 'anna', ...question })) as Figures & {
    index: number
    straddling: { amount: string; posting: string }[]
  }
const replayed = async (question: Asked = {}) => {
  const lines: ReplayLine[] = []
  for await (const line of replayAccount(world.crypto, world.log, 'anna', question)) lines.push(line)
  expect(lines.at(-1)).toMatchObject({ line: 'finding', holds: true })
  const balance = lines.findLast(line => line.line === 'balance')
  if (balance?.line !== 'balance') throw new Error('no balance')
  return { ...balance.figures, missing: balance.missing }
}

describe('three balances that differ', () => {
  const late = iso(23, 11, 30)
  it.each<[string, () => Asked, Figures]>([
    [
      // owed 12.50 + 30.00 + 7.00 − 5.00; held 200.00 − 49.50; available 500.00 − 44.50 − 150.50
      'now',
      () => ({}),
      { limit: '500.00', owed: '44.50', held: '150.50', available: '305.00' },
    ],
    [
      // As of 11:30, with all that is known today: owed 12.50 + 30.00; held 200.00 − 42.50; no repayment yet.
      '--at',
      () => ({ at: late }),
      { limit: '500.00', owed: '42.50', held: '157.50', available: '300.00' },
    ],
    [
      // As known at N, with all that had happened: owed 12.50 + 7.00 − 5.00; held 200.00 − 19.50.
      '--known-at',
      () => ({ knownAt: n }),
      { limit: '500.00', owed: '14.50', held: '180.50', available: '305.00' },
    ],
    [
      // As of 11:30, as known at N: the 30.00 were not known, the repayment and the 7.00 had not happened.
      'both',
      () => ({ at: late, knownAt: n }),
      { limit: '500.00', owed: '12.50', held: '187.50', available: '300.00' },
    ],
  ])('%s', async (_, question, expected) => {
    expect(figures(await asked(question()))).toEqual(expected)
    expect(await replayed(question())).toEqual({ currency: 'EUR', ...expected, missing: 0 })
  })

  it('rows and replay agree at every index of the log, and at every hour of the two days', async () => {
    const opened = world.log.events.find(({ type }) => type === 'AccountOpened')?.index as number
    for (let knownAt = opened; knownAt < world.log.events.length; knownAt++) {
      const { currency: _, missing: __, ...held } = await replayed({ knownAt })
      expect(figures(await asked({ knownAt }))).toEqual(held)
    }
    for (let hour = 10; hour < 34; hour++) {
      const at = iso(23, hour, 30)
      const { currency: _, missing: __, ...held } = await replayed({ at })
      expect(figures(await asked({ at }))).toEqual(held)
    }
  })

  it('a question beyond what is known is answered as of what is known, and says its index', async () => {
    const far = await asked({ knownAt: 9_999 })
    expect(far.index).toBe(world.log.events.length - 1)
    expect(figures(far)).toEqual(figures(await asked()))
    expect((await asked({ knownAt: n })).index).toBe(n)
  })
})

describe('the late payment', () => {
  type Accepted = {
    gross: string
    terminal: string
    occurred: { at: string; after: string; before: string }
    businessDate: string
    bookingDate: string
  }
  const accepted = (gross: string) =>
    atCentre<Accepted>(world, 'PaymentAccepted').find(({ data }) => data.gross === gross)?.data as Accepted

  it('happened on the 23rd, was the shop’s on the 23rd, and is booked on the 24th', () => {
    const { occurred, businessDate, bookingDate } = accepted('3000')
    expect(occurred.at.slice(0, 16)).toBe('2026-11-23T11:00')
    // Not before the rules that the terminal worked under, not after the centre had it.
    expect(occurred.after).toBe('2026-11-23T09:00:00.000Z')
    expect(occurred.before).toBe('2026-11-24T08:00:00.000Z')
    expect({ businessDate, bookingDate }).toEqual({ businessDate: '2026-11-23', bookingDate: '2026-11-24' })
  })

  it('counts from its own instant, to the millisecond', async () => {
    const { at } = accepted('3000').occurred
    const before = new Date(Date.parse(at) - 1).toISOString()
    expect((await asked({ at })).owed).toBe('42.50')
    expect((await asked({ at: before })).owed).toBe('12.50')
    expect((await replayed({ at })).owed).toBe('42.50')
    expect((await replayed({ at: before })).owed).toBe('12.50')
  })

  it('could lie on either side of 11:30, and so could the one of 13:00: both are told beside the figure', async () => {
    const { straddling } = await asked({ at: iso(23, 11, 30) })
    const payers = straddling.filter(({ posting }) => posting === 'payer:anna')
    expect(payers.map(({ amount }) => amount).toSorted()).toEqual(['30.00', '7.00'])
    // The one of 10:00 was at the centre by then: it is certain.
    expect((await asked({ at: iso(23, 12, 30), knownAt: n })).straddling.map(({ amount }) => amount)).toEqual([
      '7.00',
      '7.00',
    ])
  })
})

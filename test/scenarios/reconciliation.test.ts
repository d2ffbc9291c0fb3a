import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Event } from '#canonical/event'
import type { EventStore, StoredEvent } from '#eventstore'
import { noSkips, project } from '#eventstore/follower'
import { memoryRows } from '#eventstore/memory/rows'
import { amount, formatAmount } from '#money'
import { days, reconciledDays } from '#projections/days'
import { type Head, type Held, reconcile, type Witness } from '#reconciliation'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre, rechained } from './hand.ts'

/**
 * A day at one till, closed, and the centre's log of it in somebody's hands. The till counts in its own state; what is
 * taken out of a copy, put in twice or altered is named with its amount.
 *
 *     12.50, 33.33 and 7.00 paid; 4.00 torn and cancelled; 20.00 declined; the 7.00 voided; 10.00 of 33.33 refunded
 */
let world: World
let stream: readonly StoredEvent[]
/** At which exchange from now on the field is lost; 0 for none. */
let losing = 0

beforeAll(async () => {
  const field = () => (losing > 0 && --losing === 0 ? 'lost before' : 'kept')
  world = await makeWorld({ seed: 'reconciliation', faults: { field } })
  const paid: string[] = []
  for (const minor of [1250n, 3333n, 700n]) {
    orThrow(await world.key(minor))
    paid.push(((await world.tap('anna')) as { transaction: string }).transaction)
  }
  const torn = orThrow(await world.key(400n)) as { sale: string }
  // PUT is the second.
  losing = 2
  expect(await world.tap('anna')).toMatchObject({ outcome: 'declined' })
  expect(world.till().saleOf(torn.sale)).toMatchObject({ state: 'torn' })
  orThrow(await world.till().cancelSale(torn.sale))
  const declined = orThrow(await world.key(2_000n)) as { sale: string }
  lock(true)
  await world.tap('anna')
  expect(world.till().saleOf(declined.sale)).toMatchObject({ state: 'declined', because: { reason: 'PhoneLocked' } })
  lock(false)
  const [, large = '', small = ''] = paid
  orThrow(await world.till().voidTransaction('v-1', small))
  orThrow(await world.till().refundTransaction('r-1', large, amount(1_000n)))
  orThrow(await world.till().closeDay())
  orThrow(await world.sync())
  stream = world.log.events.filter(event => event.stream === 'terminal-T-1')
})
afterAll(() => world.end())

const lock = (locked: boolean): void => {
  for (const memory of world.disk.values()) world.disk.set(memory.phone, { ...memory, locked })
  world.restartPhones()
}

/** The verdicts on the terminal's events, and the heads it signed: what else the centre holds of it. */
const beside = (): { witnesses: Witness[]; heads: Head[] } => {
  type Verdict = { event: string; transaction: string; gross: string; amount: string; kind: string }
  const accepted = atCentre<Verdict>(world, 'PaymentAccepted').map(({ data: { event, transaction, gross } }) => ({
    ...{ event, transaction, currency: 'EUR' },
    line: 'sales' as const,
    amount: BigInt(gross),
  }))
  const reversed = atCentre<Verdict>(world, 'ReversalAccepted').map(
    ({ data: { event, transaction, amount, kind } }) => ({
      ...{ event, transaction, currency: 'EUR' },
      line: kind === 'void' ? ('voids' as const) : ('refunds' as const),
      amount: BigInt(amount),
    }),
  )
  type Batch = { from: number; count: number; head: string }
  const heads = atCentre<Batch>(world, 'BatchAccepted').map(({ data: { from, count, head } }) => ({
    revision: from + count - 1,
    hash: head,
  }))
  return { witnesses: [...accepted, ...reversed], heads }
}
const found = (held: readonly Held[]) =>
  reconcile(world.crypto, 'T-1', held, beside()).differences.map(({ kind, amount, message }) => ({
    kind,
    amount: formatAmount(amount, 'EUR'),
    message,
  }))

const line = (count: number, sum: string) => ({ count, sum })
const counted = {
  sales: line(3, '52.83'),
  voids: line(1, '7.00'),
  refunds: line(1, '10.00'),
  declined: line(1, '20.00'),
  torn: line(1, '4.00'),
}

describe('an honest day', () => {
  it('is counted by the till in its own state, and by the centre from the events, alike', async () => {
    const { days: answer } = orThrow(await world.centre().ask.reconciliation())
    expect(answer).toMatchObject([
      { terminal: 'T-1', businessDate: '2026-11-23', till: counted, centre: counted, differences: [], complete: true },
    ])
  })

  it('has no difference under the thorough look either', () => {
    expect(found(stream)).toEqual([])
    expect(reconcile(world.crypto, 'T-1', stream, beside()).days).toMatchObject([{ closed: true, complete: true }])
  })
})

/** Those events that a line of the day counts, and the amounts that they are about. */
const about: readonly (readonly [type: string, nth: number, amount: string])[] = [
  ['TransactionRecorded', 0, '12.50'],
  ['TransactionRecorded', 1, '33.33'],
  ['TransactionRecorded', 2, '7.00'],
  ['TapTorn', 0, '4.00'],
  ['TransactionDeclined', 0, '20.00'],
  ['TransactionVoided', 0, '7.00'],
  ['RefundRecorded', 0, '10.00'],
]
const nth = (type: string, place: number): StoredEvent =>
  stream.filter(event => event.type === type)[place] as StoredEvent
const without = ({ id }: StoredEvent) => stream.filter(event => event.id !== id)
const twice = ({ id }: StoredEvent) => stream.flatMap(event => (event.id === id ? [event, event] : [event]))
const withText = (id: string, text: string) => stream.map(event => (event.id === id ? { ...event, text } : event))

describe('an event removed', () => {
  it.each(about)('%s %i, of %s', (type, place, sum) => {
    const gone = nth(type, place)
    const differences = found(without(gone))
    expect(
      differences.some(
        ({ kind, message }) => kind === 'Missing' && message.includes(`Revision ${gone.revision} of T-1`),
      ),
    ).toBe(true)
    expect(differences.map(({ amount }) => amount)).toContain(sum)
  })

  it('any event of the stream is missed, by its revision', () => {
    // Without the first the terminal has not said who it is, and still its revision is missed.
    for (const gone of stream)
      expect(found(without(gone)).map(({ kind, message }) => `${kind}: ${message}`)).toContainEqual(
        expect.stringContaining(`Missing: Revision ${gone.revision} of T-1 is missing`),
      )
  })
})

describe('an event doubled', () => {
  it.each(about.filter(([type]) => type !== 'TapTorn'))('%s %i, of %s', (type, place, sum) =>
    expect(found(twice(nth(type, place)))).toMatchObject([{ kind: 'Duplicate', amount: sum }]),
  )

  it('any event of the stream is named once', () => {
    for (const event of stream)
      expect(
        found(twice(event)).map(({ kind, message }) => [kind, message.includes(`Revision ${event.revision} of T-1`)]),
      ).toEqual([['Duplicate', true]])
  })
})

describe('an event altered', () => {
  const dearer = (event: Event): Event => {
    const data = event.data as { amount: string }
    return { ...event, data: { ...data, amount: (BigInt(data.amount) + 100n).toString() } }
  }
  const withAmount = about.filter(([type]) => type !== 'TapTorn')

  it.each(withAmount)('%s %i of %s, by one euro', (type, place, sum) => {
    const stored = nth(type, place)
    const differences = found(withText(stored.id, JSON.stringify(dearer(JSON.parse(stored.text) as Event))))
    // Of a declined sale no verdict tells what it was: it is named with what it says now.
    const told = type === 'TransactionDeclined' ? '21.00' : '1.00'
    expect(differences[0]).toMatchObject({ kind: 'AmountMismatch', amount: told })
    expect(differences[0]?.message).toContain(`Revision ${stored.revision} of T-1, ${type}, was altered`)
    if (type !== 'TransactionDeclined') expect(differences[0]?.message).toContain(`was ${sum}`)
    // The till's own totals differ by that euro, too.
    expect(differences[1]).toMatchObject({ kind: 'TotalsMismatch', amount: '1.00' })
  })

  it.each(withAmount)('%s %i of %s, by one euro, and every hash after it computed anew', (type, place) => {
    const stored = nth(type, place)
    const texts = rechained(stream, stored.id, dearer)
    const differences = found(stream.map(event => ({ ...event, text: texts.get(event.id) as string })))
    expect(differences.length).toBeGreaterThan(0)
    // The head that the terminal signed is not this one, and the totals differ by the euro.
    expect(differences.some(({ message }) => message.includes('signed'))).toBe(true)
    expect(differences).toContainEqual(expect.objectContaining({ kind: 'TotalsMismatch', amount: '1.00' }))
  })
})

describe('the rows of a centre that was given such a copy', () => {
  /** As a store gives it: revisions as they were written, indexes in the order of the copy. */
  const storeOf = (events: readonly StoredEvent[]): Pick<EventStore, 'follow'> => ({
    follow: async function* ({ from }) {
      yield events.map((event, index) => ({ ...event, index })).slice(from)
      yield []
    },
  })
  const reconciled = async (events: readonly StoredEvent[]) => {
    const rows = memoryRows()
    const ending = new AbortController()
    const onProgress = ({ caughtUp }: { caughtUp: boolean }) => caughtUp && ending.abort()
    await project({
      store: storeOf(events),
      rows,
      projections: [days],
      skips: noSkips,
      signal: ending.signal,
      onProgress,
    })
    const [day] = (await reconciledDays(rows)).days
    return { complete: day?.complete, differences: day?.differences.map(({ kind, amount }) => [kind, amount]) }
  }

  it('agree with the till where nothing was touched', async () =>
    expect(await reconciled(stream)).toEqual({ complete: true, differences: [] }))

  it('miss the payment that was taken out', async () =>
    expect(await reconciled(without(nth('TransactionRecorded', 1)))).toEqual({
      complete: false,
      differences: [
        ['Missing', '33.33'],
        ['TotalsMismatch', '33.33'],
      ],
    }))

  it('count the payment that is there twice once, and name it', async () =>
    expect(await reconciled(twice(nth('TransactionRecorded', 1)))).toEqual({
      complete: true,
      differences: [['Duplicate', '33.33']],
    }))

  it('differ from the till by what was altered', async () => {
    const stored = nth('TransactionRecorded', 1)
    const text = stored.text.replace('"amount":"3333"', '"amount":"3433"')
    expect(text).not.toBe(stored.text)
    expect(await reconciled(withText(stored.id, text))).toEqual({
      complete: true,
      differences: [['TotalsMismatch', '1.00']],
    })
  })
})

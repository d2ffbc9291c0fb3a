import type { Event } from '#canonical/event'
import { evolve } from '#till'
import type { DayTotals, TillEvent } from '#till/events'
import { emptyTill } from '#till/state'
import { hash, type log, transaction } from './trade.ts'

/**
 * A terminal's stream for tests: what happens in a shop in a day, written as the till writes it. The totals of the close
 * are the till's own, counted in its state.
 */

const octets = 'AAAA'
const date = '2026-11-23'
const money = (amount: string) => ({ amount, currency: 'EUR' })

export const shopDay = (write: ReturnType<typeof log>['write'], terminal = 'T-1') => {
  const stream = `terminal-${terminal}`
  let till = emptyTill()
  let taps = 0
  let receiptNumber = 0
  let at = 0
  let last: Event | undefined
  const say = async (...facts: readonly TillEvent[]): Promise<Event[]> => {
    at += 1
    const minute = `2026-11-23T09:${at.toString().padStart(2, '0')}:00.000Z`
    const written = await write(stream, minute, ...facts)
    for (const event of written) till = evolve(till, event as Event & TillEvent)
    last = written.at(-1)
    return written
  }
  const record = () => {
    receiptNumber += 1
    return { receiptNumber, businessDate: till.day?.businessDate ?? date }
  }
  const asked = (name: string, amount: string): TillEvent[] => {
    taps += 1
    const of = { tap: taps, transaction: transaction(name) }
    const tap = { ...of, sale: `sale-${name}` }
    return [
      {
        type: 'TapStarted',
        data: {
          ...tap,
          ...money(amount),
          radio: 'loopback',
          sealing: { publicKey: octets, privateKey: octets },
          getRequest: octets,
          getResponse: octets,
        },
      },
      {
        type: 'LicenseVerified',
        data: { ...of, license: 'l-1', card: '9250000000000017', allowanceBefore: '90000', checks: [] },
      },
      {
        type: 'DeductionRequested',
        data: { ...tap, license: 'l-1', counter: taps, ...money(amount), put: octets, resent: false },
      },
    ]
  }
  const paid = (name: string, amount: string): TillEvent[] => [
    {
      type: 'PayloadDecrypted',
      data: {
        tap: taps,
        transaction: transaction(name),
        payment: hash(name),
        sealedIn: taps,
        response: octets,
        checks: [],
        roundTrip_ms: 12,
      },
    },
    {
      type: 'TransactionRecorded',
      data: {
        transaction: transaction(name),
        sale: `sale-${name}`,
        ...record(),
        ...money(amount),
        card: '9250000000000017',
        license: 'l-1',
        counter: taps,
        payment: hash(name),
        allowanceLeft: '80000',
        occurred: '2026-11-23T09:30:00.000Z',
      },
    },
  ]
  const reversal = (name: string, amount: string) => ({
    reversal: `r-${name}-${amount}`,
    transaction: transaction(name),
    payment: hash(name),
    license: 'l-1',
    ...record(),
    ...money(amount),
    occurred: '2026-11-23T09:40:00.000Z',
  })
  return {
    say,
    till: () => till,
    commissioned: () =>
      say({
        type: 'TerminalCommissioned',
        data: { terminal, merchant: 'm-1', merchantName: 'Bakery', shop: 's-1', mode: 'test', certificate: octets },
      }),
    opened: (businessDate = date) => say({ type: 'DayOpened', data: { businessDate } }),
    sold: async (name: string, amount: string) => [
      ...(await say(...asked(name, amount))),
      ...(await say(...paid(name, amount))),
    ],
    torn: async (name: string, amount: string) => [
      ...(await say(...asked(name, amount))),
      ...(await say({
        type: 'TapTorn',
        data: { tap: taps, transaction: transaction(name), sale: `sale-${name}`, during: 'GET #2' },
      })),
    ],
    /** What a terminal that crashed may write once more for a tap that is settled. */
    tornAgain: (name: string) =>
      say({
        type: 'TapTorn',
        data: { tap: taps, transaction: transaction(name), sale: `sale-${name}`, during: 'GET #2' },
      }),
    abandoned: (name: string) =>
      say({
        type: 'TapResolved',
        data: { transaction: transaction(name), sale: `sale-${name}`, outcome: 'abandoned' },
      }),
    paidAfterAll: (name: string, amount: string) => say(...paid(name, amount)),
    declined: async (name: string, amount: string) => {
      const [started, verified] = asked(name, amount) as [TillEvent, TillEvent, TillEvent]
      const reason = { reason: 'AllowanceExceeded', message: 'not enough left' }
      const data = { sale: `sale-${name}`, transaction: transaction(name), ...reason, ...record(), ...money(amount) }
      return say(started, verified, { type: 'TransactionDeclined', data })
    },
    voided: (name: string, amount: string) => say({ type: 'TransactionVoided', data: reversal(name, amount) }),
    refunded: (name: string, amount: string) => say({ type: 'RefundRecorded', data: reversal(name, amount) }),
    closed: (totals?: DayTotals) => {
      const { businessDate, firstRevision, totals: counted } = till.day as NonNullable<typeof till.day>
      const range = { firstRevision, lastRevision: last?.revision ?? 0, head: last?.hash ?? hash('') }
      return say({
        type: 'DayClosed',
        data: { ...record(), businessDate, currency: 'EUR', totals: totals ?? counted, ...range },
      })
    },
  }
}

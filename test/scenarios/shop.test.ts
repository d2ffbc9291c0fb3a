import { afterEach, describe, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import { amount } from '#money'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre, atTerminal } from './hand.ts'

/** A shop with people in it: cashiers and supervisors, forgotten days, and receipts that are brought to another till. */

let world: World
afterEach(() => world.end())

const hour_ms = 3_600_000
const anna = [{ account: 'anna', limit: 100_000n, allowance: '500.00' }]
const boss = { staff: '1', pin: '1234' }

const staffed = async (options: Partial<Parameters<typeof makeWorld>[0]> = {}) => {
  world = await makeWorld({ seed: 'shop', phones: anna, ...options })
  const { people } = world.till()
  orThrow(await people.appoint({ ...boss, name: 'Ruth', role: 'supervisor' }))
  orThrow(await people.appoint({ staff: '2', name: 'Tom', role: 'cashier', pin: '87654321', by: boss }))
  orThrow(await people.signOn('2', '87654321'))
}
const pay = async (minor: bigint, id = 'T-1') => {
  orThrow(await world.key(minor, id))
  return world.tap('anna', id)
}
const firstPaid = (): string => atTerminal(world, 'TransactionRecorded')[0]?.data.transaction ?? ''
/** What stands on the screen. */
const shown = () => world.till().currentSale()

describe('a supervisor', () => {
  it('lets one rule pass for one sale, and the log alone shows who and what', async () => {
    await staffed()
    await pay(15_000n)
    await pay(15_000n)
    expect(await pay(500n)).toMatchObject({ outcome: 'declined' })
    const declined = shown()
    expect(declined).toMatchObject({ state: 'declined', overridable: true, because: { reason: 'FloorLimitExceeded' } })
    const sale = declined?.sale as string

    // A cashier is no supervisor, and a wrong PIN is nobody's.
    expect(await world.till().overrideSale(sale, { staff: '2', pin: '87654321' })).toMatchObject({
      reason: 'NotASupervisor',
    })
    expect(await world.till().overrideSale(sale, { staff: '1', pin: '9999' })).toMatchObject({ reason: 'PinWrong' })
    expect(await world.till().overrideSale(sale, boss)).toMatchObject({
      state: 'waiting',
      overridden: ['FloorLimitExceeded'],
    })
    expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
    const [overrode] = atTerminal(world, 'SupervisorOverrode')
    const recorded = atTerminal(world, 'TransactionRecorded').at(-1)
    expect(overrode?.data).toMatchObject({
      rule: 'FloorLimitExceeded',
      supervisor: '1',
      sale,
      transaction: recorded?.data.transaction,
    })
    // In one append with the deduction that it allows, and before it.
    const events = world.shops.get('T-1')?.store.events ?? []
    const at = events.findIndex(({ type }) => type === 'SupervisorOverrode')
    expect(events[at + 1]?.type).toBe('DeductionRequested')
    // The next sale is asked anew.
    expect(await pay(500n)).toMatchObject({ outcome: 'declined' })
    orThrow(await world.sync())
    expect(atCentre(world, 'PaymentAccepted')).toHaveLength(3)
  })

  it('lets an old deny list and a long silence pass, each by itself; the centre sees the merchant answer for it', async () => {
    await staffed()
    world.network(false)
    world.clock.at += 97 * hour_ms
    expect(await pay(500n)).toMatchObject({ outcome: 'declined' })
    const sale = shown()?.sale as string
    expect(shown()?.because?.reason).toBe('DenyListTooOld')
    orThrow(await world.till().overrideSale(sale, boss))
    expect(await world.tap('anna')).toMatchObject({ outcome: 'declined' })
    expect(shown()?.because?.reason).toBe('SyncTooLongAgo')
    orThrow(await world.till().overrideSale(sale, boss))
    expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
    expect(atTerminal(world, 'SupervisorOverrode').map(({ data }) => data.rule)).toEqual([
      'DenyListTooOld',
      'SyncTooLongAgo',
    ])
    world.network(true)
    orThrow(await world.sync())
    const [accepted] = atCentre<{ exceptions: string[] }>(world, 'PaymentAccepted')
    expect(accepted?.data.exceptions).toContain('DenyListedAtTap')
  })

  it('cannot let pass what the policy does not name', async () => {
    await staffed()
    expect(await pay(15_001n)).toMatchObject({ outcome: 'declined' })
    expect(shown()).toMatchObject({ state: 'declined', overridable: false })
    const sale = shown()?.sale as string
    expect(await world.till().overrideSale(sale, boss)).toMatchObject({ reason: 'OverrideNotAllowed' })
  })

  it('has nothing to let pass on a sale that waits, or is not known', async () => {
    await staffed()
    const { sale } = orThrow(await world.key(500n)) as { sale: string }
    expect(await world.till().overrideSale(sale, boss)).toMatchObject({ reason: 'SaleNotDeclined' })
    expect(await world.till().overrideSale('sale 9', boss)).toMatchObject({ reason: 'SaleUnknown' })
  })
})

describe('a PIN', () => {
  const guess = (pin: string) => world.till().people.check('1', pin)

  it('costs growing waits when it is wrong, which a restart shortens not', async () => {
    await staffed()
    for (let wrong = 1; wrong <= 3; wrong++) expect(await guess('0000')).toMatchObject({ reason: 'PinWrong' })
    expect(await guess('1234')).toMatchObject({ reason: 'PinThrottled', wait_s: 30 })
    await world.restartTerminal('T-1')
    expect(await guess('1234')).toMatchObject({ reason: 'PinThrottled', wait_s: 30 })
    world.clock.at += 31_000
    expect(await guess('0000')).toMatchObject({ reason: 'PinWrong', wait_s: 60 })
    world.clock.at += 31_000
    expect(await guess('1234')).toMatchObject({ reason: 'PinThrottled' })
    world.clock.at += 31_000
    expect(await guess('1234')).toBeUndefined()
    expect(await guess('0000')).toMatchObject({ reason: 'PinWrong', wait_s: 0 })
  })

  it('waits no shorter for a clock that is turned back, and not for years for one that was years ahead', async () => {
    await staffed()
    for (let wrong = 1; wrong <= 3; wrong++) await guess('0000')
    world.clock.at -= 24 * hour_ms
    expect(await guess('1234')).toMatchObject({ reason: 'PinThrottled', wait_s: 30 })
    world.clock.at += 24 * hour_ms + 31_000
    expect(await guess('0000')).toMatchObject({ reason: 'PinWrong', wait_s: 60 })
    const right = world.clock.at
    world.clock.at += 365 * 24 * hour_ms
    expect(await guess('0000')).toMatchObject({ reason: 'PinWrong', wait_s: 120 })
    world.clock.at = right
    expect(await guess('1234')).toMatchObject({ reason: 'PinThrottled', wait_s: 120 })
    world.clock.at += 60_000
    expect(await guess('1234')).toMatchObject({ reason: 'PinThrottled', wait_s: 60 })
    await world.restartTerminal('T-1')
    world.clock.at += 61_000
    expect(await guess('1234')).toBeUndefined()
  })

  it('is guessed one at a time, however many come together', async () => {
    await staffed()
    const answers = await Promise.all(['1', '2', '3', '4', '5', '6'].map(last => guess(`000${last}`)))
    expect(answers.map(answer => answer?.reason)).toEqual([
      ...Array<string>(3).fill('PinWrong'),
      ...Array<string>(3).fill('PinThrottled'),
    ])
  })

  it('of a number that nobody has is refused alike, and waits alike', async () => {
    await staffed()
    const { people } = world.till()
    for (const nobody of ['7', '8', '9'])
      expect(await people.check(nobody, '0000')).toMatchObject({ reason: 'PinWrong' })
    expect(await people.check('constructor', '0000')).toMatchObject({ reason: 'PinThrottled' })
    expect(await guess('1234')).toBeUndefined()
  })

  it('is four to eight digits, and is in no event', async () => {
    await staffed()
    for (const pin of ['123', '123456789', 'abcd', ''])
      expect(await world.till().people.appoint({ staff: '3', name: '', role: 'cashier', pin, by: boss })).toMatchObject(
        { reason: 'PinMalformed' },
      )
    const texts =
      world.shops
        .get('T-1')
        ?.store.events.map(({ text }) => text)
        .join() ?? ''
    for (const secret of ['1234"', '87654321', 'plain', 'Ruth', 'Tom']) expect(texts).not.toContain(secret)
  })
})

describe('the people of a till', () => {
  it('none: it sells as ever, under nobody’s name', async () => {
    world = await makeWorld({ seed: 'shop' })
    expect(await pay(500n)).toMatchObject({ outcome: 'paid' })
    expect(atTerminal(world, 'TransactionRecorded')[0]?.data).not.toHaveProperty('cashier')
    expect(world.till().people.list()).toEqual({ staff: [], cashier: null, first: true })
  })

  it('each sale, void and close bears who was signed on, and without anybody nothing is sold', async () => {
    await staffed()
    await pay(500n)
    const transaction = firstPaid()
    orThrow(await world.till().voidTransaction('v-1', transaction))
    orThrow(await world.till().closeDay())
    for (const type of ['TransactionRecorded', 'TransactionVoided', 'DayClosed'] as const)
      expect([type, atTerminal(world, type)[0]?.data.cashier]).toEqual([type, '2'])
    expect(world.till().people.list().cashier).toBeNull()
    world.clock.at += 24 * hour_ms
    orThrow(await world.till().openDay())
    expect(await world.key(500n)).toMatchObject({ reason: 'NoCashier' })
  })

  it('only a supervisor sets up others, and the first may be set up by anybody', async () => {
    await staffed()
    const cashier = { staff: '2', pin: '87654321' }
    const asked = { staff: '3', name: 'Eve', role: 'supervisor', pin: '5555' } as const
    expect(await world.till().people.appoint(asked)).toMatchObject({ reason: 'NotASupervisor' })
    expect(await world.till().people.appoint({ ...asked, by: cashier })).toMatchObject({ reason: 'NotASupervisor' })
    expect(await world.till().people.dismiss('2', boss)).toMatchObject({ cashier: null })
    expect(await world.till().people.signOn('2', '87654321')).toMatchObject({ reason: 'PinWrong' })
  })
})

describe('a day that nobody closed', () => {
  it('takes taps after midnight, and rolls over with its totals when the next is opened', async () => {
    world = await makeWorld({ seed: 'shop', phones: anna })
    const { till } = world.till()
    const date = till.day?.businessDate as string
    await pay(1_250n)
    world.clock.at += 24 * hour_ms
    await pay(750n)
    expect(atTerminal(world, 'TransactionRecorded').map(({ data }) => data.businessDate)).toEqual([date, date])
    orThrow(await world.till().openDay())
    const [rolled] = atTerminal(world, 'DayRolledOver')
    expect(rolled?.data.closed).toMatchObject({
      businessDate: date,
      zNumber: 1,
      totals: { sales: { count: 2, sum: '2000' } },
      grandTotal: { sales: '2000', voids: '0', refunds: '0' },
    })
    expect(world.till().till.day?.businessDate).toBe(rolled?.data.businessDate)
    await pay(500n)
    orThrow(await world.till().closeDay())
    const [closed] = atTerminal(world, 'DayClosed')
    expect(closed?.data).toMatchObject({
      zNumber: 2,
      totals: { sales: { count: 1, sum: '500' } },
      grandTotal: { sales: '2500' },
    })
    orThrow(await world.sync())
    const { days } = orThrow(await world.centre().ask.reconciliation()) as unknown as {
      days: { businessDate: string; closed: boolean; complete: boolean; differences: unknown[] }[]
    }
    expect(days.map(({ closed, complete, differences }) => [closed, complete, differences])).toEqual([
      [true, true, []],
      [true, true, []],
    ])
  })

  it('numbers every record without a gap', async () => {
    await staffed()
    await pay(500n)
    await pay(15_001n)
    const transaction = firstPaid()
    orThrow(await world.till().reprintReceipt(transaction))
    world.clock.at += 24 * hour_ms
    orThrow(await world.till().openDay())
    orThrow(await world.till().refundTransaction('r-1', transaction, amount(100n)))
    orThrow(await world.till().closeDay())
    const numbers = (world.shops.get('T-1')?.store.events ?? []).flatMap(({ text }) => {
      const { data } = JSON.parse(text) as { data: { receiptNumber?: number; closed?: { receiptNumber: number } } }
      const number = data.receiptNumber ?? data.closed?.receiptNumber
      return number === undefined ? [] : [number]
    })
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6])
  })
})

describe('a receipt', () => {
  const bring = async () => {
    world = await makeWorld({ seed: 'shop', phones: anna, terminals: 2 })
    await pay(3_000n)
    const transaction = firstPaid()
    const recorded = world.till().recorded(transaction)
    if (!recorded) throw new Error('nothing was paid')
    return world.till().paper.receipt(recorded)
  }
  const refund = async (code: string, reversal: string, minor: bigint) => {
    const there = world.till('T-2')
    const found = there.paper.read(code)
    if (isRefusal(found)) return found
    return there.refundTransaction(reversal, found.transaction, amount(minor), found)
  }

  it('is refunded in parts on another till of the merchant, never beyond what was paid', async () => {
    const { code, transaction } = await bring()
    expect(await refund(code, 'r-1', 1_000n)).toHaveLength(1)
    expect(await refund(code, 'r-1', 1_000n)).toEqual([])
    expect(await refund(code, 'r-2', 2_001n)).toMatchObject({ reason: 'RefundExceedsOriginal', left: '20.00' })
    expect(await refund(code, 'r-2', 2_000n)).toHaveLength(1)
    expect(atTerminal(world, 'RefundRecorded', 'T-2')[0]?.data).toMatchObject({
      transaction,
      original: { terminal: 'T-1', amount: '3000', receiptNumber: 1 },
    })
    // It may come before its original: then the centre keeps it until that is here.
    orThrow(await world.sync('T-2'))
    expect(atCentre(world, 'ReversalHeld')).toHaveLength(2)
    orThrow(await world.sync('T-1'))
    expect(atCentre<{ amount: string }>(world, 'ReversalReleased').map(({ data }) => data.amount)).toEqual([
      '1000',
      '2000',
    ])
    expect(orThrow(await world.centre().ask.balance({ account: 'anna' }))).toMatchObject({ owed: '0.00' })
  })

  it('fits a code that a telephone reads, and counts its copies', async () => {
    const { code, transaction, text } = await bring()
    // Alphanumeric mode of ISO/IEC 18004, level L: version 22 (105 modules) takes 1,460 characters.
    expect(code.length).toBeLessThan(1_460)
    expect(code).toMatch(/^TALLY1:[0-9A-Z $%*+\-./:]+$/)
    for (const [width, printed] of Object.entries(text))
      for (const line of printed.split('\n')) expect([width, line.length <= Number(width)]).toEqual([width, true])
    expect(text[32]).toContain('30.00 EUR')
    expect(text[32]).not.toContain('COPY')
    orThrow(await world.till().reprintReceipt(transaction))
    world.till().paper.setLanguage('de')
    const recorded = world.till().recorded(transaction)
    expect(recorded && world.till().paper.receipt(recorded).text[42]).toMatch(/KOPIE 1[^]*30,00 EUR/)
  })

  it('that was changed, or is another merchant’s word, is refused', async () => {
    const { code } = await bring()
    const read = (text: string) => world.till('T-2').paper.read(text)
    expect(read('')).toMatchObject({ reason: 'ReceiptMalformed' })
    expect(read('TALLY1:')).toMatchObject({ reason: 'ReceiptMalformed' })
    expect(read(`TALLY1:${'A'.repeat(5_000)}`)).toMatchObject({ reason: 'ReceiptMalformed' })
    expect(read(code.toLowerCase())).toMatchObject({ reason: 'ReceiptMalformed' })
    let refused = 0
    for (let at = 7; at < code.length; at += 13) {
      const other = code[at] === '0' ? '1' : '0'
      const answer = read(code.slice(0, at) + other + code.slice(at + 1))
      expect(isRefusal(answer)).toBe(true)
      refused++
    }
    expect(refused).toBeGreaterThan(50)
  })
})

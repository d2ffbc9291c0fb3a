import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { reactorSalt } from '#evidence/reaction'
import { verdicts, verdictsBy } from '#evidence/verdicts'
import { recomputeReactions } from '../../apps/tally/reactions.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre, copyOf, lastFact, writeAs } from './hand.ts'

/**
 * A burnt terminal: its sales come home by the phones that paid them. Limit 500.00, allowance 200.00, one payment of
 * 12.50; fee 0.19 and tax 0.04, so a merchant that is paid gets 12.27.
 */
let here: World
/** Which exchange of the next meeting the phone leaves after. */
let leavesAfter: number
let exchanges: number
beforeEach(async () => {
  ;[leavesAfter, exchanges] = [Number.POSITIVE_INFINITY, 0]
  here = await makeWorld({
    seed: 'testified',
    terminals: 2,
    phones: [{ account: 'anna', limit: 50_000n, allowance: '200.00' }],
    faults: { field: () => (++exchanges === leavesAfter ? 'lost after' : 'kept') },
  })
})
afterEach(async () => {
  await here.settle()
  // Whatever came first: what was written is what the log causes, and nothing else.
  const parts = { crypto: here.crypto, keys: here.keys, salt: reactorSalt(here.crypto, here.keys.saltKey) }
  const reactor = {
    by: verdictsBy,
    make: (store: Parameters<typeof verdicts>[0]['store']) => verdicts({ store, ...parts }),
  }
  expect(await recomputeReactions(await copyOf(here.log.events), reactor)).toEqual([])
  const events = here.log.events.length
  await here.restartCentre()
  expect(here.log.events.length).toBe(events)
  await here.end()
})

const pay = async (minor = 1250n, id = 'T-1') => {
  orThrow(await here.key(minor, id))
  const tapped = await here.tap('anna', id)
  expect(tapped).toMatchObject({ outcome: 'paid' })
  await here.settle()
}
const testify = async () => {
  orThrow(await here.phones.testify(here.phoneOf('anna')))
  await here.settle()
}
/** The receipt of the last payment never reached the phone. */
const withoutReceipt = (): void => {
  const phone = here.phoneOf('anna')
  const memory = here.disk.get(phone)
  if (!memory) throw new Error('anna has no phone')
  here.disk.set(phone, { ...memory, payments: memory.payments.map(({ receipt: _, ...paid }) => paid) })
  here.restartPhones()
}
const loseTerminal = async () => {
  orThrow(await here.centre().declareTerminalLost({ terminal: 'T-1', reason: 'it burnt', by: 'operator:olga' }))
  await here.settle()
}
const facts = <Data = Record<string, unknown>>(type: string) => atCentre<Data>(here, type).map(({ data }) => data)
const raised = () =>
  facts<{ kind: string; amount: string }>('ExceptionRaised').map(({ kind, amount }) => [kind, amount])
/** What nobody need look at any more. */
const closed = () => {
  const kinds = new Map(facts<{ key: string; kind: string }>('ExceptionRaised').map(({ key, kind }) => [key, kind]))
  return facts<{ key: string; why: string }>('ExceptionResolved').map(({ key, why }) => [kinds.get(key), why])
}
const standing = async () => {
  const { owed, held, available } = orThrow(await here.centre().ask.balance({ account: 'anna' }))
  const { merchants } = orThrow(await here.centre().ask.merchants())
  return { owed, held, available, merchant: merchants[0]?.payable }
}
const unpaid = { owed: '0.00', held: '200.00', available: '300.00', merchant: '0.00' }
const paid = { owed: '12.50', held: '187.50', available: '300.00', merchant: '12.27' }

describe('a payment that a phone hands over', () => {
  it('with the terminal’s receipt is judged and posted, and its merchant is paid', async () => {
    await pay()
    await testify()
    expect(await standing()).toEqual(paid)
    expect(facts('PaymentAccepted')).toMatchObject([{ via: 'phone', gross: '1250', within: '1250', exceptions: [] }])
    expect(raised()).toEqual([])
    const [{ payment } = { payment: '' }] = facts<{ payment: string }>('PaymentAccepted')
    expect(await here.centre().ask.transaction(payment)).toMatchObject({ via: 'phone', state: 'accepted' })
  })

  it('posts once, though its terminal brings it after all', async () => {
    await pay()
    await testify()
    orThrow(await here.sync())
    expect(await standing()).toEqual(paid)
    expect(facts('PaymentAccepted')).toHaveLength(1)
    expect(raised()).toEqual([])
  })

  it('posts once, though its terminal brought it before', async () => {
    await pay()
    orThrow(await here.sync())
    await testify()
    expect(await standing()).toEqual(paid)
    expect(facts('PaymentAccepted')).toMatchObject([{ exceptions: [] }])
    expect(facts('PaymentUnclaimed')).toEqual([])
    expect(raised()).toEqual([])
  })

  it('refunded at the till before it came home is given back when it does', async () => {
    await pay()
    const { transaction } = lastFact(here, 'TransactionRecorded').data
    await testify()
    orThrow(await here.till().voidTransaction('v-1', transaction))
    orThrow(await here.sync())
    expect(await standing()).toEqual({ ...paid, owed: '0.00', available: '312.50', merchant: '0.00' })
  })
})

describe('without a receipt', () => {
  beforeEach(async () => {
    await pay()
    withoutReceipt()
    await testify()
  })

  it('its part of the hold is set aside, and someone is told; nobody owes it yet', async () => {
    expect(await standing()).toEqual(unpaid)
    expect(facts('PaymentUnclaimed')).toMatchObject([{ gross: '1250', amount: '1250' }])
    expect(raised()).toEqual([['UndeliveredPayment', '1250']])
    await testify()
    expect(facts('PaymentUnclaimed')).toHaveLength(1)
  })

  it('it is paid from there when its terminal brings it', async () => {
    orThrow(await here.sync())
    expect(await standing()).toEqual(paid)
    expect(facts('PaymentAccepted')).toMatchObject([{ within: '1250', unclaimed: '1250', excess: '0' }])
    expect(facts('PaymentAccepted')).not.toMatchObject([{ via: 'phone' }])
    expect(closed()).toEqual([['UndeliveredPayment', 'its terminal has brought it']])
  })

  it('it is judged from the phone’s copy once the terminal is declared lost', async () => {
    await loseTerminal()
    expect(await standing()).toEqual(paid)
    expect(facts('PaymentAccepted')).toMatchObject([{ via: 'phone', unclaimed: '1250', exceptions: [] }])
    expect(closed()).toEqual([['UndeliveredPayment', 'judged by the phone’s word']])
  })
})

it('a terminal that was declared lost before: what phones tell of it later is judged at once', async () => {
  await pay()
  withoutReceipt()
  await loseTerminal()
  expect(await standing()).toEqual(unpaid)
  await testify()
  expect(await standing()).toEqual(paid)
  expect(facts('PaymentUnclaimed')).toEqual([])
})

describe('a tap that the terminal gave up, and the phone had paid', () => {
  const giveUp = async () => {
    // The answer to GET #2 never reaches the terminal.
    const sale = orThrow(await here.key(1250n)) as { sale: string }
    const before = here.phones.phones()[0]?.allowanceLeft
    for (leavesAfter = 2; ; leavesAfter++) {
      exchanges = 0
      await here.tap('anna')
      if (here.phones.phones()[0]?.allowanceLeft !== before) break
      expect(leavesAfter).toBeLessThan(12)
    }
    leavesAfter = Number.POSITIVE_INFINITY
    expect(here.till().currentSale()?.state).toBe('torn')
    orThrow(await here.till().cancelSale(sale.sale))
  }

  it('frees the credit of the phone when both are known: told first', async () => {
    await giveUp()
    await testify()
    expect(raised()).toEqual([['UndeliveredPayment', '1250']])
    expect(await standing()).toEqual(unpaid)
    orThrow(await here.sync())
    // 200.00 were held; the phone has spent 12.50 of it, which nobody will ever ask for.
    expect(await standing()).toEqual({ ...unpaid, held: '187.50', available: '312.50' })
    expect(facts('UnclaimedReleased')).toMatchObject([{ amount: '1250', why: 'TapAbandoned' }])
    expect(raised()).toEqual([
      ['UndeliveredPayment', '1250'],
      ['UnclaimedPayment', '1250'],
    ])
    expect(closed()).toEqual([['UndeliveredPayment', 'its terminal recorded none']])
  })

  it('and is a debt all the same, if its terminal brings it after all: then nothing is unclaimed', async () => {
    await giveUp()
    await testify()
    orThrow(await here.sync())
    const paid = here.disk.get(here.phoneOf('anna'))?.payments[0]
    const response = paid?.answer
    const { transaction } = paid as { transaction: string }
    // A record like that of another sale, of this transaction and payment.
    await pay(300n)
    const opened = lastFact(here, 'PayloadDecrypted')
    const recorded = lastFact(here, 'TransactionRecorded')
    const of = { transaction, payment: paid?.payment, counter: 1, amount: '1250' }
    await writeAs(here, [
      { ...opened, data: { ...opened.data, transaction, response: response as string } },
      {
        ...recorded,
        data: { ...recorded.data, ...of, receiptNumber: recorded.data.receiptNumber + 1 } as typeof recorded.data,
      },
    ])
    orThrow(await here.sync())
    expect(closed().at(-1)).toEqual(['UnclaimedPayment', 'its terminal has brought it'])
    // Of 200.00 the phone spent 15.50. What was kept for the first was let go, so it draws nothing of what is left.
    expect(await standing()).toMatchObject({ owed: '15.50', held: '184.50', available: '300.00' })
    expect(facts('PaymentAccepted').at(-1)).toMatchObject({
      within: '0',
      excess: '1250',
      exceptions: ['OverAllowance'],
    })
  })

  it('and told last', async () => {
    await giveUp()
    orThrow(await here.sync())
    await testify()
    expect(await standing()).toEqual({ ...unpaid, held: '187.50', available: '312.50' })
    expect(raised()).toEqual([['UnclaimedPayment', '1250']])
  })
})

it('a copy of a phone’s key pays by the phone’s own word too, and is found: one counter, two contents', async () => {
  const phone = here.phoneOf('anna')
  const before = here.disk.get(phone)
  await pay(1250n)
  await testify()
  if (!before) throw new Error('anna has no phone')
  here.disk.set(phone, before)
  here.restartPhones()
  // Its own log tells the first terminal that this counter was used.
  await pay(900n, 'T-2')
  await testify()
  expect(facts('PaymentAccepted')).toMatchObject([{ exceptions: [] }, { exceptions: ['CounterReused'] }])
  expect(raised()).toEqual([['CounterReused', '900']])
})

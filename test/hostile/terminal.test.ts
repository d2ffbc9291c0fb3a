import { afterEach, describe, expect, it } from 'vitest'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { rogue } from './rogue.ts'

/** An enrolled terminal that turned: its keys are genuine, and what it writes is not. */

let world: World | undefined
afterEach(() => world?.end())

const town = async (seed: string): Promise<World> => {
  const made = await makeWorld({ seed, terminals: 2 })
  world = made
  return made
}

const day = '2026-11-23'
const later = '2026-11-23T09:00:01.000Z'

/** Taps on T-2, honestly, after whatever T-1 did: the centre must still judge it. */
const stillJudges = async (town: World): Promise<void> => {
  await town.key(500n, 'T-2')
  expect(await town.tap('anna', 'T-2')).toMatchObject({ outcome: 'paid' })
  orThrow(await town.sync('T-2'))
  expect(await town.centre().ask.transactions({ terminal: 'T-2' })).toMatchObject({
    transactions: [{ state: 'accepted', amount: '5.00', merchant: 'm-1' }],
  })
}

describe('the centre’s own words in a terminal’s stream', () => {
  it.each([
    ['RepaymentReceived', { account: 'anna', repayment: 'r', amount: '100000', currency: 'EUR', source: 'bank' }],
    ['CreditLimitSet', { account: 'anna', currency: 'EUR', limit: '9999900' }],
    [
      'TerminalEnrolled',
      { terminal: 'T-2', shop: 's-1', merchant: 'm-evil', mode: 'test', certificate: 'AA', keys: {} },
    ],
    ['RepaymentReceived', { account: 'anna', repayment: 'r', amount: 'x' }],
  ])('%s is refused, and moves nothing', async (type, data) => {
    const here = await town(`word ${type}`)
    orThrow(await here.sync())
    const before = await here.centre().ask.balance({ account: 'anna' })
    // It lies in quarantine, and nowhere else.
    const taken = () => here.log.events.filter(({ stream }) => !/^quarantined?-/.test(stream)).length
    const size = taken()
    expect(await rogue(here, 'T-1').send([{ type, data }])).toMatchObject({ reason: 'EventShapeUnknown' })
    await here.settle()
    expect(taken()).toBe(size)
    expect(await here.centre().ask.balance({ account: 'anna' })).toMatchObject({
      ...before,
      index: expect.any(Number),
      age_ms: expect.any(Number),
    })
    await stillJudges(here)
  })
})

describe('what cannot be read', () => {
  it('rules that are no rules hold the tap that was made under them, and stop nothing', async () => {
    const here = await town('rules')
    await here.key(1250n)
    await here.tap('anna')
    const told = (await rogue(here, 'T-1').honest()).map(fact =>
      fact.type === 'RulesAdopted'
        ? { ...fact, data: { ...fact.data, policy: { ...(fact.data['policy'] as object), document: '' } } }
        : fact,
    )
    orThrow(await rogue(here, 'T-1').send(told))
    await here.settle()
    expect(await here.centre().ask.transactions({ terminal: 'T-1' })).toMatchObject({
      transactions: [{ state: 'held' }],
    })
    await stillJudges(here)
  })

  it('a record without a tap is held', async () => {
    const here = await town('no tap')
    await here.key(1250n)
    await here.tap('anna')
    const told = (await rogue(here, 'T-1').honest()).filter(({ type }) => type !== 'TapStarted')
    orThrow(await rogue(here, 'T-1').send(told))
    await here.settle()
    expect(await here.centre().ask.transactions({ terminal: 'T-1' })).toMatchObject({
      transactions: [{ state: 'held', reason: 'TapMissing' }],
    })
    await stillJudges(here)
  })

  it('frames and keys that are none hold their payment', async () => {
    const here = await town('frames')
    await here.key(1250n)
    await here.tap('anna')
    const told = (await rogue(here, 'T-1').honest()).map(fact =>
      fact.type === 'TapStarted'
        ? { ...fact, data: { ...fact.data, sealing: { publicKey: '', privateKey: '' } } }
        : fact,
    )
    orThrow(await rogue(here, 'T-1').send(told))
    await here.settle()
    expect(await here.centre().ask.transactions({ terminal: 'T-1' })).toMatchObject({
      transactions: [{ state: 'held' }],
    })
    await stillJudges(here)
  })

  it('a reversal whose id is as long as it may be is held like any other', async () => {
    const here = await town('long id')
    orThrow(await here.sync())
    const refund = {
      reversal: 'R'.repeat(120),
      transaction: 'ff'.repeat(16),
      payment: 'ab'.repeat(32),
      license: 'l',
      receiptNumber: 1,
      businessDate: day,
      amount: '1',
      currency: 'EUR',
      occurred: later,
    }
    orThrow(await rogue(here, 'T-1').send([{ type: 'RefundRecorded', data: refund }]))
    await here.settle()
    expect(await here.centre().ask.exceptions()).toMatchObject({ exceptions: [{ kind: 'RefundWithoutOriginal' }] })
    await stillJudges(here)
  })
})

describe('what the payer did not sign', () => {
  it('another currency beside the payment holds it, and the payer owes nothing', async () => {
    const here = await town('currency')
    await here.key(1250n)
    await here.tap('anna')
    const told = (await rogue(here, 'T-1').honest()).map(fact =>
      fact.type === 'TransactionRecorded' ? { ...fact, data: { ...fact.data, currency: 'GBP' } } : fact,
    )
    orThrow(await rogue(here, 'T-1').send(told))
    await here.settle()
    expect(await here.centre().ask.transactions({ terminal: 'T-1' })).toMatchObject({
      transactions: [{ state: 'held', reason: 'PaymentMismatch', currency: 'EUR' }],
    })
    expect(await here.centre().ask.balance({ account: 'anna' })).toMatchObject({ owed: '0.00' })
  })

  it('another terminal’s sale is not voided by this one', async () => {
    const here = await town('void')
    await here.key(500n, 'T-2')
    await here.tap('anna', 'T-2')
    orThrow(await here.sync('T-2'))
    orThrow(await here.sync('T-1'))
    const [recorded] = [...here.till('T-2').till.recorded.values()]
    if (!recorded) throw new Error('T-2 recorded nothing')
    const told = {
      reversal: 'v-1',
      transaction: recorded.transaction,
      payment: recorded.payment,
      license: recorded.license,
      receiptNumber: 1,
      businessDate: day,
      amount: '500',
      currency: 'EUR',
      occurred: later,
    }
    orThrow(await rogue(here, 'T-1').send([{ type: 'TransactionVoided', data: told }]))
    await here.settle()
    expect(await here.centre().ask.balance({ account: 'anna' })).toMatchObject({ owed: '5.00' })
    expect(await here.centre().ask.exceptions()).toMatchObject({ exceptions: [{ kind: 'RefundWithoutOriginal' }] })
  })
})

it('a modified phone spends no more than its license, whatever it says', async () => {
  const here = await town('rich phone')
  const phone = here.phoneOf('anna')
  const memory = here.disk.get(phone)
  if (!memory) throw new Error('anna has no phone')
  here.disk.set(phone, { ...memory, allowanceLeft: '9999999' })
  here.restartPhones()
  await here.key(10_000n)
  expect(await here.tap('anna')).toMatchObject({ outcome: 'declined' })
  expect(here.till().currentSale()).toMatchObject({ state: 'declined', because: { reason: 'StatusImplausible' } })
})

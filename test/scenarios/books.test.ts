import { afterEach, describe, expect, it } from 'vitest'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { writer } from '../trade.ts'
import { atCentre, decideHeld, lastFact } from './hand.ts'

/** What an accountant tried: figures by hand in the comments. Terms: 1.5 % fee, 20 % tax on it. */

let world: World | undefined
afterEach(() => world?.end())

const town = async (seed: string, allowance = '200.00', terminals = 2): Promise<World> => {
  const made = await makeWorld({ seed, terminals, phones: [{ account: 'anna', limit: 20_000n, allowance }] })
  world = made
  return made
}

/** The phone's TAC key is lost: what it pays is held. */
const spoil = (here: World): void => {
  const phone = here.phoneOf('anna')
  const memory = here.disk.get(phone)
  if (!memory) throw new Error('anna has no phone')
  here.disk.set(phone, { ...memory, tacKey: Buffer.alloc(32).toString('base64url') })
  here.restartPhones()
}

const payHeld = async (here: World, minor: bigint, id = 'T-1'): Promise<string> => {
  orThrow(await here.key(minor, id))
  expect(await here.tap('anna', id)).toMatchObject({ outcome: 'paid' })
  orThrow(await here.sync(id))
  return atCentre<{ payment: string }>(here, 'PaymentHeld').at(-1)?.data.payment ?? ''
}
/** The rest of a hold is let go, as when its license's term is over. */
const releaseRest = async (here: World, license: string, minor: string): Promise<void> => {
  const fact = {
    type: 'AllowanceReleased',
    data: { account: 'anna', license, amount: minor, currency: 'EUR' },
  } as const
  await writer(here.log)('account-anna', new Date(here.clock.at).toISOString(), fact)
  await here.settle()
}
const payable = async (here: World) => orThrow(await here.centre().ask.merchants()).merchants[0]?.payable

describe('two held payments decided in the same moment', () => {
  it('draw the hold once', async () => {
    const here = await town('two decisions', '60.00')
    spoil(here)
    const first = await payHeld(here, 4_000n)
    const second = await payHeld(here, 2_000n, 'T-2')
    await Promise.all([first, second].map(payment => decideHeld(here, payment, 'payer')))
    await here.settle()
    // 60.00 granted, 40.00 and 20.00 drawn: nothing is held any more, and 60.00 are owed of 200.00.
    expect(await here.centre().ask.balance({ account: 'anna' })).toMatchObject({
      owed: '60.00',
      held: '0.00',
      available: '140.00',
    })
  })
})

it('a held payment that the payer bears beyond the hold raises what any other does', async () => {
  const here = await town('over the hold', '60.00')
  spoil(here)
  const payment = await payHeld(here, 4_000n)
  const second = await payHeld(here, 2_000n, 'T-2')
  // The phone's own count stops it at its allowance: a shop that was broken into is needed to get beyond the hold.
  orThrow(await decideHeld(here, second, 'payer'))
  const { license } = atCentre<{ license: string }>(here, 'AllowanceGranted')[0]?.data ?? { license: '' }
  await releaseRest(here, license, '4000')
  orThrow(await decideHeld(here, payment, 'payer'))
  await here.settle()
  const decided = atCentre<{ payment: string; excess: string; exceptions: string[] }>(here, 'HeldPaymentDecided')
  expect(decided.at(-1)?.data).toMatchObject({ payment, excess: '4000', exceptions: ['LateArrival'] })
  const raised = atCentre<{ kind: string; amount: string; concerns: string[] }>(here, 'ExceptionRaised')
  expect(raised.at(-1)?.data).toMatchObject({ kind: 'LateArrival', amount: '4000' })
  const count = here.log.events.length
  await here.restartCentre()
  expect(here.log.events.length).toBe(count)
})

describe('a held payment that was voided at the till', () => {
  const voided = async (seed: string) => {
    const here = await town(seed)
    spoil(here)
    orThrow(await here.key(2_000n))
    expect(await here.tap('anna')).toMatchObject({ outcome: 'paid' })
    const { transaction } = lastFact(here, 'TransactionRecorded').data
    orThrow(await here.till().voidTransaction('v-1', transaction))
    orThrow(await here.sync())
    const payment = atCentre<{ payment: string }>(here, 'PaymentHeld')[0]?.data.payment ?? ''
    return { here, payment }
  }

  it('borne by the merchant leaves it at nothing: never paid, and nothing taken', async () => {
    const { here, payment } = await voided('merchant bears')
    expect(await payable(here)).toBe('-20.00')
    orThrow(await decideHeld(here, payment, 'merchant'))
    await here.settle()
    expect(await payable(here)).toBe('0.00')
  })

  it('is not borne by the operator while the void is held: the goods may be back', async () => {
    const { here, payment } = await voided('operator bears')
    expect(await decideHeld(here, payment, 'operator')).toMatchObject({ reason: 'ReversalHeldFirst', reversal: 'v-1' })
    const refusal = { payment, reversal: 'v-1', why: 'nothing came back', by: 'operator:olga' }
    const { proposal } = orThrow(await here.centre().proposeRefusal(refusal))
    expect(await here.centre().ask.transaction(payment)).toMatchObject({
      heldReversals: [{ reversal: 'v-1', amount: '20.00', proposal: { proposal, operator: 'olga' } }],
    })
    expect(await here.centre().approveProposal({ payment, proposal, by: 'operator:olga' })).toMatchObject({
      reason: 'SecondPersonRequired',
    })
    orThrow(await here.centre().approveProposal({ payment, proposal, by: 'operator:paul' }))
    orThrow(await decideHeld(here, payment, 'operator'))
    await here.settle()
    expect(await payable(here)).toBe('20.00')
  })
})

it('a sale is under the terms of its own time, whenever it arrives', async () => {
  const here = await town('terms')
  here.network(false)
  orThrow(await here.key(10_000n))
  await here.tap('anna')
  here.clock.at += 3_600_000
  const raised = { merchant: 'm-1', name: 'Corner & Co.', currency: 'EUR', taxBasisPoints: 2000, by: 'operator:test' }
  orThrow(await here.centre().openMerchant({ ...raised, feeBasisPoints: 300 }))
  here.network(true)
  orThrow(await here.sync())
  // 1.5 % of 100.00 is 1.50, and 20 % of that 0.30: not the 3.00 of the terms that came later.
  expect(await here.centre().ask.transactions({})).toMatchObject({ transactions: [{ fee: '1.50', tax: '0.30' }] })
})

it('a till that has been silent may hold payments, and the balance says so', async () => {
  const here = await town('silent', '200.00', 1)
  orThrow(await here.sync())
  expect(await here.centre().ask.balance({ account: 'anna' })).toMatchObject({ missing: { silentTerminals: 0 } })
  here.network(false)
  orThrow(await here.key(10_000n))
  await here.tap('anna')
  here.clock.at += 20 * 3_600_000
  expect(await here.centre().ask.balance({ account: 'anna' })).toMatchObject({
    owed: '0.00',
    missing: { silentTerminals: 1 },
  })
})

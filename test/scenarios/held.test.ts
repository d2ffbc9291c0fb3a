import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Check } from '#canonical/check'
import { type ReplayLine, replayTransaction } from '#evidence/replay'
import { tacKeyOf } from '#license/tac'
import type { Bears } from '#payment/events'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre, decideHeld, lastFact, writeAs } from './hand.ts'

/**
 * A payment that does not bear the payer's word is held: nobody owes it, nobody is paid, until two people decide.
 * Terms: 1.5 % fee, 20 % tax on it. Of 12.50 that is 0.19 and 0.04, so a merchant that is paid gets 12.27.
 */
let world: World
const accounts = ['anna', 'bert', 'carl', 'dora']
beforeAll(async () => {
  world = await makeWorld({
    seed: 'held',
    phones: accounts.map(account => ({ account, limit: 50_000n, allowance: '200.00' })),
  })
})
afterAll(() => world.end())

const balance = async (account: string) => {
  const { owed, held, available } = orThrow(await world.centre().ask.balance({ account }))
  return { owed, held, available }
}
const untouched = { owed: '0.00', held: '200.00', available: '300.00' }
const charged = { owed: '12.50', held: '187.50', available: '300.00' }
const merchant = async (): Promise<string | undefined> => {
  const { merchants } = orThrow(await world.centre().ask.merchants())
  return merchants[0]?.payable
}

type Held = { payment: string; reason: string; account: string | null; gross: string; checks: readonly Check[] }
const heldOf = (account: string) =>
  atCentre<Held>(world, 'PaymentHeld').find(({ data }) => data.account === account)?.data as Held
const exceptions = () =>
  atCentre<{ kind: string; amount: string }>(world, 'ExceptionRaised').map(({ data }) => [data.kind, data.amount])

/** The APP key was copied to another phone, and its TAC key was not. */
const copyKey = (account: string): void => {
  const phone = world.phoneOf(account)
  const memory = world.disk.get(phone)
  if (!memory) throw new Error(`no phone of ${account}`)
  world.disk.set(phone, { ...memory, tacKey: Buffer.alloc(32).toString('base64url') })
  world.restartPhones()
}
const pay = async (account: string) => {
  orThrow(await world.key(1250n))
  const tapped = await world.tap(account)
  expect(tapped).toMatchObject({ outcome: 'paid' })
  return tapped as { transaction: string }
}
const propose = (payment: string, bears: Bears, by: string, proposal?: string) =>
  world.centre().proposeDecision({ payment, bears, reason: 'the holder was asked', by: `operator:${by}`, proposal })
const approve = (payment: string, proposal: string, by: string) =>
  world.centre().approveProposal({ payment, proposal, by: `operator:${by}` })
const decide = (payment: string, bears: Bears, operators: readonly [string, string]) =>
  decideHeld(world, payment, bears, operators)
const decisions = () =>
  atCentre<{ payment: string; bears: string }>(world, 'HeldPaymentDecided').map(({ data }) => data)

describe('a payment whose TAC fails', () => {
  let payment: string

  it('is approved at the terminal, which cannot check it', async () => {
    copyKey('anna')
    const { transaction } = await pay('anna')
    expect(lastFact(world, 'TransactionRecorded').data).toMatchObject({ transaction, amount: '1250' })
    orThrow(await world.sync())
  })

  it('is held at the centre, with the check that failed', () => {
    const { reason, gross, checks } = heldOf('anna')
    expect({ reason, gross }).toEqual({ reason: 'TacInvalid', gross: '1250' })
    const failures = checks.filter(({ pass }) => !pass)
    expect(failures).toMatchObject([{ check: 'payment TAC', reason: 'TacInvalid' }])
    expect(exceptions()).toEqual([['TacInvalid', '1250']])
    payment = heldOf('anna').payment
  })

  it('is owed by nobody, and nobody is paid', async () => {
    expect(await balance('anna')).toEqual(untouched)
    expect(await merchant()).toBe('0.00')
  })

  it('is not decided by one person, however often they say it', async () => {
    expect(await propose(payment, 'payer', 'olga', 'p-1')).toEqual({ payment, proposal: 'p-1', bears: 'payer' })
    const before = world.log.events.length
    expect(await propose(payment, 'payer', 'olga', 'p-1')).toEqual({ payment, proposal: 'p-1', bears: 'payer' })
    expect(await approve(payment, 'p-1', 'olga')).toMatchObject({ reason: 'SecondPersonRequired', operator: 'olga' })
    expect(world.log.events.length).toBe(before)
    expect(await balance('anna')).toEqual(untouched)
  })

  it('nor as somebody proposed it before they thought better of it', async () => {
    const withdrawn = { payment, proposal: 'p-1', why: 'asked the wrong holder', by: 'operator:olga' }
    orThrow(await world.centre().withdrawProposal(withdrawn))
    expect(await approve(payment, 'p-1', 'paul')).toMatchObject({ reason: 'ProposalNotOpen' })
    expect(await approve(payment, 'p-0', 'paul')).toMatchObject({ reason: 'ProposalUnknown' })
    expect(await balance('anna')).toEqual(untouched)
  })

  it('is decided by two: the payer bears it, as if it had been accepted', async () => {
    orThrow(await propose(payment, 'payer', 'olga', 'p-2'))
    expect(await approve(payment, 'p-2', 'paul')).toEqual({ payment, proposal: 'p-2' })
    expect(await balance('anna')).toEqual(charged)
    expect(await merchant()).toBe('12.27')
    expect(atCentre<{ operators: string[] }>(world, 'HeldPaymentDecided')[0]?.data.operators).toEqual(['olga', 'paul'])
  })

  it('approved again is decided once; another way is refused', async () => {
    expect(await approve(payment, 'p-2', 'paul')).toEqual({ payment, proposal: 'p-2' })
    expect(decisions()).toHaveLength(1)
    expect(await propose(payment, 'operator', 'olga')).toMatchObject({
      reason: 'PaymentDecidedOtherwise',
      bears: 'payer',
    })
    expect(await balance('anna')).toEqual(charged)
  })
})

describe('a payment whose seal fails', () => {
  it('is held under a name of its own, so that it never stands in the way of a real payment', async () => {
    await pay('bert')
    const [started, verified, requested] = (['TapStarted', 'LicenseVerified', 'DeductionRequested'] as const).map(
      type => lastFact(world, type),
    )
    const opened = lastFact(world, 'PayloadDecrypted')
    const recorded = lastFact(world, 'TransactionRecorded')
    const garbled = opened.data.response.slice(0, -8) + 'AAAAAAAA'
    const { receiptNumber, payment } = recorded.data
    // A terminal that was broken into records the tap a second time, with other octets.
    await writeAs(world, [
      ...([started, verified, requested] as never[]),
      { ...opened, data: { ...opened.data, response: garbled } },
      { ...recorded, data: { ...recorded.data, receiptNumber: receiptNumber + 1 } },
    ])
    orThrow(await world.sync())
    const held = heldOf('bert')
    expect(held).toMatchObject({ reason: 'SealInvalid', gross: '1250' })
    expect(held.payment).not.toBe(payment)
    expect(exceptions().at(-1)).toEqual(['SealInvalid', '1250'])
    // The real one is accepted beside it.
    expect(await balance('bert')).toEqual(charged)
  })

  it('is borne by the merchant: nothing moves', async () => {
    const before = await merchant()
    const { payment } = heldOf('bert')
    orThrow(await decide(payment, 'merchant', ['olga', 'paul']))
    expect(await balance('bert')).toEqual(charged)
    expect(await merchant()).toBe(before)
  })
})

it('borne by the operator, the merchant is paid in full and the payer owes nothing', async () => {
  copyKey('carl')
  await pay('carl')
  orThrow(await world.sync())
  const before = Number(await merchant())
  const { payment } = heldOf('carl')
  orThrow(await decide(payment, 'operator', ['olga', 'paul']))
  expect(await balance('carl')).toEqual(untouched)
  expect(Number(await merchant()) - before).toBeCloseTo(12.5, 9)
})

describe('what is not held is not decided', () => {
  it('an accepted payment', async () => {
    await pay('dora')
    orThrow(await world.sync())
    const { payment } = lastFact(world, 'TransactionRecorded').data
    expect(await propose(payment, 'operator', 'olga')).toMatchObject({
      reason: 'PaymentNotHeld',
      standing: 'accepted',
    })
    expect(await balance('dora')).toEqual(charged)
  })

  it('a payment that nobody knows', async () => {
    const payment = 'f'.repeat(64)
    expect(await propose(payment, 'operator', 'olga')).toMatchObject({ reason: 'PaymentUnknown', payment })
    expect(world.log.events.some(({ stream }) => stream === `payment-${payment}`)).toBe(false)
  })
})

it('the centre started anew comes to the same balances, and writes nothing', async () => {
  const before = world.log.events.length
  await world.restartCentre()
  expect(world.log.events.length).toBe(before)
  expect(await Promise.all(accounts.map(balance))).toEqual([charged, charged, untouched, charged])
})

describe('the replay of a held payment', () => {
  it('shows the check that fails, the verdict that says so, and what follows from it', async () => {
    const held = atCentre<{ transaction: string; reason: string }>(world, 'PaymentHeld')[0]?.data
    if (!held) throw new Error('nothing was held')
    const tacKeyFor = (license: { readonly id: string }) => tacKeyOf(world.crypto, world.keys.tacMaster.key, license.id)
    const trusted = { rootPublicKey: world.keys.root.publicKey, tacKeyFor }
    const lines: ReplayLine[] = []
    for await (const line of replayTransaction(world.crypto, world.log, held.transaction, trusted)) lines.push(line)
    expect(lines.filter(line => line.line === 'check' && !line.check.pass)).toMatchObject([
      { check: { reason: held.reason } },
    ])
    expect(lines.filter(line => line.line === 'event' && line.event.type === 'PaymentHeld')).toHaveLength(1)
    expect(lines.filter(line => line.line === 'posting').length).toBeGreaterThanOrEqual(2)
    expect(lines.at(-1)).toMatchObject({ line: 'finding', holds: true })
  })
})

import { afterEach, describe, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import { reversalReceipt } from '#license/reversalreceipt'
import { nodeCrypto } from '#machine/crypto'
import { amount } from '#money'
import { toldOfReversal, toldOfSale } from '#payment/told'
import { views } from '../../apps/terminal/views.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre, atTerminal } from './hand.ts'

/** What a till says of its sales and of what it gave back, once the centre has judged them. */

let world: World
afterEach(() => world.end())

type Break = NonNullable<Parameters<typeof makeWorld>[0]['breakTerminal']>
const live = async (terminals = 1, breakTerminal?: Break) => {
  world = await makeWorld({ seed: 'told', terminals, ...(breakTerminal ? { breakTerminal } : {}) })
}
const pay = async (minor: bigint): Promise<string> => {
  orThrow(await world.key(minor))
  return ((await world.tap('anna')) as { transaction: string }).transaction
}
const sync = async (id = 'T-1') => {
  orThrow(await world.sync(id))
  // The verdicts followed the batch; the next sync hears them.
  orThrow(await world.sync(id))
}
const screen = (id = 'T-1') => views(world.till(id)).till()
const sale = () => screen().recent[0]
const reversal = (id = 'T-1') => screen(id).reversals[0]
const refund = (id: string, transaction: string, minor: bigint) =>
  world.till().refundTransaction(id, transaction, amount(minor))

/** T-1 took 12.50 and gave 10.00 back; T-2 gives 10.00 more on its receipt. */
const givenBackTwice = async () => {
  await live(2)
  const transaction = await pay(1250n)
  const recorded = world.till().recorded(transaction)
  if (!recorded) throw new Error('nothing was paid')
  const { code } = world.till().paper.receipt(recorded)
  orThrow(await refund('r-1', transaction, 1000n))
  await sync()
  const there = world.till('T-2')
  const found = there.paper.read(code)
  if (isRefusal(found)) throw new Error(found.message)
  orThrow(await there.refundTransaction('r-2', transaction, amount(1000n), found))
  expect(reversal('T-2')).toMatchObject({ state: 'queued', original: { terminal: 'T-1', receiptNumber: 1 } })
  await sync('T-2')
  return recorded.payment
}

describe('a sale', () => {
  it('is queued, then sent, and accepted only when the centre says so', async () => {
    await live()
    await pay(1250n)
    expect(sale()).toMatchObject({ state: 'queued' })
    await sync()
    expect(sale()).toMatchObject({ state: 'accepted' })
    expect(sale()).not.toHaveProperty('because')
    await world.restartTerminal('T-1')
    expect(sale()).toMatchObject({ state: 'accepted' })
  })

  it('is no more than sent while nothing signed says what became of it', async () => {
    const spoilt: Break = parts => ({
      ...parts,
      link: { ...parts.link, verdicts: async () => ({ verdicts: 'AAAA', at: new Date(world.clock.at).toISOString() }) },
    })
    await live(1, spoilt)
    await pay(1250n)
    await sync()
    expect(sale()).toMatchObject({ state: 'sent' })
  })

  it('believes no answer to a question of before', async () => {
    let first: { verdicts: string; at: string } | undefined
    const replayed: Break = parts => ({
      ...parts,
      link: {
        ...parts.link,
        verdicts: async (request, revisions) => {
          const answer = await parts.link.verdicts(request, revisions)
          if (isRefusal(answer)) return answer
          first ??= answer
          return first
        },
      },
    })
    await live(1, replayed)
    await pay(1250n)
    orThrow(await world.sync())
    expect(first).toBeDefined()
    const later = await pay(500n)
    await sync()
    expect(screen().recent.find(({ transaction }) => transaction === later)).toMatchObject({ state: 'sent' })
  })
})

describe('what was given back', () => {
  it('is to be confirmed, and is', async () => {
    await live()
    const transaction = await pay(1250n)
    orThrow(await refund('r-1', transaction, 250n))
    expect(reversal()).toMatchObject({ reversal: 'r-1', kind: 'refund', amount: '2.50', state: 'queued' })
    await sync()
    expect(reversal()).toMatchObject({ state: 'accepted' })
  })

  it('beyond the payment is held, with what is so and what to do, in the till’s language', async () => {
    await givenBackTwice()
    expect(reversal()).toMatchObject({ state: 'accepted' })
    expect(reversal('T-2')).toMatchObject({
      state: 'held',
      because: { reason: 'RefundExceedsOriginal', say: 'More was given back than was paid.' },
    })
    world.till('T-2').paper.setLanguage('de')
    expect(reversal('T-2')).toMatchObject({ because: { say: 'Es wurde mehr zurückgegeben, als bezahlt war.' } })
  })

  it('is refused on the till when two people have refused it, days after', async () => {
    const payment = await givenBackTwice()
    const asked = { payment, reversal: 'r-2', why: 'given back twice', by: 'operator:olga' }
    const { proposal } = orThrow(await world.centre().proposeRefusal(asked))
    orThrow(await world.centre().approveProposal({ payment, proposal, by: 'operator:paul' }))
    await world.settle()
    await world.restartTerminal('T-2')
    await sync('T-2')
    expect(reversal('T-2')).toMatchObject({ state: 'refused', because: { reason: 'ReversalRefused' } })
  })

  it('is on paper, signed, and nothing is paid out on it', async () => {
    await live()
    const transaction = await pay(1250n)
    orThrow(await refund('r-1', transaction, 250n))
    const till = world.till()
    const print = () => till.paper.reversal(till.reversal('r-1') as NonNullable<ReturnType<typeof till.reversal>>)
    const { code, text } = print()
    expect(text[32]).toMatch(/REFUND[^]*Given back +2\.50 EUR[^]*Of receipt +1\n/)
    expect(till.paper.read(code)).toMatchObject({ reason: 'ReceiptOfReversal' })
    const { keySet } = till.status().rules
    const read = reversalReceipt.verify(nodeCrypto(), reversalReceipt.fromText(code) ?? new Uint8Array(), {
      keySet,
      mode: 'test',
    })
    expect(read).toMatchObject({ kind: 'refund', reversal: 'r-1', amount: 250n, terminal: 'T-1', merchant: 'm-1' })
    orThrow(await till.reprintReversal('r-1'))
    till.paper.setLanguage('de')
    expect(print().text[42]).toMatch(/ERSTATTUNG[^]*KOPIE 1/)
    expect(await till.reprintReversal('none')).toMatchObject({ reason: 'ReversalUnknown' })
  })
})

describe('the centre tells', () => {
  it('nobody but the terminal itself', async () => {
    await live()
    await pay(1250n)
    await sync()
    expect(await world.centre().verdictsFor('T-1', undefined, [0])).toMatchObject({ reason: 'RequestSignatureInvalid' })
  })

  it('of a payment only who took it, and of a decision what it means to the shop', async () => {
    await givenBackTwice()
    type Events = Parameters<typeof toldOfSale>[0]
    const of = (type: string) => atCentre(world, type) as unknown as Events
    const transaction = atTerminal(world, 'TransactionRecorded')[0]?.data.transaction ?? ''
    const accepted = of('PaymentAccepted')
    expect(toldOfSale(accepted, { terminal: 'T-1', transaction })).toEqual({ verdict: 'accepted' })
    expect(toldOfSale(accepted, { terminal: 'T-2', transaction })).toEqual({ verdict: 'waiting' })
    expect(toldOfReversal(of('ReversalHeld'), { terminal: 'T-1', reversal: 'r-2' })).toEqual({ verdict: 'waiting' })
    for (const [bears, verdict] of [
      ['merchant', 'refused'],
      ['operator', 'accepted'],
      ['payer', 'accepted'],
    ] as const) {
      const decided = [{ type: 'HeldPaymentDecided', data: { terminal: 'T-1', transaction, bears } }]
      expect(toldOfSale(decided as unknown as Events, { terminal: 'T-1', transaction })).toMatchObject({ verdict })
    }
  })
})

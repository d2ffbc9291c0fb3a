import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import { statedHash } from '#canonical/event'
import { intOf, textOf } from '#eventstore/rows'
import { minorUnits } from '#money'
import { transactions } from '#projections/transactions'
import { makeBatch } from '#sync/batch'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** Laws over the whole centre: what tills give back, in whatever order, however often, and however cut it arrives. */

const limit = 200_000n
const phones = [{ account: 'anna', limit, allowance: '1000.00' }]
const tills = ['T-1', 'T-2'] as const

/** Minor units of what anna has left to spend, as the screen shows it. */
const availableOf = async (world: World): Promise<bigint> => {
  const answer = (await world.centre().ask.balance({ account: 'anna' })) as { available: string }
  return BigInt(answer.available.replace('.', ''))
}

const sold = async (world: World, amount: bigint): Promise<string> => {
  world.clock.at += 60_000
  orThrow(await world.key(amount))
  expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
  return world.till().currentSale()?.transaction as string
}

/** At its own till, or at the merchant's other one by the receipt; whether the till took it for good. */
const givenBack = async (world: World, id: string, reversal: string, transaction: string, amount: bigint) => {
  const first = world.till()
  const recorded = first.recorded(transaction)
  if (!recorded) throw new Error(`T-1 does not know ${transaction}`)
  const original = id === 'T-1' ? undefined : orThrow(world.till(id).paper.read(first.paper.receipt(recorded).code))
  const asked = [reversal, transaction, minorUnits(`${amount}`), original] as const
  return !isRefusal(await world.till(id).refundTransaction(...asked))
}

describe('a void or a refund', () => {
  it('raises what is available by exactly its amount', async () => {
    const world = await makeWorld({ seed: 'exactly', phones })
    const cut = fc.record({ amount: fc.integer({ min: 2, max: 2_000 }), part: fc.integer({ min: 1, max: 100 }) })
    let place = 0
    await fc.assert(
      fc.asyncProperty(cut, fc.boolean(), async ({ amount, part }, isVoid) => {
        const transaction = await sold(world, BigInt(amount))
        await world.sync()
        const before = await availableOf(world)
        const back = isVoid ? BigInt(amount) : BigInt(Math.max(1, Math.floor((amount * part) / 100)))
        const reversal = `exact-${place++}`
        const press = () =>
          isVoid
            ? world.till().voidTransaction(reversal, transaction)
            : world.till().refundTransaction(reversal, transaction, minorUnits(`${back}`))
        orThrow(await press())
        // A cashier presses twice.
        orThrow(await press())
        await world.sync()
        expect((await availableOf(world)) - before).toBe(back)
      }),
      { numRuns: 12, seed: 4 },
    )
    await world.end()
  }, 60_000)
})

describe('what two tills gave back, in every order of arrival', () => {
  const refund = fc.record({
    payment: fc.nat({ max: 2 }),
    till: fc.constantFrom(...tills),
    percent: fc.integer({ min: 5, max: 70 }),
  })
  const arrival = fc.record({
    order: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
    size: fc.constantFrom(1, 3, 50),
  })

  /** The centre once more as it was before any batch, and the tills' logs given to it so. */
  const arrive = async (world: World, from: number, { order, size }: { order: boolean[]; size: number }) => {
    await world.restoreCentres(from)
    const sentTo = new Map<string, number>(tills.map(id => [id, 0]))
    const sendNext = async (id: string): Promise<boolean> => {
      const { store, identity } = world.shops.get(id) as NonNullable<ReturnType<World['shops']['get']>>
      const at = sentTo.get(id) as number
      const texts = store.events.slice(at, at + size).map(({ text }) => text)
      const last = texts.at(-1)
      if (last === undefined) return false
      const { origin, mode, terminal, keys } = identity
      const waiting = { count: 0, sum: '0', currency: 'EUR' }
      const statement = { origin, terminal, mode, from: at, count: texts.length, head: statedHash(last), waiting }
      const body = makeBatch(world.crypto, keys.p256, statement, texts)
      orThrow(await world.centre().acceptBatch(id, body))
      // The answer may be lost, and the batch sent once more.
      orThrow(await world.centre().acceptBatch(id, body))
      sentTo.set(id, at + texts.length)
      return true
    }
    for (const first of order) await sendNext(first ? 'T-1' : 'T-2')
    for (const id of tills) while (await sendNext(id));
    await world.settle()
    const rows = await world.rows.select(transactions, 'payment')
    return {
      available: await availableOf(world),
      back: new Map(
        rows.map(row => [textOf(row, 'transaction'), [intOf(row, 'amount'), intOf(row, 'reversed')] as const]),
      ),
    }
  }

  it('never exceeds the original; and where it does not ask for more, available is one figure', async () => {
    let [exceeded, kept] = [0, 0]
    await fc.assert(
      fc.asyncProperty(
        fc.array(refund, { minLength: 2, maxLength: 6 }),
        fc.array(arrival, { minLength: 2, maxLength: 3 }),
        async (refunds, arrivals) => {
          const world = await makeWorld({ seed: 'two tills', terminals: 2, phones })
          const from = world.log.events.length
          const sales = [1_000n, 2_500n, 777n]
          const ids: string[] = []
          for (const amount of sales) ids.push(await sold(world, amount))
          const asked = sales.map(() => 0n)
          for (const [place, { payment, till, percent }] of refunds.entries()) {
            const amount = ((sales[payment] as bigint) * BigInt(percent)) / 100n
            if (await givenBack(world, till, `r-${place}`, ids[payment] as string, amount))
              asked[payment] = (asked[payment] as bigint) + amount
          }
          const ends = []
          for (const each of arrivals) ends.push(await arrive(world, from, each))
          for (const { back } of ends) {
            expect(back.size).toBe(sales.length)
            for (const [amount, reversed] of back.values()) expect(reversed).toBeLessThanOrEqual(amount)
          }
          if (asked.every((sum, place) => sum <= (sales[place] as bigint))) {
            kept++
            // What was sold came out of the hold, so only what went back moves it: by hand, to the cent.
            const byHand = limit - 100_000n + asked.reduce((all, sum) => all + sum, 0n)
            expect(ends.map(({ available }) => available)).toEqual(ends.map(() => byHand))
          } else exceeded++
          await world.end()
        },
      ),
      { numRuns: 12, seed: 27 },
    )
    // Both kinds were met.
    expect(Math.min(exceeded, kept)).toBeGreaterThan(0)
  }, 120_000)
})

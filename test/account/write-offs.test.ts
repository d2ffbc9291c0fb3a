import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { notWrittenOff, sharesOf } from '#account/write-offs'
import { amount } from '#money'

const charge = (merchant: string, gross: bigint, merchantBears = 0n) => ({ merchant, amount: gross, merchantBears })

describe('a debt that is written off is borne', () => {
  it('by the operator', () =>
    expect(sharesOf(amount(300n), [charge('m-1', 500n)])).toEqual({ losses: 300n, merchants: [] }))
  it('by a merchant, as far as it sold over an allowance at its own risk', () =>
    expect(sharesOf(amount(500n), [charge('m-1', 500n, 200n)])).toEqual({
      losses: 300n,
      merchants: [{ merchant: 'm-1', amount: 200n }],
    }))
  it('for the newest payments first, for repayments paid the oldest', () =>
    expect(sharesOf(amount(300n), [charge('m-2', 200n), charge('m-1', 500n, 50n), charge('m-0', 90n, 90n)])).toEqual({
      losses: 250n,
      merchants: [{ merchant: 'm-1', amount: 50n }],
    }))
  it('law: in two parts as in one, and a sale after the first part is not in it', () =>
    fc.assert(
      fc.property(
        fc.bigInt(0n, 2000n),
        fc.bigInt(0n, 2000n),
        fc.array(
          fc
            .record({ merchant: fc.constantFrom('a', 'b'), of: fc.bigInt(0n, 900n), part: fc.nat(100) })
            .map(({ merchant, of, part }) => charge(merchant, of, (of * BigInt(part)) / 100n)),
        ),
        (first, second, charges) => {
          const before = charges.map(each => ({ ...each, index: 1 }))
          const one = sharesOf(amount(first), charges)
          const two = sharesOf(amount(second), notWrittenOff(before, [{ index: 2, amount: first }]))
          const whole = sharesOf(amount(first + second), charges)
          const borneBy = (name: string, { merchants }: typeof one) =>
            merchants.find(({ merchant }) => merchant === name)?.amount ?? 0n
          expect(one.losses + two.losses).toBe(whole.losses)
          for (const name of ['a', 'b']) expect(borneBy(name, one) + borneBy(name, two)).toBe(borneBy(name, whole))
          const later = { ...charge('c', 100n, 100n), index: 3 }
          expect(notWrittenOff([later, ...before], [{ index: 2, amount: first }])[0]).toEqual(charge('c', 100n, 100n))
        },
      ),
    ))
  it('law: the shares sum to the whole, and no merchant bears more than it has to', () =>
    fc.assert(
      fc.property(
        fc.bigInt(0n, 5000n),
        fc.array(
          fc
            .record({ merchant: fc.constantFrom('a', 'b'), of: fc.bigInt(0n, 900n), part: fc.nat(100) })
            .map(({ merchant, of, part }) => charge(merchant, of, (of * BigInt(part)) / 100n)),
        ),
        (owed, charges) => {
          const { losses, merchants } = sharesOf(amount(owed), charges)
          expect(merchants.reduce((sum, each) => sum + each.amount, losses as bigint)).toBe(owed)
          for (const { merchant, amount } of merchants) {
            const most = charges.filter(each => each.merchant === merchant)
            expect(amount).toBeLessThanOrEqual(most.reduce((sum, each) => sum + each.merchantBears, 0n))
          }
        },
      ),
    ))
})

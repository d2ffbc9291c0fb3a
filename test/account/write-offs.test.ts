import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sharesOf } from '#account/write-offs'
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

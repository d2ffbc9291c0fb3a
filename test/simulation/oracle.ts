/**
 * What everybody owes, figured by hand from what phones signed and terminals wrote. It is simpler than the system and
 * shares no code with it: no decider, no posting, no rounding of the house is called here.
 */

/** An event as it lies in a store, read with JSON.parse and nothing else. */
export type Said = {
  readonly id: string
  readonly stream: string
  readonly type: string
  readonly revision: number
  readonly at: string
  readonly prev: string
  readonly hash: string
  readonly data: Readonly<Record<string, unknown>>
}
export const said = (text: string): Said => JSON.parse(text) as Said
export const word = ({ data }: Said, name: string): string => String(data[name])
export const figure = ({ data }: Said, name: string): number => Number(data[name])
export const sum = ({ data }: Said, name = 'amount'): bigint => BigInt(String(data[name]))

/** What a phone signed, as its own memory has it. */
export type Signed = { readonly account: string; readonly amount: bigint }

export type Terms = { readonly feeBasisPoints: bigint; readonly taxBasisPoints: bigint }

type Paid = Signed & { readonly fee: bigint; readonly tax: bigint; given: bigint; feeBack: bigint; taxBack: bigint }

/** Half to even. */
const share = (whole: bigint, basisPoints: bigint): bigint => {
  const [whole_, rest] = [(whole * basisPoints) / 10_000n, (whole * basisPoints) % 10_000n]
  return rest * 2n > 10_000n || (rest * 2n === 10_000n && whole_ % 2n === 1n) ? whole_ + 1n : whole_
}

export const oracle = ({ feeBasisPoints, taxBasisPoints }: Terms) => {
  const payments = new Map<string, Paid>()
  const reversals = new Set<string>()
  const repaid = new Map<string, bigint>()
  const promised = new Map<string, bigint>()

  const of = (account: string) => [...payments.values()].filter(paid => paid.account === account)
  const total = (amounts: Iterable<bigint>) => [...amounts].reduce((all, each) => all + each, 0n)

  return {
    promises: (account: string, allowance: bigint): void => {
      promised.set(account, (promised.get(account) ?? 0n) + allowance)
    },
    repays: (account: string, amount: bigint): void => {
      repaid.set(account, (repaid.get(account) ?? 0n) + amount)
    },
    /** A payment that a phone signed and that the centre has taken in. Twice is once. */
    pays: (payment: string, signed: Signed): void => {
      if (payments.has(payment)) return
      const fee = share(signed.amount, feeBasisPoints)
      payments.set(payment, { ...signed, fee, tax: share(fee, taxBasisPoints), given: 0n, feeBack: 0n, taxBack: 0n })
    },
    /** A void or refund that the centre has taken in. The fee goes back in proportion, all of it with the whole. */
    givesBack: (reversal: string, payment: string, amount: bigint): boolean => {
      const paid = payments.get(payment)
      // Tills mint these ids, each for itself.
      const act = `${payment} ${reversal}`
      if (reversals.has(act)) return true
      if (!paid || paid.given + amount > paid.amount) return false
      reversals.add(act)
      paid.given += amount
      paid.feeBack = (paid.fee * paid.given) / paid.amount
      paid.taxBack = (paid.tax * paid.given) / paid.amount
      return true
    },
    payments,
    owed: (account: string): bigint =>
      total(of(account).map(({ amount, given }) => amount - given)) - (repaid.get(account) ?? 0n),
    held: (account: string): bigint => (promised.get(account) ?? 0n) - total(of(account).map(({ amount }) => amount)),
    merchant: (): bigint =>
      total(
        [...payments.values()].map(
          ({ amount, given, fee, tax, feeBack, taxBack }) => amount - given - (fee - feeBack) - (tax - taxBack),
        ),
      ),
    fees: (): bigint => total([...payments.values()].map(({ fee, feeBack }) => fee - feeBack)),
  }
}

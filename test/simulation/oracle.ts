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
  readonly by: string
  readonly prev: string
  readonly hash: string
  readonly data: Readonly<Record<string, unknown>>
}
export const said = (text: string): Said => JSON.parse(text) as Said
export const word = ({ data }: Said, name: string): string => String(data[name])
export const figure = ({ data }: Said, name: string): number => Number(data[name])
export const sum = ({ data }: Said, name = 'amount'): bigint => BigInt(String(data[name]))

/** What a phone signed, as its own memory has it. */
export type Signed = { readonly account: string; readonly license: string; readonly amount: bigint }

export type Terms = { readonly feeBasisPoints: bigint; readonly taxBasisPoints: bigint }

type Paid = Signed & { readonly fee: bigint; readonly tax: bigint; given: bigint; feeBack: bigint; taxBack: bigint }

/** Half to even. */
const share = (whole: bigint, basisPoints: bigint): bigint => {
  const [whole_, rest] = [(whole * basisPoints) / 10_000n, (whole * basisPoints) % 10_000n]
  return rest * 2n > 10_000n || (rest * 2n === 10_000n && whole_ % 2n === 1n) ? whole_ + 1n : whole_
}

export const oracle = ({ feeBasisPoints, taxBasisPoints }: Terms) => {
  const payments = new Map<string, Paid>()
  const reversals = new Map<string, bigint>()
  /** Given back at a till, and nobody's yet: the merchant lacks it, the payer has it not. */
  const heldBack = new Map<string, bigint>()
  const repaid = new Map<string, bigint>()
  const holds = new Map<string, { readonly account: string; readonly promised: bigint; freed: bigint }>()

  const of = (account: string) => [...payments.values()].filter(paid => paid.account === account)
  const total = (amounts: Iterable<bigint>) => [...amounts].reduce((all, each) => all + each, 0n)

  const give = (paid: Paid, amount: bigint): void => {
    paid.given += amount
    paid.feeBack = (paid.fee * paid.given) / paid.amount
    paid.taxBack = (paid.tax * paid.given) / paid.amount
  }

  return {
    promises: (license: string, account: string, promised: bigint): void => {
      if (!holds.has(license)) holds.set(license, { account, promised, freed: 0n })
    },
    /** Of what was promised under a license, so much is promised no more. */
    frees: (license: string, amount: bigint): void => {
      const hold = holds.get(license)
      if (hold) hold.freed += amount
    },
    /** All that the centre had taken in is to be taken in again; what was promised stays. */
    forget: (): void => {
      payments.clear()
      reversals.clear()
      heldBack.clear()
      repaid.clear()
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
      if (reversals.has(act) || heldBack.has(act)) return true
      if (!paid || paid.given + amount > paid.amount) return false
      reversals.set(act, amount)
      give(paid, amount)
      return true
    },
    /** The centre keeps this one for two people to decide. */
    holdsBack: (reversal: string, payment: string, amount: bigint): void => {
      const act = `${payment} ${reversal}`
      const paid = payments.get(payment)
      const given = reversals.get(act)
      if (paid && given !== undefined) give(paid, -given)
      reversals.delete(act)
      heldBack.set(act, amount)
    },
    payments,
    owed: (account: string): bigint =>
      total(of(account).map(({ amount, given }) => amount - given)) - (repaid.get(account) ?? 0n),
    held: (account: string): bigint =>
      total(
        [...holds]
          .filter(([, hold]) => hold.account === account)
          .map(([license, { promised, freed }]) => {
            const drawn = of(account).filter(paid => paid.license === license)
            const left = promised - freed - total(drawn.map(({ amount }) => amount))
            // What two phones spent of one allowance is drawn until nothing is left.
            return left > 0n ? left : 0n
          }),
      ),
    merchant: (): bigint =>
      total(
        [...payments.values()].map(
          ({ amount, given, fee, tax, feeBack, taxBack }) => amount - given - (fee - feeBack) - (tax - taxBack),
        ),
      ) - total(heldBack.values()),
    fees: (): bigint => total([...payments.values()].map(({ fee, feeBack }) => fee - feeBack)),
  }
}

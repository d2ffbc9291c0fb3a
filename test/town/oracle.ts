/**
 * What everybody owes at the end of the month, figured by hand: from what lies in the phones, from what was seen in the
 * shops, and from what the operators ordered. It imports nothing and shares no code with the system.
 */

/** A payment as a phone's memory has it, and where the town saw it taken. */
export type Signed = {
  readonly payment: string
  readonly account: string
  readonly license: string
  readonly merchant: string
  readonly currency: string
  readonly amount: bigint
}
export type Terms = { readonly fee: bigint; readonly tax: bigint }

/** Half to even, of ten thousand parts. */
const share = (whole: bigint, parts: bigint): bigint => {
  const [down, rest] = [(whole * parts) / 10_000n, (whole * parts) % 10_000n]
  return rest * 2n > 10_000n || (rest * 2n === 10_000n && down % 2n === 1n) ? down + 1n : down
}

export const oracle = () => {
  const terms = new Map<string, Terms>()
  const granted = new Map<string, { readonly account: string; readonly currency: string; readonly amount: bigint }>()
  const released = new Set<string>()
  const refused = new Set<string>()
  const payments = new Map<string, Signed & { back: bigint }>()
  const held = new Map<string, Signed>()
  const bearers = new Map<string, 'payer' | 'merchant' | 'operator'>()
  const brought = new Map<string, { readonly payment: string; readonly amount: bigint }>()
  const others = new Map<string, bigint>()

  const add = (books: Map<string, bigint>, account: string, currency: string, amount: bigint): void => {
    const key = `${account} ${currency}`
    books.set(key, (books.get(key) ?? 0n) + amount)
  }

  return {
    terms: (merchant: string, agreed: Terms): void => void terms.set(merchant, agreed),
    grants: (license: string, account: string, currency: string, amount: bigint): void =>
      void granted.set(license, { account, currency, amount }),
    releases: (license: string): void => void released.add(license),
    /** The payer's signature is good and the terminal's log, or the phone's own word, has come in. Twice is once. */
    pays: (signed: Signed): void => {
      if (!payments.has(signed.payment)) payments.set(signed.payment, { ...signed, back: 0n })
    },
    /** A check failed that the payer's signature does not heal: nobody owes until two people decide. */
    isHeld: (signed: Signed): void => void held.set(signed.payment, signed),
    decides: (payment: string, bears: 'payer' | 'merchant' | 'operator'): void => void bearers.set(payment, bears),
    givesBack: (reversal: string, payment: string, amount: bigint): void => {
      const paid = payments.get(payment)
      if (paid) paid.back += amount
      else brought.set(reversal, { payment, amount })
    },
    /** Two people say that what was to go back does not. */
    refuses: (reversal: string): void => void refused.add(reversal),
    /** Money that moves by an order alone: what the operators entered, as two sides of one sum. */
    moves: (debit: string, credit: string, currency: string, amount: bigint): void => {
      add(others, debit, currency, amount)
      add(others, credit, currency, -amount)
    },
    payments,
    /** Debits less credits of every account that is not at nought. */
    books: (): Map<string, bigint> => {
      const books = new Map(others)
      const drawn = new Map<string, bigint>()
      const charge = ({ account, license, merchant, currency, amount }: Signed, back: bigint): void => {
        const { fee, tax } = terms.get(merchant) as Terms
        const ownFee = share(amount, fee)
        const ownTax = share(ownFee, tax)
        const keptFee = ownFee - (ownFee * back) / amount
        const keptTax = ownTax - (ownTax * back) / amount
        add(books, `payer:${account}`, currency, amount - back)
        add(books, `merchant:${merchant}`, currency, -(amount - back - keptFee - keptTax))
        add(books, 'fees', currency, -keptFee)
        add(books, 'tax', currency, -keptTax)
        drawn.set(license, (drawn.get(license) ?? 0n) + amount)
      }
      for (const { back, ...signed } of payments.values()) charge(signed, back)
      for (const signed of held.values()) {
        const { payment, merchant, currency, amount } = signed
        const bears = bearers.get(payment)
        const backs = [...brought].filter(([reversal, { payment: of }]) => of === payment && !refused.has(reversal))
        if (bears === undefined) {
          add(books, `suspense:${payment}`, currency, amount)
          add(books, `withheld:${payment}`, currency, -amount)
          for (const [reversal, back] of backs) {
            add(books, `merchant:${merchant}`, currency, back.amount)
            add(books, `suspense:${payment}/${reversal}`, currency, -back.amount)
          }
        }
        const back = backs.reduce((sum, [, each]) => sum + each.amount, 0n)
        if (bears === 'payer') charge(signed, back)
        if (bears === 'operator') {
          add(books, 'losses', currency, amount)
          add(books, `merchant:${merchant}`, currency, -amount)
        }
      }
      for (const [license, { account, currency, amount }] of granted) {
        const spent = drawn.get(license) ?? 0n
        const rest = released.has(license) || spent > amount ? 0n : amount - spent
        add(books, `allowance:${license}`, currency, rest)
        add(books, `commitment:${account}`, currency, -rest)
      }
      return new Map([...books].filter(([, sum]) => sum !== 0n).sort(([a], [b]) => (a < b ? -1 : 1)))
    },
  }
}

import type { Refusal } from '#canonical/decider'
import { type Amount, amount as amountOf, type Currency, formatAmount, zero } from '#money'
import type { AccountEvent } from './events.ts'
import { type Account, availableIn, type Figures, heldIn, inWords, limitsInWords, owedIn, termsIn } from './state.ts'

/** Holds: what phones may spend offline, taken from what is available before a license says so. */

/* ------------------------------------------------------------------ words */

export type AllowanceCommand =
  | ({
      readonly type: 'GrantAllowance'
      readonly account: string
      readonly license: string
      readonly amount: Amount
      /** How long after its license's time the hold waits for payments. */
      readonly termDays?: number
    } & Figures)
  | {
      /** A part of a hold that its phone will not spend, by the phone's own word: the rest waits for its payments. */
      readonly type: 'FreeAllowance'
      readonly account: string
      readonly license: string
      readonly amount: Amount
      /** What payments that the centre has seen drew from this license's hold: nobody has that left. */
      readonly drawn: Amount
      readonly why: string
    }
  | {
      /** A phone spent what it said it had left: by so much its payments drew more than was kept for them. */
      readonly type: 'CoverAllowance'
      readonly account: string
      readonly license: string
      readonly overdrawn: Amount
      readonly why: string
    }
  | {
      readonly type: 'ReleaseAllowance'
      readonly account: string
      readonly license: string
      /** What payments that the centre has seen drew from this license's hold. */
      readonly drawn: Amount
      readonly why?: string
    }

export type AllowanceRefusal = Refusal & {
  readonly reason:
    | 'CurrencyMismatch'
    | 'AllowanceExceedsAvailable'
    | 'AllowanceEmpty'
    | 'AllowanceUnknown'
    | 'AllowanceReleased'
    | 'AllowanceNotLeft'
    | 'LicenseAlreadyGranted'
    | 'AccountNotOpen'
}

/* ----------------------------------------------------------------- decide */

export const decideAllowance = (
  command: AllowanceCommand,
  state: Account,
): readonly AccountEvent[] | AllowanceRefusal => {
  const { account, license } = command
  const held = state.grants.get(license)
  switch (command.type) {
    case 'GrantAllowance': {
      const { currency, amount, inDispute, drawn, knownAt, termDays } = command
      if (state.standing !== 'open') return notOpen(state)
      if (held && !held.isOpen)
        return {
          reason: 'AllowanceReleased',
          message: `License ${license} was granted ${inWords(held)}, and that was released: ask for a new license.`,
          license,
          granted: held.amount,
        }
      if (held?.amount === amount && held.currency === currency) return []
      if (held)
        return {
          reason: 'LicenseAlreadyGranted',
          message: `License ${license} was granted ${inWords(held)}: a license is granted once; ask for a new one.`,
          license,
          granted: held.amount,
        }
      if (amount === zero)
        return { reason: 'AllowanceEmpty', message: `An allowance of nothing lets nobody pay: ask for more than 0.` }
      const [limit, available] = [state.limits.get(currency), availableIn(state, command)]
      if (limit === undefined || available === undefined) return otherCurrency(state, currency)
      const { oversubscription } = termsIn(state, currency)
      const owed = owedIn(state, command)
      if (amount > available + oversubscription)
        return {
          reason: 'AllowanceExceedsAvailable',
          message: `Account ${account} has ${formatAmount(available, currency)} ${currency} available of a limit of ${formatAmount(limit, currency)}; ${formatAmount(amount, currency)} was asked for. Grant less, raise the limit, or wait for a repayment.`,
          account,
          available,
          asked: amount,
          limit,
          owed,
          inDispute,
          held: heldIn(state, command),
          knownAt,
        }
      const beyond = available < 0n ? amount : amount - available
      const figures = { owed: owed.toString(), inDispute: inDispute.toString(), drawn: drawn.toString(), knownAt }
      const data = {
        account,
        license,
        amount: amount.toString(),
        currency,
        ...figures,
        ...(termDays === undefined ? {} : { termDays }),
        ...(beyond > 0n ? { oversubscribed: beyond.toString() } : {}),
      }
      return [{ type: 'AllowanceGranted', data }]
    }

    case 'FreeAllowance': {
      const { amount, drawn, why } = command
      if (!held) return unknown(account, license)
      // What was over before is free already.
      if (!held.isOpen || held.freed > 0n || amount === zero) return []
      if (amount > held.amount - drawn)
        return {
          reason: 'AllowanceNotLeft',
          message: `License ${license} was granted ${inWords(held)}, and ${formatAmount(drawn, held.currency)} of that is spent; ${formatAmount(amount, held.currency)} of it cannot be left. The phone was set back, or there are two: ask the back office for a new code.`,
          license,
          granted: held.amount,
          drawn,
          asked: amount,
        }
      const { currency } = held
      return [
        {
          type: 'AllowanceReleased',
          data: { account, license, amount: amount.toString(), currency, keeps: true, why },
        },
      ]
    }

    case 'CoverAllowance': {
      const { overdrawn, why } = command
      if (!held) return unknown(account, license)
      // Its end has put it right.
      if (!held.isOpen || overdrawn === zero) return []
      const { currency } = held
      const data = { account, license, amount: '0', currency, keeps: true, overdrawn: overdrawn.toString(), why }
      return [{ type: 'AllowanceReleased', data }]
    }

    case 'ReleaseAllowance': {
      const { drawn, why } = command
      if (!held) return unknown(account, license)
      if (!held.isOpen) return []
      const left = held.amount - held.freed - drawn
      const amount = amountOf(left > 0n ? left : 0n).toString()
      // A phone that spent what it said it would not has drawn more than was left: no hold ends below nothing.
      const beyond = left < 0n ? { overdrawn: (-left).toString() } : {}
      const data = {
        account,
        license,
        amount,
        currency: held.currency,
        ...beyond,
        ...(why === undefined ? {} : { why }),
      }
      return [{ type: 'AllowanceReleased', data }]
    }
  }
}

const unknown = (account: string, license: string): AllowanceRefusal => ({
  reason: 'AllowanceUnknown',
  message: `Account ${account} granted nothing to license ${license}: look up which account the license names.`,
  license,
})

const waysOut = {
  open: '',
  suspended: 'Reinstate it first',
  closing: 'Reinstate it first, if its payer stays',
  closed: 'Open another account',
} as const

/** What an account that does not stand open may not do. */
export const notOpen = ({ account, standing }: Account): Refusal & { readonly reason: 'AccountNotOpen' } => ({
  reason: 'AccountNotOpen',
  message: `Account ${account} is ${standing}. ${waysOut[standing]}.`,
  account,
  standing,
})

export const otherCurrency = (
  state: Account,
  currency: Currency,
): Refusal & { readonly reason: 'CurrencyMismatch' } => ({
  reason: 'CurrencyMismatch',
  message: `Account ${state.account} has ${limitsInWords(state)}, and none in ${currency}: nothing is netted across currencies. ${
    state.standing === 'closing' || state.standing === 'closed'
      ? `It is ${state.standing}, and nothing is to be settled in ${currency}`
      : `Set a limit in ${currency} first`
  }.`,
  currency,
})

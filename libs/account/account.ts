import type { Decider, Refusal } from '#canonical/decider'
import { type Amount, type Currency, formatAmount, minorUnits, zero } from '#money'
import type { AccountEvent } from './events.ts'

/* ------------------------------------------------------------------ words */

export type AccountCommand =
  | { readonly type: 'OpenAccount'; readonly account: string; readonly currency: Currency; readonly limit: Amount }
  | { readonly type: 'SetCreditLimit'; readonly account: string; readonly currency: Currency; readonly limit: Amount }
  | {
      readonly type: 'GrantAllowance'
      readonly account: string
      readonly license: string
      readonly currency: Currency
      readonly amount: Amount
      /** Below zero where the payer has paid more than was owed. */
      readonly owed: bigint
      readonly inDispute: Amount
      /** What payments have drawn from this account's holds so far, so that it is not counted as owed and as held. */
      readonly drawn: Amount
      /** The log index at which these three were so. */
      readonly knownAt: number
    }
  | {
      readonly type: 'ReleaseAllowance'
      readonly account: string
      readonly license: string
      /** What payments that the centre has seen drew from this license's hold. */
      readonly drawn: Amount
    }
  | {
      readonly type: 'ReceiveRepayment'
      readonly account: string
      readonly repayment: string
      readonly currency: Currency
      readonly amount: Amount
      readonly source: string
    }

export type AccountRefusal = Refusal & {
  readonly reason:
    | 'AccountUnknown'
    | 'AccountExists'
    | 'CurrencyMismatch'
    | 'AllowanceExceedsAvailable'
    | 'AllowanceEmpty'
    | 'AllowanceUnknown'
    | 'LicenseAlreadyGranted'
    | 'RepaymentEmpty'
    | 'RepaymentDiffers'
}

/* ------------------------------------------------------------------ state */

type Grant = { readonly currency: Currency; readonly amount: Amount; readonly open: boolean }
type Sum = { readonly currency: Currency; readonly amount: Amount }

export type Account = {
  readonly account: string | undefined
  readonly limits: ReadonlyMap<Currency, Amount>
  /** Every grant by license, open or released: a license is granted once. */
  readonly grants: ReadonlyMap<string, Grant>
  /** Granted less released, by currency: what is promised, before what payments have drawn from it. */
  readonly promised: ReadonlyMap<Currency, bigint>
  readonly repayments: ReadonlyMap<string, Sum>
}

const initialState: Account = {
  account: undefined,
  limits: new Map(),
  grants: new Map(),
  promised: new Map(),
  repayments: new Map(),
}

/* ----------------------------------------------------------------- decide */

const decide = (command: AccountCommand, state: Account): readonly AccountEvent[] | AccountRefusal => {
  const { account } = command
  if (command.type === 'OpenAccount') {
    const { currency, limit } = command
    const held = state.limits.get(currency)
    if (state.account === undefined)
      return [{ type: 'AccountOpened', data: { account, currency, limit: limit.toString() } }]
    if (held === limit) return []
    return {
      reason: 'AccountExists',
      message: `Account ${account} is open, with ${limitsInWords(state)}: set its credit limit, or open another account.`,
      account,
    }
  }
  if (state.account === undefined)
    return { reason: 'AccountUnknown', message: `No account ${account} was opened: open it first.`, account }

  switch (command.type) {
    case 'SetCreditLimit': {
      const { currency, limit } = command
      if (state.limits.get(currency) === limit) return []
      return [{ type: 'CreditLimitSet', data: { account, currency, limit: limit.toString() } }]
    }

    case 'GrantAllowance': {
      const { license, currency, amount, owed, inDispute, drawn, knownAt } = command
      const held = state.grants.get(license)
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
      const limit = state.limits.get(currency)
      if (limit === undefined) return otherCurrency(state, currency)
      const stillHeld = (state.promised.get(currency) ?? 0n) - drawn
      // A credit balance is the payer's money, not more credit, unless the account's terms say so.
      const available = limit - (owed > 0n ? owed : 0n) - inDispute - stillHeld
      if (amount > available)
        return {
          reason: 'AllowanceExceedsAvailable',
          message: `Account ${account} has ${formatAmount(available, currency)} ${currency} available of a limit of ${formatAmount(limit, currency)}; ${formatAmount(amount, currency)} was asked for. Grant less, raise the limit, or wait for a repayment.`,
          account,
          available,
          asked: amount,
          limit,
          owed,
          inDispute,
          held: stillHeld,
          knownAt,
        }
      const figures = { owed: owed.toString(), inDispute: inDispute.toString(), drawn: drawn.toString(), knownAt }
      const data = { account, license, amount: amount.toString(), currency, ...figures }
      return [{ type: 'AllowanceGranted', data }]
    }

    case 'ReleaseAllowance': {
      const { license, drawn } = command
      const held = state.grants.get(license)
      if (!held)
        return {
          reason: 'AllowanceUnknown',
          message: `Account ${account} granted nothing to license ${license}: look up which account the license names.`,
          license,
        }
      if (!held.open) return []
      const amount = (held.amount - drawn).toString()
      return [{ type: 'AllowanceReleased', data: { account, license, amount, currency: held.currency } }]
    }

    case 'ReceiveRepayment': {
      const { repayment, currency, amount, source } = command
      const held = state.repayments.get(repayment)
      if (held?.amount === amount && held.currency === currency) return []
      if (held)
        return {
          reason: 'RepaymentDiffers',
          message: `Repayment ${repayment} was received as ${inWords(held)}: another payment needs an id of its own.`,
          repayment,
          received: held.amount,
        }
      if (amount === zero)
        return { reason: 'RepaymentEmpty', message: 'A repayment of nothing repays nothing: give more than 0.' }
      if (!state.limits.has(currency)) return otherCurrency(state, currency)
      const data = { account, repayment, amount: amount.toString(), currency, source }
      return [{ type: 'RepaymentReceived', data }]
    }
  }
}

const inWords = ({ amount, currency }: Sum): string => `${formatAmount(amount, currency)} ${currency}`

const limitsInWords = (state: Account): string =>
  [...state.limits].map(([currency, amount]) => `a limit of ${inWords({ amount, currency })}`).join(' and ')

const otherCurrency = (state: Account, currency: Currency): AccountRefusal => ({
  reason: 'CurrencyMismatch',
  message: `Account ${state.account} has ${limitsInWords(state)}, and none in ${currency}: nothing is netted across currencies. Set a limit in ${currency} first.`,
  currency,
})

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Account, event: AccountEvent): Account => {
  switch (event.type) {
    case 'AccountOpened':
    case 'CreditLimitSet': {
      const { account, currency, limit } = event.data
      return { ...state, account, limits: new Map(state.limits).set(currency, minorUnits(limit)) }
    }
    case 'AllowanceGranted': {
      const { license, currency } = event.data
      const amount = minorUnits(event.data.amount)
      return {
        ...state,
        grants: new Map(state.grants).set(license, { currency, amount, open: true }),
        promised: moved(state.promised, currency, amount),
      }
    }
    case 'AllowanceReleased': {
      const { license, currency } = event.data
      const amount = minorUnits(event.data.amount)
      const granted = state.grants.get(license)?.amount ?? amount
      return {
        ...state,
        grants: new Map(state.grants).set(license, { currency, amount: granted, open: false }),
        promised: moved(state.promised, currency, -amount),
      }
    }
    case 'RepaymentReceived': {
      const { repayment, currency } = event.data
      const amount = minorUnits(event.data.amount)
      return { ...state, repayments: new Map(state.repayments).set(repayment, { currency, amount }) }
    }
  }
}

const moved = (sums: ReadonlyMap<Currency, bigint>, currency: Currency, by: bigint): ReadonlyMap<Currency, bigint> =>
  new Map(sums).set(currency, (sums.get(currency) ?? 0n) + by)

export const account: Decider<Account, AccountCommand, AccountEvent, AccountRefusal> = { initialState, decide, evolve }

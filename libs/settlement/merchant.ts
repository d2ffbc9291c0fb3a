import { z } from 'zod'
import type { Decider, Refusal } from '#canonical/decider'
import { type FactOf, moneyWord, word } from '#canonical/event'
import { name } from '#canonical/fields'
import { type Amount, type Currency, formatAmount, zero } from '#money'
import { currency, minor } from '#money/fields'

/** `merchant-<id>`: who is paid, and the terms on which. A verdict names the terms' version that it was made under. */

/* ------------------------------------------------------------------ words */

const basisPoints = z.int().min(0).max(10_000)
const daysMax = 3650
const days = z.int().min(0).max(daysMax)

/** Where a merchant's terms do not say it. */
export const owesAfterDays = 14

export const merchantWords = {
  MerchantOpened: word(z.object({ merchant: name, name, currency })),
  MerchantTermsSet: word(
    z.object({
      merchant: name,
      version: z.int().positive(),
      feeBasisPoints: basisPoints,
      /** Of the fee, not of the sale. */
      taxBasisPoints: basisPoints,
      returnsFee: z.boolean(),
      /** So long a merchant may stand below zero before someone is told; `owesAfterDays` where it is not said. */
      owesAfterDays: days.optional(),
    }),
  ),
  /** A merchant below zero pays what it owes us: in transit until the bank shows it. */
  MerchantPaidIn: moneyWord(z.object({ merchant: name, paidIn: name, amount: minor, currency, source: name })),
}

export type MerchantEvent = FactOf<typeof merchantWords>

export type MerchantCommand =
  | { readonly type: 'OpenMerchant'; readonly merchant: string; readonly name: string; readonly currency: Currency }
  | {
      readonly type: 'SetMerchantTerms'
      readonly merchant: string
      readonly feeBasisPoints: number
      readonly taxBasisPoints: number
      readonly returnsFee: boolean
      readonly owesAfterDays?: number
    }
  | {
      readonly type: 'PayIn'
      readonly merchant: string
      readonly paidIn: string
      readonly amount: Amount
      readonly currency: Currency
      readonly source: string
    }

export type MerchantRefusal = Refusal & {
  readonly reason:
    | 'MerchantUnknown'
    | 'MerchantExists'
    | 'TermsOutOfRange'
    | 'CurrencyMismatch'
    | 'PaidInEmpty'
    | 'PaidInDiffers'
}

/* ------------------------------------------------------------------ state */

export type MerchantTerms = Extract<MerchantEvent, { type: 'MerchantTermsSet' }>['data']

export type Merchant = {
  readonly name: string
  readonly currency: Currency
  readonly terms: MerchantTerms | undefined
  readonly paidIn: ReadonlyMap<string, { readonly amount: string; readonly source: string }>
}

/* ----------------------------------------------------------------- decide */

const decide = (command: MerchantCommand, state: Merchant | undefined): readonly MerchantEvent[] | MerchantRefusal => {
  const { merchant } = command
  switch (command.type) {
    case 'OpenMerchant': {
      const { name, currency } = command
      if (!state) return [{ type: 'MerchantOpened', data: { merchant, name, currency } }]
      if (state.name === name && state.currency === currency) return []
      return {
        reason: 'MerchantExists',
        message: `Merchant ${merchant} is open as ${state.name} in ${state.currency}: take another id.`,
        merchant,
      }
    }
    case 'SetMerchantTerms': {
      const { feeBasisPoints, taxBasisPoints, returnsFee } = command
      if (!state) return unknown(merchant)
      // Who changes a fee and says nothing of the days means those that there are.
      const owesAfterDays = command.owesAfterDays ?? state.terms?.owesAfterDays
      const asked = {
        feeBasisPoints,
        taxBasisPoints,
        returnsFee,
        ...(owesAfterDays === undefined ? {} : { owesAfterDays }),
      }
      if (![feeBasisPoints, taxBasisPoints].every(part => Number.isInteger(part) && part >= 0 && part <= 10_000))
        return {
          reason: 'TermsOutOfRange',
          message: `Fee and tax are whole parts of ten thousand, from 0 to 10000; ${feeBasisPoints} and ${taxBasisPoints} were given.`,
          ...asked,
        }
      if (
        owesAfterDays !== undefined &&
        !(Number.isInteger(owesAfterDays) && owesAfterDays >= 0 && owesAfterDays <= daysMax)
      )
        return {
          reason: 'TermsOutOfRange',
          message: `A merchant may stand below zero for whole days from 0 to ${daysMax}; ${owesAfterDays} were given.`,
          ...asked,
        }
      const held = state.terms
      const same = held && sameTerms(held, asked)
      if (same) return []
      return [{ type: 'MerchantTermsSet', data: { merchant, version: (held?.version ?? 0) + 1, ...asked } }]
    }
    case 'PayIn': {
      const { paidIn, amount, currency, source } = command
      if (!state) return unknown(merchant)
      const held = state.paidIn.get(paidIn)
      if (held?.amount === amount.toString() && held.source === source) return []
      if (held)
        return {
          reason: 'PaidInDiffers',
          message: `Payment ${paidIn} of merchant ${merchant} was booked with another sum or source: another one needs an id of its own.`,
          paidIn,
        }
      if (amount === zero)
        return {
          reason: 'PaidInEmpty',
          message: `A payment of ${formatAmount(amount, currency)} makes nothing good: give more than 0.`,
        }
      if (state.currency !== currency)
        return {
          reason: 'CurrencyMismatch',
          message: `Merchant ${merchant} is settled in ${state.currency}, and nothing is netted across currencies: pay in ${state.currency}.`,
          currency,
        }
      return [{ type: 'MerchantPaidIn', data: { merchant, paidIn, amount: amount.toString(), currency, source } }]
    }
  }
}

type Set = Omit<MerchantTerms, 'merchant' | 'version'>

const sameTerms = (held: MerchantTerms, asked: Set): boolean =>
  (['feeBasisPoints', 'taxBasisPoints', 'returnsFee', 'owesAfterDays'] as const).every(key => held[key] === asked[key])

const unknown = (merchant: string): MerchantRefusal => ({
  reason: 'MerchantUnknown',
  message: `No merchant ${merchant} was opened: open it first.`,
  merchant,
})

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Merchant | undefined, event: MerchantEvent): Merchant | undefined => {
  switch (event.type) {
    case 'MerchantOpened':
      return { name: event.data.name, currency: event.data.currency, terms: undefined, paidIn: new Map() }
    case 'MerchantTermsSet':
      return state && { ...state, terms: event.data }
    case 'MerchantPaidIn': {
      const { paidIn, amount, source } = event.data
      return state && { ...state, paidIn: new Map(state.paidIn).set(paidIn, { amount, source }) }
    }
  }
}

export const merchant: Decider<Merchant | undefined, MerchantCommand, MerchantEvent, MerchantRefusal> = {
  initialState: undefined,
  decide,
  evolve,
}

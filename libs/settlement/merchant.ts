import { z } from 'zod'
import type { Decider, Refusal } from '#canonical/decider'
import { type FactOf, word } from '#canonical/event'
import { name } from '#canonical/fields'
import type { Currency } from '#money'
import { currency } from '#money/fields'

/** `merchant-<id>`: who is paid, and the terms on which. A verdict names the terms' version that it was made under. */

/* ------------------------------------------------------------------ words */

const basisPoints = z.int().min(0).max(10_000)

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
    }),
  ),
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
    }

export type MerchantRefusal = Refusal & {
  readonly reason: 'MerchantUnknown' | 'MerchantExists' | 'TermsOutOfRange'
}

/* ------------------------------------------------------------------ state */

export type MerchantTerms = Extract<MerchantEvent, { type: 'MerchantTermsSet' }>['data']

export type Merchant = {
  readonly name: string
  readonly currency: Currency
  readonly terms: MerchantTerms | undefined
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
      if (!state)
        return { reason: 'MerchantUnknown', message: `No merchant ${merchant} was opened: open it first.`, merchant }
      const asked = { feeBasisPoints, taxBasisPoints, returnsFee }
      if (![feeBasisPoints, taxBasisPoints].every(part => Number.isInteger(part) && part >= 0 && part <= 10_000))
        return {
          reason: 'TermsOutOfRange',
          message: `Fee and tax are whole parts of ten thousand, from 0 to 10000; ${feeBasisPoints} and ${taxBasisPoints} were given.`,
          ...asked,
        }
      const held = state.terms
      const same = held && (Object.keys(asked) as (keyof typeof asked)[]).every(key => held[key] === asked[key])
      if (same) return []
      return [{ type: 'MerchantTermsSet', data: { merchant, version: (held?.version ?? 0) + 1, ...asked } }]
    }
  }
}

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Merchant | undefined, event: MerchantEvent): Merchant | undefined => {
  switch (event.type) {
    case 'MerchantOpened':
      return { name: event.data.name, currency: event.data.currency, terms: undefined }
    case 'MerchantTermsSet':
      return state && { ...state, terms: event.data }
  }
}

export const merchant: Decider<Merchant | undefined, MerchantCommand, MerchantEvent, MerchantRefusal> = {
  initialState: undefined,
  decide,
  evolve,
}

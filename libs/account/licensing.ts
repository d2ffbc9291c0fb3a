import { z } from 'zod'
import type { Decider, Refusal } from '#canonical/decider'
import { type FactOf, word } from '#canonical/event'
import { instant, name, octets } from '#canonical/fields'
import type { Amount, Currency } from '#money'
import { currency, minor } from '#money/fields'

/**
 * `license-<id>`: what the authority issued, and whether it still stands. A license that ended keeps its hold: taps
 * made while it stood may be on their way.
 */

/* ------------------------------------------------------------------ words */

export const licenseWords = {
  LicenseIssued: word(
    z.object({
      license: name,
      account: name,
      card: name,
      currency,
      allowance: minor,
      /** The signed statement as the phone holds it. */
      document: octets,
      /** The APP public key, 65 octets. */
      publicKey: octets,
      expires: instant,
    }),
  ),
  LicenseRevoked: word(z.object({ license: name, account: name, why: z.string().min(1).max(500) })),
  LicenseExpired: word(z.object({ license: name, account: name })),
}

export type LicenseEvent = FactOf<typeof licenseWords>

export type LicenseCommand =
  | {
      readonly type: 'IssueLicense'
      readonly license: string
      readonly account: string
      readonly card: string
      readonly currency: Currency
      readonly allowance: Amount
      readonly document: string
      readonly publicKey: string
      readonly expires: string
    }
  | { readonly type: 'RevokeLicense'; readonly license: string; readonly why: string }
  | { readonly type: 'ExpireLicense'; readonly license: string; readonly at: string }

export type LicenseRefusal = Refusal & { readonly reason: 'LicenseUnknown' | 'LicenseExists' | 'LicenseStillRuns' }

/* ------------------------------------------------------------------ state */

export type IssuedLicense = {
  readonly account: string
  readonly document: string
  readonly expires: string
  readonly standing: 'issued' | 'revoked' | 'expired'
}

/* ----------------------------------------------------------------- decide */

const decide = (
  command: LicenseCommand,
  state: IssuedLicense | undefined,
): readonly LicenseEvent[] | LicenseRefusal => {
  const { license } = command
  if (command.type === 'IssueLicense') {
    const { account, card, currency, document, publicKey, expires } = command
    const said = { license, account, card, currency, document, publicKey, expires }
    if (!state) return [{ type: 'LicenseIssued', data: { ...said, allowance: command.allowance.toString() } }]
    if (state.document === document) return []
    return {
      reason: 'LicenseExists',
      message: `License ${license} was issued with other content: a renewal is a new license with an id of its own.`,
      license,
    }
  }
  if (!state) return { reason: 'LicenseUnknown', message: `No license ${license} was issued: look at its id.`, license }
  const { account, standing, expires } = state
  switch (command.type) {
    case 'RevokeLicense':
      return standing === 'revoked' ? [] : [{ type: 'LicenseRevoked', data: { license, account, why: command.why } }]
    case 'ExpireLicense':
      if (standing !== 'issued') return []
      if (command.at < expires)
        return {
          reason: 'LicenseStillRuns',
          message: `License ${license} runs until ${expires}; now it is ${command.at}. Revoke it to end it before.`,
          license,
          expires,
        }
      return [{ type: 'LicenseExpired', data: { license, account } }]
  }
}

/* ----------------------------------------------------------------- evolve */

const evolve = (state: IssuedLicense | undefined, event: LicenseEvent): IssuedLicense | undefined => {
  switch (event.type) {
    case 'LicenseIssued': {
      const { account, document, expires } = event.data
      return { account, document, expires, standing: 'issued' }
    }
    case 'LicenseRevoked':
      return state && { ...state, standing: 'revoked' }
    case 'LicenseExpired':
      return state && { ...state, standing: 'expired' }
  }
}

export const licensing: Decider<IssuedLicense | undefined, LicenseCommand, LicenseEvent, LicenseRefusal> = {
  initialState: undefined,
  decide,
  evolve,
}

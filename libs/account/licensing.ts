import { z } from 'zod'
import type { Decider, Refusal } from '#canonical/decider'
import { type FactOf, word } from '#canonical/event'
import { instant, name, octets, sha256, transactionId } from '#canonical/fields'
import type { Amount, Currency } from '#money'
import { currency, minor } from '#money/fields'

/**
 * `license-<id>`: what the authority issued, whether it still stands, and what its phone handed over of its payments.
 * A license that ended keeps its hold: taps made while it stood may be on their way.
 */

/* ------------------------------------------------------------------ words */

/** So many payments come in one piece: what a phone keeps comes in four. */
export const testifiedAtOnce = 16

/**
 * One payment as its phone kept it. The octets are the testimony, and whoever judges reads them; what stands beside
 * them was read from them when it was taken, so that the log can be searched.
 */
const testified = z.object({
  payment: sha256,
  transaction: transactionId,
  counter: z.int().nonnegative(),
  amount: minor,
  currency,
  terminal: name,
  merchant: name,
  shop: name,
  /** What the phone signed, without its seal, whose key the terminal had: a COSE_Sign1, or the block of RSA-RECOVERY. */
  signed: octets,
  /** GET #1, its answer and the PUT as they were on the air: what the payment's tap hash covers. */
  getRequest: octets,
  getResponse: octets,
  put: octets,
  /** The terminal's receipt, where it reached the phone. */
  receipt: octets.optional(),
})
export type Testified = z.infer<typeof testified>

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
      /** The license that this one follows, where it is a renewal. */
      renews: name.optional(),
      /** What the clerk gave this phone, whichever of its licenses this is: no renewal asks for more. */
      given: minor.optional(),
    }),
  ),
  LicenseRevoked: word(z.object({ license: name, account: name, why: z.string().min(1).max(500) })),
  LicenseExpired: word(z.object({ license: name, account: name })),
  /** Moves no money: what follows from it is a verdict. */
  PhoneTestified: word(
    z.object({ license: name, account: name, payments: z.array(testified).min(1).max(testifiedAtOnce) }),
  ),
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
      readonly renews?: string
      readonly given?: Amount
    }
  | { readonly type: 'RevokeLicense'; readonly license: string; readonly why: string }
  | { readonly type: 'ExpireLicense'; readonly license: string; readonly at: string }
  /** Each was checked from its octets before. */
  | { readonly type: 'TestifyPayments'; readonly license: string; readonly payments: readonly Testified[] }

export type LicenseRefusal = Refusal & { readonly reason: 'LicenseUnknown' | 'LicenseExists' | 'LicenseStillRuns' }

/* ------------------------------------------------------------------ state */

export type IssuedLicense = {
  readonly account: string
  readonly document: string
  readonly expires: string
  readonly standing: 'issued' | 'revoked' | 'expired'
  /** Payments that the phone handed over, and whether with the terminal's receipt. */
  readonly testified: ReadonlyMap<string, boolean>
}

/* ----------------------------------------------------------------- decide */

const decide = (
  command: LicenseCommand,
  state: IssuedLicense | undefined,
): readonly LicenseEvent[] | LicenseRefusal => {
  const { license } = command
  if (command.type === 'IssueLicense') {
    const { account, card, currency, document, publicKey, expires } = command
    const { renews, given } = command
    const follows = { ...(renews ? { renews } : {}), ...(given === undefined ? {} : { given: given.toString() }) }
    const said = { license, account, card, currency, document, publicKey, expires, ...follows }
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
    case 'TestifyPayments': {
      // A phone tells all that it keeps at each contact. Only what is new is news; so is a receipt that came later.
      const told = new Map(command.payments.map(each => [each.payment, each]))
      const payments = [...told.values()].filter(({ payment, receipt }) => {
        const withReceipt = state.testified.get(payment)
        return withReceipt === undefined || (!withReceipt && receipt !== undefined)
      })
      return payments.length === 0 ? [] : [{ type: 'PhoneTestified', data: { license, account, payments } }]
    }
  }
}

/* ----------------------------------------------------------------- evolve */

const evolve = (state: IssuedLicense | undefined, event: LicenseEvent): IssuedLicense | undefined => {
  switch (event.type) {
    case 'LicenseIssued': {
      const { account, document, expires } = event.data
      return { account, document, expires, standing: 'issued', testified: new Map() }
    }
    case 'LicenseRevoked':
      return state && { ...state, standing: 'revoked' }
    case 'LicenseExpired':
      return state && { ...state, standing: 'expired' }
    case 'PhoneTestified': {
      const told = event.data.payments.map(({ payment, receipt }) => [payment, receipt !== undefined] as const)
      return state && { ...state, testified: new Map([...state.testified, ...told]) }
    }
  }
}

export const licensing: Decider<IssuedLicense | undefined, LicenseCommand, LicenseEvent, LicenseRefusal> = {
  initialState: undefined,
  decide,
  evolve,
}

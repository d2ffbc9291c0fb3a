import { z } from 'zod'
import type { Decider, Refusal } from '#canonical/decider'
import { type FactOf, word } from '#canonical/event'
import { instant, name, octets, sha256 } from '#canonical/fields'
import { type Amount, type Currency, zero } from '#money'
import { currency, minor } from '#money/fields'

/**
 * `activation-<hash of the code>`: a clerk lets one phone take credit of an account, once and within a day. The code
 * stands in no log, its hash finds the stream: a phone says its code and nothing else. A stream of its own, because the
 * account's is read and raced for at each grant, and a code that nobody used is no fact of the account.
 */

/* ------------------------------------------------------------------ words */

export const activationWords = {
  PhoneInvited: word(
    z.object({
      /** SHA-256 of the code. */
      activation: sha256,
      account: name,
      currency,
      /** What the phone may take to use offline; granted when the code is used, if it is available then. */
      allowance: minor,
      expires: instant,
    }),
  ),
  /** The code is this key's from now on: its license is made for it, and for no other. */
  PhoneActivated: word(z.object({ activation: sha256, account: name, license: name, publicKey: octets })),
}

export type ActivationEvent = FactOf<typeof activationWords>

export type ActivationCommand =
  | {
      readonly type: 'InvitePhone'
      readonly activation: string
      readonly account: string
      readonly currency: Currency
      readonly allowance: Amount
      readonly expires: string
    }
  | {
      readonly type: 'ActivatePhone'
      readonly activation: string
      readonly license: string
      /** Possession was proved, over the code. */
      readonly publicKey: string
      readonly at: string
    }

export type ActivationRefusal = Refusal & {
  readonly reason: 'ActivationUnknown' | 'ActivationExpired' | 'ActivationUsed' | 'AllowanceEmpty'
}

/* ------------------------------------------------------------------ state */

export type Activation = {
  readonly invited: Extract<ActivationEvent, { type: 'PhoneInvited' }>['data'] | undefined
  readonly publicKey: string | undefined
}

/* ----------------------------------------------------------------- decide */

const decide = (command: ActivationCommand, state: Activation): readonly ActivationEvent[] | ActivationRefusal => {
  const { activation } = command
  switch (command.type) {
    case 'InvitePhone': {
      const { account, currency, allowance, expires } = command
      if (state.invited) return []
      if (allowance === zero)
        return { reason: 'AllowanceEmpty', message: 'An allowance of nothing lets nobody pay: give more than 0.' }
      const data = { activation, account, currency, allowance: allowance.toString(), expires }
      return [{ type: 'PhoneInvited', data }]
    }

    case 'ActivatePhone': {
      const { license, publicKey, at } = command
      const { invited } = state
      if (!invited)
        return {
          reason: 'ActivationUnknown',
          message: 'No phone was invited with this code: look at it, or ask the back office for a new one.',
        }
      // The answer to the first asking was lost on the way: the same key goes on where it was, however late.
      if (state.publicKey === publicKey) return []
      if (state.publicKey !== undefined)
        return {
          reason: 'ActivationUsed',
          message: `This code was used by another phone. If that was not yours, let the back office revoke its license and ask for a new code.`,
        }
      if (at >= invited.expires)
        return {
          reason: 'ActivationExpired',
          message: `This code ran out at ${invited.expires}: ask the back office for a new one.`,
          expires: invited.expires,
        }
      return [{ type: 'PhoneActivated', data: { activation, account: invited.account, license, publicKey } }]
    }
  }
}

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Activation, event: ActivationEvent): Activation => {
  switch (event.type) {
    case 'PhoneInvited':
      return { ...state, invited: event.data }
    case 'PhoneActivated':
      return { ...state, publicKey: event.data.publicKey }
  }
}

export const activation: Decider<Activation, ActivationCommand, ActivationEvent, ActivationRefusal> = {
  initialState: { invited: undefined, publicKey: undefined },
  decide,
  evolve,
}

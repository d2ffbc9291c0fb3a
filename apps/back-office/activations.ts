import { activation as activationDecider, activationWords } from '#account/activation'
import { notOpen, otherCurrency } from '#account/allowance'
import { base64url, fromBase64url, hex } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { nameId } from '#canonical/ids'
import { Malformed } from '#canonical/malformed'
import { run } from '#cqrs/run'
import { readKnown } from '#evidence/held'
import { activationOf, mayActivate, writeCode } from '#license/asking'
import { type Currency, minorUnits, parseAmount } from '#money'
import { type Holds, unknown } from './holds.ts'
import type { Licenses } from './licenses.ts'
import { iso, type Office, type Settled } from './office.ts'

/** How a phone comes to an account: by a one-time code that a clerk gave to its holder. */

const codeLasts_s = 24 * 3600

export const activations = (
  { store, crypto, runner, now, now_s, actOf }: Office,
  { hindered, grant, issue }: Pick<Licenses, 'hindered' | 'grant' | 'issue'>,
  settled: Settled,
  { stateOf }: Pick<Holds, 'stateOf'>,
) => {
  /** 128 bits that only this answer shows. */
  const invitePhone = async (asked: {
    readonly account: string
    readonly currency: Currency
    readonly allowance: string
    readonly by: string
  }) => {
    const { account, currency, by } = asked
    const state = await stateOf(account)
    if (!state) return unknown(account)
    // What the grant would say tomorrow the clerk hears now.
    if (state.standing !== 'open') return notOpen(state)
    if (!state.limits.has(currency)) return otherCurrency(state, currency)
    const allowance = parseAmount(asked.allowance, currency)
    if (typeof allowance !== 'bigint') return allowance as Refusal
    const code = writeCode(crypto.random(16))
    const activation = hex(activationOf(crypto, code))
    const expires = iso((now_s() + codeLasts_s) * 1000)
    const invite = { type: 'InvitePhone' as const, activation, account, currency, allowance, expires }
    const ran = await run(runner, activationDecider, activationWords, `activation-${activation}`, invite, actOf(by))
    return settled(ran, { account, code, expires })
  }

  const activatePhone = async (asked: {
    readonly code: string
    readonly publicKey: string
    readonly transport?: string | undefined
    readonly proof: string
  }) => {
    const { code } = asked
    const publicKey = fromBase64url(asked.publicKey)
    const keys = { publicKey, transport: asked.transport === undefined ? undefined : fromBase64url(asked.transport) }
    if (!proved(() => mayActivate(crypto, code, keys, fromBase64url(asked.proof)))) return proofInvalid
    const activation = hex(activationOf(crypto, code))
    const stream = `activation-${activation}`
    const { events } = await readKnown(store, stream, activationWords)
    const invited = events.find(event => event.type === 'PhoneInvited')?.data
    // One code, one license: its id says nothing of the key, so that two keys cannot both have one.
    const license = nameId(crypto, 'license', activation)
    const wanted = invited && {
      ...keys,
      license,
      account: invited.account,
      currency: invited.currency,
      allowance: minorUnits(invited.allowance),
      counter: 0,
    }
    // The code is not used up by a phone that could not have paid.
    const hindrance = wanted && (await hindered(wanted))
    if (hindrance) return hindrance
    const activate = {
      type: 'ActivatePhone' as const,
      activation,
      license,
      publicKey: base64url(publicKey),
      at: now(),
    }
    const activated = await run(runner, activationDecider, activationWords, stream, activate, actOf('phone'))
    if (isRefusal(activated)) return activated
    if (!wanted) throw new Error(`${stream} was activated and never invited`)
    const granted = await grant(wanted)
    return isRefusal(granted) ? granted : issue(wanted)
  }

  return { invitePhone, activatePhone }
}

/** A proof that cannot be read proves nothing. */
export const proved = (check: () => boolean): boolean => {
  try {
    return check()
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError) return false
    throw error
  }
}

export const proofInvalid: Refusal = {
  reason: 'ProofInvalid',
  message: 'The request is not signed by the key that it asks a license for: the phone must hold that key.',
}

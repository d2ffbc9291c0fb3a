import { base64url, fromBase64url } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { nameId } from '#canonical/ids'
import { Malformed } from '#canonical/malformed'
import { readLicense } from '#license'
import { mayRenew, type Standing } from '#license/asking'
import { type Amount, formatAmount, minorUnits } from '#money'
import type { Holds } from './holds.ts'
import type { Licenses } from './licenses.ts'
import type { Office } from './office.ts'

/**
 * A renewal is a new license with a new hold, for a key that the phone makes anew: who has copied the old one is left
 * behind with it. The old license keeps as hold what the phone has spent and the centre has not seen, and ends by its
 * own term. Its counter goes on under the new one.
 */
export const renewals = (
  { crypto }: Pick<Office, 'crypto'>,
  {
    hindered,
    grant,
    issue,
    issuedAs,
    answerFor,
    revokeLicense,
  }: Pick<Licenses, 'hindered' | 'grant' | 'issue' | 'issuedAs' | 'answerFor' | 'revokeLicense'>,
  { stateOf }: Pick<Holds, 'stateOf'>,
) => {
  type Issued = NonNullable<Awaited<ReturnType<typeof issuedAs>>['issued']>

  /** By the license itself; licenses of before 0.3.0 do not say it, and the first of them was what the code allowed. */
  const givenFor = async ({ given, allowance, renews }: Issued): Promise<Amount> => {
    if (given !== undefined) return minorUnits(given)
    const before = renews === undefined ? undefined : (await issuedAs(renews)).issued
    return before ? givenFor(before) : minorUnits(allowance)
  }

  /** Was the hold of this renewal let go, before a license was issued on it? Its id is used up by that. */
  const letGo = async (account: string, license: string, old: string): Promise<Refusal | undefined> => {
    const hold = (await stateOf(account))?.grants.get(license)
    if (!hold || (hold.isOpen && hold.freed === 0n)) return undefined
    return {
      reason: 'RenewalReleased',
      message: `The renewal of license ${old} was held and let go again, because payments came between; it is not renewed any more. It pays until it ends: ask the back office for a new code.`,
      license: old,
    }
  }

  const renewLicense = async (asked: {
    readonly license: string
    readonly publicKey: string
    readonly transport?: string | undefined
    /** The same statement, signed by the license's key and by the new one. */
    readonly present: string
    readonly next: string
  }) => {
    const { events, issued, revoked } = await issuedAs(asked.license)
    if (!issued) {
      const message = `No license ${asked.license} was issued here: ask the back office for a code.`
      return { reason: 'LicenseUnknown', message, license: asked.license }
    }
    const old = readLicense(fromBase64url(issued.document))
    const publicKey = fromBase64url(asked.publicKey)
    const keys = { publicKey, transport: asked.transport === undefined ? undefined : fromBase64url(asked.transport) }
    const standing = standingIn(old.publicKey, keys, asked)
    if (standing?.license !== old.id)
      return {
        reason: 'ProofInvalid',
        message: 'The renewal is not signed by the license’s key and by the key that it asks a license for.',
      }
    const isRevoked = {
      reason: 'LicenseRevoked',
      message: `License ${old.id} was revoked: it is not renewed. Ask the back office for a new code.`,
      license: old.id,
    }
    if (revoked) return isRevoked

    // One license, one renewal: its id says nothing of the key, so that two keys cannot both have one.
    const license = renewalOf(crypto, old.id)
    const before = (await issuedAs(license)).issued
    if (before) {
      // The answer to the first asking was lost on the way.
      if (before.publicKey === base64url(publicKey)) return answerFor(license, issued.account, before.document, keys)
      return {
        reason: 'LicenseRenewed',
        message: `License ${old.id} was renewed for another key. If that was not this phone, let the back office revoke license ${license}.`,
        license: old.id,
        by: license,
      }
    }

    const seen = Math.max(old.credit.counter, ...events.flatMap(countersIn))
    if (standing.counter < seen)
      return {
        reason: 'CounterBehind',
        message: `The phone is at its payment ${standing.counter}, and payment ${seen} of it is known here: it was set back, or there are two. Ask the back office for a new code.`,
        counter: standing.counter,
        seen,
      }
    const { account, currency } = issued
    const { counter, allowance, allowanceLeft } = standing
    const given = await givenFor(issued)
    if (allowance > given)
      return {
        reason: 'AllowanceBeyondGiven',
        message: `This phone was given ${formatAmount(given, currency)} ${currency} to use offline, and asks for ${formatAmount(allowance, currency)}: ask for no more than that, or ask the back office for a new code.`,
        given,
        asked: allowance,
      }
    const wanted = { ...keys, license, account, currency, allowance, counter, renews: old.id, given }
    const hindrance = (await hindered(wanted)) ?? (await letGo(account, license, old.id))
    if (hindrance) return hindrance
    const freed = { license: old.id, amount: allowanceLeft, why: `renewed by ${license}` }
    const granted = await grant(wanted, freed)
    if (isRefusal(granted)) return (await letGo(account, license, old.id)) ?? granted
    const answer = await issue(wanted)
    // Told lost while it was renewed: whoever ended the old one may not have seen this one, but this one sees that.
    if (isRefusal(answer) || !(await issuedAs(old.id)).revoked) return answer
    const ended = await revokeLicense({ license, why: `renews ${old.id}, which was revoked`, by: 'centre' })
    return isRefusal(ended) ? ended : isRevoked
  }

  const standingIn = (
    present: Uint8Array,
    keys: Parameters<typeof mayRenew>[2],
    asked: { readonly present: string; readonly next: string },
  ): Standing | null => {
    try {
      const proofs = { present: fromBase64url(asked.present), next: fromBase64url(asked.next) }
      return mayRenew(crypto, present, keys, proofs)
    } catch (error) {
      if (error instanceof Malformed || error instanceof SyntaxError) return null
      throw error
    }
  }

  return { renewLicense }
}

/** The id of the license that renews this one, whether there is one or not. */
export const renewalOf = (crypto: Crypto, license: string): string => nameId(crypto, 'license', 'renews', license)

type LicenseEvents = Awaited<ReturnType<Licenses['issuedAs']>>['events']

const countersIn = (event: LicenseEvents[number]): number[] =>
  event.type === 'PhoneTestified' ? event.data.payments.map(({ counter }) => counter) : []

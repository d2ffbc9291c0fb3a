import { licenseWords, licensing, type Testified } from '#account/licensing'
import { fromBase64url } from '#canonical/bytes'
import { firstFailure } from '#canonical/check'
import { isRefusal, type Refusal } from '#canonical/decider'
import { run } from '#cqrs/run'
import { checkTestimony } from '#evidence/testimony'
import { readLicense } from '#license'
import { readKeySet } from '#license/keyset'
import type { Licenses } from './licenses.ts'
import type { Office, Settled } from './office.ts'
import type { Rulebook } from './rulebook.ts'

/** What phones hand over of their payments. Whoever sends it: each word of it is signed, or it is not taken. */

/** Octets as base64url. */
export type ToldText = {
  readonly signed: string
  readonly getRequest: string
  readonly getResponse: string
  readonly put: string
  readonly receipt?: string | undefined
}

export const testimonies = (
  { crypto, keys, runner, actOf }: Office,
  { keySet }: Rulebook,
  { issuedAs }: Pick<Licenses, 'issuedAs'>,
  settled: Settled,
) => {
  const testify = async ({ license, payments }: { license: string; payments: readonly ToldText[] }) => {
    const { issued } = await issuedAs(license)
    if (!issued) {
      const message = `No license ${license} was issued here: a phone hands its payments to the authority that licensed it.`
      return { reason: 'LicenseUnknown', message, license }
    }
    const by = {
      license: readLicense(fromBase64url(issued.document)),
      keySet: readKeySet(fromBase64url(keySet())),
      mode: keys.mode,
    }
    const testified: Testified[] = []
    const refused: (Refusal & { readonly place: number })[] = []
    for (const [place, told] of payments.entries()) {
      const judged = judge(told, by)
      if ('testified' in judged) testified.push(judged.testified)
      else refused.push({ place, ...judged.refusal })
    }
    const command = { type: 'TestifyPayments' as const, license, payments: testified }
    const ran = await run(runner, licensing, licenseWords, `license-${license}`, command, actOf('phone'))
    if (isRefusal(ran)) return ran
    return settled(ran, { taken: testified.map(({ payment }) => payment), refused, keySet: keySet() })
  }

  const judge = (
    told: ToldText,
    by: Parameters<typeof checkTestimony>[2],
  ): { readonly testified: Testified } | { readonly refusal: Refusal } => {
    const { receipt } = told
    const octets = {
      signed: fromBase64url(told.signed),
      getRequest: fromBase64url(told.getRequest),
      getResponse: fromBase64url(told.getResponse),
      put: fromBase64url(told.put),
      ...(receipt === undefined ? {} : { receipt: fromBase64url(receipt) }),
    }
    const { checks, testified } = checkTestimony(crypto, octets, by)
    if (testified) return { testified }
    const { check, reason, expected, found } = firstFailure(checks) ?? { check: 'testimony' }
    const message = `The payment was not taken as testimony (${check}: expected ${expected}, found ${found}). Keep it, and show the phone to its issuer.`
    return { refusal: { reason: reason ?? 'TestimonyMalformed', message } }
  }

  return { testify }
}

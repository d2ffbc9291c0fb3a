import { licenseWords, licensing } from '#account/licensing'
import { base64url, fromBase64url } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { run } from '#cqrs/run'
import { readKnown } from '#evidence/held'
import { type Credit, issueLicense, readLicense } from '#license'
import { suiteOf } from '#license/appkey'
import type { AskedFor } from '#license/asking'
import { sealBase } from '#license/hpke'
import { kidOf } from '#license/keyset'
import { fitsSuite } from '#license/payment'
import { readPolicy } from '#license/rules'
import { tacKeyInfo, tacKeys } from '#license/tac'
import type { Amount, Currency } from '#money'
import { cardOf, licensesLast_s } from './authority.ts'
import type { Freed, Holds } from './holds.ts'
import { iso, type Office, type Settled } from './office.ts'
import type { Rulebook } from './rulebook.ts'
import type { SigningKeys } from './signing-keys.ts'

/** Licenses for keys made on phones: the allowance is held on the account first, and only then is the license issued. */

const cardLimits = { perTransaction: 15_000n, silent: 5_000n, consecutive: 50 } as const

/** A license as it is to be: whose, for which keys, and what it lets its phone do. */
export type Wanted = AskedFor & {
  readonly license: string
  readonly account: string
  readonly currency: Currency
  readonly allowance: Amount
  /** Of the phone's payment made last, under whatever license. */
  readonly counter: number
  readonly renews?: string
  /** What the clerk gave the phone that renews. */
  readonly given?: Amount
}

export type Licenses = ReturnType<typeof licenses>

export const licenses = (
  { store, crypto, keys, runner, now_s, actOf }: Office,
  { sign }: Pick<SigningKeys, 'sign'>,
  { keySet, rules, deny }: Rulebook,
  settled: Settled,
  holds: Pick<Holds, 'grant'>,
) => {
  const creditOf = ({ publicKey, currency, allowance, counter }: Wanted): Credit => ({
    currency,
    allowance,
    perTransaction: cardLimits.perTransaction as Amount,
    silent: cardLimits.silent as Amount,
    consecutive: cardLimits.consecutive,
    counter,
    tacKey: keys.tacMaster.id,
    suite: suiteOf(publicKey),
  })

  /** Why such a license would be of no use: no terminal would take it, or its phone could not pay by it. */
  const hindered = async (wanted: Wanted): Promise<Refusal | undefined> => {
    const credit = creditOf(wanted)
    const { suite } = credit
    const { suites = ['P256-AUTH'], version } = readPolicy(
      fromBase64url((await rules({ merchant: '', currency: wanted.currency })).policy),
    )
    if (!suites.includes(suite))
      return {
        reason: 'SuiteNotAllowed',
        message: `Policy ${version} lets phones pay by ${suites.join(' and ') || 'no suite'}, and this one would by ${suite}: publish a policy that names it first.`,
        suite,
      }
    if (fitsSuite(credit)) return undefined
    return {
      reason: 'AllowanceTooLarge',
      message: `A payment of ${suite} has no room for so large an allowance: ask for less than 2^32 minor units.`,
      suite,
    }
  }

  /** Holds the allowance; with `freed`, what the phone has left of another license's hold is given back with it. */
  const grant = ({ account, license, currency, allowance }: Wanted, freed?: Freed) =>
    holds.grant({ account, license, currency, amount: allowance }, actOf('phone'), freed)

  const issuedAs = async (license: string) => {
    const { events } = await readKnown(store, `license-${license}`, licenseWords)
    return {
      events,
      issued: events.find(event => event.type === 'LicenseIssued')?.data,
      revoked: events.some(event => event.type === 'LicenseRevoked'),
    }
  }

  /** What a phone gets with its license; the same again for whoever asks again. */
  const answerFor = (license: string, account: string, document: string, { publicKey, transport }: AskedFor) => {
    const tacKey = sealBase(crypto, {
      recipient: new Uint8Array(transport ?? publicKey),
      info: tacKeyInfo,
      aad: crypto.sha256(fromBase64url(document)),
      // By the master key that this license names: it may be older than the one that new ones name.
      plaintext: tacKeys(crypto, [keys.tacMaster, ...keys.later.tacMasters])(readLicense(fromBase64url(document))),
    })
    return {
      account,
      license: document,
      tacKey: base64url(tacKey),
      keySet: keySet(),
      rootPublicKey: base64url(keys.root.publicKey),
      mode: keys.mode,
    }
  }

  /** Its allowance is held already. A license that was issued before is given again, word for word. */
  const issue = async (wanted: Wanted) => {
    const { license, account, currency, allowance, renews, given } = wanted
    const before = (await issuedAs(license)).issued
    const card = cardOf(crypto, keys, account)
    // One moment for all of it: what is signed elsewhere is made a second time when its signature has come.
    const issued_s = now_s()
    const made = (crypto: Crypto, key: KeyPair) =>
      issueLicense(
        crypto,
        {
          id: license,
          card,
          issuer: keys.origin,
          issuedAt: issued_s,
          notBefore: issued_s - 60,
          expires: issued_s + licensesLast_s,
          publicKey: new Uint8Array(wanted.publicKey),
          credit: creditOf(wanted),
          kid: kidOf(crypto, key.publicKey),
        },
        key,
      )
    const command = {
      type: 'IssueLicense' as const,
      license,
      account,
      card,
      currency,
      allowance,
      document: before?.document ?? base64url(await sign('license', made)),
      publicKey: base64url(wanted.publicKey),
      expires: iso((issued_s + licensesLast_s) * 1000),
      ...(renews === undefined ? {} : { renews }),
      ...(given === undefined ? {} : { given }),
    }
    const ran = await run(runner, licensing, licenseWords, `license-${license}`, command, actOf('phone'))
    return settled(ran, answerFor(license, account, command.document, wanted))
  }

  /** Ends a license before its time. Terminals hear of it by the deny list; its hold waits for what is on its way. */
  const revokeLicense = async ({ license, why, by }: { license: string; why: string; by: string }) => {
    const revoke = { type: 'RevokeLicense' as const, license, why }
    const ran = await run(runner, licensing, licenseWords, `license-${license}`, revoke, actOf(by))
    if (isRefusal(ran)) return ran
    const denied = await deny({ licenses: [license] }, by, why)
    if (isRefusal(denied)) return denied
    return settled(ran, { license, state: 'revoked', denyListVersion: denied.version })
  }

  return { hindered, grant, issue, issuedAs, answerFor, revokeLicense }
}

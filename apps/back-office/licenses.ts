import { licenseWords, licensing } from '#account/licensing'
import { base64url, equal, fromBase64url, utf8 } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { nameId } from '#canonical/ids'
import { Malformed } from '#canonical/malformed'
import { run } from '#cqrs/run'
import { readKnown } from '#evidence/held'
import { issueLicense } from '#license'
import { parse1, verify1 } from '#license/cose'
import { sealBase } from '#license/hpke'
import { kidOf } from '#license/keyset'
import { tacKeyInfo, tacKeyOf } from '#license/tac'
import { type Amount, parseAmount } from '#money'
import { cardOf, licensesLast_s } from './authority.ts'
import type { Holds } from './holds.ts'
import { iso, type Office, type Settled } from './office.ts'
import type { Rulebook } from './rulebook.ts'

/** Licenses for keys made on phones: the allowance is held on the account first, and only then is the license issued. */

const cardLimits = { perTransaction: 15_000n, silent: 5_000n, consecutive: 50 } as const

export const licenses = (
  { store, crypto, keys, runner, now_s, actOf }: Office,
  { keySet }: Rulebook,
  settled: Settled,
  { figuresIn, grant }: Pick<Holds, 'figuresIn' | 'grant'>,
) => {
  /** Grants the allowance on the account's own stream first, and only then issues the license for the phone's key. */
  const license = async (asked: {
    readonly account: string
    readonly allowance: string
    readonly publicKey: string
    readonly proof: string
  }) => {
    const { account, publicKey, proof } = asked
    const figures = await figuresIn(account)
    if (isRefusal(figures)) return figures
    const { currency } = figures
    const allowance = parseAmount(asked.allowance, currency)
    if (typeof allowance !== 'bigint') return allowance as Refusal
    if (!possessed(asked))
      return {
        reason: 'ProofInvalid',
        message: 'The request is not signed by the key that it asks a license for: the phone must hold that key.',
      }
    const id = nameId(crypto, 'license', publicKey, proof)
    const granted = await grant({ account, license: id, currency, amount: allowance }, actOf('phone'))
    if (isRefusal(granted)) return granted
    const { events: held } = await readKnown(store, `license-${id}`, licenseWords)
    const document =
      held.find(event => event.type === 'LicenseIssued')?.data.document ??
      base64url(
        issueLicense(
          crypto,
          {
            id,
            card: cardOf(crypto, keys, account),
            issuer: keys.origin,
            issuedAt: now_s(),
            notBefore: now_s() - 60,
            expires: now_s() + licensesLast_s,
            publicKey: fromBase64url(publicKey),
            credit: {
              currency,
              allowance,
              perTransaction: cardLimits.perTransaction as Amount,
              silent: cardLimits.silent as Amount,
              consecutive: cardLimits.consecutive,
              counter: 0,
              tacKey: keys.tacMaster.id,
              suite: 'P256-AUTH',
            },
            kid: kidOf(crypto, keys.license.publicKey),
          },
          keys.license,
        ),
      )
    const issue = {
      type: 'IssueLicense' as const,
      license: id,
      account,
      card: cardOf(crypto, keys, account),
      currency,
      allowance,
      document,
      publicKey,
      expires: iso((now_s() + licensesLast_s) * 1000),
    }
    const issued = await run(runner, licensing, licenseWords, `license-${id}`, issue, actOf('phone'))
    const bytes = fromBase64url(document)
    const tacKey = sealBase(crypto, {
      recipient: fromBase64url(publicKey),
      info: tacKeyInfo,
      aad: crypto.sha256(bytes),
      plaintext: tacKeyOf(crypto, keys.tacMaster.key, id),
    })
    return settled(issued, { license: document, tacKey: base64url(tacKey), keySet, mode: keys.mode })
  }

  /** Proof of possession: the request itself, signed by the key that asks. */
  const possessed = ({ account, allowance, publicKey, proof }: Parameters<typeof license>[0]): boolean => {
    try {
      const said = JSON.stringify({ account, allowance, publicKey })
      const bytes = fromBase64url(proof)
      parse1(bytes)
      const payload = verify1(crypto, {
        bytes,
        type: 'license-request',
        curve: 'P-256',
        publicKey: fromBase64url(publicKey),
      })
      return payload !== null && equal(payload, utf8(said))
    } catch (error) {
      if (error instanceof Malformed || error instanceof SyntaxError) return false
      throw error
    }
  }

  return { license }
}

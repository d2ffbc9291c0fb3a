import { type Bytes, base64url, equal, fromBase64url } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import type { Refusal } from '#canonical/decider'
import { readLicense } from '#license'
import { type AppKey, appKeyOf, makeAppKey, type Suite, suiteOf } from '#license/appkey'
import { openBase } from '#license/hpke'
import { verifyKeySet } from '#license/keyset'
import { tacKeyInfo } from '#license/tac'
import type { KeyText, PhoneMemory } from '#tap/phone'
import type { Licensed } from './authority.ts'

/** The keys of a phone, made here and gone with it: a license is asked for with them, and opened by them. */

/** An APP key, and for one that only makes blocks the key to which its TAC key is sent. */
export const makeKeys = (crypto: Crypto, suite: Suite): KeyText => {
  const key = makeAppKey(crypto, suite)
  const transport = suite === 'RSA-RECOVERY' ? crypto.keyPair('P-256') : undefined
  return { ...textOf(key), ...(transport ? { transport: textOf(transport) } : {}) }
}

export const suiteOfKeys = ({ publicKey }: KeyText): Suite => suiteOf(fromBase64url(publicKey))

export const keyIn = ({ publicKey, privateKey }: KeyText): AppKey =>
  appKeyOf(fromBase64url(publicKey), fromBase64url(privateKey))

export const transportIn = ({ transport }: KeyText): Bytes | undefined =>
  transport && fromBase64url(transport.publicKey)

const textOf = ({ publicKey, privateKey }: AppKey) => ({
  publicKey: base64url(publicKey),
  privateKey: base64url(privateKey),
})

type OfLicense = Pick<
  PhoneMemory,
  'account' | 'mode' | 'publicKey' | 'privateKey' | 'license' | 'tacKey' | 'keySet' | 'rootPublicKey'
>

/** What of a phone's memory comes with its license; a refusal where it is not the license that was asked for. */
export const openLicensed = (crypto: Crypto, keys: KeyText, licensed: Licensed): OfLicense | Refusal => {
  const { account, mode, license, keySet, rootPublicKey } = licensed
  const bytes = fromBase64url(license)
  if (!equal(readLicense(bytes).publicKey, fromBase64url(keys.publicKey)))
    return invalid('The license names another key than this phone’s')
  if (!verifyKeySet(crypto, fromBase64url(keySet), fromBase64url(rootPublicKey)))
    return invalid('The key set that came with the license is not signed by the root key that came with it')
  const { publicKey, privateKey } = keys.transport ?? keys
  const recipient = {
    curve: 'P-256',
    publicKey: fromBase64url(publicKey),
    privateKey: fromBase64url(privateKey),
  } as const
  const aad = crypto.sha256(bytes)
  const tacKey = openBase(crypto, { recipient, info: tacKeyInfo, aad, sealed: fromBase64url(licensed.tacKey) })
  if (!tacKey) return invalid('The TAC key that came with the license does not open')
  return {
    account,
    mode,
    publicKey: keys.publicKey,
    privateKey: keys.privateKey,
    license,
    tacKey: base64url(tacKey),
    keySet,
    rootPublicKey,
  }
}

const invalid = (what: string): Refusal => ({
  reason: 'LicenseInvalid',
  message: `${what}: ask for the license again, and show the phone to its issuer if that does not help.`,
})

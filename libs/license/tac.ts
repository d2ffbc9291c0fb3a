import { type Bytes, utf8 } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { type Unproved, unproved } from './payload.ts'

/**
 * The transaction authentication code. The terminal cannot check it, the centre does: it warns of a copied APP key,
 * and proves nothing to a stranger.
 */

/** HPKE's `info` when the TAC key goes to the phone at issue. */
export const tacKeyInfo = utf8('tallystick.dev:tac/1')

/** A license's TAC key: HKDF-SHA-256 (RFC 5869), empty salt, info `tac` and the license id, one block of 32 octets. */
export const tacKeyOf = (crypto: Crypto, masterKey: Uint8Array, licenseId: string): Bytes => {
  const key = crypto.hmac(new Uint8Array(32), masterKey)
  return crypto.hmac(key, utf8('tac'), utf8(licenseId), Uint8Array.of(1))
}

export type TacMaster = { readonly id: string; readonly key: Uint8Array }

/**
 * TAC keys of licenses, each by the master key that it names. A license may name one that is none of ours, where
 * somebody else signed it: its key is then one that nobody knows, and no TAC holds.
 */
export const tacKeys =
  (crypto: Crypto, masters: readonly [TacMaster, ...TacMaster[]]) =>
  ({ id, credit }: { readonly id: string; readonly credit: { readonly tacKey: string } }): Bytes => {
    const named = masters.find(master => master.id === credit.tacKey)
    return tacKeyOf(crypto, named?.key ?? crypto.hmac(masters[0].key, utf8(`no master ${credit.tacKey}`)), id)
  }

/** 8 octets over the record type and the payload's other fields. */
export const tacOf = (crypto: Crypto, tacKey: Uint8Array, payment: Unproved): Bytes =>
  crypto.hmac(tacKey, utf8('payment'), unproved.encode(payment)).slice(0, 8)

import { type Bytes, equal } from './bytes.ts'
import type { Crypto, KeyPair } from './crypto.ts'

/**
 * Whoever holds one private key and signs with it: a file's key in this process, or a device that answers later and
 * never gives the key away. Adapters: `pairSigner`, and `#machine/signer` over a child process.
 */
export interface Signer {
  publicKey(): Promise<PublicKey>
  /** ECDSA over SHA-256 as r ‖ s (64 octets), or Ed25519 (64 octets), as `Crypto` has them. Throws `SignerFailed`. */
  sign(message: Uint8Array): Promise<Bytes>
}

export type PublicKey = Pick<KeyPair, 'curve' | 'publicKey'>

/** A signer that is not this process gave no signature that holds; nothing was signed. Whoever asked may ask again. */
export class SignerFailed extends Error {
  readonly code = 'SignerFailed'
  constructor(
    message: string,
    readonly found: 'away' | 'refused' | 'late' | 'malformed' | 'wrong',
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** A private key of no octets is one that lies elsewhere. */
export const isHere = ({ privateKey }: Pick<KeyPair, 'privateKey'>): boolean => privateKey.length > 0

export const pairSigner = (crypto: Crypto, pair: KeyPair): Signer => ({
  publicKey: async () => ({ curve: pair.curve, publicKey: pair.publicKey }),
  sign: async message => crypto.sign(pair, message),
})

/** Octets of a signature, whatever the curve. */
const signatureSize = 64

/**
 * What `make` makes, signed by a signer that may answer later. `make` is called twice: once to hear what is to be signed,
 * and again with the signature, which was verified before; so it must say the same both times, and sign once.
 */
export const signedBy = async <Signed>(
  crypto: Crypto,
  signer: Signer,
  key: PublicKey,
  make: (crypto: Crypto, key: KeyPair) => Signed,
): Promise<Signed> => {
  const pair: KeyPair = { curve: key.curve, publicKey: key.publicKey, privateKey: new Uint8Array(0) }
  const asked: Uint8Array[] = []
  const listening = (_: KeyPair, message: Uint8Array): Bytes => {
    asked.push(message)
    return new Uint8Array(signatureSize)
  }
  make({ ...crypto, sign: listening }, pair)
  const [message] = asked
  if (message === undefined || asked.length > 1) throw new Error('What is signed is one message, and is signed once.')
  const signature = await signer.sign(message)
  if (signature.length !== signatureSize || !crypto.verify(key.curve, key.publicKey, message, signature))
    throw new SignerFailed(
      'The signer gave a signature that its own key does not verify: nothing was signed by it. Look whether it holds the key that it named.',
      'wrong',
    )
  const answering = (_: KeyPair, again: Uint8Array): Bytes => {
    if (!equal(again, message)) throw new Error('What is signed has changed since it was asked to be.')
    return signature
  }
  return make({ ...crypto, sign: answering }, pair)
}

import { equal } from '#canonical/bytes'
import { Usage } from '#machine/process'
import { type CommandSigner, commandSigner, type SignerSettings } from '#machine/signer'
import type { AuthorityKeys, OutsideKey } from './authority.ts'

/** The keys that a signer was named for, each asked for its public half: what does not answer is found at the start. */

export type OutsideKeys = Pick<CommandSigner, 'close'> & { readonly keys: readonly OutsideKey[] }

/** Throws `SignerFailed`, and `Usage` where a key is not of the kind that its purpose takes. */
export const outsideKeys = async ({ keys: named, ...settings }: SignerSettings): Promise<OutsideKeys> => {
  const signing = commandSigner(settings)
  const keys: OutsideKey[] = []
  try {
    for (const purpose of ['root', 'license', 'certificate', 'rules', 'log'] as const)
      for (const name of named[purpose] ?? []) {
        const signer = signing.key(name)
        const key = await signer.publicKey()
        const kind = purpose === 'log' ? 'Ed25519' : 'P-256'
        if (key.curve !== kind)
          throw new Usage(
            `The signer's ${name} is a key of ${key.curve}, and a ${purpose} key is of ${kind}: make one there.`,
          )
        const other = keys.find(({ publicKey }) => equal(publicKey, key.publicKey))
        if (other)
          throw new Usage(
            `The signer's ${name} is named for ${purpose}, and the same key for ${other.purpose}: a key has one purpose, and one name.`,
          )
        keys.push({ ...key, purpose, signer })
      }
    return { keys, close: signing.close }
  } catch (error) {
    signing.close()
    throw error
  }
}

/** A root stays; a signer that holds another than the keys name would never be asked. Throws `Usage`. */
export const refuseOtherRoot = ({ root }: AuthorityKeys, outside: readonly OutsideKey[]): void => {
  const named = outside.filter(({ purpose }) => purpose === 'root')
  if (named.length > 0 && !named.some(({ publicKey }) => equal(publicKey, root.publicKey)))
    throw new Usage(
      'The signer holds another root key than keys.json names: another root is another authority. Name the signer that holds this one, or found a centre in a folder of its own.',
    )
}

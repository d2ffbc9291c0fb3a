import { base64url } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { isSealed, openKeys, sealKeys } from '#machine/keyfile'
import { type Log, readWhole, writeWhole } from '#machine/process'
import type { Mode } from '#upkeep/mode'
import {
  type AuthorityKeys,
  addedTo,
  type KeyKeeper,
  keysFrom,
  keysText,
  makeAuthorityKeys,
  type OutsideKey,
} from './authority.ts'

/** The authority's keys in `keys.json` of a folder: sealed, where a passphrase was named, and else said to be open. */
export const keyFile = (
  crypto: Crypto,
  folder: string,
  passphrase: string | undefined,
  now_s: number,
  log: Pick<Log, 'info' | 'warn'>,
  mode: Mode = 'test',
  outside: readonly OutsideKey[] = [],
): KeyKeeper => {
  let known: { readonly text: string; readonly keys: AuthorityKeys } | undefined
  const held = (): string => readWhole(folder, 'keys.json') ?? ''
  const write = (keys: AuthorityKeys, before?: string): void => {
    const secrets = keysText(keys)
    const text = passphrase === undefined ? secrets : sealKeys(secrets, openPartOf(keys), passphrase, before)
    writeWhole(folder, 'keys.json', text)
  }
  const read = (): AuthorityKeys => {
    const text = held()
    // Another node may have added to them: what is the same text is opened once.
    if (known?.text !== text) known = { text, keys: keysFrom(openKeys(text, passphrase)) }
    return known.keys
  }

  const before = readWhole(folder, 'keys.json')
  if (before === undefined) {
    write(makeAuthorityKeys(crypto, now_s, mode, outside))
    log.info(`made the authority’s keys, of a ${mode} centre`)
  } else if (passphrase !== undefined && !isSealed(before)) {
    write(keysFrom(before))
    log.info('sealed the authority’s keys, which lay in the open: copies of the old keys.json still do')
  }
  if (passphrase === undefined && !isSealed(held()))
    log.warn(`the authority’s keys lie in the open in ${folder}: name a file with a passphrase by --keys-passphrase`)
  return {
    read,
    add: later => write(addedTo(read(), later), held()),
  }
}

/** What a backup is checked by, and what tells whose keys these are. */
const openPartOf = ({ origin, mode, made_s, root, log, later }: AuthorityKeys) => ({
  origin,
  mode,
  made_s,
  root: { publicKey: base64url(root.publicKey) },
  log: { publicKey: base64url(log.publicKey) },
  later: {
    keys: later.keys.map(({ curve, publicKey }) => ({ curve, publicKey: base64url(publicKey) })),
    tacMasters: [],
  },
})

import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { openKeys, openPart, passphraseNamed, sealKeys } from '#machine/keyfile'
import { readWhole, Usage, writeWhole } from '#machine/process'
import { centreFolder, NoLog, passphraseOf } from './source.ts'

/** `tally keys passphrase`: the authority's keys under another passphrase. What was sealed under the old one stays so. */
export const keys = async (args: readonly string[]): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      data: { type: 'string', default: './data' },
      keys: { type: 'string' },
      'keys-passphrase': { type: 'string' },
      to: { type: 'string' },
    },
  })
  if (positionals.join() !== 'passphrase' || values.to === undefined)
    throw new Usage('keys passphrase takes --to FILE, which holds the new passphrase, and --keys-passphrase FILE.')
  const folder = centreFolder(values.data)
  const keysIn = resolve(values.keys ?? folder)
  const text = readWhole(keysIn, 'keys.json')
  if (text === undefined) throw new NoLog(`There is no keys.json in ${keysIn}: name the centre's folder by --data.`)
  const secrets = openKeys(text, passphraseOf(values['keys-passphrase'], folder))
  const passphrase = passphraseNamed(values.to)
  if (passphrase === undefined) throw new Usage('--to names a file with a passphrase.')
  writeWhole(keysIn, 'keys.json', sealKeys(secrets, openOf(openPart(text)), passphrase))
  process.stdout.write(
    `The keys in ${keysIn} are sealed under the passphrase in ${resolve(values.to)}. Name it at the next start; backups that were made before hold them under the old one.\n`,
  )
  return 0
}

/** Of keys that lay in the open, what is no secret. */
const openOf = (text: string): Readonly<Record<string, unknown>> => {
  type Pair = { readonly curve?: string; readonly publicKey: string }
  const { origin, mode, made_s, root, log, later } = JSON.parse(text) as Record<string, unknown> & {
    readonly root: Pair
    readonly log: Pair
    readonly later?: { readonly keys: readonly Pair[] }
  }
  const keys = (later?.keys ?? []).map(({ curve, publicKey }) => ({ curve, publicKey }))
  return {
    origin,
    mode,
    made_s,
    root: { publicKey: root.publicKey },
    log: { publicKey: log.publicKey },
    later: { keys, tacMasters: [] },
  }
}

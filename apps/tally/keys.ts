import { basename, dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { isSealed, openKeys, openPart, passphraseNamed, sealKeys } from '#machine/keyfile'
import { readWhole, Usage, writeWhole } from '#machine/process'
import { credentialOptions, credentials, signInAt } from './centre.ts'
import {
  documentIn,
  putRootBack,
  rootIn,
  signedByRoot,
  takeRootOut,
  unsignedIn,
  wordsOf,
  writeNew,
} from './root-key.ts'
import { centreFolder, NoLog, passphraseOf } from './source.ts'

/**
 * `tally keys passphrase` seals the authority's keys under another passphrase; what was sealed under the old one stays so.
 * `tally keys root …` keeps the root's private half away from the centre: `out` and `in` at the centre's folder, `unsigned`
 * and `bring` with a centre that runs, `sign` wherever the root is, which needs no network.
 */
export const keys = async (args: readonly string[]): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...credentialOptions,
      data: { type: 'string', default: './data' },
      keys: { type: 'string' },
      'keys-passphrase': { type: 'string' },
      to: { type: 'string' },
      from: { type: 'string' },
      root: { type: 'string' },
      'root-passphrase': { type: 'string' },
      centre: { type: 'string', default: 'http://127.0.0.1:4700' },
    },
  })
  const named = (...names: readonly ('to' | 'from' | 'root' | 'root-passphrase')[]): string[] =>
    names.map(name => {
      const value = values[name]
      if (value === undefined)
        throw new Usage(`keys ${positionals.join(' ')} takes ${names.map(each => `--${each} FILE`).join(', ')}.`)
      return value
    })
  const rootPassphrase = (file: string): string => {
    const passphrase = passphraseNamed(file)
    if (passphrase === undefined) throw new Usage('--root-passphrase names a file with a passphrase.')
    return passphrase
  }
  const say = (...lines: readonly string[]): number => {
    process.stdout.write(`${lines.join('\n')}\n`)
    return 0
  }
  const centre = () => signInAt(values.centre, credentials(values))
  // Private keys go into what is written here.
  process.umask(0o077)

  switch (positionals.join(' ')) {
    case 'passphrase': {
      const [to = ''] = named('to')
      const { folder, text, secrets } = keysAt(values)
      const passphrase = passphraseNamed(to)
      if (passphrase === undefined) throw new Usage('--to names a file with a passphrase.')
      writeWhole(folder, 'keys.json', sealKeys(secrets, openOf(openPart(text)), passphrase))
      return say(
        `The keys in ${folder} are sealed under the passphrase in ${resolve(to)}. Name it at the next start; backups that were made before hold them under the old one.`,
      )
    }
    case 'root out': {
      const [to = '', its = ''] = named('to', 'root-passphrase')
      const { folder, text, secrets, passphrase } = keysAt(values)
      const { text: left, root } = takeRootOut(secrets, to, rootPassphrase(its))
      writeWhole(folder, 'keys.json', resealed(left, text, passphrase))
      return say(
        `The private half of the root ${root.slice(0, 16)}… is in ${resolve(to)}, sealed, and no more in ${folder}: carry it away, with a copy in another place.`,
        'Backups that were made before still hold it. What is decided of the keys waits for it from now on: keys root unsigned, sign and bring.',
      )
    }
    case 'root in': {
      const [file = '', its = ''] = named('root', 'root-passphrase')
      const { folder, text, secrets, passphrase } = keysAt(values)
      writeWhole(folder, 'keys.json', resealed(putRootBack(secrets, file, rootPassphrase(its)), text, passphrase))
      return say(`The private root is in ${folder} again: the centre signs its key sets itself from now on.`)
    }
    case 'root unsigned': {
      const [to = ''] = named('to')
      const unsigned = await (await centre()).ask('GET', '/api/authority/key-set/unsigned')
      if (unsigned['version'] === undefined)
        return say('Nothing waits for the root: what was decided of the keys is signed.')
      const text = JSON.stringify(unsigned)
      const words = wordsOf(unsignedIn(text, values.centre))
      writeNew(to, text)
      return say(words, `It is in ${resolve(to)}: carry it to the root, and sign it there by keys root sign.`)
    }
    case 'root sign': {
      const [file = '', its = '', from = '', to = ''] = named('root', 'root-passphrase', 'from', 'to')
      const text = readWhole(dirname(resolve(from)), basename(from))
      if (text === undefined) throw new Usage(`There is no ${from}: name the file that keys root unsigned wrote.`)
      const set = unsignedIn(text, from)
      writeNew(to, signedByRoot(set, rootIn(file, rootPassphrase(its))))
      return say(
        wordsOf(set),
        `Signed; it is in ${resolve(to)}: carry it to the centre, and give it by keys root bring.`,
      )
    }
    case 'root bring': {
      const [from = ''] = named('from')
      const document = documentIn(from)
      const { version } = await (await centre()).ask('POST', '/api/authority/key-set', { document })
      return say(`Key set ${String(version)} is published: terminals adopt it at their next sync.`)
    }
    default:
      throw new Usage('keys takes passphrase, or root out, root in, root unsigned, root sign or root bring.')
  }
}

/** The keys of a centre's folder, opened. */
const keysAt = (values: {
  readonly data: string
  readonly keys?: string | undefined
  readonly 'keys-passphrase'?: string | undefined
}) => {
  const centre = centreFolder(values.data)
  const folder = resolve(values.keys ?? centre)
  const text = readWhole(folder, 'keys.json')
  if (text === undefined) throw new NoLog(`There is no keys.json in ${folder}: name the centre's folder by --data.`)
  const passphrase = passphraseOf(values['keys-passphrase'], centre)
  return { folder, text, secrets: openKeys(text, passphrase), passphrase }
}

/** Changed secrets as the file had them: sealed under the same passphrase, or in the open. */
const resealed = (secrets: string, before: string, passphrase: string | undefined): string =>
  passphrase !== undefined && isSealed(before)
    ? sealKeys(secrets, openOf(openPart(before)), passphrase, before)
    : secrets

/** Of keys, in the open or as their open part, what is no secret. */
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

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  accessAddress,
  headsAddress,
  openAccess,
  openHeads,
  openRows,
  openStore,
  openVault,
  readAddress,
  rowAddresses,
  rowsAddress,
  storeAddresses,
  vaultAddress,
} from '#eventstore/open'
import { isLoopback, serve } from '#http/serve'
import type { TlsFiles } from '#http/tls'
import { systemClock } from '#machine/clock'
import { nodeCrypto } from '#machine/crypto'
import { passphraseNamed } from '#machine/keyfile'
import { argon2Passwords } from '#machine/passwords'
import { endGracefully, type Log, readWhole, sleep, startApp, Usage } from '#machine/process'
import { signerSettings } from '#machine/signer'
import { modeOfLog, modes } from '#upkeep/mode'
import { backOffice } from './back-office.ts'
import { behindTheDoor } from './door.ts'
import { firstAdministrator } from './first-administrator.ts'
import { refuseOtherMode } from './founding.ts'
import { keyFile } from './key-file.ts'
import { outsideKeys, refuseOtherRoot } from './outside-keys.ts'
import { signIn } from './sign-in.ts'
import { tileFiles } from './tiles.ts'
import { webhook, webhookFault } from './webhook.ts'

/** The centre as a process: its own folder with keys, log and rows, and one port. */

const usage = `back-office --port N --data DIR [--mode test|live], of which the first start of a centre decides and which is test by default; [--host 127.0.0.1 | --host 0.0.0.0 --known-as NAME…] [--tls-certificate FILE --tls-key FILE | --behind-proxy ADDRESS…] [--keys DIR] [--keys-passphrase FILE] [--signer FILE], which names a program that holds keys; [--store ADDRESS], which is ${storeAddresses}; [--rows ADDRESS], [--heads ADDRESS] and [--vault ADDRESS], which are ${rowAddresses}; [--webhook URL], which is told of exceptions and stopped followers; [--administrator-password-file FILE], which is read at the first start, or made then.`

const now = (): string => new Date(systemClock.now()).toISOString()

export const start = (args: readonly string[]): Promise<void> => startApp(log => startBackOffice(args, log))

const startBackOffice = async (args: readonly string[], log: Log): Promise<void> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      'known-as': { type: 'string', multiple: true, default: [] },
      'tls-certificate': { type: 'string' },
      'tls-key': { type: 'string' },
      'behind-proxy': { type: 'string', multiple: true, default: [] },
      data: { type: 'string' },
      store: { type: 'string' },
      rows: { type: 'string' },
      heads: { type: 'string' },
      vault: { type: 'string' },
      webhook: { type: 'string' },
      keys: { type: 'string' },
      'administrator-password-file': { type: 'string' },
      mode: { type: 'string' },
      signer: { type: 'string' },
      'keys-passphrase': { type: 'string' },
    },
  })
  const { port, host, data } = values
  if (!port || !data) throw new Usage(`Usage: ${usage}`)
  const tls = tlsOf(values['tls-certificate'], values['tls-key'])
  const mode = modes.find(each => each === values.mode)
  if (values.mode !== undefined && mode === undefined) throw new Usage(`--mode takes test or live, not ${values.mode}.`)
  const wrong = values.webhook === undefined ? undefined : webhookFault(values.webhook)
  if (wrong !== undefined) throw new Usage(wrong)
  // In the node's own folder, or where several nodes share it. PostgreSQL's password may come by PGPASSWORD.
  const address = values.store ?? join(data, 'log.sqlite')
  const rowsAt = rowsAddress({ ...values, folder: data })
  const headsAt = headsAddress({ ...values, folder: data })
  const vaultAt = vaultAddress({ ...values, folder: data })
  for (const each of [address, rowsAt, headsAt, vaultAt]) readAddress(each)
  const crypto = nodeCrypto()
  mkdirSync(data, { recursive: true, mode: 0o700 })
  // Nodes that share a log share the authority's keys: in a folder of their own they can be handed to each.
  const keysIn = values.keys ?? data
  const passphrase = passphraseNamed(values['keys-passphrase'])
  const opening = () => openStore(address, now, { onTrouble: ({ message }) => log.warn(message) })
  // Keys that are there come before anything else: with the wrong passphrase nothing is opened. New ones are made as the log says.
  const early = readWhole(keysIn, 'keys.json') === undefined ? await opening() : undefined
  const ofLog = early && (await modeOfLog(early.readAll({ from: 0 })))
  refuseOtherMode(mode, ofLog, `The log ${early?.name} is that`)
  const outside = values.signer === undefined ? undefined : await outsideKeys(signerSettings(values.signer))
  const made_s = Math.floor(systemClock.now() / 1000)
  const keeper = keyFile(crypto, keysIn, passphrase, made_s, log, mode ?? ofLog ?? 'test', outside?.keys)
  const keys = keeper.read()
  refuseOtherRoot(keys, outside?.keys ?? [])
  refuseOtherMode(mode, keys.mode, `The keys in ${keysIn} are those`)
  const store = early ?? (await opening())
  const rows = await openRows(rowsAt)
  const heads = await openHeads(headsAt)
  const access = await openAccess(accessAddress(headsAt))
  const vault = await openVault(vaultAt)
  const tiles = tileFiles(join(data, 'tiles'))
  const parts = {
    clock: systemClock,
    crypto,
    store,
    rows,
    keys,
    heads,
    vault,
    tiles,
    sleep,
    log,
    keeper,
    outside: outside?.keys ?? [],
  }
  const node = await backOffice(values.webhook === undefined ? parts : { ...parts, webhook: webhook(values.webhook) })
  const passwords = argon2Passwords()
  const desk = signIn({ clock: systemClock, crypto, access, passwords, operators: node, log })
  const stop = new AbortController()
  const running = node.run(stop.signal)
  const passwordFile = values['administrator-password-file']
  await firstAdministrator({ crypto, operators: node, desk, passwordFile, log })
  const served = await serve({
    module: behindTheDoor(node, desk),
    port: Number(port),
    host,
    knownAs: values['known-as'],
    hasSignIn: true,
    tls,
    proxies: values['behind-proxy'],
    pages: join(import.meta.dirname, '..', '..', 'web', 'back-office'),
    log,
    // A batch is at most 1 MiB of events; as JSON in JSON it may double.
    bodyLimit: 2.5 * 1024 * 1024,
  })
  endGracefully(log, async () => {
    stop.abort()
    await served.close()
    await running
    await rows.close()
    await heads.close()
    await access.close()
    await vault.close()
    tiles.close()
    outside?.close()
    await store.close()
  })
  if (!tls && values['behind-proxy'].length === 0 && !isLoopback(host))
    log.warn(
      'passwords and sessions travel in the open: give this centre --tls-certificate and --tls-key, or a proxy that speaks TLS, named with --behind-proxy',
    )
  log.info(`${node.mode} centre at ${served.url}, root key ${node.fingerprint.slice(0, 16)}…`)
}

const tlsOf = (certificate: string | undefined, key: string | undefined): TlsFiles | undefined => {
  if (certificate === undefined && key === undefined) return undefined
  if (certificate === undefined || key === undefined)
    throw new Usage('--tls-certificate and --tls-key come together: a certificate, and its private key, as PEM files.')
  return { certificate, key }
}

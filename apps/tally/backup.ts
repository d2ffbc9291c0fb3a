import {
  createWriteStream,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Crypto } from '#canonical/crypto'
import { headsAddress, openStore, readAddress } from '#eventstore/open'
import { snapshotSqlite } from '#eventstore/sqlite/backup'
import { readWhole, syncFolder, Usage } from '#machine/process'
import { type Manifest, type Part, pack, unpack } from './archive.ts'
import { chains, logSum } from './chains.ts'
import { CopyFailed, copyLog, type LogReader, receiptClock } from './copy.ts'
import { keysSide, logSide, refuseMixed, type Side } from './fence.ts'
import { exportLines, logFile } from './log-file.ts'
import { lengthOf, type Progress, progress } from './progress.ts'
import { type HeadFinding, type HeadTexts, headTexts, readHeads, signedHead, writeHeads } from './signed-head.ts'
import { logKeysIn, NoLog, openLog } from './source.ts'
import { accessTexts, readWhoMayEnter, writeWhoMayEnter } from './who-may-enter.ts'

/**
 * A centre's folder and its log as one file, and back. What a folder holds: `log.sqlite`, unless the log is elsewhere;
 * `keys.json`; `heads.sqlite`, what was signed of the log; `access.sqlite`, who may sign in; and rows and tiles, which follow from the log and are left.
 */
const derived = /^(?:rows|heads|access|vault|log)\.sqlite-(?:wal|shm|journal)$|^rows\.sqlite$|^tiles$/
const kept = /^(?:heads|access|vault)\.sqlite$/

/** Nothing was put in place, and nothing was changed. */
export class RestoreRefused extends Error {
  readonly code = 'RestoreRefused'
}

/** The first line of a file; nobody types a passphrase into a command, where others see it. */
export const passphraseIn = (file: string | undefined): string | undefined => {
  if (file === undefined) return undefined
  const passphrase = readFileSync(resolve(file), 'utf8').replace(/\r?\n$/, '')
  if (passphrase === '' || /[\r\n]/.test(passphrase))
    throw new Usage(`${file} holds no passphrase: it is one line that is not empty.`)
  return passphrase
}

type Signed = { readonly heads: HeadTexts; readonly logKeys: readonly Uint8Array[] }
type Checked = { readonly events: number; readonly root: string; readonly head: HeadFinding }

/** Reads the whole log: every hash, every chain, the root, and what was signed of it. */
const checkLog = async (
  crypto: Crypto,
  log: LogReader,
  length: number,
  signed: Signed,
  operators = new Set<string>(),
): Promise<Checked> => {
  const [checked, sum] = [chains(crypto), logSum(crypto)]
  const head = signedHead(crypto, signed.heads, signed.logKeys)
  const told: Progress = progress('checked', length)
  for await (const page of log.readAll({ from: 0 })) {
    for (const stored of page) {
      const { found, event } = checked.check(stored)
      if (found[0] !== undefined || !event)
        throw new CopyFailed(`The log does not hold: ${found[0]}. Look at it with fsck.`)
      sum.add(stored, event.hash)
      head.add(event)
      if (stored.stream.startsWith('operator-')) operators.add(stored.stream)
    }
    told(sum.events)
  }
  return { events: sum.events, root: sum.root(), head: head.finding() }
}

/** A part that holds a log, as SQLite's file or as lines. */
const reading = async <Answer>(file: string, ask: (log: LogReader) => Promise<Answer>): Promise<Answer> => {
  if (file.endsWith('.jsonl')) return ask(logFile(file))
  const log = await openLog(file)
  try {
    return await ask(log)
  } finally {
    await log.close()
  }
}

export type BackedUp = Checked & {
  readonly file: string
  readonly octets: number
  readonly sealed: boolean
  /** What lies in the folder and is not in the backup. */
  readonly left: readonly string[]
}

/**
 * Backs a centre up while it runs. `folder` is the centre's own; `address` is where its log is, and `heads`
 * where the word is that it signed. The file is there whole,
 * read again and checked, or not at all.
 */
export const backUp = async (
  crypto: Crypto,
  asked: {
    readonly folder: string
    readonly address: string
    readonly heads: string
    /** The folder of keys.json. */
    readonly keysIn: string
    readonly to: string
    readonly passphrase?: string | undefined
  },
): Promise<BackedUp> => {
  const { folder, address, keysIn, to, passphrase } = asked
  const keys = readWhole(keysIn, 'keys.json')
  if (keys === undefined)
    throw new NoLog(
      `There is no keys.json in ${keysIn}: name the centre's folder by --data, or that of its keys by --keys.`,
    )
  if (existsSync(to)) throw new Usage(`${to} is there already: name a new file, or remove it.`)
  // What is sealed is not to lie open beside the file, which may be on a disk that travels.
  const scratch = mkdtempSync(join(passphrase === undefined ? dirname(to) : folder, '.tallystick-backup-'))
  const draft = `${to}.part`
  try {
    // Before the log, so that the log holds all that was signed.
    const heads = await readHeads(asked.heads)
    const { engine, place } = readAddress(address)
    const log = await openLog(address)
    const length = await lengthOf(log)
    const copy = join(scratch, engine === 'sqlite' ? 'log.sqlite' : 'log.jsonl')
    try {
      refuseMixed(keysSide(`keys.json in ${keysIn}`, keys), await logSide(log.name, log))
      if (engine === 'sqlite') {
        let told: Progress | undefined
        await snapshotSqlite(place, copy, (done, of) => (told ??= progress('copied', of, { unit: 'pages' }))(done))
      } else {
        const lines = exportLines(crypto, log, progress('copied', length))
        await pipeline(Readable.from(lines), createWriteStream(copy, { mode: 0o600 }))
      }
    } finally {
      await log.close()
    }
    const signed = { heads, logKeys: logKeysIn(keys) }
    const operators = new Set<string>()
    const checked = await reading(copy, read => checkLog(crypto, read, length, signed, operators))
    const access = await readWhoMayEnter(asked.heads, operators)
    const parts: Part[] = [
      { name: engine === 'sqlite' ? 'log.sqlite' : 'log.jsonl', file: copy },
      { name: 'keys.json', octets: Buffer.from(keys) },
      { name: 'heads.json', octets: Buffer.from(JSON.stringify(heads)) },
      ...(Object.keys(access).length === 0
        ? []
        : [{ name: 'access.json' as const, octets: Buffer.from(JSON.stringify(access)) }]),
    ]
    const people = join(folder, 'vault.sqlite')
    if (existsSync(people)) {
      const copied = join(scratch, 'vault.sqlite')
      await snapshotSqlite(people, copied)
      parts.push({ name: 'vault.sqlite', file: copied })
    }
    const { events, root } = checked
    const octets = pack(parts, { taken: new Date().toISOString(), events, root }, passphrase)
    await pipeline(Readable.from(octets), createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true }))
    await unpack(draft, undefined, passphrase)
    renameSync(draft, to)
    syncFolder(dirname(to))
    const known = ['log.sqlite', 'keys.json', 'heads.sqlite', 'access.sqlite', 'vault.sqlite']
    const names = new Set([...known, basename(scratch), basename(to), basename(draft)])
    return {
      ...checked,
      file: to,
      octets: statSync(to).size,
      sealed: passphrase !== undefined,
      left: readdirSync(folder).filter(name => !names.has(name) && !derived.test(name)),
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
    rmSync(draft, { force: true })
  }
}

export type Restored = Checked & {
  readonly taken: string
  readonly folder: string
  /** Whose word about what was signed is in the folder now. */
  readonly heads: 'kept' | 'of the backup' | 'none'
  /** Whose word about people is in the folder now: who was erased since the backup is not in those that were kept. */
  readonly people: 'kept' | 'of the backup' | 'none'
}

/**
 * Restores a centre. Everything is checked in a folder beside the target before that is touched, and then put in place
 * at once. What was signed must not go back with the log: a `heads.sqlite` that is there stays, and so do the heads that
 * nodes share beside a log in PostgreSQL; so do passwords that are there. Of what follows from the log, nothing stays.
 */
export const restore = async (
  crypto: Crypto,
  asked: {
    readonly from: string
    readonly folder: string
    readonly address?: string | undefined
    readonly passphrase?: string | undefined
  },
): Promise<Restored> => {
  const { from, folder, address, passphrase } = asked
  const aside = `${folder}.before`
  // A restore that was killed between its last two steps.
  if (!existsSync(folder) && existsSync(aside)) renameSync(aside, folder)
  const isThere = existsSync(folder)
  const there = isThere ? readdirSync(folder) : []
  const inTheWay = there.filter(name => !kept.test(name) && !derived.test(name))
  if (inTheWay.length > 0)
    throw new RestoreRefused(
      `${folder} holds ${inTheWay.join(', ')}: nothing is overwritten. Move that away, and leave heads.sqlite where it is.`,
    )
  if (address !== undefined) readAddress(address)
  const scratch = mkdtempSync(`${folder}.restoring-`)
  try {
    const manifest = await unpack(from, scratch, passphrase)
    const names = manifest.parts.map(({ name }) => name)
    if (!names.includes('keys.json') || names.filter(name => name.startsWith('log.')).length !== 1)
      throw new RestoreRefused(`${from} holds ${names.join(', ') || 'nothing'}: a centre is one log and its keys.json.`)
    const logKeys = parsed(from, 'keys.json', () => logKeysIn(readWhole(scratch, 'keys.json') ?? ''))
    const side = parsed(from, 'keys.json', () => keysSide(`keys.json of ${from}`, readWhole(scratch, 'keys.json')))
    const texts = parsed(from, 'heads.json', () => headTexts(readWhole(scratch, 'heads.json') ?? '{}'))
    const access = parsed(from, 'access.json', () => accessTexts(readWhole(scratch, 'access.json') ?? '{}'))
    for (const name of ['heads.json', 'access.json']) rmSync(join(scratch, name), { force: true })
    // Where nodes share their log they share its heads, and those are not in the folder.
    const at = headsAddress({ store: address, folder: scratch })
    const isInFolder = readAddress(at).engine === 'sqlite'
    for (const name of isInFolder ? ['heads.sqlite', 'access.sqlite'] : [])
      if (there.includes(name)) await snapshotSqlite(join(folder, name), join(scratch, name))
    const kept = await readHeads(at)
    const isKept = kept.checkpoint !== undefined
    const heads: HeadTexts = isKept ? kept : texts
    const checked = await placeLog(crypto, scratch, manifest, { address, heads, logKeys, side })
    if (checked.head.is === 'contradicted')
      throw new RestoreRefused(
        `${from} is not a backup of the log that this centre signed: ${checked.head.says}. Nothing was put in place.`,
      )
    if (!isKept) await writeHeads(at, texts)
    await writeWhoMayEnter(at, access)
    // People are not brought back from before they were erased.
    const isVaultKept = there.includes('vault.sqlite')
    if (isVaultKept) {
      rmSync(join(scratch, 'vault.sqlite'), { force: true })
      await snapshotSqlite(join(folder, 'vault.sqlite'), join(scratch, 'vault.sqlite'))
    }
    const people = isVaultKept ? 'kept' : names.includes('vault.sqlite') ? 'of the backup' : 'none'
    if (isThere) renameSync(folder, aside)
    renameSync(scratch, folder)
    syncFolder(dirname(folder))
    rmSync(aside, { recursive: true, force: true })
    return {
      ...checked,
      taken: manifest.taken,
      folder,
      people,
      heads: isKept ? 'kept' : heads.checkpoint === undefined ? 'none' : 'of the backup',
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

const parsed = <Value>(from: string, name: string, parse: () => Value): Value => {
  try {
    return parse()
  } catch (cause) {
    throw new RestoreRefused(`${from}: its ${name} cannot be read.`, { cause })
  }
}

/** The log of a backup in its new place, checked there: a file in the folder, or the engine that was asked for. */
const placeLog = async (
  crypto: Crypto,
  scratch: string,
  { events, root }: Manifest,
  { address, side, ...signed }: Signed & { readonly address: string | undefined; readonly side: Side },
): Promise<Checked> => {
  const [asFile, asLines] = ['log.sqlite', 'log.jsonl'].map(name => join(scratch, name)) as [string, string]
  const agrees = (checked: Checked): Checked => {
    if (checked.events === events && checked.root === root) return checked
    throw new RestoreRefused(
      `The backup says ${events} events under root ${root}, and holds ${checked.events} under ${checked.root}.`,
    )
  }
  const part = existsSync(asLines) ? asLines : asFile
  // Before anything of it goes to an engine, from which nothing can be taken back.
  const checked = await reading(part, async log => {
    refuseMixed(side, await logSide('its log', log))
    return agrees(await checkLog(crypto, log, events, signed))
  })
  if (checked.head.is === 'contradicted' || (part === asFile && address === undefined)) return checked
  const receipts = receiptClock()
  const target = await openStore(address ?? asFile, receipts.now)
  try {
    refuseMixed(side, await logSide(target.name, target))
    const onProgress = progress('restored', events)
    await reading(part, log => copyLog(crypto, log, target, { receipts, onProgress }))
  } finally {
    await target.close()
  }
  for (const end of ['', '-wal', '-shm']) rmSync(`${part}${end}`, { force: true })
  return checked
}

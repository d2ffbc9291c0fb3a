import { createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { statedHash } from '#canonical/event'
import { headsAddress, openStore, readAddress } from '#eventstore/open'
import { nodeCrypto } from '#machine/crypto'
import { syncFolder, Usage } from '#machine/process'
import { backUp, passphraseIn, restore } from './backup.ts'
import { logSum } from './chains.ts'
import { CopyFailed, copyLog, type LogReader, receiptClock } from './copy.ts'
import { besideSide, logSide, refuseMixed, type Side } from './fence.ts'
import { checkLogFile, exportLines, logFile } from './log-file.ts'
import { lengthOf, progress } from './progress.ts'
import { addressOf, centreFolder, openLog, sourceOptions } from './source.ts'

/**
 * `tally store`: what a log holds, and its ways from one engine to another. Exit 0 where it was done and verified, 1
 * where it was not, 2 for words it does not know.
 */
export const store = async (args: readonly string[]): Promise<number> => {
  const options = {
    ...sourceOptions,
    from: { type: 'string' },
    to: { type: 'string' },
    'passphrase-file': { type: 'string' },
  } as const
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
  const [what, ...more] = positionals
  // A log holds sealed frames and the keys of taps, a backup the centre's own: what is made here is its maker's alone.
  process.umask(0o077)
  if (more.length > 0) throw new Usage(`store ${what} takes no ${more[0]}: name logs by --from and --to.`)
  const { from, to, json } = values
  const say = (figures: Record<string, unknown>, words: string): void => {
    process.stdout.write(`${json ? JSON.stringify(figures) : words}\n`)
  }
  const passphrase = passphraseIn(values['passphrase-file'])
  if (passphrase !== undefined && what !== 'backup' && what !== 'restore')
    throw new Usage('Only store backup and store restore take --passphrase-file.')
  if (what === 'restore') {
    if (from === undefined || to === undefined || values.data !== undefined || values.log !== undefined)
      throw new Usage(
        'store restore takes --from FILE and --to DIR, and --store ADDRESS where the log lives elsewhere.',
      )
    if (values.keys !== undefined)
      throw new Usage('store restore puts keys.json into the folder: move it where --keys of the back office points.')
    return bringBack({ from: resolve(from), folder: resolve(to), address: values.store, passphrase }, say)
  }
  if (from !== undefined && (values.store ?? values.log ?? values.data) !== undefined)
    throw new Usage('Name the log by --from, or by --store, --data or --log; one of them.')
  const address = from ?? addressOf(values)
  switch (what) {
    case 'info':
      return info(address, json)
    case 'export':
      return to === undefined ? exportTo(address, process.stdout) : exportFile(address, resolve(to), say)
    case 'copy': {
      if (to === undefined) throw new Usage('store copy takes --from ADDRESS and --to ADDRESS.')
      const source = await openLog(address)
      try {
        const sides = [await logSide(source.name, source), besideSide(source.file)]
        return await copyInto(source, await lengthOf(source), to, { name: source.name, sides, say })
      } finally {
        await source.close()
      }
    }
    case 'import': {
      if (from === undefined || to === undefined) throw new Usage('store import takes --from FILE and --to ADDRESS.')
      const file = resolve(from)
      const { events } = await checkLogFile(nodeCrypto(), file, progress('checked', 0))
      const sides = [await logSide(file, logFile(file))]
      return copyInto(logFile(file), events, to, { name: file, sides, say })
    }
    case 'backup': {
      if (to === undefined || from !== undefined)
        throw new Usage('store backup takes --to FILE, and the centre by --data DIR.')
      const folder = centreFolder(values.data ?? './data')
      const heads = headsAddress({ folder, store: values.store, heads: values.heads })
      const keysIn = values.keys === undefined ? folder : resolve(values.keys)
      return putAside({ folder, address, heads, keysIn, to: resolve(to), passphrase }, say)
    }
    default:
      throw new Usage('store takes copy, export, import, info, backup or restore.')
  }
}

type Said = {
  readonly name: string
  /** What the source says it is of. */
  readonly sides: readonly Side[]
  readonly say: (figures: Record<string, unknown>, words: string) => void
}

const copyInto = async (source: LogReader, length: number, to: string, { name, sides, say }: Said): Promise<number> => {
  const { engine, place } = readAddress(to)
  // Before the target is opened, which makes it where it is not there.
  refuseMixed(...sides, besideSide(engine === 'sqlite' ? place : undefined))
  const receipts = receiptClock()
  const target = await openStore(to, receipts.now)
  try {
    if (target.name === name) throw new CopyFailed(`${name} cannot be copied to itself: name another log with --to.`)
    refuseMixed(...sides, await logSide(target.name, target))
    const onProgress = progress('copied', length)
    const { events, held, root } = await copyLog(nodeCrypto(), source, target, { receipts, onProgress })
    say(
      { from: name, to: target.name, events, held, copied: events - held, root },
      `${name} to ${target.name}: ${events} events, ${held} of them held before; both have the root ${root}`,
    )
    return 0
  } finally {
    await target.close()
  }
}

const exportTo = async (address: string, to: NodeJS.WritableStream): Promise<number> => {
  const log = await openLog(address)
  try {
    const lines = exportLines(nodeCrypto(), log, progress('exported', await lengthOf(log)))
    await pipeline(Readable.from(lines), to, { end: to !== process.stdout })
    return 0
  } finally {
    await log.close()
  }
}

/** A file is there whole or not at all. */
const exportFile = async (address: string, file: string, say: Said['say']): Promise<number> => {
  if (existsSync(file)) throw new Usage(`${file} is there already: name a new file, or remove it.`)
  const draft = `${file}.part`
  try {
    await exportTo(address, createWriteStream(draft, { mode: 0o600, flush: true }))
    const { events, root } = await checkLogFile(nodeCrypto(), draft)
    renameSync(draft, file)
    syncFolder(dirname(file))
    say({ file, events, root, octets: statSync(file).size }, `${file}: ${events} events, root ${root}`)
    return 0
  } finally {
    rmSync(draft, { force: true })
  }
}

const putAside = async (asked: Parameters<typeof backUp>[1], say: Said['say']): Promise<number> => {
  const done = await backUp(nodeCrypto(), asked)
  const { file, events, root, octets, sealed, left, head } = done
  say(
    done,
    [
      `${file}: ${events} events, root ${root}, ${octets} octets, ${sealed ? 'sealed' : 'not sealed'}; read again and checked`,
      ...(sealed ? [] : ['It holds the centre’s private keys in the open: keep it as you keep those.']),
      ...('says' in head ? [`This log is not what was signed of it: ${head.says}.`] : []),
      ...(left.length === 0 ? [] : [`Left out, since no centre made it: ${left.join(', ')}.`]),
    ].join('\n'),
  )
  return 0
}

const bringBack = async (asked: Parameters<typeof restore>[1], say: Said['say']): Promise<number> => {
  const done = await restore(nodeCrypto(), asked)
  const { folder, events, root, taken, heads, people, head } = done
  say(
    done,
    [
      `${folder}: ${events} events, root ${root}, as of ${taken}; every chain holds`,
      {
        kept: 'What was signed of the log was there and was left as it is: it does not go back with the log.',
        'of the backup': 'What was signed of the log is the backup’s word. What was signed since, the terminals tell.',
        none: 'Nothing had been signed of this log.',
      }[heads],
      {
        kept: 'People’s data were there and were left as they are: whoever was erased stays erased.',
        'of the backup': `People’s data are the backup’s, as of ${taken}: whoever was erased since is back, unless the log says so; erase them again.`,
        none: 'The backup holds no people’s data.',
      }[people],
      ...('says' in head
        ? [
            `${head.says}.`,
            'The centre signs nothing until its terminals have sent it what it lacks, or an operator begins a new origin.',
          ]
        : []),
    ].join('\n'),
  )
  return 0
}

const info = async (address: string, json: boolean): Promise<number> => {
  const log = await openLog(address)
  try {
    const streams = new Map<string, number>()
    const types = new Map<string, number>()
    const sum = logSum(nodeCrypto())
    const told = progress('read', await lengthOf(log))
    let [first, last] = ['', '']
    for await (const page of log.readAll({ from: 0 })) {
      for (const stored of page) {
        const { stream, type, text, storedAt } = stored
        const kind = stream.split('-')[0] as string
        streams.set(kind, (streams.get(kind) ?? 0) + 1)
        types.set(type, (types.get(type) ?? 0) + 1)
        // As it states it: fsck says whether that is so.
        sum.add(stored, statedHash(text))
        first ||= storedAt
        last = storedAt
      }
      told(sum.events)
    }
    const figures = {
      name: log.name,
      ...(log.file === undefined ? {} : { octets: statSync(log.file).size }),
      events: sum.events,
      root: sum.root(),
      ...(sum.events === 0 ? {} : { first, last }),
      streams: Object.fromEntries(streams),
      types: Object.fromEntries(types),
    }
    if (json) process.stdout.write(`${JSON.stringify(figures)}\n`)
    else {
      process.stdout.write(`${log.name}: ${sum.events} events, root ${figures.root}\n`)
      if (sum.events > 0) process.stdout.write(`received from ${first} to ${last}\n`)
      for (const [type, count] of [...types].sort(([a], [b]) => (a < b ? -1 : 1)))
        process.stdout.write(`${String(count).padStart(8)}  ${type}\n`)
    }
    return 0
  } finally {
    await log.close()
  }
}

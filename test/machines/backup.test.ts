import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromHex } from '#canonical/bytes'
import type { StoredEvent } from '#eventstore'
import { openStore } from '#eventstore/open'
import { openSqlite } from '#eventstore/sqlite'
import { snapshotSqlite } from '#eventstore/sqlite/backup'
import { sqliteHeads } from '#eventstore/sqlite/heads'
import { sqliteVault } from '#eventstore/sqlite/vault'
import { nodeCrypto } from '#machine/crypto'
import { checkpointText, signNote } from '#transparency/checkpoint'
import { keysFrom, keysText } from '../../apps/back-office/authority.ts'
import { copyLog, receiptClock } from '../../apps/tally/copy.ts'
import { readHeads, writeHeads } from '../../apps/tally/signed-head.ts'
import { type KurrentDouble, kurrentDouble } from '../kurrentdb/double.ts'
import { makeWorld } from '../simulation/world.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { appender, compile, endAll, endOf, eventually, makePlace, program, type Running, run } from './processes.ts'

/** A backup as whoever types it sees it: hot, checked, on every engine; and everything that a restore refuses. */

let postgres: Postgres
let kurrentdb: KurrentDouble
const place = makePlace('backup')
const centre = place.folder('centre')
let told: readonly StoredEvent[]
let root: string

beforeAll(async () => {
  compile()
  ;[postgres, kurrentdb] = await Promise.all([startPostgres(), kurrentDouble()])
  const world = await makeWorld({ seed: 'backup' })
  for (let tap = 0; tap < 10; tap++) {
    await world.key(BigInt(100 + tap))
    await world.tap('anna')
    world.clock.at += 61_000
  }
  await world.sync()
  told = [...world.log.events]
  const receipts = receiptClock()
  const store = await openStore(join(centre, 'log.sqlite'), receipts.now)
  ;({ root } = await copyLog(world.crypto, world.log, store, { receipts }))
  await store.close()
  writeFileSync(join(centre, 'keys.json'), keysText(world.keys))
  const { log: key, origin } = world.keys
  await signed(join(centre, 'heads.sqlite'), origin, told.length, root, key)
  await world.end()
})
afterAll(async () => {
  await endAll()
  kurrentdb.close()
  await postgres.remove()
  place.remove()
})

const signed = async (
  file: string,
  origin: string,
  size: number,
  hash: string,
  key = nodeCrypto().keyPair('Ed25519'),
) => {
  const heads = sqliteHeads(file)
  const note = signNote(nodeCrypto(), checkpointText({ origin, size, root: fromHex(hash) }), origin, key)
  await heads.replace('checkpoint', await heads.get('checkpoint'), note)
  heads.close()
}
const keys = () => keysFrom(readFileSync(join(centre, 'keys.json'), 'utf8'))
const tally = async (...args: string[]) => {
  const one = run('tally', program('dist/apps/tally/main.js', args))
  const { code } = await endOf(one, 60_000)
  return { code, said: one.said().trim() }
}
const json = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { code, said } = await tally(...args, '--json')
  const last = said.split('\n').at(-1) as string
  expect([code, last]).toEqual([0, expect.stringMatching(/^\{.*\}$/)])
  return JSON.parse(last) as Record<string, unknown>
}
const all = async (address: string): Promise<StoredEvent[]> => {
  const store = await openStore(address, () => '', { readonly: true })
  const events: StoredEvent[] = []
  for await (const page of store.readAll({ from: 0 })) events.push(...page)
  await store.close()
  return events
}
let names = 0
const fresh = (name: string) => join(place.path, `${name}-${names++}`)
const database = (): string => {
  const name = `log_${names++}`
  postgres.sql(`create database ${name}`)
  return postgres.url.replace(/\/postgres$/, `/${name}`)
}
const backup = async (...more: string[]): Promise<string> => {
  const file = fresh('backup')
  await json('store', 'backup', '--data', centre, '--to', file, ...more)
  return file
}

describe('a log that is appended to without a pause', () => {
  const said = (one: Running) =>
    one
      .said()
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line) as Pick<StoredEvent, 'id' | 'index'>)

  it('is copied as it was at one moment: all that was acknowledged before, in whole, and the copy comes to an end', async () => {
    const file = join(place.folder('busy'), 'log.sqlite')
    const two = [appender(file, 'a'), appender(file, 'b')]
    for (let turn = 0; turn < 4; turn++) {
      const count = two.map(one => said(one).length)
      await eventually(() => {
        for (const [at, one] of two.entries())
          if (said(one).length < (count[at] as number) + 200) throw new Error(`${one.name} appends no more`)
      })
      const before = two.flatMap(said)
      const copy = fresh('copy.sqlite')
      await snapshotSqlite(file, copy)
      const events = await all(copy)
      expect(events.map(({ index }) => index)).toEqual(events.map((_, place) => place))
      expect(before.map(({ index }) => events[index]?.id)).toEqual(before.map(({ id }) => id))
    }
    await Promise.all(two.map(one => one.kill()))
  })
})

describe('a backup', () => {
  it('names what lies in the folder and is not in it, and warns of keys in the open', async () => {
    const letter = join(centre, 'letter.txt')
    writeFileSync(letter, 'Dear Anna')
    const { code, said } = await tally('store', 'backup', '--data', centre, '--to', fresh('backup'))
    rmSync(letter)
    expect([code, said]).toEqual([0, expect.stringContaining(`${told.length} events, root ${root}`)])
    expect(said).toContain('It holds the centre’s private keys in the open')
    expect(said).toContain('Left out, since no centre made it: letter.txt.')
  })

  it('of a log that does not hold is refused, and no file is left', async () => {
    const folder = place.folder('damaged')
    await snapshotSqlite(join(centre, 'log.sqlite'), join(folder, 'log.sqlite'))
    writeFileSync(join(folder, 'keys.json'), readFileSync(join(centre, 'keys.json')))
    const db = openSqlite(join(folder, 'log.sqlite'))
    db.exec(`update events set text = replace(text, '"money":false', '"money":true') where position = 9`)
    db.close()
    const file = fresh('backup')
    expect(await tally('store', 'backup', '--data', folder, '--to', file)).toEqual({
      code: 1,
      said: expect.stringMatching(/^The log does not hold: .* log index 8\): its hash is .*fsck\.$/),
    })
    expect(readdirSync(place.path).filter(name => file.includes(name) || name.startsWith('.tally'))).toEqual([])
  })

  it('finds the keys where the back office was told they are', async () => {
    const [folder, apart] = [place.folder('keyless'), place.folder('keys')]
    await snapshotSqlite(join(centre, 'log.sqlite'), join(folder, 'log.sqlite'))
    writeFileSync(join(apart, 'keys.json'), readFileSync(join(centre, 'keys.json')))
    const [file, to] = [fresh('backup'), fresh('restored')]
    await json('store', 'backup', '--data', folder, '--keys', apart, '--to', file)
    expect(await json('fsck', '--data', folder, '--keys', apart)).toMatchObject({ found: [], reactions: 'recomputed' })
    await json('store', 'restore', '--from', file, '--to', to)
    expect(readFileSync(join(to, 'keys.json'), 'utf8')).toBe(readFileSync(join(centre, 'keys.json'), 'utf8'))
  })

  it('of a folder without keys, to a file that is there, under no passphrase: one line each', async () => {
    const empty = fresh('empty-passphrase')
    writeFileSync(empty, '\n')
    for (const [args, code, message] of [
      [['--data', place.folder('bare'), '--to', fresh('backup')], 1, /^There is no keys\.json in /],
      [['--data', centre, '--to', join(centre, 'keys.json')], 2, /keys\.json is there already/],
      [['--data', centre, '--to', fresh('backup'), '--passphrase-file', empty], 2, /holds no passphrase/],
      [['--data', centre], 2, /^store backup takes --to FILE/],
    ] as const)
      expect(await tally('store', 'backup', ...args)).toEqual({ code, said: expect.stringMatching(message) })
  })
})

describe('a centre whose log is in another engine', () => {
  it.each<[string, () => string, () => string | undefined]>([
    ['PostgreSQL, into another PostgreSQL', () => database(), () => database()],
    ['KurrentDB, into a file', () => kurrentdb.url, () => undefined],
    ['a file, into PostgreSQL', () => `sqlite:${join(centre, 'log.sqlite')}`, () => database()],
  ])('%s: the same log, keys, and word about what was signed', async (_, from, to) => {
    const [address, into] = [from(), to()]
    if (!address.startsWith('sqlite:')) {
      await json('store', 'copy', '--from', join(centre, 'log.sqlite'), '--to', address)
      // Where nodes share their log, they share there what was signed of it.
      if (address.startsWith('postgres:')) await writeHeads(address, await readHeads(join(centre, 'heads.sqlite')))
    }
    const file = await backup('--store', address)
    const folder = fresh('restored')
    const elsewhere = into === undefined ? [] : ['--store', into]
    expect(await json('store', 'restore', '--from', file, '--to', folder, ...elsewhere)).toMatchObject({
      events: told.length,
      root,
      heads: 'of the backup',
      head: { is: 'continued' },
    })
    expect(readdirSync(folder).sort()).toEqual(
      into === undefined ? ['heads.sqlite', 'keys.json', 'log.sqlite'] : ['keys.json'],
    )
    expect(await readHeads(into ?? join(folder, 'heads.sqlite'))).toEqual(await readHeads(join(centre, 'heads.sqlite')))
    expect(await all(into ?? join(folder, 'log.sqlite'))).toEqual(told)
    expect(await json('fsck', '--data', folder, ...elsewhere)).toMatchObject({
      found: [],
      root,
      reactions: 'recomputed',
    })
  })
})

describe('a restore', () => {
  const leftovers = (folder: string) =>
    readdirSync(place.path).filter(name => join(place.path, name).startsWith(folder))

  it('under a wrong passphrase, or of a file that was cut, puts nothing in place and leaves nothing', async () => {
    const [right, wrong] = [fresh('right'), fresh('wrong')]
    writeFileSync(right, 'a word that nobody guesses')
    writeFileSync(wrong, 'a word that somebody guesses')
    const file = await backup('--passphrase-file', right)
    const folder = fresh('target')
    expect(await tally('store', 'restore', '--from', file, '--to', folder, '--passphrase-file', wrong)).toEqual({
      code: 1,
      said: `${file}: The passphrase is not the one that it was sealed with, or its beginning was altered.`,
    })
    truncateSync(file, readFileSync(file).length - 1)
    expect(await tally('store', 'restore', '--from', file, '--to', folder, '--passphrase-file', right)).toEqual({
      code: 1,
      said: expect.stringMatching(/: It was cut or altered: what comes after \d+ octets does not open\.$/),
    })
    expect(leftovers(folder)).toEqual([])
  })

  it('overwrites nothing, be it a centre or anything else', async () => {
    const file = await backup()
    const other = place.folder('holiday')
    writeFileSync(join(other, 'photo.jpg'), 'x')
    for (const [folder, held] of [
      [centre, 'keys.json, log.sqlite'],
      [other, 'photo.jpg'],
    ] as const)
      expect(await tally('store', 'restore', '--from', file, '--to', folder)).toEqual({
        code: 1,
        said: `${folder} holds ${held}: nothing is overwritten. Move that away, and leave heads.sqlite where it is.`,
      })
  })

  it('beside the word of another log is refused, and that word stays', async () => {
    const file = await backup()
    const folder = place.folder('other')
    const heads = join(folder, 'heads.sqlite')
    await signed(heads, keys().origin, 5, 'ab'.repeat(32), keys().log)
    const before = readFileSync(heads)
    const { code, said } = await tally('store', 'restore', '--from', file, '--to', folder)
    expect([code, said]).toEqual([
      1,
      expect.stringMatching(/is not a backup of the log that this centre signed: .*at 5/),
    ])
    // Beside them, what SQLite leaves when somebody only reads.
    expect(readdirSync(folder).filter(name => !/-(?:wal|shm)$/.test(name))).toEqual(['heads.sqlite'])
    expect(readFileSync(heads).equals(before)).toBe(true)
  })

  it('beside a newer word in a PostgreSQL that nodes share leaves that word', async () => {
    const file = await backup()
    const into = database()
    const text = checkpointText({ origin: keys().origin, size: told.length + 7, root: fromHex('cd'.repeat(32)) })
    const newer = signNote(nodeCrypto(), text, keys().origin, keys().log)
    await writeHeads(into, { checkpoint: newer })
    expect(await json('store', 'restore', '--from', file, '--to', fresh('shared'), '--store', into)).toMatchObject({
      heads: 'kept',
      head: { is: 'behind' },
    })
    expect(await readHeads(into)).toEqual({ checkpoint: newer })
  })

  it('throws rows and tiles away that were of the log before', async () => {
    const file = await backup()
    const folder = place.folder('rows')
    writeFileSync(join(folder, 'rows.sqlite'), 'of a log that was longer')
    mkdirSync(join(folder, 'tiles'))
    await json('store', 'restore', '--from', file, '--to', folder)
    expect(readdirSync(folder).sort()).toEqual(['heads.sqlite', 'keys.json', 'log.sqlite'])
  })

  it('brings people back, but leaves those that are there, for some may be erased since', async () => {
    const folder = place.folder('people')
    const vault = sqliteVault(join(centre, 'vault.sqlite'))
    await vault.put('acc-1', 0, '{"name":"Anna"}', 'anna')
    const file = await backup()
    await vault.erase('acc-1', '2026-11-23')
    vault.close()
    rmSync(folder, { recursive: true })
    expect((await tally('store', 'restore', '--from', file, '--to', folder)).said).toContain(
      'People’s data are the backup’s',
    )
    const back = sqliteVault(join(folder, 'vault.sqlite'))
    expect(await back.get('acc-1')).toMatchObject({ text: '{"name":"Anna"}' })
    await back.erase('acc-1', '2026-11-24')
    back.close()
    for (const name of readdirSync(folder)) if (name !== 'vault.sqlite') rmSync(join(folder, name), { recursive: true })
    expect((await tally('store', 'restore', '--from', file, '--to', folder)).said).toContain(
      'whoever was erased stays erased',
    )
    const kept = sqliteVault(join(folder, 'vault.sqlite'))
    expect(await kept.erased('acc-1')).toBe('2026-11-24')
    kept.close()
    for (const end of ['', '-wal', '-shm']) rmSync(join(centre, `vault.sqlite${end}`), { force: true })
  })

  it('that was killed between its last two steps is done again', async () => {
    const file = await backup()
    const folder = place.folder('killed')
    await signed(join(folder, 'heads.sqlite'), keys().origin, told.length, root, keys().log)
    renameSync(folder, `${folder}.before`)
    expect(await json('store', 'restore', '--from', file, '--to', folder)).toMatchObject({ heads: 'kept' })
    expect(leftovers(folder)).toEqual(['killed'])
  })

  it('into an engine that holds another log is refused, and no folder is made', async () => {
    const file = await backup()
    const into = database()
    const store = await openStore(into, () => '2026-11-23T09:00:00.000Z')
    await store.append('s', 'NoStream', [{ id: '00000000-0000-4000-8000-000000000001', type: 'Noted', text: '{}' }])
    await store.close()
    const folder = fresh('no')
    expect(await tally('store', 'restore', '--from', file, '--to', folder, '--store', into)).toEqual({
      code: 1,
      said: expect.stringMatching(/^The logs part at log index 0: /),
    })
    expect(leftovers(folder)).toEqual([])
  })
})

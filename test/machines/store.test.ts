import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromHex } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import type { StoredEvent } from '#eventstore'
import { noSkips, project } from '#eventstore/follower'
import { openStore } from '#eventstore/open'
import { openSqlite } from '#eventstore/sqlite'
import { sqliteHeads } from '#eventstore/sqlite/heads'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { nodeCrypto } from '#machine/crypto'
import { projections } from '#projections'
import { checkpointText, signNote } from '#transparency/checkpoint'
import { keysFrom, keysText } from '../../apps/back-office/authority.ts'
import { copyLog, receiptClock } from '../../apps/tally/copy.ts'
import { type KurrentDouble, kurrentDouble } from '../kurrentdb/double.ts'
import { makeWorld } from '../simulation/world.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { compile, endAll, endOf, makePlace, program, run } from './processes.ts'

/** What `npm run store` and `npm run fsck` do for whoever types them, on the engines as they are. */

let postgres: Postgres
let kurrentdb: KurrentDouble
const place = makePlace('store')
const data = place.folder('data')
const centre = place.folder('data/back-office')
const log = join(centre, 'log.sqlite')
let told: readonly StoredEvent[]

beforeAll(async () => {
  compile()
  ;[postgres, kurrentdb] = await Promise.all([startPostgres(), kurrentDouble()])
  // A centre's folder after a morning: taps on two tills, one of them reversed, all judged.
  const world = await makeWorld({ seed: 'a morning', terminals: 2 })
  for (let tap = 0; tap < 30; tap++) {
    const id = tap % 3 === 0 ? 'T-2' : 'T-1'
    await world.key(BigInt(100 + tap), id)
    const tapped = await world.tap('anna', id)
    if (tap === 7 && !isRefusal(tapped) && 'transaction' in tapped)
      await world.till(id).voidTransaction('r-1', tapped.transaction)
    world.clock.at += 61_000
    if (tap % 4 === 0) await world.sync(id)
  }
  for (const id of ['T-1', 'T-2']) await world.sync(id)
  told = [...world.log.events]
  const receipts = receiptClock()
  const store = await openStore(log, receipts.now)
  await copyLog(world.crypto, world.log, store, { receipts })
  writeFileSync(join(centre, 'keys.json'), keysText(world.keys))
  const rows = sqliteRows(join(centre, 'rows.sqlite'))
  const stop = new AbortController()
  const onProgress = ({ caughtUp }: { caughtUp: boolean }) => caughtUp && stop.abort()
  await project({ store, rows, projections, skips: noSkips, signal: stop.signal, onProgress })
  rows.close()
  await store.close()
  await world.end()
})
afterAll(async () => {
  await endAll()
  kurrentdb.close()
  await postgres.remove()
  place.remove()
})

const tally = async (...args: string[]) => {
  const one = run('tally', program('dist/apps/tally/main.js', args))
  const { code } = await endOf(one, 60_000)
  return { code, said: one.said().trim() }
}
const json = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { code, said } = await tally(...args, '--json')
  // Where the machine is slow, lines about progress come before.
  const last = said.split('\n').at(-1) as string
  expect([code, last]).toEqual([expect.toBeOneOf([0, 1]), expect.stringMatching(/^\{.*\}$/)])
  return JSON.parse(last) as Record<string, unknown>
}
const all = async (address: string): Promise<StoredEvent[]> => {
  const store = await openStore(address, () => '', { readonly: true })
  const events: StoredEvent[] = []
  for await (const page of store.readAll({ from: 0 })) events.push(...page)
  await store.close()
  return events
}
const database = (name: string): string => {
  postgres.sql(`create database ${name}`)
  return postgres.url.replace(/\/postgres$/, `/${name}`)
}

describe('store copy', () => {
  it('from SQLite to PostgreSQL and back: equal events, indices, receipts, roots, verdicts and rows', async () => {
    const there = database('there')
    const back = join(place.path, 'back.sqlite')
    const first = await json('store', 'copy', '--from', log, '--to', there)
    expect(first).toMatchObject({ events: told.length, held: 0, copied: told.length })
    const second = await json('store', 'copy', '--from', there, '--to', `sqlite:${back}`)
    expect(second).toMatchObject({ events: told.length, root: first['root'] })
    expect(await all(there)).toEqual(told)
    expect(await all(back)).toEqual(told)
    expect(statSync(back).mode & 0o777).toBe(0o600)

    const here = await json('fsck', '--data', data)
    expect(here).toMatchObject({
      found: [],
      reactions: 'recomputed',
      root: first['root'],
      rows: projections.map(() => ({ equal: true })),
    })
    // The rows of the first centre are a fold of the copies, too.
    const rows = ['--rows', join(centre, 'rows.sqlite')]
    for (const address of [there, back])
      expect(await json('fsck', '--data', data, '--store', address, ...rows)).toEqual(here)
    expect(await json('store', 'info', '--store', there)).toMatchObject({ events: told.length, root: first['root'] })
  })

  it('goes on where a copy was killed', async () => {
    const to = join(place.path, 'killed.sqlite')
    const receipts = receiptClock()
    const store = await openStore(to, receipts.now)
    for (const { stream, revision, id, type, text, storedAt } of told.slice(0, 77)) {
      receipts.set(storedAt)
      await store.append(stream, revision === 0 ? 'NoStream' : revision - 1, [{ id, type, text }])
    }
    await store.close()
    expect(await json('store', 'copy', '--data', data, '--to', to)).toMatchObject({
      held: 77,
      copied: told.length - 77,
    })
    expect(await json('store', 'copy', '--data', data, '--to', to)).toMatchObject({ held: told.length, copied: 0 })
    expect(await all(to)).toEqual(told)
  })

  it('into KurrentDB', async () => {
    expect(await json('store', 'copy', '--from', log, '--to', kurrentdb.url)).toMatchObject({ copied: told.length })
    expect(await all(kurrentdb.url)).toEqual(told)
    expect(await json('fsck', '--store', kurrentdb.url, '--data', data)).toMatchObject({
      found: [],
      reactions: 'recomputed',
    })
  })

  it.each<[string, () => string[], number, RegExp]>([
    ['nothing to copy to', () => ['--from', log], 2, /^store copy takes --from ADDRESS and --to ADDRESS\.$/],
    ['another log in the target', () => ['--from', log, '--to', other()], 1, /^The logs part at log index 0: /],
    ['the log itself', () => ['--from', log, '--to', `sqlite:${log}`], 1, /cannot be copied to itself/],
    ['no log to copy', () => ['--from', 'none.sqlite', '--to', 'x.sqlite'], 1, /^There is no log at .*none\.sqlite: /],
    [
      'no log in PostgreSQL',
      () => ['--from', database('bare'), '--to', 'x.sqlite'],
      1,
      /bare: there is no log in its schema tallystick\.$/,
    ],
    ['no engine', () => ['--from', log, '--to', 'redis://ada:secret@host'], 1, /^redis: is no engine of a log/],
    [
      'a password that is wrong',
      () => ['--from', postgres.url.replace(':tap@', ':secret@'), '--to', 'x.sqlite'],
      1,
      /password authentication failed/,
    ],
    ['a log named twice', () => ['--from', log, '--store', log, '--to', 'x.sqlite'], 2, /one of them/],
  ])('%s: one line, and no secret', async (_, args, code, message) => {
    const refused = await tally('store', 'copy', ...args())
    expect(refused).toEqual({ code, said: expect.stringMatching(message) })
    expect(refused.said.split('\n')).toHaveLength(1)
    expect(refused.said).not.toMatch(/secret|:tap@/)
    expect(readdirSync(process.cwd()).filter(name => name.startsWith('x.sqlite'))).toEqual([])
  })
})

let others = 0
const other = (): string => {
  const file = join(place.path, `other-${others++}.sqlite`)
  const db = openSqlite(log)
  db.exec(`vacuum into '${file}'`)
  db.close()
  const changed = openSqlite(file)
  changed.exec(`update events set id = '00000000-0000-4000-8000-000000000000' where position = 1`)
  changed.close()
  return file
}

describe('store export and import', () => {
  it('a log goes through a file into another engine; the file of that one is the same', async () => {
    const [file, again] = [join(place.path, 'log.jsonl'), join(place.path, 'again.jsonl')]
    const exported = await json('store', 'export', '--data', data, '--to', file)
    expect(exported).toMatchObject({ events: told.length })
    const there = database('imported')
    expect(await json('store', 'import', '--from', file, '--to', there)).toMatchObject({
      root: exported['root'],
      held: 0,
    })
    expect(await all(there)).toEqual(told)
    await json('store', 'export', '--from', there, '--to', again)
    expect(readFileSync(again).equals(readFileSync(file))).toBe(true)
    const printed = await tally('store', 'export', '--from', log)
    expect(`${printed.said}\n`).toBe(readFileSync(file, 'utf8'))
    expect((await tally('store', 'export', '--from', log, '--to', file)).said).toMatch(/is there already/)
  })

  it('a torn file is refused before the target is even made', async () => {
    const [file, to] = [join(place.path, 'torn.jsonl'), join(place.path, 'torn.sqlite')]
    await json('store', 'export', '--data', data, '--to', file)
    truncateSync(file, readFileSync(file).length - 200)
    expect(await tally('store', 'import', '--from', file, '--to', to)).toEqual({
      code: 1,
      said: expect.stringMatching(/torn\.jsonl.*: (cut after|the file was cut)/),
    })
    expect(readdirSync(place.path)).not.toContain('torn.sqlite')
  })
})

describe('fsck', () => {
  /** A copy of the centre's folder, with a change in its log that only who has the file can make. */
  let copies = 0
  const altered = (statements: string): string => {
    const folder = place.folder(`altered-${copies++}`)
    const db = openSqlite(log)
    db.exec(`vacuum into '${join(folder, 'log.sqlite')}'`)
    db.close()
    writeFileSync(join(folder, 'keys.json'), readFileSync(join(centre, 'keys.json')))
    const change = openSqlite(join(folder, 'log.sqlite'))
    change.exec(statements)
    change.close()
    return folder
  }

  it('of a good log: the root, what was compared, and exit 0', async () => {
    const { code, said } = await tally('fsck', '--data', data)
    expect(code).toBe(0)
    expect(said).toMatch(/root [0-9a-f]{64}\nreactions recomputed, rows of .* compared: all holds$/)
  })

  it('names a verdict that was taken out, though every chain that is left holds; exit 1', async () => {
    const folder = altered(`
      delete from events where type = 'PaymentAccepted' and position = (
        select max(position) from events where type = 'PaymentAccepted');
      update events set position = position - 1 where position > (
        select min(e.position) from events e where not exists (select 1 from events b where b.position = e.position - 1) and e.position > 1);
    `)
    const { code, said } = await tally('fsck', '--data', folder)
    expect(code).toBe(1)
    expect(said).toMatch(/^reaction missing: PaymentAccepted [0-9a-f-]{36} in payment-/m)
  })

  it('names an altered event, and decides nothing from a log that does not hold', async () => {
    const folder = altered(
      `update events set text = replace(text, '"gross":"1', '"gross":"9') where type = 'PaymentAccepted'`,
    )
    const { code, said } = await tally('fsck', '--data', folder)
    expect(code).toBe(1)
    expect(said).toMatch(/PaymentAccepted, log index \d+\): its hash is/)
    expect(said).toContain('reactions not recomputed, for the log')
  })

  it('holds the log against what its centre signed: a cut end and a changed past are named', async () => {
    const root = (await json('fsck', '--data', data))['root'] as string
    const { log: key, origin } = keysFrom(readFileSync(join(centre, 'keys.json'), 'utf8'))
    const signing = async (folder: string, size: number, hash: string, by = key) => {
      const text = checkpointText({ origin, size, root: fromHex(hash) })
      const heads = sqliteHeads(join(folder, 'heads.sqlite'))
      await heads.replace('checkpoint', await heads.get('checkpoint'), signNote(nodeCrypto(), text, origin, by))
      heads.close()
      return tally('fsck', '--data', folder)
    }
    const whole = altered('')
    expect(await signing(whole, told.length, root)).toMatchObject({ code: 0 })
    expect((await signing(whole, told.length - 1, root)).said).toMatch(
      /^the log has the root [0-9a-f]{64} at \d+ leaves, and [0-9a-f]{64} was signed: events under it were changed/,
    )
    expect((await signing(whole, told.length, root, nodeCrypto().keyPair('Ed25519'))).said).toMatch(
      /^the last checkpoint does not bear the signature of the centre’s log key/,
    )
    const cut = altered('delete from events where position = (select max(position) from events)')
    const { code, said } = await signing(cut, told.length, root)
    expect([code, said]).toEqual([1, expect.stringMatching(/^the log ends at \d+ leaves, and a checkpoint of \d+ was/)])
  })

  it('a log without its centre’s keys says what it did not look at', async () => {
    const { code, said } = await tally('fsck', '--store', log)
    expect([code, said]).toEqual([0, expect.stringContaining('reactions not recomputed without the centre’s keys')])
  })

  it('what it cannot read is no finding: exit 3; words it does not know: exit 2', async () => {
    expect(await tally('fsck', '--data', join(place.path, 'nowhere'))).toMatchObject({ code: 3 })
    expect(await tally('fsck', '--store', 'redis://host')).toMatchObject({ code: 3 })
    expect(await tally('fsck', '--everything')).toMatchObject({ code: 2 })
  })
})

it('an engine’s library is loaded only when its address asks for it', async () => {
  const loaded = async (address: string): Promise<string[]> => {
    const text = `
      const { openStore } = await import('#eventstore/open')
      await openStore(process.argv[1], () => '').then(store => store.close(), () => {})
      const { default: { _cache } } = await import('node:module')
      const names = ['better-sqlite3', 'pg', '@kurrent/kurrentdb-client']
      console.log(names.filter(name => Object.keys(_cache).some(file => file.includes('node_modules/' + name + '/'))).join())
      process.exit()`
    const one = run('loader', [process.execPath, '--input-type=module', '-e', text, address])
    await endOf(one)
    return one.said().trim().split('\n').at(-1)?.split(',') ?? []
  }
  expect(await loaded(join(place.path, 'loaded.sqlite'))).toEqual(['better-sqlite3'])
  expect(await loaded(database('loaded'))).toEqual(['pg'])
  expect(await loaded(kurrentdb.url)).toEqual(['@kurrent/kurrentdb-client'])
  rmSync(join(place.path, 'loaded.sqlite'))
})

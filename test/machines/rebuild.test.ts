import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRows } from '#eventstore/open'
import { openSqlite } from '#eventstore/sqlite'
import { nodeCrypto } from '#machine/crypto'
import { projections } from '#projections'
import { balances } from '#projections/balances'
import { keysText, makeAuthorityKeys } from '../../apps/back-office/authority.ts'
import { writeLedger } from '../ledger-log.ts'
import { beginCentre, openAccount } from './centres.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { ask, compile, endAll, endOf, eventually, healthy, makePlace, program, run } from './processes.ts'

/** `tally rebuild` beside a centre that runs, killed and begun again, on rows that somebody spoilt. */

const ledger = { accounts: 2000, payments: 16_000 }
const count = 2 * ledger.accounts + ledger.payments
const place = makePlace('rebuild')
let server: Postgres
beforeAll(async () => {
  compile()
  server = await startPostgres()
})
afterAll(async () => {
  await endAll()
  await server.remove()
  place.remove()
})

const tally = (...args: string[]) => run('tally', program('dist/apps/tally/main.js', args))
const told = async (...args: string[]) => {
  const one = tally(...args, '--json')
  const { code } = await endOf(one, 60_000)
  const lines = one.said().trim().split('\n')
  const figures = lines.filter(line => line.startsWith('{')).map(line => JSON.parse(line) as Record<string, unknown>)
  return { code, figures, said: one.said() }
}

describe.each(['SQLite', 'PostgreSQL'])('on %s', engine => {
  const folder = place.folder(engine)
  const log = join(folder, 'log.sqlite')
  const store = () => (engine === 'SQLite' ? [] : ['--store', server.url])
  const rowsAt = () => (engine === 'SQLite' ? join(folder, 'rows.sqlite') : server.url)
  const table = (generation: number) =>
    `balances_${balances.version}${generation === 0 ? '' : `_g${generation}`}_balance`
  const spoil = (generation: number, account: string) => {
    const set = `set owed = owed + 7 where account = '${account}'`
    if (engine === 'PostgreSQL') server.sql(`update tallystick_rows.${table(generation)} ${set}`)
    else {
      const db = openSqlite(join(folder, 'rows.sqlite'))
      db.exec(`update ${table(generation)} ${set}`)
      db.close()
    }
  }
  let url = ''
  let opened = 0
  const openAnother = () => openAccount(url, `new-${opened++}`, '5.00')
  const owed = async (account: string) => (await ask('GET', `${url}/api/accounts/${account}/balance`))['owed']
  const data = () => ['--data', folder, ...store()]

  beforeAll(async () => {
    writeLedger(log, ledger)
    if (engine === 'PostgreSQL') {
      const copied = await endOf(tally('store', 'copy', '--from', log, '--to', server.url), 120_000)
      expect(copied).toMatchObject({ code: 0 })
    }
    writeFileSync(join(folder, 'keys.json'), keysText(makeAuthorityKeys(nodeCrypto(), 1_790_000_000)))
    const centre = await beginCentre('centre', folder, engine === 'SQLite' ? {} : { store: server.url })
    url = centre.url
    await healthy(centre.one, url)
    await eventually(async () => {
      const { index } = await ask('GET', `${url}/api/health`)
      expect(index).toBeGreaterThanOrEqual(count - 1)
    }, 60_000)
  })

  it('a check finds a row that was spoilt, and leaves it', async () => {
    const right = await owed('acc-7')
    spoil(0, 'acc-7')
    const wrong = await owed('acc-7')
    expect(wrong).not.toBe(right)
    const checked = await told('rebuild', 'balances', '--check', ...data())
    expect(checked).toMatchObject({ code: 1, figures: [{ projection: 'balances', equal: false, switched: false }] })
    expect(await owed('acc-7')).toBe(wrong)
    const alone = await told('rebuild', 'balances', '--account', 'acc-7', '--check', ...data())
    expect(alone).toMatchObject({ code: 1, figures: [{ account: 'acc-7', mended: false }] })
    expect(alone.figures[0]?.['wrong']).toHaveLength(1)
  })

  it('killed three times it goes on, beside a centre that works, and mends the row', async () => {
    const rows = await openRows(rowsAt())
    const over = new AbortController()
    const working = (async () => {
      while (!over.signal.aborted) await openAnother()
    })()
    try {
      const begun: number[] = []
      for (let kill = 0; kill < 3; kill++) {
        const one = tally('rebuild', 'balances', ...data())
        const before = await rows.checkpoint({ ...balances, generation: 1 })
        await eventually(async () =>
          expect(await rows.checkpoint({ ...balances, generation: 1 })).toBeGreaterThan(before),
        )
        await one.kill()
        begun.push(await rows.checkpoint({ ...balances, generation: 1 }))
        expect(await rows.generation(balances)).toBe(0)
      }
      const done = await told('rebuild', 'balances', ...data())
      expect(done.code).toBe(0)
      expect(done.figures).toMatchObject([{ generation: 1, from: begun.at(-1), equal: false, switched: true }])
      expect(begun[0]).toBeGreaterThan(0)
      expect(await rows.generation(balances)).toBe(1)
    } finally {
      over.abort()
      await working
      await rows.close()
    }
    expect(opened).toBeGreaterThan(3)
    // The centre, which was told nothing, answers from the new rows, and follows into them.
    const { wrong } = (await told('rebuild', 'balances', '--account', 'acc-7', '--check', ...data())).figures[0] ?? {}
    expect(wrong).toEqual([])
    await openAnother()
    expect(await owed(`new-${opened - 1}`)).toBe('0.00')
  })

  it('one account is mended alone, in milliseconds, and the centre goes on from the mended row', async () => {
    const right = await owed('acc-8')
    spoil(1, 'acc-8')
    expect(await owed('acc-8')).not.toBe(right)
    const mended = await told('rebuild', 'all', '--account', 'acc-8', ...data())
    expect(mended.code).toBe(0)
    expect(mended.figures.map(({ projection, mended }) => [projection, mended])).toEqual([
      ['balances', true],
      ['postings', false],
      ['transactions', false],
      ['exposure', false],
    ])
    expect(await owed('acc-8')).toBe(right)
    const repaid = { account: 'acc-8', amount: '0.01', currency: 'EUR', source: 'bank', repayment: 'r-1' }
    await ask('POST', `${url}/api/accounts/acc-8/repayments`, repaid)
    expect(Number(await owed('acc-8'))).toBeCloseTo(Number(right) - 0.01)
  })

  it('all of them are equal in the end', async () => {
    const { code, figures } = await told('rebuild', 'all', '--check', ...data())
    expect(figures.map(({ projection, equal }) => [projection, equal])).toEqual(
      projections.map(({ name }) => [name, true]),
    )
    expect(code).toBe(0)
  })
})

it('says what it takes', async () => {
  const folder = place.folder('empty')
  const log = join(place.path, 'SQLite', 'log.sqlite')
  for (const [args, code, words] of [
    [['rebuild'], 2, 'rebuild takes a projection, or all: balances, postings,'],
    [['rebuild', 'balance'], 2, 'or all: balances'],
    [
      ['rebuild', 'days', '--account', 'a'],
      2,
      'With --account, rebuild takes a projection, or all: balances, postings, transactions, exposure.',
    ],
    [['rebuild', 'balances', '--data', folder], 1, 'There are no rows at'],
    [
      ['rebuild', 'balances', '--rows', 'kurrentdb://127.0.0.1:1?tls=false', '--log', log],
      1,
      'keeps a log, and no rows',
    ],
  ] as const) {
    const one = tally(...args)
    expect([args, (await endOf(one)).code]).toEqual([args, code])
    expect(one.said()).toContain(words)
  }
})

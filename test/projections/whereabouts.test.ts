import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Alone, compareAlone, mendAlone } from '#eventstore/alone'
import { noSkips, project } from '#eventstore/follower'
import { memoryRows } from '#eventstore/memory/rows'
import { intOf, type LoggedEvent, type Projection, type Row, type Rows } from '#eventstore/rows'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { minorUnits } from '#money'
import { projections } from '#projections'
import { balances } from '#projections/balances'
import { postings } from '#projections/postings'
import { transactions } from '#projections/transactions'
import { whereaboutsOf } from '#projections/whereabouts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** One account's rows, folded alone from the events that touch it. */
const accounts = ['anna', 'bela', 'cyra']
let world: World
beforeAll(async () => {
  world = await makeWorld({
    seed: 'alone',
    phones: accounts.map(account => ({ account, limit: 90_000n, allowance: '100.00' })),
  })
  for (const [nth, account] of ['anna', 'bela', 'anna', 'anna', 'bela'].entries()) {
    await world.key(BigInt(100 + nth), 'T-1')
    const paid = orThrow(await world.tap(account, 'T-1'))
    if (nth === 2) orThrow(await world.till('T-1').refundTransaction('r-1', paid.transaction ?? '', minorUnits('1')))
  }
  orThrow(await world.sync('T-1'))
  const repayment = { account: 'anna', amount: minorUnits('50'), currency: 'EUR', source: 'bank', by: 'operator:test' }
  orThrow(await world.centre().receiveRepayment(repayment))
})
afterAll(() => world.end())

const opened: { close(): void }[] = []
afterAll(() => {
  for (const rows of opened) rows.close()
})
const folded = async (rows: Rows): Promise<Rows> => {
  const stop = new AbortController()
  const onProgress = ({ caughtUp }: { caughtUp: boolean }) => caughtUp && stop.abort()
  await project({ store: world.log, rows, projections, skips: noSkips, signal: stop.signal, onProgress })
  return rows
}
const alone = (rows: Rows, projection: Projection, account: string): Alone => ({
  store: world.log,
  rows,
  projection,
  skips: noSkips,
  subject: account,
  whereabouts: reader => whereaboutsOf(reader, account),
})
const three = [balances, postings, transactions]

describe.each<[string, () => Rows]>([
  ['memory', memoryRows],
  [
    'SQLite',
    () => {
      const rows = sqliteRows(':memory:')
      opened.push(rows)
      return rows
    },
  ],
])('an account’s rows in %s', (_, open) => {
  it.each(three.map(each => [each.name, each] as const))('%s: all that touches it is found', async (_, projection) => {
    const rows = await folded(open())
    for (const account of accounts) {
      const touching = world.log.events.filter(({ text, index, storedAt, type }) => {
        const event: LoggedEvent = { ...JSON.parse(text), index, storedAt }
        return projection.wants(type) && projection.subjects?.touches(event).includes(account)
      })
      expect(touching.length > 0).toBe(projection !== transactions || account !== 'cyra')
      expect(await compareAlone(alone(rows, projection, account))).toEqual({
        events: touching.length,
        next: world.log.events.length,
        wrong: [],
      })
    }
  })

  const spoilt = async (
    projection: Projection,
    table: string,
    account: string,
    spoil: (row: Row) => Row | undefined,
  ) => {
    const rows = await folded(open())
    const before = await rows.fingerprint(projection, world.crypto)
    const at = await rows.checkpoint(projection)
    const { key } = projection.tables.find(({ name }) => name === table) as Projection['tables'][number]
    const where = projection.subjects?.rowsOf(account).find(each => each.table === table)?.where ?? {}
    const [row] = await rows.select(projection, table, { where })
    if (!row) throw new Error('there is no row to spoil')
    const spoiltKey = key.map(column => row[column] as string | bigint)
    expect(await rows.mend(projection, [{ table, key: spoiltKey, row: spoil(row) }], at)).toBe(true)
    return { rows, before, row }
  }

  it('of which one was corrupted is told, and put right alone', async () => {
    const { rows, before, row } = await spoilt(balances, 'balance', 'anna', was => ({
      ...was,
      owed: intOf(was, 'owed') + 1n,
    }))
    const asked = alone(rows, balances, 'anna')
    expect((await compareAlone(asked)).wrong).toEqual([
      {
        table: 'balance',
        key: ['anna', 'EUR'],
        held: { ...row, owed: intOf(row, 'owed') + 1n },
        row,
      },
    ])
    expect((await compareAlone(alone(rows, balances, 'bela'))).wrong).toEqual([])
    expect((await mendAlone(asked)).wrong).toHaveLength(1)
    expect((await mendAlone(asked)).wrong).toEqual([])
    expect(await rows.fingerprint(balances, world.crypto)).toBe(before)
  })

  it.each<[Projection, string]>([
    [balances, 'balance'],
    [postings, 'posting'],
    [postings, 'limit'],
    [transactions, 'payment'],
  ])('of which one is lost is put back: $1', async (projection, table) => {
    const { rows, before, row } = await spoilt(projection, table, 'bela', () => undefined)
    expect((await mendAlone(alone(rows, projection, 'bela'))).wrong).toEqual([
      expect.objectContaining({ table, held: undefined, row }),
    ])
    expect(await rows.fingerprint(projection, world.crypto)).toBe(before)
  })

  it('are compared as far as they have got, and not beyond', async () => {
    const rows = open()
    const { length } = world.log.events
    const half = Math.floor(length / 2)
    for (const projection of three) {
      const events = world.log.events
        .slice(0, half)
        .filter(({ type }) => projection.wants(type))
        .map(({ text, index, storedAt }): LoggedEvent => ({ ...JSON.parse(text), index, storedAt }))
      await rows.apply(projection, events, { from: 0, next: half })
    }
    for (const projection of three)
      expect(await compareAlone(alone(rows, projection, 'anna'))).toMatchObject({ next: half, wrong: [] })
  })

  it('of whose payment postings know nothing any more are found by what transactions know', async () => {
    const rows = await folded(open())
    const at = await rows.checkpoint(postings)
    const lost = await rows.select(postings, 'posting', { where: { account: 'payer:anna', type: 'PaymentAccepted' } })
    const key = ['account', 'index', 'place'].map(column => lost[0]?.[column] as string | bigint)
    const commitment = await rows.select(postings, 'posting', {
      where: { account: 'commitment:anna', payment: lost[0]?.['payment'] ?? null },
    })
    const all = [key, ...commitment.map(row => ['account', 'index', 'place'].map(each => row[each] as string | bigint))]
    await rows.mend(
      postings,
      all.map(key => ({ table: 'posting', key, row: undefined })),
      at,
    )
    // Nothing of `postings` names the payment any more; `transactions` does.
    expect((await mendAlone(alone(rows, postings, 'anna'))).wrong).toHaveLength(all.length)
    expect((await compareAlone(alone(rows, balances, 'anna'))).wrong).toEqual([])
  })

  it('of nobody are none, and a projection of no accounts says so', async () => {
    const rows = await folded(open())
    expect(await compareAlone(alone(rows, balances, 'nobody'))).toMatchObject({ events: 0, wrong: [] })
    const terminals = projections.find(({ name }) => name === 'terminals') as Projection
    await expect(compareAlone(alone(rows, terminals, 'anna'))).rejects.toThrowError(RangeError)
  })
})

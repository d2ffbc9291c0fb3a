import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { moneyWord, word } from '#canonical/event'
import { memoryRows } from '#eventstore/memory/rows'
import type { LoggedEvent, Projection } from '#eventstore/rows'
import { newer, newerEvents, notUnderstood, outgrown } from '#projections/newer'
import { accountOpened, folded, log, writer } from '../trade.ts'

const at = '2026-11-23T10:00:00.000Z'

describe('what newer writers wrote', () => {
  it('is counted by who wrote it, type and shape; what a balance may lack by it is told', async () => {
    const { store, write } = log()
    await write('account-acc-1', at, accountOpened('acc-1', '1000'))
    const newerTill = writer(store, {
      HologramShown: word(z.looseObject({})),
      TipGiven: moneyWord(z.looseObject({})),
      CashierSignedOn: word(z.looseObject({}), data => data),
      TransactionRecorded: word(z.looseObject({}), data => data),
    })
    for (const terminal of ['T-1', 'T-2'])
      for (const type of ['HologramShown', 'TipGiven', 'CashierSignedOn', 'TransactionRecorded', 'TransactionRecorded'])
        await newerTill(`terminal-${terminal}`, at, { type, data: {} })
    const rows = await folded(store, [newer])
    const of = (terminal: string, from: number) => [
      { terminal, type: 'CashierSignedOn', schema: 2, money: false, count: 1, firstIndex: from + 2 },
      { terminal, type: 'HologramShown', schema: 1, money: false, count: 1, firstIndex: from },
      { terminal, type: 'TipGiven', schema: 1, money: true, count: 1, firstIndex: from + 1 },
      // It says of itself that it moves none; but a verdict should be made of it.
      { terminal, type: 'TransactionRecorded', schema: 2, money: true, count: 2, firstIndex: from + 3 },
    ]
    expect(await newerEvents(rows)).toEqual([...of('T-1', 1), ...of('T-2', 6)])
    expect(await notUnderstood(rows)).toBe(6)
    expect(await outgrown(rows)).toBe(false)
  })

  it('is nothing in a log of this version', async () => {
    const { store, write } = log()
    await write('account-acc-1', at, accountOpened('acc-1', '1000'))
    const rows = await folded(store, [newer])
    expect(await newerEvents(rows)).toEqual([])
    expect(await notUnderstood(rows)).toBe(0)
    expect(await outgrown(rows)).toBe(false)
  })
})

describe('rows that an older version folded', () => {
  /** As a version would have counted that did not know the type. */
  const counted = async (source: string, type: string, schema: bigint) => {
    const rows = memoryRows()
    const row = { source, type, schema, money: 1n, count: 1n, first: 0n }
    const older: Projection = {
      ...newer,
      apply: () => [{ table: 'newer', key: [source, type, schema], row }],
    }
    await rows.apply(older, [{ index: 0 } as LoggedEvent], { from: 0, next: 1 })
    return outgrown(rows)
  }

  it.each([
    ['', 'RepaymentReceived', 1n, true],
    ['T-1', 'TransactionRecorded', 1n, true],
    ['', 'RepaymentReceived', 2n, false],
    ['', 'CreditTeleported', 1n, false],
    // In whose stream it is nobody's word, whatever this version knows.
    ['T-1', 'RepaymentReceived', 1n, false],
  ])('of %j, %s in shape %i skipped: outgrown is %s', async (source, type, schema, expected) =>
    expect(await counted(source, type, schema)).toBe(expected),
  )
})

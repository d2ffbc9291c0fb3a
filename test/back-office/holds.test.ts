import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import type { EventStore } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
import { memoryRows } from '#eventstore/memory/rows'
import { sqliteStore } from '#eventstore/sqlite'
import { catchUp, heldNow, leftAfterGrants, nodeOn, payInto } from '../holds.ts'
import { accepted, accountOpened, granted, when, writer } from '../trade.ts'

const now = () => '2026-11-23T10:00:00.000Z'
const opened = async (store: EventStore, limit = '1000') => {
  await writer(store)('account-acc-1', now(), accountOpened('acc-1', limit))
  return store
}
/** How a grant ended: in a hold, or in a refusal's reason. */
const outcome = async (granting: ReturnType<ReturnType<typeof nodeOn>['grant']>): Promise<string> => {
  const answer = await granting
  return isRefusal(answer) ? answer.reason : 'granted'
}

/** Something happens in the log in the moment between a node's decision and its append. */
const meanwhile = (store: EventStore, act: () => Promise<void>): EventStore => {
  let isDone = false
  return {
    ...store,
    append: async (...asked) => {
      if (asked[0] === 'account-acc-1' && !isDone) {
        isDone = true
        await act()
      }
      return store.append(...asked)
    },
  }
}

describe('a grant', () => {
  it('counts what the rows of its node do not hold yet', async () => {
    const store = await opened(memoryStore(now))
    const rows = memoryRows()
    await catchUp(store, rows)
    await payInto(store, 'l-0', 0n, 400n)
    expect(await outcome(nodeOn(store, rows).grant('l-1', 601n))).toBe('AllowanceExceedsAvailable')
    expect(await outcome(nodeOn(store, rows).grant('l-1', 600n))).toBe('granted')
  })

  it('is given back where a payment came between its decision and its place in the log', async () => {
    const log = await opened(memoryStore(now))
    const store = meanwhile(log, () => payInto(log, 'l-0', 0n, 400n))
    const node = nodeOn(store, memoryRows())
    expect(await node.grant('l-1', 1000n)).toMatchObject({ reason: 'AllowanceExceedsAvailable', available: 600n })
    expect(await leftAfterGrants(log)).toEqual([])
    expect(await outcome(node.grant('l-2', 600n))).toBe('granted')
    expect(await leftAfterGrants(log)).toEqual([0n])
  })

  it('stays where the payment that came between leaves enough', async () => {
    const log = await opened(memoryStore(now))
    const store = meanwhile(log, () => payInto(log, 'l-0', 0n, 400n))
    expect(await outcome(nodeOn(store, memoryRows()).grant('l-1', 600n))).toBe('granted')
    expect(await leftAfterGrants(log)).toEqual([0n])
  })

  it('whose answer was lost is looked at again, and a license is not issued on what was overtaken', async () => {
    const log = await opened(memoryStore(now))
    // A node that appended the grant, and died before it looked at its place.
    await payInto(log, 'l-0', 0n, 400n)
    await writer(log)('account-acc-1', now(), granted('acc-1', 'l-1', '1000'))
    const node = nodeOn(log, memoryRows())
    expect(await outcome(node.grant('l-1', 1000n))).toBe('AllowanceExceedsAvailable')
    expect(await outcome(node.grant('l-1', 1000n))).toBe('AllowanceReleased')
    expect(await leftAfterGrants(log)).toEqual([])
  })

  it('asked twice is one', async () => {
    const store = await opened(memoryStore(now))
    const node = nodeOn(store, memoryRows())
    expect(await outcome(node.grant('l-1', 600n))).toBe('granted')
    await payInto(store, 'l-1', 600n, 400n)
    expect(await outcome(node.grant('l-1', 600n))).toBe('granted')
    expect(await leftAfterGrants(store)).toEqual([400n])
  })
})

describe('a renewal', () => {
  it.each([true, false])(
    'frees nothing that payments have drawn, whatever its phone says (rows: %s)',
    async follows => {
      const store = await opened(memoryStore(now))
      const rows = memoryRows()
      const node = nodeOn(store, rows)
      expect(await outcome(node.grant('l-1', 1000n))).toBe('granted')
      await payInto(store, 'l-1', 1000n, 0n)
      if (follows) await catchUp(store, rows)
      expect(await outcome(node.grant('l-2', 1000n, { license: 'l-1', left: 1000n }))).toBe('AllowanceNotLeft')
      expect(await heldNow(store)).toBe(0n)
      expect(await leftAfterGrants(store)).toEqual([0n])
    },
  )

  it('frees what is left, and the rest of the old hold waits for its payments', async () => {
    const store = await opened(memoryStore(now))
    const node = nodeOn(store, memoryRows())
    await node.grant('l-1', 1000n)
    await payInto(store, 'l-1', 100n, 0n)
    expect(await outcome(node.grant('l-2', 700n, { license: 'l-1', left: 700n }))).toBe('granted')
    // Of 300 spent the centre has seen 100.
    expect(await heldNow(store)).toBe(900n)
  })

  it('that a payment overtook leaves held what its phone may go on to spend', async () => {
    const log = await opened(memoryStore(now))
    await nodeOn(log, memoryRows()).grant('l-1', 600n)
    const store = meanwhile(log, () => payInto(log, 'l-0', 0n, 400n))
    const node = nodeOn(store, memoryRows())
    const renew = () => outcome(node.grant('l-2', 1000n, { license: 'l-1', left: 600n }))
    expect(await renew()).toBe('AllowanceExceedsAvailable')
    expect(await heldNow(log)).toBe(600n)
    expect(await renew()).toBe('AllowanceExceedsAvailable')
    expect(await heldNow(log)).toBe(600n)
  })
})

it('an account that is closed is looked at in every currency in which it was moved', async () => {
  const store = await opened(memoryStore(now))
  const rows = memoryRows()
  const inDollars = accepted('p-usd', '50', when(now()), { license: 'l-1', currency: 'USD' })
  await writer(store)(`payment-${(inDollars.data as { payment: string }).payment}`, now(), inDollars)
  const owed = [
    { currency: 'EUR', charged: 0n },
    { currency: 'USD', charged: 50n },
  ]
  expect(await nodeOn(store, rows).figures()).toMatchObject(owed)
  await catchUp(store, rows)
  expect(await nodeOn(store, rows).figures()).toMatchObject(owed)
})

describe('law: n grants at once, on two nodes whose rows are behind, never hold more than was available', () => {
  const engines: readonly [string, () => EventStore & { readonly close?: () => void }][] = [
    ['memory', () => memoryStore(now)],
    ['SQLite', () => sqliteStore(':memory:', now)],
  ]
  const acts = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('grant' as const), node: fc.nat(1), of: fc.bigInt(1n, 400n) }),
      fc.record({ do: fc.constant('pay' as const), license: fc.nat(9), of: fc.bigInt(1n, 300n), over: fc.nat(2) }),
      fc.record({ do: fc.constant('follow' as const), node: fc.nat(1) }),
    ),
    { minLength: 2, maxLength: 14 },
  )
  it.each(engines)('over %s', (_, open) =>
    fc.assert(
      fc.asyncProperty(acts, async moments => {
        const store = open()
        await opened(store)
        const rows = [memoryRows(), memoryRows()] as const
        const nodes = rows.map(each => nodeOn(store, each))
        let licenses = 0
        // All at once: what comes between what is for the engine and the loop of events to say.
        await Promise.all(
          moments.map(async act => {
            if (act.do === 'grant') await nodes[act.node]?.grant(`l-${licenses++}`, act.of)
            else if (act.do === 'pay')
              await payInto(store, `l-${act.license}`, act.over === 0 ? act.of : 0n, act.over === 0 ? 0n : act.of)
            else await catchUp(store, rows[act.node] as (typeof rows)[0])
          }),
        )
        const isOverdrawn = (await leftAfterGrants(store)).some(left => left < 0n)
        store.close?.()
        expect(isOverdrawn).toBe(false)
      }),
      { numRuns: 60 },
    ),
  )
})

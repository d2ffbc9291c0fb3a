import { statedHash } from '#canonical/event'
import { makeBatch } from '#sync/batch'
import { dice } from '../simulation/world.ts'
import { type Centres, type Engine, type Order, startCentres } from './centres.ts'
import { figuresOf, trialBalance } from './figures.ts'
import type { Month } from './month.ts'
import { day_ms, month_ms } from './people.ts'
import { orThrow, type Till } from './shops.ts'
import { refusalOf } from './town.ts'

/**
 * The same month at another centre: the tills' logs as they were written, and the orders when they were given. Only what
 * keeps the log, how many work on it, how the logs are cut and when each piece arrives is another.
 */
export type Replay = {
  readonly engine: Engine
  /** Events in a batch, at most. */
  readonly batch: number
  /** 0: as it was lived. Else another order of arrival, each number its own; none arrives before it was written. */
  readonly order: number
  /** The centre's clock: what the engine stamps comes of it, too. */
  readonly clock: { at: number; now(): number }
}
export const orders = 10

/** How many tills, or operators, are served at a time. */
const hands = 8
/** A batch's events are at most 1 MiB. */
const octetsMax = 900 * 1024

/** When each piece arrives: some at once, some days late, and in one order all of it at the very end. */
const arrivals = (
  month: Month,
  order: number,
): readonly { readonly at_ms: number; readonly act: Month['steps'][number] }[] => {
  const chance = dice(`arrivals ${order} of ${month.seed}`)
  const slowest_ms = order === orders - 1 ? 60 * day_ms : (order % 4) * 3 * day_ms
  const late = (at_ms: number): number => {
    // What is written when all terms are over has nothing to be late for.
    if (order === 0 || at_ms > month.end_ms || chance.chance(30)) return at_ms
    return Math.min(
      month.end_ms,
      at_ms + Math.floor((slowest_ms * (1 + chance.below(1000))) / 1000) + chance.below(7_200_000),
    )
  }
  return month.steps
    .map((act, place) => ({ at_ms: 'delivery' in act ? late(act.at_ms) : act.at_ms, act, place }))
    .sort((a, b) => a.at_ms - b.at_ms || a.place - b.place)
}

/** A till's log is sent in pieces of so many events, up to a revision. */
const sender = (month: Month, batch: number, centres: Centres) => {
  const sentTo = new Map<string, number>()
  return async (terminal: string, to: number): Promise<void> => {
    const { store, identity } = month.tills.get(terminal) as Till
    for (let from = (sentTo.get(terminal) ?? -1) + 1; from <= to; from = (sentTo.get(terminal) as number) + 1) {
      const texts: string[] = []
      let octets = 0
      for (const { text } of store.events.slice(from, Math.min(to + 1, from + batch))) {
        octets += Buffer.byteLength(text)
        if (octets > octetsMax) break
        texts.push(text)
      }
      const { origin, mode, keys } = identity
      const waiting = { count: 0, sum: '0', currency: 'EUR' }
      const head = statedHash(texts.at(-1) as string)
      const statement = { origin, terminal, mode, from, count: texts.length, head, waiting }
      const body = makeBatch(month.crypto, keys.p256, statement, texts)
      orThrow(await centres.node().acceptBatch(terminal, body))
      sentTo.set(terminal, from + texts.length - 1)
    }
  }
}

/** A few at a time, in the order in which they are given. */
const atOnce = async <One>(all: readonly One[], act: (one: One) => Promise<void>): Promise<void> => {
  const waiting = [...all].reverse()
  const hand = async (): Promise<void> => {
    for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) await act(one)
  }
  await Promise.all(Array.from({ length: hands }, hand))
}

export const replay = async (month: Month, { engine, batch, order, clock }: Replay) => {
  const { crypto, keys, seed } = month
  clock.at = month_ms - 2 * day_ms
  const centres = await startCentres({ ...engine, crypto, keys, clock, seed })
  const send = sender(month, batch, centres)
  /** What was obeyed when it was lived is asked again here until it is: nobody decides on what has not arrived. */
  let again: Order[] = []
  const obey = async (order: Order): Promise<void> => {
    if (refusalOf(await centres.order(order)) !== order.refused) again.push(order)
  }
  /** Orders of one moment: those of one account after one another, those of several together. */
  const obeyAll = async (asked: readonly Order[]): Promise<void> => {
    const chains = Map.groupBy(asked, ({ who }) => who)
    await atOnce([...chains.values()], async chain => {
      for (const order of chain) await obey(order)
    })
  }
  const due = new Map<string, number>()
  let deliveries = 0
  /** What has come by now is taken in, and judged; then what could not be ordered before is asked again. */
  const evening = async (): Promise<void> => {
    const come = [...due]
    due.clear()
    deliveries += come.length
    await atOnce(come, ([terminal, to]) => send(terminal, to))
    await centres.settle()
    const asked = again
    again = []
    await obeyAll(asked)
  }
  try {
    let asked: Order[] = []
    for (const { at_ms, act } of arrivals(month, order)) {
      if (asked.length > 0 && (!('order' in act) || at_ms > clock.at)) {
        await obeyAll(asked)
        asked = []
      }
      clock.at = Math.max(clock.at, at_ms)
      if ('order' in act) asked.push(act.order)
      else if ('delivery' in act)
        due.set(act.delivery.terminal, Math.max(act.delivery.to, due.get(act.delivery.terminal) ?? 0))
      else await evening()
    }
    await evening()
    await centres.settle()
    const figures = await figuresOf(centres.rows, crypto)
    return { figures, books: await trialBalance(centres.rows), deliveries, left: again.length }
  } finally {
    await centres.end()
  }
}

import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Bytes } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import type { EventStore } from '#eventstore'
import { memoryHeads } from '#eventstore/memory/heads'
import { memoryVault } from '#eventstore/memory/vault'
import type { Rows } from '#eventstore/rows'
import { memoryTiles } from '#transparency/tiles'
import type { AuthorityKeys } from '../../apps/back-office/authority.ts'
import { type BackOffice, backOffice } from '../../apps/back-office/back-office.ts'
import { dice } from '../simulation/world.ts'

/** The town's centre: one log, and one or two processes that work on it. */

export type Engine = {
  /** One process each; they may be given the same store, and the same rows. */
  readonly nodes: readonly { readonly store: EventStore; readonly rows: Rows }[]
  /** Between two looks at whether all has been judged: none where looking costs nothing. */
  readonly look_ms: number
}

/** Who orders what concerns all: one thing after the other. */
export const town = 'town'

export type Order<Answer = unknown> = {
  readonly place: number
  /** The account it is about, or another name: orders under one name follow one another. */
  readonly who: string
  readonly act: (node: BackOffice) => Promise<Answer>
  /** Why it was not obeyed when it was given, where it was not. */
  readonly refused: string | undefined
}

export type Centres = Awaited<ReturnType<typeof startCentres>>

type Parts = Engine & {
  readonly crypto: Crypto
  readonly keys: AuthorityKeys
  readonly clock: { at: number; now(): number }
  readonly seed: string
}

const quiet = { info: () => {}, warn: () => {}, error: () => {} }

/** What is timed is asked for: a node's clocks strike for nobody. */
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => signal.addEventListener('abort', () => resolve()))

export const startCentres = async ({ nodes: places, look_ms, crypto, keys, clock, seed }: Parts) => {
  const stop = new AbortController()
  const heads = memoryHeads()
  const vault = memoryVault()
  /** Each order's random numbers are its own, so that another centre that is given it makes the same ids. */
  const own = new AsyncLocalStorage<(size: number) => Bytes>()
  const { octets } = dice(`centre of ${seed}`)
  const ordered: Crypto = { ...crypto, random: size => (own.getStore() ?? octets)(size) }
  const nodes: BackOffice[] = []
  const running: Promise<void>[] = []
  const [first] = places as [Engine['nodes'][number]]
  for (const { store, rows } of places) {
    const parts = { clock, crypto: ordered, store, rows, keys, heads, vault, tiles: memoryTiles(), log: quiet }
    const node = await backOffice({ ...parts, sleep: (_, signal) => aborted(signal) })
    nodes.push(node)
    running.push(node.run(stop.signal))
  }
  let turn = 0
  const node = (): BackOffice => nodes[turn++ % nodes.length] as BackOffice

  const lengthOfLog = async (): Promise<number> => {
    const seen = nodes.map(({ status }) => Math.max(0, ...status().followers.map(({ next, lag }) => next + lag.events)))
    let length = Math.max(...seen)
    for await (const page of first.store.readAll({ from: length })) length += page.length
    return length
  }

  return {
    nodes,
    rows: first.rows,
    node,
    /** An order of an operator, a phone or a terminal; given again, it makes the same ids. Who orders keeps to one node. */
    order: <Answer>({ place, who, act }: Pick<Order<Answer>, 'place' | 'who' | 'act'>): Promise<Answer> => {
      const lot = dice(who).below(nodes.length)
      return own.run(dice(`order ${place} of ${seed}`).octets, () => act(nodes[lot] as BackOffice))
    },
    /** Until every follower of every node has seen all there is. */
    settle: async (): Promise<void> => {
      for (let calm = 0; calm < 2; ) {
        for (const { strikeHours } of nodes) await strikeHours()
        const length = await lengthOfLog()
        for (const { status } of nodes) {
          const [fault] = status().stopped
          if (fault !== undefined) throw new Error(fault)
        }
        const current = nodes.every(({ status }) => status().followers.every(({ next }) => next >= length))
        calm = current ? calm + 1 : 0
        await (look_ms > 0 ? setTimeout(look_ms) : setImmediate())
      }
    },
    end: async (): Promise<void> => {
      stop.abort()
      await Promise.all(running)
    },
  }
}

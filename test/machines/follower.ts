import { readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { EventStore } from '#eventstore'
import { memoryHeads } from '#eventstore/memory/heads'
import { memoryVault } from '#eventstore/memory/vault'
import type { LoggedEvent, Projection, Row, Rows } from '#eventstore/rows'
import { sqliteStore } from '#eventstore/sqlite'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { nodeCrypto } from '#machine/crypto'
import { sleep } from '#machine/process'
import { memoryTiles } from '#transparency/tiles'
import { keysFrom } from '../../apps/back-office/authority.ts'
import { backOffice } from '../../apps/back-office/back-office.ts'

/** A centre's followers in a process of their own, which dies at the moment that it is told. */

export type Death =
  | 'between the rows and their checkpoint'
  | 'after the commit of a page'
  | 'before a verdict'
  | 'after a verdict'
  | 'at any moment'
export type Told =
  | { readonly death: Death; readonly nth: number }
  | { readonly death: 'never' }
  | { readonly rests: boolean }
export type Standing = { readonly applied: number; readonly judged: number; readonly stopped: readonly string[] }

const [folder = '', now_ms = ''] = process.argv.slice(2)
// Whoever started it is gone: so is it.
process.on('disconnect', () => process.exit())

const die = (where: Death): never => {
  writeSync(1, `${where}\n`)
  process.kill(process.pid, 'SIGKILL')
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

const work = { rests: false }

const follow = async (told: Exclude<Told, { rests: boolean }>): Promise<void> => {
  let left = told.death === 'never' ? Number.POSITIVE_INFINITY : told.nth
  const passes = (where: Death): boolean => told.death === where && --left <= 0

  const log = sqliteStore(join(folder, 'log.sqlite'), () => new Date(Number(now_ms)).toISOString())
  const store: EventStore = {
    ...log,
    follow: async function* (options) {
      for await (const page of log.follow(options)) {
        while (work.rests) await wait(5)
        yield page
      }
    },
    append: async (stream, expected, events) => {
      if (stream.startsWith('payment-') && passes('before a verdict')) die('before a verdict')
      const appended = await log.append(stream, expected, events)
      if (stream.startsWith('payment-') && passes('after a verdict')) die('after a verdict')
      return appended
    },
  }
  const kept = sqliteRows(join(folder, 'rows.sqlite'))
  const rows: Rows = {
    ...kept,
    apply: async (projection, events, at) => {
      const last = events.at(-1)
      const dies = last !== undefined && passes('between the rows and their checkpoint')
      const done = await kept.apply(dies ? deadly(projection, last) : projection, events, at)
      if (done && events.length > 0 && passes('after the commit of a page')) die('after the commit of a page')
      return done
    },
  }
  const keys = keysFrom(readFileSync(join(folder, 'keys.json'), 'utf8'))
  const say = { info: () => {}, warn: () => {}, error: (line: string) => void writeSync(2, `${line}\n`) }
  const node = await backOffice({
    clock: { now: () => Number(now_ms) },
    crypto: nodeCrypto(),
    store,
    rows,
    keys,
    heads: memoryHeads(),
    vault: memoryVault(),
    tiles: memoryTiles(),
    sleep,
    log: say,
  })
  setInterval(() => process.send?.(node.status() satisfies Standing), 20)
  await node.run(new AbortController().signal)
}

/** The last row of the page kills whoever writes it: the rows before it are written, the checkpoint is not. */
const deadly = (projection: Projection, last: LoggedEvent): Projection => ({
  ...projection,
  apply: (event, look) => {
    const changes = projection.apply(event, look)
    if (event !== last) return changes
    const fatal = changes.at(-1)
    if (!fatal) return changes
    const after = (row: Row | undefined): Row | undefined => {
      const next = 'row' in fatal ? fatal.row : fatal.change(row)
      if (!next) return next
      const column = Object.keys(next)[0] as string
      return Object.defineProperty({ ...next }, column, { get: () => die('between the rows and their checkpoint') })
    }
    return [...changes.slice(0, -1), { table: fatal.table, key: fatal.key, change: after }]
  },
})

process.on('message', message => {
  const told = message as Told
  if ('rests' in told) work.rests = told.rests
  else void follow(told)
})
process.send?.('ready')

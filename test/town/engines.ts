import { join } from 'node:path'
import { kurrentStore } from '#eventstore/kurrentdb'
import { memoryStore } from '#eventstore/memory'
import { memoryRows } from '#eventstore/memory/rows'
import { postgresStore } from '#eventstore/postgres'
import { postgresRows } from '#eventstore/postgres/rows'
import { sqliteStore } from '#eventstore/sqlite'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { kurrentDouble } from '../kurrentdb/double.ts'
import type { Engine } from './centres.ts'

/** The four engines that may keep the town's log, each with the rows that go with it: nodes of PostgreSQL share them. */

export const engineNames = ['memory', 'sqlite', 'postgres', 'kurrentdb'] as const
export type EngineName = (typeof engineNames)[number]

type Open = { readonly engine: Engine; readonly close: () => Promise<void> }
type Place = {
  readonly folder: string
  /** Of a PostgreSQL that is running. */
  readonly postgres: string
  /** Tells one month from another in a folder or a server that keeps several. */
  readonly name: string
  readonly nodes: number
  readonly now: () => string
}

export const openEngine = async (kind: EngineName, place: Place): Promise<Open> => {
  const { folder, name, now } = place
  const each = Array.from({ length: place.nodes }, (_, node) => node)
  switch (kind) {
    case 'memory': {
      const store = memoryStore(now)
      const nodes = each.map(() => ({ store, rows: memoryRows() }))
      return { engine: { nodes, look_ms: 0 }, close: async () => {} }
    }
    case 'sqlite': {
      const nodes = each.map(node => ({
        store: sqliteStore(join(folder, `${name}.sqlite`), now),
        rows: sqliteRows(join(folder, `${name}-rows-${node}.sqlite`)),
      }))
      const close = async (): Promise<void> => {
        for (const { store, rows } of nodes) {
          rows.close()
          store.close()
        }
      }
      return { engine: { nodes, look_ms: 1 }, close }
    }
    case 'postgres': {
      const nodes = await Promise.all(
        each.map(async () => ({
          store: await postgresStore(place.postgres, now, { schema: name }),
          rows: await postgresRows(place.postgres, { schema: `${name}_rows` }),
        })),
      )
      const close = async (): Promise<void> => {
        for (const { store, rows } of nodes) {
          await rows.close()
          await store.close()
        }
      }
      return { engine: { nodes, look_ms: 20 }, close }
    }
    case 'kurrentdb': {
      const double = await kurrentDouble({ nodes: 3 })
      const nodes = await Promise.all(
        each.map(async node => ({
          store: await kurrentStore(double.url, now),
          rows: sqliteRows(join(folder, `${name}-rows-${node}.sqlite`)),
        })),
      )
      const close = async (): Promise<void> => {
        for (const { store, rows } of nodes) {
          rows.close()
          await store.close()
        }
        double.close()
      }
      return { engine: { nodes, look_ms: 10 }, close }
    }
  }
}

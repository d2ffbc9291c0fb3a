import { join } from 'node:path'
import { type Postgres, startPostgres } from '../../machines/postgres.ts'
import type { Row } from '../measure.ts'
import { installPeers } from '../peers/install.ts'
import { type Ground, kurrentdbAppends, postgresAppends, type Server, sqliteAppends } from './appends.ts'
import { larger, reading } from './reads.ts'
import { transparency } from './transparency.ts'

/** Figures taken in a hurry say so: fewer rounds than a median needs, on less data. */
const sizes = {
  full: { rounds: 7, slices: 6, events: 1_000_000, leaves: 10_000_000 },
  quick: { rounds: 3, slices: 2, events: 100_000, leaves: 1_000_000 },
}

/** All that the design's paper on targets says of the store, in its order. */
export const store = async (folder: string, quick: boolean, done: (row: Row) => void): Promise<void> => {
  const size = sizes[quick ? 'quick' : 'full']
  const noPeers = installPeers(line => process.stderr.write(`${line}\n`))
  if (noPeers !== undefined) process.stderr.write(`Measuring without emmett: ${noPeers}\n`)
  const ground = (name: string): Ground => ({ folder: join(folder, name), size, noPeers })
  const finish = (row: Row) => done(quick ? { ...row, what: `(quick: not to be quoted) ${row.what}` } : row)

  finish(await sqliteAppends(ground('sqlite')))
  const server = await startPostgres()
  try {
    finish(await postgresAppends(ground('postgres'), databasesOf(server)))
  } finally {
    await server.remove()
  }
  finish(await kurrentdbAppends(ground('kurrentdb')))
  finish(await reading(ground('reading'), size.events))
  finish(await larger(ground('larger'), size.events))
  finish(await transparency(join(folder, 'tiles'), size.leaves))
}

const databasesOf = (server: Postgres): Server => ({
  make: database => {
    server.sql(`create database ${database}`)
    return server.url.replace(/\/postgres$/, `/${database}`)
  },
})

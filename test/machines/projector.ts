import { noSkips, project } from '#eventstore/follower'
import { postgresStore } from '#eventstore/postgres'
import { postgresRows } from '#eventstore/postgres/rows'
import { projections } from '#projections'

/** All projectors of a centre in a process of their own, on a log and rows that others share. */

const [url = '', schema = '', pageSize = ''] = process.argv.slice(2)
// Whoever started it is gone: so is it.
process.on('disconnect', () => process.exit())

const store = await postgresStore(url, () => new Date().toISOString(), { schema })
const rows = await postgresRows(url, { schema: `${schema}_rows` })
await project({
  store,
  rows,
  projections,
  skips: noSkips,
  signal: new AbortController().signal,
  pageSize: Number(pageSize),
  onProgress: ({ next, caughtUp }) => process.send?.({ next, caughtUp }),
  onStopped: stopped => process.send?.({ stopped: stopped.message }),
})

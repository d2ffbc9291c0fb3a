// A centre that answers questions from rows and a log that are there, for a bench: nothing follows, nothing is signed.
// It runs what was built, since decorators are not for node alone.

import { backOfficeModule } from '../../../dist/apps/back-office/api.js'
import { makeAuthorityKeys } from '../../../dist/apps/back-office/authority.js'
import { backOffice } from '../../../dist/apps/back-office/back-office.js'
import { memoryHeads } from '../../../dist/eventstore/memory/heads.js'
import { sqliteRows } from '../../../dist/eventstore/sqlite/rows.js'
import { sqliteStore } from '../../../dist/eventstore/sqlite/sqlite.js'
import { serve } from '../../../dist/libs/http/serve.js'
import { systemClock } from '../../../dist/libs/machine/clock.js'
import { nodeCrypto } from '../../../dist/libs/machine/crypto.js'
import { sleep } from '../../../dist/libs/machine/process.js'
import { memoryTiles } from '../../../dist/libs/transparency/tiles.js'

const [file, rowsFile] = process.argv.slice(2)
const log = { info: () => {}, warn: () => {}, error: line => process.stderr.write(`${line}\n`) }
const crypto = nodeCrypto()
const node = await backOffice({
  clock: systemClock,
  crypto,
  store: sqliteStore(file, () => new Date().toISOString()),
  rows: sqliteRows(rowsFile),
  keys: makeAuthorityKeys(crypto, Math.floor(systemClock.now() / 1000)),
  heads: memoryHeads(),
  tiles: memoryTiles(),
  sleep,
  log,
})
const whoAsks = async () => ({ operator: 'bench', role: 'administrator' })
const { url } = await serve({
  module: backOfficeModule(node, whoAsks),
  port: 0,
  host: '127.0.0.1',
  pages: undefined,
  log,
})
process.stdout.write(`${url}\n`)

import { randomUUID } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type EventToAppend, type Expected, StoreFailed } from '#eventstore'
import { sqliteStore } from '#eventstore/sqlite'

// On a disk of its own that is soon full: appends until one fails, says so, gets room, and appends the same again.

const [folder = ''] = process.argv.slice(2)
const file = join(folder, 'log.sqlite')
const now = () => new Date().toISOString()
const some = (): EventToAppend[] =>
  Array.from({ length: 3 }, () => ({ id: randomUUID(), type: 'Noted', text: JSON.stringify('x'.repeat(3000)) }))

const store = sqliteStore(file, now)
const acknowledged: string[] = []
let revision: Expected = 'NoStream'
let events: EventToAppend[] = []
const append = async (): Promise<void> => {
  ;({ revision } = await store.append('s', revision, events))
  acknowledged.push(...events.map(({ id }) => id))
}
const failures: string[] = []
while (failures.length < 3)
  try {
    // The same again: it may have been written, for all that is known.
    if (failures.length === 0) events = some()
    await append()
  } catch (error) {
    if (!(error instanceof StoreFailed)) throw error
    failures.push(error.message)
  }
const held = async (): Promise<string[]> => {
  const all: string[] = []
  for await (const page of store.readAll({ from: 0 })) all.push(...page.map(({ id }) => id))
  return all
}
const whileFull = await held()
const wasAcknowledged = acknowledged.length
rmSync(join(folder, 'ballast'))
await append()
events = some()
await append()
const withRoom = await held()
store.close()
const again = sqliteStore(file, now, { readonly: true })
const reopened: string[] = []
for await (const page of again.readAll({ from: 0 })) reopened.push(...page.map(({ id }) => id))
again.close()
const isWalLeft = existsSync(`${file}-wal`)
process.stdout.write(
  `${JSON.stringify({ failures, whileFull: whileFull.length, wasAcknowledged, acknowledged, withRoom, reopened, isWalLeft })}\n`,
)

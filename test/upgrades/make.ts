import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openStreet } from './street.ts'

/**
 * Makes the data directory of this version, with taps that wait: README.md beside this file has the story, the command
 * and the figures, which are worked out by hand there.
 */
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')) as {
  version: string
}
const folder = join(import.meta.dirname, version)
if (existsSync(folder))
  throw new Error(`${folder} is there already: what a released version wrote is never written anew.`)

const street = await openStreet(join(folder, 'data'), Date.UTC(2026, 10, 23, 9))
await street.openAccount('anna', 50_000n, '200.00')
await street.openAccount('bela', 30_000n, '100.00')
await street.node.openDay()
const first = await street.sell('anna', 1250n)
await street.sell('bela', 800n)
await street.node.refundTransaction(
  'refund-1',
  first.transaction ?? '',
  200n as Parameters<typeof street.node.refundTransaction>[2],
)
await street.sync()

street.network.on = false
await street.sell('anna', 3000n)
const voided = await street.sell('bela', 4500n)
await street.sell('anna', 725n)
await street.node.voidTransaction('void-1', voided.transaction ?? '')
// Its answer to GET #2, the third request, holds the payment: bela's phone has paid, and the till does not know.
const torn = await street.sell('bela', 999n, 3)
if (torn.outcome !== 'torn') throw new Error(`The last tap was ${torn.outcome}, not torn.`)

const at = new Date(street.clock.at).toISOString()
await street.close()
const expected = {
  at,
  waiting: { count: 3, sum: '82.25' },
  torn: { account: 'bela', amount: '9.99', transaction: torn.transaction },
  before: { anna: { owed: '10.50', held: '187.50' }, bela: { owed: '8.00', held: '92.00' } },
  after: { anna: { owed: '47.75', held: '150.25' }, bela: { owed: '17.99', held: '37.01' } },
}
writeFileSync(join(folder, 'expected.json'), `${JSON.stringify(expected, null, 2)}\n`)
process.stdout.write(`made ${folder}\n`)

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { append } from './append.ts'
import { beside } from './beside.ts'
import { fsyncsOfTap } from './fsyncs.ts'
import { intakeRow } from './intake.ts'
import { print, type Row, standing } from './measure.ts'
import { memory } from './memory.ts'
import { rebuild } from './rebuild.ts'
import { openShop, type Shop } from './shop.ts'
import { store } from './store/store.ts'
import { sync } from './sync.ts'
import { tap, warmUp } from './tap.ts'
import { trade } from './trade/trade.ts'
import { verdictsRow } from './verdicts.ts'

/**
 * `npm run bench [-- name…] [--json] [--quick] [--scale N]`: figures against the raw limit of the same machine in the same run.
 * Nothing fails on a time; what is wrong in a row's outcome does. `store` is several rows, brings `rebuild` and `beside`
 * with it, and measures peers beside, which it installs; `trade` is several rows, too.
 * `--quick` shortens them. `sync` has each of 50 terminals take 20,000 payments
 * before it drains, times `--scale N`, which is 0.01 unless told otherwise.
 */
const folder = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'tallystick-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
process.on('SIGINT', () => process.exit(130))

const place = (name: string): string => {
  const made = join(folder, name)
  mkdirSync(made)
  return made
}

let shop: Promise<Shop> | undefined
const taps = (): Promise<Shop> => {
  shop ??= openShop(place('shop'), warmUp + 500)
  return shop
}

const benches: Readonly<Record<string, (done: (row: Row) => void) => Promise<Row | void>>> = {
  append: async () => append(await taps(), place('append')),
  tap: async () => tap(await taps(), () => fsyncsOfTap(folder)),
  intake: async () => intakeRow(await taps(), place('intake')),
  verdicts: async () => verdictsRow(await taps(), place('verdicts')),
  rebuild: () => rebuild(place('rebuild')),
  beside: () => beside(place('beside')),
  trade: done => trade(place('trade'), values.quick, done),
  sync: () =>
    sync(place('sync'), values.quick ? { terminals: 10, stored: 20 } : { terminals: 50, stored: 20_000 * scale }),
  memory: () => memory(values.quick ? { taps: 30, quiet_s: 10 } : { taps: 300, quiet_s: 60 }),
  store: done => store(place('store'), values.quick, done),
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    scale: { type: 'string', default: '0.01' },
  },
})
const scale = Number(values.scale)
if (!(scale >= 0.001 && scale <= 1)) {
  process.stderr.write(`--scale is between 0.001 and 1, and not ${values.scale}.\n`)
  process.exit(2)
}
const unknown = positionals.filter(name => benches[name] === undefined)
if (unknown.length > 0) {
  process.stderr.write(`No bench is called ${unknown.join(', ')}: there are ${Object.keys(benches).join(', ')}.\n`)
  process.exit(2)
}

const commit = spawnSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).stdout?.trim() || 'unknown'
const machine = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism() }
if (!values.json) process.stdout.write(`commit ${commit}, Node ${machine.node}, ${machine.cores} × ${machine.cpu}\n\n`)

const rows: Row[] = []
/** What is asked for the store is asked for what is folded from it, too. */
const asked = new Set(positionals.includes('store') ? [...positionals, 'rebuild', 'beside'] : positionals)
if (values.quick) asked.delete('beside')
for (const [name, bench] of Object.entries(benches)) {
  if (asked.size > 0 && !asked.has(name)) continue
  const done = (row: Row): void => {
    rows.push(row)
    if (!values.json) process.stdout.write(`${print(row)}\n`)
  }
  const row = await bench(done)
  if (row) done(row)
}

if (values.json) {
  const withStanding = rows.map(row => ({
    ...row,
    figures: row.figures.map(figure => ({ ...figure, standing: standing(figure) })),
  }))
  process.stdout.write(`${JSON.stringify({ commit, at: new Date().toISOString(), ...machine, rows: withStanding })}\n`)
}

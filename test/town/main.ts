import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../machines/postgres.ts'
import { audit, differences, mustHappen } from './audit.ts'
import { engineNames, openEngine } from './engines.ts'
import { figuresOf } from './figures.ts'
import { liveMonth, type Month } from './month.ts'
import { smallTown } from './people.ts'
import { orders, replay } from './replay.ts'

/**
 * `npm run sim -- --town`: the month is lived once, and its tills' logs are given to centres on every engine, with one
 * node and with two, cut into batches of three sizes; the runs take ten orders of arrival in turn. All must end with the
 * oracle's books, and with the same figures.
 */

const nodeCounts = [1, 2]
const batchSizes = [7, 100, 1000]

type Asked = {
  readonly seed: string
  readonly phones: number | undefined
  readonly taps: number | undefined
  readonly json: boolean
}
type Run = {
  readonly engine: string
  readonly nodes: number
  readonly batch: number
  readonly order: number
  readonly took_s: number
  readonly wrong: readonly string[]
}

const seconds = (since_ms: number): number => Math.round((performance.now() - since_ms) / 100) / 10

export const town = async ({ seed, phones, taps, json }: Asked): Promise<number> => {
  const say = (line: string): void => void (json || process.stdout.write(`${line}\n`))
  const scale = { ...smallTown, ...(phones ? { phones } : {}), ...(taps ? { taps } : {}) }
  const began = performance.now()
  const month = await liveMonth(seed, scale, line => say(`${String(seconds(began)).padStart(7)} s  ${line}`))
  const lived_s = seconds(began)
  const figures = await figuresOf(month.rows, month.crypto)
  const wrong = [
    ...(await audit(month)),
    ...mustHappen.filter(name => !month.counts[name]).map(name => `never: ${name}`),
  ]
  await month.centres.end()
  for (const [name, count] of Object.entries(month.counts).sort(([a], [b]) => (a < b ? -1 : 1)))
    say(`${String(count).padStart(9)}  ${name}`)
  say(
    `lived in ${lived_s} s, ${month.store.events.length} events: ${wrong.length === 0 ? 'the books are right' : 'WRONG'}`,
  )
  for (const line of wrong) say(`  ${line}`)

  const runs: Run[] = []
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-town-'))
  const server = await startPostgres()
  try {
    for (const engine of engineNames)
      for (const nodes of nodeCounts)
        for (const batch of batchSizes) {
          const run = await ran(month, figures, {
            folder,
            postgres: server.url,
            engine,
            nodes,
            batch,
            place: runs.length,
          })
          runs.push(run)
          const well = run.wrong.length === 0 ? 'as it was lived' : 'DIFFERS'
          say(
            `${String(run.took_s).padStart(7)} s  ${engine}, nodes: ${nodes}, batches of ${batch}, order ${run.order}: ${well}`,
          )
          for (const line of run.wrong.slice(0, 10)) say(`  ${line}`)
        }
  } finally {
    await server.remove()
    rmSync(folder, { recursive: true, force: true })
  }
  const failed = wrong.length + runs.reduce((all, { wrong }) => all + wrong.length, 0)
  if (json) {
    const { counts, store } = month
    process.stdout.write(
      `${JSON.stringify({ seed, scale, lived_s, events: store.events.length, counts, figures, wrong, runs })}\n`,
    )
  } else say(failed === 0 ? `${runs.length} centres, one month: all equal` : `${failed} differences`)
  return failed === 0 ? 0 : 1
}

type Where = {
  readonly folder: string
  readonly postgres: string
  readonly engine: (typeof engineNames)[number]
  readonly nodes: number
  readonly batch: number
  readonly place: number
}

const ran = async (month: Month, lived: Record<string, string>, where: Where): Promise<Run> => {
  const { engine: kind, nodes, batch, place } = where
  const order = place % orders
  const clock = { at: 0, now: () => clock.at }
  const now = () => new Date(clock.at).toISOString()
  const began = performance.now()
  const { engine, close } = await openEngine(kind, { ...where, name: `month_${place}`, now })
  try {
    const { figures, books, left } = await replay(month, { engine, batch, order, clock })
    const wrong = [
      ...differences(books, month),
      ...Object.keys(lived)
        .filter(each => figures[each] !== lived[each])
        .map(each => `${each} are not as they were lived`),
      ...(left > 0 ? [`${left} orders were never obeyed`] : []),
    ]
    return { engine: kind, nodes, batch, order, took_s: seconds(began), wrong }
  } finally {
    await close()
  }
}

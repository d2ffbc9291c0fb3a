import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { noSkips, project } from '#eventstore/follower'
import { sqliteStore } from '#eventstore/sqlite'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { systemClock } from '#machine/clock'
import { formatAmount } from '#money'
import { projections } from '#projections'
import { questions } from '../../../apps/back-office/questions.ts'
import { grossOf, writeLedger } from '../../ledger-log.ts'
import { exactly, now, percentile, type Row, rate } from '../measure.ts'

/** What a question about one account costs where there are many, and where one of them has many postings. */

const postingsOfOne = 10_000
const heavy = 'acc-0'
const asked = 2_000
const seldom = 100

/** One a minute, known within a quarter of an hour of it. */
const happened = (paid: number) => {
  const iso = (minutes: number) => new Date(Date.UTC(2026, 9, 1) + minutes * 60_000).toISOString()
  return { at: iso(paid), after: iso(paid - 5), before: iso(paid + 10) }
}

const say = (line: string): void => void process.stderr.write(`${line}\n`)

export const balances = async (folder: string, accounts: number): Promise<Row> => {
  const file = join(folder, 'centre.sqlite')
  say(`writing ${accounts} accounts`)
  const ofOne = { payer: () => 0, holds: (account: number) => account === 0, happened }
  const owed = writeLedger(file, { accounts, payments: postingsOfOne, ...ofOne })
  const store = sqliteStore(file, () => new Date().toISOString())
  const rowsFile = join(folder, 'rows.sqlite')
  const rows = sqliteRows(rowsFile)
  const began = now()
  await folded(store, rows, next => say(`${next} events folded, ${Math.round(rate(next, now() - began))}/s`))

  const ask = questions({
    rows,
    store,
    now: () => systemClock.now(),
    heard: new Map(),
    software: new Map(),
    // As in a centre that follows: each answer looks whether the log has more than the rows.
    freshness: { following: true, currentAt: systemClock.now() },
  })
  const served = await serving(file, rowsFile)
  const account = (nth: number): string => `acc-${(nth * 7919) % accounts}`
  const timed = async (count: number, question: (nth: number) => Promise<unknown>): Promise<number[]> => {
    const took: number[] = []
    for (let nth = -50; nth < count; nth++) {
      const since = now()
      await question(Math.abs(nth))
      if (nth >= 0) took.push(now() - since)
    }
    return took
  }
  /** In the middle of its payments, where some brackets span it. */
  const middle = postingsOfOne / 2
  const { at } = happened(middle)
  const owes = (minor: bigint) => (answer: unknown) => {
    const expected = formatAmount(minor, 'EUR')
    if ((answer as { owed?: string }).owed !== expected)
      throw new Error(`${heavy} owes ${expected}, and the answer is ${JSON.stringify(answer).slice(0, 200)}`)
  }
  const isRight = owes(owed)
  const isMiddle = owes(grossOf(middle + 1))
  try {
    isRight(await ask.balance({ account: heavy }))
    const current = await timed(asked, nth => ask.balance({ account: account(nth) }))
    const overHttp = await timed(asked, async nth => {
      const response = await fetch(`${served.url}/api/accounts/${account(nth)}/balance`)
      if (response.status !== 200) throw new Error(await response.text())
      return response.json()
    })
    const asOf = await timed(seldom, async () => isMiddle(await ask.balance({ account: heavy, at })))
    // Each account's opening, the one hold, and the payments.
    const known = accounts + 1 + middle
    const knownAt = await timed(seldom, async () => isMiddle(await ask.balance({ account: heavy, knownAt: known })))
    const explained = await timed(seldom, async () => {
      const page = (await ask.explain(heavy, {})) as { proof?: { holds: boolean } }
      if (!page.proof?.holds) throw new Error(JSON.stringify(page).slice(0, 300))
    })
    const p = (took: readonly number[], percent: number) => exactly(percentile(took, percent))
    return {
      name: 'balances',
      what: 'questions about one account, one after another',
      durable: 'nothing is written',
      checked: `${heavy} owes what its payments sum to in every answer; the explanation is proved by the sum of all its postings`,
      data: `${accounts.toLocaleString('en')} accounts in rows of SQLite; ${heavy} has ${postingsOfOne.toLocaleString('en')} payments, one a minute, and is asked for the middle of them`,
      figures: [
        { what: 'current, in process, p50', unit: 'ms', value: p(current, 50) },
        { what: 'current, in process, p99', unit: 'ms', value: p(current, 99), target: { atMost: 0.5 } },
        { what: 'current, over HTTP, p50', unit: 'ms', value: p(overHttp, 50) },
        { what: 'current, over HTTP, p99', unit: 'ms', value: p(overHttp, 99), target: { atMost: 10 } },
        { what: 'as of a moment, p50', unit: 'ms', value: p(asOf, 50), target: { atMost: 10 } },
        { what: 'as of a moment, p99', unit: 'ms', value: p(asOf, 99) },
        { what: 'as known at a log index, p50', unit: 'ms', value: p(knownAt, 50), target: { atMost: 10 } },
        { what: 'as known at a log index, p99', unit: 'ms', value: p(knownAt, 99) },
        { what: 'explain, first page, p50', unit: 'ms', value: p(explained, 50), target: { atMost: 50 } },
        { what: 'explain, first page, p99', unit: 'ms', value: p(explained, 99) },
      ],
    }
  } finally {
    served.kill()
    rows.close()
    store.close()
  }
}

/** A process that answers over HTTP from the same files, which are no longer written. */
const serving = async (file: string, rowsFile: string): Promise<{ readonly url: string; kill(): void }> => {
  const program = join(import.meta.dirname, 'serve.mjs')
  const child: ChildProcess = spawn(process.execPath, [program, file, rowsFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said = await Promise.race([
    once(child.stdout as NodeJS.ReadableStream, 'data'),
    once(child, 'exit').then(() => {
      throw new Error('The centre that was to answer over HTTP ended: npm run build, then try again.')
    }),
  ])
  return { url: String(said[0]).trim(), kill: () => void child.kill() }
}

const folded = async (
  store: Parameters<typeof project>[0]['store'],
  rows: Parameters<typeof project>[0]['rows'],
  tell: (next: number) => void,
): Promise<void> => {
  const stop = new AbortController()
  let told = 0
  await project({
    store,
    rows,
    projections,
    skips: noSkips,
    signal: stop.signal,
    onProgress: ({ next, caughtUp }) => {
      if (caughtUp) stop.abort()
      if (next - told < 200_000) return
      told = next
      tell(next)
    },
    onStopped: fault => {
      throw fault
    },
  })
}

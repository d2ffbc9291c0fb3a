import { join } from 'node:path'
import { compareAlone } from '#eventstore/alone'
import { noSkips, project } from '#eventstore/follower'
import { rebuild } from '#eventstore/rebuild'
import type { Projection } from '#eventstore/rows'
import { sqliteStore } from '#eventstore/sqlite'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { nodeCrypto } from '#machine/crypto'
import { balances } from '#projections/balances'
import { postings } from '#projections/postings'
import { transactions } from '#projections/transactions'
import { whereaboutsOf } from '#projections/whereabouts'
import { writeLedger } from '../ledger-log.ts'
import { exactly, now, percentile, type Row, rate } from './measure.ts'

const accounts = 100_000
const payments = 800_000
const count = accounts * 2 + payments
const asked = 500

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

/** A large centre's balances folded again beside the live ones, and one account's alone. */
export const beside = async (folder: string): Promise<Row> => {
  const file = join(folder, 'centre.sqlite')
  say(`writing ${count} events`)
  writeLedger(file, { accounts, payments })
  const store = sqliteStore(file, () => '', { readonly: true })
  const rows = sqliteRows(join(folder, 'rows.sqlite'))
  try {
    const live = async (what: string, projections: readonly Projection[]): Promise<number> => {
      const stop = new AbortController()
      const began = now()
      let told = 0
      await project({
        store,
        rows,
        projections,
        skips: noSkips,
        signal: stop.signal,
        onProgress: ({ next, caughtUp }) => {
          if (caughtUp) stop.abort()
          if (next - told < 100_000) return
          told = next
          say(`${what}: ${next} of ${count} events, ${Math.round(rate(next, now() - began))}/s`)
        },
        onStopped: stopped => {
          throw stopped
        },
      })
      return rate(count, now() - began)
    }
    const balances_s = await live('balances', [balances])

    let foldedAt = 0
    const rebuilding = now()
    const done = await rebuild({
      store,
      rows,
      projection: balances,
      skips: noSkips,
      crypto: nodeCrypto(),
      onProgress: next => {
        if (next % 100_000 === 0)
          say(`beside: ${next} of ${count} events, ${Math.round(rate(next, now() - rebuilding))}/s`)
        if (next === count) foldedAt ||= now()
      },
    })
    const ended = now()
    if (!done.equal || done.next !== count) throw new Error(`The rebuild said ${JSON.stringify(done)}`)

    say(`compared and put in their place in ${Math.round(ended - foldedAt)} ms`)

    // What an account's events are found by.
    const others_s = await live('postings and transactions', [postings, transactions])
    const took: number[] = []
    for (let nth = 0; nth < asked; nth++) {
      const account = `acc-${(nth * 7919) % accounts}`
      const since = now()
      const { events, wrong } = await compareAlone({
        store,
        rows,
        projection: balances,
        skips: noSkips,
        subject: account,
        whereabouts: reader => whereaboutsOf(reader, account),
      })
      took.push(now() - since)
      if (events !== 2 + payments / accounts || wrong.length > 0) throw new Error(`${account}: ${events} events`)
    }
    return {
      name: 'beside',
      what: 'balances folded again beside the live ones, compared, and put in their place; one account alone',
      durable: 'rows and checkpoint a page at a time, WAL, synchronous=NORMAL: rows can be folded again',
      checked: 'both fingerprints are equal at the last event; each account has its ten events, and nothing is wrong',
      data: `${count} events in SQLite: ${accounts} AccountOpened, ${accounts} AllowanceGranted, ${payments} PaymentAccepted`,
      figures: [
        { what: 'balances, live', unit: 'events/s', value: exactly(balances_s) },
        { what: 'balances beside them', unit: 'events/s', value: exactly(rate(count, foldedAt - rebuilding)) },
        { what: 'compared and put in their place', unit: 'ms', value: exactly(ended - foldedAt) },
        { what: 'postings and transactions, live', unit: 'events/s', value: exactly(others_s) },
        { what: 'one account alone', unit: 'ms', value: exactly(percentile(took, 50)), target: { atMost: 50 } },
        { what: `one account alone, 99th of ${asked}`, unit: 'ms', value: exactly(percentile(took, 99)) },
      ],
    }
  } finally {
    rows.close()
    store.close()
  }
}

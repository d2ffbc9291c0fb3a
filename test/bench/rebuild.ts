import { join } from 'node:path'
import type { Event } from '#canonical/event'
import { noSkips, project } from '#eventstore/follower'
import { openSqlite, sqliteStore } from '#eventstore/sqlite'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { balances, balanceTotals } from '#projections/balances'
import { writeLedger } from '../ledger-log.ts'
import { byTurns, type Pace, paced, paceOf, type Row, ratioOf } from './measure.ts'

const rounds = 5
const accounts = 20_000
const payments = 160_000
const count = accounts * 2 + payments

export const rebuild = async (folder: string): Promise<Row> => {
  const file = join(folder, 'centre.sqlite')
  const owed = writeLedger(file, { accounts, payments })

  const fold = async (round: number): Promise<Pace> => {
    const store = sqliteStore(file, () => '', { readonly: true })
    const rows = sqliteRows(join(folder, `rows-${round}.sqlite`))
    const stop = new AbortController()
    const taken = await paced(count, () =>
      project({
        store,
        rows,
        projections: [balances],
        skips: noSkips,
        signal: stop.signal,
        onProgress: ({ caughtUp }) => {
          if (caughtUp) stop.abort()
        },
        onStopped: stopped => {
          throw stopped
        },
      }),
    )
    const [total] = (await balanceTotals(rows)).owed
    rows.close()
    store.close()
    const expected = `${owed / 100n}.${(owed % 100n).toString().padStart(2, '0')}`
    if (total?.amount !== expected)
      throw new Error(`The balances owe ${total?.amount}, and the payments sum to ${expected}`)
    return taken
  }

  const scan = async (): Promise<Pace> => {
    const db = openSqlite(file, { readonly: true })
    const page = db
      .prepare<[number, number], string>('select text from events where position > ? order by position limit ?')
      .pluck()
    let seen = 0
    const taken = await paced(count, () => {
      for (;;) {
        const texts = page.all(seen, 1000)
        for (const text of texts) if ((JSON.parse(text) as Event).revision < 0) throw new Error('no event')
        seen += texts.length
        if (texts.length < 1000) return
      }
    })
    db.close()
    if (seen !== count) throw new Error(`The scan saw ${seen} events of ${count}`)
    return taken
  }

  await scan()
  const rates = await byTurns(rounds, { fold, scan })
  return {
    name: 'rebuild',
    what: `balances folded from the first event, ${rounds} rounds by turns`,
    durable: 'rows and checkpoint a page at a time, WAL, synchronous=NORMAL: rows can be folded again',
    checked: 'what all accounts owe is what all payments sum to; the scan parses every event',
    data: `${count} events in SQLite: ${accounts} AccountOpened, ${accounts} AllowanceGranted, ${payments} PaymentAccepted`,
    figures: [
      ...paceOf('projector on SQLite rows', 'events/s', rates.fold, { atLeast: 100_000 }),
      ...paceOf('bare scan with JSON.parse', 'events/s', rates.scan),
      ...ratioOf('projector of bare scan', rates.fold, rates.scan, { atLeast: 0.4 }),
    ],
  }
}

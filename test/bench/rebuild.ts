import { join } from 'node:path'
import { accountWords } from '#account/events'
import { type Act, chain, type Event, type Fact, type Vocabulary } from '#canonical/event'
import { noSkips, project } from '#eventstore/follower'
import { openSqlite, sqliteStore } from '#eventstore/sqlite'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { nodeCrypto } from '#machine/crypto'
import { paymentWords } from '#payment/events'
import { balances, balanceTotals } from '#projections/balances'
import { byTurns, type Pace, paced, paceOf, type Row, ratioOf } from './measure.ts'

const rounds = 5
const accounts = 20_000
const payments = 160_000
const count = accounts * 2 + payments

/** Every event of it moves a balance or opens one: none is passed over unparsed. */
const writeLog = (file: string): bigint => {
  const crypto = nodeCrypto()
  sqliteStore(file, () => '').close()
  const db = openSqlite(file)
  const addStream = db.prepare('insert into streams (name) values (?)')
  const insert = db.prepare(
    'insert into events (position, stream, revision, id, type, text, stored_at) values (?, ?, ?, ?, ?, ?, ?)',
  )
  let position = 0
  const at = '2026-11-23T12:00:00.000Z'
  const write = (words: Vocabulary, stream: string, facts: readonly Fact[]): void => {
    const id = `00000000-0000-7000-8000-${(position + 1).toString(16).padStart(12, '0')}`
    const act: Act = { id, at, by: 'reactor:verdicts', correlation: id, causation: id }
    const key = addStream.run(stream).lastInsertRowid
    for (const { event, text } of chain(crypto, words, stream, undefined, facts, act, () => 'c2FsdHNhbHRzYWx0c2FsdA')) {
      position += 1
      insert.run(position, key, event.revision, event.id, event.type, text, at)
    }
  }
  let owed = 0n
  const place = { merchant: 'm-1', shop: 's-1', terminal: 'T-1' }
  const dates = { occurred: { at, after: at, before: at }, businessDate: '2026-11-23', bookingDate: '2026-11-23' }
  db.transaction(() => {
    for (let account = 0; account < accounts; account++) {
      const of = { account: `acc-${account}`, currency: 'EUR' }
      write(accountWords, `account-acc-${account}`, [
        { type: 'AccountOpened', data: { ...of, limit: '50000' } },
        {
          type: 'AllowanceGranted',
          data: { ...of, license: `l-${account}`, amount: '20000', owed: '0', inDispute: '0', drawn: '0', knownAt: 0 },
        },
      ])
    }
    for (let paid = 0; paid < payments; paid++) {
      const payment = Buffer.from(crypto.sha256(`payment ${paid}`)).toString('hex')
      // Payers in no order that a cache would like.
      const account = (paid * 7919) % accounts
      const gross = `${100 + (paid % 900)}`
      owed += BigInt(gross)
      const shares = {
        gross,
        within: gross,
        excess: '0',
        excessOwner: null,
        fee: '3',
        tax: '1',
        termsVersion: 1,
        returnsFee: true,
      }
      const named = {
        payment,
        event: payment.slice(32),
        account: `acc-${account}`,
        license: `l-${account}`,
        card: '9250000000000000017',
      }
      const transaction = payment.slice(0, 32)
      write(paymentWords, `payment-${payment}`, [
        {
          type: 'PaymentAccepted',
          data: { ...named, ...place, transaction, currency: 'EUR', ...shares, ...dates, exceptions: [], rule: 1 },
        },
      ])
    }
  })()
  db.close()
  return owed
}

export const rebuild = async (folder: string): Promise<Row> => {
  const file = join(folder, 'centre.sqlite')
  const owed = writeLog(file)

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

import { accountWords } from '#account/events'
import { type Act, chain, type Fact, type Vocabulary } from '#canonical/event'
import { openSqlite, sqliteStore } from '#eventstore/sqlite'
import type { Dates } from '#ledger/dates'
import { nodeCrypto } from '#machine/crypto'
import { paymentWords } from '#payment/events'

export type Ledger = {
  readonly accounts: number
  readonly payments: number
  /** Whose the nth payment is; else each by turns, in no order that a cache would like. */
  readonly payer?: (paid: number) => number
  /** Which accounts have a license with a hold; else all. */
  readonly holds?: (account: number) => boolean
  /** When the nth payment happened; else all at once. */
  readonly happened?: (paid: number) => Dates['occurred']
}

/**
 * A log of accounts, each opened with a hold, and of payments by turns: every event of it moves a balance or opens one.
 * Gives what all payments sum to.
 */
export const writeLedger = (file: string, ledger: Ledger): bigint => {
  const { accounts, payments, payer = paid => (paid * 7919) % accounts, holds = () => true, happened } = ledger
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
        ...(holds(account) ? [granted(of.account, `l-${account}`)] : []),
      ])
    }
    for (let paid = 0; paid < payments; paid++) {
      const payment = Buffer.from(crypto.sha256(`payment ${paid}`)).toString('hex')
      const account = payer(paid)
      const amount = `${gross(paid)}`
      owed += BigInt(amount)
      const shares = {
        gross: amount,
        within: amount,
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
          data: {
            ...{ ...named, ...place, transaction, currency: 'EUR', ...shares },
            ...(happened ? { ...dates, occurred: happened(paid) } : dates),
            ...{ exceptions: [], rule: 1 },
          },
        },
      ])
    }
  })()
  db.close()
  return owed
}

const gross = (paid: number): number => 100 + (paid % 900)

/** What the first payments sum to. */
export const grossOf = (payments: number): bigint =>
  Array.from({ length: payments }, (_, paid) => BigInt(gross(paid))).reduce((sum, each) => sum + each, 0n)

const granted = (account: string, license: string): Fact => ({
  type: 'AllowanceGranted',
  data: {
    account,
    license,
    amount: '20000',
    currency: 'EUR',
    owed: '0',
    inDispute: '0',
    drawn: '0',
    knownAt: 0,
  },
})

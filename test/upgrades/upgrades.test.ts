import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { verifyEvent } from '#canonical/event'
import type { EventStore } from '#eventstore'
import { noSkips, project } from '#eventstore/follower'
import { memoryRows } from '#eventstore/memory/rows'
import { formatAmount } from '#money'
import { projections } from '#projections'
import { openStreet, type Street } from './street.ts'

/** Every version's data, with taps that wait, is opened by today's code. README.md beside this file has the figures. */
type Figures = Record<string, { readonly owed: string; readonly held: string }>
type Expected = {
  readonly at: string
  readonly waiting: { readonly count: number; readonly sum: string }
  readonly torn: { readonly account: string; readonly amount: string; readonly transaction: string }
  readonly before: Figures
  readonly after: Figures
}

const versions = readdirSync(import.meta.dirname, { withFileTypes: true }).flatMap(entry =>
  entry.isDirectory() ? [entry.name] : [],
)

it('keeps the data of each version since the first', () => expect(versions).toContain('0.1.0'))

describe.each(versions)('the data of %s', version => {
  const source = join(import.meta.dirname, version)
  const expected = JSON.parse(readFileSync(join(source, 'expected.json'), 'utf8')) as Expected
  let street: Street | undefined
  let folder: string | undefined
  afterEach(async () => {
    await street?.close()
    if (folder !== undefined) rmSync(folder, { recursive: true })
  })

  /** A copy of it, an hour after it was left. */
  const opened = async (): Promise<Street> => {
    folder = mkdtempSync(join(tmpdir(), 'tallystick-upgrade-'))
    cpSync(join(source, 'data'), folder, { recursive: true })
    street = await openStreet(folder, Date.parse(expected.at) + 3_600_000)
    await street.settle()
    return street
  }

  it('is drained, its torn tap settled, and every balance is right to the cent', async () => {
    const street = await opened()
    const { log, tillLog, crypto, node, phones } = street
    for (const store of [log, tillLog]) expect(await verified(store, crypto)).toBeGreaterThan(10)

    const { count, sum } = node.status().waiting
    expect({ count, sum: formatAmount(sum, 'EUR') }).toEqual(expected.waiting)
    for (const [account, figures] of Object.entries(expected.before))
      expect(await street.balance(account)).toEqual(figures)

    // The till was closed with a tap torn: the phone has paid it, and the till asks for the same transaction.
    const { account, amount, transaction } = expected.torn
    expect(node.currentSale()).toMatchObject({ state: 'torn', transaction })
    expect(await street.tap(account)).toMatchObject({ outcome: 'paid', amount, transaction })

    await street.sync()
    expect(node.status().waiting).toEqual({ count: 0, sum: 0n })
    for (const [account, figures] of Object.entries(expected.after))
      expect(await street.balance(account)).toEqual(figures)

    const kept = await texts(tillLog, `terminal-${node.id}`)
    const copied = await texts(log, `terminal-${node.id}`)
    expect(copied).toEqual(kept.slice(0, copied.length))
    expect(
      phones
        .memories()
        .flatMap(({ payments }) => payments)
        .filter(({ receipt }) => !receipt),
    ).toEqual([])
  })

  it('goes on: a new tap, a new day, and rows that are a fold of old and new events', async () => {
    const street = await opened()
    const { account } = street.phones.memories()[0] as { account: string }
    await street.tap(expected.torn.account)
    expect(await street.sell(account, 100n)).toMatchObject({ outcome: 'paid', amount: '1.00' })
    expect(await street.node.closeDay()).toMatchObject([{ type: 'DayClosed' }])
    await street.sync()

    const fresh = memoryRows()
    const stop = new AbortController()
    const onProgress = ({ caughtUp }: { caughtUp: boolean }) => caughtUp && stop.abort()
    await project({ store: street.log, rows: fresh, projections, skips: noSkips, signal: stop.signal, onProgress })
    const { rows, crypto } = street
    for (const each of projections)
      expect([each.name, await rows.fingerprint(each, crypto)]).toEqual([
        each.name,
        await fresh.fingerprint(each, crypto),
      ])
  })
})

/** How many events there are; throws where one does not bear its own hash. */
const verified = async (store: EventStore, crypto: Street['crypto']): Promise<number> => {
  let events = 0
  for await (const page of store.readAll({ from: 0 }))
    for (const { text } of page) {
      verifyEvent(crypto, text)
      events += 1
    }
  return events
}

const texts = async (store: EventStore, stream: string): Promise<string[]> => {
  const all: string[] = []
  for await (const page of store.read(stream, { from: 0, direction: 'forward' }))
    all.push(...page.map(({ text }) => text))
  return all
}

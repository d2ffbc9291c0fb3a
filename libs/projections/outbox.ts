import { intOf, type Projection, put, type Row, type RowsReader, textOf } from '#eventstore/rows'
import { understood } from '#ledger/vocabulary'

/**
 * What leaves the house: an entry for each event that somebody outside wants to hear of, written with the rows of the
 * same page; and what became of it. A rebuild sends nothing again, for the log holds what was delivered.
 */

const types = new Set<string>([
  'ExceptionRaised',
  'ExceptionResolved',
  'FollowerStopped',
  'DeliveryLeased',
  'DeliveryMade',
  'DeliveryFailed',
])

const putEntry = put('entry', 'entry')

export const outbox: Projection = {
  name: 'outbox',
  version: 1,
  tables: [
    {
      name: 'entry',
      key: ['entry'],
      columns: {
        /** The id of the event that it tells of: the receiver knows a repeat by it. */
        entry: 'text',
        at: 'text',
        /** JSON, as it is sent. */
        body: 'text',
        /** 1 until it is delivered. */
        open: 'int',
        /** Not before: after a failure, or when a lease runs out. */
        due: 'text',
        failures: 'int',
        why: 'text',
      },
      indexes: [['open', 'due']],
    },
  ],
  wants: type => types.has(type),
  apply: (logged, look) => {
    const event = understood(logged)
    if (!event) return []
    switch (event.type) {
      case 'ExceptionRaised':
      case 'ExceptionResolved':
      case 'FollowerStopped': {
        const { id: entry, type, at, index } = event
        const { salt: _, ...data } = event.data as typeof event.data & { readonly salt?: string }
        const body = JSON.stringify({ id: entry, type, at, index, data })
        return [putEntry({ entry, at, body, open: 1n, due: at, failures: 0n, why: null })]
      }
      case 'DeliveryLeased':
        return changed(look('entry', [event.data.entry]), { due: event.data.until })
      case 'DeliveryFailed': {
        const { next, attempt, why, entry } = event.data
        return changed(look('entry', [entry]), { due: next, failures: BigInt(attempt), why })
      }
      case 'DeliveryMade':
        return changed(look('entry', [event.data.entry]), { open: 0n })
      default:
        return []
    }
  },
}

const changed = (row: Row | undefined, to: Row) => (row ? [putEntry({ ...row, ...to })] : [])

/* -------------------------------------------------------------- questions */

export type OutboxEntry = { readonly entry: string; readonly body: string }

/** What is to be sent now, the longest due first; what is older than `since` is no news any more. */
export const dueEntries = async (
  rows: RowsReader,
  asked: { readonly now: string; readonly since: string; readonly limit: number },
): Promise<OutboxEntry[]> => {
  const { now, since, limit } = asked
  const where = { open: 1n, due: { to: now }, at: { from: since } }
  const found = await rows.select(outbox, 'entry', { where, order: [['due', 'up']], limit })
  return found.map(row => ({ entry: textOf(row, 'entry'), body: textOf(row, 'body') }))
}

/** How many wait, how many of them have failed at least once, and why the last of these did. */
export const outboxCounts = async (
  rows: RowsReader,
  since: string,
): Promise<{ readonly waiting: number; readonly failing: number; readonly why: string | null }> => {
  const waiting = await rows.sums(outbox, 'entry', { column: 'open', by: [], where: { open: 1n, at: { from: since } } })
  const failing = await rows.select(outbox, 'entry', {
    where: { open: 1n, at: { from: since }, failures: { above: 0n } },
    order: [['due', 'down']],
    limit: 1000,
  })
  return {
    waiting: waiting[0] ? Number(intOf(waiting[0], 'count')) : 0,
    failing: failing.length,
    why: failing[0] ? textOf(failing[0], 'why') : null,
  }
}
